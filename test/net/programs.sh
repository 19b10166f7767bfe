#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# programs.sh - programs that know nothing of us, over four hosts of two slots
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"
. "$P2PMPI_SRCDIR/test/net/apps/cases.sh"

grid_up 4 2
stage=--preload-files
fetch=--fetch
here() { on h1 "$@"; }
app_world 8 "8 ranks on 4 hosts"
app_mpi4py 4 "4 ranks and 4 hosts"
app_tachyon 8
app_netpipe
app_hpcc 4
app_fortran 6
claim "nothing is left on any host" clean_within 5
claims_end
