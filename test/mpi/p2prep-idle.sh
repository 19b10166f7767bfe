#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-idle.sh - a process that waits where cores are shared leaves its core to others
set -u
. "$(dirname "$0")/p2prep-lib.sh"

# waited JOB FROM TO JOBS: so many processes waited, each with a core for FROM to TO per cent of the time
waited() {
    sed -n 's/^waited //p' "$scratch/$1/out" | awk -v from="$2" -v to="$3" -v n="$4" \
        '{ if ($1 < from || $1 > to) wrong++ } END { exit wrong || NR != n }' && return 0
    cat "$scratch/$1/out"
    job_words "$1"
    return 1
}

for medium in shm tcp; do
    only="--mca pml_p2prep_transports $medium --mca mpi_yield_when_idle"
    # shellcheck disable=SC2086 # several words
    job one 2 --mca pml p2prep $only 1 p2prep-idle
    claim "$medium: who waits uses less than half of its core" waited one 0 50 1
    # shellcheck disable=SC2086
    job two 4 $replicated --mca pml_p2prep_replicas 2 $only 1 p2prep-idle
    claim "$medium: ... with replicas, too" waited two 0 50 2
done
claims_end
