# SPDX-License-Identifier: BSD-3-Clause
# step-lib.sh - what the tests of p2pmpi-stepd share; read with "."
set -u
: "${P2PMPI_BUILDDIR:=$PWD}" "${P2PMPI_SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
export P2PMPI_BUILDDIR
. "$P2PMPI_SRCDIR/test/lib/sanitizer.sh"
prog=$P2PMPI_BUILDDIR/test/mpi
drive=$P2PMPI_BUILDDIR/test/lib/stepdrive
scratch=$(mktemp -d)
sanitizer_begin
trap 'code=$?; trap - EXIT; rm -rf "$scratch"; sanitizer_end || code=1; exit $code' EXIT
trap 'exit 130' INT TERM HUP
failed=0
if [ ! -x "$prog/hello" ]; then
    echo "SKIP: no mpicc (libopenmpi-dev)"
    exit 77
fi

# run CODE OPTION...: stepdrive must exit with CODE; its output is then in $scratch/out and $scratch/err
run() {
    wanted=$1
    shift
    what=$*
    "$drive" "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code -eq "$wanted" ] || complain "exit code $code, not $wanted"
}

complain() {
    echo "FAIL: stepdrive $what: $*"
    sed 's/^/    /' "$scratch/out" "$scratch/err"
    failed=1
}

says() { grep -q -e "$1" "$scratch/out" "$scratch/err" || complain "does not say: $1"; }
lines() { [ "$(grep -c -e "$2" "$scratch/out")" -eq "$1" ] || complain "not $1 lines: $2"; }

# gone PATTERN: no such process one second from now, at the latest
gone() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        pgrep -f "$1" >/dev/null || return 0
        sleep 0.1
    done
    complain "still there: $(pgrep -fa "$1")"
}
