#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-chaos.sh - kills random processes of a replicated job at random moments, at least one of each rank stays; every logical rank's result must be the
# unreplicated run's, and no run may hang
# usage: p2prep-chaos.sh [RUNS [SEED]]; P2PREP_PROGRAMS, P2PREP_TRANSPORTS choose among what is tried
set -u
here=${P2PMPI_BUILDDIR:-.}
runs=${1:-20}
seed=${2:-$(date +%s)}
programs=${P2PREP_PROGRAMS:-work work work modes types coll comm cases}
transports=${P2PREP_TRANSPORTS:-shm tcp shm,tcp}

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

# number LIMIT - sets `number` to the next random one below LIMIT
state=$seed
number() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    number=$((state / 8 % $1))
}

# choose WORDS... - sets `chosen`
choose() {
    number $#
    shift "$number"
    chosen=$1
}

run() {
    timeout -k 5 "${P2PREP_TIMEOUT:-60}" mpirun --oversubscribe --mca mca_base_component_path "$path" "$@" 2>"$dir/err"
}

faults=0 killed=0 i=0
echo "1..$runs"
while test $i -lt "$runs"; do
    i=$((i + 1))
    choose $programs
    name=$chosen
    choose $transports
    transport=$chosen
    number 2
    n=$((2 + number))
    number 2
    r=$((2 + number))
    number $((n * r))
    who=$number
    number 250000
    kill=$who:$number
    # A second one, of another rank, or with three replicas any other.
    number $((n * r))
    other=$number
    number 3
    if test $number = 0 && test $other != $who && { test $r = 3 || test $((other % n)) != $((who % n)); }; then
        number 250000
        kill=$kill,$other:$number
    fi
    want=$dir/$name-$n
    test -e "$want" || run --mca pml ob1 --mca btl self,vader -n "$n" "$here/test/mpi/p2prep-$name" | sort >"$want"
    run --enable-recovery --mca pml p2prep --mca pml_p2prep_replicas "$r" --mca pml_p2prep_transports "$transport" \
        -x P2PREP_KILL="$kill" -n $((n * r)) "$here/test/mpi/p2prep-$name" >"$dir/out"
    code=$?
    grep '^rank' "$dir/out" | sort -u >"$dir/is"
    test "$(grep -c '^rank' "$dir/out")" -lt $((n * r)) && killed=$((killed + 1))
    what="$name, $n ranks x $r over $transport, killed process:us $kill (seed $seed, run $i)"
    if test $code != 124 && test $code != 137 && cmp -s "$want" "$dir/is"; then
        echo "ok $i - $what"
    else
        faults=$((faults + 1))
        echo "not ok $i - $what: exit code $code"
        diff "$want" "$dir/is" | sed 's/^/# /'
        sed 's/^/# /' "$dir/err" | head -20
    fi
done
echo "# $faults of $runs wrong; in $killed the process died before its result was printed"
test $faults = 0
