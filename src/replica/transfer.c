/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer.c - bodies that were asked for go out in pieces while there is room */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>

#include "base/mem.h"

void transfers_drop(struct replica *replica, const struct replica_held *record, int dst)
{
    struct transfer **at = &replica->transfers;

    while (*at != NULL) {
        struct transfer *transfer = *at;

        if (transfer->record == record || transfer->dst == dst) {
            *at = transfer->next;
            free(transfer);
        } else {
            at = &transfer->next;
        }
    }
    replica->transfers_end = at;
}

/* Sends one piece. False: no room. Waits for no decision: who asks for a body has its envelope, from
 * us or from a dead sibling, and that left only when all that the message depends on was stable. */
static bool transfer_piece(struct replica *replica, struct transfer *transfer)
{
    struct replica_held *record = transfer->record;
    uint64_t left = record->length - transfer->offset;
    size_t size = left < replica->settings.piece ? (size_t)left : replica->settings.piece;

    if (!has_room(replica, transfer->dst, size))
        return false;
    struct replica_bytes bytes = record_bytes(record, transfer->offset, size);
    struct replica_msg msg = {
        .kind = REPLICA_DATA,
        .set = (uint16_t)replica->set,
        .cid = record->stream->key.cid,
        .tag = record->tag,
        .seq = record->seq,
        .length = record->length,
        .offset = transfer->offset,
        .body = transfer->body,
    };

    if (transfer->set != replica->set)
        replica->stats.resent_bytes += size;
    transfer->offset += size;
    replica->ops.send(replica->arg, transfer->dst, &msg, &bytes);
    return true;
}

bool transfers_progress(struct replica *replica)
{
    struct transfer **at = &replica->transfers;

    while (*at != NULL) {
        struct transfer *transfer = *at;

        while (transfer->offset < transfer->record->length && transfer_piece(replica, transfer))
            continue;
        if (transfer->offset == transfer->record->length) {
            *at = transfer->next;
            free(transfer);
        } else {
            at = &transfer->next;
        }
    }
    replica->transfers_end = at;
    return replica->transfers != NULL;
}

static void transfer_start(struct replica *replica, struct replica_held *record, int set,
                           uint64_t body, uint64_t offset)
{
    struct transfer *transfer = mem_alloc(sizeof *transfer);

    transfer->record = record;
    transfer->set = set;
    transfer->dst = peer_process(replica, record->stream->key.rank, set);
    transfer->body = body;
    transfer->offset = offset;
    *replica->transfers_end = transfer;
    replica->transfers_end = &transfer->next;
}

void sending_pull(struct replica *replica, int src, const struct replica_msg *msg)
{
    int rank = replica->world->rank[src], set = replica->world->set[src];
    struct outstream *stream = outstream_get(replica, rank, msg->cid, msg->tag);
    struct replica_held *record = outstream_find(stream, msg->seq);

    if (record != NULL && msg->offset < record->length) {
        transfer_start(replica, record, set, msg->body, msg->offset);
        return;
    }
    if (msg->seq <= stream->posted) {
        replica_end(replica, REPLICA_END_BROKEN, rank,
                    "rank %d asks for message %llu of communicator %u, which is not kept any more",
                    rank, (unsigned long long)msg->seq, msg->cid);
        return;
    }
    struct early_pull *pull = mem_alloc(sizeof *pull);

    *pull = (struct early_pull){stream->pulls, set, msg->seq, msg->body, msg->offset};
    stream->pulls = pull;
}

void early_pulls_apply(struct replica *replica, struct outstream *stream,
                       struct replica_held *record)
{
    struct early_pull **at = &stream->pulls;

    while (*at != NULL) {
        struct early_pull *pull = *at;

        if (pull->seq != stream->posted) {
            at = &pull->next;
            continue;
        }
        *at = pull->next;
        if (record != NULL && pull->offset < record->length)
            transfer_start(replica, record, pull->set, pull->body, pull->offset);
        free(pull);
    }
}
