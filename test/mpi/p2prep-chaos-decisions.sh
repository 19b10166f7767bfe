#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-chaos-decisions.sh - kills processes at the choices of programs whose course depends on timing (p2prep-decide.c), often leaders, several
# a run, also leaders of one rank in a row; one replica of each rank stays. All that live must have one result for each rank; no run may hang
# usage: p2prep-chaos-decisions.sh [KILLS [SEED]]: until so many kills (default $P2PREP_CHAOS or 200) hit. One run again: P2PREP_LANES=1 p2prep-chaos-decisions.sh 1 ITS-SEED
# P2PREP_CASES (case:rounds), P2PREP_TRANSPORTS: words to choose among
. "$(dirname "$0")/p2prep-lib.sh"
kills=${1:-${P2PREP_CHAOS:-200}}
seed=${2:-$(($(date +%s) / 8 * 8))}
cases=${P2PREP_CASES:-cross:10 farm:10 waitany:10 testsome:10 test:10 probes:10 mprobes:10 nbx:10 nbx:10 cancel:10 cancel:10 cut:4 clock:10 graph:4 ibcast:10}
transports=${P2PREP_TRANSPORTS:-shm,tcp tcp}
lanes=${P2PREP_LANES:-2}
n=3

random_begin() {
    state=$(($1 * 2654435761 % 2147483648))
    for _ in 1 2 3; do number 2; done
}
# number LIMIT - sets `number` to the next random one below LIMIT
number() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    number=$((state / 1024 % $1))
}
# choose WORD... - sets `chosen`
choose() {
    number $#
    shift "$number"
    chosen=$1
}

# choices_job NAME [OPTION]... - the chosen case in the chosen world
choices_job() {
    choices_name=$1
    shift
    # shellcheck disable=SC2086
    job "$choices_name" $((n * replicas)) $replicated --mca pml_p2prep_replicas "$replicas" --mca pml_p2prep_transports "$transport" "$@" \
        p2prep-decide "$case" "$rounds"
}

# measure LANE - how many choices each rank has when nobody dies
measure() {
    choices_file=$scratch/choices.$case.$replicas.$transport
    [ ! -e "$choices_file" ] || return 0
    choices_job "whole-$1"
    same "whole-$1" $n $((n * replicas)) >"$scratch/whole-$1/wrong" || echo "# without a death: $what: $(cat "$scratch/whole-$1/wrong")"
    for rank in $(seq 0 $((n - 1))); do
        sed -n 's/^choices //p' "$scratch/whole-$1/$rank"
    done >"$choices_file"
}

# plan - who dies at which of its choices: of some ranks all replicas but one, in a row
plan() {
    orders='' victims='' rank=0
    for most in $(cat "$choices_file"); do
        number "$replicas"
        dying=$number first=0
        number 4
        [ "$number" -gt 0 ] || first=1 # a follower
        [ "$most" -gt 0 ] || dying=0
        number $((most + 1))
        at=$((number + 1))
        while [ $dying -gt 0 ] && [ $((first + dying)) -le "$replicas" ]; do
            victim=$((first * n + rank))
            orders="$orders,$victim:$at" victims="$victims $victim"
            number 3
            at=$((at + number)) first=$((first + 1)) dying=$((dying - 1))
        done
        rank=$((rank + 1))
    done
    orders=${orders#,}
}

hits() {
    for victim in $victims; do
        grep -q '^us' "$scratch/$1/$victim" || echo hit
    done
}

# all_came_out NAME - of those that were not to die, and of those that came too late for it
all_came_out() {
    for process in $(seq 0 $((n * replicas - 1))); do
        case "$victims " in *" $process "*) grep -q '^us' "$scratch/$1/$process" || continue ;; esac
        grep -q '^left' "$scratch/$1/$process" && continue
        echo "process $process did not come out of MPI_Finalize"
        job_words "$1"
        return 1
    done
}

# one LANE SEED - eight seeds in a row share case, replicas and transports
one() {
    random_begin $(($2 / 8))
    choose $cases
    case=${chosen%%:*} rounds=${chosen#*:}
    choose 2 2 3
    replicas=$chosen
    choose $transports
    transport=$chosen
    what="$case $rounds, $replicas replicas over $transport"
    exec 9>"$scratch/lock"
    flock 9
    measure "$1"
    exec 9>&-
    random_begin "$2"
    plan
    P2PREP_DIE=$orders choices_job "lane-$1"
    hits "lane-$1" >>"$scratch/hits-$1"
    died=$(hits "lane-$1" | wc -l)
    left=$((n * replicas - died)) what="$what: process:choice ${orders:--}: $died died"
    if { same "lane-$1" $n $left && all_came_out "lane-$1"; } >"$scratch/wrong-$1" 2>&1; then
        echo "# $2: $what: right"
        return
    fi
    echo "# $2: $what: WRONG"
    sed 's/^/#   /' "$scratch/wrong-$1"
    if ended "lane-$1" >/dev/null; then echo "$2" >>"$scratch/wrong"; else echo "$2" >>"$scratch/hung"; fi
}

lane() {
    : >"$scratch/hits-$1"
    runs=0
    while [ "$(wc -l <"$scratch/hits-$1")" -lt $(((kills + lanes - 1) / lanes)) ] && [ $runs -lt $((2 * kills)) ]; do
        one "$1" $((seed + runs / 8 * 8 * lanes + $1 * 8 + runs % 8))
        runs=$((runs + 1))
    done
    echo $runs >"$scratch/runs-$1"
}

: >"$scratch/wrong" >"$scratch/hung"
for lane in $(seq 0 $((lanes - 1))); do
    lane "$lane" &
done
wait
hit=$(cat "$scratch"/hits-* | wc -l)
echo "# $(cat "$scratch"/runs-* | awk '{ n += $1 } END { print n }') runs; killed at a choice: $hit; \
wrong: $(wc -l <"$scratch/wrong"), hung: $(wc -l <"$scratch/hung")"
claim "$kills processes are killed at their choices (seed $seed)" test "$hit" -ge "$kills"
claim "no run hangs" test ! -s "$scratch/hung"
claim "all replicas of each rank that live have one result, and come out of MPI_Finalize" test ! -s "$scratch/wrong"
claims_end
