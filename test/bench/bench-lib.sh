# SPDX-License-Identifier: BSD-3-Clause
# bench-lib.sh - what the benchmarks share: times in files, medians, rows of a table
# shellcheck shell=sh

# must FILE COMMAND...: its output is added to FILE; a command that fails ends the benchmark with what it said
must() {
    must_file=$1
    shift
    "$@" >"$scratch/said" 2>"$scratch/complained" </dev/null || {
        echo "failed ($?): $*"
        cat "$scratch/said" "$scratch/complained"
        exit 1
    }
    cat "$scratch/said" >>"$must_file"
}

# timed FILE COMMAND...: adds the time that it took to FILE, in units of 10 us
timed() {
    timed_file=$1
    shift
    timed_start=$(date +%s%N)
    must /dev/null "$@"
    timed_end=$(date +%s%N)
    echo $(((timed_end - timed_start) / 10000)) >>"$timed_file"
}

# median FILE: of its lines, each a number
median() { sort -n "$1" | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }

# row NAME OURS THEIRS UNIT: with OURS / THEIRS at the end
row() { awk -v name="$1" -v ours="$2" -v theirs="$3" -v unit="$4" \
    'BEGIN { printf "%-56s %10.2f %10.2f %-4s %6.2f\n", name, ours, theirs, unit, ours / theirs }'; }
# row_ms NAME FILE FILE: medians of what timed() wrote
row_ms() { row "$1" "$(median "$2" | awk '{print $1 / 100}')" "$(median "$3" | awk '{print $1 / 100}')" ms; }
