#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# replicas.sh - jobs whose ranks have replicas on different hosts: processes and hosts die, the job does not
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"
[ -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" ] || skip_all "the PML p2prep was not built"
. "$P2PMPI_SRCDIR/test/lib/replicas.sh"

# pid_on HOST: a process of the job there
pid_on() { on "$1" sh -c 'for p in /proc/[0-9]*; do case $(cat $p/comm) in act) echo ${p#/proc/};; esac; done 2>/dev/null' | head -n 1; }

grid_up 6 2
claim "four ranks with two replicas each run and print once" says "line 3 of 3: rank 2, sum 12" run -n 4 -r 2 ./act count 3

# one_line_of_each: hosts' names differ; each of two ranks is heard once
one_line_of_each() { [ "$(run -n 2 -r 2 hostname 2>"$scratch/err" | wc -l)" -eq 2 ]; }
fed_once() { head -c 3000000 /dev/zero | run -n 2 -r 2 ./act stdin | grep -c 'stdin brought 3000000 bytes' | grep -qx 1; }
flooded_once() { [ "$(run -n 3 -r 2 ./act flood 8 1 | wc -c)" -eq $((8 * 1024 * 1024)) ]; }
fetched_once() {
    run -n 4 -r 2 --fetch 'w.*' ./act write w && on h1 sh -c 'ls w.*' | tr '\n' ' ' | grep -qx 'w.0 w.1 w.2 w.3 '
}

claim "-r 0:3,*:2 gives rank 0 three replicas" says "0  h" run -n 4 -r '0:3,*:2' --display-map ./act nothing
claim "they see four ranks" says "line 2 of 2: rank 3, sum 8" run -n 4 -r '0:3,*:2' ./act count 2
claim "--display-map shows ranks and replicas" says "RANK  REPLICA 0  REPLICA 1" run -n 2 -r 2 --display-map ./act nothing
claim "standard input reaches all replicas of rank 0, which speak once" fed_once
claim "eight MiB of output come once" flooded_once
claim "replicas that write different lines: one of them is shown" one_line_of_each
claim "that is told" told "write different things to standard output"
claim "result files come once" fetched_once
claim "a rank's own exit code is the job's" answers 7 run -n 4 -r 2 ./act exit 7 2
claim "MPI_Abort(5) ends the job with 5" answers 5 run -n 4 -r 2 ./act abort 5 3
claim "too many replicas are refused with the number that fits" says "the largest -r that fits is 3" run -n 4 -r 4 ./act nothing
claim "... however many slots are not counted" says "6 machines: the largest -r that fits is 6" run -n 4 -r 7 --oversubscribe ./act nothing
claim "one machine has room for one replica" says "the largest -r that fits is 1" run --local -n 2 -r 2 ./act nothing
claim "-r without -n gets a sentence" says "-r needs the number of ranks" run -r 2 ./act nothing
claim "another PML is refused" says "leave out --mca pml ob1" run -n 2 -r 2 --mca pml ob1 ./act nothing

start_job -n 4 -r 2 ./act count 40
claim "a job with replicas runs" within 30 printed "line 5 of 40: rank 0"
on h2 kill -9 "$(pid_on h2)"
claim "a process is killed, the job ends well" job_answers 0
claim "every line came once" counts_right 40 4
claim "the loss is told" told "a replica of rank .* was killed by signal 9"

start_job -n 4 -r 2 ./act count 40
within 30 printed "line 5 of 40: rank 0"
lab kill h3
claim "a host is lost, the job ends well" job_answers 0
claim "every line came once" counts_right 40 4
claim "the ranks that lost a replica are told" told "host h3 was lost .* one replica left"
claim "nothing is left on any host" clean_within 10
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
