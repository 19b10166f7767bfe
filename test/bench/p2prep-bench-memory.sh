# SPDX-License-Identifier: BSD-3-Clause
# p2prep-bench-memory.sh - memory for each further process of a job, idle: what jobs of 4 and of 36 processes differ by (p2prep-memory.c)
# BENCH_MEDIA (shm tcp); BENCH_PROCESSES (36)
#
# Private memory, so without the rings, which stand beside; the kernel's, of sockets, is not seen. What Open MPI itself needs for a process is in all rows.
# shellcheck shell=sh disable=SC2154

# memory_run FILE MEDIUM PROCESSES PML OPTIONS...: every process's lines
memory_run() {
    memory_file=$1 memory_medium=$2 memory_n=$3 memory_pml=$4
    shift 4
    must "$memory_file" "$memory_pml" "$memory_medium" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -n "$memory_n" "$@" \
        "$programs/p2prep-memory"
}

# memory_row MEDIUM NAME PML OPTIONS...
memory_row() {
    row_medium=$1 row_name=$2 row_pml=$3
    shift 3
    rm -f "$scratch/few" "$scratch/many"
    memory_run "$scratch/few" "$row_medium" 4 "$row_pml" "$@"
    memory_run "$scratch/many" "$row_medium" "$many" "$row_pml" "$@"
    awk -v name="$row_medium $row_name" -v n="$many" '
        FILENAME ~ /few$/ { few[$1] += $2 / 4; few_shared[$1] += $3 / 4 }
        FILENAME ~ /many$/ { many[$1] += $2 / n; many_shared[$1] += $3 / n }
        END {
            printf "%-28s %8.2f %8.2f   %8.2f %8.2f   %10.0f\n", name, (many["idle"] - few["idle"]) / (n - 4), (many["met"] - few["met"]) / (n - 4),
                (many_shared["idle"] - few_shared["idle"]) / (n - 4), (many_shared["met"] - few_shared["met"]) / (n - 4), few["idle"]
        }' "$scratch/few" "$scratch/many"
}

many=${BENCH_PROCESSES:-36}
echo "memory for each further process of a job, in KiB, after a barrier | after a message to and from every rank"
printf '%-28s %8s %8s   %8s %8s   %10s\n' "" private met rings met "4 in all"
for memory_medium_now in ${BENCH_MEDIA:-shm tcp}; do
    memory_row "$memory_medium_now" ob1 ob1
    memory_row "$memory_medium_now" "p2prep, one replica" p2prep
    memory_row "$memory_medium_now" "p2prep, two replicas" p2prep --mca pml_p2prep_replicas 2 --mca pml_p2prep_warn_host 0
done
