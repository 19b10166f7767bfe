#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# grid.sh - p2pmpi-grid and p2pmpi-supernode as people type them
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
node=$P2PMPI_BUILDDIR/supernode/p2pmpi-supernode
at_exit='"$node" --stop >/dev/null 2>&1; end_started; cd /; rm -rf "$scratch"'
grid() { limited 20 "$bin/p2pmpi-grid" "$@"; }
supernode() { limited 20 "$node" "$@"; }
refused() { # NAME TEXT
    claim "$1: exit code" same 1 $code
    claim "$1: sentence" holds "$2" err
}

# ---- before there is a grid
grid show
refused "show without a grid" "p2pmpi-grid join"
supernode --port 0
refused "a supernode without an authority" "p2pmpi-grid create"
supernode --list
refused "list without a supernode" "no supernode of yours runs"
supernode --stop
claim "stop without a supernode is no failure" same 0 $code

# ---- create
grid create
refused "create without a name" "needs a name"
grid create 'la b'
refused "create with a bad name" "letters, digits"
grid create lab --supernode 127.0.0.1:x
refused "create with a bad address" "HOST:PORT"
grid create lab --supernode 127.0.0.1 --frob
refused "an unknown option" "--frob"
grid create lab --supernode 127.0.0.1 --supernode '[::1]:9999'
claim "create: exit code" same 0 $code
claim "create: what next" holds "p2pmpi-grid join lab.grid" out
claim "the grid file is closed to others" same 600 "$(stat -c %a lab.grid)"
claim "the authority's key is closed to others" same 600 "$(stat -c %a "$P2PMPI_DIR/state/authority.key")"
grid create other
refused "a second authority" "holds the authority of a grid already"
grid show
claim "show: name and supernodes" same "lab 127.0.0.1 [::1]:9999" \
    "$(awk '/^name:|^supernode:/ { printf "%s%s", sep, $2; sep = " " }' out)"
grid show --json
claim "show: JSON" holds '"authority_here": true' out

# ---- join, as another owner would
here=$P2PMPI_DIR
P2PMPI_DIR=$scratch/q
grid join
refused "join without a file" "needs the grid file"
grid join nosuch.grid
refused "join with a missing file" "nosuch.grid"
sed 's/^secret = ./secret = x/' lab.grid >broken.grid
grid join broken.grid
refused "join with a broken file" "secret must be 64"
{ cat lab.grid; echo "colour = red"; } >unknown.grid
grid join unknown.grid
refused "join with an unknown key" 'line 7: unknown key "colour"'
grid join lab.grid
claim "join: exit code" same 0 $code
grid join lab.grid
claim "join again is no failure" same 0 $code
sed 's/^name = lab/name = den/; s/^authority = ..../authority = 0123/' lab.grid >den.grid
grid join den.grid
refused "join another grid" '--force leaves it for "den"'
grid join den.grid --force
claim "join another grid with --force" same 0 $code
P2PMPI_DIR=$here

# ---- the supernode
supernode --port 70000
refused "a port that is none" "port must be a number"
printf 'port = 0\n\nexpiry = 3\n' >bad.conf
supernode --config bad.conf
refused "an unknown key" 'bad.conf, line 3: unknown key "expiry"'
supernode --log-level loud
refused "an unknown log level" "log_level must be"
supernode --json
refused "--json alone" "belongs to --list"
supernode --port 0 --listen 127.0.0.1 --daemon
claim "start: exit code" same 0 $code
claim "start: port" holds "serves on port" out
port=$(sed -n 's/.*port \([0-9]*\)$/\1/p' out)
supernode --port 0 --daemon
refused "a second supernode of one owner" "runs on this machine already"
supernode --list
claim "list: nobody yet" holds "no peer is registered" out
supernode --list --json
claim "list: JSON" same "[]" "$(cat out)"
cp -r "$P2PMPI_DIR" "$scratch/r"
rm -rf "$scratch/r/run"
limited 20 env P2PMPI_DIR="$scratch/r" "$node" --listen 127.0.0.1 --port "$port"
refused "a taken port" "port $port is taken"

# ---- a real peer
P2PMPI_DIR=$scratch/q
sed "s/^supernode = 127.0.0.1/&:$port/" lab.grid >here.grid
grid join here.grid --force
limited 30 "$bin/p2pmpi-boot" --port 0 --slots 1 --name guest
at_exit='P2PMPI_DIR=$scratch/q "$bin/p2pmpi-halt" --force >/dev/null 2>&1; "$node" --stop >/dev/null 2>&1; end_started; cd /; rm -rf "$scratch"'
P2PMPI_DIR=$here
listed() { "$node" --list | grep -q '^guest '; }
unlisted() { "$node" --list | grep -q 'no peer'; }
claim "a peer with the grid file joins and registers" within 15 listed
limited 20 env P2PMPI_DIR="$scratch/q" "$bin/p2pmpi-grid" show
claim "show: member" holds "member:     until" out
supernode --stop
claim "stop: exit code" same 0 $code
supernode --port "$port" --listen 127.0.0.1 --daemon
claim "a restarted supernode is told everything again" within 30 listed
limited 30 env P2PMPI_DIR="$scratch/q" "$bin/p2pmpi-halt"
claim "a peer that ends leaves the list at once" within 10 unlisted
supernode --stop
claim "stop again: exit code" same 0 $code
claim "its socket is gone" same 1 "$(test -e "$P2PMPI_DIR/run/supernode.sock"; echo $?)"
claims_end
