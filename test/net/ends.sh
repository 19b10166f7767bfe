#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ends.sh - how jobs end on four hosts: exit codes, signals, time-outs; and what is left then: nothing
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"

# job ARGS: p2pmpirun in the background, its output in $scratch/job; $job is its process
start_job() {
    : >"$scratch/job"
    "$netlab" exec h1 p2pmpirun --mca mpi_yield_when_idle 1 "$@" >"$scratch/job" 2>&1 &
    job=$!
}
ranks_ready() { [ "$(grep -c '^ready' "$scratch/job")" -eq "$1" ]; }
job_answers() {
    answers_got=0
    wait "$job" || answers_got=$?
    [ "$answers_got" -eq "$1" ] && return 0
    echo "wanted exit code $1, got $answers_got"
    cat "$scratch/job"
    return 1
}
seconds() { echo $(($(date +%s%N) / 1000000000)); }
quiet() { "$@" >/dev/null 2>&1; }
one_of_each() { run -n 8 ./act env OMPI_COMM_WORLD_RANK | sort | awk '{print $NF}' | tr '\n' ' ' | grep -qx '0 1 2 3 4 5 6 7 '; }
fed() { head -c 3000000 /dev/zero | run -n 4 ./act stdin | grep -q 'stdin brought 3000000 bytes'; }
flooded() { [ "$(run -n 5 ./act flood 8 3 | wc -c)" -eq $((8 * 1024 * 1024)) ]; }

grid_up 4 2
claim "a job that is well ends with 0" answers 0 run -n 8 ./act nothing
claim "a rank's own exit code is the job's" answers 7 run -n 4 ./act exit 7 2
claim "a rank that leaves without MPI_Finalize ends the job with its code" answers 9 run -n 4 ./act quit 9 1
claim "a rank that leaves before MPI_Init ends the job with its code" answers 6 run -n 4 ./act early 6 3
claim "MPI_Abort(5) ends the job with 5" answers 5 run -n 8 ./act abort 5 3
claim "a rank that is killed ends the job with 128 + 9" answers 137 run -n 8 ./act kill 9 5
claim "a rank that crashes ends the job with 128 + 11" answers 139 run -n 4 ./act kill 11 2
claim "--timeout ends the job with 110" answers 110 run --timeout 2 -n 4 ./act hang
claim "nothing of these is left on any host" clean_within 5

claim "each rank gets its own number" one_of_each
claim "standard input reaches rank 0, three million bytes of it" fed
claim "eight MiB of output arrive whole" flooded

for signal in INT TERM; do
    start_job -n 8 ./act hang
    claim "eight ranks hang" within 20 ranks_ready 8
    claim "the search for leftovers sees them" not is_clean h2
    kill -s $signal $job
    claim "SIG$signal ends them, with 1" job_answers 1
    claim "nothing is left on any host after SIG$signal" clean_within 5
done

start_job -n 8 ./act hang
within 20 ranks_ready 8
kill -9 $job
claim "p2pmpirun killed with SIGKILL: everything is gone within 5 s on all hosts" clean_within 5

start_job -n 8 ./act hang
within 20 ranks_ready 8
pulled=$(seconds)
lab kill h3
claim "a host whose plug is pulled ends the job" not job_answers 0
took=$(($(seconds) - pulled))
claim "within 5 s (it took $took)" test $took -le 5
claim "with the host's name" grep -q h3 "$scratch/job"
claim "nothing is left on the other hosts" clean_within 5

start_job -n 6 ./act hang
within 20 ranks_ready 6
pulled=$(seconds)
lab cut h2
claim "a host whose cable is cut ends the job" not job_answers 0
took=$(($(seconds) - pulled))
claim "within 5 s (it took $took)" test $took -le 5
claim "with the host's name" grep -q h2 "$scratch/job"
claim "on the lost host, too, nothing is left: its p2pmpid gives up the home" clean_within 20
lab mend h2
claim "with the cable mended the host is used again" within 20 lists_peers h1 3
claim "and runs ranks" says "all well: 6 ranks on 3 hosts" run -n 6 ./world
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
