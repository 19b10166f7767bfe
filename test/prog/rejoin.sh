#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# rejoin.sh - p2pmpids of a grid that are killed while a job runs, and started again or not
#
# Three daemons on the loopback interface: a, where jobs are submitted, and b and c, where ranks run.
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mpicc libopenmpi-dev
act=$P2PMPI_BUILDDIR/test/net/apps/act
supernode=$P2PMPI_BUILDDIR/supernode/p2pmpi-supernode
OMPI_MCA_pml=ob1
export OMPI_MCA_pml
at_exit='halt_all; end_started; cd /; rm -rf "$scratch"'
rejoin_s=3
lines=40

# with NAME COMMAND...: as the owner of daemon NAME
with() {
    P2PMPI_DIR=$scratch/$1
    shift
    "$@"
    with_code=$?
    P2PMPI_DIR=$scratch/a
    return $with_code
}
halt_all() {
    for each in a b c; do with $each "$bin/p2pmpi-halt" --force >/dev/null 2>&1; done
    with a "$supernode" --stop >/dev/null 2>&1
}
# boot NAME PORT: sets NAME_pid
boot() {
    with "$1" limited 30 "$bin/p2pmpi-boot" --port "$2" --slots 2 --name "$1" --set listen=127.0.0.1 \
        --set rejoin_s=$rejoin_s
    [ $code -eq 0 ] || { cat err; return 1; }
    eval "$1_pid=\$(sed -n 's/.*(process \([0-9]*\)).*/\1/p' out | head -n 1)"
}
# murder PID...: gone when it returns, without a last word
murder() {
    kill -9 "$@"
    for each in "$@"; do within 10 is_dead "$each"; done
}
port_of() { with "$1" "$bin/p2pmpi-hosts" --json | tr -d ' ,' | sed -n 's/.*"port"://p' | head -n 1; }
all_seen() { [ "$(with "$1" "$bin/p2pmpi-hosts" --hostfile 2>/dev/null | wc -l)" -eq 3 ]; }
lines_of() { grep -c "^line .* of $lines: rank $1, sum" job.out; }
is_whole() { # every line of both ranks came once, the sums are right
    for rank in 0 1; do
        i=1
        while [ $i -le $lines ]; do
            echo "line $i of $lines: rank $rank, sum $((2 * i))"
            i=$((i + 1))
        done
    done | sort >wanted
    grep '^line' job.out | tr -d '\r' | sort >seen
    cmp wanted seen && return 0
    diff wanted seen | head -n 20
    tail -n 5 job.err "$scratch"/?/state/p2pmpid.log
    return 1
}
some_lines() { [ "$(lines_of 0)" -gt 3 ]; }
no_jobs() { for each in a b c; do with $each "$bin/p2pmpi-ps" 2>&1 | grep -q "no jobs" || return 1; done; }
no_dirs() { for each in a b c; do [ -z "$(ls -A "$scratch/$each/run/jobs" | grep -v tools)" ] || return 1; done; }
no_ranks() { ! ps -eo stat=,args= | grep -v -e '^Z' -e p2pmpirun -e grep | grep -q "$mine"; }
is_clean() { no_ranks && no_jobs && no_dirs; }
mine=act-$$
cp "$act" $mine
count() { start "$bin/p2pmpirun" --host b,c -n 2 ./$mine count $lines; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# ---- the grid
with a limited 20 "$bin/p2pmpi-grid" create lab --supernode 127.0.0.1
with a limited 20 "$supernode" --port 0 --listen 127.0.0.1 --daemon
port=$(sed -n 's/.*port \([0-9]*\)$/\1/p' out)
sed -i "s/^supernode = 127.0.0.1/&:$port/" lab.grid
for name in a b c; do
    with $name limited 20 "$bin/p2pmpi-grid" join lab.grid --force
    boot $name 0 || { echo "Bail out! $name does not start"; exit 1; }
    eval "${name}_port=\$(port_of $name)"
done
claim "all see all" within 20 all_seen a || { tail -n 20 "$scratch"/?/state/p2pmpid.log err; exit 1; }

# ---- what others left
mkdir -p "$scratch/b/run/jobs/0123456789abcdef0123456789abcdef" "$scratch/b/run/jobs/precious"
with b limited 20 "$bin/p2pmpi-halt"
boot b "$b_port"
gone() { [ "$(ls "$scratch/b/run/jobs" | grep -v tools)" = precious ]; }
claim "a stale job directory is swept, another is not" within 5 gone
rmdir "$scratch/b/run/jobs/precious"
claim "all see all once more" within 20 all_seen a

# ---- nothing happens
count
claim "a job on two hosts starts" both_ready
finish
claim "undisturbed: exit code" same 0 $code
claim "undisturbed: all output" is_whole

# ---- a host's p2pmpid
count
claim "it runs" within 10 some_lines
murder "$b_pid"
boot b "$b_port"
finish
claim "a host's p2pmpid killed and started again: exit code" same 0 $code
claim "a host's p2pmpid killed and started again: all output" is_whole
claim "nothing is left" within 5 is_clean

count
claim "it runs" within 10 some_lines
murder "$b_pid"
since=$(now_ms)
finish
took=$(($(now_ms) - since))
claim "a host's p2pmpid killed for good: exit code" same 1 $code
claim "a host's p2pmpid killed for good: the host is named" holds "host b was lost" job.err
claim "it ended within rejoin_s + 2" test $took -lt $((rejoin_s * 1000 + 2000))
claim "no rank is left" within 5 no_ranks
boot b "$b_port"
claim "all see all again" within 30 all_seen a
claim "nothing is left" within 5 is_clean

# ---- the home's p2pmpid
count
claim "it runs" within 10 some_lines
murder "$a_pid"
boot a "$a_port"
finish
claim "the home's p2pmpid killed and started again: exit code" same 0 $code
claim "the home's p2pmpid killed and started again: all output, once" is_whole
claim "nothing is left" within 5 is_clean

count
claim "it runs" within 10 some_lines
murder "$a_pid"
since=$(now_ms)
finish
took=$(($(now_ms) - since))
claim "the home's p2pmpid killed for good: exit code" same 1 $code
claim "the home's p2pmpid killed for good: a sentence" holds "p2pmpid" job.err
claim "no rank is left" within $((rejoin_s + 5)) no_ranks
boot a "$a_port"
claim "all see all again" within 30 all_seen a
claim "nothing is left" within 5 is_clean

# ---- p2pmpirun
count
claim "it runs" within 10 some_lines
kill -9 $job
finish
claim "p2pmpirun killed: nothing is left within 5 s" within 5 is_clean

# ---- a p2pmpi-stepd that does nothing any more (in a sandbox: with all around it)
frozen_of() { ps -eo pid=,args= | grep -v grep | grep -e "$scratch/$1/run/jobs/[0-9a-f]" | sed -n '1s/ *\([0-9]*\).*--job \([0-9a-f]*\).*/\2/p'; }
stepds_of() { ps -eo pid=,args= | grep -v grep | grep -e "--job $1" | sed 's/^ *\([0-9]*\) .*/\1/'; }
count
claim "it runs" within 10 some_lines
id=$(frozen_of b)
claim "there is a p2pmpi-stepd to freeze" test -n "$id"
kill -STOP $(stepds_of "$id") $(pgrep -f "^\./$mine")
kill -TERM $job
finish
claim "a frozen p2pmpi-stepd: the job ends" same 1 $code
claim "a frozen p2pmpi-stepd: nothing is left" within 10 is_clean

# ---- both p2pmpids of hosts, and the home's, one after the other
count
claim "it runs" within 10 some_lines
murder "$b_pid" "$c_pid"
boot b "$b_port"
boot c "$c_port"
murder "$a_pid"
boot a "$a_port"
finish
claim "all p2pmpids killed and started again: exit code" same 0 $code
claim "all p2pmpids killed and started again: all output, once" is_whole
claim "nothing is left" within 5 is_clean
claims_end
