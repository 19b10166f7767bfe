/* SPDX-License-Identifier: BSD-3-Clause */
/* px_nspace.c - tells the PMIx server about the job
 *
 * Everything that Open MPI 4.1 and 5.0 ask for in MPI_Init is here; what is missing there costs
 * either the start (LOCAL_RANK, NODE_RANK) or, silently, shared memory (NODE_MAP, PROC_MAP,
 * LOCAL_PEERS). */
#include "config.h"
#include "pmix-server/px_nspace.h"

#include "base/mem.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_map.h"
#include "pmix-server/px_status.h"
#include "pmix-server/px_step.h"

#include <pmix_server.h>
#include <stdlib.h>
#include <unistd.h>

static void add_host_name(void *list, const struct px_step *step, uint32_t host)
{
    char *name = map_host_name(px_spec(step), step->start->host, step->own_name, host);

    PMIx_Info_list_add(list, PMIX_HOSTNAME, name, PMIX_STRING);
    free(name);
}

static void add_string(void *list, const char *key, const char *value)
{
    PMIx_Info_list_add(list, key, value, PMIX_STRING);
}

static void add_u32(void *list, const char *key, uint32_t value)
{
    PMIx_Info_list_add(list, key, &value, PMIX_UINT32);
}

static void add_rank(void *list, const char *key, pmix_rank_t value)
{
    PMIx_Info_list_add(list, key, &value, PMIX_PROC_RANK);
}

static void add_u16(void *list, const char *key, uint16_t value)
{
    PMIx_Info_list_add(list, key, &value, PMIX_UINT16);
}

static void add_true(void *list, const char *key)
{
    bool yes = true;

    PMIx_Info_list_add(list, key, &yes, PMIX_BOOL);
}

/* Both maps go through the library: it compresses them as its clients expect. */
static int add_maps(void *list, const struct px_step *step, struct err *err)
{
    const Wire__JobSpec *spec = px_spec(step);
    char *names = map_host_names(spec, step->start->host, step->own_name);
    char *ranks = map_host_ranks(spec);
    char *node_map = NULL, *proc_map = NULL;

    pmix_status_t status = PMIx_generate_regex(names, &node_map);
    if (status == PMIX_SUCCESS)
        status = PMIx_generate_ppn(ranks, &proc_map);
    if (status == PMIX_SUCCESS) {
        PMIx_Info_list_add(list, PMIX_NODE_MAP, node_map, PMIX_REGEX);
        PMIx_Info_list_add(list, PMIX_PROC_MAP, proc_map, PMIX_REGEX);
    }
    free(proc_map);
    free(node_map);
    free(ranks);
    free(names);
    return status == PMIX_SUCCESS
               ? 0
               : px_status_err(err, status, "the map of the job's hosts is refused");
}

static void add_session(void *list, const struct px_step *step)
{
    char *top = mem_format("%s/tmp", step->dir);
    char *space = mem_format("%s/tmp/job", step->dir);

    add_string(list, PMIX_TMPDIR, top);
    add_string(list, PMIX_NSDIR, space);
    add_true(list, PMIX_TDIR_RMCLEAN);
    free(space);
    free(top);
}

/* The same once more as what belongs to a host: 5.0's library looks there for what ranks ask of
 * their own. */
static void add_node(void *list, const struct px_step *step, uint32_t host)
{
    const Wire__JobSpec *spec = px_spec(step);
    char *peers = map_ranks_of(spec, host);
    void *node = PMIx_Info_list_start();
    pmix_data_array_t array;
    uint32_t ranks = map_ranks_on(spec, host);

    add_host_name(node, step, host);
    add_u32(node, PMIX_NODEID, map_node_id(spec, host));
    add_u32(node, PMIX_LOCAL_SIZE, ranks);
    add_u32(node, PMIX_NODE_SIZE, ranks);
    add_string(node, PMIX_LOCAL_PEERS, peers);
    add_rank(node, PMIX_LOCALLDR, (pmix_rank_t)strtoul(peers, NULL, 10));
    if (PMIx_Info_list_convert(node, &array) == PMIX_SUCCESS) {
        PMIx_Info_list_add(list, PMIX_NODE_INFO_ARRAY, &array, PMIX_DATA_ARRAY);
        PMIX_DATA_ARRAY_DESTRUCT(&array);
    }
    PMIx_Info_list_release(node);
    free(peers);
}

static int add_job(void *list, const struct px_step *step, struct err *err)
{
    const Wire__JobSpec *spec = px_spec(step);
    char *peers = map_ranks_of(spec, step->start->host);

    add_string(list, PMIX_JOBID, spec->namespace_);
    add_u32(list, PMIX_UNIV_SIZE,
            spec->slots_total > spec->ranks ? spec->slots_total : spec->ranks);
    add_u32(list, PMIX_JOB_SIZE, spec->ranks);
    add_u32(list, PMIX_MAX_PROCS, spec->ranks);
    add_u32(list, PMIX_JOB_NUM_APPS, 1);
    add_u32(list, PMIX_APP_SIZE, spec->ranks);
    add_u32(list, PMIX_NUM_NODES, map_hosts_used(spec));
    add_u32(list, PMIX_LOCAL_SIZE, (uint32_t)step->rank_count);
    add_u32(list, PMIX_NODE_SIZE, (uint32_t)step->rank_count);
    add_string(list, PMIX_LOCAL_PEERS, peers);
    add_u32(list, PMIX_NODEID, map_node_id(spec, step->start->host));
    add_string(list, PMIX_HOSTNAME, step->own_name);
    add_rank(list, PMIX_LOCALLDR, step->rank_count > 0 ? step->ranks[0].rank : 0);
    if (px_launch_is_crowded(step))
        add_true(list, PMIX_NODE_OVERSUBSCRIBED);
    add_session(list, step);
    free(peers);
    return add_maps(list, step, err);
}

static void add_proc(void *list, const struct px_step *step, uint32_t rank)
{
    const Wire__JobSpec *spec = px_spec(step);
    uint32_t host = spec->rank_host[rank];
    uint16_t local = (uint16_t)map_local_rank(spec, rank);
    void *proc = PMIx_Info_list_start();
    pmix_data_array_t array;

    add_rank(proc, PMIX_RANK, rank);
    add_rank(proc, PMIX_GLOBAL_RANK, rank);
    add_rank(proc, PMIX_APP_RANK, rank);
    add_u16(proc, PMIX_LOCAL_RANK, local);
    add_u16(proc, PMIX_NODE_RANK, local);
    add_u32(proc, PMIX_APPNUM, 0);
    add_u32(proc, PMIX_NODEID, map_node_id(spec, host));
    add_host_name(proc, step, host);
    if (host == step->start->host) {
        char *dir = mem_format("%s/tmp/job/%u", step->dir, rank);

        add_string(proc, PMIX_PROCDIR, dir);
        free(dir);
    }
    if (PMIx_Info_list_convert(proc, &array) == PMIX_SUCCESS) {
        PMIx_Info_list_add(list, PMIX_PROC_DATA, &array, PMIX_DATA_ARRAY);
        PMIX_DATA_ARRAY_DESTRUCT(&array);
    }
    PMIx_Info_list_release(proc);
}

static void ignore(pmix_status_t status, void *arg)
{
    (void)status;
    (void)arg;
}

/* Not waited for: the library does one thing after the other, so this is done before a rank knocks.
 */
static int register_ranks(struct px_step *step, struct err *err)
{
    pmix_proc_t proc;

    PMIX_LOAD_NSPACE(proc.nspace, px_spec(step)->namespace_);
    for (size_t i = 0; i < step->rank_count; i++) {
        proc.rank = step->ranks[i].rank;
        pmix_status_t status =
            PMIx_server_register_client(&proc, getuid(), getgid(), NULL, ignore, NULL);
        if (status != PMIX_SUCCESS && status != PMIX_OPERATION_SUCCEEDED)
            return px_status_err(err, status, "a rank cannot be registered");
    }
    return 0;
}

int px_nspace_register(struct px_step *step, struct err *err)
{
    const Wire__JobSpec *spec = px_spec(step);
    pmix_data_array_t array = {.type = PMIX_INFO};
    pmix_nspace_t space;
    void *list = PMIx_Info_list_start();
    int result = add_job(list, step, err);

    for (uint32_t host = 0; result == 0 && host < spec->n_hosts; host++)
        if (map_ranks_on(spec, host) > 0)
            add_node(list, step, host);
    for (uint32_t rank = 0; result == 0 && rank < spec->ranks; rank++)
        add_proc(list, step, rank);
    if (result == 0) {
        pmix_status_t status = PMIx_Info_list_convert(list, &array);
        PMIX_LOAD_NSPACE(space, spec->namespace_);
        if (status == PMIX_SUCCESS)
            status = PMIx_server_register_nspace(space, (int)step->rank_count, array.array,
                                                 array.size, NULL, NULL);
        if (status != PMIX_SUCCESS && status != PMIX_OPERATION_SUCCEEDED)
            result = px_status_err(err, status, "the job cannot be registered");
        PMIX_DATA_ARRAY_DESTRUCT(&array);
    }
    PMIx_Info_list_release(list);
    return result == 0 ? register_ranks(step, err) : result;
}

int px_nspace_environment(const struct px_step *step, uint32_t rank, char ***env, struct err *err)
{
    pmix_proc_t proc;

    PMIX_LOAD_PROCID(&proc, px_spec(step)->namespace_, rank);
    pmix_status_t status = PMIx_server_setup_fork(&proc, env);
    if (status != PMIX_SUCCESS)
        return px_status_err(err, status, "no environment for a rank");
    return 0;
}
