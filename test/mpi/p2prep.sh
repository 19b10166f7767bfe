#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep.sh - MPI programs under stock mpirun: each logical rank's result with p2prep is the one that it has with ob1
# Arguments: numbers of ranks (default $P2PREP_RANKS or 1 2 4). P2PREP_TRANSPORTS: sets of transports to try (default "shm tcp"; also "shm,tcp").
# Then with two and three replicas, which must all have that result; with a process killed; and what must be refused.
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-lib.sh"
transports=${P2PREP_TRANSPORTS:-shm tcp}
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ${P2PREP_RANKS:-1 2 4}
P2PREP_TIMEOUT=${P2PREP_TIMEOUT:-90}

# well NAME LINES: right, each process printed its line, and mpirun has nothing to complain of
well() {
    right "$1" && [ "$(grep -c '^rank' "$scratch/$1/out")" -eq "$2" ] && [ "$(cat "$scratch/$1/code")" -eq 0 ] && return 0
    job_words "$1"
    return 1
}
# left_right NAME: right, from whoever is left, and mpirun has nothing to complain of
left_right() { right "$1" && [ "$(cat "$scratch/$1/code")" -eq 0 ]; }

for name in modes types probe coll comm dups work cases; do
    for n in "$@"; do
        want "$name" "$n"
        for t in $transports; do
            job one "$n" --mca pml p2prep --mca pml_p2prep_transports "$t" "p2prep-$name"
            claim "$name, $n ranks over $t as with ob1" well one "$n"
        done
    done
done

# replicas NAME RANKS REPLICAS TRANSPORTS [OPTIONS...]
replicas() {
    name=$1 n=$2 r=$3 t=$4
    shift 4
    want "$name" "$n"
    job one $((n * r)) --mca pml p2prep --mca pml_p2prep_warn_host 0 --mca pml_p2prep_transports "$t" --mca pml_p2prep_replicas "$r" \
        "$@" "p2prep-$name"
}
for name in modes types coll comm dups work cases; do
    for t in $transports; do
        replicas "$name" 2 2 "$t"
        claim "$name, 2 ranks with 2 replicas over $t as with ob1" well one 4
        replicas "$name" 2 2 "$t" --enable-recovery --mca btl_vader_backing_directory "$scratch" -x P2PREP_KILL=1:20000
        claim "$name, 2 ranks with 2 replicas over $t, process 1 killed, as with ob1" left_right one
    done
done
replicas coll 3 3 "shm,tcp"
claim "coll, 3 ranks with 3 replicas as with ob1" well one 9
for t in $transports; do
    want comm 3
    job one 6 --mca pml p2prep --mca pml_p2prep_warn_host 0 --mca pml_p2prep_transports "$t" --mca pml_p2prep_map 2,1,3 p2prep-comm
    claim "comm, 3 ranks with 2, 1 and 3 replicas over $t as with ob1" well one 6
done

job one 3 --mca pml p2prep --mca pml_p2prep_replicas 2 p2prep-coll
claim "a number of processes that the replicas do not divide is refused" not grep -qx 0 "$scratch/one/code"
claim "with a sentence" grep "3 processes" "$scratch/one/err"
claims_end
