#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# manual.sh - the manual pages are sound, and name every option that the programs tell of
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mandoc mandoc
man=$P2PMPI_SRCDIR/docs/man

for page in "$man"/*.[1-8]; do
    claim "$(basename "$page") is sound" mandoc -T lint -W warning "$page"
done

# Words of --help that look like long options
options() { "$1" --help | grep -oE -- '(^|[ ,])--[a-z][a-z-]+' | tr -d ' ,' | sort -u; }
all_in() {
    mandoc -T ascii "$2" | sed 's/.\x08//g' >page
    for option in $(options "$1"); do holds "$option" page || return 1; done
}
for tool in p2pmpirun p2pmpi-hosts p2pmpi-ps p2pmpi-boot p2pmpi-halt; do
    claim "$tool.1 names every option" all_in "$bin/$tool" "$man/$tool.1"
done
claim "p2pmpid.8 names every option" all_in "$P2PMPI_BUILDDIR/pmix-server/p2pmpid" "$man/p2pmpid.8"
claims_end
