#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-smoke.sh - part of make check: the benchmarks of p2prep run and give what they promise; whether it is quick, make bench says
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
need mpirun openmpi-bin
test -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" || skip_all "no component here: needs libopenmpi-dev"

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
claims_end
