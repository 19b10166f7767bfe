/* SPDX-License-Identifier: BSD-3-Clause */
/* home.h - one job at its home: shared by homes.c and home_*.c, private to them
 *
 * home.c its state and clock; home_search.c leases and placement; home_stage.c program and data;
 * home_run.c start and what comes from steps; home_ranks.c who of the processes is left;
 * home_output.c output and input; home_end.c the end; home_hosts.c what is known of each host;
 * homes.c the collection and the frames' way in. */
#ifndef P2PMPI_PEER_HOME_H
#define P2PMPI_PEER_HOME_H

#include "job/chan.h"
#include "job/life.h"
#include "job/merge.h"
#include "job/result.h"
#include "job/roster.h"
#include "net/link.h"
#include "peer/daemon.h"
#include "plan/book.h"
#include "stage/supply.h"

#define HOME_START_MS   20000  /* from JobStart to JobStarted of all hosts */
#define HOME_STAGE_MS   30000  /* without any progress */
#define HOME_LAYOUT_MS  600000 /* for a host to lay out what it has, however large */
#define HOME_TERM_MS    1000   /* from SIGTERM to SIGKILL, as mpirun */
#define HOME_KILL_MS    4000   /* from SIGTERM to giving up waiting for exits */
#define HOME_RELEASE_MS 5000   /* for JobGone of all hosts */
#define HOME_LOST_MS    1000   /* an unreachable host is lost after this */
#define HOME_GRACE_MS   30     /* ranks that fail at the same time may still tell their codes */
#define HOME_REDIAL_MS  250

struct home_host {
    struct id id;
    const char *name; /* borrowed from the spec */
    bool staged, started;
    bool gone; /* no part of the job is there any more */
    bool lost; /* and nobody answers there */
    bool all_done, output_done;
    bool fetching, fetched; /* asked for results; has sent them */
    int64_t down_ms;        /* since when there is no link; 0: there is one */
    int64_t dial_ms;        /* when to dial next */
    int64_t attach_ms;      /* JobAttach was sent; 0: none outstanding */
    enum link_end down_end;
};

struct homes {
    struct daemon *daemon;
    struct home *list;
    bool stopping;
};

struct home {
    struct home *next;
    struct homes *homes;
    struct daemon *daemon;
    struct link *tool; /* p2pmpirun; NULL: it is gone */
    char job[LEASE_JOB_MAX + 1];
    enum home_state state;
    int64_t since_ms; /* of the state */
    int64_t submitted_ms;
    Wire__JobSubmit *submit;
    Wire__JobSpec *spec; /* once placed */
    struct book *book;
    struct asked *asked; /* the latest LeaseRequest to each host */
    uint64_t ask_count;
    struct supply *supply;
    uint64_t staged_bytes; /* as last told, to see progress */
    int64_t staged_ms;
    struct chan *chan;
    struct home_host *hosts;
    size_t host_count;
    struct roster *roster; /* since there are hosts */
    struct merge *merge;
    uint64_t input_taken[WORLD_REPLICAS_MAX]; /* by the replicas of rank 0 */
    uint64_t input_told;                      /* to p2pmpirun */
    struct result result;
    int64_t kill_ms; /* when to begin with that; 0: not */
    int killing;     /* 0: no, else the last signal sent to end the ranks */
    int64_t killing_ms;
    int64_t renew_ms; /* next renewal */
    struct event *timer;
    int64_t tick_ms; /* when that is due; 0: not set */
    bool doomed;     /* destroyed by the next timer */
};

/* home.c */
struct home *home_create(struct homes *homes, struct link *tool);
void home_destroy(struct home *home);
void home_send_tool(struct home *home, const Wire__Frame *frame);
void home_send_host(struct home *home, size_t host, const Wire__Frame *frame);
void home_warn(struct home *home, const char *format, ...) __attribute__((format(printf, 2, 3)));
void home_progress(struct home *home, Wire__Phase phase, uint64_t done, uint64_t total,
                   const char *text);
void home_event(struct home *home, enum home_event event);
/* Decides the result, unless it is decided, and ends the job. */
void home_fail(struct home *home, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void home_schedule(struct home *home);

/* home_search.c */
void home_search_begin(struct home *home);
void home_search_end(struct home *home);
/* A LeaseGrant or Refused of a host, while the job searches. */
void home_search_answer(struct home *home, const struct id *from, const Wire__Frame *frame);
void home_search_candidates(struct home *home, const Wire__Answer *answer);
/* Lists hosts and processes of home->spec, which is sound. */
void home_hosts_make(struct home *home);

/* home_stage.c */
void home_stage_begin(struct home *home);
bool home_stage_frame(struct home *home, size_t host, Wire__Frame *frame);
void home_stage_tick(struct home *home, int64_t now_ms);

/* home_run.c */
void home_start_begin(struct home *home);
void home_chan_make(struct home *home);
void home_started(struct home *home, size_t host, const Wire__JobStarted *started);
/* Goes on when every host that is left has started. */
void home_start_check(struct home *home);
void home_renew(struct home *home, size_t host);
void home_run_tick(struct home *home, int64_t now_ms);
void home_tool_frame(struct home *home, Wire__Frame *frame);
/* A message for the job's step on a host, through its channel. */
void home_send_step(struct home *home, size_t host, const Wire__Step *step);

/* To all steps but one (SIZE_MAX: all). */
void home_send_steps(struct home *home, size_t except, const Wire__Step *step);

/* home_ranks.c */
/* A process has ended, as its step says. */
void home_process_ended(struct home *home, size_t host, const Wire__RankExit *message);
/* All processes of a host are dead, and what ended well there is out of reach. False: a rank has no replica left. Else text_out says
 * what protection is lost, "" none: "ranks 1, 3 have one replica left". */
bool home_processes_lost(struct home *home, size_t host, char *text_out, size_t size);
/* Nothing runs any more that could add to the job, but perhaps on hosts that are silent. */
void home_ranks_check(struct home *home);

/* home_output.c */
void home_output_open(struct home *home);
void home_output(struct home *home, size_t host, const Wire__Output *output);
void home_input(struct home *home, Wire__Input *input);
void home_input_ack(struct home *home, size_t host, uint64_t bytes);
/* A replica of rank 0 is not waited for any more. */
void home_input_check(struct home *home);

/* home_end.c */
void home_signal_all(struct home *home, int number);
/* Tells the ranks to end, at once or after a grace. */
void home_kill_ranks(struct home *home);
void home_kill_now(struct home *home);
void home_kill_tick(struct home *home, int64_t now_ms);
void home_drain_check(struct home *home);
void home_fetch_begin(struct home *home);
bool home_fetch_frame(struct home *home, size_t host, Wire__Frame *frame);
/* Asks for what is to be fetched from whom, now that hosts may be lost; ends when all is there. */
void home_fetch_check(struct home *home);
void home_release_begin(struct home *home);
void home_release_host(struct home *home, size_t host);
void home_release_check(struct home *home);

/* home_hosts.c */
int home_host_find(const struct home *home, const struct id *id);
void home_host_down(struct home *home, size_t host, enum link_end end, const char *why);
void home_host_up(struct home *home, size_t host);
void home_host_attached(struct home *home, size_t host, const Wire__JobAttached *attached);
void home_host_gone(struct home *home, size_t host, const char *reason);
/* The verdict: nothing of this host counts any more. Its processes are dead, the others are told;
 * the job goes on if every rank has a replica left, else it fails. why: a clause, "it does not
 * answer any more". */
void home_host_lost(struct home *home, size_t host, const char *why);
void home_hosts_tick(struct home *home, int64_t now_ms);

#endif
