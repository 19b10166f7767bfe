#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep.sh - MPI programs under stock mpirun: each logical rank's result with p2prep is the one that it has with ob1
# Arguments: numbers of ranks (default 1 2 3 4). P2PREP_TRANSPORTS: sets of transports to try (default "shm tcp shm,tcp").
set -u
here=${P2PMPI_BUILDDIR:-.}
component=$here/.libs/mca_pml_p2prep.so
programs="modes types probe coll comm"
transports=${P2PREP_TRANSPORTS:-shm tcp shm,tcp}
test $# -gt 0 || set -- 1 2 3 4

if ! test -e "$component" || ! command -v mpirun >/dev/null; then
    echo "1..0 # SKIP no component here: needs libopenmpi-dev and openmpi-bin"
    exit 77
fi
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/component"
ln -s "$(cd "$here" && pwd)/.libs/mca_pml_p2prep.so" "$dir/component/"
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
        run "$dir/want" "$name" "$n" --mca pml ob1 --mca btl self,vader
        for t in $transports; do
            run "$dir/is" "$name" "$n" --mca mca_base_component_path "$dir/component:$system" --mca pml p2prep \
                --mca pml_p2prep_transports "$t"
            check "$name, $n ranks over $t as with ob1" $?
        done
    done
done
echo "1..$tests"
test $faults = 0
