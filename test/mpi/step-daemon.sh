#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# step-daemon.sh - p2pmpid, the home or the step itself is lost while ranks run
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/step-lib.sh"
number=$((200000 + $$))

# back within the rejoin time: the job goes on, all output is there once
run 0 -n 3 -H 2 -o 'ready=cut' "$prog/mishap" wait
lines 3 ready
# a home that forgot everything is told again
run 0 -n 3 -H 2 -o 'ready=home' "$prog/mishap" wait
lines 3 ready

# p2pmpid stays away: ranks and directories go
mkdir "$scratch/jobs"
run 0 -n 2 -r 300 -d "$scratch/jobs" -o 'ready=lose' "$prog/mishap" leave $number
gone "sleep $number"
gone "$prog/mishap leave $number"
[ -z "$(find "$scratch/jobs" -mindepth 2)" ] || complain "left behind: $(find "$scratch/jobs" -mindepth 2)"

# the step is killed: its ranks, their descendants and its shared memory go
for action in killstep kill; do
    run 0 -n 2 -o "ready=$action" "$prog/mishap" leave $number
    gone "sleep $number"
    gone "$prog/mishap leave $number"
    gone "p2pmpi-stepd --dir /tmp/p2pmpi-drive.*$number"
done
run 0 -n 2 -H 2 -o "ready=end" "$prog/mishap" leave $number
gone "sleep $number"
exit $failed
