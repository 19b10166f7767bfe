# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench-verify.sh - two replicas of each rank with pml_p2prep_verify beside the same without, in turn: time and CPU of the kernels
# BENCH_MEDIA (shm tcp); BENCH_RANKS (2); BENCH_KERNELS: "NAME.CLASS.TIMES ..."
# shellcheck shell=sh disable=SC2154

# verify_measure NAME 0|1 MEDIUM KERNEL.CLASS.TIMES: adds "KERNEL WALL CPU", of all replicas together
verify_measure() {
    verify_kernel=$(echo "$4" | tr . ' ')
    rm -rf "$scratch/meet" "$scratch/lines"
    mkdir "$scratch/meet"
    # shellcheck disable=SC2086
    must "$scratch/lines" p2prep "$3" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -x KERNEL_MEET="$scratch/meet" -x KERNEL_OWN_TIMES=1 \
        -n $((2 * ranks)) --mca pml_p2prep_replicas 2 --mca pml_p2prep_warn_host 0 --mca pml_p2prep_verify "$2" "$programs/kernels"/$verify_kernel
    [ "$(grep -c ' verified yes ' "$scratch/lines")" -eq $((2 * ranks)) ] || { echo "wrong result:" && cat "$scratch/lines" && exit 1; }
    awk -v kernel="$4" '{ wall = $8 > wall ? $8 : wall; cpu += $12 } END { print kernel, wall, cpu }' "$scratch/lines" >>"$scratch/verify.$3.$1"
}

ranks=${BENCH_RANKS:-2}
echo "two replicas of $ranks ranks, messages verified, beside the same without; a ratio is cost, > means over 1.02"
for verify_medium in ${BENCH_MEDIA:-shm tcp}; do
    for _ in $(seq "$pairs"); do
        for verify_what in ${BENCH_KERNELS:-is.A.2 cg.W.4 ft.W.4}; do
            for verify_how in $(shuf -e plain:0 verified:1 again:0); do
                verify_measure "${verify_how%:*}" "${verify_how#*:}" "$verify_medium" "$verify_what"
            done
        done
    done
    awk -v medium="$verify_medium" -v pairs="$pairs" -f "$P2PMPI_SRCDIR/test/bench/medians.awk" -f "$P2PMPI_SRCDIR/test/bench/verify.awk" \
        "$scratch/verify.$verify_medium.verified" "$scratch/verify.$verify_medium.plain" "$scratch/verify.$verify_medium.again"
done
