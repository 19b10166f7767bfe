#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-stats.sh - what p2prep counts: MPI_T's performance variables by name, the line of pml_p2prep_stats, the words of ompi_info
set -u
. "$(dirname "$0")/p2prep-lib.sh"

# value JOB PROCESS NAME
value() { sed -n "s/^process $2 pml_p2prep_$3 //p" "$scratch/$1/out"; }
# value_is JOB PROCESS NAME VALUE; value_above: more than VALUE
value_is() { [ "$(value "$1" "$2" "$3")" = "$4" ] || { cat "$scratch/$1/out"; job_words "$1"; return 1; }; }
value_above() { [ "$(value "$1" "$2" "$3")" -gt "$4" ] || { cat "$scratch/$1/out"; job_words "$1"; return 1; }; }
line_has() { grep -q "p2prep: $2.* $3" "$scratch/$1/err" || { job_words "$1"; return 1; }; }

# shellcheck disable=SC2086 # $replicated is several words
job one 2 --mca pml p2prep --mca pml_p2prep_stats 1 p2prep-stats
claim "without replicas: messages sent, by MPI_T" value_is one 0 messages_sent 1000
claim "... bytes sent" value_is one 1 bytes_sent 8000
claim "... messages received" value_is one 1 messages_received 1000
claim "... bytes received" value_is one 0 bytes_received 8000
claim "... no failover" value_is one 0 failovers 0
claim "pml_p2prep_stats: a line at the end" line_has one "rank 0:" "sent 1[0-9][0-9][0-9] "

job two 4 $replicated --mca pml_p2prep_replicas 2 p2prep-stats
claim "with replicas: messages sent, by MPI_T" value_is two 3 messages_sent 1000
claim "... messages received" value_is two 0 messages_received 1000
claim "... acknowledgements were sent" value_above two 2 acknowledgements 0
claim "... nothing was sent again" value_is two 0 messages_resent 0
claim "... something was kept at some time" value_above two 1 bytes_kept_peak 0

job killed 4 $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_stats 1 p2prep-stats 1
claim "process 1 is killed: the others come to their end" ended killed
claim "... process 0 has one failover" value_is killed 0 failovers 1
claim "... which took some time" value_above killed 0 failover_time 0
claim "... which is the longest, too" value_is killed 0 failover_time_max "$(value killed 0 failover_time)"
claim "... and knows one dead process" value_is killed 0 dead 1
claim "... process 3 stands in for it" line_has killed "rank 1 replica 1:" "taken_over 1"
claim "... process 2, of the other set, has no failover" value_is killed 2 failovers 0
claim "... process 0 received everything" value_is killed 0 messages_received 1000
claim "pml_p2prep_stats: says so" line_has killed "rank 0 replica 0:" "failovers 1 failover_us [1-9]"

value_below() { [ "$(value "$1" "$2" "$3")" -lt "$4" ] || { cat "$scratch/$1/out"; job_words "$1"; return 1; }; }
all_below() { for all_below_process in $2; do value_below "$1" "$all_below_process" "$3" "$4" || return 1; done; }
job many 4 $replicated --mca pml_p2prep_replicas 2 p2prep-stats none 4000
claim "4,000 non-blocking collectives are forgotten when they are over" all_below many "0 1 2 3" streams 101
claim "... and the program ends" ended many
job many 6 $replicated --mca pml_p2prep_replicas 2 p2prep-stats 1 4000
claim "... by those who live on when a process is killed" all_below many "0 2 3 4 5" streams 101
claim "... which is one failover for process 0" value_is many 0 failovers 1
claim "... and the program ends" ended many

# shellcheck disable=SC2086
decide_job() { P2PREP_DIE=$2 job "$1" 6 $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_stats 1 p2prep-decide "$1" 10; }
decide_job farm ''
claim "master and workers: the leader of the master decides each receive from any source, and the end" line_has farm "rank 0 replica 0:" "decided 23 followed 0 "
claim "... its other replica follows" line_has farm "rank 0 replica 1:" "decided 0 followed 23 "
decide_job clock ''
claim "clocks: who follows waits for its leader" line_has clock "rank 0 replica 1:" "waited_max_us [1-9]"
claim "... who decides waits for nobody" line_has clock "rank 0 replica 0:" "waited_max_us 0 "
decide_job farm 0:5
claim "the master's leader dies: the other replica decides the rest, and knows of taking over" line_has farm "rank 0 replica 1:" "decided [1-9][0-9]* .* led 1"

undocumented() { ompi_info --param pml p2prep --level 9 --parsable | grep '^mca:pml:p2prep:.*:help:$'; }
documented() { ompi_info --param pml p2prep --level 9 --parsable | grep -q "^mca:pml:p2prep:param:pml_p2prep_$1:help:."; }
all_documented() {
    [ -z "$(undocumented)" ] || { undocumented; return 1; }
    for all_documented_name in replicas map retain_max lag_max transports eager if_include stats comm_per_thread warn_host no_cma order; do
        documented "$all_documented_name" || { echo "$all_documented_name"; return 1; }
    done
}
claim "ompi_info documents every parameter" all_documented
claims_end
