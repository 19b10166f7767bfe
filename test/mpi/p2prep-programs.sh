#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-programs.sh - programs from Debian under stock mpirun: with p2prep, with one and two replicas, also when a process
# is killed in the middle of its calls of MPI, they give what they give with ob1
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-sets.sh"

# ---------------------------------------------------------------- mpi4py

# every logical rank's line, of whatever replica
result_of_lines() { grep '^rank' "$run/out" | sort -u; }

if /usr/bin/python3 -c 'import mpi4py, numpy' 2>/dev/null; then
    for part in pickles ring arrays alltoallv persistent; do
        both "mpi4py, $part," lines 3 -- /usr/bin/python3 "$source/test/mpi/p2prep-mpi4py.py" $part
    done
else
    skip "mpi4py's programs" "python3-mpi4py or python3-numpy is missing"
fi

# ---------------------------------------------------------------- tachyon

# It calls MPI_Testsome for each line of the picture, and does not look at the answer: no decision is needed, it may be killed.
result_of_picture() { cat "$1/out.ppm"; }

parallel=$(ls /usr/lib/*/libtachyon-openmpi.so.0 2>/dev/null)
if command -v tachyon-nox >/dev/null && [ -n "$parallel" ]; then
    mkdir "$scratch/lib"
    ln -s "$parallel" "$scratch/lib/libtachyon.so.0" # whatever alternative the machine has chosen
    input=$source/contrib/scenes/peers.dat
    both tachyon-nox picture 3 -x LD_LIBRARY_PATH="$scratch/lib" -- \
        tachyon-nox peers.dat -res 160 120 -format PPM -o out.ppm
    input=
else
    skip "tachyon-nox" "tachyon-bin-nox or libtachyon-openmpi-0 is missing"
fi

# ---------------------------------------------------------------- hpcc

# What its sections say about their own results, without the times
result_of_verdicts() {
    awk '/^Found .* errors|tests completed and |^Success=|Errors=|^\|\|Ax-b\|\|/ {print}
        /^WALL/ {print $2, $3, $4, $5, $6, $7, $9}' "$1/hpccoutf.txt"
}

# MPIRandomAccess receives from any source and tests, HPL asks with MPI_Iprobe whether to pass a panel on, the latency section makes
# its loops longer by the clock: all of it decided.
if command -v hpcc >/dev/null && [ -e /usr/share/doc/hpcc/examples/_hpccinf.txt ]; then
    input=$scratch/hpccinf.txt
    sed -e 's/^1000 *Ns/64 Ns/' -e 's/^80 *NBs/16 NBs/' /usr/share/doc/hpcc/examples/_hpccinf.txt >"$input"
    both hpcc verdicts 4 -- hpcc
    input=
else
    skip "hpcc" "hpcc, or its example in /usr/share/doc, is missing"
fi
claims_end
