# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench-stall.sh - the longest gap in a survivor's iterations when a process dies while its partner waits (p2prep-stall.c)
# BENCH_MEDIA (shm tcp); BENCH_STALLS (50) runs with a death and as many without, in turn
# shellcheck shell=sh disable=SC2154
stalls=${BENCH_STALLS:-50}

# stall_run NAME MEDIUM SURVIVORS [PROCESS ITERATION]: adds the longest gap of all survivors, in ms
stall_run() {
    stall_file=$scratch/stall.$2.$1 stall_medium=$2 stall_survivors=$3
    shift 3
    rm -f "$scratch/gaps"
    must "$scratch/gaps" p2prep "$stall_medium" --enable-recovery --oversubscribe --bind-to none -n 4 \
        --mca pml_p2prep_replicas 2 --mca pml_p2prep_warn_host 0 "$programs/p2prep-stall" "$@"
    [ "$(grep -c '^gap' "$scratch/gaps")" -eq "$stall_survivors" ] || { echo "not $stall_survivors survivors:" && cat "$scratch/gaps" && exit 1; }
    sed -n 's/^gap //p' "$scratch/gaps" | sort -n | tail -n 1 >>"$stall_file"
}

# stall_row WHAT FILE
stall_row() {
    printf '%-4s %-14s %5d runs: median %8.3f ms, worst %8.3f ms\n' "$stall_medium_now" "$1" "$stalls" \
        "$(median "$2")" "$(sort -n "$2" | tail -n 1)"
}

echo "longest stall of a survivor; 2 ranks with 2 replicas, a message each ms"
for stall_medium_now in ${BENCH_MEDIA:-shm tcp}; do
    for _ in $(seq "$stalls"); do
        stall_run none "$stall_medium_now" 4
        stall_run killed "$stall_medium_now" 3 "$(shuf -n 1 -i 0-3)" "$(shuf -n 1 -i 50-250)"
    done
    stall_row "a process dies" "$scratch/stall.$stall_medium_now.killed"
    stall_row "nobody dies" "$scratch/stall.$stall_medium_now.none"
done
