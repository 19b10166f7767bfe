#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-installed.sh - what a user types: configure --with-user-component, make, make install (of the component alone), then mpirun as in the README
. "$(dirname "$0")/p2prep-lib.sh"
unset OMPI_MCA_mca_base_component_path
HOME=$scratch/home
OMPI_MCA_rmaps_base_oversubscribe=1 # eight processes on however many cores
PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export HOME OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy
mkdir "$HOME" "$scratch/build"
source=$(cd "$P2PMPI_SRCDIR" && pwd)
cp "$P2PMPI_BUILDDIR/test/mpi/hello" "$scratch/app"

# shellcheck disable=SC2317
build() {
    cd "$scratch/build" &&
        "$source/configure" --prefix="$scratch/prefix" --with-user-component &&
        env -u MAKEFLAGS -u MFLAGS make mca_pml_p2prep.la &&
        env -u MAKEFLAGS -u MFLAGS make install-componentLTLIBRARIES install-dist_pkgdataDATA
}
claim "configure --with-user-component, make, make install" build || claims_end
claim "the component is in ~/.openmpi/components" test -e "$HOME/.openmpi/components/mca_pml_p2prep.so"
# 5.0's mpirun has to be told of that folder.
case $(mpirun --version) in
*"(Open MPI) 5."*) export OMPI_MCA_mca_base_component_path="$HOME/.openmpi/components:$(ompi_info --parsable --path pkglibdir | sed 's/.*://')" ;;
esac
# ranks OF TIMES: each rank of so many has said hello so often
ranks() {
    for rank in $(seq 0 $(($1 - 1))); do
        [ "$(grep -c "^rank $rank of $1 sum" "$scratch/hello")" -eq "$2" ] || { cat "$scratch/hello"; return 1; }
    done
}
cd "$scratch" || exit 99
timeout -k 5 60 mpirun --mca pml p2prep -n 8 ./app >"$scratch/hello" 2>&1 </dev/null
claim "mpirun --mca pml p2prep -n 8 ./app: eight ranks" ranks 8 1
timeout -k 5 60 mpirun --enable-recovery --mca pml p2prep --mca pml_p2prep_replicas 2 -n 8 ./app >"$scratch/hello" 2>&1 </dev/null
claim "mpirun --enable-recovery --mca pml p2prep --mca pml_p2prep_replicas 2 -n 8 ./app: four ranks, each one twice" ranks 4 2
if command -v prterun >/dev/null; then
    timeout -k 5 60 prterun --mca pml p2prep -n 8 ./app >"$scratch/hello" 2>&1 </dev/null
    claim "prterun --mca pml p2prep -n 8 ./app: eight ranks" ranks 8 1
else
    skip "prterun --mca pml p2prep -n 8 ./app" "no prterun here: Open MPI 4.1 comes without PRRTE"
fi
listed() { ompi_info --param pml p2prep --level 9 | grep -q 'pml_p2prep_replicas'; }
claim "ompi_info lists the parameters" listed
claims_end
