/* SPDX-License-Identifier: BSD-3-Clause */
/* part_files.c - program and data of a job come to this host, results leave it */
#include "config.h"
#include "peer/part.h"

#include <stddef.h>

static void intake_send(void *arg, const Wire__Frame *frame)
{
    part_send(arg, frame);
}

void part_stage_offer(struct part *part, const Wire__StageOffer *offer)
{
    struct daemon *daemon = part->hosting->daemon;
    const struct intake_calls calls = {intake_send, part};
    struct err err;

    if (part->intake == NULL) {
        if (host_next(part->state, HOST_EVENT_OFFER) < 0)
            return;
        if (part_make_dir(part, &err) < 0) {
            part_end(part, err.text);
            return;
        }
        part_event(part, HOST_EVENT_OFFER);
        part->intake =
            intake_create(daemon->store, part->job, part->dir, daemon->hello->self->host, &calls);
    }
    intake_offer(part->intake, offer);
    part_work_soon(part);
}

void part_fetch(struct part *part, const Wire__FetchRequest *request)
{
    const struct fetchout_calls calls = {intake_send, part};

    if (part->dir == NULL)
        return;
    fetchout_destroy(part->fetchout);
    part->fetchout = fetchout_create(part->dir, request, &calls);
    part_work_soon(part);
}

void part_stage_data(struct part *part, const Wire__StageData *data)
{
    if (part->intake == NULL)
        return;
    intake_data(part->intake, data);
    part_work_soon(part);
}

void part_fetch_ack(struct part *part, const Wire__FetchAck *ack)
{
    if (part->fetchout == NULL)
        return;
    fetchout_ack(part->fetchout, ack->bytes);
    part_work_soon(part);
}
