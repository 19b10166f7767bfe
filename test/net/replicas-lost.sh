#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# replicas-lost.sh - a job with replicas goes on, whatever is killed, cut or started again; each line of its output comes once
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"
[ -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" ] || skip_all "the PML p2prep was not built"
. "$P2PMPI_SRCDIR/test/lib/replicas.sh"

# kill_on HOST NAME: the processes of that name there, but those that serve tools
kill_on() {
    on "$1" sh -c 'for p in /proc/[0-9]*; do
        [ "$(cat $p/comm)" = "$1" ] && ! tr "\0" " " <$p/cmdline | grep -q -- --tools && kill -9 ${p#/proc/}
    done 2>/dev/null; true' - "$2"
}
# ends_well LINES RANKS
ends_well() {
    claim "... the job ends well" job_answers 0
    claim "... every line came once" counts_right "$1" "$2"
}
begin() {
    start_job "$@"
    within 30 printed "^line 5 of"
}

grid_up 6 2
begin -n 4 -r 2 ./act count 40
kill_on h4 p2pmpid
start_daemon h4 --set slots=2
claim "a p2pmpid is killed and started again" within 10 lists_peers h4 6
ends_well 40 4
claim "... nobody was lost" not told "was lost"

begin -n 4 -r 2 ./act count 40
kill_on h1 p2pmpid
start_daemon h1 --set slots=2
claim "the home's p2pmpid is killed and started again" within 10 lists_peers h1 6
ends_well 40 4

begin -n 4 -r 2 ./act count 40
lab cut h2
ends_well 40 4
claim "a cable is cut: the host is told" told "host h2 was lost"
claim "... and gives its part up" within 30 is_clean h2
lab mend h2
claim "... and is there again" within 30 lists_peers h1 6

begin -n 4 -r 2 ./act count 30
kill_on h5 p2pmpi-stepd
ends_well 30 4
claim "a p2pmpi-stepd is killed: the host is told" told "host h5"

begin -n 4 -r 2 ./act count 30
kill_on h3 p2pmpid
killed=$(date +%s)
ends_well 30 4
took=$(($(date +%s) - killed))
claim "a p2pmpid is killed for good: a job of 3 s does not wait 10 s for it ($took)" test $took -lt 10
start_daemon h3 --set slots=2
within 20 lists_peers h1 6

begin -n 4 -r 2 ./act count 30
kill_on h1 p2pmpi-supernod
ends_well 30 4
start_supernode

begin -n 4 -r 2 ./act hang
within 20 printed "^ready 3"
for host in $(grid_names); do kill_on "$host" act; done
claim "all replicas are killed: so is the job, with 128 + 9" job_answers 137

start_job -n 4 -r 2 ./act count 10
claim "ranks are starting" within 20 not is_clean h4
lab kill h4
ends_well 10 4

begin -n 2 -r 3 ./act count 40
lab kill h5 && lab kill h6
ends_well 40 2
claim "nothing is left on any host" clean_within 10
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
