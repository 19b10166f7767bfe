# SPDX-License-Identifier: BSD-3-Clause
# replicas.sh - for test scripts: a job in the background that something happens to; after grid.sh
#
#   start_job -n 4 -r 2 ./act count 40; within 30 printed "line 5 of 40"; lab kill h3
#   claim "the job ends well" job_answers 0; claim "every line came once" counts_right 40 4
# shellcheck shell=sh

# start_job ARGS: p2pmpirun in the background; what it prints in $scratch/out and $scratch/err
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
told() { grep -q "$1" "$scratch/err" || { cat "$scratch/err"; return 1; }; }

# What a job of act's count with N lines and R ranks prints, sorted
counted() { seq "$1" | while read -r line; do
    for rank in $(seq 0 $(($2 - 1))); do echo "line $line of $1: rank $rank, sum $((line * $2))"; done
done | sort; }
# each line came once, whatever happened
counts_right() {
    counted "$1" "$2" >"$scratch/wanted"
    grep '^line' "$scratch/out" | sort | diff "$scratch/wanted" - | head -n 20 >"$scratch/diff"
    [ ! -s "$scratch/diff" ] || { cat "$scratch/diff" "$scratch/err"; return 1; }
}
