#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# step-death.sh - a rank aborts, is killed, exits too early; its descendants go with it; others hear of it
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/step-lib.sh"
number=$((100000 + $$)) # of a sleep that nobody else runs

for hosts in 1 3; do
    run 7 -n 4 -H $hosts "$prog/mishap" abort
    says 'ready 1' # what was written before the abort comes first
    says 'MPI_ABORT was invoked on rank 1'
    run 137 -n 4 -H $hosts "$prog/mishap" kill
    run 1 -n 4 -H $hosts "$prog/mishap" exit
    run 137 -n 4 -H $hosts "$prog/mishap" child $number
    gone "sleep $number"

    # who goes on is told of the death, and gets through MPI_Finalize
    run 137 -k -n 5 -H $hosts "$prog/events"
    lines 4 'heard 1 0$'
    lines 4 'out$'
done

# a normal end takes along what was left behind, too
run 0 -n 2 "$prog/mishap" leave $number
gone "sleep $number"
exit $failed
