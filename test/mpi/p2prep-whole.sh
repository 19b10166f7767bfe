#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-whole.sh - what is left of MPI: threads, files, message queues for debuggers, and what replicas refuse
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-sets.sh"

# ---------------------------------------------------------------- threads

# granted LEVEL PROCESSES: by MPI_Init_thread, in each
granted() {
    [ "$(cat "$scratch/one"/[0-9]* | grep -cx "provided $1")" -eq "$2" ] && return 0
    grep provided "$scratch/one"/[0-9]*
    return 1
}
funneled=1 multiple=3
own="--mca pml_p2prep_comm_per_thread 1 --mca pml_p2prep_order send-deterministic"

want threads 3
for t in shm tcp; do
    job one 3 --mca pml p2prep --mca pml_p2prep_transports "$t" p2prep-threads
    claim "three threads without replicas over $t: as with ob1" right one
    claim "... granted is MPI_THREAD_MULTIPLE" granted $multiple 3
done
# shellcheck disable=SC2086
job one 6 $replicated --mca pml_p2prep_replicas 2 p2prep-threads
claim "with two replicas: as with ob1" right one
claim "... granted is MPI_THREAD_FUNNELED" granted $funneled 6
# shellcheck disable=SC2086
job one 6 $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_comm_per_thread 1 p2prep-threads
claim "with decisions, although each has its communicator, too" granted $funneled 6
claim "... with a sentence" grep "have one" "$scratch/one/err"
for r in 2 3; do
    # shellcheck disable=SC2086
    job one $((3 * r)) $replicated --mca pml_p2prep_replicas $r $own p2prep-threads
    claim "each thread has its communicator, $r replicas, no decisions: as with ob1" right one
    claim "... granted is MPI_THREAD_MULTIPLE" granted $multiple $((3 * r))
    for die in 0:3000 1:8000 4:5000; do
        # shellcheck disable=SC2086
        job one $((3 * r)) $replicated --mca pml_p2prep_replicas $r $own -x P2PREP_KILL=$die p2prep-threads
        claim "... process ${die%:*} killed: as with ob1" right one
        claim "... and only that one" came_out one $((3 * r - 1))
    done
done
# shellcheck disable=SC2086
job one 6 $replicated --mca pml_p2prep_replicas 2 $own p2prep-threads inside
claim "threads that make communicators are refused" grep "a thread other than the one" "$scratch/one/err"
claim "... and the job ends" ended one

# ---------------------------------------------------------------- files

# The files are those of the other set where a process of this one was killed: its own lack something.
result_of_files() {
    files_in=$1
    [ -n "${killed-}" ] && [ "${1##*/}" -eq $((killed / ranks)) ] && files_in=$run/$((1 - killed / ranks))
    grep '^rank' "$run/out" | sort -u
    (cd "$files_in" && md5sum at_all views alone later)
}
both "MPI-IO, each set in its own directory," files 3 -- "$here/test/mpi/p2prep-io"
claim "... who would read what the dead one did not write leaves, with a sentence" grep -q "leaves: it reads from the file" "$run/err"

# ---------------------------------------------------------------- message queues

types=$(gdb -batch -nx -ex 'ptype mca_pml_base_request_t' "$here/.libs/mca_pml_p2prep.so" 2>&1 | grep -c '^type = struct')
if [ "$types" -eq 1 ]; then
    for r in 1 2; do
        # shellcheck disable=SC2086
        job one $((2 * r)) $replicated --mca pml_p2prep_replicas $r p2prep-queues "$source/test/mpi/p2prep-queues.py"
        claim "with $r replicas a debugger finds an open send in Open MPI's lists" grep "queue: send peer 1 tag 78 bytes 80000 pending" "$scratch/one/out"
        claim "... and an open receive" grep "queue: receive peer 1 tag 77 bytes 12 pending" "$scratch/one/out"
        claim "... and nothing else" test "$(grep -c queue: "$scratch/one/out")" -eq 2
    done
else
    skip "a debugger finds open requests in Open MPI's lists" "gdb, or the component's debugging information, is missing"
fi

# ---------------------------------------------------------------- refused

# shellcheck disable=SC2086
job one 4 $replicated --mca pml_p2prep_replicas 2 p2prep-refused
claim "windows, processes that come and go, shared file pointers: each call is refused" \
    not grep "not refused" "$scratch/one/out"
claim "... by name" test "$(grep -c ' refused$' "$scratch/one/out")" -ge 44
claim "... with a sentence for each" test "$(grep -c 'is not supported with replicas' "$scratch/one/err")" -ge 88
claim "... and the program goes on" came_out one 4

# ---------------------------------------------------------------- alike in all sets

# shellcheck disable=SC2086
job one 4 $replicated --mca pml_p2prep_replicas 2 --mca coll_base_verbose 20 p2prep-coll
claim "collectives are those whose messages follow from ranks and sizes" grep "component available: tuned" "$scratch/one/err"
claim "... and no others" not grep -E "component (not )?available: (adapt|han|sm|sync|monitoring)" "$scratch/one/err"
claims_end
