# SPDX-License-Identifier: BSD-3-Clause
# typed.sh - for the scripts of test/prog, behind claim.sh: a private P2PMPI_DIR and current directory, commands
# with a time limit, processes that are ended with the script
# shellcheck shell=sh disable=SC2034,SC2154
bin=$P2PMPI_BUILDDIR/src/tools
P2PMPI_DIR=$scratch/p
export P2PMPI_DIR
mkdir -p "$scratch/work"
cd "$scratch/work" || exit 99

started_pids=
started() { started_pids="$started_pids $*"; }
# Only what this script started, by number.
end_started() {
    for started_pid in $started_pids; do kill "$started_pid" 2>/dev/null; done
    for started_pid in $started_pids; do wait "$started_pid" 2>/dev/null; done
}
at_exit='end_started; cd /; rm -rf "$scratch"'

# limited SECONDS COMMAND...: sets code; its output is in the files out and err
limited() {
    limited_s=$1
    shift
    code=0
    timeout -k 5 "$limited_s" "$@" >out 2>err || code=$?
}

# A process that has ended, although nobody may have asked for its exit code yet
is_dead() {
    case $(ps -o stat= -p "$1" 2>/dev/null) in
    '' | Z*) return 0 ;;
    esac
    return 1
}

# start COMMAND...: in the background as $job, until two ranks have said "ready" into job.out
start() {
    : >job.out
    "$@" </dev/null >job.out 2>job.err &
    job=$!
    started $job
    within 30 both_ready
}
both_ready() { [ "$(grep -c ready job.out)" -eq 2 ]; }
# The ranks that said so, with their process as the last word
none_alive() {
    for rank_pid in $(awk '/ready/ { print $NF }' job.out | tr -d '\r'); do is_dead "$rank_pid" || return 1; done
}
# finish: waits for $job, not for ever; sets code
finish() {
    within 60 is_dead $job || kill -9 $job
    code=0
    wait $job || code=$?
}

# same EXPECTED SEEN
same() {
    [ "$1" = "$2" ] && return 0
    printf 'expected: %s\nseen:     %s\n' "$1" "$2"
    return 1
}

# holds TEXT FILE
holds() {
    grep -qF -- "$1" "$2" && return 0
    printf 'wanted: %s\nin %s:\n' "$1" "$2"
    head -c 2000 "$2"
    return 1
}
