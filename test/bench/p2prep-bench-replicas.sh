# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench-replicas.sh - two replicas of each rank beside two copies of the unreplicated run, started together: time and CPU
# BENCH_MEDIA (shm tcp); BENCH_RANKS (2); BENCH_KERNELS: "NAME.CLASS.TIMES ..."
#
# More processes than cores: all yield when idle, none is bound. The kernels' clocks start together, after MPI_Init: a copy that starts
# later would have the cores to itself at the end.
# shellcheck shell=sh disable=SC2154

# replicas_run NAME MEDIUM KERNEL.CLASS.TIMES: the kernels' lines into $scratch/lines
replicas_run() {
    replicas_kernel=$(echo "$3" | tr . ' ')
    rm -rf "$scratch/meet" "$scratch/lines"
    mkdir "$scratch/meet"
    # shellcheck disable=SC2086
    set -- "$1" "$2" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -x KERNEL_MEET="$scratch/meet" "$programs/kernels"/$replicas_kernel
    replicas_name=$1
    shift
    case $replicas_name in
    replicas) replicas_medium=$1 && shift && must "$scratch/lines" p2prep "$replicas_medium" -n $((2 * ranks)) \
        --mca pml_p2prep_replicas 2 --mca pml_p2prep_warn_host 0 "$@" ;;
    copies | again) must "$scratch/lines" replicas_twice ob1 "$@" ;;
    p2prep) must "$scratch/lines" replicas_twice p2prep "$@" ;;
    esac
}

# replicas_twice PML MEDIUM OPTIONS...: side by side
replicas_twice() {
    twice_pml=$1 twice_medium=$2
    shift 2
    "$twice_pml" "$twice_medium" -n "$ranks" "$@" &
    twice_first=$!
    "$twice_pml" "$twice_medium" -n "$ranks" "$@"
    twice_code=$?
    wait $twice_first && return $twice_code
}

# replicas_measure NAME MEDIUM KERNEL: adds "KERNEL WALL CPU MPI WHOLE-WALL WHOLE-CPU MPI-CPU COMPUTING-CPU", all of both copies or replicas together
replicas_measure() {
    replicas_from=$(date +%s%N) && times >"$scratch/times.from"
    replicas_run "$@"
    replicas_to=$(date +%s%N) && times >"$scratch/times.to"
    [ "$(grep -c ' verified yes ' "$scratch/lines")" -eq 2 ] || { echo "wrong result:" && cat "$scratch/lines" && exit 1; }
    awk -v kernel="$3" -v whole="$(((replicas_to - replicas_from) / 1000))" '
        function seconds(word,    part) { split(word, part, "m"); return part[1] * 60 + part[2] }
        FILENAME ~ /lines$/ { wall = $8 > wall ? $8 : wall; mpi += $10 / 2; cpu += $12; mpicpu += $14 }
        FILENAME ~ /times/ && FNR == 2 { all += (FILENAME ~ /to$/ ? 1 : -1) * (seconds($1) + seconds($2)) }
        END { print kernel, wall, cpu, mpi, whole / 1e6, all, mpicpu, cpu - mpicpu }' "$scratch/lines" "$scratch/times.from" "$scratch/times.to" \
        >>"$scratch/replicas.$2.$1"
}

ranks=${BENCH_RANKS:-2}
echo "two replicas of $ranks ranks beside two copies side by side; a ratio is cost, > means over 1.03"
for replicas_medium_now in ${BENCH_MEDIA:-shm tcp}; do
    for _ in $(seq "$pairs"); do
        for replicas_what in ${BENCH_KERNELS:-ep.W.2 is.A.2 cg.W.4 ft.W.4 farm.W.1 spin.W.1}; do
            for replicas_how in $(shuf -e copies replicas again p2prep); do
                replicas_measure "$replicas_how" "$replicas_medium_now" "$replicas_what"
            done
        done
    done
    awk -v medium="$replicas_medium_now" -v pairs="$pairs" -f "$P2PMPI_SRCDIR/test/bench/medians.awk" -f "$P2PMPI_SRCDIR/test/bench/replicas.awk" \
        "$scratch/replicas.$replicas_medium_now.replicas" "$scratch/replicas.$replicas_medium_now.copies" \
        "$scratch/replicas.$replicas_medium_now.again" "$scratch/replicas.$replicas_medium_now.p2prep"
done
