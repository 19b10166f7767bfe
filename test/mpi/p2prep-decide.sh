#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-decide.sh - programs whose course depends on timing (p2prep-decide.c): every replica of a rank has the same result, with nobody killed
# and with a process killed at one of its choices; many more kills: p2prep-chaos-decisions.sh
. "$(dirname "$0")/p2prep-lib.sh"
cases="cross farm waitany testsome test probes mprobes nbx cancel cut clock graph ibcast"

rounds_of() { [ "$1" = graph ] && echo 4 || echo 10; }

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
    claim "$case: two replicas of each rank, one result" same decide 3 6
    for die in 0:1 0:2 0:4 1:3; do
        decide 2 "$case" $die
        claim "$case: process ${die%:*} dies at its choice ${die#*:}: one result" same decide 3 5
    done
done
decide 3 farm -
claim "farm: three replicas of each rank, one result" same decide 3 9
for die in 0:5 3:5 6:5; do
    decide 3 nbx $die
    claim "nbx: three replicas, process ${die%:*} dies: one result" same decide 3 8
done
for case in farm testsome nbx cancel; do
    decide 2 "$case" 0:3 --mca pml_p2prep_transports tcp
    claim "$case over tcp: the leader dies: one result" same decide 3 5
done

# Whom: one of set 1, which asks once more than its leader
decide 2 stray -
claim "a replica whose course depends on its process number is named" grep -q "replica 1 of rank . comes to a probe where its leader came to MPI_Finalize" "$scratch/decide/err"
claim "... and nobody hangs" ended decide

claims_end
