/* SPDX-License-Identifier: BSD-3-Clause */
/* peerfile.c - the peer cache over a restart: a line with format and checksum, then a packed
 * Wire__Answer */
#include "config.h"
#include "member/peers.h"

#include "base/file.h"
#include "base/mem.h"
#include "wire/frame.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_HEAD      "P2PMPI peers 1 "
#define FILE_HEAD_SIZE (sizeof FILE_HEAD - 1 + 16 + 1) /* ... 16 digits, newline */
#define FILE_MAX       (32u << 20)

/* FNV-1a: against a torn or edited file, not against an enemy. */
static uint64_t checksum(const uint8_t *bytes, size_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

int peers_save(const struct peers *peers, const char *path, struct err *err)
{
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__Peer **list = mem_array(peers_count(peers) + 1, sizeof *list);

    for (const struct peer *peer = peers_walk(peers, NULL); peer != NULL;
         peer = peers_walk(peers, peer))
        list[answer.n_peers++] = peer->info;
    answer.peers = list;
    size_t size = wire__answer__get_packed_size(&answer);
    uint8_t *bytes = mem_alloc(FILE_HEAD_SIZE + 1 + size);
    wire__answer__pack(&answer, bytes + FILE_HEAD_SIZE);
    char head[FILE_HEAD_SIZE + 1];
    snprintf(head, sizeof head, FILE_HEAD "%016llx\n",
             (unsigned long long)checksum(bytes + FILE_HEAD_SIZE, size));
    memcpy(bytes, head, FILE_HEAD_SIZE);
    int done = file_write(path, bytes, FILE_HEAD_SIZE + size, 0600, err);
    free(bytes);
    free(list);
    return done;
}

static Wire__Answer *parse_file(const char *path, const char *bytes, size_t size, struct err *err)
{
    char head[FILE_HEAD_SIZE + 1];
    const uint8_t *body = (const uint8_t *)bytes + FILE_HEAD_SIZE;

    errno = EBADMSG;
    if (size < sizeof FILE_HEAD - 1 || memcmp(bytes, FILE_HEAD, sizeof FILE_HEAD - 1) != 0) {
        err_set(err, "%s is not a list of peers of this version; it will be written anew", path);
        return NULL;
    }
    if (size >= FILE_HEAD_SIZE)
        snprintf(head, sizeof head, FILE_HEAD "%016llx\n",
                 (unsigned long long)checksum(body, size - FILE_HEAD_SIZE));
    Wire__Answer *answer =
        size < FILE_HEAD_SIZE || memcmp(bytes, head, FILE_HEAD_SIZE) != 0
            ? NULL
            : limits_unpack(&wire__answer__descriptor, body, size - FILE_HEAD_SIZE, NULL);
    if (answer == NULL)
        err_set(err, "%s is damaged; the list of peers starts empty", path);
    return answer;
}

int peers_read(struct peers *peers, const char *path, int64_t now_ms, int64_t wall_s,
               struct err *err)
{
    size_t size;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    char *bytes = file_read(path, FILE_MAX, &size, err);
    if (bytes == NULL)
        return -1;
    Wire__Answer *answer = parse_file(path, bytes, size, err);
    free(bytes);
    if (answer == NULL)
        return -1;
    for (size_t i = 0; i < answer->n_peers; i++) {
        struct id id;
        if (!peers_merge(peers, answer->peers[i], now_ms, wall_s) ||
            id_from_bytes(answer->peers[i]->id.data, answer->peers[i]->id.len, &id) < 0)
            continue;
        peers_guess_rtt(peers, &id, answer->peers[i]->rtt_us);
    }
    message_free(answer);
    return 0;
}
