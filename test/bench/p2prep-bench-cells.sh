# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench-cells.sh - one replica: latency, message rate and bandwidth by size (p2prep-pair.c)
# BENCH_MEDIA (shm tcp); BENCH_CELL_MS (30) for each cell of a run; BENCH_BYTES: the sizes
# shellcheck shell=sh disable=SC2154

# one start of each, in random order, for what ran before leaves its traces in caches and free memory; "again" is ob1 once more: what differs there is noise
cells_round() {
    cells_medium=$1
    for cells_name in $(shuf -e ob1 p2prep again); do
        cells_pml=${cells_name%again}
        # shellcheck disable=SC2086
        must "$scratch/cells.$cells_medium.$cells_name" "${cells_pml:-ob1}" "$cells_medium" \
            -n 2 --bind-to core "$programs/p2prep-pair" "${BENCH_CELL_MS:-30}" ${BENCH_BYTES:-}
    done
}

echo "one replica; a ratio above 1 is for p2prep, < means under 0.97"
for cells_medium in ${BENCH_MEDIA:-shm tcp}; do
    for _ in $(seq "$pairs"); do
        cells_round "$cells_medium"
    done
    awk -v medium="$cells_medium" -v pairs="$pairs" -v summary="$scratch/cells.summary" \
        -f "$P2PMPI_SRCDIR/test/bench/medians.awk" -f "$P2PMPI_SRCDIR/test/bench/cells.awk" \
        "$scratch/cells.$cells_medium.p2prep" "$scratch/cells.$cells_medium.ob1" "$scratch/cells.$cells_medium.again"
done
sort -n "$scratch/cells.summary" | sed -n '1s/^/smallest ratio: /p'
