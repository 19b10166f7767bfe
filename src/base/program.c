/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c - where the other programs of P2P-MPI are */
#include "config.h"
#include "base/program.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *own_directory(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length <= 0)
        return mem_string(BINDIR);
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return mem_string(path);
}

char *program_find(const char *name, struct err *err)
{
    /* installed: prefix/bin and prefix/libexec/p2pmpi; built: src/tools, pmix-server, supernode */
    static const char *const near[] = {".",
                                       "../libexec/p2pmpi",
                                       "../../bin",
                                       "../pmix-server",
                                       "../../pmix-server",
                                       "../src/tools",
                                       "../supernode",
                                       "../../supernode"};
    static const char *const installed[] = {LIBEXECDIR, BINDIR};
    char *own = own_directory();
    char *found = NULL;

    for (size_t i = 0; found == NULL && i < sizeof near / sizeof near[0]; i++) {
        found = mem_format("%s/%s/%s", own, near[i], name);
        if (access(found, X_OK) < 0) {
            free(found);
            found = NULL;
        }
    }
    for (size_t i = 0; found == NULL && i < sizeof installed / sizeof installed[0]; i++) {
        found = mem_format("%s/%s", installed[i], name);
        if (access(found, X_OK) < 0) {
            free(found);
            found = NULL;
        }
    }
    if (found == NULL) {
        errno = ENOENT;
        err_set(err, "%s was found neither beside %s nor in %s or %s; run \"make install\" again",
                name, own, LIBEXECDIR, BINDIR);
    }
    free(own);
    return found;
}

static char *component_in(char *dir)
{
    char *file = mem_format("%s/mca_pml_p2prep.so", dir);
    bool is_there = access(file, R_OK) == 0;

    free(file);
    if (is_there)
        return dir;
    free(dir);
    return NULL;
}

char *program_component(void)
{
    /* installed: prefix/bin or prefix/libexec/p2pmpi, then lib/p2pmpi; built: .libs */
    static const char *const near[] = {"../lib/p2pmpi", "../../lib/p2pmpi", "../.libs",
                                       "../../.libs"};
    char *own = own_directory();
    char *found = component_in(mem_string(PROGRAM_COMPONENT));

    for (size_t i = 0; found == NULL && i < sizeof near / sizeof near[0]; i++)
        found = component_in(mem_format("%s/%s", own, near[i]));
    if (found == NULL)
        found = component_in(mem_string(COMPONENTDIR));
    if (found == NULL && getenv("HOME") != NULL)
        found = component_in(mem_format("%s/.openmpi/components", getenv("HOME")));
    free(own);
    return found;
}
