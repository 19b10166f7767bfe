#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-cases.sh - the cases by name that have broken replication before (p2prep-cases.c), at full size, with real processes that die:
# every logical rank's result is the unreplicated run's
. "$(dirname "$0")/p2prep-lib.sh"

# try SENTENCE SURVIVORS REPLICAS OPTIONS CASE N [VICTIM]...: two ranks
try() {
    sentence=$1 survivors=$2 replicas=$3 options=$4
    shift 4
    want cases 2 "$1" "$2"
    # shellcheck disable=SC2086
    job "$1" $((2 * replicas)) $replicated --mca pml_p2prep_replicas "$replicas" --mca pml_p2prep_stats 1 $options p2prep-cases "$@"
    claim "$sentence: the right result" right "$1"
    claim "$sentence: $survivors come out of MPI_Finalize" came_out "$1" "$survivors"
}
shm="--mca pml_p2prep_transports shm"
ring="$shm --mca pml_p2prep_no_cma 1"
tcp="--mca pml_p2prep_transports tcp"
both="--mca pml_p2prep_transports shm,tcp"

# Ten seconds long: the others run meanwhile.
want cases 2 stop 20000
stop_want=$want
# shellcheck disable=SC2086
job stop 4 $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_stats 1 --mca pml_p2prep_retain_max 4M \
    --mca pml_p2prep_lag_max 4 p2prep-cases stop 20000 3 &
stop_job=$!
stopped_at() { sed -n 's/^at //p' "$scratch/stop/1" | tail -n 1; }
# Four seconds after the others have reached the cap they name it; it stays stopped for six more, in which they must not go on.
watch_stopped() {
    within 60 grep -qs '^Replica 1 of rank 1 (process 3 on host' "$scratch/stop/err"
    stopped_at >"$scratch/at-cap"
    sleep 6
    stopped_at >"$scratch/at-end"
    kill -CONT "$(sed -n 's/^pid //p' "$scratch/stop/3")"
}
watch_stopped &
watch_job=$!

# halfway SENTENCE SURVIVORS REPLICAS OPTIONS VICTIM...: killed while 64 MiB arrive. Where the cores are busy the watcher may see the bytes
# when all are there: then once more. Whenever it was, the result must be right.
halfway() {
    sentence=$1 survivors=$2 replicas=$3 options=$4
    shift 4
    want cases 2 huge 64
    for _ in 1 2 3 4 5 6 7 8; do
        # shellcheck disable=SC2086
        job huge $((2 * replicas)) $replicated --mca pml_p2prep_replicas "$replicas" --mca pml_p2prep_stats 1 $options p2prep-cases huge 64 "$@"
        right huge >"$scratch/halfway" && grep -q "^too late" "$scratch/huge/3" || break
    done
    claim "$sentence: the right result" right huge
    claim "$sentence: $survivors come out of MPI_Finalize" came_out huge "$survivors"
    for victim in "$@"; do
        claim "$sentence: process $victim in time" said huge 3 "in time for $victim"
    done
}
for medium in "$shm" "$ring" "$tcp"; do
    halfway "the sender of 64 MiB is killed when half is there (${medium#*transports })" 3 2 "$medium" 2
done
for medium in "$ring" "$tcp"; do
    halfway "the receiver of 64 MiB is killed when half is there (${medium#*transports })" 3 2 "$medium" 3
    halfway "three senders of 64 MiB are killed at a half, three quarters, seven eighths (${medium#*transports })" 5 4 "$medium" 2 0 4
done

for medium in "$shm" "$tcp"; do
    name=${medium#*transports }
    try "a sender is killed that has sent nothing when all others have freed the communicator ($name)" 3 2 "$medium" freed 1000 2
    try "a sender is killed when everybody has freed the communicator ($name)" 3 2 "$medium" leaver 1000 2
    try "2,000 streams below every threshold, the sender is killed ($name)" 3 2 "$medium" streams 2000 2
done
try "2,000 streams below every threshold, the receiver is killed" 3 2 "$both" streams 2000 3

small="--mca pml_p2prep_retain_max 1M"
try "a million small sends behind an unmatched large one" 4 2 "$both" behind 1000000
claim "a million small sends behind an unmatched large one: kept below the cap of 64 MiB" peak_below behind 67108864
try "a million small sends behind an unmatched large one, cap 1 MiB" 4 2 "$both $small" behind 1000000
claim "a million small sends behind an unmatched large one, cap 1 MiB: kept below it" peak_below behind 1048576
try "a million small sends behind an unmatched large one, the sender is killed half way" 3 2 "$both $small" behind 1000000 2
claim "a million small sends behind an unmatched large one, the sender is killed: kept below the cap" peak_below behind 1048576

wait $stop_job $watch_job
want=$stop_want
claim "one replica is stopped for 10 s: the others go on for a while" test "$(cat "$scratch/at-cap")" -gt 1000
claim "one replica is stopped for 10 s: at the cap they wait" cmp "$scratch/at-cap" "$scratch/at-end"
# named PATTERN: so many processes were said to keep others waiting
named() { grep "^Replica . of rank . (process" "$scratch/stop/err" | grep -c "$1"; }
lag_named() { [ "$(named "process 3 on host")" -gt 0 ] && [ "$(named "process [^3]")" -eq 0 ] || { job_words stop; return 1; }; }
claim "one replica is stopped for 10 s: the others name it and its host after 4 s, and nobody else" lag_named
claim "one replica is stopped for 10 s: the right result after SIGCONT" right stop
claim "one replica is stopped for 10 s: all come out of MPI_Finalize" came_out stop 4
claim "one replica is stopped for 10 s: kept below the cap" peak_below stop 4194304
claims_end
