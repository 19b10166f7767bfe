/* SPDX-License-Identifier: BSD-3-Clause */
/* run_env.h - which variables of the user's environment the ranks get */
#ifndef P2PMPI_TOOLS_RUN_ENV_H
#define P2PMPI_TOOLS_RUN_ENV_H

#include "tools/run_options.h"
#include "wire/frame.h"

/* A list of variables, each name once; the later of two values stays. */
struct run_env {
    Wire__Var **vars; /* owned, freed by run_env_clear() */
    size_t count;
};

/* environ: the user's, NULL-ended. everything: the ranks inherit it all anyway (this machine
 * alone), so only what the command line adds is listed. Else also OMPI_MCA_* and PMIX_MCA_* of
 * environ, and for replicas what makes them alike (base/alike.h), set or not. warn is called for
 * each -x NAME that is not set. */
void run_env_fill(struct run_env *env, const struct run_options *options, char *const *environ_list,
                  bool everything, void (*warn)(const char *text, void *arg), void *arg);
void run_env_clear(struct run_env *env);

#endif
