#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# bench.sh - p2pmpirun beside mpirun, in pairs that alternate in one run: a table of medians and ratios
#
# BENCH_PAIRS (20) pairs of each. Numbers depend on the machine and on what else it does; ratios far less. Under
# mpirun the hosts' remote shell is rshd.pl: no encryption and no log-in, so quicker than any ssh.
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"
. "$P2PMPI_SRCDIR/test/bench/bench-lib.sh"
need mpirun openmpi-bin
pairs=${BENCH_PAIRS:-20}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
NETLAB_PASS="OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"
export NETLAB_PASS

# paired NAME: our_command and their_command, alternating; the first pair warms up and is dropped
paired() {
    rm -f "$scratch/ours" "$scratch/theirs"
    timed "$scratch/warm" our_command
    timed "$scratch/warm" their_command
    for _ in $(seq "$pairs"); do
        timed "$scratch/ours" our_command
        timed "$scratch/theirs" their_command
    done
    row_ms "$1" "$scratch/ours" "$scratch/theirs"
}

# pingpongs NAME: three alternating runs of each, the best of each size
pingpongs() {
    rm -f "$scratch/ours" "$scratch/theirs"
    for _ in 1 2 3; do
        our_command >>"$scratch/ours" 2>/dev/null
        their_command >>"$scratch/theirs" 2>/dev/null
    done
    for size in 8 1024 65536 1048576; do
        row "$1, $size bytes" "$(best $size "$scratch/ours")" "$(best $size "$scratch/theirs")" us
    done
}
best() { awk -v size="$1" '$1 == size && (best == "" || $2 < best) { best = $2 } END { print best == "" ? "nan" : best }' "$2"; }

printf '%-56s %10s %10s %-4s %6s\n' "($pairs pairs, medians)" p2pmpirun mpirun "" ratio

# ---------------------------------------------------------------- no daemon: the embedded default
launcher=$P2PMPI_BUILDDIR/src/tools/p2pmpirun
P2PMPI_DIR=$scratch/p2pmpi
export P2PMPI_DIR
cd "$apps" || exit 1
our_command() { "$launcher" --mca pml ob1 -n 4 ./act nothing; }
their_command() { mpirun --oversubscribe --mca pml ob1 -n 4 ./act nothing; }
paired "4 ranks start and end here, PML named"
our_command() { "$launcher" -n 4 ./act nothing; }
their_command() { mpirun --oversubscribe -n 4 ./act nothing; }
paired "4 ranks start and end here, PML not named"
our_command() { "$launcher" --mca pml ob1 -n 2 ./pingpong; }
their_command() { mpirun --oversubscribe --mca pml ob1 -n 2 ./pingpong; }
pingpongs "a message here"
cd "$scratch" || exit 1
unset P2PMPI_DIR

# ---------------------------------------------------------------- four hosts
grid_up 4 1
for host in h1 h2 h3 h4; do
    put "$P2PMPI_SRCDIR/test/bench/rshd.pl" $host rshd.pl
    put "$P2PMPI_SRCDIR/test/bench/rsh.pl" $host rsh.pl
    on $host sh -c 'chmod +x rsh.pl'
    keep $host perl rshd.pl
    for app in act pingpong; do
        put "$apps/$app" $host /tmp/$app
        on $host chmod +x /tmp/$app
    done
done
printf 'h%d slots=1\n' 1 2 3 4 >"$scratch/hostfile"
put "$scratch/hostfile" h1 hostfile
stock() {
    on h1 timeout 60 mpirun --hostfile hostfile --mca plm_rsh_agent /root/rsh.pl --mca plm_rsh_no_tree_spawn 1 \
        --mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0 --mca pml ob1 --mca mpi_yield_when_idle 1 "$@"
}
our_command() { run --mca pml ob1 -n 4 ./act nothing; }
their_command() { stock -n 4 /tmp/act nothing; }
paired "4 ranks start and end on 4 hosts"
our_command() { run --mca pml ob1 -n 2 --host h1,h2 ./pingpong; }
their_command() { stock -n 2 --host h1,h2 /tmp/pingpong; }
pingpongs "a message between two hosts"
