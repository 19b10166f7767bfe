#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-whole.sh - what is left of MPI: threads, and what replicas refuse
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-lib.sh"

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
claims_end
