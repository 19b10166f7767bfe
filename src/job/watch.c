/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.c - one member's failure detector: beats, what comes in, what is known of each */
#include "config.h"
#include "job/watch_inner.h"

#include "base/mem.h"

#include <stdlib.h>

#define NEWS_MS        200 /* one member is told, or asked, about views so often at most */
#define ROUND_EVERY_MS 2000
#define REFUSED_MS     1000 /* hosts say "nobody listens" about once a second */

int64_t watch_t(const struct watch *watch)
{
    return watch->now_ms - watch->lapse_ms;
}

uint32_t watch_round_of(const struct watch *watch, int member)
{
    const struct pulse *pulse = &watch->mates[member].pulse;
    uint32_t most_ms = 0;

    if (pulse->srtt_us != 0)
        return pulse_round_ms(pulse);
    for (unsigned i = 0; i < watch->looked_count;
         i++) { /* as its partners' links are, so may this be */
        const struct mate *mate = &watch->mates[watch->looked[i]];
        if (mate->pulse.srtt_us != 0 && pulse_round_ms(&mate->pulse) > most_ms)
            most_ms = pulse_round_ms(&mate->pulse);
    }
    return most_ms != 0 ? most_ms : PULSE_UNKNOWN_MS;
}

uint32_t watch_round_ms(const struct watch *watch)
{
    uint32_t most_ms = 1;

    for (unsigned i = 0; i < watch->view->voter_count; i++) {
        int voter = watch->view->voters[i];
        uint32_t round_ms = voter == watch->config.self ? 0 : watch_round_of(watch, voter);
        if (round_ms > most_ms)
            most_ms = round_ms;
    }
    return most_ms;
}

/* ---- sending */

static uint32_t stamp_of(int64_t now_ms)
{
    return (uint32_t)now_ms != 0 ? (uint32_t)now_ms : 1;
}

static void send_beat(struct watch *watch, struct beat *beat, int to, int subject)
{
    beat->from = (uint16_t)watch->config.self;
    beat->to = (uint16_t)to;
    beat->subject = (uint16_t)subject;
    beat->number = ++watch->number;
    beat->view = (uint32_t)watch->view->number;
    beat->stamp = stamp_of(watch->now_ms);
    watch->ops.send(watch->arg, beat);
}

void watch_send(struct watch *watch, enum beat_kind kind, int to, int subject)
{
    struct beat beat = {.kind = kind};
    const struct mate *mate = &watch->mates[to];

    if (kind == BEAT_PULSE && mate->stamp != 0) {
        beat.echo = mate->stamp;
        beat.hold = (uint32_t)(watch->now_ms - mate->stamp_ms);
    }
    send_beat(watch, &beat, to, subject);
}

static void pulse_all(struct watch *watch)
{
    if (watch_t(watch) < watch->beat_t)
        return;
    watch->beat_t = watch_t(watch) + PULSE_BEAT_MS;
    for (unsigned i = 0; i < watch->looked_count; i++)
        if (watch->mates[watch->looked[i]].is_partner)
            watch_send(watch, BEAT_PULSE, watch->looked[i], watch->config.self);
}

/* ---- time */

/* Notices that we were stopped: those spans do not count as anybody's silence. */
static void awake(struct watch *watch, int64_t now_ms)
{
    if (now_ms - watch->due_ms > WATCH_STOP_MS) {
        watch->lapse_ms += now_ms - watch->due_ms;
        watch->due_ms = watch->woke_ms = now_ms;
    }
    watch->now_ms = now_ms;
}

int watch_next(const struct watch *watch, int64_t now_ms)
{
    return watch->due_ms > now_ms ? (int)(watch->due_ms - now_ms) : 0;
}

static void schedule(struct watch *watch)
{
    int64_t next_t = look_next_t(watch);

    if (watch->beat_t < next_t)
        next_t = watch->beat_t;
    watch->due_ms = next_t + watch->lapse_ms;
    if (watch->due_ms < watch->now_ms)
        watch->due_ms = watch->now_ms;
}

int watch_tick(struct watch *watch, int64_t now_ms)
{
    awake(watch, now_ms);
    pulse_all(watch);
    look_at_all(watch);
    schedule(watch);
    return watch_next(watch, now_ms);
}

/* ---- what is heard */

/* Looks at a member as if a stream to it had broken. */
static void look_closely(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    if (!mate->is_looked_at) {
        mate->since_t = watch_t(watch);
        watch_look_at(watch, member);
    }
    mate->is_broken = true;
}

static void is_well(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    mate->since_t = watch_t(watch);
    mate->suspected_t = mate->accused_t = 0;
    mate->probes = 0;
    mate->is_broken = false;
    if (!mate->is_dead)
        return;
    mate->is_dead = false;
    watch->ops.verdict(watch->arg, member, false);
}

/* It had heard us when we sent what it answers. A round trip is measured by that, too, unless one
 * of the two was stopped meanwhile: what then came late says nothing of the link. */
static void on_echo(struct watch *watch, struct mate *mate, const struct beat *beat, bool measures)
{
    uint32_t age_ms = stamp_of(watch->now_ms) - beat->echo;
    int64_t sent_ms = watch->now_ms - age_ms;

    if (beat->echo == 0 || age_ms > INT32_MAX || beat->hold > age_ms)
        return;
    if (measures && sent_ms >= watch->woke_ms)
        pulse_measured(&mate->pulse, age_ms - beat->hold);
    if (sent_ms > mate->contact_ms)
        mate->contact_ms = sent_ms;
}

/* Who dies seldom dies alone: a voter looks at everybody at once, unless they are too many. */
static void look_round(struct watch *watch)
{
    const struct view *view = watch->view;

    if (view->members > WATCH_ROUND_MAX ||
        (watch->rounded_ms != 0 && watch->now_ms - watch->rounded_ms < ROUND_EVERY_MS))
        return;
    watch->rounded_ms = watch->now_ms;
    for (unsigned i = 0; i < view->members; i++)
        if ((int)i != watch->config.self && !view->lost[i])
            look_closely(watch, (int)i);
}

static void on_word(struct watch *watch, const struct beat *beat)
{
    struct mate *mate = &watch->mates[beat->subject];
    int64_t t = watch_t(watch);

    if (!watch->votes || beat->subject == watch->config.self)
        return;
    if (!mate->is_looked_at) {
        mate->since_t = t;
        watch_look_at(watch, beat->subject);
    }
    mate->suspected_t = t;
    look_round(watch);
    if (beat->kind == BEAT_ACCUSE)
        mate->accused_t = t;
}

static void on_beat(struct watch *watch, const struct beat *beat, unsigned probes)
{
    int from = beat->from, self = watch->config.self;
    struct mate *mate = &watch->mates[from];

    switch (beat->kind) {
    case BEAT_PULSE:
        mate->stamp = beat->stamp;
        mate->stamp_ms = watch->now_ms;
        on_echo(watch, mate, beat, true);
        break;
    case BEAT_PROBE: {
        struct beat ack = {.kind = BEAT_ACK, .echo = beat->stamp};
        send_beat(watch, &ack, from, beat->subject);
        break;
    }
    case BEAT_ACK:
        on_echo(watch, mate, beat, beat->subject == self && probes == 1);
        if (beat->subject != self)
            watch_send(watch, BEAT_HEARD, beat->subject, from);
        break;
    case BEAT_ASK:
        if (beat->subject != self)
            watch_send(watch, BEAT_PROBE, beat->subject, from);
        break;
    case BEAT_HEARD:
        if (beat->subject != self)
            is_well(watch, beat->subject);
        break;
    case BEAT_SUSPECT:
    case BEAT_ACCUSE:
        on_word(watch, beat);
        break;
    default:
        break;
    }
}

/* Who has an older view than we, or is lost in ours, is told; of a newer one we ask. */
static void compare_views(struct watch *watch, const struct beat *beat, bool is_lost)
{
    struct mate *mate = &watch->mates[beat->from];
    int32_t ahead = (int32_t)(beat->view - (uint32_t)watch->view->number);

    if ((ahead == 0 && !is_lost) || (mate->news_ms != 0 && watch->now_ms - mate->news_ms < NEWS_MS))
        return;
    if (ahead == 0 && beat->kind == BEAT_NEWS)
        return;
    mate->news_ms = watch->now_ms;
    if (ahead > 0)
        watch->ops.behind(watch->arg, beat->from);
    else
        watch_send(watch, BEAT_NEWS, beat->from, watch->config.self);
}

bool watch_receive(struct watch *watch, const struct beat *beat, int64_t now_ms)
{
    const struct view *view = watch->view;

    awake(watch, now_ms);
    if (beat->to != watch->config.self || beat->from == watch->config.self ||
        beat->from >= view->members || beat->subject >= view->members)
        return false;
    struct mate *mate = &watch->mates[beat->from];
    if (!window_take(&mate->window, beat->number))
        return false;
    compare_views(watch, beat, view->lost[beat->from]);
    if (view->lost[beat->from])
        return false;
    mate->heard_ms = now_ms;
    mate->refused_ms = 0;
    unsigned probes = mate->probes;
    is_well(watch, beat->from);
    if (!view->lost[beat->subject])
        on_beat(watch, beat, probes);
    schedule(watch);
    return true;
}

void watch_heard(struct watch *watch, int member, int64_t now_ms)
{
    awake(watch, now_ms);
    if (view_is_lost(watch->view, member))
        return;
    watch->mates[member].heard_ms = now_ms;
    watch->mates[member].refused_ms = 0;
    is_well(watch, member);
    schedule(watch);
}

void watch_refused(struct watch *watch, int member, int64_t now_ms)
{
    struct mate *mate = &watch->mates[member];

    awake(watch, now_ms);
    if (view_is_lost(watch->view, member))
        return;
    if (mate->refused_ms == 0)
        mate->refused_ms = now_ms;
    if (now_ms - mate->refused_ms > watch->config.rejoin_ms)
        return;
    is_well(watch, member);
    mate->since_t += REFUSED_MS;
    schedule(watch);
}

void watch_broken(struct watch *watch, int member, int64_t now_ms)
{
    awake(watch, now_ms);
    if (view_is_lost(watch->view, member) || member == watch->config.self)
        return;
    look_closely(watch, member);
    schedule(watch);
}

/* ---- questions */

enum view_trust watch_trust(const struct watch *watch, int member, int64_t now_ms)
{
    const struct mate *mate = &watch->mates[member];
    int64_t silence_ms = now_ms - mate->heard_ms;
    uint32_t round_ms = watch_round_of(watch, member);

    if (mate->is_looked_at && silence_ms >= (int64_t)pulse_suspect_ms(round_ms))
        return VIEW_DOUBTED;
    return silence_ms < (int64_t)pulse_contact_ms(round_ms) ? VIEW_HEARD : VIEW_UNKNOWN;
}

bool watch_has_majority(const struct watch *watch, int64_t now_ms)
{
    unsigned there = 0;

    for (unsigned i = 0; i < watch->view->voter_count; i++) {
        int voter = watch->view->voters[i];
        there += voter == watch->config.self || watch->mates[voter].contact_ms == 0 ||
                 now_ms - watch->mates[voter].contact_ms <
                     (int64_t)pulse_contact_ms(watch_round_of(watch, voter));
    }
    return there >= view_majority(watch->view);
}

/* ---- life */

void watch_look_at(struct watch *watch, int member)
{
    if (watch->mates[member].is_looked_at)
        return;
    watch->mates[member].is_looked_at = true;
    watch->looked[watch->looked_count++] = member;
}

/* Who is looked at for other reasons than the old view's partnership remains so. */
static void forget_partners(struct watch *watch)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < watch->looked_count; i++) {
        struct mate *mate = &watch->mates[watch->looked[i]];
        mate->is_partner = false;
        mate->is_looked_at = !watch->view->lost[watch->looked[i]];
        if (mate->is_looked_at)
            watch->looked[kept++] = watch->looked[i];
    }
    watch->looked_count = kept; /* the next tick drops those who are nobody's concern */
}

static void add_partner(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    if (!mate->is_looked_at)
        mate->since_t = watch_t(watch);
    mate->is_partner = true;
    watch_look_at(watch, member);
}

void watch_view(struct watch *watch, const struct view *view, int64_t now_ms)
{
    int partners[ROTA_MAX];
    unsigned count = 0;

    awake(watch, now_ms);
    watch->view = view;
    watch->votes = view_voter(view, watch->config.self) >= 0;
    forget_partners(watch);
    if (!view_is_lost(view, watch->config.self))
        count = rota_partners(view, watch->config.self, partners);
    for (unsigned i = 0; i < count; i++)
        add_partner(watch, partners[i]);
    if (watch->votes)
        look_round(watch);
    schedule(watch);
}

struct watch *watch_create(const struct watch_config *config, const struct view *view,
                           const struct watch_ops *ops, void *arg, int64_t now_ms)
{
    struct watch *watch = mem_alloc(sizeof *watch);

    watch->config = *config;
    watch->ops = *ops;
    watch->arg = arg;
    watch->number = config->epoch;
    watch->mates = mem_array(view->members, sizeof *watch->mates);
    watch->looked = mem_array(view->members, sizeof *watch->looked);
    watch->now_ms = watch->due_ms = watch->beat_t = now_ms;
    watch_view(watch, view, now_ms);
    return watch;
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    free(watch->mates);
    free(watch->looked);
    free(watch);
}
