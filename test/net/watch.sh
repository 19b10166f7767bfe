#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# watch.sh - the daemons of a job watch each other: cables cut and mended, hosts killed, frozen, cut off
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"

[ -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" ] || skip_all "the PML p2prep was not built"

start_job() {
    : >"$scratch/out"
    : >"$scratch/err"
    "$netlab" exec h1 timeout -k 5 100 p2pmpirun --mca mpi_yield_when_idle 1 "$@" >"$scratch/out" 2>"$scratch/err" &
    job=$!
}
job_answers() {
    answers_got=0
    wait "$job" || answers_got=$?
    [ "$answers_got" -eq "$1" ] && return 0
    echo "wanted exit code $1, got $answers_got"
    cat "$scratch/out" "$scratch/err"
    return 1
}
printed() { grep -q "$1" "$scratch/out"; }
ms() { echo $(($(date +%s%N) / 1000000)); }

# voted HOST: its daemon has seen a view decided; lost HOST NAME: it takes NAME for lost
voted() { grep -q 'view job=' "$logs/$1.p2pmpid"; }
lost() { grep -q "host lost job=.* host=$2 " "$logs/$1.p2pmpid"; }
void() { grep -q "job part is void" "$logs/$1.p2pmpid"; }
# a job of eight processes on h1..h4, all of them watched
begin() {
    start_job -n 4 -r 2 --host h1:2,h2:2,h3:2,h4:2 ./act count "$1"
    within 30 printed "line 5 of $1: rank 0"
}
# lost_within MS NAME: h1 takes NAME for lost so long after $since at most
lost_within() {
    within 10 lost h1 "$2" || return 1
    took=$(($(ms) - since))
    [ "$took" -le "$1" ] || { echo "it took $took ms"; return 1; }
}
forget() { for log in "$logs"/*.p2pmpid; do : >"$log"; done; }

# what a host has sent by datagrams, in all: with the heads of IPv4 and UDP, 88 bytes each
datagrams() { on "$1" awk '$1 == "Udp:" && $2 ~ /^[0-9]/ { print $5 }' /proc/net/snmp; }
# beats_cost HOST BYTES: it sends no more a second
beats_cost() {
    cost_before=$(datagrams "$1")
    sleep 3 # the length of the measurement
    cost=$((($(datagrams "$1") - cost_before) * 88 / 3))
    echo "$cost bytes/s"
    [ "$cost" -gt 0 ] && [ "$cost" -le "$2" ]
}
lines() { wc -l <"$scratch/out"; }
# prints_nothing: not a line in a second
prints_nothing() {
    lines_before=$(lines)
    sleep 1 # the span that is watched
    [ "$(lines)" -eq "$lines_before" ] || { echo "$lines_before lines, then $(lines)"; return 1; }
}

grid_up 4 2

claim "a job with replicas begins" begin 80
claim "a host's beats cost at most 2 kB/s" beats_cost h1 2000
lab cut h3
sleep 0.9 # the length of the break, not a wait for anything
lab mend h3
claim "a cable is pulled and mended within a second, the job ends well" job_answers 0
claim "and nobody was lost" not lost h1 h3
claim "nor voted on" not voted h1

begin 80
since=$(ms)
lab cut h4
claim "a cable is pulled: the host is lost within 2 s" lost_within 2000 h4
claim "by a vote" within 2 voted h1
claim "which the other voters know" within 2 voted h2
claim "and the job ends well" job_answers 0
claim "on the lost host nothing is left" clean_within 20
lab mend h4
claim "with the cable mended the host is used again" within 20 lists_peers h1 4
forget

begin 80
since=$(ms)
on h2 kill -STOP -1
claim "a host is frozen: it is lost within 2 s" lost_within 2000 h2
on h2 kill -CONT -1
claim "thawed, it finds itself lost" within 3 void h2
claim "the job ends well" job_answers 0
claim "nothing is left on any host" clean_within 10
claim "the thawed host is used again" within 20 lists_peers h1 4
forget

begin 200
lab cut h1
sleep 1.5 # its limit
claim "a home that is cut off lets no output out" prints_nothing
claim "the other voters take it for lost" within 3 voted h2
claim "the job ends there, with an error" not job_answers 0
claim "nothing is left on any host" clean_within 20
lab mend h1
claim "with the cable mended all is as before" within 20 lists_peers h1 4
forget

begin 80
since=$(ms)
lab kill h3
claim "a host is killed: it is lost within 2 s" lost_within 2000 h3
claim "the job ends well" job_answers 0
[ "$claim_failed" -eq 0 ] || grid_logs 40 | sed 's/^/# /'
claims_end
