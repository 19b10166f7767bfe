/* SPDX-License-Identifier: BSD-3-Clause */
/* installed.c - the directories of programs that a machine's administrator installed */
#include "config.h"
#include "base/installed.h"

#include "base/file.h"

#include <stddef.h>
#include <string.h>

const char *const installed_dirs[] = {"/usr", "/opt",  "/nix",   "/gnu", "/snap",
                                      "/sw",  "/apps", "/cvmfs", NULL};
static const char *const merged_dirs[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", NULL};

static bool is_below_one(const char *path, const char *const *dirs)
{
    for (; *dirs != NULL; dirs++) {
        size_t length = strlen(*dirs);
        if (strncmp(path, *dirs, length) == 0 && path[length] == '/')
            return file_is_below(path + 1);
    }
    return false;
}

bool installed_has(const char *path)
{
    return is_below_one(path, installed_dirs) || is_below_one(path, merged_dirs);
}
