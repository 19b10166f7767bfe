# SPDX-License-Identifier: BSD-3-Clause
# grid.sh - for test scripts: a grid on a lab's hosts, with the real programs; after claim.sh and lab.sh
#
#   grid_up 4 2                  hosts h1..h4, 2 slots each; supernode and p2pmpid on h1, p2pmpid on the others
#   run -n 8 ./world             p2pmpirun on h1, in /root, where the programs of test/net/apps are
#   clean h2                     no process, file, shared memory or lease of a job is left there
# shellcheck shell=sh
NETLAB_PATH=/p2pmpi/bin
export NETLAB_PATH
apps=$P2PMPI_BUILDDIR/test/net/apps
logs=$scratch/logs

# keep HOST PROGRAM [ARG]...: a daemon on a host, its words in $logs
keep() {
    keep_host=$1
    keep_program=$2
    shift 2
    on "$keep_host" "$keep_program" "$@" </dev/null >>"$logs/$keep_host.$keep_program" 2>&1 &
}

# put FILE HOST PATH
put() { on "$2" sh -c 'cat >"$1"' - "$3" <"$1"; }

start_supernode() {
    keep h1 p2pmpi-supernode
    within 10 on h1 p2pmpi-supernode --list >/dev/null 2>&1
}

# start_daemon HOST [p2pmpid's options]
start_daemon() {
    start_host=$1
    shift
    keep "$start_host" p2pmpid "$@"
}

# the number of peers, itself among them, that HOST would give a job to
alive_peers() { on "$1" p2pmpi-hosts --refresh --hostfile 2>/dev/null | wc -l; }
lists_peers() { [ "$(alive_peers "$1")" -eq "$2" ]; }

# grid_files: what a submitter has on h1
grid_files() {
    on h1 sh -c 'cp /built/* . 2>/dev/null; true'
    put "$P2PMPI_SRCDIR/test/net/apps/pi.py" h1 pi.py
    put "$P2PMPI_SRCDIR/contrib/scenes/peers.dat" h1 peers.dat
}

# grid_up HOSTS [SLOTS [netlab options]]
grid_up() {
    grid_hosts=$1
    grid_slots=${2:-2}
    [ $# -lt 2 ] || shift
    shift
    need mpicc libopenmpi-dev
    [ -e "$P2PMPI_BUILDDIR/test/root/installed" ] || skip_all "nothing installed in test/root; run make check"
    mkdir -p "$logs"
    lab_up "$grid_hosts" --bind "$P2PMPI_BUILDDIR/test/root/p2pmpi:/p2pmpi" --bind "h1:$apps:/built" "$@"
    [ -z "$sanitizer_dir" ] || at_exit="grid_down; $at_exit"
    grid_files
    on h1 p2pmpi-grid create lab --supernode 10.77.0.1 >"$logs/h1.p2pmpi-grid" 2>&1 || grid_fail "p2pmpi-grid create failed"
    on h1 cat lab.grid >"$scratch/lab.grid"
    start_supernode || grid_fail "the supernode does not answer"
    for host in $(grid_names); do
        put "$scratch/lab.grid" "$host" lab.grid
        on "$host" p2pmpi-grid join lab.grid >>"$logs/$host.p2pmpi-grid" 2>&1 || grid_fail "$host cannot join"
        start_daemon "$host" --set slots="$grid_slots"
    done
    for host in $(grid_names); do
        within 20 lists_peers "$host" "$grid_hosts" || grid_fail "$host does not see all peers"
    done
}

# Ended in order; with the lab alone they would have no time to look for leaks.
grid_down() {
    for host in $(grid_names); do
        on "$host" sh -c 'for p in /proc/[0-9]*; do
            case $(cat $p/comm) in p2pmpid | p2pmpi-supernod) kill ${p#/proc/} ;; esac
        done' 2>/dev/null
    done
    within 20 no_daemons
}
no_daemons() {
    for host in $(grid_names); do
        ! on "$host" cat /proc/[0-9]*/comm 2>/dev/null | grep -qE '^(p2pmpid|p2pmpi-supernod|p2pmpi-stepd)' || return 1
    done
}

grid_names() { seq -f h%g 1 "$grid_hosts"; }

grid_fail() {
    echo "Bail out! $*"
    grid_logs | sed 's/^/# /'
    exit 1
}

grid_logs() {
    for log in "$logs"/*; do
        [ -s "$log" ] || continue
        echo "--- ${log##*/}"
        tail -n "${1:-15}" "$log"
    done
}

# run ARGS: p2pmpirun on h1; 60 s are more than any of these jobs needs
# Namespace hosts share the real processors, and each believes it has them alone: ranks must yield while they wait.
run() { on h1 timeout -k 5 60 p2pmpirun --mca mpi_yield_when_idle 1 "$@"; }

# What a job may have left on a host: prints it; silence is success.
leftovers() {
    on "$1" sh -c '
        for p in /proc/[0-9]*; do
            read -r name <$p/comm || continue
            case $name in
            netlab|p2pmpid|p2pmpi-supernod|sh|find|p2pmpi-ps|timeout|perl) continue ;;
            p2pmpi-stepd) tr "\0" " " <$p/cmdline | grep -q -- --tools && continue ;;
            esac 2>/dev/null
            echo "process $name: $(tr "\0" " " <$p/cmdline)"
        done 2>/dev/null
        find /dev/shm /tmp /root/.cache/p2pmpi/jobs -mindepth 1 \( -path "/tmp/p2pmpi-*" -o -path "/dev/shm/p2pmpi-tools-*" \) -prune -o -print 2>/dev/null
        find /tmp/p2pmpi-*/jobs -mindepth 1 -maxdepth 1 ! -name tools\* 2>/dev/null
        p2pmpi-ps 2>/dev/null | grep -v "^no jobs, no leases"
        true'
}
is_clean() { [ -z "$(leftovers "$1")" ]; }
is_clean_everywhere() {
    for clean_host in $(grid_names); do
        lab pid "$clean_host" >/dev/null 2>&1 || continue
        is_clean "$clean_host" || return 1
    done
}
# clean_within SECONDS: true when nothing is left on any host; else tells what
clean_within() {
    within "$1" is_clean_everywhere && return 0
    for clean_host in $(grid_names); do
        leftovers "$clean_host" | sed "s/^/$clean_host: /"
    done
    return 1
}
