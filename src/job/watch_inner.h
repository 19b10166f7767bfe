/* SPDX-License-Identifier: BSD-3-Clause */
/* watch_inner.h - shared by watch.c and look.c, private to them */
#ifndef P2PMPI_JOB_WATCH_INNER_H
#define P2PMPI_JOB_WATCH_INNER_H

#include "job/watch.h"

#include "job/pulse.h"
#include "job/rota.h"
#include "job/window.h"

/* Two clocks: *_ms is the caller's; *_t is the same without the spans in which we were stopped. */
struct mate {
    struct pulse pulse;
    struct window window;
    bool is_partner, is_looked_at; /* the second: it is in watch->looked */
    bool is_broken;                /* a stream to it broke, and it was not heard since */
    bool is_dead;                  /* our verdict */
    int64_t heard_ms;              /* a datagram of its own came */
    int64_t contact_ms;            /* we sent what it answered last: it had heard us then; 0: never */
    int64_t since_t;               /* last sign of life of any kind, or begin of looking */
    int64_t probed_t;
    int64_t suspected_t, accused_t; /* others said so last; 0: never */
    int64_t accuse_t;               /* we did so last */
    unsigned probes;                /* unanswered */
    uint32_t stamp;                 /* its last; 0: none */
    int64_t stamp_ms;
    int64_t refused_ms; /* its daemon is down since; 0: it is not */
    int64_t news_ms;    /* when it was told, or asked, about views last */
};

struct watch {
    struct watch_config config;
    struct watch_ops ops;
    void *arg;
    const struct view *view; /* borrowed */
    bool votes;
    struct mate *mates;
    int *looked; /* members to look at: partners, and those that others suspect */
    unsigned looked_count;
    uint64_t number;
    int64_t now_ms, lapse_ms; /* lapse_ms: how long we were stopped, in all */
    int64_t woke_ms;          /* end of our last stop */
    int64_t due_ms;           /* when we said that we want to tick */
    int64_t beat_t;
    int64_t rounded_ms; /* all were looked at; 0: never */
};

/* watch.c */
void watch_send(struct watch *watch, enum beat_kind kind, int to, int subject);
int64_t watch_t(const struct watch *watch);
uint32_t watch_round_of(const struct watch *watch, int member);
void watch_look_at(struct watch *watch, int member);

/* look.c */
void look_at_all(struct watch *watch);
/* When the first of those who are looked at wants it. */
int64_t look_next_t(const struct watch *watch);

#endif
