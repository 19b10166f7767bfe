#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-programs.sh - programs from Debian under stock mpirun: with p2prep, with one and two replicas, also when a process
# is killed in the middle of its calls of MPI, they give what they give with ob1
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-lib.sh"
here=$(cd "$P2PMPI_BUILDDIR" && pwd)
source=$(cd "$P2PMPI_SRCDIR" && pwd)

# Replicas write files of the same names: each set works in a directory of its own, $run/SET.
cat >"$scratch/in-own-directory" <<'END'
#!/bin/sh
cd "$1/$((OMPI_COMM_WORLD_RANK / $2))" || exit 1
shift 2
exec "$@"
END
chmod +x "$scratch/in-own-directory"

# run_sets RANKS REPLICAS OPTIONS... -- PROGRAM...: one run in a fresh $run; its output is $run/out and $run/err
run_sets() {
    ranks=$1 replicas=$2
    run=$scratch/run options=
    rm -rf "$run"
    shift 2
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    for set in $(seq 0 $((replicas - 1))); do
        mkdir -p "$run/$set" "$run/calls"
        [ -z "${input-}" ] || cp "$input" "$run/$set/" || return 1
    done
    # shellcheck disable=SC2086
    env $sanitized timeout -k 5 "${P2PREP_TIMEOUT:-60}" mpirun --oversubscribe -x LD_PRELOAD="${preload:+$preload:}$here/test/mpi/p2prep-kill.so" -x P2PREP_CALLS="$run/calls" \
        $options -n $((ranks * replicas)) "$scratch/in-own-directory" "$run" "$ranks" "$@" >"$run/out" 2>"$run/err" </dev/null
    run_code=$?
    [ $run_code -lt 124 ] || { echo "exit code $run_code"; cat "$run/err"; return 1; }
}

# the same RESULT: what the function result_of prints about each set whose process 0 is left, is what it was with ob1
same() {
    same_sets=0
    for same_set in "$run"/[0-9]*; do
        [ "${killed-}" = $((${same_set##*/} * ranks)) ] && continue
        same_sets=$((same_sets + 1))
        "result_of_$1" "$same_set" >"$run/is"
        cmp "$scratch/want" "$run/is" || { diff "$scratch/want" "$run/is"; cat "$run/err"; return 1; }
    done
    [ "$same_sets" -gt 0 ]
}

runs_as_with_ob1() {
    result=$1
    shift
    run_sets "$@" && same "$result"
}

# killed_in_the_middle RESULT PROCESS RANKS REPLICAS...: where the middle is, the run before has said
killed_in_the_middle() {
    result=$1 killed=$2
    calls=$(cat "$scratch/calls/$killed")
    [ "$calls" -gt 1 ] || { echo "process $killed has no middle: $calls calls"; return 1; }
    kill_ranks=$3 kill_replicas=$4
    shift 4
    run_sets "$kill_ranks" "$kill_replicas" -x P2PREP_KILL_CALL="$killed:$((calls / 2))" "$@" &&
        [ ! -e "$run/calls/$killed" ] && same "$result"
    killed_code=$?
    killed=
    return $killed_code
}

ob1="--mca pml ob1 --mca btl self,vader" p2prep="$replicated --mca pml_p2prep_replicas"

# unreplicated NAME RESULT RANKS -- PROGRAM...
unreplicated() {
    name=$1 result=$2 n=$3
    shift 3
    # shellcheck disable=SC2086
    run_sets "$n" 1 $ob1 "$@"
    "result_of_$result" "$run/0" >"$scratch/want"
    claim "$name ends with ob1, to compare with" test -s "$scratch/want"
    # shellcheck disable=SC2086
    claim "$name on $n ranks: as with ob1" runs_as_with_ob1 "$result" "$n" 1 $p2prep 1 "$@"
}

# replicated NAME RESULT RANKS -- PROGRAM...: with two replicas; each process of the first set and one of the second killed
replicated() {
    name=$1 result=$2 n=$3
    shift 3
    # shellcheck disable=SC2086
    claim "$name on $n ranks with 2 replicas: as with ob1" runs_as_with_ob1 "$result" "$n" 2 $p2prep 2 "$@"
    rm -rf "$scratch/calls"
    mv "$run/calls" "$scratch/calls"
    for process in $(seq 0 "$n"); do
        # shellcheck disable=SC2086
        claim "$name on $n ranks with 2 replicas, process $process killed in the middle: as with ob1" \
            killed_in_the_middle "$result" "$process" "$n" 2 $p2prep 2 "$@"
    done
}

both() {
    unreplicated "$@"
    replicated "$@"
}

# ---------------------------------------------------------------- mpi4py

# every logical rank's line, of whatever replica
result_of_lines() { grep '^rank' "$run/out" | sort -u; }

if /usr/bin/python3 -c 'import mpi4py, numpy' 2>/dev/null; then
    for part in pickles ring arrays alltoallv persistent; do
        both "mpi4py, $part," lines 3 -- /usr/bin/python3 "$source/test/mpi/p2prep-mpi4py.py" $part
    done
else
    skip "mpi4py's programs" "python3-mpi4py or python3-numpy is missing"
fi

# ---------------------------------------------------------------- tachyon

# It calls MPI_Testsome for each line of the picture, and does not look at the answer: no decision is needed, it may be killed.
result_of_picture() { cat "$1/out.ppm"; }

parallel=$(ls /usr/lib/*/libtachyon-openmpi.so.0 2>/dev/null)
if command -v tachyon-nox >/dev/null && [ -n "$parallel" ]; then
    mkdir "$scratch/lib"
    ln -s "$parallel" "$scratch/lib/libtachyon.so.0" # whatever alternative the machine has chosen
    input=$source/contrib/scenes/peers.dat
    both tachyon-nox picture 3 -x LD_LIBRARY_PATH="$scratch/lib" -- \
        tachyon-nox peers.dat -res 160 120 -format PPM -o out.ppm
    input=
else
    skip "tachyon-nox" "tachyon-bin-nox or libtachyon-openmpi-0 is missing"
fi

# ---------------------------------------------------------------- hpcc

# What its sections say about their own results, without the times
result_of_verdicts() {
    awk '/^Found .* errors|tests completed and |^Success=|Errors=|^\|\|Ax-b\|\|/ {print}
        /^WALL/ {print $2, $3, $4, $5, $6, $7, $9}' "$1/hpccoutf.txt"
}

# Not agreed on among replicas yet, so nobody is killed: MPIRandomAccess receives from any source and tests, HPL asks with
# MPI_Iprobe whether to pass a panel on, the latency section makes its loops longer by the clock. The replicas part or do not.
right_or_said() {
    run_sets "$@" && { same verdicts || grep -q "cannot go on: the replicas of rank .* disagree" "$run/err"; }
}

if command -v hpcc >/dev/null && [ -e /usr/share/doc/hpcc/examples/_hpccinf.txt ]; then
    input=$scratch/hpccinf.txt
    sed -e 's/^1000 *Ns/64 Ns/' -e 's/^80 *NBs/16 NBs/' /usr/share/doc/hpcc/examples/_hpccinf.txt >"$input"
    unreplicated hpcc verdicts 4 -- hpcc
    # shellcheck disable=SC2086
    claim "hpcc on 4 ranks with 2 replicas: ends with its right result or with a sentence" \
        right_or_said 4 2 $p2prep 2 -- hpcc
    input=
else
    skip "hpcc" "hpcc, or its example in /usr/share/doc, is missing"
fi
claims_end
