#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# step-run.sh - a step runs what it is given: MPI programs on one host and several, other programs, none
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/step-lib.sh"

for hosts in 1 2 3; do
    run 0 -n 4 -H $hosts "$prog/hello"
    lines 4 'rank [0-3] of 4 sum 6$'
done
run 0 -n 2 -g -H 2 "$prog/hello" && lines 2 'of 2 sum 1$'

# standard input is rank 0's alone; each rank has its own number
run 0 -n 2 -i 'for rank 0' cat && lines 1 'for rank 0'
run 0 -n 3 sh -c 'echo "$OMPI_COMM_WORLD_RANK/$OMPI_COMM_WORLD_SIZE"' && lines 1 '^2/3$'
run 0 -n 1 -x COLOUR=blue sh -c 'echo "$COLOUR"' && lines 1 '^blue$'
# on a grid the owner's environment is not the job's
SECRET=1 run 0 -n 1 -g sh -c 'echo "<$SECRET>$(basename "$PWD")"' && lines 1 '^<>work$'

# exit codes
run 7 -n 3 sh -c 'exit $((OMPI_COMM_WORLD_RANK == 1 ? 7 : 0))'
run 143 -n 2 sh -c 'kill -TERM $$'
run 132 -n 2 nowhere-to-be-found && says 'nowhere-to-be-found cannot be started on host drive0: No such file'
run 132 -n 1 /etc/passwd && says 'Permission denied'
printf '#!/no/such/interpreter\n' >"$scratch/script"
chmod +x "$scratch/script"
run 132 -n 1 "$scratch/script" && says 'interpreter'

# much output passes the window, complete, on both streams
run 0 -n 2 sh -c 'head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2'
[ "$(wc -c <"$scratch/out") $(wc -c <"$scratch/err")" = "10000000 6000000" ] || failed=1
# as under mpirun
run 0 -n 1 sh -c 'test -t 1 && echo terminal' && lines 1 terminal

# signals go to all ranks
run 140 -n 2 -o 'go=signal:12' sh -c 'echo go; sleep 20; :'

exit $failed
