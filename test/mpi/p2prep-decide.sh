#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-decide.sh - programs whose course depends on timing (p2prep-decide.c): every replica of a rank has the same result, with nobody killed
# and with a process killed at one of its choices. P2PREP_KILLS=N [SEED=X]: so many random kills more (make chaos-decisions).
. "$(dirname "$0")/p2prep-lib.sh"
cases="cross farm waitany testsome test probes mprobes nbx cancel clock graph ibcast"
: "${SEED:=$(date +%s)}"

rounds_of() { [ "$1" = graph ] && echo 4 || echo 10; }

# same NAME LINES: three ranks, at least so many replicas came to their end, no two of one rank differ
same() {
    same_lines=$(grep -c '^rank' "$scratch/$1/out")
    same_ranks=$(grep '^rank' "$scratch/$1/out" | sort -u | wc -l)
    ended "$1" && [ "$same_ranks" -eq 3 ] && [ "$same_lines" -ge "$2" ] && ! grep -q "Process received signal" "$scratch/$1/err" && return 0
    cat "$scratch/$1/out"
    job_words "$1"
    return 1
}

# decide REPLICAS CASE VICTIM:CHOICE OPTIONS...: on three ranks; victim - for nobody
decide() {
    decide_r=$1 decide_case=$2 decide_die=$3
    shift 3
    # shellcheck disable=SC2086
    P2PREP_DIE=$decide_die job decide $((3 * decide_r)) $replicated --mca pml_p2prep_replicas "$decide_r" "$@" \
        p2prep-decide "$decide_case" "$(rounds_of "$decide_case")"
}

for case in $cases; do
    decide 2 "$case" -
    claim "$case: two replicas of each rank, one result" same decide 6
    for die in 0:1 0:2 0:4 1:3; do
        decide 2 "$case" $die
        claim "$case: process ${die%:*} dies at its choice ${die#*:}: one result" same decide 5
    done
done
decide 3 farm -
claim "farm: three replicas of each rank, one result" same decide 9
for die in 0:5 3:5 6:5; do
    decide 3 nbx $die
    claim "nbx: three replicas, process ${die%:*} dies: one result" same decide 8
done
for case in farm testsome nbx cancel; do
    decide 2 "$case" 0:3 --mca pml_p2prep_transports tcp
    claim "$case over tcp: the leader dies: one result" same decide 5
done

# Whom: one of set 1, which asks once more than its leader
decide 2 stray -
claim "a replica whose course depends on its process number is named" grep -q "replica 1 of rank . comes to a probe where its leader came to MPI_Finalize" "$scratch/decide/err"
claim "... and nobody hangs" ended decide

below() {
    SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
    below=$((SEED / 65536 % $1))
}
kill_some() {
    below 12
    # shellcheck disable=SC2086
    set -- $cases
    shift "$below"
    below 3
    kill_r=$((below > 0 ? 2 : 3))
    below 4
    kill_victim=$((below == 3 ? 3 : below))
    below 40
    kill_choice=$((below + 1))
    below 2
    kill_media=$([ "$below" = 0 ] && echo tcp || echo shm,tcp)
    decide "$kill_r" "$1" "$kill_victim:$kill_choice" --mca pml_p2prep_transports "$kill_media"
    same decide $((3 * kill_r - 1)) && return 0
    echo "$1, $kill_r replicas, $kill_media, process $kill_victim at its choice $kill_choice"
    return 1
}
kills_left=${P2PREP_KILLS:-0}
while [ "$kills_left" -gt 0 ]; do
    claim "a random kill ($kills_left left, SEED=$SEED)" kill_some
    kills_left=$((kills_left - 1))
done
claims_end
