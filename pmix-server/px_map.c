/* SPDX-License-Identifier: BSD-3-Clause */
/* px_map.c - which rank is where, read from a job's description */
#include "config.h"
#include "pmix-server/px_map.h"

#include "base/mem.h"
#include "job/roster.h"
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
    if (!roster_is_sound(spec->ranks, spec->degrees, spec->n_degrees))
        return err_set(err, "the replicas of the job's ranks are not its %u processes",
                       spec->ranks);
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

char *map_host_name(const Wire__JobSpec *spec, uint32_t self, const char *own, uint32_t host)
{
    const char *name = spec->hosts[host]->peer->name;
    bool is_twice = false;

    if (host == self)
        return mem_string(own);
    for (uint32_t other = 0; other < host; other++)
        is_twice |= other != self && strcmp(spec->hosts[other]->peer->name, name) == 0;
    return is_twice || strcmp(name, own) == 0 ? mem_format("%s.h%u", name, host) : mem_string(name);
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

char *map_host_names(const Wire__JobSpec *spec, uint32_t self, const char *own)
{
    char *text = mem_string("");

    for (uint32_t host = 0; host < spec->n_hosts; host++) {
        if (!has_ranks(spec, host))
            continue;
        char *name = map_host_name(spec, self, own, host);
        char *longer = mem_format("%s%s%s", text, *text != '\0' ? "," : "", name);

        free(name);
        free(text);
        text = longer;
    }
    return text;
}

char *map_host_ranks(const Wire__JobSpec *spec)
{
    char *text = mem_string("");

    for (uint32_t host = 0; host < spec->n_hosts; host++) {
        if (!has_ranks(spec, host))
            continue;
        char *ranks = map_ranks_of(spec, host);
        char *longer = mem_format("%s%s%s", text, *text != '\0' ? ";" : "", ranks);

        free(ranks);
        free(text);
        text = longer;
    }
    return text;
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
