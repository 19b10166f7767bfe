/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_answer.c - which peers a question gets, and never too many */
#include "config.h"
#include "supernode/sn_answer.h"

#include "base/mem.h"
#include "wire/limits.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { PEER_HEAD = 8 }; /* bytes around a peer in an Answer, at most */

struct candidate {
    const Wire__Peer *peer;
    unsigned bits;
    uint64_t lot;
};

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned bytes)
{
    unsigned i = 0, bits = 0;

    while (i < bytes && a[i] == b[i])
        i++;
    if (i < bytes)
        for (uint8_t differ = a[i] ^ b[i]; (differ & 0x80) == 0; differ = (uint8_t)(differ << 1))
            bits++;
    return 8 * i + bits;
}

unsigned sn_common_bits(const char *a, const char *b)
{
    uint8_t left[16], right[16];

    if (inet_pton(AF_INET, a, left) == 1 && inet_pton(AF_INET, b, right) == 1)
        return common_bits(left, right, 4);
    if (inet_pton(AF_INET6, a, left) == 1 && inet_pton(AF_INET6, b, right) == 1)
        return common_bits(left, right, 16);
    return 0;
}

static unsigned nearness(const Wire__Peer *peer, const char *host)
{
    unsigned best = 0;

    for (size_t i = 0; i < peer->n_addrs; i++) {
        unsigned bits = sn_common_bits(peer->addrs[i]->host, host);
        best = bits > best ? bits : best;
    }
    return best;
}

/* "4.1" fits "4.1.4" and "4.1", not "4.10". */
static bool is_of_series(const char *version, const char *series)
{
    size_t length = strlen(series);

    return strncmp(version, series, length) == 0 &&
           (version[length] == '\0' || version[length] == '.');
}

static bool fits(const Wire__Peer *peer, const Wire__Query *query)
{
    static const Wire__HostInfo no_host = WIRE__HOST_INFO__INIT;
    static const Wire__LoadInfo no_load = WIRE__LOAD_INFO__INIT;
    const Wire__HostInfo *host = peer->host != NULL ? peer->host : &no_host;
    const Wire__LoadInfo *load = peer->load != NULL ? peer->load : &no_load;

    return (query->arch[0] == '\0' || strcmp(query->arch, host->arch) == 0) &&
           (query->mpi[0] == '\0' || is_of_series(host->mpi, query->mpi)) &&
           load->slots_free >= query->min_free && host->memory >= query->min_memory &&
           (query->name[0] == '\0' || strcmp(query->name, peer->name) == 0);
}

static bool is_asker(const Wire__Peer *peer, const struct sn_asker *asker)
{
    return peer->id.len == ID_SIZE && memcmp(peer->id.data, asker->id.bytes, ID_SIZE) == 0;
}

static size_t collect(const struct sn_directory *directory, const Wire__Query *query,
                      const struct sn_asker *asker, struct prng *prng, struct candidate *candidates)
{
    size_t total = directory->count(directory->self), count = 0;

    for (size_t i = 0; i < total; i++) {
        const Wire__Peer *peer = directory->at(directory->self, i);
        if (is_asker(peer, asker) ||
            (query->kind == WIRE__QUERY_KIND__QUERY_ATTRIBUTE && !fits(peer, query)))
            continue;
        candidates[count++] = (struct candidate){
            peer, query->kind == WIRE__QUERY_KIND__QUERY_RANDOM ? 0 : nearness(peer, asker->host),
            prng_u64(prng)};
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;

    if (left->bits != right->bits)
        return left->bits > right->bits ? -1 : 1;
    return left->lot < right->lot ? -1 : left->lot > right->lot;
}

/* Adds peer unless the answer would be too long. */
static bool add(Wire__Answer *answer, const Wire__Peer *peer, size_t *bytes)
{
    *bytes += protobuf_c_message_get_packed_size(&peer->base) + PEER_HEAD;
    if (*bytes > SN_ANSWER_BYTES || answer->n_peers >= QUERY_MAX)
        return false;
    answer->peers[answer->n_peers++] = (Wire__Peer *)peer; /* only read */
    return true;
}

void sn_answer(const struct sn_directory *directory, const Wire__Query *query,
               const struct sn_asker *asker, struct prng *prng, Wire__Answer *answer_out)
{
    size_t total = directory->count(directory->self), bytes = 0;
    struct candidate *candidates = mem_array(total + 1, sizeof *candidates);
    size_t count = collect(directory, query, asker, prng, candidates);
    size_t limit = query->limit > 0 && query->limit < QUERY_MAX ? query->limit : QUERY_MAX;

    qsort(candidates, count, sizeof candidates[0], compare);
    wire__answer__init(answer_out);
    answer_out->peers = mem_array(limit, sizeof(Wire__Peer *));
    answer_out->total = (uint32_t)total;
    for (size_t i = 0; i < count && i < limit; i++)
        if (!add(answer_out, candidates[i].peer, &bytes))
            break;
    free(candidates);
}

size_t sn_answer_page(const struct sn_directory *directory, size_t from, Wire__Answer *answer_out)
{
    size_t total = directory->count(directory->self), bytes = 0, i = from;

    wire__answer__init(answer_out);
    answer_out->peers = mem_array(QUERY_MAX, sizeof(Wire__Peer *));
    answer_out->total = (uint32_t)total;
    while (i < total && add(answer_out, directory->at(directory->self, i), &bytes))
        i++;
    return i;
}

void sn_answer_clear(Wire__Answer *answer)
{
    free(answer->peers);
    wire__answer__init(answer);
}
