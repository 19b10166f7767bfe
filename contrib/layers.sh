#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# layers.sh - checks every #include of ours against contrib/layers.conf; fails on one that crosses a wall
set -eu
cd "${P2PMPI_SRCDIR:-$(dirname "$0")/..}"
awk '
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
FILENAME == "contrib/layers.conf" {
    if ($0 ~ /^#/ || NF == 0) next
    split($0, part, ":"); folder = trim(part[1])
    ours[folder] = " " trim(part[2]) " "; libs[folder] = trim(part[3])
    next
}
FNR == 1 {
    where = FILENAME; sub(/\/[^\/]*$/, "", where)
    while (!(where in ours) && where ~ /\//) sub(/\/[^\/]*$/, "", where)
    files++
}
/^#[ \t]*include[ \t]*"/ {
    split($0, q, "\""); header = q[2]
    if (header == "config.h" || header ~ /^wire\/wire\.pb-c\.h$/ && index(ours[where], " wire ")) next
    room = header; sub(/\/.*/, "", room)
    if (!(where in ours)) { bad(where " is not in layers.conf"); next }
    if (room == header || index(ours[where], " " room " ") == 0) bad("may not include \"" header "\"")
}
/^#[ \t]*include[ \t]*<(event2\/|openssl\/|hwloc|pmix|jansson|zstd|xxh|ini\.h|uthash|utlist|protobuf-c\/)/ {
    split($0, q, /[<>]/); header = q[2]; n = split(libs[where], allowed, " "); ok = 0
    for (i = 1; i <= n; i++) if (allowed[i] == "*" || index(header, allowed[i]) == 1) ok = 1
    if (!ok) bad("may not include <" header ">")
    if (header ~ /^pmix_server\.h/ && FILENAME !~ /pmix-server\/px_/) bad("pmix_server.h belongs to px_* alone")
}
function bad(text) { print FILENAME ":" FNR ": " text; faults++ }
END { print files " files, " faults + 0 " includes across a wall"; exit faults > 0 }
' contrib/layers.conf $(find src supernode pmix-server mca-component -name '*.[ch]' | sort)
