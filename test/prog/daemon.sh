#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# daemon.sh - one real p2pmpid without a grid: started, listed, used, lost, ended
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/prog/typed.sh"
need mpicc libopenmpi-dev
act=$P2PMPI_BUILDDIR/test/net/apps/act
daemon=$P2PMPI_BUILDDIR/pmix-server/p2pmpid
OMPI_MCA_pml=ob1
export OMPI_MCA_pml
at_exit='"$bin/p2pmpi-halt" --force >/dev/null 2>&1; end_started; cd /; rm -rf "$scratch"'
boot() { limited 30 "$bin/p2pmpi-boot" --port 0 --slots 3 --name tester "$@"; }
daemon_pid() { sed -n 's/.*(process \([0-9]*\)).*/\1/p' out | head -n 1; }

# ---- starting
boot
claim "boot: exit code" same 0 $code
claim "boot: name and slots" holds "as tester" out
pid=$(daemon_pid)
boot
claim "boot again is no failure" same 0 $code
claim "boot again says so" holds "runs already" out
limited 20 "$daemon" --set port=0
claim "a second p2pmpid of one owner: exit code" same 1 $code
claim "a second p2pmpid of one owner: what to do" holds "p2pmpi-halt" err

# ---- listings
limited 20 "$bin/p2pmpi-hosts"
claim "hosts: this one" holds "tester" out
limited 20 "$bin/p2pmpi-hosts" --hostfile
claim "hosts: host file" same "tester slots=3" "$(cat out)"
limited 20 "$bin/p2pmpi-hosts" --json --hostfile
claim "hosts: two forms at once: exit code" same 1 $code
claim "hosts: two forms at once: sentence" holds "choose one" err
limited 20 "$bin/p2pmpi-hosts" --json --refresh
claim "hosts: JSON" holds '"name": "tester"' out
limited 20 "$bin/p2pmpi-hosts" -d
claim "hosts: details" holds "Open MPI:" out
limited 20 "$bin/p2pmpi-ps"
claim "ps: nothing yet" holds "no jobs" out

# ---- jobs
limited 60 "$bin/p2pmpirun" -n 3 "$act" exit 4 2 </dev/null
claim "a job through the daemon: its exit code" same 4 $code
limited 60 "$bin/p2pmpirun" -n 4 "$act" exit 0 </dev/null
claim "more ranks than slots: exit code" same 1 $code
claim "more ranks than slots: what to do" holds "--oversubscribe" err
limited 60 "$bin/p2pmpirun" --oversubscribe -n 4 "$act" exit 0 </dev/null
claim "more ranks than slots, wanted" same 0 $code
limited 60 "$bin/p2pmpirun" -n 1 ./nosuch </dev/null
claim "a missing program: exit code" same 132 $code
SECRET=x GIVEN=y limited 60 "$bin/p2pmpirun" -x GIVEN -n 1 sh -c 'echo "secret=$SECRET given=$GIVEN pml=$OMPI_MCA_pml"' </dev/null
claim "of the environment go -x and MCA parameters alone" holds "secret= given=y pml=ob1" out
echo data >input
limited 60 "$bin/p2pmpirun" --preload-files input --fetch 'result.*' -n 2 "$act" write result </dev/null
claim "results are fetched: exit code" same 0 $code
claim "results are fetched" same 2 "$(cat result.0 result.1 | grep -c 'of 2')"
limited 60 "$bin/p2pmpirun" --preload-files input -n 2 "$act" read input </dev/null
claim "input files are there" same 2 "$(grep -c 'read 5 bytes' out)"

limited 60 "$bin/p2pmpirun" --fetch 'nothing.*' -n 2 "$act" write result </dev/null
claim "no file to fetch: exit code" same 0 $code
claim "no file to fetch: a warning" holds "matches --fetch nothing.*" err
long=$(head -c 100000 /dev/zero | tr '\0' x)
limited 60 "$bin/p2pmpirun" -n 1 sh -c 'echo $# ${#3}' sh "$long" "$long" "$long" </dev/null
claim "arguments of 300 KB" same "3 100000" "$(cat out)"
mkdir gone
gone() { (cd gone && rmdir ../gone && limited_in "$scratch/work" "$bin/p2pmpirun" -n 1 "$act" exit 0); }
limited_in() { limited_dir=$1; shift; code=0; timeout 20 "$@" >"$limited_dir/out" 2>"$limited_dir/err" </dev/null || code=$?; return $code; }
code=0
gone || code=$?
claim "a current directory that was removed: exit code" same 1 $code
claim "a current directory that was removed: sentence" holds "has been removed" err

# ---- while a job runs
no_jobs() { "$bin/p2pmpi-ps" | grep -q "no jobs"; }
# In a sandbox ranks do not know their process numbers here: they are found by their name.
mine=act-$$
cp "$act" "$mine"
hang() { start "$bin/p2pmpirun" -n 2 "./$mine" hang; }
no_ranks() { ! ps -eo stat=,args= | grep -v -e '^Z' -e p2pmpirun -e grep | grep -q "$mine hang"; }
hang
limited 20 "$bin/p2pmpi-ps"
claim "ps: the job" holds "running" out
limited 20 "$bin/p2pmpi-halt"
claim "halt refuses while it runs" same 1 $code
kill -9 $job
finish
claim "p2pmpirun killed: no rank is left within 5 s" within 5 no_ranks
claim "p2pmpirun killed: no job, no lease" within 5 no_jobs

hang
kill -9 "$pid"
boot
pid=$(daemon_pid)
claim "a daemon killed and started again: it runs" same 0 $code
limited 20 "$bin/p2pmpi-ps"
claim "a daemon killed and started again: it has the job" within 10 sh -c '"$0" | grep -q running' "$bin/p2pmpi-ps"
claim "its ranks live" not no_ranks
kill -TERM $job
finish
claim "and the job can be ended: exit code" same 1 $code
claim "and the job can be ended" within 5 no_ranks

# ---- the end
hang
children=$(ps -o pid= --ppid "$pid")
claim "p2pmpid has p2pmpi-stepds" test -n "$children"
limited 40 "$bin/p2pmpi-halt" --force
claim "halt --force" same 0 $code
# shellcheck disable=SC2086
claim "when it returns p2pmpid has waited for each of them" same "" "$(ps -o pid=,stat=,args= -p "$(echo $children)")"
finish
claim "the job has ended with it" same 1 $code
claim "no rank is left" within 5 no_ranks
claim "the daemon has gone" is_dead "$pid"
limited 20 "$bin/p2pmpi-halt"
claim "halt without a daemon is no failure" same 0 $code

# ---- bad configuration
printf '# mine\nslots = 2\nslotz = 3\n' >conf
boot --config conf
claim "a wrong key: exit code" same 1 $code
claim "a wrong key: its line" holds "conf" err
claim "a wrong key: the line's number" holds "3" err
boot --set slots=many
claim "a wrong value: exit code" same 1 $code
claim "a wrong value: its key" holds "slots" err
boot --grid nosuch.grid
claim "a grid file that is not there" same 1 $code
claims_end
