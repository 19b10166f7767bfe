#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-verify.sh - pml_p2prep_verify: a bit that flips in one replica's message (p2prep-verify.c) ends the job with a sentence that names the
# message; without such a bit everything is compared and found equal, whoever dies
. "$(dirname "$0")/p2prep-lib.sh"
host=$(uname -n)
verified="--mca pml p2prep --mca pml_p2prep_warn_host 0 --mca orte_base_help_aggregate 0
    --mca btl_vader_backing_directory $scratch --mca pml_p2prep_verify 1"

# flipped REPLICAS KIND PROCESS MESSAGE [OPTION]...: two ranks
flipped() {
    flipped_n=$(($1 * 2)) flipped_replicas=$1 flipped_kind=$2 flipped_process=$3 flipped_message=$4
    shift 4
    # shellcheck disable=SC2086
    job flip "$flipped_n" $verified --mca pml_p2prep_replicas "$flipped_replicas" "$@" \
        p2prep-verify "$flipped_kind" "$flipped_process" "$flipped_message"
}
# named TEXT: the job's sentence has it, in one line
named() {
    tr '\n' ' ' <"$scratch/flip/err" | grep -q "$1" && return 0
    job_words flip
    return 1
}
ended_with() {
    [ "$(cat "$scratch/flip/code")" -eq "$1" ] || { job_words flip; return 1; }
}

while read -r kind bytes tag; do
    flipped 2 "$kind" 3 17
    claim "one bit of replica 1's message 17 ($kind): it is the first that is named, with rank, communicator, tag and length" \
        named "the replicas of rank 1 disagree first in message 17 to rank 0 in communicator 0; replica 0 sent $bytes bytes with tag $tag (hash [0-9a-f]*); replica 1 sent $bytes bytes with tag $tag (hash"
    claim "one bit of replica 1's message 17 ($kind): so are the hosts" named "The replicas of rank 1 run on $host (process 1), $host (process 3)"
    claim "one bit of replica 1's message 17 ($kind): the job ends with 1" ended_with 1
    claim "one bit of replica 1's message 17 ($kind): neither replica comes out of MPI_Finalize" not grep -q '^left' "$scratch/flip/1" "$scratch/flip/3"
done <<END
small 8 5
eager 4000 5
large 300000 5
gaps 100 5
biggaps 20000 5
isend 5000 5
coll 1000 -[0-9]*
END
flipped 2 icoll 3 17
claim "one bit of a non-blocking collective: the tag is that of the seventeenth" \
    named "disagree first in message 1 to rank 0 in communicator 0; replica 0 sent 1000 bytes with tag -[0-9]* (hash [0-9a-f]*); replica 1 sent 1000"
flipped 2 large 3 17 --mca pml_p2prep_transports tcp
claim "one bit of a large message over TCP: named" named "disagree first in message 17 to rank 0"
flipped 2 small 1 60
claim "one bit of the last message, of replica 0: named before the job can end well" named "disagree first in message 60 to rank 0"
claim "one bit of the last message: the job ends with 1" ended_with 1
flipped 2 extra 3 60
claim "a message that one replica does not send: named" named "disagree first in message 60 to rank 0 in communicator 0; replica 0 sent 8 bytes with tag 5 (hash [0-9a-f]*); replica 1 sent 8 bytes with tag 6"
for odd in 0 1 2; do
    flipped 3 small $((1 + 2 * odd)) 17
    claim "three replicas, one bit of replica $odd: it is said to be alone" named "disagree first in message 17 to rank 0.*; replica $odd is alone"
    claim "three replicas, one bit of replica $odd: all hosts are named" \
        named "The replicas of rank 1 run on $host (process 1), $host (process 3), $host (process 5)"
done
# shellcheck disable=SC2086
job flip 4 ${verified%pml_p2prep_verify 1}pml_p2prep_verify 0 --mca pml_p2prep_replicas 2 p2prep-verify small 3 17
claim "without pml_p2prep_verify nobody looks" ended_with 0

# equal SENTENCE PROGRAM RANKS REPLICAS SURVIVORS OPTIONS [ARG]...
equal() {
    equal_says=$1 equal_program=$2 equal_ranks=$3 equal_replicas=$4 equal_left=$5 equal_options=$6
    shift 6
    want "$equal_program" "$equal_ranks" "$@"
    # shellcheck disable=SC2086
    job equal $((equal_ranks * equal_replicas)) $replicated --mca pml_p2prep_replicas "$equal_replicas" --mca pml_p2prep_verify 1 \
        --mca pml_p2prep_stats 1 $equal_options "p2prep-$equal_program" "$@"
    claim "$equal_says: the right result" right equal
    claim "$equal_says: $equal_left come out of MPI_Finalize" came_out equal "$equal_left"
}
all_verified() {
    sed -n 's/.* sent \([0-9]*\) .* verified \([0-9]*\) unverified 0\( .*\)*$/\1 \2/p' "$scratch/equal/err" >"$scratch/verified"
    # what a rank sends to itself is not compared
    [ "$(awk '$2 > 0 && $2 <= $1' "$scratch/verified" | wc -l)" -eq "$1" ] || { job_words equal; return 1; }
}
for program in modes types probe coll comm; do
    equal "equal replicas, $program" $program 3 2 6 ""
    claim "equal replicas, $program: all is compared" all_verified 6
done
# The names of hosts are of unlike lengths, in what Open MPI itself sends, too.
cat >"$scratch/host" <<'END'
#!/bin/sh
hostname "desk$(printf "%0${OMPI_COMM_WORLD_RANK}d" 0)" && exec "$@"
END
chmod +x "$scratch/host"
if unshare --uts true 2>/dev/null; then
    want comm 3
    # shellcheck disable=SC2086
    job equal 6 $replicated --mca pml_p2prep_replicas 2 --mca pml_p2prep_verify 1 unshare --uts "$scratch/host" p2prep-comm
    claim "hosts with names of unlike lengths, comm: the right result" right equal
    claim "hosts with names of unlike lengths, comm: 6 come out of MPI_Finalize" came_out equal 6
else
    skip "hosts with names of unlike lengths" "unshare --uts is not allowed here"
fi
equal "three equal replicas, coll, with decisions" coll 2 3 6 "--mca pml_p2prep_order decisions"
equal "equal replicas over TCP, types" types 2 2 4 "--mca pml_p2prep_transports tcp"
P2PREP_KILL=4:30000 equal "one of equal replicas dies, work" work 3 2 5 ""
P2PREP_KILL=1:20000,7:30000 equal "two of three equal replicas die, work" work 3 3 7 ""

# What an unlike processor does: libm without fused multiply and add computes other last bits.
cat >"$scratch/old-host" <<'END'
#!/bin/sh
[ "$OMPI_COMM_WORLD_RANK" -lt 2 ] || export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4}"
exec "$@"
END
chmod +x "$scratch/old-host"
silent() { not grep -q "same surroundings" "$scratch/$1/err"; }
# shellcheck disable=SC2086
job flip 4 $verified --mca pml_p2prep_replicas 2 "$scratch/old-host" p2prep-verify math -1 0
claim "a replica with another GLIBC_TUNABLES: MPI_Init says so" named "Two replicas of rank 0 do not run in the same surroundings (here: host $host, process 0; there: host $host, process 2):"
claim "a replica with another GLIBC_TUNABLES: and in what" named "GLIBC_TUNABLES: glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4 there, not set here"
claim "a replica with another GLIBC_TUNABLES: once" test "$(grep -c "same surroundings" "$scratch/flip/err")" -eq 1
if grep -qw fma /proc/cpuinfo; then
    claim "a replica without fused multiply and add computes other bits: named" named "the replicas of rank [01] disagree first in message [0-9]* to rank [01] in"
else
    skip "a replica without fused multiply and add computes other bits" "nor has this processor"
fi
# shellcheck disable=SC2086
job flip 4 $verified --mca pml_p2prep_replicas 2 --tune "$P2PMPI_SRCDIR/contrib/p2prep.conf" "$scratch/old-host" p2prep-verify math -1 0
claim "contrib/p2prep.conf makes them alike: nothing differs" ended_with 0
claim "contrib/p2prep.conf makes them alike: nothing is said" silent flip
# shellcheck disable=SC2086
job flip 4 $verified --mca pml_p2prep_replicas 2 --mca coll_tuned_use_dynamic_rules 1 p2prep-verify small -1 0
claim "replicas in the same surroundings: nothing is said" silent flip
cat >"$scratch/own-file" <<'END'
#!/bin/sh
[ "$OMPI_COMM_WORLD_RANK" -lt 2 ] || export OMPI_MCA_coll_tuned_bcast_algorithm=2
exec "$@"
END
chmod +x "$scratch/own-file"
# shellcheck disable=SC2086
job flip 4 $verified --mca pml_p2prep_replicas 2 --mca coll_tuned_use_dynamic_rules 1 "$scratch/own-file" p2prep-verify small -1 0
claim "a replica with another MCA parameter: MPI_Init says so" named "coll_tuned_bcast_algorithm: 2 there, not set here"
claims_end
