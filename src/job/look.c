/* SPDX-License-Identifier: BSD-3-Clause */
/* look.c - the failure detector looks at those who are silent: probes, asks others, accuses, judges
 */
#include "config.h"
#include "job/watch_inner.h"

#define PROBES_OFTEN 50
#define PROBE_SELDOM 16
#define WORD_MS      1000 /* what others said of a member counts so long */

/* Who does not answer for long is asked less often. */
static uint32_t pause_ms(const struct watch *watch, int member)
{
    return pulse_probe_ms(watch_round_of(watch, member)) *
           (watch->mates[member].probes > PROBES_OFTEN ? PROBE_SELDOM : 1);
}

static int64_t silence_of(const struct watch *watch, const struct mate *mate)
{
    return watch_t(watch) - mate->since_t;
}

/* Who was never heard at all is not accused: datagrams may not get through to it. */
static bool is_over_limit(const struct watch *watch, int member)
{
    const struct mate *mate = &watch->mates[member];

    return (mate->is_partner || mate->is_broken) && mate->heard_ms != 0 &&
           silence_of(watch, mate) >= (int64_t)pulse_lost_ms(watch_round_of(watch, member));
}

static bool is_told(const struct watch *watch, const struct mate *mate)
{
    return mate->suspected_t != 0 && watch_t(watch) - mate->suspected_t <= WORD_MS;
}

/* Since when (of its silence) it is probed: partners and those with a broken stream by us, others
 * when a watcher tells. */
static uint32_t patience(const struct watch *watch, int member)
{
    const struct mate *mate = &watch->mates[member];

    if (mate->is_broken || is_told(watch, mate))
        return PULSE_PROBE_MS;
    return pulse_suspect_ms(watch_round_of(watch, member));
}

/* Other members that may reach it though we do not: its partners. */
static void ask_others(struct watch *watch, int member)
{
    int others[ROTA_MAX];
    unsigned count = rota_partners(watch->view, member, others), asked = 0;

    for (unsigned i = 0; i < count && asked < WATCH_RELAYS; i++) {
        int other = others[(i + watch->mates[member].probes) % count];
        if (other == watch->config.self)
            continue;
        watch_send(watch, BEAT_ASK, other, member);
        asked++;
    }
}

static void tell_voters(struct watch *watch, int member, enum beat_kind word)
{
    for (unsigned i = 0; i < watch->view->voter_count; i++)
        if (watch->view->voters[i] != watch->config.self && watch->view->voters[i] != member)
            watch_send(watch, word, watch->view->voters[i], member);
}

static void probe(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    mate->probed_t = watch_t(watch);
    watch_send(watch, BEAT_PROBE, member, watch->config.self);
    mate->probes++;
    if ((mate->is_partner || mate->is_broken) &&
        silence_of(watch, mate) >= (int64_t)pulse_tell_ms(watch_round_of(watch, member))) {
        ask_others(watch, member);
        tell_voters(watch, member, BEAT_SUSPECT);
    }
}

static void accuse(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    if (mate->accuse_t != 0 &&
        watch_t(watch) - mate->accuse_t < pulse_probe_ms(watch_round_of(watch, member)))
        return;
    mate->accuse_t = mate->accused_t = watch_t(watch);
    tell_voters(watch, member, BEAT_ACCUSE);
}

/* A voter's verdict: somebody accuses it, and it does not answer here either. */
static void judge(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];
    uint32_t round_ms = watch_round_of(watch, member);

    if (!watch->votes || mate->is_dead || mate->accused_t == 0 ||
        watch_t(watch) - mate->accused_t > WORD_MS ||
        silence_of(watch, mate) < (int64_t)pulse_confirm_ms(round_ms))
        return;
    mate->is_dead = true;
    watch->ops.verdict(watch->arg, member, true);
}

static void look(struct watch *watch, int member)
{
    struct mate *mate = &watch->mates[member];

    if (silence_of(watch, mate) < (int64_t)patience(watch, member))
        return;
    if (watch_t(watch) - mate->probed_t >= pause_ms(watch, member))
        probe(watch, member);
    if (is_over_limit(watch, member))
        accuse(watch, member);
    judge(watch, member);
}

/* Neither partner nor suspected any more. */
static bool is_over(const struct watch *watch, const struct mate *mate)
{
    return !mate->is_partner && !mate->is_broken && !is_told(watch, mate);
}

void look_at_all(struct watch *watch)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < watch->looked_count; i++) {
        int member = watch->looked[i];
        struct mate *mate = &watch->mates[member];
        if (is_over(watch, mate)) {
            mate->is_looked_at = false;
            continue;
        }
        watch->looked[kept++] = member;
        look(watch, member);
    }
    watch->looked_count = kept;
}

int64_t look_next_t(const struct watch *watch)
{
    int64_t next_t = INT64_MAX;

    for (unsigned i = 0; i < watch->looked_count; i++) {
        const struct mate *mate = &watch->mates[watch->looked[i]];
        int64_t begin_t = mate->since_t + patience(watch, watch->looked[i]);
        int64_t again_t = mate->probed_t + pause_ms(watch, watch->looked[i]);
        int64_t at_t = begin_t > again_t ? begin_t : again_t;
        int64_t limit_t = mate->since_t + pulse_lost_ms(watch_round_of(watch, watch->looked[i]));
        if (limit_t > watch_t(watch) && limit_t < at_t)
            at_t = limit_t;
        if (at_t < next_t)
            next_t = at_t;
    }
    return next_t;
}
