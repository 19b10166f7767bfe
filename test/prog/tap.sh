# SPDX-License-Identifier: BSD-3-Clause
# tap.sh - what the scripts of test/prog share; sourced. A private directory, checks in TAP, cleaning up.
build=${P2PMPI_BUILDDIR:-$PWD}
src=${P2PMPI_SRCDIR:-$build}
bin=$build/src/tools
dir=$(mktemp -d /tmp/p2pmpi-prog.XXXXXX)
export P2PMPI_DIR="$dir/p2pmpi"
mkdir -p "$P2PMPI_DIR/run"
cd "$dir" || exit 99
count=0 faults=0 pids=

ended() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
    cd / && rm -rf "$dir"
}
trap ended EXIT
trap 'exit 1' INT TERM

# is SENTENCE EXPECTED SEEN
is() {
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - $1"
    else
        faults=$((faults + 1))
        echo "not ok $count - $1"
        printf '%s\n' "expected: $2" "seen:     $3" | sed 's/^/#   /'
    fi
}

# has SENTENCE PART FILE: the file holds this text
has() {
    if grep -qF -- "$2" "$3"; then is "$1" x x; else is "$1" "...$2..." "$(head -c 1000 "$3")"; fi
}

# hasnt SENTENCE PART FILE
hasnt() {
    if grep -qF -- "$2" "$3"; then is "$1" "no $2" "$(head -c 1000 "$3")"; else is "$1" x x; fi
}

# limited SECONDS COMMAND...: sets code; output in the files out and err
limited() {
    seconds=$1
    shift
    code=0
    timeout -k 5 "$seconds" "$@" >out 2>err || code=$?
}

# until_true SECONDS COMMAND...: waits for a condition
until_true() {
    tries=$(($1 * 20))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

done_testing() {
    echo "1..$count"
    [ $faults -eq 0 ]
    exit
}
