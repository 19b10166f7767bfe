#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# alone.sh - p2pmpirun without a daemon, as people and scripts use mpirun: exit codes, streams, signals, sentences
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mpicc libopenmpi-dev
run=$bin/p2pmpirun
act=$P2PMPI_BUILDDIR/test/net/apps/act
OMPI_MCA_pml=ob1 # starts faster
export OMPI_MCA_pml
limited_run() { limited 60 "$run" "$@" </dev/null; }

# ---- exit codes, as mpirun's
limited_run -n 2 "$act" exit 0
claim "all well: 0" same 0 $code
limited_run -n 3 "$act" exit 7 1
claim "a rank's own code" same 7 $code
limited_run -n 2 "$act" abort 9
claim "MPI_Abort(9): 9" same 9 $code
limited_run -n 2 "$act" kill 9 1
claim "a rank killed by signal 9: 137" same 137 $code
limited_run -n 2 sh -c 'exit 5'
claim "a program without MPI: its code" same 5 $code
limited_run -n 2 --timeout 1 "$act" hang
claim "--timeout: 110" same 110 $code
limited_run -n 2 ./nosuch
claim "a missing program: 132" same 132 $code
claim "a missing program: its name" holds /nosuch err
echo x >plain
limited_run -n 2 ./plain
claim "a file that is not executable: 132" same 132 $code
limited_run --bogus -n 2 true
claim "an unknown option: 1" same 1 $code
printf 'not a program' >broken
chmod +x broken
limited_run -n 2 ./broken
claim "a file that cannot be run fails" not same 0 $code
claim "a file that cannot be run: a sentence" holds "p2pmpirun: " err

# ---- streams
seq 200000 >numbers
"$run" -n 2 cat <numbers >out 2>err
claim "standard input goes to rank 0, whole" cmp -s numbers out
printf 'one line\n' | "$run" -n 2 "$act" stdin 0 >out 2>err
claim "standard input of an MPI program" holds "stdin brought 9 bytes" out
limited_run --stdin none -n 1 cat
claim "--stdin none: an end of file at once" same 0 $code
"$run" -n 1 "$act" flood 40 </dev/null 2>err | { sleep 1; wc -c >bytes; }
claim "40 MiB through a reader that sleeps first" same 41943040 "$(tr -d '\r' <bytes | tr -d ' ')"
limited_run -n 2 sh -c 'echo to stdout; echo to stderr >&2'
claim "standard output" same 2 "$(grep -c 'to stdout' out)"
claim "standard error" same 2 "$(grep -c 'to stderr' err)"
limited_run --tag-output -n 2 sh -c 'echo hello'
claim "--tag-output" holds "[1,1]<stdout>:hello" out
limited_run --merge-stderr-to-stdout -n 1 sh -c 'echo wrong >&2'
claim "--merge-stderr-to-stdout" holds wrong out
"$run" -n 1 sh -c 'yes | head -n 100000' </dev/null 2>err | head -n 1 >out
claim "a reader that leaves early hurts nobody" same y "$(cat out)"

code=0
"$run" -n 2 sh -c 'echo lost; exit 6' <&- >&- 2>err || code=$?
claim "closed descriptors hurt nobody" same 6 $code

# ---- environment and directory
P2P_TEST=inherited limited_run -n 2 sh -c 'echo "is $P2P_TEST"'
claim "the environment is inherited" same 2 "$(grep -c 'is inherited' out)"
P2P_TEST=inherited limited_run -x P2P_TEST=given -n 1 sh -c 'echo "is $P2P_TEST"'
claim "-x beats it" holds "is given" out
OMPI_MCA_btl=nonsense limited_run -n 1 --mca btl self --mca btl tcp sh -c 'echo "is $OMPI_MCA_btl"'
claim "--mca beats the environment and is joined" holds "is self,tcp" out
mkdir sub
printf '#!/bin/sh\npwd\n' >sub/here
chmod +x sub/here
limited_run --wdir sub -n 1 ./here
claim "--wdir, and the program is looked for there" holds "$PWD/sub" out
limited_run -n 1 sh -c 'echo "$0" "$@"' "a  b" '' c
claim "arguments arrive as they were" holds "a  b  c" out
limited_run -n 2 sh -c 'echo $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE'
claim "mpirun's variables" holds "1 of 2" out
limited_run --display-map -n 2 true
claim "--display-map" holds "0-1" out
nosuch=$(cat err)
claim "silent without a terminal" same "" "$nosuch"

# ---- signals
start "$run" -n 2 "$act" hang
kill -INT $job
finish
claim "SIGINT: exit code 1, as mpirun's" same 1 $code
claim "SIGINT: no rank is left" within 5 none_alive
start "$run" -n 2 "$act" hang
kill -TERM $job
finish
claim "SIGTERM: exit code 1" same 1 $code
claim "SIGTERM: no rank is left" within 5 none_alive
start "$run" -n 2 sh -c 'trap "" TERM; echo ready $$; while :; do sleep 1; done'
kill -TERM $job
finish
claim "ranks that ignore SIGTERM are killed" within 5 none_alive
start "$run" -n 2 sh -c 'trap "echo got USR1; exit 0" USR1; echo ready $$; while :; do sleep 0.1; done'
kill -USR1 $job
finish
claim "SIGUSR1 goes to all ranks" same 2 "$(grep -c 'got USR1' job.out)"
start "$run" -n 2 "$act" hang
kill -KILL $job
finish
claim "SIGKILL: no rank is left within 5 s" within 5 none_alive

is_swept() { [ -z "$(find "$P2PMPI_DIR/run" -mindepth 1)" ]; }
claim "nothing is left of all these jobs" within 5 is_swept

# ---- a user without a home
homeless() { limited 60 env -u P2PMPI_DIR -u XDG_RUNTIME_DIR HOME=/nonexistent/home "$bin/p2pmpirun" "$@" </dev/null; }
homeless -n 2 "$act" exit 5
claim "a home that cannot be written: the job runs" same 5 $code
claims_end
