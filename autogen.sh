#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# autogen.sh - makes ./configure; needs autoconf, automake, libtool, pkg-config
set -eu
cd "$(dirname "$0")"
for tool in autoreconf automake libtoolize pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "autogen.sh: $tool is missing; on Debian: apt-get install autoconf automake libtool pkg-config" >&2
        exit 1
    }
done
mkdir -p m4
exec autoreconf --install --force "$@"
