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
# shellcheck disable=SC2154,SC2086
start() { env $sanitized timeout -k 5 "${BENCH_TIMEOUT:-60}" mpirun "$@"; }
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

for part in ${BENCH_PARTS:-cells replicas verify stall memory}; do
    . "$P2PMPI_SRCDIR/test/bench/p2prep-bench-$part.sh"
done
