#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# bad.sh - bad input and broken surroundings: a clear sentence, the right exit code, nothing left behind
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"

# refuses CODE "TEXT TEXT..." COMMAND...: the exit code, and each of the words (| between them) in what it says
refuses() {
    refuses_code=$1
    refuses_words=$2
    shift 2
    refuses_got=0
    "$@" >"$scratch/refuses" 2>&1 </dev/null || refuses_got=$?
    cat "$scratch/refuses"
    echo "exit code $refuses_got, wanted $refuses_code; words wanted: $refuses_words"
    [ "$refuses_got" -eq "$refuses_code" ] || return 1
    (
        IFS='|'
        for word in $refuses_words; do
            grep -qi -- "$word" "$scratch/refuses" || exit 1
        done
    )
}

grid_up 4 2

# ---------------------------------------------------------------- programs
on h1 sh -c 'cp world plain && chmod -x plain; echo nothing >text; chmod +x text
    cp world foreign && printf "\267" | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
    perl -pe "s/GLIBC_2\.34/GLIBC_2.99/g" world >newer && chmod +x newer
    printf "#!/no/such/interpreter\n" >script && chmod +x script'
claim "no such program here" refuses 132 "nothere" run -n 2 ./nothere
claim "no such program in PATH" refuses 132 "nothere|PATH" run -n 2 nothere
claim "not executable" refuses 132 "plain|not executable" run -n 2 ./plain
claim "neither a program nor a script" refuses 1 "text" run -n 2 ./text
claim "wrong architecture" refuses 1 "aarch64|x86_64" run -n 2 ./foreign
if on h1 cmp -s newer world; then
    skip "a newer glibc needed" "the compiler here asks for no GLIBC_2.34"
else
    claim "a newer glibc needed than the peers have" refuses 1 "2.99|glibc" run -n 8 ./newer
fi
claim "a script whose interpreter is nowhere" refuses 132 "/no/such/interpreter" run -n 2 ./script
printf '#!/built/act\n' >"$scratch/needy"
put "$scratch/needy" h1 needy
on h1 chmod +x needy
claim "a script whose interpreter is missing on the peers" refuses 1 "/built/act|h[234]" run -n 8 ./needy
if lab hide h3 /usr/bin/tachyon-nox 2>/dev/null; then
    claim "a program that a peer lacks is brought along" says "Image I/O" run -n 8 --preload-files peers.dat tachyon-nox peers.dat -res 64 48 -o x.tga
else
    skip "a program that a peer lacks is brought along" "no overlay file system"
fi
claim "nothing is left of these" clean_within 5

# ---------------------------------------------------------------- command line
claim "more ranks than slots in the whole grid: how many there are, and what to do" refuses 1 "8|oversubscribe" run -n 100 ./world
claim "--oversubscribe makes it possible" says "all well: 10 ranks" run -n 10 --oversubscribe ./world
claim "unknown option" refuses 1 "no-such-option" run --no-such-option -n 2 ./world
claim "a number that is none" refuses 1 "-n" run -n many ./world
claim "no program named" refuses 1 "program" run -n 2
claim "unreadable file in a list" refuses 1 "missing-file" on h1 sh -c 'echo missing-file >badlist; exec p2pmpirun -n 2 -l badlist ./world'
claim "no such list" refuses 1 "no-list" run -n 2 -l no-list ./world
claim "no such host" refuses 1 "h77" run -n 2 --host h77 ./world
claim "more ranks than the named hosts have slots" refuses 1 "2 free slots|oversubscribe" run -n 5 --host h2 ./world

# ---------------------------------------------------------------- p2pmpid
claim "a second p2pmpid of the same owner" refuses 1 "already|p2pmpi-halt" on h2 timeout 10 p2pmpid
claim "port taken" refuses 1 "9740" on h2 env P2PMPI_DIR=/tmp/p2pmpi-other timeout 10 sh -c \
    'p2pmpi-grid join /root/lab.grid >/dev/null; exec p2pmpid'
on h2 sh -c 'mkdir -p /tmp/p2pmpi-conf/config; printf "slots = 2\n# fine\ncolour = green\n" >/tmp/p2pmpi-conf/config/p2pmpid.conf'
claim "wrong key in the configuration file, with its line" refuses 1 "p2pmpid.conf|3|colour" on h2 env P2PMPI_DIR=/tmp/p2pmpi-conf timeout 10 p2pmpid
on h2 sh -c 'printf "\nslots = many\n" >/tmp/p2pmpi-conf/config/p2pmpid.conf'
claim "wrong value in the configuration file, with its line" refuses 1 "p2pmpid.conf|2|slots" on h2 env P2PMPI_DIR=/tmp/p2pmpi-conf timeout 10 p2pmpid
claim "wrong key on the command line" refuses 1 "colour" on h2 env P2PMPI_DIR=/tmp/p2pmpi-set timeout 10 p2pmpid --set colour=green
claim "a second supernode of the same owner" refuses 1 "already|--stop" on h1 timeout 10 p2pmpi-supernode
claim "a grid file that is none" refuses 1 "data" on h2 sh -c 'echo nonsense >data; p2pmpi-grid join data'

# ---------------------------------------------------------------- peers
lab cut h4
claim "a peer that cannot be reached is passed over" says "all well: 6 ranks on 3 hosts" run -n 6 -w 20 ./world
claim "a peer that cannot be reached and is asked for by name is named" refuses 1 "h4" run -n 2 --host h4 ./world
lab mend h4
within 20 lists_peers h1 4

# a foreign grid: its own supernode and member on h4, which both know our addresses
on h4 p2pmpi-halt --force >/dev/null 2>&1
on h4 sh -c 'P2PMPI_DIR=/root/foreign p2pmpi-grid create foreign --supernode 10.77.0.1 >/dev/null
    P2PMPI_DIR=/root/member p2pmpi-grid join foreign.grid >/dev/null'
claim "a foreign grid's member is refused by our supernode, and told" within 10 sh -c \
    'NETLAB_PATH=/p2pmpi/bin timeout 5 "$1" exec h4 env P2PMPI_DIR=/root/member p2pmpid 2>&1 | grep -iE "grid|authority|certificate"' - \
    "$netlab"
claim "our grid does not list it" within 20 lists_peers h1 3

# none on h3, another Open MPI on h2: their p2pmpid must look again
libmpi=$(find /usr/lib -name libmpi.so.40 | head -n 1)
libdir=${libmpi%/*}
# the series that this machine does not have
case $(readlink "$libmpi") in
*.40.40.*) other=4.1 other_name=libmpi.so.40.30.4 ;;
*) other=5.0 other_name=libmpi.so.40.40.7 ;;
esac
# shellcheck disable=SC2046
if lab hide h3 $(find "$libdir" -maxdepth 1 -name 'libmpi*.so*') "$libdir/openmpi" 2>/dev/null; then
    on h2 sh -c 'mkdir /run/other && cp "$1" "/run/other/$3" && ln -s "$3" /run/other/libmpi.so.40 &&
        mount -t overlay -o "lowerdir=/run/other:$2" overlay "$2"' - "$libmpi" "$libdir" "$other_name"
    for host in h2 h3; do
        on $host p2pmpi-halt --force >/dev/null 2>&1
        start_daemon $host --set slots=2
    done
    within 20 lists_peers h1 3
    claim "a peer without Open MPI is named when it is asked for" refuses 1 "h3|Open MPI" run -n 2 --host h3 ./world
    claim "a peer with another series is named when it is asked for" refuses 1 "h2|Open MPI $other" run -n 2 --host h2 ./world
    claim "neither is used otherwise" says "all well: 2 ranks on 1 hosts" run -n 2 ./world
    claim "when they are needed it is told why they are not taken" refuses 1 "Open MPI" run -n 4 ./world
else
    skip "no Open MPI, or another series, on a peer" "no overlay file system"
fi

# ---------------------------------------------------------------- supernode
on h4 sh -c 'p2pmpi-halt --force' >/dev/null 2>&1
start_daemon h4 --set slots=2
within 20 lists_peers h1 4
on h1 p2pmpi-supernode --stop >/dev/null 2>&1
on h1 p2pmpi-halt --force >/dev/null 2>&1
start_daemon h1 --set slots=2
within 20 on h1 p2pmpi-hosts >/dev/null 2>&1
claim "supernode unreachable: cached peers are used" within 20 says "all well: 4 ranks on 2 hosts" run -n 4 -w 10 --host h1,h4 ./world
claim "and a warning says so" says "supernode" run -n 4 --host h1,h4 ./world
claim "nothing is left on any host" clean_within 5
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
