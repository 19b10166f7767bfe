# SPDX-License-Identifier: BSD-3-Clause
# p2prep-lib.sh - what the tests of the PML p2prep share: jobs under stock mpirun, what they leave, the unreplicated run's result; read with "."
#
#   want coll 3                                  ob1's result of p2prep-coll on 3 ranks is in $want
#   job one 6 $replicated p2prep-coll            one mpirun; its words, exit code and marks are in $scratch/one
#   claim "..." right one                        every logical rank's result is the one in $want
# shellcheck shell=sh
: "${P2PMPI_BUILDDIR:=$PWD}" "${P2PMPI_SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$P2PMPI_SRCDIR/test/lib/claim.sh"
[ -e "$P2PMPI_BUILDDIR/.libs/mca_pml_p2prep.so" ] || skip_all "no component here: needs libopenmpi-dev"
need mpirun openmpi-bin
# A folder with nothing else in it, as if it were installed
mkdir "$scratch/component"
ln -s "$(cd "$P2PMPI_BUILDDIR" && pwd)/.libs/mca_pml_p2prep.so" "$scratch/component/"
ln -s "$P2PMPI_SRCDIR/mca-component/pml_p2prep/help-mpi-pml-p2prep.txt" "$scratch/component/"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_mca_base_component_path=$scratch/component:$(ompi_info --parsable --path pkglibdir | sed 's/.*://')
PMIX_MCA_mca_base_component_show_load_errors=0 # Open MPI 5 looks for PMIx's components there, too, and complains of ours
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_mca_base_component_path PMIX_MCA_mca_base_component_show_load_errors
# Built with sanitizers the component wants their library loaded first; what mpirun and MPI itself leave is not ours.
sanitized='' preload=''
if [ -n "$sanitizer_dir" ]; then
    preload=$(${CC:-gcc} -print-file-name=libasan.so)
    sanitized="LD_PRELOAD=$preload ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0"
fi
# Open MPI opens its vader all the same, and who is killed leaves the segment.
replicated="--enable-recovery --mca pml p2prep --mca pml_p2prep_warn_host 0 --mca orte_base_help_aggregate 0
    --mca btl_vader_backing_directory $scratch"

# job NAME PROCESSES OPTIONS... PROGRAM [ARG]...
job() {
    job_dir=$scratch/$1
    job_n=$2
    shift 2
    rm -rf "$job_dir"
    mkdir "$job_dir"
    # shellcheck disable=SC2086
    env $sanitized PATH="$P2PMPI_BUILDDIR/test/mpi:$PATH" P2PREP_DIR="$job_dir" timeout -k 5 "${P2PREP_TIMEOUT:-60}" mpirun --oversubscribe -n "$job_n" "$@" \
        >"$job_dir/words" 2>"$job_dir/err" </dev/null
    echo $? >"$job_dir/code"
    tr -d '\000' <"$job_dir/words" >"$job_dir/out" # 5.0's mpirun slips one in for each of Open MPI's warnings
    segments "$job_dir" >"$job_dir/segments"
    job_sweep "$job_dir"
}

# What a job has in shared memory now
segments() {
    segments_job=$(sed -n 's/^job //p' "$1"/[0-9]* 2>/dev/null | head -n 1)
    [ -z "$segments_job" ] || ls -d /dev/shm/p2prep."$segments_job".* 2>/dev/null
}

# Ends what outlived its mpirun, removes what the killed had no time to; only this job's
job_sweep() {
    for sweep_pid in $(sed -n 's/^pid //p' "$1"/[0-9]* 2>/dev/null); do
        grep -qsz "^P2PREP_DIR=$1\$" "/proc/$sweep_pid/environ" && kill -9 "$sweep_pid"
    done
    segments "$1" | xargs -r rm -f
}

# called PROGRAM: its words; test/bench/kernels' give their results as the others do
called() {
    case $1 in
    ep | is | cg | ft) echo "$P2PMPI_BUILDDIR/test/bench/kernels/$1 S result" ;;
    *) echo "p2prep-$1" ;;
    esac
}

# want PROGRAM RANKS [ARG]...: run once
want() {
    want=$scratch/want.$(echo "$*" | tr ' ' '.')
    [ ! -e "$want" ] || return 0
    want_program=$1 want_n=$2
    shift 2
    # shellcheck disable=SC2046
    job ob1 "$want_n" --mca pml ob1 --mca btl self,vader --mca btl_vader_backing_directory "$scratch" $(called "$want_program") "$@"
    grep '^rank' "$scratch/ob1/out" | sort >"$want.new"
    [ "$(wc -l <"$want.new")" -eq "$want_n" ] || skip_all "ob1 itself gives no result of $want_program $*: $(cat "$scratch/ob1/err")"
    mv "$want.new" "$want"
}

ended() {
    case $(cat "$scratch/$1/code") in
    124 | 137) job_words "$1"; return 1 ;;
    esac
}
# right NAME: it ended, nobody crashed, every logical rank has its result, from whatever replica
right() {
    grep '^rank' "$scratch/$1/out" | sort -u >"$scratch/$1/is"
    ended "$1" && cmp -s "$want" "$scratch/$1/is" && ! grep -q "Process received signal" "$scratch/$1/err" && return 0
    diff "$want" "$scratch/$1/is"
    job_words "$1"
    return 1
}
# same NAME RANKS LINES: for programs without a result to compare with: at least so many replicas came to their end, no two of one rank differ
same() {
    same_lines=$(grep -c '^rank' "$scratch/$1/out")
    same_ranks=$(grep '^rank' "$scratch/$1/out" | sort -u | wc -l)
    ended "$1" && [ "$same_ranks" -eq "$2" ] && [ "$same_lines" -ge "$3" ] && ! grep -q "Process received signal" "$scratch/$1/err" && return 0
    cat "$scratch/$1/out"
    job_words "$1"
    return 1
}
job_words() {
    echo "exit code $(cat "$scratch/$1/code")"
    for job_words_file in "$scratch/$1"/[0-9]* "$scratch/$1/err"; do
        sed "s/^/${job_words_file##*/}: /" "$job_words_file" | tail -n 12
    done
}
# came_out NAME N: so many processes came out of MPI_Finalize
came_out() {
    came_out_n=$(cat "$scratch/$1"/[0-9]* | grep -c '^left')
    [ "$came_out_n" -eq "$2" ] && return 0
    echo "$came_out_n came out, not $2"
    job_words "$1"
    return 1
}
# said NAME PROCESS TEXT: its marks have that line
said() { grep -qx "$3" "$scratch/$1/$2" || { job_words "$1"; return 1; }; }
# peak_below NAME BYTES: nobody kept more for others at any time
peak_below() {
    peak=$(sed -n 's/.*kept_peak \([0-9]*\).*/\1/p' "$scratch/$1/err" | sort -n | tail -n 1)
    echo "peak ${peak:=none}"
    [ "$peak" -le "$2" ]
}
