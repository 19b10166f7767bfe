#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# tools-fake.sh - the tools against a p2pmpid that is played from a script
. "${P2PMPI_SRCDIR:-.}/test/prog/tap.sh"
fake=$build/test/prog/fakedaemon
sock=$P2PMPI_DIR/run/p2pmpid.sock

# play: starts the daemon with the script on standard input
play() {
    rm -f "$sock"
    cat >script
    "$fake" "$sock" script >said 2>fake.err &
    pids="$pids $!"
    until_true 10 test -S "$sock"
}

# ---- no daemon
limited 20 "$bin/p2pmpi-hosts"
is "hosts without a daemon: exit code" 1 $code
has "hosts without a daemon: what to do" "start it with p2pmpi-boot" err
limited 20 "$bin/p2pmpi-ps" --json
is "ps without a daemon: exit code" 1 $code
limited 20 "$bin/p2pmpi-halt"
is "halt without a daemon is no fault" 0 $code
has "halt without a daemon says so" "no p2pmpid" out
for tool in hosts ps boot halt; do
    limited 20 "$bin/p2pmpi-$tool" --bogus
    is "$tool: unknown option: exit code" 1 $code
    has "$tool: unknown option: sentence" 'unknown option "--bogus"' err
    limited 20 "$bin/p2pmpi-$tool" --version
    has "$tool: version" "p2pmpi-$tool (P2P-MPI)" out
    limited 20 "$bin/p2pmpi-$tool" --help
    is "$tool: help: exit code" 0 $code
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
is "hosts: exit code" 0 $code
is "hosts: nearest first, the dead last" "peer3 peer1 peer2" "$(awk 'NR > 1 { printf "%s%s", s, $1; s = " " }' out)"
is "hosts: fits 80 columns" 0 "$(awk 'length > 80' out | wc -l)"
play <<'S'
accept
expect status_query
status
expect peers_query
peers 2
S
limited 20 "$bin/p2pmpi-hosts" --hostfile
is "hosts: a host file of the living" "peer1 slots=4" "$(cat out)"
play <<'S'
accept
expect status_query
status
expect peers_query
peers 300
S
limited 20 "$bin/p2pmpi-hosts" --json
is "hosts: JSON of all peers" 300 "$(grep -c '"rtt_us"' out)"
play <<'S'
accept
expect jobs_query
jobs 1
S
limited 20 "$bin/p2pmpi-ps"
has "ps: a job" "01234567  home  running" out
play <<'S'
accept
expect halt
halting 2
S
limited 20 "$bin/p2pmpi-halt"
is "halt with jobs: exit code" 1 $code
has "halt with jobs: what to do" "p2pmpi-halt --force" err
play <<'S'
accept
S
limited 20 "$bin/p2pmpi-ps"
is "a daemon that goes away: exit code" 1 $code
play <<'S'
accept
expect status_query
status
S
limited 20 "$bin/p2pmpi-boot"
is "boot: a running daemon is no fault" 0 $code
has "boot: it tells that it runs" "runs already as here" out
has "boot: the state of the grid" "grid lab: 1 of 1 supernodes" out

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
is "run: exit code of the job" 7 $code
is "run: standard output" "one three" "$(echo $(cat out))"
has "run: standard error" "two" err
has "run: the reason" "p2pmpirun: rank 1 ended with code 7" err
is "run: silent without a terminal" 2 "$(wc -l <err)"
has "run: ranks" "ranks 2" said
has "run: arguments" "argv argument" said
has "run: -x" "env MY=5" said
has "run: --mca beats the environment" "env OMPI_MCA_btl=self,tcp" said
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
has "run: tags" "[1,1]<stdout>:x" out
has "run: a line in two pieces has one tag" "[1,1]<stdout>:yz" out
has "run: the map" "here" out
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
has "run: standard input" "input to rank 0" said
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
is "run: much output, slow reader" 40000000 "$(echo $(cat bytes))"
play <<'S'
accept
expect job_submit
error no host has enough slots
S
limited 20 "$bin/p2pmpirun" -n 99 /bin/true </dev/null
is "run: refused: exit code" 1 $code
has "run: refused: sentence" "p2pmpirun: no host has enough slots" err
play <<'S'
accept
expect job_submit
accepted
warning the supernode does not answer
result 0
S
limited 20 "$bin/p2pmpirun" /bin/true </dev/null
has "run: a warning" "p2pmpirun: warning: the supernode does not answer" err
play <<'S'
accept
expect job_submit
accepted
warning the supernode does not answer
result 0
S
limited 20 "$bin/p2pmpirun" -q /bin/true </dev/null
is "run: -q is quiet" "" "$(cat err)"
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
is "run: a restarted daemon takes the job back" 3 $code
is "run: no output is lost or doubled" "abcd" "$(cat out)"
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
pids="$pids $run"
until_true 10 grep -q running out
kill -TERM $run
code=0
wait $run || code=$?
is "run: interrupted: exit code as mpirun's" 1 $code
has "run: interrupted: the daemon is told" "signal 15" said

# ---- bad input
for case in "132:-n 2 ./nosuch:nosuch" "132:-n 2 nosuch-in-path:nosuch-in-path" "132:./notexec:notexec" \
    "1:--bogus true:unknown option" "1:--hostfile nofile true:nofile" "1:-l nolist true:nolist"; do
    rm -f "$sock"
    echo x >notexec
    want=${case%%:*} rest=${case#*:}
    limited 20 "$bin/p2pmpirun" --local ${rest%%:*} </dev/null
    is "run ${rest%%:*}: exit code" "$want" $code
    has "run ${rest%%:*}: sentence" "${rest#*:}" err
done
limited 20 "$bin/p2pmpirun" --local --wdir /nonexistent true </dev/null
is "run --wdir that is not there: exit code" 135 $code
printf 'one\n' >list
limited 20 "$bin/p2pmpirun" --local -l list true </dev/null
is "run: an unreadable file in a list: exit code" 1 $code
has "run: an unreadable file in a list: its line" "list:1" err
done_testing
