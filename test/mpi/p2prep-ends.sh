#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-ends.sh - replicated jobs under stock mpirun whose processes die in ways of their own (p2prep-ends.c): nobody hangs,
# who can go on ends right, who cannot says why
set -u
here=${P2PMPI_BUILDDIR:-.}
if ! test -e "$here/.libs/mca_pml_p2prep.so" || ! command -v mpirun >/dev/null; then
    echo "1..0 # SKIP no component here: needs libopenmpi-dev and openmpi-bin"
    exit 77
fi
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/component"
ln -s "$(cd "$here" && pwd)/.libs/mca_pml_p2prep.so" "$dir/component/"
ln -s "${P2PMPI_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}/mca-component/pml_p2prep/help-mpi-pml-p2prep.txt" "$dir/component/"
path=$dir/component:$(ompi_info --parsable --path pkglibdir | sed 's/.*://')
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM

# run CASE - $dir/out, $dir/err, $code
run() {
    timeout -k 5 "${P2PREP_TIMEOUT:-40}" mpirun --oversubscribe --enable-recovery --mca mca_base_component_path "$path" \
        --mca pml p2prep --mca pml_p2prep_replicas 2 --mca orte_base_help_aggregate 0 \
        -n 6 "$here/test/mpi/p2prep-ends" "$1" >"$dir/out" 2>"$dir/err"
    code=$?
}

tests=0 faults=0
# claim SENTENCE CONDITION...
claim() {
    tests=$((tests + 1))
    sentence=$1
    shift
    if "$@"; then
        echo "ok $tests - $sentence"
        return
    fi
    faults=$((faults + 1))
    echo "not ok $tests - $sentence (exit code $code)"
    sed 's/^/# /' "$dir/out" "$dir/err" | head -40
}

ended() { test $code != 124 && test $code != 137; }
lines() { test "$(grep -c "$1" "$dir/out")" = "$2"; }
said() { grep -q "$1" "$dir/err"; }
right() { ended && grep '^rank' "$dir/out" | sort -u | cmp -s "$dir/want" -; }

run none
grep '^rank' "$dir/out" | sort -u >"$dir/want"
claim "nobody dies: six processes end as three ranks" test "$(wc -l <"$dir/want")" = 3
claim "nobody dies: all come out of MPI_Finalize" lines '^end of' 6
run child
claim "a process dies and its child lives on: the right result of every rank" right
claim "a process dies and its child lives on: the five others come out of MPI_Finalize" lines '^end of' 5
run early
claim "a process dies in MPI_Finalize before the others are there: the right result" right
claim "a process dies in MPI_Finalize before the others are there: five come out" lines '^end of' 5
run late
claim "a process dies while the others are in MPI_Finalize: the right result" right
claim "a process dies while the others are in MPI_Finalize: five come out" lines '^end of' 5
run gone
claim "all replicas of a rank die: the job ends" ended
claim "all replicas of a rank die: no result" lines '^rank' 0
claim "all replicas of a rank die: a sentence names rank, hosts and processes" \
    said "All replicas of rank 1 are dead: .*$(uname -n) (process 1), .*$(uname -n) (process 4)"
# Stopped by a debugger where the modex is over and MPI_Init is not
if command -v gdb >/dev/null; then
    printf '%s\n' 'set breakpoint pending on' 'set confirm off' 'break p2prep_replica_start' 'run none' kill quit >"$dir/gdb"
    timeout -k 5 "${P2PREP_TIMEOUT:-60}" mpirun --oversubscribe --enable-recovery --mca mca_base_component_path "$path" \
        --mca pml p2prep --mca pml_p2prep_replicas 2 -n 1 "$here/test/mpi/p2prep-ends" none : \
        -n 1 sh -c "exec gdb -batch -x $dir/gdb $here/test/mpi/p2prep-ends >$dir/gdb.out 2>&1" : -n 4 "$here/test/mpi/p2prep-ends" none \
        >"$dir/out" 2>"$dir/err"
    code=$?
    if grep -q 'Inferior 1 .*killed' "$dir/gdb.out"; then
        claim "a process dies in MPI_Init after the modex: five come out of MPI_Finalize" lines '^end of' 5
        claim "a process dies in MPI_Init after the modex: the right result" right
    else
        echo "# SKIP a death in MPI_Init: gdb cannot trace here"
    fi
fi
echo "1..$tests"
test $faults = 0
