/* SPDX-License-Identifier: BSD-3-Clause */
/* run_env.c - which variables of the user's environment the ranks get */
#include "config.h"
#include "tools/run_env.h"

#include "base/alike.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(struct run_env *env, const char *name, size_t length, const char *value)
{
    char *own = mem_alloc(length + 1);

    memcpy(own, name, length);
    for (size_t i = 0; i < env->count; i++)
        if (strcmp(env->vars[i]->name, own) == 0) {
            free(own);
            free(env->vars[i]->value);
            env->vars[i]->value = mem_string(value);
            env->vars[i]->unset = false;
            return;
        }
    Wire__Var *var = mem_alloc(sizeof *var);
    wire__var__init(var);
    var->name = own;
    var->value = mem_string(value);
    env->vars = mem_grow(env->vars, env->count + 1, sizeof(Wire__Var *));
    env->vars[env->count++] = var;
}

/* Every variable whose name begins with prefix. */
static void set_matching(struct run_env *env, char *const *environ_list, const char *prefix,
                         size_t length)
{
    for (; *environ_list != NULL; environ_list++) {
        const char *equals = strchr(*environ_list, '=');
        if (equals != NULL && strncmp(*environ_list, prefix, length) == 0 &&
            (size_t)(equals - *environ_list) >= length)
            set(env, *environ_list, (size_t)(equals - *environ_list), equals + 1);
    }
}

static const char *value_of(char *const *environ_list, const char *name)
{
    size_t length = strlen(name);

    for (; *environ_list != NULL; environ_list++)
        if (strncmp(*environ_list, name, length) == 0 && (*environ_list)[length] == '=')
            return *environ_list + length + 1;
    return NULL;
}

/* Replicas on different hosts must find the same, as the user has it: also nothing. */
static void set_alike(struct run_env *env, char *const *environ_list)
{
    const struct alike *alike;

    for (size_t i = 0; (alike = alike_at(i)) != NULL; i++) {
        const char *value = value_of(environ_list, alike->name);
        if (value != NULL || alike->value == NULL)
            set(env, alike->name, strlen(alike->name), value != NULL ? value : "");
        if (value == NULL && alike->value == NULL)
            env->vars[env->count - 1]->unset = true;
    }
}

void run_env_fill(struct run_env *env, const struct run_options *options, char *const *environ_list,
                  bool everything, void (*warn)(const char *text, void *arg), void *arg)
{
    char text[320];

    if (!everything) {
        set_matching(env, environ_list, "OMPI_MCA_", strlen("OMPI_MCA_"));
        set_matching(env, environ_list, "PMIX_MCA_", strlen("PMIX_MCA_"));
        if (options->replicas != NULL)
            set_alike(env, environ_list);
    }
    for (size_t i = 0; i < options->exports.count; i++) {
        const char *word = options->exports.items[i], *equals = strchr(word, '=');
        size_t length = strlen(word);
        if (equals != NULL) {
            set(env, word, (size_t)(equals - word), equals + 1);
        } else if (length > 0 && word[length - 1] == '*') {
            set_matching(env, environ_list, word, length - 1);
        } else if (value_of(environ_list, word) != NULL) {
            set(env, word, length, value_of(environ_list, word));
        } else {
            snprintf(text, sizeof text, "-x %.200s: there is no such variable in the environment",
                     word);
            warn(text, arg);
        }
    }
    for (size_t i = 0; i + 1 < options->mca.count; i += 2)
        set(env, options->mca.items[i], strlen(options->mca.items[i]), options->mca.items[i + 1]);
}

void run_env_clear(struct run_env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        free(env->vars[i]->name);
        free(env->vars[i]->value);
        free(env->vars[i]);
    }
    free(env->vars);
    *env = (struct run_env){NULL, 0};
}
