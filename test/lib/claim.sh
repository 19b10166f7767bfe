# SPDX-License-Identifier: BSD-3-Clause
# claim.sh - for test scripts: claims, each a sentence, printed as TAP lines; waiting by condition
#
#   . "$P2PMPI_SRCDIR/test/lib/claim.sh"
#   need mpicc libopenmpi-dev            # else the whole script is skipped, with this reason
#   claim "two and two is four" test $((2 + 2)) -eq 4
#   claims_end
# shellcheck shell=sh
: "${P2PMPI_SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${P2PMPI_BUILDDIR:=$P2PMPI_SRCDIR}"
claim_count=0
claim_failed=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/p2pmpi-test.XXXXXX")
at_exit='rm -rf "$scratch"'
. "$P2PMPI_SRCDIR/test/lib/sanitizer.sh"
sanitizer_begin
# shellcheck disable=SC2154
trap 'code=$?; trap - EXIT; eval "$at_exit"; sanitizer_end || code=1; exit $code' EXIT
trap 'exit 130' INT TERM HUP

# Whole script: not possible on this machine
skip_all() {
    echo "1..0 # SKIP $*"
    exit 77
}

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null 2>&1 || skip_all "$1 is missing (Debian package $2)"
}

# claim SENTENCE COMMAND...: runs it; what it prints is shown when it fails
claim() {
    claim_sentence=$1
    shift
    claim_count=$((claim_count + 1))
    if "$@" >"$scratch/claim.log" 2>&1; then
        echo "ok $claim_count - $claim_sentence"
    else
        echo "not ok $claim_count - $claim_sentence"
        { echo "+ $*"; tail -n 40 "$scratch/claim.log"; } | sed 's/^/#   /'
        claim_failed=$((claim_failed + 1))
        return 1
    fi
}

# skip SENTENCE REASON: one claim that this machine cannot prove
skip() {
    claim_count=$((claim_count + 1))
    echo "ok $claim_count - $1 # SKIP $2"
}

claims_end() {
    echo "1..$claim_count"
    [ "$claim_failed" -eq 0 ] || exit 1
    exit 0
}

not() { ! "$@"; }

# within SECONDS COMMAND...: tries again until it succeeds or time is up
within() {
    within_end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$within_end" ] || return 1
        sleep 0.05
    done
}

# says TEXT COMMAND...: the command's output (both streams) holds the text, whatever it answers
says() {
    says_text=$1
    shift
    says_output=$("$@" 2>&1)
    case $says_output in
    *"$says_text"*) return 0 ;;
    esac
    printf 'wanted: %s\ngot: %s\n' "$says_text" "$says_output"
    return 1
}

# answers CODE COMMAND...: the command's exit code
answers() {
    answers_code=$1
    shift
    answers_got=0
    "$@" || answers_got=$?
    [ "$answers_got" -eq "$answers_code" ] && return 0
    echo "wanted exit code $answers_code, got $answers_got"
    return 1
}
