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
# words TEXT JOB N [MOST]: so many processes said it, or up to MOST
words() {
    words_n=$(grep -c "$1" "$scratch/$2/err")
    [ "$words_n" -ge "$3" ] && [ "$words_n" -le "${4:-$3}" ] && return 0
    job_words "$2"
    return 1
}
# 5.0's mpirun ends all when the first of them leaves.
sayers=4
case $(mpirun --version) in *"(Open MPI) 5."*) sayers=1 ;; esac

run none --mca pml_p2prep_stats 1
claim "nobody dies: the right result of every rank" right none
claim "nobody dies: all come out of MPI_Finalize" came_out none 6
claim "nobody dies: nothing is left in shared memory" empty "$scratch/none/segments"

claim "nobody dies: who leaves MPI_Finalize first is not taken for dead" words ' dead 0' none 6

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
claim "all replicas of a rank die: the others say one sentence with rank, hosts and processes" \
    words "All replicas of rank 1 are dead: .*$host (process 1), .*$host (process 4)" gone $sayers 4

run reset --mca pml_p2prep_transports tcp
claim "all connections of a living process are reset: one leaves, the right result of every rank" right reset
claim "all connections of a living process are reset: who leaves says so" grep -q "leaves: the others took it for dead" "$scratch/reset/err"
run reset --mca pml_p2prep_transports shm
claim "control connections alone are reset: the right result of every rank" right reset
claim "control connections alone are reset: all come out of MPI_Finalize" came_out reset 6

run unborn
five "a process dies before MPI_Init, another comes there late" unborn
# with_gdb NUMBER KILLS: process NUMBER is run by a debugger, as $scratch/gdb says
with_gdb() {
    rest=$((5 - $1))
    # shellcheck disable=SC2086
    job init "$1" $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_transports shm -x P2PREP_KILL="$2" p2prep-ends none : \
        -n 1 sh -c "exec env -u LD_PRELOAD gdb -batch -x $scratch/gdb $P2PMPI_BUILDDIR/test/mpi/p2prep-ends >$scratch/gdb.out 2>&1" : \
        -n $rest p2prep-ends none
}
gdb_says() { printf '%s\n' "set environment LD_PRELOAD $preload" 'set breakpoint pending on' 'set confirm off' "$@" >"$scratch/gdb"; }
traced() {
    command -v gdb >/dev/null && grep -q '^Breakpoint 1' "$scratch/gdb.out" && return 0
    skip "$1" "gdb cannot trace here"
    return 1
}

# In MPI_Init, between the launcher and the fence that carries the addresses, and after it
for where in p2prep_wire_open p2prep_replica_start; do
    gdb_says "break $where" 'run none' kill quit
    with_gdb 1 ''
    traced "a process dies in MPI_Init" && five "a process dies in MPI_Init, in $where()" init
done

# Process 2 gets the address of process 1 when that is dead already and others have removed its file
cat >"$scratch/removed" <<END
until job=\$(sed -n 's/^job //p' "$scratch/init/1") && [ -n "\$job" ]; do sleep 0.05; done 2>/dev/null
for i in \$(seq 200); do
    ls /dev/shm/p2prep.\$job..\$((job * 4294967296 + 1)).* >/dev/null 2>&1 || exec touch "$scratch/is-removed"
    sleep 0.05
done
END
gdb_says 'break p2prep_peers_open' 'run none' "shell sh $scratch/removed" continue quit
with_gdb 2 1:0
if traced "a process dies while another is in MPI_Init"; then
    five "a process dies while another is in MPI_Init" init
    claim "a process dies while another is in MPI_Init: its file was gone before the other looked" test -e "$scratch/is-removed"
fi
claims_end
