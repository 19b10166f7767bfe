/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_json.c - listings as JSON, for scripts; field names are documented in the manual pages */
#include "config.h"
#include "cli/cli_json.h"

#include "base/hex.h"
#include "base/id.h"

#include <stdio.h>

/* A string that is no UTF-8 becomes "?": the list is more useful than an error. */
static json_t *text(const char *value)
{
    json_t *string = json_string(value);

    return string != NULL ? string : json_string("?");
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *addresses(const Wire__Peer *peer)
{
    json_t *list = json_array();

    for (size_t i = 0; i < peer->n_addrs; i++) {
        json_t *address = json_object();
        json_object_set_new(address, "host", text(peer->addrs[i]->host));
        json_object_set_new(address, "port", number(peer->addrs[i]->port));
        json_array_append_new(list, address);
    }
    return list;
}

static json_t *caches(const Wire__HostInfo *host)
{
    json_t *list = json_array();

    for (size_t i = 0; i < host->n_caches; i++) {
        json_t *cache = json_object();
        json_object_set_new(cache, "level", number(host->caches[i]->level));
        json_object_set_new(cache, "bytes", number(host->caches[i]->bytes));
        json_object_set_new(cache, "count", number(host->caches[i]->count));
        json_array_append_new(list, cache);
    }
    return list;
}

static void add_host(json_t *object, const Wire__HostInfo *host)
{
    json_t *accelerators = json_array();

    for (size_t i = 0; i < host->n_accelerators; i++)
        json_array_append_new(accelerators, text(host->accelerators[i]));
    json_object_set_new(object, "arch", text(host->arch));
    json_object_set_new(object, "os", text(host->os));
    json_object_set_new(object, "kernel", text(host->kernel));
    json_object_set_new(object, "cpu_model", text(host->cpu_model));
    json_object_set_new(object, "cpu_mhz", number(host->cpu_mhz));
    json_object_set_new(object, "packages", number(host->packages));
    json_object_set_new(object, "cores", number(host->cores));
    json_object_set_new(object, "threads", number(host->threads));
    json_object_set_new(object, "caches", caches(host));
    json_object_set_new(object, "memory", number(host->memory));
    json_object_set_new(object, "accelerators", accelerators);
    json_object_set_new(object, "mpi", text(host->mpi));
    json_object_set_new(object, "glibc", text(host->glibc));
}

json_t *json_peer(const Wire__Peer *peer)
{
    json_t *object = json_object();
    char id[ID_TEXT_SIZE] = "";

    if (peer->id.len == ID_SIZE)
        hex_encode(peer->id.data, ID_SIZE, id);
    json_object_set_new(object, "name", text(peer->name));
    json_object_set_new(object, "id", json_string(id));
    json_object_set_new(object, "addresses", addresses(peer));
    json_object_set_new(object, "rtt_us", peer->rtt_us > 0 ? number(peer->rtt_us) : json_null());
    json_object_set_new(object, "alive", json_boolean(peer->alive));
    json_object_set_new(object, "seen_s", number(peer->seen_s));
    json_object_set_new(object, "version", text(peer->version));
    if (peer->load != NULL) {
        json_object_set_new(object, "slots", number(peer->load->slots));
        json_object_set_new(object, "slots_free", number(peer->load->slots_free));
        json_object_set_new(object, "load", json_real(peer->load->load_milli / 1000.0));
        json_object_set_new(object, "memory_free", number(peer->load->memory_free));
    }
    if (peer->host != NULL)
        add_host(object, peer->host);
    return object;
}

json_t *json_job(const Wire__JobInfo *job)
{
    json_t *object = json_object();

    json_object_set_new(object, "job", text(job->job));
    json_object_set_new(object, "role", text(job->role));
    json_object_set_new(object, "state", text(job->state));
    json_object_set_new(object, "command", text(job->command));
    json_object_set_new(object, "owner", text(job->owner));
    json_object_set_new(object, "ranks", number(job->ranks));
    json_object_set_new(object, "hosts", number(job->hosts));
    json_object_set_new(object, "slots", number(job->slots));
    json_object_set_new(object, "pid", number(job->pid));
    json_object_set_new(object, "since_s", number(job->since_s));
    json_object_set_new(object, "expires_ms", number(job->expires_ms));
    return object;
}

int json_print_take(json_t *value)
{
    int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

    json_decref(value);
    if (failed == 0 && putchar('\n') == EOF)
        failed = -1;
    return fflush(stdout) == 0 ? failed : -1;
}
