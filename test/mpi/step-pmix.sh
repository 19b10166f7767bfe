#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# step-pmix.sh - PMIx services beside MPI's: direct modex, the grid's peers; other users are kept out
. "${P2PMPI_SRCDIR:-$(dirname "$0")/../..}/test/mpi/step-lib.sh"

for hosts in 1 3; do
    run 0 -n 3 -H $hosts "$prog/pmixclient"
    lines 1 '^0 modex SUCCESS data of 1$'
    lines 1 '^2 modex SUCCESS data of 0$'
    lines 3 'query p2pmpi.peers SUCCESS \[{.*"name":"apple".*"name":"pear"'
    lines 3 'lookup p2pmpi.peers SUCCESS \[{.*"name":"apple"'
    lines 3 'query p2pmpi.nothing NOT-SUPPORTED'
    lines 3 'lookup something NOT-SUPPORTED'
    lines 3 'publish NOT-SUPPORTED'
done

# a tool of the owner, without any job
run 0 -t sh -c "$prog/pmixclient tool \"\$STEPDRIVE_TOOLS\""
lines 1 'query p2pmpi.peers SUCCESS \[{.*"name":"apple"'
lines 1 'lookup p2pmpi.peers SUCCESS \[{.*"name":"apple"'

if [ "$(id -u)" -ne 0 ] || ! setpriv --reuid=65534 --clear-groups true 2>/dev/null; then
    echo "not tried: the guard against other users (needs root and setpriv)"
    exit $failed
fi
# a client of another user that knows everything is not let in; the job's own ranks are
cp "$prog/pmixclient" "$scratch/client"
chmod 755 "$scratch" "$scratch/client"
run 0 -n 1 sh -c "timeout 5 setpriv --reuid=65534 --regid=65534 --clear-groups $scratch/client init ||
    echo refused; $scratch/client init && echo let in"
lines 1 '^refused$'
lines 1 '^let in$'
exit $failed
