#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# staging.sh - programs, libraries and files that only the submitter has reach the ranks, and results come home
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"
. "$P2PMPI_SRCDIR/test/lib/grid.sh"

grid_up 4 2
on h1 sh -c 'head -c 3000000 /dev/urandom >data; mkdir tree; cp data tree/inner; printf "data\npeers.dat\n" >list'

with_library() { on h1 env LD_LIBRARY_PATH=/root timeout 60 p2pmpirun --mca mpi_yield_when_idle 1 "$@"; }
greetings() { [ "$(with_library -n 8 ./greet | sort -u | grep -c '^greetings from rank')" -eq 8 ]; }
reads() { [ "$(run -n 4 "$@" | grep -c "read 3000000 bytes")" -eq 4 ]; }
wrote() {
    run -n 8 --fetch 'out.*' ./act write out &&
        on h1 sh -c 'for r in 0 1 2 3 4 5 6 7; do grep -qx "written by rank $r of 8" out.$r || exit 1; done'
}
not_fetched() { run -n 8 ./act write gone && not on h1 sh -c 'ls gone.* 2>/dev/null'; }
objects() { on h2 find /root/.cache/p2pmpi/objects -type f | wc -l; }

claim "the program is on the submitter alone" not on h2 test -e /root/act
claim "the program is brought along" answers 0 run -n 8 ./act nothing
claim "the program's library is on the submitter alone" not on h2 test -e /built
claim "a library that only the submitter has is brought along" greetings
claim "--preload-files brings a file to all ranks" reads --preload-files data ./act read data
claim "--preload-files brings a directory" reads --preload-files tree ./act read tree/inner
claim "-l brings the files of a list" reads -l list ./act read data
before=$(objects)
run -n 8 --preload-files data ./act read data >/dev/null 2>&1
claim "content that a host has is not sent again" test "$(objects)" -eq "$before"
claim "--fetch brings home what ranks wrote" wrote
claim "without --fetch nothing comes home" not_fetched
claim "every job's directory is removed" clean_within 5
on h1 sh -c 'printf "#!/bin/sh\nexec ./act env OMPI_COMM_WORLD_SIZE\n" >script; chmod +x script'
claim "a script runs too, with the program it needs preloaded" says "rank 3: 4" run -n 4 --preload-files act ./script
lacked=$(on h3 sh -c 'ldd /usr/bin/tachyon-nox 2>/dev/null' | awk '/libtachyon/ {print $3}')
if [ -n "$lacked" ] && lab hide h3 "$(readlink -f "$lacked")" 2>/dev/null; then
    claim "Debian's own program, with a library that one peer lacks" says "Image I/O" \
        run -n 8 --preload-files peers.dat tachyon-nox peers.dat -res 64 48 -o x.tga
else
    skip "Debian's own program, with a library that one peer lacks" "no tachyon-nox, or no overlay file system"
fi
[ "$claim_failed" -eq 0 ] || grid_logs | sed 's/^/# /'
claims_end
