/* SPDX-License-Identifier: BSD-3-Clause */
/* px_map.c - which rank is where, read from a job's description */
#include "config.h"
#include "pmix-server/px_map.h"

#include "base/mem.h"
#include "wire/limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_hosts(const Wire__JobSpec *spec, struct err *err)
{
    for (size_t i = 0; i < spec->n_hosts; i++) {
        const Wire__JobHost *host = spec->hosts[i];

        if (host->peer == NULL || host->peer->name == NULL || host->peer->name[0] == '\0')
            return err_set(err, "host %zu of the job has no name", i);
        if (strpbrk(host->peer->name, ",;[] \n") != NULL ||
            strlen(host->peer->name) > NAME_MAX_BYTES)
            return err_set(err, "host %zu of the job has an unusable name", i);
    }
    return 0;
}

int map_check(const Wire__StepStart *start, struct err *err)
{
    const Wire__JobSpec *spec = start->spec;

    if (spec == NULL)
        return err_set(err, "a start without a job");
    if (spec->ranks == 0 || spec->n_rank_host != spec->ranks)
        return err_set(err, "a job of %u ranks with a map of %zu", spec->ranks, spec->n_rank_host);
    if (start->host >= spec->n_hosts)
        return err_set(err, "host %u of a job on %zu hosts", start->host, spec->n_hosts);
    for (uint32_t rank = 0; rank < spec->ranks; rank++)
        if (spec->rank_host[rank] >= spec->n_hosts)
            return err_set(err, "rank %u is on host %u of %zu", rank, spec->rank_host[rank],
                           spec->n_hosts);
    if (spec->n_argv == 0 || spec->argv[0][0] == '\0')
        return err_set(err, "a job without a program");
    if (spec->namespace_[0] == '\0' || strlen(spec->namespace_) > NAME_MAX_BYTES)
        return err_set(err, "a job with an unusable namespace");
    return check_hosts(spec, err);
}

uint32_t map_local_rank(const Wire__JobSpec *spec, uint32_t rank)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < rank; i++)
        count += spec->rank_host[i] == spec->rank_host[rank];
    return count;
}

uint32_t map_ranks_on(const Wire__JobSpec *spec, uint32_t host)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < spec->ranks; i++)
        count += spec->rank_host[i] == host;
    return count;
}

static bool has_ranks(const Wire__JobSpec *spec, uint32_t host)
{
    return map_ranks_on(spec, host) > 0;
}

uint32_t map_node_id(const Wire__JobSpec *spec, uint32_t host)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < host; i++)
        count += has_ranks(spec, i);
    return count;
}

uint32_t map_hosts_used(const Wire__JobSpec *spec)
{
    return map_node_id(spec, (uint32_t)spec->n_hosts);
}

/* Writes the texts that part() gives for all hosts with ranks, separated. */
static char *join_hosts(const Wire__JobSpec *spec, char separator,
                        void (*part)(FILE *out, const Wire__JobSpec *spec, uint32_t host))
{
    char *text = NULL;
    size_t size;
    bool is_first = true;

    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    for (uint32_t host = 0; host < spec->n_hosts; host++) {
        if (!has_ranks(spec, host))
            continue;
        if (!is_first)
            fputc(separator, out);
        is_first = false;
        part(out, spec, host);
    }
    fclose(out);
    return text;
}

static void write_name(FILE *out, const Wire__JobSpec *spec, uint32_t host)
{
    fputs(spec->hosts[host]->peer->name, out);
}

static void write_ranks(FILE *out, const Wire__JobSpec *spec, uint32_t host)
{
    bool is_first = true;

    for (uint32_t rank = 0; rank < spec->ranks; rank++) {
        if (spec->rank_host[rank] != host)
            continue;
        fprintf(out, is_first ? "%u" : ",%u", rank);
        is_first = false;
    }
}

char *map_host_names(const Wire__JobSpec *spec)
{
    return join_hosts(spec, ',', write_name);
}

char *map_host_ranks(const Wire__JobSpec *spec)
{
    return join_hosts(spec, ';', write_ranks);
}

char *map_ranks_of(const Wire__JobSpec *spec, uint32_t host)
{
    char *text = NULL;
    size_t size;

    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    write_ranks(out, spec, host);
    fclose(out);
    return text;
}
