/* SPDX-License-Identifier: BSD-3-Clause */
/* pmixclient.c - a rank without MPI: what another rank published, the grid's peers, what is not
 * served
 *
 * Prints one line for each: "RANK modex STATUS VALUE". "pmixclient init": PMIx_Init and no more.
 * "pmixclient tool FILE": as a tool, not a rank; FILE is what the server wrote. */
#include <pmix.h>
#include <pmix_tool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pmix_proc_t me;

/* PMIx_Error_string() gives other texts in every version. */
static const char *status_text(pmix_status_t status)
{
    if (status == PMIX_SUCCESS)
        return "SUCCESS";
    return status == PMIX_ERR_NOT_SUPPORTED ? "NOT-SUPPORTED" : PMIx_Error_string(status);
}

static void modex(void)
{
    pmix_proc_t all, next;
    pmix_value_t *value, mine;
    char text[64];

    PMIX_LOAD_PROCID(&all, me.nspace, PMIX_RANK_WILDCARD);
    if (PMIx_Get(&all, PMIX_JOB_SIZE, NULL, 0, &value) != PMIX_SUCCESS)
        exit(2);
    PMIX_LOAD_PROCID(&next, me.nspace, (me.rank + 1) % value->data.uint32);
    PMIX_VALUE_RELEASE(value);
    snprintf(text, sizeof text, "data of %u", me.rank);
    PMIX_VALUE_LOAD(&mine, text, PMIX_STRING);
    PMIx_Put(PMIX_GLOBAL, "test.key", &mine);
    PMIX_VALUE_DESTRUCT(&mine);
    PMIx_Commit();
    pmix_status_t status = PMIx_Get(&next, "test.key", NULL, 0, &value);
    printf("%u modex %s %s\n", me.rank, status_text(status), status == 0 ? value->data.string : "");
    if (status == PMIX_SUCCESS)
        PMIX_VALUE_RELEASE(value);
    PMIx_Fence(&all, 1, NULL, 0); /* who has left cannot be asked any more */
}

static void query(const char *key)
{
    pmix_query_t *query;
    pmix_info_t *found = NULL;
    size_t count = 0;
    pmix_status_t status;

    PMIX_QUERY_CREATE(query, 1);
    PMIX_ARGV_APPEND(status, query[0].keys, key);
    status = PMIx_Query_info(query, 1, &found, &count);
    printf("%u query %s %s %s\n", me.rank, key, status_text(status),
           count == 1 ? found[0].value.data.string : "");
    PMIX_INFO_FREE(found, count);
    PMIX_QUERY_FREE(query, 1);
}

static void lookup(const char *key)
{
    pmix_pdata_t *found;

    PMIX_PDATA_CREATE(found, 1);
    PMIX_LOAD_KEY(found[0].key, key);
    pmix_status_t status = PMIx_Lookup(found, 1, NULL, 0);
    printf("%u lookup %s %s %s\n", me.rank, key, status_text(status),
           status == PMIX_SUCCESS ? found[0].value.data.string : "");
    PMIX_PDATA_FREE(found, 1);
}

static void publish(void)
{
    pmix_info_t *info;

    PMIX_INFO_CREATE(info, 1);
    PMIX_INFO_LOAD(&info[0], "test.published", "x", PMIX_STRING);
    printf("%u publish %s\n", me.rank, status_text(PMIx_Publish(info, 1)));
    PMIX_INFO_FREE(info, 1);
}

static int be_tool(const char *file)
{
    pmix_info_t *info;

    PMIX_INFO_CREATE(info, 1);
    PMIX_INFO_LOAD(&info[0], PMIX_TOOL_ATTACHMENT_FILE, file, PMIX_STRING);
    pmix_status_t status = PMIx_tool_init(&me, info, 1);
    PMIX_INFO_FREE(info, 1);
    if (status != PMIX_SUCCESS) {
        printf("init %s\n", status_text(status));
        return 1;
    }
    query("p2pmpi.peers");
    lookup("p2pmpi.peers");
    PMIx_tool_finalize();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "tool") == 0)
        return be_tool(argv[2]);
    pmix_status_t status = PMIx_Init(&me, NULL, 0);

    if (status != PMIX_SUCCESS) {
        printf("init %s\n", status_text(status));
        return 1;
    }
    if (argc == 1 || strcmp(argv[1], "init") != 0) {
        modex();
        query("p2pmpi.peers");
        query("p2pmpi.nothing");
        lookup("p2pmpi.peers");
        lookup("something");
        publish();
    }
    PMIx_Finalize(NULL, 0);
    return 0;
}
