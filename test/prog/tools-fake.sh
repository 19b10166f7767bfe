#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# tools-fake.sh - the tools against a p2pmpid that is played from a script
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
fake=$P2PMPI_BUILDDIR/test/prog/fakedaemon
mkdir -p "$P2PMPI_DIR/run"
sock=$P2PMPI_DIR/run/p2pmpid.sock

# play: starts the daemon with the script on standard input
play() {
    rm -f "$sock"
    cat >script
    "$fake" "$sock" script >said 2>fake.err &
    started $!
    within 10 test -S "$sock"
}

# ---- no daemon
limited 20 "$bin/p2pmpi-hosts"
claim "hosts without a daemon: exit code" same 1 $code
claim "hosts without a daemon: what to do" holds "start it with p2pmpi-boot" err
limited 20 "$bin/p2pmpi-ps" --json
claim "ps without a daemon: exit code" same 1 $code
limited 20 "$bin/p2pmpi-halt"
claim "halt without a daemon is no fault" same 0 $code
claim "halt without a daemon says so" holds "no p2pmpid" out
for tool in hosts ps boot halt; do
    limited 20 "$bin/p2pmpi-$tool" --bogus
    claim "$tool: unknown option: exit code" same 1 $code
    claim "$tool: unknown option: sentence" holds 'unknown option "--bogus"' err
    limited 20 "$bin/p2pmpi-$tool" --version
    claim "$tool: version" holds "p2pmpi-$tool (P2P-MPI)" out
    limited 20 "$bin/p2pmpi-$tool" --help
    claim "$tool: help: exit code" same 0 $code
done

# ---- listings
play <<'S'
accept
expect status_query
status
expect peers_query
peers 3
S
limited 20 "$bin/p2pmpi-hosts"
claim "hosts: exit code" same 0 $code
claim "hosts: nearest first, the dead last" same "peer3 peer1 peer2" "$(awk 'NR > 1 { printf "%s%s", s, $1; s = " " }' out)"
claim "hosts: fits 80 columns" same 0 "$(awk 'length > 80' out | wc -l)"
play <<'S'
accept
expect status_query
status
expect peers_query
peers 2
S
limited 20 "$bin/p2pmpi-hosts" --hostfile
claim "hosts: a host file of the living" same "peer1 slots=4" "$(cat out)"
play <<'S'
accept
expect status_query
status
expect peers_query
peers 300
S
limited 20 "$bin/p2pmpi-hosts" --json
claim "hosts: JSON of all peers" same 300 "$(grep -c '"rtt_us"' out)"
play <<'S'
accept
expect jobs_query
jobs 1
S
limited 20 "$bin/p2pmpi-ps"
claim "ps: a job" holds "01234567  home  running" out
play <<'S'
accept
expect halt
halting 2
S
limited 20 "$bin/p2pmpi-halt"
claim "halt with jobs: exit code" same 1 $code
claim "halt with jobs: what to do" holds "p2pmpi-halt --force" err
play <<'S'
accept
S
limited 20 "$bin/p2pmpi-ps"
claim "a daemon that goes away: exit code" same 1 $code
play <<'S'
accept
expect status_query
status
S
limited 20 "$bin/p2pmpi-boot"
claim "boot: a running daemon is no fault" same 0 $code
claim "boot: it tells that it runs" holds "runs already as here" out
claim "boot: the state of the grid" holds "grid lab: 1 of 1 supernode, 0 peers" out

# ---- p2pmpirun
play <<'S'
accept
expect job_submit
show
accepted
map 2
run
out 0 1 one\n
out 1 2 two\n
out 0 1 three\n
result 7 rank 1 ended with code 7
S
OMPI_MCA_btl=tcp MY=5 limited 20 "$bin/p2pmpirun" -n 2 -x MY --mca btl self --mca btl tcp /bin/true an argument </dev/null
claim "run: exit code of the job" same 7 $code
claim "run: standard output" same "one three" "$(echo $(cat out))"
claim "run: standard error" holds "two" err
claim "run: the reason" holds "p2pmpirun: rank 1 ended with code 7" err
claim "run: silent without a terminal" same 2 "$(wc -l <err)"
claim "run: ranks" holds "ranks 2" said
claim "run: arguments" holds "argv argument" said
claim "run: -x" holds "env MY=5" said
claim "run: --mca beats the environment" holds "env OMPI_MCA_btl=self,tcp" said
play <<'S'
accept
expect job_submit
accepted
map 2
run
out 1 1 x\ny
out 1 1 z\n
result 0
S
limited 20 "$bin/p2pmpirun" --tag-output --display-map -n 2 /bin/true </dev/null
claim "run: tags" holds "[1,1]<stdout>:x" out
claim "run: a line in two pieces has one tag" holds "[1,1]<stdout>:yz" out
claim "run: the map" holds "here" out
play <<'S'
accept
expect job_submit
accepted
map 1
run
expect job_input
show
expect job_input
result 0
S
echo to rank 0 | limited 20 "$bin/p2pmpirun" /bin/true
claim "run: standard input" holds "input to rank 0" said
play <<'S'
accept
expect job_submit
accepted
map 1
run
bulk 0 40000000
result 0
S
# A reader that sleeps first: the daemon is held back.
"$bin/p2pmpirun" /bin/true </dev/null | { sleep 1; wc -c >bytes; }
claim "run: much output, slow reader" same 40000000 "$(echo $(cat bytes))"
play <<'S'
accept
expect job_submit
error no host has enough slots
S
limited 20 "$bin/p2pmpirun" -n 99 /bin/true </dev/null
claim "run: refused: exit code" same 1 $code
claim "run: refused: sentence" holds "p2pmpirun: no host has enough slots" err
play <<'S'
accept
expect job_submit
accepted
warning the supernode does not answer
result 0
S
limited 20 "$bin/p2pmpirun" /bin/true </dev/null
claim "run: a warning" holds "p2pmpirun: warning: the supernode does not answer" err
play <<'S'
accept
expect job_submit
accepted
warning the supernode does not answer
result 0
S
limited 20 "$bin/p2pmpirun" -q /bin/true </dev/null
claim "run: -q is quiet" same "" "$(cat err)"
play <<'S'
accept
expect job_submit
accepted
map 1
run
out 0 1 ab
close
accept
expect job_reclaim
accepted
out 0 1 cd
expect job_output_ack
result 3
S
limited 20 "$bin/p2pmpirun" /bin/true </dev/null
claim "run: a restarted daemon takes the job back" same 3 $code
claim "run: no output is lost or doubled" same "abcd" "$(cat out)"
play <<'S'
accept
expect job_submit
accepted
map 1
run
out 0 1 running\n
expect job_signal
show
result 143 ended by a signal
S
"$bin/p2pmpirun" /bin/true </dev/null >out 2>err &
run=$!
started $run
within 10 grep -q running out
kill -TERM $run
code=0
wait $run || code=$?
claim "run: interrupted: exit code as mpirun's" same 1 $code
claim "run: interrupted: the daemon is told" holds "signal 15" said

# ---- bad input
for case in "132:-n 2 ./nosuch:nosuch" "132:-n 2 nosuch-in-path:nosuch-in-path" "132:./notexec:notexec" \
    "1:--bogus true:unknown option" "1:--hostfile nofile true:nofile" "1:-l nolist true:nolist"; do
    rm -f "$sock"
    echo x >notexec
    want=${case%%:*} rest=${case#*:}
    limited 20 "$bin/p2pmpirun" --local ${rest%%:*} </dev/null
    claim "run ${rest%%:*}: exit code" same "$want" $code
    claim "run ${rest%%:*}: sentence" holds "${rest#*:}" err
done
limited 20 "$bin/p2pmpirun" --local --wdir /nonexistent true </dev/null
claim "run --wdir that is not there: exit code" same 135 $code
printf 'one\n' >list
limited 20 "$bin/p2pmpirun" --local -l list true </dev/null
claim "run: an unreadable file in a list: exit code" same 1 $code
claim "run: an unreadable file in a list: its line" holds "list:1" err

# ---- what cannot be written
if [ -c /dev/full ]; then
    for program in src/tools/p2pmpirun src/tools/p2pmpi-hosts src/tools/p2pmpi-ps src/tools/p2pmpi-boot src/tools/p2pmpi-halt \
        src/tools/p2pmpi-grid supernode/p2pmpi-supernode pmix-server/p2pmpid pmix-server/p2pmpi-stepd; do
        for option in --help --version; do
            claim "${program##*/} $option: 0" answers 0 "$P2PMPI_BUILDDIR/$program" $option
            code=0
            "$P2PMPI_BUILDDIR/$program" $option >/dev/full 2>err || code=$?
            claim "${program##*/} $option to a full disk: 1" same 1 $code
            claim "${program##*/} $option to a full disk: a sentence" holds "${program##*/}: cannot write to standard output: " err
        done
    done
else
    skip "a full disk" "no /dev/full here"
fi
claims_end
