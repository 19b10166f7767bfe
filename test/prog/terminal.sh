#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# terminal.sh - p2pmpirun under an interactive shell
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need python3 python3
need bash bash
need ps procps
P2PMPI_BUILDDIR="$P2PMPI_BUILDDIR" timeout -k 5 200 python3 "$P2PMPI_SRCDIR/test/prog/terminal.py"
