# SPDX-License-Identifier: BSD-3-Clause
# p2prep-sets.sh - programs of others under stock mpirun, each set of replicas in a directory of its own: as with ob1, with one and two
# replicas, each process killed in the middle of its calls of MPI; read with "."
#
#   input="FILE..."                          what each set finds in its directory
#   result_of_NAME() { ... "$1/out" ...; }   prints what has to be as with ob1: of the set in directory $1, or of $run/out
#   both "words" NAME RANKS OPTIONS... -- PROGRAM...
# shellcheck shell=sh
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
        # shellcheck disable=SC2086
        [ -z "${input-}" ] || cp $input "$run/$set/" || return 1
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
    [ "$same_sets" -gt 0 ] && [ -s "$scratch/want" ]
}

runs_as_with_ob1() {
    result=$1
    shift
    run_sets "$@" && same "$result"
}

# killed_in_the_middle RESULT PROCESS RANKS REPLICAS...: where the middle is, the run before has said. Programs that ask until
# something has come make fewer calls in some runs: who came to its end alive is tried again, at half of that.
killed_in_the_middle() {
    result=$1 killed=$2
    killed_call=$(($(cat "$scratch/calls/$killed") / 2))
    kill_ranks=$3 kill_replicas=$4 killed_code=1
    shift 4
    while [ "$killed_call" -gt 0 ]; do
        run_sets "$kill_ranks" "$kill_replicas" -x P2PREP_KILL_CALL="$killed:$killed_call" "$@" || break
        if [ -e "$run/calls/$killed" ]; then
            killed_call=$((killed_call / 2))
            continue
        fi
        same "$result"
        killed_code=$?
        break
    done
    echo "process $killed, call $killed_call"
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

# replicated NAME RESULT RANKS -- PROGRAM...: with two replicas; each process of the first set and one of the second killed, or $victims
replicated() {
    name=$1 result=$2 n=$3
    shift 3
    # shellcheck disable=SC2086
    claim "$name on $n ranks with 2 replicas: as with ob1" runs_as_with_ob1 "$result" "$n" 2 $p2prep 2 "$@"
    rm -rf "$scratch/calls"
    mv "$run/calls" "$scratch/calls"
    for process in ${victims:-$(seq 0 "$n")}; do
        # shellcheck disable=SC2086
        claim "$name on $n ranks with 2 replicas, process $process killed in the middle: as with ob1" \
            killed_in_the_middle "$result" "$process" "$n" 2 $p2prep 2 "$@"
    done
}

both() {
    unreplicated "$@"
    replicated "$@"
}
