/* SPDX-License-Identifier: BSD-3-Clause */
/* verify.c - the replicas of a rank compare what they send, message by message
 *
 * What a message contains is hashed when it is posted. Siblings tell each other the hashes in the
 * order of posting, and compare them by stream and number, so that nothing depends on who received
 * what when. A message is compared when all living siblings' hashes of it are here; the first on
 * which they differ ends the job: the first that the slowest of them posted, for it is compared in
 * that order. A sibling may be behind by VERIFY_MAX messages of a stream; what is older is given
 * up, and counted. */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h> /* not its dispatcher: wider vectors left the program's own code a third slower */

#include "base/mem.h"

#define VERIFY_BATCH 32         /* hashes told at a time; fewer by the tick */
#define VERIFY_MAX   (1u << 20) /* kept of a stream and sibling */
#define VERIFY_PIECE 4096       /* packed and hashed at a time */

struct digest {
    uint64_t hash, length;
    int32_t tag;
};

/* Of one set, by number: those after verify->agreed up to end, at[number % room]. */
struct digests {
    struct digest *at;
    size_t room; /* a power of two, or 0 */
    uint64_t end;
};

/* Of a stream. */
struct verify {
    uint64_t agreed;     /* up to here all are equal */
    struct digests of[]; /* [replicas] */
};

/* Of a process: what was posted last, and how much siblings said so far. */
struct verify_log {
    struct replica_digest posted[VERIFY_BATCH];
    unsigned count; /* of these, not told yet */
    uint64_t told;
    uint32_t ends;    /* sets that sent HASHES_END */
    uint64_t heard[]; /* [replicas] */
};

struct verify_log *verify_create(const struct world *world)
{
    struct verify_log *log;

    log = mem_alloc(sizeof *log + (size_t)world->replicas * sizeof log->heard[0]);
    return log;
}

void verify_destroy(struct verify_log *log)
{
    free(log);
}

static struct verify *verify_get(const struct replica *replica, struct outstream *stream)
{
    size_t sets = (size_t)replica->world->replicas;

    if (stream->verify == NULL)
        stream->verify = mem_alloc(sizeof *stream->verify + sets * sizeof stream->verify->of[0]);
    return stream->verify;
}

void verify_free(const struct replica *replica, struct outstream *stream)
{
    for (int set = 0; stream->verify != NULL && set < replica->world->replicas; set++)
        free(stream->verify->of[set].at);
    free(stream->verify);
    stream->verify = NULL;
}

/* ---------------------------------------------------------------- hashes kept */

static struct digest *digest_at(const struct digests *of, uint64_t seq)
{
    return &of->at[seq & (of->room - 1)];
}

static void digests_grow(struct digests *of, uint64_t first)
{
    struct digests grown = {.room = of->room == 0 ? VERIFY_BATCH : 2 * of->room, .end = of->end};

    grown.at = mem_array(grown.room, sizeof *grown.at);
    for (uint64_t seq = first; seq < of->end; seq++)
        *digest_at(&grown, seq) = *digest_at(of, seq);
    free(of->at);
    *of = grown;
}

/* The next one of a set. */
static void digest_put(struct replica *replica, struct verify *verify, int set,
                       const struct replica_digest *digest)
{
    struct digests *of = &verify->of[set];
    uint64_t seq = ++of->end;

    if (seq <= verify->agreed)
        return; /* given up */
    if (seq - verify->agreed > VERIFY_MAX) {
        verify->agreed++;
        replica->stats.unverified++;
    }
    if (seq - verify->agreed > of->room)
        digests_grow(of, verify->agreed + 1);
    *digest_at(of, seq) = (struct digest){digest->hash, digest->length, digest->tag};
}

/* ---------------------------------------------------------------- comparing */

/* Of a message that is not given up; NULL: that set did not post it. */
static const struct digest *digest_of(const struct verify *verify, uint64_t seq, int set)
{
    return verify->of[set].end >= seq ? digest_at(&verify->of[set], seq) : NULL;
}

static bool is_same(const struct digest *a, const struct digest *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->hash == b->hash && a->length == b->length && a->tag == b->tag;
}

/* How many of sets posted the same as set. */
static int count_like(const struct verify *verify, uint64_t seq, uint32_t sets, int set)
{
    const struct digest *digest = digest_of(verify, seq, set);
    int count = 0;

    EACH_SET(other, sets)
    count += is_same(digest_of(verify, seq, (int)other), digest);
    return count;
}

/* The one set of at least three that is unlike all others, which are alike; -1: none is. */
static int odd_one(const struct verify *verify, uint64_t seq, uint32_t sets)
{
    int n = __builtin_popcount(sets), odd = -1, most = 0;

    EACH_SET(set, sets)
    {
        int count = count_like(verify, seq, sets, (int)set);

        if (count == 1)
            odd = (int)set;
        if (count > most)
            most = count;
    }
    return n > 2 && most == n - 1 ? odd : -1;
}

static void words_add(char *words, size_t size, int set, const struct digest *digest)
{
    size_t used = strlen(words);

    if (digest == NULL)
        snprintf(words + used, size - used, "; replica %d sent none", set);
    else
        snprintf(words + used, size - used,
                 "; replica %d sent %llu bytes with tag %d (hash %016llx)", set,
                 (unsigned long long)digest->length, digest->tag, (unsigned long long)digest->hash);
}

/* Ends the job: each set's word on the message, and who is alone with his. */
static void verify_differs(struct replica *replica, const struct outstream *stream, uint64_t seq,
                           uint32_t sets)
{
    char words[512] = "", alone[64] = "";
    int odd = odd_one(stream->verify, seq, sets);

    EACH_SET(set, sets)
    words_add(words, sizeof words, (int)set, digest_of(stream->verify, seq, (int)set));
    if (odd >= 0)
        snprintf(alone, sizeof alone, "; replica %d is alone", odd);
    else if (__builtin_popcount(sets) > 2)
        snprintf(alone, sizeof alone, "; there is no majority");
    replica_end(replica, REPLICA_END_DIFFERS, replica->rank,
                "the replicas of rank %d disagree first in message %llu to rank %d in communicator "
                "%u%s%s",
                replica->rank, (unsigned long long)seq, stream->key.rank, stream->key.cid, words,
                alone);
}

/* Sets whose hash of seq is here: the dead may have told it, too. */
static uint32_t sets_with(const struct replica *replica, const struct verify *verify, uint64_t seq)
{
    uint32_t sets = 0;

    for (int set = 0; set < replica->world->replicas; set++)
        sets |= verify->of[set].end >= seq ? 1u << set : 0;
    return sets;
}

static void verify_compare(struct replica *replica, const struct outstream *stream)
{
    struct verify *verify = stream->verify;
    uint32_t living = replica->dead->living[replica->rank];

    for (;;) {
        uint64_t seq = verify->agreed + 1;
        uint32_t sets = sets_with(replica, verify, seq);

        if ((sets & living) != living || replica->is_ended)
            return;
        if (count_like(verify, seq, sets, replica->set) != __builtin_popcount(sets)) {
            verify_differs(replica, stream, seq, sets);
            return;
        }
        verify->agreed = seq;
        replica->stats.verified++;
    }
}

void verify_drop_sibling(struct replica *replica)
{
    for (int rank = 0; rank < replica->world->ranks; rank++)
        for (struct outstream *stream = replica->peers[rank].out; stream != NULL;
             stream = stream->next_of_peer)
            if (stream->verify != NULL)
                verify_compare(replica, stream);
}

bool verify_is_open(const struct replica *replica, const struct outstream *stream)
{
    const struct verify *verify = stream->verify;

    return verify != NULL && living_others(replica, replica->rank) != 0 &&
           (sets_with(replica, verify, verify->agreed + 1) &
            replica->dead->living[replica->rank]) != 0;
}

/* ---------------------------------------------------------------- telling */

static void siblings_tell(struct replica *replica, const struct replica_msg *msg,
                          const struct replica_bytes *bytes)
{
    EACH_SET(set, living_others(replica, replica->rank))
    replica->ops.send(replica->arg, peer_process(replica, replica->rank, (int)set), msg, bytes);
}

void verify_flush(struct replica *replica)
{
    struct verify_log *log = replica->verify_log;
    struct replica_msg msg = {.kind = REPLICA_HASHES, .seq = log->told + 1};
    struct replica_bytes bytes = {.data = log->posted, .size = log->count * sizeof log->posted[0]};

    if (log->count == 0)
        return;
    log->told += log->count;
    log->count = 0;
    siblings_tell(replica, &msg, &bytes);
}

/* ---------------------------------------------------------------- hashing */

static uint64_t hash_packed(struct replica *replica, uint64_t length, void *token)
{
    char piece[VERIFY_PIECE];
    XXH3_state_t *state = XXH3_createState();

    if (state == NULL)
        abort(); /* as mem_alloc() */
    XXH3_64bits_reset(state);
    for (uint64_t offset = 0; offset < length; offset += VERIFY_PIECE) {
        size_t size = length - offset < VERIFY_PIECE ? (size_t)(length - offset) : VERIFY_PIECE;

        replica->ops.pack(replica->arg, token, offset, piece, size);
        XXH3_64bits_update(state, piece, size);
    }
    uint64_t hash = XXH3_64bits_digest(state);

    XXH3_freeState(state);
    return hash;
}

void verify_post(struct replica *replica, struct outstream *stream, int32_t tag, unsigned flags,
                 const void *data, uint64_t length, void *token)
{
    struct verify_log *log = replica->verify_log;
    struct replica_digest *digest = &log->posted[log->count];

    if (living_others(replica, replica->rank) == 0)
        return;
    *digest = (struct replica_digest){
        .length = length, .tag = tag, .cid = stream->key.cid, .rank = (uint32_t)stream->key.rank};
    if ((flags & REPLICA_OWN) == 0)
        digest->hash = data != NULL || length == 0 ? XXH3_64bits(data, length)
                                                   : hash_packed(replica, length, token);
    digest_put(replica, verify_get(replica, stream), replica->set, digest);
    if (++log->count == VERIFY_BATCH)
        verify_flush(replica);
    verify_compare(replica, stream);
}

/* ---------------------------------------------------------------- hearing */

static void digest_hear(struct replica *replica, int set, const struct replica_digest *digest)
{
    int rank = (int)digest->rank;

    if (rank < 0 || rank >= replica->world->ranks || rank == replica->rank) {
        replica_end(replica, REPLICA_END_BROKEN, replica->rank,
                    "replica %d of rank %d told the hash of a message to rank %d", set,
                    replica->rank, rank);
        return;
    }
    if (closing_is_forgotten(replica, rank, digest->cid, digest->tag)) {
        replica_end(replica, REPLICA_END_DIFFERS, replica->rank,
                    "the replicas of rank %d disagree: replica %d sent %llu bytes to rank %d in "
                    "communicator %u with tag %d; replica %d sent none",
                    replica->rank, set, (unsigned long long)digest->length, rank, digest->cid,
                    digest->tag, replica->set);
        return;
    }
    struct outstream *stream = outstream_get(replica, rank, digest->cid, digest->tag);

    digest_put(replica, verify_get(replica, stream), set, digest);
    verify_compare(replica, stream);
}

static void hashes_take(struct replica *replica, int set, const struct replica_msg *msg,
                        const void *bytes, size_t size)
{
    struct replica_digest digests[VERIFY_BATCH];
    size_t count = size / sizeof digests[0];
    uint64_t *heard = &replica->verify_log->heard[set];

    if (msg->seq != *heard + 1 || size > sizeof digests || size % sizeof digests[0] != 0) {
        replica_end(replica, REPLICA_END_BROKEN, replica->rank,
                    "replica %d of rank %d told %zu bytes of hashes from %llu on, not from %llu",
                    set, replica->rank, size, (unsigned long long)msg->seq,
                    (unsigned long long)*heard + 1);
        return;
    }
    memcpy(digests, bytes, size);
    *heard += count;
    for (size_t i = 0; i < count && !replica->is_ended; i++)
        digest_hear(replica, set, &digests[i]);
}

void verify_receive(struct replica *replica, int src, const struct replica_msg *msg,
                    const void *bytes, size_t size)
{
    int set = replica->world->set[src];

    if (replica->verify_log == NULL || replica->world->rank[src] != replica->rank)
        return;
    if (msg->kind == REPLICA_HASHES_END)
        replica->verify_log->ends |= 1u << set;
    else
        hashes_take(replica, set, msg, bytes, size);
}

/* ---------------------------------------------------------------- the end */

void replica_verify_end(struct replica *replica)
{
    struct replica_msg msg = {.kind = REPLICA_HASHES_END};

    if (replica->verify_log == NULL)
        return;
    verify_flush(replica);
    siblings_tell(replica, &msg, NULL);
}

/* Nobody posts more: what one did not post by now the others should not have posted either. */
static bool is_complete(struct replica *replica, const struct outstream *stream)
{
    if (verify_is_open(replica, stream))
        verify_differs(replica, stream, stream->verify->agreed + 1,
                       replica->dead->living[replica->rank]);
    return !replica->is_ended;
}

bool replica_is_verified(struct replica *replica)
{
    uint32_t others = living_others(replica, replica->rank);

    if (replica->verify_log == NULL || others == 0)
        return true;
    if ((replica->verify_log->ends & others) != others || replica->is_ended)
        return false;
    for (int rank = 0; rank < replica->world->ranks; rank++)
        for (struct outstream *stream = replica->peers[rank].out; stream != NULL;
             stream = stream->next_of_peer)
            if (!is_complete(replica, stream))
                return false;
    return true;
}
