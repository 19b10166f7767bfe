/* SPDX-License-Identifier: BSD-3-Clause */
/* pattern.c - which results are wanted: the patterns of --fetch */
#include "config.h"
#include "stage/pattern.h"

#include "base/mem.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool has_hidden_part(const char *path)
{
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

static bool matches_a_directory(const char *pattern, const char *path)
{
    char *copy = mem_string(path);
    bool is_match = false;

    for (char *slash = strrchr(copy, '/'); slash != NULL && !is_match; slash = strrchr(copy, '/')) {
        *slash = '\0';
        is_match = fnmatch(pattern, copy, FNM_PERIOD) == 0;
    }
    free(copy);
    return is_match;
}

static bool matches(const char *written, const char *path)
{
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;

    while (strncmp(written, "./", 2) == 0)
        written += 2;
    char *pattern = mem_string(written);
    for (size_t length = strlen(pattern); length > 1 && pattern[length - 1] == '/'; length--)
        pattern[length - 1] = '\0';
    bool is_match = fnmatch(pattern, path, FNM_PERIOD) == 0 || matches_a_directory(pattern, path) ||
                    (strchr(pattern, '/') == NULL && !has_hidden_part(path) &&
                     fnmatch(pattern, base, 0) == 0) ||
                    (pattern[0] == '.' && fnmatch(pattern, base, FNM_PERIOD) == 0);
    free(pattern);
    return is_match;
}

bool pattern_matches(char *const *patterns, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (matches(patterns[i], path))
            return true;
    return false;
}
