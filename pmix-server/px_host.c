/* SPDX-License-Identifier: BSD-3-Clause */
/* px_host.c - the PMIx server library inside p2pmpi-stepd
 *
 * The library makes its directory 0755 and, up to 4.2.2, deletes it at the end: it gets a fresh
 * subdirectory of a 0700 one, with nothing of ours inside (facts tried on 4.2.2 and 5.0.7). */
#include "config.h"
#include "pmix-server/px_host.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "pmix-server/px_abort.h"
#include "pmix-server/px_client.h"
#include "pmix-server/px_event.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_log.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_query.h"
#include "pmix-server/px_status.h"
#include "pmix-server/px_step.h"

#include <pmix_server.h>
#include <stdlib.h>

static pmix_server_module_t host_functions = {
    .client_connected2 = px_client_connected,
    .client_finalized = px_client_finalized,
    .abort = px_abort,
    .fence_nb = px_fence_nb,
    .direct_modex = px_direct_modex,
    .lookup = px_lookup,
    .register_events = px_register_events,
    .deregister_events = px_deregister_events,
    .notify_event = px_notify_event,
    .query = px_query,
    .tool_connected = px_tool_connected,
    .log = px_log,
    /* What is not here the library answers with PMIX_ERR_NOT_SUPPORTED by itself. */
};

#ifdef __SANITIZE_ADDRESS__
/* What libpmix keeps for itself to the end is not ours to free. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpmix\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

static pmix_info_t *make_infos(struct px_step *step, const char *own, size_t *count_out)
{
    char *scratch = mem_format("%s/pmix/%s", step->dir, own);
    char *space = mem_format("p2pmpi-stepd-%s", own);
    pmix_rank_t rank = 0;
    bool yes = true, no = false, tools = step->is_for_tools;
    pmix_info_t *infos;

    char *uri = px_host_tools_file(step);

    PMIX_INFO_CREATE(infos, 9);
    PMIX_INFO_LOAD(&infos[0], PMIX_SERVER_TMPDIR, scratch, PMIX_STRING);
    PMIX_INFO_LOAD(&infos[1], PMIX_SYSTEM_TMPDIR, scratch, PMIX_STRING);
    PMIX_INFO_LOAD(&infos[2], PMIX_SERVER_NSPACE, space, PMIX_STRING);
    PMIX_INFO_LOAD(&infos[3], PMIX_SERVER_RANK, &rank, PMIX_PROC_RANK);
    PMIX_INFO_LOAD(&infos[4], PMIX_IOF_LOCAL_OUTPUT, &no, PMIX_BOOL);
    PMIX_INFO_LOAD(&infos[5], PMIX_SERVER_SHARE_TOPOLOGY, &yes, PMIX_BOOL);
    PMIX_INFO_LOAD(&infos[6], PMIX_HOSTNAME, step->own_name, PMIX_STRING);
    PMIX_INFO_LOAD(&infos[7], PMIX_SERVER_TOOL_SUPPORT, &tools, PMIX_BOOL);
    PMIX_INFO_LOAD(&infos[8], PMIX_TCP_REPORT_URI, uri, PMIX_STRING);
    *count_out = step->is_for_tools ? 9 : 7;
    free(uri);
    free(space);
    free(scratch);
    return infos;
}

/* The library reads these at its start: without the first a lost client is told a second late. What
 * the step inherited from a job that it may itself run in would confuse it. */
static void set_environment(void)
{
    static const char *const foreign[] = {
        "PMIX_NAMESPACE",     "PMIX_RANK",        "PMIX_SERVER_URI2",  "PMIX_SERVER_URI21",
        "PMIX_SERVER_URI3",   "PMIX_SERVER_URI4", "PMIX_SERVER_URI41", "PMIX_SERVER_TMPDIR",
        "PMIX_SYSTEM_TMPDIR", "PMIX_HOSTNAME",
    };

    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        unsetenv(foreign[i]);
    setenv("PMIX_MCA_pmix_event_caching_window", "0", 1);
    /* With 4.2.2's shared-memory store a PMIx_Get beside another rank's PMIx_Commit sometimes says
     * "not found" (7 of 25 runs of three ranks); kept by the server it does not, nor is it slower. */
    setenv("PMIX_MCA_gds", "hash", 0);
    /* Ranks get processors, caches and memory from here. Looking for devices takes longer than all
     * the rest. */
    setenv("HWLOC_COMPONENTS", "-gl,-opencl,-cuda,-nvml,-rsmi,-levelzero,-pci,-linuxio", 0);
}

char *px_host_tools_file(const struct px_step *step)
{
    return mem_format("%s/tools", step->dir);
}

int px_host_start(struct px_step *step, struct err *err)
{
    char own[17];
    size_t count;

    rand_hex(own, 8);
    char *scratch = mem_format("%s/pmix/%s", step->dir, own);
    int made = file_mkdirs(scratch, 0700, err);
    free(scratch);
    if (made != 0)
        return -1;
    set_environment();
    pmix_info_t *infos = make_infos(step, own, &count);
    pmix_status_t status = PMIx_server_init(&host_functions, infos, count);
    PMIX_INFO_FREE(infos, count);
    if (status != PMIX_SUCCESS)
        return px_status_err(err, status, "the PMIx server does not start");
    px_event_listen();
    log_debug("pmix started version=%s", PMIx_Get_version());
    return 0;
}

void px_host_stop(void)
{
    pmix_status_t status = PMIx_server_finalize();

    if (status != PMIX_SUCCESS)
        log_warning("pmix end failed status=%s", PMIx_Error_string(status));
}
