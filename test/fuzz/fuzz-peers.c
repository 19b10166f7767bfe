/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-peers.c - the peer cache that survives a restart, and peers that others tell of:
 * member/peers.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "member/peers.h"
#include "wire/frame.h"
#include "wire/limits.h"

#include <stdlib.h>

/* The cache file's checksum keeps a fuzzer out, so the same bytes are also told as a supernode's
 * answer. */
static void tell(struct peers *peers, const uint8_t *data, size_t size)
{
    Wire__Answer *answer = limits_unpack(&wire__answer__descriptor, data, size, NULL);

    for (size_t i = 0; answer != NULL && i < answer->n_peers; i++) {
        peers_merge(peers, answer->peers[i], 1000, 1000000000);
        peers_hello(peers, answer->peers[i], 2000, 1000000000);
    }
    message_free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct id self = {{1}};
    struct err err;
    struct peers *peers = peers_create(16, &self);
    const struct peer **list;

    peers_read(peers, fuzz_path(data, size), 1000, 1000000000, &err);
    tell(peers, data, size);
    peers_sorted(peers, &list);
    free(list);
    peers_tick(peers, 500000);
    peers_destroy(peers);
    return 0;
}
