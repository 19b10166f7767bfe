#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep.sh - MPI programs under stock mpirun: each logical rank's result with p2prep is the one that it has with ob1
# Arguments: numbers of ranks (default 1 2 4). P2PREP_TRANSPORTS: sets of transports to try (default "shm tcp"; also "shm,tcp").
# Then with two and three replicas, which must all have that result; with a process killed; and what must be refused.
set -u
here=${P2PMPI_BUILDDIR:-.}
component=$here/.libs/mca_pml_p2prep.so
programs="modes types probe coll comm work cases"
transports=${P2PREP_TRANSPORTS:-shm tcp}
test $# -gt 0 || set -- 1 2 4

if ! test -e "$component" || ! command -v mpirun >/dev/null; then
    echo "1..0 # SKIP no component here: needs libopenmpi-dev and openmpi-bin"
    exit 77
fi
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/component"
ln -s "$(cd "$here" && pwd)/.libs/mca_pml_p2prep.so" "$dir/component/"
ln -s "${P2PMPI_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}/mca-component/pml_p2prep/help-mpi-pml-p2prep.txt" "$dir/component/"
system=$(ompi_info --parsable --path pkglibdir | sed 's/.*://')
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM

# run OUT NAME PROCESSES OPTIONS... - one run, its lines sorted into OUT
run() {
    out=$1 name=$2 n=$3
    shift 3
    timeout -k 5 "${P2PREP_TIMEOUT:-90}" mpirun --oversubscribe -n "$n" "$@" "$here/test/mpi/p2prep-$name" >"$dir/raw" 2>"$dir/err"
    code=$?
    sort "$dir/raw" >"$out"
    return $code
}

# want NAME RANKS - what ob1 gives, run once
want() {
    test -e "$dir/$1-$2" || run "$dir/$1-$2" "$1" "$2" --mca pml ob1 --mca btl self,vader
    cp "$dir/$1-$2" "$dir/want"
}

tests=0 faults=0
# check SENTENCE CODE - compares $dir/is with $dir/want
check() {
    tests=$((tests + 1))
    if test "$2" = 0 && cmp -s "$dir/want" "$dir/is"; then
        echo "ok $tests - $1"
        return
    fi
    faults=$((faults + 1))
    echo "not ok $tests - $1 (exit code $2)"
    diff "$dir/want" "$dir/is" | sed 's/^/# /'
    sed 's/^/# /' "$dir/err" | head -20
}

for name in $programs; do
    for n in "$@"; do
        want "$name" "$n"
        for t in $transports; do
            run "$dir/is" "$name" "$n" --mca mca_base_component_path "$dir/component:$system" --mca pml p2prep \
                --mca pml_p2prep_transports "$t"
            check "$name, $n ranks over $t as with ob1" $?
        done
    done
done
# replicas NAME RANKS REPLICAS TRANSPORTS [OPTIONS...] - every logical rank's line from each replica that is left
replicas() {
    name=$1 n=$2 r=$3 t=$4
    shift 4
    want "$name" "$n"
    run "$dir/all" "$name" $((n * r)) --mca mca_base_component_path "$dir/component:$system" --mca pml p2prep \
        --mca pml_p2prep_transports "$t" --mca pml_p2prep_replicas "$r" "$@"
    code=$?
    sort -u "$dir/all" >"$dir/is"
    return $code
}

for name in modes types coll comm work cases; do
    for t in $transports; do
        replicas $name 2 2 "$t"
        code=$?
        test "$(wc -l <"$dir/all")" = 4 || code=lines
        check "$name, 2 ranks with 2 replicas over $t as with ob1" $code
        replicas $name 2 2 "$t" --enable-recovery -x P2PREP_KILL=1:20000
        check "$name, 2 ranks with 2 replicas over $t, process 1 killed, as with ob1" $?
    done
done
replicas coll 3 3 "shm,tcp"
check "coll, 3 ranks with 3 replicas as with ob1" $?

: >"$dir/want"
run "$dir/is" coll 3 --mca mca_base_component_path "$dir/component:$system" --mca pml p2prep --mca pml_p2prep_replicas 2
test $? != 0 && grep -q "3 processes" "$dir/err"
check "a number of processes that the replicas do not divide is refused with a sentence" $?
echo "1..$tests"
test $faults = 0
