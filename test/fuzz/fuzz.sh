#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# fuzz.sh SRCDIR SECONDS TARGET... - builds the fuzz targets with libFuzzer in fuzz-build/ and runs each for SECONDS.
# New inputs stay in fuzz-build/found/NAME, a crash in fuzz-build/crash/NAME-...; the first crash ends it.
set -eu
srcdir=$1 seconds=$2
shift 2
command -v clang >/dev/null || { echo "fuzz.sh: clang is missing; on Debian: apt-get install clang" >&2; exit 77; }
mkdir -p fuzz-build
cd fuzz-build
checks=address,undefined
[ -f Makefile ] || "$srcdir/configure" CC=clang CFLAGS="-g -O1 -fno-omit-frame-pointer" >configure.log
make src/wire/wire.pb-c.h
make CFLAGS="-g -O1 -fsanitize=fuzzer-no-link,$checks -fno-sanitize-recover=undefined" libp2pmpi.la libtools.la
for target in "$@"; do
    make CFLAGS="-g -O1 -fsanitize=fuzzer,$checks -fno-sanitize-recover=undefined" \
        CPPFLAGS=-DP2PMPI_FUZZ_ENGINE "test/fuzz/$target"
done
for target in "$@"; do
    name=${target#fuzz-}
    mkdir -p "found/$name" crash
    echo "== $target, $seconds s"
    "test/fuzz/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="crash/$name-" "found/$name" "$srcdir/test/fuzz/corpus/$name"
done
