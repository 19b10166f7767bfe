#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-smoke.sh - part of make check: the benchmarks of p2prep run and give what they promise, the kernels right results; whether it is
# quick, make bench says
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/p2prep-lib.sh"
kernels=$P2PMPI_BUILDDIR/test/bench/kernels

# bench PART: with one run of each
bench() { BENCH_PAIRS=1 BENCH_PARTS=$1 sh "$P2PMPI_SRCDIR/test/bench/p2prep-bench.sh" >"$scratch/$1" 2>&1 || { cat "$scratch/$1"; return 1; }; }
# rows PART NUMBER PATTERN
rows() { cat "$scratch/$1"; [ "$(grep -c "$3" "$scratch/$1")" -eq "$2" ]; }

BENCH_CELL_MS=1 BENCH_BYTES="8 65536"
export BENCH_CELL_MS BENCH_BYTES
claim "cells: latency, rate and bandwidth are measured" bench cells
claim "cells: three numbers above zero and a ratio for each medium, kind and size" \
    rows cells 12 '^[a-z]*  *[0-9]* [a-zA-Z/]* \( *[0-9.]*[1-9][0-9.]*\)\{4\} ±'
claim "cells: the smallest ratio comes last" rows cells 1 '^smallest ratio: [0-9.]* ([a-z]*, [a-z]*, [0-9]* bytes)$'

BENCH_KERNELS="cg.S.1"
export BENCH_KERNELS
claim "replicas: time and CPU are measured beside two copies" bench replicas
claim "replicas: two numbers above zero and a ratio for each medium and kind" \
    rows replicas 12 '^cg.S.1  *[a-zA-Z ]*\( *[0-9.]*[1-9][0-9.]*\)\{4\} ±'

claim "verify: time and CPU are measured with and without" bench verify
claim "verify: two numbers above zero and a ratio for each medium and kind" \
    rows verify 4 '^cg.S.1  *[a-zA-Z]* \( *[0-9.]*[1-9][0-9.]*\)\{3\} ±'

BENCH_STALLS=1
export BENCH_STALLS
claim "stall: a process dies, the others go on" bench stall
claim "stall: median and worst for each medium, with a death and without" \
    rows stall 4 '^[a-z]* *[a-z ]*  *1 runs: median *[0-9.]*[1-9][0-9.]* ms, worst *[0-9.]*[1-9][0-9.]* ms$'

BENCH_PROCESSES=8
export BENCH_PROCESSES
claim "memory: jobs of different sizes tell what they have" bench memory
claim "memory: a row for ob1, one replica and two over each medium" rows memory 6 '^[a-z]* [ob1p2re, ntlicaws]*\( *-*[0-9]*[.][0-9][0-9]\)\{4\}  *[1-9][0-9]*$'

# verified NAME N: so many lines say so
verified() { [ "$(grep -c ' verified yes ' "$scratch/$1/out")" -eq "$2" ] || { job_words "$1"; return 1; }; }
for when in ep:50000 is:1000 cg:10000 ft:20000 farm:5000 spin:5000; do
    kernel=${when%:*}
    job ob1 4 --mca pml ob1 --mca btl self,vader "$kernels/$kernel" S
    claim "$kernel: the published values on 4 ranks" verified ob1 1
    # shellcheck disable=SC2086
    job two 4 $replicated --mca pml_p2prep_replicas 2 "$kernels/$kernel" S
    claim "$kernel: the published values on 2 ranks with 2 replicas" verified two 2
    job ob1 2 --mca pml ob1 --mca btl self,vader "$kernels/$kernel" S result
    grep '^rank' "$scratch/ob1/out" | sort >"$scratch/want.$kernel"
    want=$scratch/want.$kernel
    # shellcheck disable=SC2086
    job killed 4 $replicated --mca pml_p2prep_replicas 2 -x P2PREP_KILL=1:${when#*:} "$kernels/$kernel" S result
    claim "$kernel: process 1 is killed, every rank's result is the unreplicated one's" right killed
    claim "$kernel: process 1 died before the end" came_out killed 3
done
claims_end
