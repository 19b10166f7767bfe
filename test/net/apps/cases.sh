# SPDX-License-Identifier: BSD-3-Clause
# cases.sh - one function per program, for the grid (on h1 of a lab) and for the embedded default
#
# The script defines run (p2pmpirun with arguments, in the directory of the apps), here (a command in that
# directory), and $stage, $fetch: the options that bring a file to the ranks and back, empty where ranks share it.
# shellcheck shell=sh
: "${stage=}" "${fetch=}"

staged() { [ -z "$stage" ] || echo "$stage $1"; }
fetched() { [ -z "$fetch" ] || echo "$fetch $1"; }

# on the machine that submits, stock mpirun, for comparison
stock() {
    here env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        timeout -k 5 60 mpirun --oversubscribe --mca pml ob1 "$@"
}

app_world() {
    claim "a C program with collectives runs on $1 ranks" says "all well: $2" run -n "$1" ./world
}

app_mpi4py() {
    if ! here /usr/bin/python3 -c 'import mpi4py' 2>/dev/null; then
        skip "python3-mpi4py runs" "python3-mpi4py is missing"
        return
    fi
    # shellcheck disable=SC2046
    claim "python3-mpi4py runs on $1 ranks" says "pi is 3.141593 on $2" run -n "$1" $(staged pi.py) /usr/bin/python3 pi.py
}

# The noise of its antialiasing depends on the number of ranks.
tachyon_pictures() {
    stock -n "$1" tachyon-nox peers.dat -res 320 240 -format PPM -o stock.ppm >/dev/null &&
        run -n "$1" $(staged peers.dat) $(fetched ours.ppm) tachyon-nox peers.dat -res 320 240 -format PPM -o ours.ppm &&
        here cmp stock.ppm ours.ppm
}
app_tachyon() {
    if ! here sh -c 'command -v tachyon-nox' >/dev/null; then
        skip "tachyon-nox renders the same picture" "tachyon-bin-nox is missing"
        return
    fi
    if ! here sh -c 'ldd "$(command -v tachyon-nox)"' | grep -q libmpi; then
        skip "tachyon-nox renders the same picture" "it is not the parallel one: libtachyon-openmpi-0 is missing"
        return
    fi
    claim "tachyon-nox on $1 ranks renders mpirun's picture, byte by byte" tachyon_pictures "$1"
}

netpipe_runs() {
    run -n 2 $(fetched np.out) NPopenmpi -u 4096 -n 10 -o np.out && here grep -q '^ *4096 ' np.out
}
app_netpipe() {
    if ! here sh -c 'command -v NPopenmpi' >/dev/null; then
        skip "NPopenmpi runs" "netpipe-openmpi is missing"
        return
    fi
    claim "NPopenmpi measures up to 4 KiB" netpipe_runs
    claim "NPopenmpi's own integrity check passes" says "Integrity check passed" run -n 2 NPopenmpi -i -u 4096 -n 10 -o np2.out
}

# Debian's example with a small matrix
hpcc_input() {
    here sh -c "sed -e 's/^1000 *Ns/64 Ns/' -e 's/^80 *NBs/16 NBs/' /usr/share/doc/hpcc/examples/_hpccinf.txt >hpccinf.txt"
}
hpcc_runs() {
    hpcc_input && run -n "$1" $(staged hpccinf.txt) $(fetched hpccoutf.txt) hpcc &&
        here grep -q '^Success=1' hpccoutf.txt &&
        here sh -c '! grep -E "^ *[1-9][0-9]* tests completed and failed" hpccoutf.txt'
}
app_hpcc() {
    if ! here test -e /usr/share/doc/hpcc/examples/_hpccinf.txt; then
        skip "hpcc runs" "hpcc, or its example in /usr/share/doc, is missing"
        return
    fi
    claim "hpcc on $1 ranks finds its own results right" hpcc_runs "$1"
}

app_fortran() {
    if ! here test -x ring; then
        skip "a Fortran program runs" "there was no mpifort (gfortran)"
        return
    fi
    claim "a Fortran program runs on $1 ranks" says "Fortran is well: $1 ranks" run -n "$1" ./ring
}

# exit codes are mpirun's
app_codes() {
    for code_case in "0 nothing" "7 exit 7 2" "9 quit 9 1" "6 early 6 1" "5 abort 5 1" "137 kill 9 1" "139 kill 11 2"; do
        # shellcheck disable=SC2086
        set -- $code_case
        code=$1
        shift
        claim "act $*: exit code $code" answers "$code" run -n 3 ./act "$@"
    done
    claim "--timeout: exit code 110" answers 110 run --timeout 1 -n 2 ./act hang
    claim "no such program: exit code 132" answers 132 run -n 2 ./nothere
    claim "unknown option: exit code 1" answers 1 run --no-such-option -n 2 ./act
}
