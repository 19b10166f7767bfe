/* SPDX-License-Identifier: BSD-3-Clause */
/* px_replicas.c - jobs whose ranks have replicas: what their processes find, and hosts that are
 * lost
 */
#include "config.h"
#include "pmix-server/px_replicas.h"

#include "base/alike.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "job/roster.h"
#include "pmix-server/px_env.h"
#include "pmix-server/px_event.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"

#include <stdlib.h>

static bool has_replicas(const struct px_step *step)
{
    return roster_has_replicas(step->roster);
}

uint32_t px_replicas_rank(const struct px_step *step, uint32_t process)
{
    return roster_rank(step->roster, process);
}

uint32_t px_replicas_ranks(const struct px_step *step)
{
    return (uint32_t)roster_world(step->roster)->ranks;
}

/* "2,1,2" */
static char *degrees_text(const Wire__JobSpec *spec)
{
    char *text = NULL;
    size_t size;

    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    for (size_t rank = 0; rank < spec->n_degrees; rank++)
        fprintf(out, rank > 0 ? ",%u" : "%u", spec->degrees[rank]);
    fclose(out);
    return text;
}

static bool is_uniform(const Wire__JobSpec *spec)
{
    for (size_t rank = 1; rank < spec->n_degrees; rank++)
        if (spec->degrees[rank] != spec->degrees[0])
            return false;
    return true;
}

/* Programs and libraries that would choose by chance, or by the processor they find, choose alike.
 */
static void set_alike(char ***env)
{
    const struct alike *alike;

    for (size_t i = 0; (alike = alike_at(i)) != NULL; i++)
        if (alike->value != NULL)
            env_default(env, alike->name, alike->value);
}

int px_replicas_environment(const struct px_step *step, char ***env, struct err *err)
{
    const Wire__JobSpec *spec = px_spec(step);
    char *dir = has_replicas(step) ? program_component() : NULL;

    if (!has_replicas(step))
        return 0;
    if (dir == NULL)
        return err_set(err, "replicas need the component p2prep, which is not installed on host %s",
                       px_host_name(step));
    env_set(env, "OMPI_MCA_pml", "p2prep");
    char *path = mem_format("%s:SYSTEM_DEFAULT:USER_DEFAULT", dir);
    env_default(env, "OMPI_MCA_mca_base_component_path", path);
    if (is_uniform(spec)) {
        env_format(env, "OMPI_MCA_pml_p2prep_replicas", "%u", spec->degrees[0]);
    } else {
        char *map = degrees_text(spec);
        env_set(env, "OMPI_MCA_pml_p2prep_map", map);
        free(map);
    }
    /* who keeps the others of its rank waiting for good is given up */
    env_default(env, "OMPI_MCA_pml_p2prep_lag_evict", "1");
    set_alike(env);
    free(path);
    free(dir);
    return 0;
}

void px_replicas_host_lost(struct px_step *step, const Wire__HostLost *lost)
{
    const Wire__JobSpec *spec = px_spec(step);

    if (lost->host >= spec->n_hosts || lost->host == step->start->host)
        return;
    log_info("host lost host=%s why=\"%s\"", spec->hosts[lost->host]->peer->name, lost->why);
    px_route_drop(step, (int)lost->host);
    px_fence_host_lost(step, (int)lost->host);
    px_modex_host_lost(step, (int)lost->host);
    for (uint32_t process = 0; process < spec->ranks; process++)
        if (spec->rank_host[process] == lost->host)
            px_event_rank_died(step, process);
}
