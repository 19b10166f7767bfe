/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_session.c - what one link asks of the supernode, and the answers */
#include "config.h"
#include "supernode/sn_session.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/join.h"
#include "supernode/sn_admit.h"
#include "supernode/sn_answer.h"

#include <stdlib.h>

static struct sn_time time_now(void)
{
    return (struct sn_time){clock_now_ms(), clock_wall_s()};
}

static void answer_ping(struct sn_session *session, const Wire__Frame *frame)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Pong pong = WIRE__PONG__INIT;

    pong.stamp_us = frame->ping->stamp_us;
    answer.body_case = WIRE__FRAME__BODY_PONG;
    answer.pong = &pong;
    link_answer(session->link, frame, &answer);
}

/* ---- members */

static void take_register(struct sn_session *session, struct sn_world *world, Wire__Frame *frame)
{
    const struct sn_directory *directory = world->directory;
    const struct id *id = link_peer_id(session->link);
    const char *seen = link_remote_host(session->link);
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Registered registered = WIRE__REGISTERED__INIT;
    Wire__Addr observed = WIRE__ADDR__INIT;
    char text[ID_SHORT_SIZE];
    struct err err;

    directory->expire(directory->self, clock_now_ms());
    if (sn_admit(frame->register_, id, seen, &err) < 0 ||
        directory->put(directory->self, id, frame->register_->peer, time_now(), &err) < 0) {
        link_answer_error(session->link, frame, WIRE__CODE__ERR_REFUSED, "%s", err.text);
        return;
    }
    id_short(id, text);
    log_info("peer registered id=%s name=%s address=%s peers=%zu", text,
             frame->register_->peer->name, seen, directory->count(directory->self));
    observed.host = (char *)seen;
    observed.port = link_remote_port(session->link);
    registered.expires_s = world->expiry_s;
    registered.observed = &observed;
    answer.body_case = WIRE__FRAME__BODY_REGISTERED;
    answer.registered = &registered;
    link_answer(session->link, frame, &answer);
}

static void take_renew(struct sn_session *session, struct sn_world *world, const Wire__Frame *frame)
{
    const struct sn_directory *directory = world->directory;
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Renewed renewed = WIRE__RENEWED__INIT;

    directory->expire(directory->self, clock_now_ms());
    renewed.known = directory->renew(directory->self, link_peer_id(session->link),
                                     frame->renew->load, time_now());
    renewed.expires_s = world->expiry_s;
    answer.body_case = WIRE__FRAME__BODY_RENEWED;
    answer.renewed = &renewed;
    link_answer(session->link, frame, &answer);
}

static void take_unregister(struct sn_session *session, struct sn_world *world)
{
    char text[ID_SHORT_SIZE];

    if (!world->directory->remove(world->directory->self, link_peer_id(session->link)))
        return;
    id_short(link_peer_id(session->link), text);
    log_info("peer unregistered id=%s", text);
}

static void take_query(struct sn_session *session, struct sn_world *world, const Wire__Frame *frame)
{
    const struct sn_directory *directory = world->directory;
    struct sn_asker asker = {link_remote_host(session->link), *link_peer_id(session->link)};
    Wire__Frame frame_out = WIRE__FRAME__INIT;
    Wire__Answer answer;

    directory->expire(directory->self, clock_now_ms());
    sn_answer(directory, frame->query, &asker, &world->prng, &answer);
    frame_out.body_case = WIRE__FRAME__BODY_ANSWER;
    frame_out.answer = &answer;
    link_answer(session->link, frame, &frame_out);
    sn_answer_clear(&answer);
}

static void take_cert_renew(struct sn_session *session, struct sn_world *world,
                            const Wire__Frame *frame)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__CertIssued issued = WIRE__CERT_ISSUED__INIT;
    char text[ID_SHORT_SIZE];
    struct err err;

    issued.certificate.data =
        join_renew(session->link, world->authority, &issued.certificate.len, &err);
    if (issued.certificate.data == NULL) {
        link_answer_error(session->link, frame, WIRE__CODE__ERR_FAILED, "%s", err.text);
        return;
    }
    id_short(link_peer_id(session->link), text);
    log_info("certificate renewed id=%s", text);
    answer.body_case = WIRE__FRAME__BODY_CERT_ISSUED;
    answer.cert_issued = &issued;
    link_answer(session->link, frame, &answer);
    free(issued.certificate.data);
}

static bool member_frame(struct sn_session *session, struct sn_world *world, Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_REGISTER:
        take_register(session, world, frame);
        return true;
    case WIRE__FRAME__BODY_RENEW:
        take_renew(session, world, frame);
        return true;
    case WIRE__FRAME__BODY_UNREGISTER:
        take_unregister(session, world);
        return true;
    case WIRE__FRAME__BODY_QUERY:
        take_query(session, world, frame);
        return true;
    case WIRE__FRAME__BODY_CERT_RENEW:
        take_cert_renew(session, world, frame);
        return true;
    default:
        return false;
    }
}

/* ---- the owner */

/* Sends pages until the other side is full or all is told. Peers that come or go meanwhile may be
 * missed. */
static void list_on(struct sn_session *session, const struct sn_directory *directory)
{
    while (session->is_listing && !link_is_full(session->link)) {
        Wire__Frame frame = WIRE__FRAME__INIT;
        Wire__ListEnd end = WIRE__LIST_END__INIT;
        Wire__Answer answer;
        frame.re = session->list_id;
        if (session->list_next >= directory->count(directory->self)) {
            session->is_listing = false;
            frame.body_case = WIRE__FRAME__BODY_LIST_END;
            frame.list_end = &end;
            link_send(session->link, &frame);
            return;
        }
        session->list_next = sn_answer_page(directory, session->list_next, &answer);
        frame.body_case = WIRE__FRAME__BODY_ANSWER;
        frame.answer = &answer;
        int failed = link_send(session->link, &frame);
        sn_answer_clear(&answer);
        if (failed < 0)
            session->is_listing = false;
    }
}

static bool owner_frame(struct sn_session *session, struct sn_world *world,
                        const Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_LIST:
        world->directory->expire(world->directory->self, clock_now_ms());
        session->is_listing = true;
        session->list_next = 0;
        session->list_id = frame->id;
        list_on(session, world->directory);
        return true;
    case WIRE__FRAME__BODY_STOP:
        log_info("stop asked for by pid=%d", (int)link_pid(session->link));
        world->stop(world->arg);
        return true;
    default:
        return false;
    }
}

void sn_session_frame(struct sn_session *session, struct sn_world *world, Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_PING) {
        answer_ping(session, frame);
        return;
    }
    bool known = session->is_owner ? owner_frame(session, world, frame)
                                   : member_frame(session, world, frame);
    if (!known && frame->id != 0)
        link_answer_error(session->link, frame, WIRE__CODE__ERR_BAD_MESSAGE,
                          "a supernode does not answer \"%s\"", frame_name(frame));
}

void sn_session_writable(struct sn_session *session, struct sn_world *world)
{
    list_on(session, world->directory);
}
