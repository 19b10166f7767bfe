#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-lag.sh - a replica stops (SIGSTOP) while others stream: they reach the cap, name it after pml_p2prep_lag_max, and with
# pml_p2prep_lag_evict go on without it; when it wakes it leaves by itself
. "$(dirname "$0")/p2prep-lib.sh"
want cases 2 stop 20000

stopped() { sed -n 's/^pid //p' "$scratch/lag/$1"; }
named() { grep -c "^Replica $2 of rank $3 (process $1 on host" "$scratch/lag/err"; }
left_n() { [ "$(cat "$scratch/lag"/[0-9]* | grep -c '^left')" -eq "$1" ]; }
is_named() { [ "$(named "$@")" -gt 0 ]; }
# lag PROCESSES REPLICAS VICTIM EVICT [OPTION]...: in the background; the caller wakes the victim
lag() {
    lag_n=$1 lag_replicas=$2 lag_victim=$3 lag_evict=$4
    shift 4
    # shellcheck disable=SC2086
    job lag "$lag_n" $replicated --mca pml_p2prep_replicas "$lag_replicas" --mca pml_p2prep_retain_max 1M --mca pml_p2prep_lag_max 1 \
        --mca pml_p2prep_lag_evict "$lag_evict" "$@" p2prep-cases stop 20000 "$lag_victim" &
    lag_job=$!
    within 60 grep -qs '^stopped' "$scratch/lag/$lag_victim"
}
# evicted SENTENCE PROCESSES REPLICAS VICTIM REPLICA RANK [OPTION]...
evicted() {
    sentence=$1 n=$2 replicas=$3 victim=$4 replica=$5 of=$6
    shift 6
    lag "$n" "$replicas" "$victim" 1 "$@"
    claim "$sentence: the others come out of MPI_Finalize while it is stopped" within 30 left_n $((n - 1))
    kill -CONT "$(stopped "$victim")"
    wait $lag_job
    claim "$sentence: it is named, and that it is taken for dead" is_named "$victim" "$replica" "$of"
    claim "$sentence: when it goes on it says so and leaves" grep -q "^Process $victim on host .* leaves: the others took it for dead" "$scratch/lag/err"
    claim "$sentence: the right result of every rank" right lag
}
evicted "a receiver stops for good" 4 2 3 1 1
evicted "a sender stops for good" 4 2 2 1 0
evicted "the lowest process, a sender, stops for good" 4 2 0 0 0
evicted "one of three receivers stops for good, over TCP" 6 3 3 1 1 --mca pml_p2prep_transports tcp

lag 4 2 3 0
claim "without eviction: it is named after a second" within 20 is_named 3 1 1
sleep 3
claim "without eviction: the others wait" left_n 0
claim "without eviction: each that waits named it once" test "$(named 3 1 1)" -le 2
kill -CONT "$(stopped 3)"
wait $lag_job
claim "without eviction: the right result after SIGCONT" right lag
claim "without eviction: all come out of MPI_Finalize" came_out lag 4
claims_end
