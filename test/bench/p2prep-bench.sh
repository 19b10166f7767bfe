#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench.sh - the PML p2prep beside ob1 under stock mpirun, in runs that alternate: tables of medians and ratios
#
# BENCH_PAIRS (20) runs of each; BENCH_PARTS (all) chooses among the p2prep-bench-PART.sh beside this file. Numbers depend on
# the machine and on what else it does; ratios far less, and how much less stands beside them: ob1 against itself.
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/p2prep-lib.sh"
. "$P2PMPI_SRCDIR/test/bench/bench-lib.sh"
programs=$P2PMPI_BUILDDIR/test/bench
pairs=${BENCH_PAIRS:-20}

# start OPTIONS... PROGRAM...: one mpirun
start() { timeout -k 5 "${BENCH_TIMEOUT:-60}" mpirun "$@"; }
# ob1 MEDIUM OPTIONS..., p2prep MEDIUM OPTIONS...: a job over shm or tcp
ob1() {
    case $1 in
    shm) shift && start --mca pml ob1 --mca btl self,vader "$@" ;;
    tcp) shift && start --mca pml ob1 --mca btl self,tcp --mca btl_tcp_if_include lo "$@" ;;
    esac
}
p2prep() {
    p2prep_medium=$1
    shift
    start --mca pml p2prep --mca pml_p2prep_transports "$p2prep_medium" --mca pml_p2prep_if_include lo "$@"
}

# turns NUMBER A B C: the three in one of their six orders, the next one for the next number: what ran before leaves its traces in
# caches and free memory, so each has each of the others before it as often
turns() {
    case $(($1 % 6)) in
    0) echo "$2 $3 $4" ;;
    1) echo "$4 $3 $2" ;;
    2) echo "$3 $4 $2" ;;
    3) echo "$2 $4 $3" ;;
    4) echo "$4 $2 $3" ;;
    5) echo "$3 $2 $4" ;;
    esac
}

for part in ${BENCH_PARTS:-cells}; do
    . "$P2PMPI_SRCDIR/test/bench/p2prep-bench-$part.sh"
done
