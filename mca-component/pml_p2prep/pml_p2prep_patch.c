/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_patch.c - ours at the entry point of a function of MPI, by OPAL's patcher
 *
 * The PMPI_ name is taken: both names are one function, but a profiling tool has its own under the
 * MPI_ name, and calls the other. */
#include "mca-component/pml_p2prep/pml_p2prep.h"

#include <opal/mca/base/base.h>
#include <opal/mca/patcher/base/base.h>
#include <opal/mca/patcher/patcher.h>

#include <dlfcn.h>

static bool is_open(void)
{
    static bool is_tried;
    if (!is_tried && mca_base_framework_open(&opal_patcher_base_framework, 0) == OPAL_SUCCESS)
        (void)opal_patcher_base_select();
    is_tried = true;
    return opal_patcher && opal_patcher->patch_symbol;
}

bool p2prep_patch(const char *name, uintptr_t ours)
{
    char symbol[64];
    uintptr_t before;
    snprintf(symbol, sizeof symbol, "P%s", name);
    if (!is_open() || !dlsym(RTLD_DEFAULT, symbol))
        return false;
    return opal_patcher->patch_symbol(symbol, ours, &before) == OPAL_SUCCESS;
}
