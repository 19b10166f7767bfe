#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# links.sh - every kind of link when the other side is gone, of another version, or of a foreign grid
#
# The grid "lab" on the loopback interface: its supernode, p2pmpids a and b, and other, a member whose place
# otherpeer takes. The grid "den" has an authority of its own. What is refused is told with the address of the
# other side, and the daemons go on serving.
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mpicc libopenmpi-dev
act=$P2PMPI_BUILDDIR/test/net/apps/act
supernode=$P2PMPI_BUILDDIR/supernode/p2pmpi-supernode
otherpeer=$P2PMPI_BUILDDIR/test/prog/otherpeer
OMPI_MCA_pml=ob1
export OMPI_MCA_pml
at_exit='halt_all; end_started; cd /; rm -rf "$scratch"'
newer="--protocol 99 --release 9.9"
versions="runs P2P-MPI 9.9 (protocol 99), this is"

with() { # NAME COMMAND...: as the owner of NAME's directory
    P2PMPI_DIR=$scratch/$1
    shift
    "$@"
    with_code=$?
    P2PMPI_DIR=$scratch/a
    return $with_code
}
halt_all() {
    for each in a b other lone; do with $each "$bin/p2pmpi-halt" --force >/dev/null 2>&1; done
    with a "$supernode" --stop >/dev/null 2>&1
    with den "$supernode" --stop >/dev/null 2>&1
}
boot() { # NAME PORT [OPTION]...
    boot_name=$1
    boot_port=$2
    shift 2
    with "$boot_name" limited 30 "$bin/p2pmpi-boot" --port "$boot_port" --slots 2 --name "$boot_name" \
        --set listen=127.0.0.1 "$@"
    [ $code -eq 0 ] || { cat err; return 1; }
    eval "${boot_name}_pid=\$(sed -n 's/.*(process \([0-9]*\)).*/\1/p' out | head -n 1)"
}
murder() {
    kill -9 "$@"
    for each in "$@"; do within 10 is_dead "$each"; done
}
# act_as NAME WORDS...: otherpeer in the background as $played, its words in the file said
act_as() {
    act_name=$1
    shift
    : >said
    P2PMPI_DIR=$scratch/$act_name "$otherpeer" "$@" >said 2>&1 &
    played=$!
    started $played
}
end_play() {
    kill $played
    wait $played 2>/dev/null
}
# call_as NAME WORDS...: otherpeer until its link ends
call_as() {
    call_name=$1
    shift
    with "$call_name" limited 20 "$otherpeer" "$@"
}
port_of() { with "$1" "$bin/p2pmpi-hosts" --json | tr -d ' ,' | sed -n 's/.*"port"://p' | head -n 1; }
alive_at() { [ "$(with "$1" "$bin/p2pmpi-hosts" --refresh --hostfile 2>/dev/null | wc -l)" -eq "$2" ]; }
log_of() { echo "$scratch/$1/state/p2pmpid.log"; }
logs() { within 10 holds "$1" "$2"; }
run() { limited 60 "$bin/p2pmpirun" "$@" </dev/null; }
no_jobs() { with "$1" "$bin/p2pmpi-ps" 2>&1 | grep -q "no jobs"; }
no_dirs() { [ -z "$(ls -A "$scratch/$1/run/jobs" | grep -v tools)" ]; }
is_clean() { no_jobs a && no_jobs b && no_dirs a && no_dirs b; }
# still SENTENCE: the grid does its work, and nothing is left of what was tried
still() {
    claim "$1: nothing is left" within 10 is_clean
    run --host a,b -n 2 "$act" exit 0
    claim "$1: a job still runs" same 0 $code || cat err
}
listed_as() { with a "$bin/p2pmpi-hosts" --refresh | grep "^other " | grep -q " $1 "; }

# ---- the grids
with a limited 20 "$bin/p2pmpi-grid" create lab --supernode 127.0.0.1
with a limited 20 "$supernode" --port 0 --listen 127.0.0.1 --daemon
sn_port=$(sed -n 's/.*port \([0-9]*\)$/\1/p' out)
sed -i "s/^supernode = 127.0.0.1/&:$sn_port/" lab.grid
with den limited 20 "$bin/p2pmpi-grid" create den --supernode 127.0.0.1
with den limited 20 "$bin/p2pmpi-grid" join den.grid
for name in a b other; do
    with $name limited 20 "$bin/p2pmpi-grid" join lab.grid --force
    boot $name 0 || { echo "Bail out! $name does not start"; exit 1; }
done
claim "all see all" within 20 alive_at a 3 || { tail -n 20 "$scratch"/*/state/p2pmpid.log err; exit 1; }
a_port=$(port_of a)
o_port=$(port_of other)
sn_log=$scratch/a/state/supernode.log
[ -e "$sn_log" ] || sn_log=$(ls "$scratch"/a/state/*supernode*.log | head -n 1)

# ---- peer -> peer, dialled by us
refused_by() { # WHAT TEXT
    run --host other -n 1 "$act" exit 0
    claim "$1: exit code" same 1 $code
    claim "$1: sentence" holds "$2" err
    claim "$1: the address" holds "127.0.0.1 port $o_port" err
    claim "$1: p2pmpid's log" logs "$2" "$(log_of a)"
    claim "$1: p2pmpi-hosts shows it as not alive" within 20 listed_as no
    still "$1"
}
murder "$other_pid"
run --host other -n 1 "$act" exit 0
claim "a peer that is gone: exit code" same 1 $code
claim "a peer that is gone: sentence" holds "other does not answer" err
still "a peer that is gone"
act_as other $newer listen "$o_port"
claim "it listens in other's place" within 10 holds "listens" said
refused_by "a peer of another version" "$versions"
claim "a peer of another version: it met us too" holds "meets p2pmpid" said
end_play
act_as den listen "$o_port"
claim "it listens in other's place" within 10 holds "listens" said
refused_by "a peer of a foreign grid" 'belongs to the grid "den", not to "lab"'
end_play

# ---- peer -> peer, dialled by the other side
call_as other $newer connect 127.0.0.1 "$a_port"
claim "a caller of another version is closed on" holds "ends 127.0.0.1 port $a_port" out
claim "a caller of another version: log" logs 'peer refused host=127.0.0.1 why="127.0.0.1 port'  "$(log_of a)"
still "a caller of another version"
call_as den connect 127.0.0.1 "$a_port"
claim "a caller of a foreign grid: exit code" same 1 $code
claim "a caller of a foreign grid: what it reads" holds 'belongs to the grid "lab", not to "den"' out
claim "a caller of a foreign grid: log" logs 'turned away host=127.0.0.1 why="127.0.0.1 belongs to another grid' "$(log_of a)"
still "a caller of a foreign grid"

# ---- supernode, called
call_as other $newer connect 127.0.0.1 "$sn_port"
claim "a peer of another version calls the supernode" holds "ends 127.0.0.1 port $sn_port" out
claim "a peer of another version: the supernode's log" logs "$versions" "$sn_log"
call_as den connect 127.0.0.1 "$sn_port"
claim "a peer of a foreign grid calls the supernode" holds 'belongs to the grid "lab", not to "den"' out
claim "a peer of a foreign grid: the supernode's log" logs '127.0.0.1 belongs to another grid' "$sn_log"
listed() { with a "$supernode" --list | grep -q "^$1 "; }
claim "the supernode goes on" listed b

# ---- peer -> supernode
boot other "$o_port"
claim "all see all again" within 20 alive_at a 3
with a limited 20 "$supernode" --stop
warned() { # WHAT TEXT
    told() { with other "$bin/p2pmpi-hosts" >hosts.out 2>hosts.err; cat hosts.err hosts.out >told; holds "$2" told; }
    claim "$1: p2pmpi-hosts tells" within 40 told "$@"
    with other run --host b -n 1 "$act" exit 0
    claim "$1: peers known are used" same 0 $code
    claim "$1: p2pmpirun warns" holds "$2" err
    claim "$1: the address" holds "127.0.0.1 port $sn_port" err
}
warned "a supernode that is gone" "no supernode of grid lab can be reached"
act_as a $newer listen "$sn_port"
claim "it listens in the supernode's place" within 10 holds "listens" said
warned "a supernode of another version" "$versions"
end_play
act_as den listen "$sn_port"
claim "it listens in the supernode's place" within 10 holds "listens" said
warned "a supernode of a foreign grid" 'belongs to the grid "den", not to "lab"'
end_play
with a limited 20 "$supernode" --port "$sn_port" --listen 127.0.0.1 --daemon
claim "the supernode is back: its peers too" within 40 listed other
calm() { with other "$bin/p2pmpi-hosts" 2>&1 | grep -q "no supernode" && return 1; return 0; }
claim "the supernode is back: no warning any more" within 40 calm

# ---- tools and p2pmpid
call_as a $newer unix-connect "$scratch/a/run/p2pmpid.sock"
claim "a tool of another version is closed on" holds "ends" out
claim "a tool of another version: log" logs "otherpeer (process" "$(log_of a)"
still "a tool of another version"
mkdir -p "$scratch/lone/run"
act_as lone $newer unix-listen "$scratch/lone/run/p2pmpid.sock"
claim "it listens in p2pmpid's place" within 10 test -S "$scratch/lone/run/p2pmpid.sock"
for words in "p2pmpi-hosts" "p2pmpi-ps" "p2pmpi-halt" "p2pmpi-boot" "p2pmpirun -n 1 $act exit 0"; do
    tool=${words%% *}
    with lone limited 20 "$bin"/$words </dev/null
    claim "$tool and a p2pmpid of another version: exit code" same 1 $code
    claim "$tool and a p2pmpid of another version: sentence" holds "otherpeer (process $played) $versions" err
    claim "$tool and a p2pmpid of another version: what to do" holds "kill $played" err
done
end_play
with lone limited 20 "$bin/p2pmpi-hosts"
claim "p2pmpi-hosts without a p2pmpid: exit code" same 1 $code
claim "p2pmpi-hosts without a p2pmpid: what to do" holds "p2pmpi-boot" err

# ---- p2pmpid and p2pmpi-stepd
# A p2pmpid with a p2pmpi-stepd of another version beside it, as after an update.
mkdir -p "$scratch/bin"
cp "$P2PMPI_BUILDDIR/pmix-server/p2pmpid" "$scratch/bin/p2pmpid"
cp "$otherpeer" "$scratch/bin/p2pmpi-stepd"
OTHERPEER_PROTOCOL=99 OTHERPEER_RELEASE=9.9 P2PMPI_DIR=$scratch/lone \
    "$scratch/bin/p2pmpid" --set port=0 --set name=lone --set sandbox=none >lone.log 2>&1 &
lone=$!
started $lone
answers_now() { with lone "$bin/p2pmpi-ps" >/dev/null 2>&1; }
claim "a p2pmpid with another p2pmpi-stepd starts" within 10 answers_now
with lone run -n 1 "$act" exit 0
claim "a p2pmpi-stepd of another version: exit code" same 1 $code
claim "a p2pmpi-stepd of another version: sentence" holds "$versions" err
claim "a p2pmpi-stepd of another version: nothing is left" within 10 no_jobs lone
claim "a p2pmpi-stepd of another version: no directory" within 10 no_dirs lone
rm -f "$scratch/bin/p2pmpi-stepd"
with lone run -n 1 "$act" exit 0
claim "no p2pmpi-stepd at all: exit code" same 1 $code
claim "no p2pmpi-stepd at all: sentence" holds "p2pmpi-stepd" err
cp "$P2PMPI_BUILDDIR/pmix-server/p2pmpi-stepd" "$scratch/bin/p2pmpi-stepd"
with lone run -n 1 "$act" exit 0
claim "the right p2pmpi-stepd again: a job runs" same 0 $code

# A p2pmpid of another version comes to a step that runs.
start "$bin/p2pmpirun" --host b -n 2 "$act" hang
step_sock=$(ls "$scratch"/b/run/jobs/*/step.sock | head -n 1)
call_as b $newer unix-connect "$step_sock"
claim "a p2pmpid of another version at a step is closed on" holds "ends" out
claim "its ranks go on" not is_dead $job
kill -TERM $job
finish
claim "and the job ends in order" same 1 $code
still "a p2pmpid of another version at a step"
claims_end
