/* SPDX-License-Identifier: BSD-3-Clause */
/* px_env.h - an environment in the making: NULL-ended, malloc()ed "NAME=value" texts; pure
 * functions */
#ifndef P2PMPI_PX_ENV_H
#define P2PMPI_PX_ENV_H

#include <stdbool.h>

char **env_copy(char *const *env); /* NULL: an empty one */
const char *env_get(char *const *env, const char *name);
void env_set(char ***env, const char *name, const char *value);     /* replaces */
void env_default(char ***env, const char *name, const char *value); /* unless it is there */
void env_format(char ***env, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void env_unset(char ***env, const char *name);
/* Unsets all names that begin with prefix, except those that begin with except (NULL: none). */
void env_unset_prefix(char ***env, const char *prefix, const char *except);
/* Puts dir in front of a list of directories. */
void env_prepend(char ***env, const char *name, const char *dir);
void env_free(char **env);

/* What a job of somebody else finds: home, user, path and language of the host's owner, nothing
 * more. */
char **env_clean(char *const *env);

#endif
