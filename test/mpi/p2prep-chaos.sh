#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-chaos.sh - kills random processes of replicated jobs at random moments between their first and last message; one of each rank stays.
# Every logical rank's result must be the unreplicated run's, everybody else must come out of MPI_Finalize, no run may hang
# usage: p2prep-chaos.sh [KILLS [SEED]]: until so many kills (default $P2PREP_CHAOS or 200) hit. One run again: P2PREP_LANES=1 p2prep-chaos.sh 1 ITS-SEED
# P2PREP_PROGRAMS (name:argument; the kernels ep, is, cg, ft), P2PREP_WORLDS (replicas of each rank), P2PREP_TRANSPORTS: words to choose among
. "$(dirname "$0")/p2prep-lib.sh"
kills=${1:-${P2PREP_CHAOS:-200}}
seed=${2:-$(($(date +%s) / 4 * 4))}
programs=${P2PREP_PROGRAMS:-work:100 work:30 modes types coll comm dups cases ep is cg ft}
worlds=${P2PREP_WORLDS:-2,2 2,2 2,2 2,2,2 2,2,2 3,3 3,3 3,3,3 4,4 2,2,2,2 2,1,3}
transports=${P2PREP_TRANSPORTS:-shm tcp shm,tcp}
lanes=${P2PREP_LANES:-2}

# number LIMIT - sets `number` to the next random one below LIMIT
random_begin() {
    state=$(($1 * 2654435761 % 2147483648))
    for _ in 1 2 3; do number 2; done
}
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

# world DEGREES - sets n, processes, ranks (the rank of each process, dealt set by set) and the options
world_of() {
    degrees=$(echo "$1" | tr , ' ')
    options="--mca pml_p2prep_map $1" ranks='' processes=0
    n=$(echo "$degrees" | wc -w)
    for set in 0 1 2 3; do
        rank=0
        for degree in $degrees; do
            [ "$degree" -le $set ] || { ranks="$ranks$rank " processes=$((processes + 1)); }
            rank=$((rank + 1))
        done
    done
}
# worlds_for PROGRAM - those that it takes: kernels want a power of two of ranks
worlds_for() {
    case $(called "$1") in
    */kernels/*) echo "$worlds" | tr ' ' '\n' | grep -E '^([^,]*,){0,1}[^,]*$|^([^,]*,){3}[^,]*$' ;;
    *) echo "$worlds" ;;
    esac
}
rank_of() { echo "$ranks" | cut -d ' ' -f $(($1 + 1)); }

# role PROCESS - sets `role` and `siblings`, those of its rank that are left besides it
role_of() {
    role=leader siblings=0 process=0 who=$(rank_of "$1")
    for rank in $ranks; do
        case "$victims " in
        *" $process "*) [ "$rank" != "$who" ] || [ $role = sibling ] || role=substitute ;;
        *)
            [ "$rank" != "$who" ] || [ $process -ge "$1" ] || role=sibling
            [ "$rank" != "$who" ] || [ $process = "$1" ] || siblings=$((siblings + 1))
            ;;
        esac
        process=$((process + 1))
    done
}

# plan US - who is killed when, of a run that takes so long; the second and third often while the one before is being dealt with
plan() {
    victims='' orders='' story='' before=0
    number 3
    for _ in $(seq 0 "$number"); do
        number "$processes"
        victim=$number
        role_of "$victim"
        case "$victims " in *" $victim "*) siblings=0 ;; esac
        [ $siblings -gt 0 ] || continue
        number 2
        if [ "$number" = 0 ] && [ -n "$victims" ]; then
            number 3000
            orders="$orders,$victim:$number@${victims##* }"
            story="$story; $role $victim (rank $who) $number us later"
        else
            number $(($1 - before + 1))
            before=$((before + number))
            orders="$orders,$victim:$before"
            story="$story; $role $victim (rank $who) at $((before * 100 / ($1 + 1))) %"
        fi
        victims="$victims $victim"
    done
    orders=${orders#,} story=${story#; }
}

# chaos_job NAME [OPTION]... - the chosen program in the chosen world
chaos_job() {
    chaos_name=$1
    shift
    # shellcheck disable=SC2046,SC2086
    job "$chaos_name" "$processes" $replicated $options --mca pml_p2prep_transports "$transport" "$@" $(called "$program") $argument
}

# measure LANE - how long it takes when nobody dies, between first and last message; once, and again when a kill came too late
measure() {
    us_file=$scratch/us.$program.$argument.$world.$transport
    [ ! -e "$us_file" ] || return 0
    chaos_job "whole-$1"
    right "whole-$1" >"$scratch/whole-$1/wrong" || echo "# without a death: $what: $(cat "$scratch/whole-$1/wrong")"
    cat "$scratch/whole-$1/segments" >>"$scratch/segments"
    sed -n 's/^us //p' "$scratch/whole-$1"/[0-9]* | sort -n | tail -n 1 >"$us_file"
}

# count NAME - of its victims: hit between first and last message, in MPI_Finalize, or too late
count() {
    for victim in $victims; do
        if ! grep -q '^us' "$scratch/$1/$victim"; then
            echo hit
        elif ! grep -q '^left' "$scratch/$1/$victim"; then
            echo finalize
        else
            echo late
        fi
    done
}

# all_left NAME - all but the victims came out of MPI_Finalize
all_left() {
    for process in $(seq 0 $((processes - 1))); do
        case "$victims " in *" $process "*) continue ;; esac
        grep -q '^left' "$scratch/$1/$process" && continue
        echo "process $process did not come out of MPI_Finalize"
        job_words "$1"
        return 1
    done
}

# one LANE SEED - four seeds in a row share program, world and transport, which are measured once
one() {
    random_begin $(($2 / 4))
    choose $programs
    program=${chosen%%:*} argument=${chosen#"$program"} argument=${argument#:}
    choose $(worlds_for "$program")
    world=$chosen
    world_of "$world"
    choose $transports
    transport=$chosen
    what="$program $argument, replicas $world over $transport"
    exec 9>"$scratch/lock"
    flock 9
    # shellcheck disable=SC2086
    want "$program" "$n" $argument
    measure "$1"
    exec 9>&-
    random_begin "$2"
    plan "$(cat "$us_file")"
    chaos_job "lane-$1" -x P2PREP_KILL="$orders"
    count "lane-$1" >>"$scratch/kills-$1"
    ! count "lane-$1" | grep -q late || rm -f "$us_file"
    if { right "lane-$1" && all_left "lane-$1"; } >"$scratch/lane-$1/wrong" 2>&1; then
        echo "# $2: $what: $story: right"
        return
    fi
    echo "# $2: $what: $story: WRONG"
    sed 's/^/#   /' "$scratch/lane-$1/wrong"
    if ended "lane-$1" >/dev/null; then echo "$2" >>"$scratch/wrong"; else echo "$2" >>"$scratch/hung"; fi
}

lane() {
    : >"$scratch/kills-$1"
    runs=0
    while [ "$(grep -c hit "$scratch/kills-$1")" -lt $(((kills + lanes - 1) / lanes)) ] && [ $runs -lt "$kills" ]; do
        one "$1" $((seed + runs / 4 * 4 * lanes + $1 * 4 + runs % 4))
        runs=$((runs + 1))
    done
    echo $runs >"$scratch/runs-$1"
}

: >"$scratch/segments" >"$scratch/wrong" >"$scratch/hung"
for lane in $(seq 0 $((lanes - 1))); do
    lane "$lane" &
done
wait
killed() { cat "$scratch"/kills-* | grep -c "$1"; }
echo "# $(cat "$scratch"/runs-* | awk '{ n += $1 } END { print n }') runs; killed between first and last message: $(killed hit), in MPI_Finalize: \
$(killed finalize), ended before: $(killed late); wrong: $(wc -l <"$scratch/wrong"), hung: $(wc -l <"$scratch/hung")"
claim "$kills processes are killed between their first and last message (seed $seed)" test "$(killed hit)" -ge "$kills"
claim "no run hangs" test ! -s "$scratch/hung"
claim "every logical rank's result is the unreplicated run's, whoever is left comes out of MPI_Finalize" test ! -s "$scratch/wrong"
claim "runs in which nobody dies leave nothing in shared memory" test ! -s "$scratch/segments"
claims_end
