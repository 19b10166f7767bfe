#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# valgrind.sh - the daemons under valgrind: a supernode and two peers that join, are listed, run a job, and end
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mpicc libopenmpi-dev
need valgrind valgrind
[ -z "$sanitizer_dir" ] || skip_all "this build has sanitizers in it; valgrind wants one without"
node=$P2PMPI_BUILDDIR/supernode/p2pmpi-supernode
daemon=$P2PMPI_BUILDDIR/pmix-server/p2pmpid
act=$P2PMPI_BUILDDIR/test/net/apps/act
at_exit='end_started; cd /; rm -rf "$scratch"'

# as NAME COMMAND...: as the owner of that peer, or of the supernode
as() {
    P2PMPI_DIR=$scratch/$1
    shift
    "$@"
}
# checked NAME PROGRAM...: under valgrind in the background, as $checked_pid
checked() {
    checked_name=$1
    shift
    P2PMPI_DIR=$scratch/$checked_name valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --child-silent-after-fork=yes --num-callers=24 --log-file="$scratch/$checked_name.valgrind" \
        "$@" </dev/null >"$scratch/$checked_name.log" 2>&1 &
    checked_pid=$!
    started $checked_pid
}
# ends_well NAME PID: by itself, with exit code 0, nothing said by valgrind
ends_well() {
    ends_code=0
    within 20 is_dead "$2" || kill -9 "$2"
    wait "$2" || ends_code=$?
    [ $ends_code -eq 0 ] && [ ! -s "$scratch/$1.valgrind" ] && return 0
    echo "exit code $ends_code"
    tail -n 5 "$scratch/$1.log"
    cat "$scratch/$1.valgrind"
    return 1
}
# ended CODE: the last command; else what it said
ended() { same "$1" $code || { cat err; return 1; }; }
listed() { [ "$(as node "$node" --list 2>/dev/null | grep -c -e '^left ' -e '^right ')" -eq 2 ]; }
acquainted() { [ "$(as left "$bin/p2pmpi-hosts" --hostfile 2>/dev/null | wc -l)" -eq 2 ]; }
served() { as node "$node" --list; }
says_port() { grep -q 'port[ =][0-9]' "$scratch/node.log"; }

as node limited 20 "$bin/p2pmpi-grid" create lab --supernode 127.0.0.1
checked node "$node" --listen 127.0.0.1 --port 0
node_pid=$checked_pid
claim "the supernode serves" within 30 served
port=$(sed -n 's/.*port[ =]\([0-9][0-9]*\).*/\1/p' "$scratch/node.log" | head -n 1)
sed "s/^supernode = 127.0.0.1/&:$port/" lab.grid >here.grid
for peer in left right; do
    as $peer limited 20 "$bin/p2pmpi-grid" join here.grid
    checked $peer "$daemon" --set name=$peer --set slots=1 --set port=0 --set listen=127.0.0.1
    eval "${peer}_pid=$checked_pid"
done
claim "two peers join and register" within 30 listed
claim "they know each other" within 30 acquainted

seq 20000 >input
as left limited 120 "$bin/p2pmpirun" -a spread -n 2 --preload-files input --fetch 'result.*' "$act" write result </dev/null
claim "a job runs on both: exit code" ended 0
claim "its results are fetched" same 2 "$(cat result.0 result.1 2>err | grep -c 'of 2')"
as left limited 120 "$bin/p2pmpirun" -n 2 "$act" exit 3 1 </dev/null
claim "a job that fails: exit code" ended 3
as right limited 60 "$bin/p2pmpi-ps"
claim "nothing is left of them" holds "no jobs" out

for peer in left right; do
    as $peer limited 30 "$bin/p2pmpi-halt"
    claim "halt: exit code" same 0 $code
done
# shellcheck disable=SC2154
claim "the first peer: no error, no leak" ends_well left "$left_pid"
# shellcheck disable=SC2154
claim "the second peer: no error, no leak" ends_well right "$right_pid"
as node limited 30 "$node" --stop
claim "the supernode: no error, no leak" ends_well node "$node_pid"
claims_end
