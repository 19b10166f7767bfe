/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts_table.c - peers as people read them: a table, details, a host file */
#include "config.h"
#include "tools/hosts_table.h"

#include "base/hex.h"
#include "base/id.h"
#include "cli/cli_table.h"
#include "cli/cli_text.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const Wire__Peer *peer, const ProtobufCBinaryData *id)
{
    return id != NULL && id->len > 0 && peer->id.len == id->len &&
           memcmp(peer->id.data, id->data, id->len) == 0;
}

static int compare(const void *a, const void *b, void *arg)
{
    const Wire__Peer *left = *(Wire__Peer *const *)a, *right = *(Wire__Peer *const *)b;
    const ProtobufCBinaryData *self = arg;

    if (is_same(left, self) != is_same(right, self))
        return is_same(left, self) ? -1 : 1;
    if (left->alive != right->alive)
        return left->alive ? -1 : 1;
    /* 0 is "not measured": behind all */
    uint32_t left_rtt = left->rtt_us - 1, right_rtt = right->rtt_us - 1;
    if (left_rtt != right_rtt)
        return left_rtt < right_rtt ? -1 : 1;
    return strcmp(left->name, right->name);
}

void hosts_sort(Wire__Peer **peers, size_t count, const ProtobufCBinaryData *self)
{
    qsort_r(peers, count, sizeof peers[0], compare, (void *)self);
}

static void add_address(struct table *table, const Wire__Peer *peer)
{
    if (peer->n_addrs == 0)
        table_add(table, "-");
    else
        table_addf(table, strchr(peer->addrs[0]->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
                   peer->addrs[0]->host, peer->addrs[0]->port);
}

static void add_load(struct table *table, const Wire__Peer *peer)
{
    if (peer->load == NULL) {
        table_add(table, "-");
        table_add(table, "-");
        return;
    }
    table_addf(table, "%u/%u", peer->load->slots_free, peer->load->slots);
    table_addf(table, "%.2f", peer->load->load_milli / 1000.0);
}

static void add_row(struct table *table, const Wire__Peer *peer, const struct hosts_how *how)
{
    char text[TEXT_SIZE] = "-";
    bool self = is_same(peer, how->self);

    table_add(table, how->numeric ? "" : peer->name);
    add_address(table, peer);
    text_rtt(peer->rtt_us, text);
    table_add(table, self ? "here" : text);
    add_load(table, peer);
    text_bytes(peer->host != NULL ? peer->host->memory : 0, text);
    table_add(table, peer->host != NULL ? text : "-");
    table_add(table, peer->host != NULL && peer->host->arch[0] != '\0' ? peer->host->arch : "-");
    table_add(table, peer->alive || self ? "yes" : "no");
    text_age(how->now_s > peer->seen_s ? how->now_s - peer->seen_s : 0, text);
    table_add(table, self ? "now" : peer->seen_s == 0 ? "never" : text);
}

static void print_caches(const Wire__HostInfo *host, FILE *out)
{
    for (size_t i = 0; i < host->n_caches; i++) {
        char size[TEXT_SIZE];
        text_bytes(host->caches[i]->bytes, size);
        fprintf(out, "%sL%u %u x %s", i > 0 ? ", " : "  caches:   ", host->caches[i]->level,
                host->caches[i]->count, size);
    }
    if (host->n_caches > 0)
        fputc('\n', out);
}

static void print_line(FILE *out, const char *name, const char *value)
{
    char safe[256];

    text_safe(value, safe, sizeof safe);
    if (safe[0] != '\0')
        fprintf(out, "  %-9s %s\n", name, safe);
}

static void print_details(const Wire__Peer *peer, FILE *out)
{
    char name[128], id[ID_TEXT_SIZE] = "", text[TEXT_SIZE];
    const Wire__HostInfo *host = peer->host;

    text_safe(peer->name, name, sizeof name);
    if (peer->id.len == ID_SIZE)
        hex_encode(peer->id.data, ID_SIZE, id);
    fprintf(out, "\n%s\n", name);
    print_line(out, "id:", id);
    print_line(out, "version:", peer->version);
    if (host == NULL)
        return;
    print_line(out, "cpu:", host->cpu_model);
    fprintf(out, "  %-9s %u MHz, %u package%s, %u core%s, %u hardware thread%s\n", "",
            host->cpu_mhz, host->packages, host->packages == 1 ? "" : "s", host->cores,
            host->cores == 1 ? "" : "s", host->threads, host->threads == 1 ? "" : "s");
    print_caches(host, out);
    if (peer->load != NULL) {
        text_bytes(peer->load->memory_free, text);
        print_line(out, "free:", text);
    }
    for (size_t i = 0; i < host->n_accelerators; i++)
        print_line(out, i == 0 ? "devices:" : "", host->accelerators[i]);
    print_line(out, "system:", host->os);
    print_line(out, "kernel:", host->kernel);
    print_line(out, "glibc:", host->glibc);
    print_line(out, "Open MPI:", host->mpi[0] != '\0' ? host->mpi : "none");
}

void hosts_print(Wire__Peer *const *peers, size_t count, const struct hosts_how *how, FILE *out)
{
    static const struct table_column columns[] = {{"NAME", 0, 8},
                                                  {"ADDRESS", 0, 10},
                                                  {"RTT", TABLE_RIGHT, 0},
                                                  {"FREE", TABLE_RIGHT, 0},
                                                  {"LOAD", TABLE_RIGHT, 0},
                                                  {"MEMORY", TABLE_RIGHT | TABLE_SPARE, 0},
                                                  {"ARCH", TABLE_SPARE, 4},
                                                  {"ALIVE", 0, 0},
                                                  {"SEEN", 0, 0}};
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);

    for (size_t i = 0; i < count; i++)
        add_row(table, peers[i], how);
    table_print(table, out);
    table_destroy(table);
    for (size_t i = 0; how->details && i < count; i++)
        print_details(peers[i], out);
}

void hosts_print_hostfile(Wire__Peer *const *peers, size_t count, bool numeric, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const Wire__Peer *peer = peers[i];
        const char *name = numeric && peer->n_addrs > 0 ? peer->addrs[0]->host : peer->name;
        if (!peer->alive || peer->load == NULL || peer->load->slots == 0 ||
            strpbrk(name, " \t\n#") != NULL)
            continue;
        fprintf(out, "%s slots=%u\n", name, peer->load->slots);
    }
}
