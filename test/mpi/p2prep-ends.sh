#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-ends.sh - replicated jobs under stock mpirun whose processes die in ways of their own (p2prep-ends.c), in MPI_Init and MPI_Finalize
# among them: nobody hangs, who can go on ends right, who cannot says why
. "$(dirname "$0")/p2prep-lib.sh"
want ends 3 none

# run CASE [OPTION]...: three ranks, twice each
run() {
    run_case=$1
    shift
    # shellcheck disable=SC2086
    job "$run_case" 6 $replicated --mca pml_p2prep_replicas 2 "$@" p2prep-ends "$run_case"
}
# five SENTENCE CASE: process 1 is gone, nothing else is
five() {
    claim "$1: the right result of every rank" right "$2"
    claim "$1: the five others come out of MPI_Finalize" came_out "$2" 5
}
empty() { [ ! -s "$1" ] || { cat "$1"; return 1; }; }
words() { [ "$(grep -c "$1" "$scratch/$2/err")" -eq "$3" ] || { job_words "$2"; return 1; }; }

run none
claim "nobody dies: the right result of every rank" right none
claim "nobody dies: all come out of MPI_Finalize" came_out none 6
claim "nobody dies: nothing is left in shared memory" empty "$scratch/none/segments"

run child --mca btl self # btl/tcp, opened though never used, keeps its own
five "a process dies and its child lives on" child
claim "a process dies and its child lives on: it had sockets" grep -q '^parent holds [1-9]' "$scratch/child/1"
claim "a process dies and its child lives on: the child holds nothing of them" said child 1 "child holds 0 sockets, 0 mappings"
claim "a process dies and its child lives on: it does live" kill -0 "$(sed -n 's/^child \([0-9]*\)$/\1/p' "$scratch/child/1")"
kill "$(sed -n 's/^child \([0-9]*\)$/\1/p' "$scratch/child/1")"

run early
five "a process dies in MPI_Finalize before the others are there" early
run late
five "a process dies while the others are in MPI_Finalize" late

run gone
claim "all replicas of a rank die: the job ends" ended gone
claim "all replicas of a rank die: no result" not grep -q '^rank' "$scratch/gone/out"
host=$(uname -n)
claim "all replicas of a rank die: each of the four others says one sentence with rank, hosts and processes" \
    words "All replicas of rank 1 are dead: .*$host (process 1), .*$host (process 4)" gone 4

run unborn
five "a process dies before MPI_Init, another comes there late" unborn
# Stopped by a debugger: between the launcher and the fence that carries the addresses, and after it
for where in p2prep_wire_open p2prep_replica_start; do
    sentence="a process dies in MPI_Init, in $where()"
    if ! command -v gdb >/dev/null; then
        skip "$sentence" "no gdb"
        continue
    fi
    printf '%s\n' 'set breakpoint pending on' 'set confirm off' "break $where" 'run none' kill quit >"$scratch/gdb"
    # shellcheck disable=SC2086
    job init 1 $replicated --mca pml_p2prep_replicas 2 p2prep-ends none : \
        -n 1 sh -c "exec gdb -batch -x $scratch/gdb $P2PMPI_BUILDDIR/test/mpi/p2prep-ends >$scratch/gdb.out 2>&1" : -n 4 p2prep-ends none
    if grep -q 'Inferior 1 .*killed' "$scratch/gdb.out"; then
        five "$sentence" init
    else
        skip "$sentence" "gdb cannot trace here"
    fi
done
claims_end
