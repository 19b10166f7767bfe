# SPDX-License-Identifier: BSD-3-Clause
# sanitizer.sh - for test scripts, in a build with sanitizers: reports of all programs, those in the background, on
# namespace hosts and in sandboxes among them, fail the test. Else it does nothing.
#
#   sanitizer_begin; ...; sanitizer_end || code=1
# shellcheck shell=sh
sanitizer_dir=

sanitizer_begin() {
    grep -qs '^CFLAGS = .*-fsanitize=' "$P2PMPI_BUILDDIR/Makefile" || return 0
    sanitizer_dir=$(mktemp -d "${TMPDIR:-/tmp}/p2pmpi-sanitizer.XXXXXX")
    sanitizer_log=$sanitizer_dir/report
    # a copy: namespace hosts do not see the source tree
    cp "$P2PMPI_SRCDIR/test/lib/lsan.supp" "$sanitizer_dir/lsan.supp"
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=1:log_path=$sanitizer_log"
    LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$sanitizer_dir/lsan.supp:print_suppressions=0"
    UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}print_stacktrace=1:log_path=$sanitizer_log"
    P2PMPI_SANITIZER_DIR=$sanitizer_dir # src/peer/sandbox.c shows it to jobs
    NETLAB_PASS="P2PMPI_SANITIZER_DIR${NETLAB_PASS:+ $NETLAB_PASS}"
    export ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS P2PMPI_SANITIZER_DIR NETLAB_PASS
}

# Programs that still look for their leaks; this search itself must not have the mark that it looks for.
sanitizer_users() {
    env -u ASAN_OPTIONS -u LSAN_OPTIONS -u UBSAN_OPTIONS -u P2PMPI_SANITIZER_DIR \
        grep -ls "P2PMPI_SANITIZER_DIR=$sanitizer_dir" /proc/[0-9]*/environ
}

# To be called when all programs have ended or were told to.
sanitizer_end() {
    [ -n "$sanitizer_dir" ] || return 0
    for _ in $(seq 100); do
        [ -n "$(sanitizer_users)" ] || break
        sleep 0.1
    done
    sanitizer_found=0
    for report in "$sanitizer_log".*; do
        [ -s "$report" ] || continue
        sanitizer_found=1
        echo "not ok 0 - a sanitizer has nothing to say"
        sed 's/^/#   /' "$report"
    done
    rm -rf "$sanitizer_dir"
    return $sanitizer_found
}
