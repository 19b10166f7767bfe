/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_ctl_inner.h - what the two files of the control sockets share */
#ifndef MCA_PML_P2PREP_CTL_INNER_H
#define MCA_PML_P2PREP_CTL_INNER_H

#include "mca-component/pml_p2prep/pml_p2prep_ctl.h"
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#define CTL_MAGIC 0x70327063u

struct ctl_card {
    struct tcp_card tcp;
    char host[64];
};

enum ctl_kind {
    CTL_HELLO = 1, /* process: who dials; cookie: of the one dialled */
    CTL_WELCOME,   /* process: who answers; cookie: of the one who dialled */
    CTL_STRANGER,  /* that cookie is not mine */
    CTL_REFUSED,   /* you are dead; as an answer with the cookie of the one who dialled */
    CTL_DEAD,      /* process is */
    CTL_DONE,      /* process is */
    CTL_CUT,       /* process: first * count + second; both live, their data link is broken */
    CTL_LAGS,      /* process keeps others waiting */
};

struct ctl_frame {
    uint32_t magic, kind, process, zero;
    unsigned char cookie[16];
};

enum conn_state { CONN_DIALLING, CONN_GREETING, CONN_GUEST, CONN_UP, CONN_CLOSED };

struct conn {
    struct conn *next;
    int fd;
    enum conn_state state;
    int process; /* -1: not known yet */
    bool is_out; /* dialled by us */
    int addr;    /* dialled; index into the card */
    int64_t since_ms;
    size_t got;
    struct ctl_frame in;
};

struct ctl_cut {
    int a, b;
    int64_t since_ms;
};

struct ctl_process {
    struct ctl_card card;
    bool has_card, is_friend, is_dead, is_done;
    bool is_cut;     /* our data link with it broke: if it lives, everybody must know */
    bool is_lagging; /* somebody complained of it */
    bool is_met;     /* there was a connection with it */
    struct conn *out, *in;
    int good;         /* address that is known to be its own; -1: none yet */
    int tried, nays;  /* in this dial: addresses tried, of these refused */
    int64_t again_ms; /* dial again then; 0: not */
    int delay_ms;
};

struct ctl {
    struct ctl *next; /* of all in this process */
    int self, count, mesh_max;
    struct ctl_upcalls up;
    struct ctl_card card;
    int door, epoll, pipe[2];
    struct conn *conns;
    int conn_count, dials; /* dials: under way or waiting */
    struct ctl_process *processes;
    int *dead, dead_count, told; /* in order of news; told: upcalls made */
    struct ctl_cut *cuts;
    int cut_count, cut_room;
    int lag_count; /* processes with is_lagging */
    bool is_done, is_refused, is_refused_told, is_started, is_forked;
    int64_t now_ms;
};

/* pml_p2prep_ctl_conn.c */

int ctl_door_open(struct ctl *ctl, struct err *err);
void ctl_watch(struct ctl *ctl, int fd, void *what, uint32_t events, bool is_new);
/* Begins to dial, unless that is under way. */
void ctl_dial(struct ctl *ctl, int process);
void ctl_conn_close(struct ctl *ctl, struct conn *conn);
void ctl_conn_event(struct ctl *ctl, struct conn *conn);
void ctl_guests_come(struct ctl *ctl);
/* Dials that took too long, dials to be made again. */
void ctl_dials_tick(struct ctl *ctl);
/* Frees what is closed. */
void ctl_conns_sweep(struct ctl *ctl);
void ctl_tell(struct ctl *ctl, struct conn *conn, enum ctl_kind kind, int process);
void ctl_tell_all(struct ctl *ctl, enum ctl_kind kind, int process);

/* pml_p2prep_ctl.c */

void ctl_take(struct ctl *ctl, const struct ctl_frame *frame);
void ctl_refused(struct ctl *ctl);
/* It answered: it lives. */
void ctl_lives(struct ctl *ctl, int process);
/* Everything known, to a new connection. */
void ctl_tell_sets(struct ctl *ctl, struct conn *conn);

#endif
