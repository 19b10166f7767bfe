# SPDX-License-Identifier: BSD-3-Clause
# lab.sh - for test scripts: a lab of namespace hosts that ends with the script; after claim.sh
#
#   lab_up 4 [netlab options]; on h2 hostname; lab cut h2
# shellcheck shell=sh
NETLAB_DIR=$scratch/lab
export NETLAB_DIR

netlab=$P2PMPI_BUILDDIR/test/lib/netlab/netlab
lab() { "$netlab" "$@"; }
on() { lab exec "$@"; }

# Skips the script where namespaces cannot be had, with the kernel's reason.
lab_up() {
    [ -z "${P2PMPI_NO_LAB:-}" ] || skip_all "P2PMPI_NO_LAB is set"
    need ip iproute2
    need tc iproute2
    mkdir -p "$NETLAB_DIR"
    [ -z "$sanitizer_dir" ] || set -- "$@" --bind-rw "$sanitizer_dir"
    if ! lab_up_said=$(lab up "$@" --watch $$ 2>&1); then
        lab_probe=$(mktemp -d)
        if NETLAB_DIR=$lab_probe lab up 1 --watch $$ >/dev/null 2>&1; then
            NETLAB_DIR=$lab_probe lab down
            rmdir "$lab_probe"
            echo "Bail out! $lab_up_said"
            exit 1
        fi
        rmdir "$lab_probe"
        skip_all "no namespace hosts on this machine: $lab_up_said"
    fi
    at_exit="lab down; $at_exit"
}
