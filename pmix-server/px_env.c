/* SPDX-License-Identifier: BSD-3-Clause */
/* px_env.c - an environment in the making
 *
 * Plain malloc()ed arrays, since PMIx's functions grow and replace them as well. */
#include "config.h"
#include "pmix-server/px_env.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count(char *const *env)
{
    size_t n = 0;

    while (env != NULL && env[n] != NULL)
        n++;
    return n;
}

char **env_copy(char *const *env)
{
    size_t n = count(env);
    char **copy = mem_array(n + 1, sizeof *copy);

    for (size_t i = 0; i < n; i++)
        copy[i] = mem_string(env[i]);
    return copy;
}

static char **find(char *const *env, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; env[i] != NULL; i++)
        if (strncmp(env[i], name, length) == 0 && env[i][length] == '=')
            return (char **)&env[i];
    return NULL;
}

const char *env_get(char *const *env, const char *name)
{
    char **found = find(env, name);

    return found != NULL ? *found + strlen(name) + 1 : NULL;
}

void env_set(char ***env, const char *name, const char *value)
{
    char **found = find(*env, name);
    char *text = mem_format("%s=%s", name, value);

    if (found != NULL) {
        free(*found);
        *found = text;
        return;
    }
    size_t n = count(*env);
    *env = mem_grow(*env, n + 2, sizeof **env);
    (*env)[n] = text;
    (*env)[n + 1] = NULL;
}

void env_default(char ***env, const char *name, const char *value)
{
    if (find(*env, name) == NULL)
        env_set(env, name, value);
}

void env_format(char ***env, const char *name, const char *format, ...)
{
    char value[256];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    env_set(env, name, value);
}

static void remove_at(char **place)
{
    free(*place);
    do
        place[0] = place[1];
    while (*place++ != NULL);
}

void env_unset(char ***env, const char *name)
{
    char **found = find(*env, name);

    if (found != NULL)
        remove_at(found);
}

void env_unset_prefix(char ***env, const char *prefix, const char *except)
{
    for (char **place = *env; *place != NULL;)
        if (strncmp(*place, prefix, strlen(prefix)) == 0 &&
            (except == NULL || strncmp(*place, except, strlen(except)) != 0))
            remove_at(place);
        else
            place++;
}

void env_prepend(char ***env, const char *name, const char *dir)
{
    const char *old = env_get(*env, name);
    char *value = old != NULL && *old != '\0' ? mem_format("%s:%s", dir, old) : mem_string(dir);

    env_set(env, name, value);
    free(value);
}

void env_free(char **env)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++)
        free(env[i]);
    free(env);
}

char **env_clean(char *const *env)
{
    static const char *const kept[] = {"HOME", "USER", "LOGNAME", "SHELL",
                                       "PATH", "LANG", "LC_ALL",  "TZ"};
    char **clean = env_copy(NULL);

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *value = env_get(env, kept[i]);

        if (value != NULL)
            env_set(&clean, kept[i], value);
    }
    env_default(&clean, "PATH", "/usr/local/bin:/usr/bin:/bin");
    return clean;
}
