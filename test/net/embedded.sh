#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# embedded.sh - the same programs with no daemon at all: p2pmpirun as mpirun is used
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/net/apps/cases.sh"
need mpicc libopenmpi-dev

work=$scratch/work
mkdir -p "$work"
cp "$P2PMPI_BUILDDIR"/test/net/apps/* "$P2PMPI_SRCDIR"/test/net/apps/pi.py "$P2PMPI_SRCDIR"/contrib/scenes/peers.dat "$work" 2>/dev/null
P2PMPI_DIR=$scratch/p2pmpi
TMPDIR=$scratch/tmp
mkdir -p "$TMPDIR"
export P2PMPI_DIR TMPDIR
here() { (cd "$work" && "$@"); }
run() { here timeout -k 5 60 "$P2PMPI_BUILDDIR/src/tools/p2pmpirun" "$@"; }
is_swept() { [ -z "$(find "$TMPDIR" "$P2PMPI_DIR/run" -mindepth 1)" ]; }

app_world 4 "4 ranks on 1 hosts"
app_mpi4py 3 "3 ranks and 1 hosts"
app_tachyon 4
app_netpipe
app_hpcc 4
app_fortran 4
app_codes
claim "nothing is left of the jobs" within 5 is_swept
claims_end
