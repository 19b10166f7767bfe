#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# replicas.sh - jobs whose ranks have replicas on different hosts: processes and hosts die, the job does not
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"

[ -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" ] || skip_all "the PML p2prep was not built"

# start_job ARGS: p2pmpirun in the background; what it prints in $scratch/out and $scratch/err
start_job() {
    : >"$scratch/out"
    : >"$scratch/err"
    "$netlab" exec h1 timeout -k 5 100 p2pmpirun --mca mpi_yield_when_idle 1 "$@" >"$scratch/out" 2>"$scratch/err" &
    job=$!
}
job_answers() {
    answers_got=0
    wait "$job" || answers_got=$?
    [ "$answers_got" -eq "$1" ] && return 0
    echo "wanted exit code $1, got $answers_got"
    cat "$scratch/out" "$scratch/err"
    return 1
}
printed() { grep -q "$1" "$scratch/out"; }
told() { grep -q "$1" "$scratch/err" || { cat "$scratch/err"; return 1; }; }

# What a job of act's count with N lines and R ranks prints, sorted
counted() { seq "$1" | while read -r line; do
    for rank in $(seq 0 $(($2 - 1))); do echo "line $line of $1: rank $rank, sum $((line * $2))"; done
done | sort; }
# each line came once, whatever happened
counts_right() {
    counted "$1" "$2" >"$scratch/wanted"
    grep '^line' "$scratch/out" | sort | diff "$scratch/wanted" - | head -n 20 >"$scratch/diff"
    [ ! -s "$scratch/diff" ] || { cat "$scratch/diff" "$scratch/err"; return 1; }
}
# pid_on HOST: a process of the job there
pid_on() { on "$1" sh -c 'for p in /proc/[0-9]*; do case $(cat $p/comm) in act) echo ${p#/proc/};; esac; done 2>/dev/null' | head -n 1; }

grid_up 6 2
claim "four ranks with two replicas each run and print once" says "line 3 of 3: rank 2, sum 12" run -n 4 -r 2 ./act count 3

start_job -n 4 -r 2 ./act count 40
claim "a job with replicas runs" within 30 printed "line 5 of 40: rank 0"
on h2 kill -9 "$(pid_on h2)"
claim "a process is killed, the job ends well" job_answers 0
claim "every line came once" counts_right 40 4
claim "the loss is told" told "a replica of rank .* was killed by signal 9"

start_job -n 4 -r 2 ./act count 40
within 30 printed "line 5 of 40: rank 0"
lab kill h3
claim "a host is lost, the job ends well" job_answers 0
claim "every line came once" counts_right 40 4
claim "the ranks that lost a replica are told" told "host h3 was lost .* one replica left"
claim "nothing is left on any host" clean_within 10
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
