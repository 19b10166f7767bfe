/* SPDX-License-Identifier: BSD-3-Clause */
/* ps_main.c - p2pmpi-ps: jobs and leases on this machine, and the owner's jobs elsewhere */
#include "config.h"

#include "base/clock.h"
#include "tools/tool_asker.h"
#include "cli/cli_json.h"
#include "cli/cli_main.h"
#include "cli/cli_table.h"
#include "cli/cli_text.h"

#include <stdio.h>

#define ASK_MS 5000

static const char usage[] = "usage: p2pmpi-ps [OPTION]...\n"
                            "Lists the jobs and leases that this machine's p2pmpid has.\n"
                            "\n"
                            "      --json      as JSON\n"
                            "  -V, --version   tell the version\n"
                            "  -h, --help      tell this\n";

static bool take_jobs(const Wire__Frame *frame, void *arg)
{
    if (frame->body_case != WIRE__FRAME__BODY_JOBS)
        return true;
    *(Wire__Jobs **)arg = message_copy(&frame->jobs->base);
    return false;
}

static int ask(Wire__Jobs **jobs, struct err *err)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobsQuery query = WIRE__JOBS_QUERY__INIT;
    struct asker *asker = asker_create("p2pmpi-ps", ASK_MS, err);

    if (asker == NULL)
        return -1;
    frame.body_case = WIRE__FRAME__BODY_JOBS_QUERY;
    frame.jobs_query = &query;
    int failed = asker_ask(asker, &frame, ASK_MS, take_jobs, jobs, err);
    asker_destroy(asker);
    return failed;
}

static void add_row(struct table *table, const Wire__JobInfo *job, uint64_t now_s)
{
    char age[TEXT_SIZE];

    table_addf(table, "%.8s", job->job);
    table_add(table, job->role);
    table_add(table, job->state);
    table_addf(table, "%u", job->ranks);
    table_addf(table, job->hosts > 0 ? "%u" : "-", job->hosts);
    table_addf(table, "%u", job->slots);
    table_add(table, job->owner);
    text_age(now_s > job->since_s ? now_s - job->since_s : 0, age);
    table_add(table, age);
    table_add(table, job->command);
}

static void print_table(const Wire__Jobs *jobs)
{
    static const struct table_column columns[] = {{"JOB", 0, 0},
                                                  {"ROLE", 0, 0},
                                                  {"STATE", 0, 0},
                                                  {"RANKS", TABLE_RIGHT, 0},
                                                  {"HOSTS", TABLE_RIGHT | TABLE_SPARE, 0},
                                                  {"SLOTS", TABLE_RIGHT, 0},
                                                  {"OWNER", TABLE_SPARE, 6},
                                                  {"FOR", TABLE_RIGHT, 0},
                                                  {"COMMAND", 0, 7}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    uint64_t now_s = (uint64_t)clock_wall_s();

    for (size_t i = 0; i < jobs->n_jobs; i++)
        add_row(table, jobs->jobs[i], now_s);
    table_print(table, stdout);
    table_destroy(table);
}

static void print_json(const Wire__Jobs *jobs)
{
    json_t *list = json_array();

    for (size_t i = 0; i < jobs->n_jobs; i++)
        json_array_append_new(list, json_job(jobs->jobs[i]));
    json_print_take(list);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, TOOL_OPTIONS, {0}};
    Wire__Jobs *jobs = NULL;
    bool json = false;
    struct err err;
    int code;

    tool_begin();
    while ((code = tool_option(argc, argv, "", longs, usage)) != -1)
        json = json || code == 'j';
    if (ask(&jobs, &err) < 0)
        return tool_fail("p2pmpi-ps", &err);
    if (json)
        print_json(jobs);
    else if (jobs->n_jobs == 0)
        puts("no jobs, no leases");
    else
        print_table(jobs);
    message_free(jobs);
    return tool_end("p2pmpi-ps");
}
