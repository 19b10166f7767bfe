/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep.h - the PML p2prep: what its files share
 *
 * One process is a peer, whatever communicators it shares with us. Messages of a pair travel over
 * one transport, in order; a communicator keeps what was posted and what came unexpected, by
 * sender. Large messages: an envelope, then a clear-to-send from the receiver's match, then data
 * records. With replicas a rank of the program is not a peer: world.c knows which is. */
#ifndef PML_P2PREP_H
#define PML_P2PREP_H

#include "mca-component/pml_p2prep/pml_p2prep_compat.h"

#include <ompi/communicator/communicator.h>
#include <ompi/datatype/ompi_datatype.h>
#include <ompi/mca/pml/base/pml_base_bsend.h>
#include <ompi/mca/pml/base/pml_base_recvreq.h>
#include <ompi/mca/pml/base/pml_base_sendreq.h>
#include <ompi/mca/pml/pml.h>
#include <ompi/message/message.h>
#include <ompi/proc/proc.h>
#include <ompi/request/request.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mca-component/pml_p2prep/pml_p2prep_falling.h"
#include "mca-component/pml_p2prep/pml_p2prep_head.h"
#include "mca-component/pml_p2prep/pml_p2prep_id.h"
#include "mca-component/pml_p2prep/pml_p2prep_transport.h"
#include "replica/matching.h"
#include "replica/world.h"
#include <uthash.h>

/* With replicas, unless the user says otherwise; fits into a ring of shared memory. */
#define P2PREP_EAGER_REPLICAS 32768

struct p2prep_peer;
struct p2prep_comm;
struct replica_held;

/* A send that is more than one record at once: it waits for room, for a match or for its data to
 * leave. */
struct mca_pml_p2prep_send_request_t {
    mca_pml_base_send_request_t req_send;
    struct p2prep_peer *peer;
    struct replica_held *held; /* with replicas, while it is active: the engine's */
    uint64_t id;               /* ours, 0: none */
    uint64_t recv_id;          /* the receiver's, from its clear-to-send */
    size_t wanted;             /* bytes that the receiver wants */
    bool is_nonblocking;       /* with replicas: a test may say that it is complete */
    void *packed;              /* the bytes in a row, if they are not so in the program's buffer */
    TAILQ_ENTRY(mca_pml_p2prep_send_request_t) link; /* in peer->bodies */
};
typedef struct mca_pml_p2prep_send_request_t mca_pml_p2prep_send_request_t;
OBJ_CLASS_DECLARATION(mca_pml_p2prep_send_request_t);

struct mca_pml_p2prep_recv_request_t {
    mca_pml_base_recv_request_t req_recv;
    uint64_t order;           /* among the receives of its communicator */
    uint64_t id;              /* ours while data is coming, 0: none */
    size_t length;            /* of the message */
    size_t wanted;            /* bytes of it that fit */
    void *packed;             /* where they come to, if not into the program's buffer at once */
    struct p2prep_peer *peer; /* that sends it */
    bool is_matched;
    TAILQ_ENTRY(mca_pml_p2prep_recv_request_t) link; /* posted */
    /* with decisions: */
    bool keeps_all; /* packed has all of a message that is too long, until no cancel can give it
                       back */
    struct match_post post;
    struct p2prep_envelope_head env; /* of its message; address 0: all bytes are here */
};
typedef struct mca_pml_p2prep_recv_request_t mca_pml_p2prep_recv_request_t;
OBJ_CLASS_DECLARATION(mca_pml_p2prep_recv_request_t);

/* A message that nobody waited for. */
struct p2prep_message {
    TAILQ_ENTRY(p2prep_message) link;
    struct p2prep_peer *peer;        /* borrowed; who answers for it */
    struct p2prep_envelope_head env; /* EAGER: length alone is filled in */
    uint64_t arrival;                /* among those of its communicator */
    struct match_item item;          /* with decisions: instead of link and arrival ... */
    const void *from;                /* ... and its bytes: below, or still where they came */
    size_t held;                     /* bytes below */
    unsigned char bytes[];
};
TAILQ_HEAD(p2prep_messages, p2prep_message);
TAILQ_HEAD(p2prep_receives, mca_pml_p2prep_recv_request_t);
TAILQ_HEAD(p2prep_sends, mca_pml_p2prep_send_request_t);

/* What a communicator knows of one of its ranks. */
struct p2prep_source {
    struct p2prep_peer *peer; /* borrowed; NULL until first used */
    struct p2prep_receives posted;
    struct p2prep_messages unexpected;
};

#define P2PREP_NAMED (UINT32_C(1) << 31) /* names that are no context ids begin here */

struct p2prep_comm {
    struct ompi_communicator_t *comm; /* borrowed */
    uint32_t name;     /* all its processes, and their replicas, know it by that: its context id, or
                        * with     bit 31 a name of pml_p2prep_idup.c */
    uint32_t idups;    /* made of it so far */
    UT_hash_handle hh; /* names with bit 31 */
    uint64_t next_order;
    uint64_t next_arrival;
    size_t unexpected; /* how many, over all sources */
    struct p2prep_receives wild;
    struct p2prep_falling falling;
    int *rank_of;              /* with replicas: by rank in the world; -1: not in it */
    struct matching *matching; /* with decisions: instead of the queues here */
    uint64_t self_seq[2];      /* messages to ourselves: tags >= 0, others */
    int size;
    struct p2prep_source sources[];
};

/* A record that found no room. A send's own record has its request here and completes it as it
 * leaves. */
struct p2prep_record {
    STAILQ_ENTRY(p2prep_record) link;
    mca_pml_p2prep_send_request_t *send; /* may be NULL */
    size_t head_size, body_size;
    unsigned char bytes[];
};
STAILQ_HEAD(p2prep_records, p2prep_record);

struct p2prep_peer {
    struct p2prep_link *wire; /* NULL: this process, or out of reach */
    size_t eager;             /* most bytes of a message that goes with its envelope */
    uint32_t vpid;
    ompi_proc_t *proc; /* retained */
    bool is_dead;
    struct p2prep_records waiting; /* records in order */
    struct p2prep_sends bodies;    /* sends whose bytes found no room */
    TAILQ_ENTRY(p2prep_peer) busy_link;
    SLIST_ENTRY(p2prep_peer) foreign_link;
    bool is_busy;   /* one of the two is not empty */
    bool is_doomed; /* dead for certain; to be dealt with when no transport is on the stack */
    uint64_t waiting_size; /* no less than these records will take in the transport */
    uint64_t furthest;     /* place in the transport that anything was said to end at */
};

/* Messages that a process posted and that its receives got. */
struct p2prep_counts {
    uint64_t sent, sent_bytes, received, received_bytes;
};

struct mca_pml_p2prep_t {
    mca_pml_base_module_t super;
    int priority;
    int replicas;
    unsigned eager; /* 0: by transport */
    char *transports;
    char *interfaces;
    char *map;
    char *order;
    size_t retain_max;
    unsigned lag_max; /* seconds */
    bool lag_evict;
    struct world *world;  /* NULL: no replicas */
    uint32_t n_processes; /* that the launcher started */
    bool no_cma;
    bool stats;
    bool comm_per_thread;
    bool verify;
    bool warn_host;
    int verbose;
    bool is_enabled;
    bool in_progress;
    struct p2prep_counts counts;
    pthread_t main_thread; /* that called MPI_Init */
    pthread_mutex_t lock;  /* recursive; taken when the program uses threads */
    struct p2prep_peer *peers;
    uint32_t n_peers;
    struct p2prep_peer *self;
    SLIST_HEAD(, p2prep_peer) foreigners; /* processes of other jobs */
    TAILQ_HEAD(, p2prep_peer) busy;
    struct p2prep_comm **comms; /* by name, which is a context id */
    uint32_t n_comms;
    struct p2prep_comm *named;        /* by name, which is not */
    struct p2prep_messages strangers; /* for communicators not created here yet */
    ompi_request_t **done;            /* complete, but their callbacks still to be called */
    size_t n_done, done_room;
};
typedef struct mca_pml_p2prep_t mca_pml_p2prep_t;
extern mca_pml_p2prep_t mca_pml_p2prep;
OMPI_DECLSPEC extern mca_pml_base_component_t mca_pml_p2prep_component;

static inline void p2prep_lock(void)
{
    if (OPAL_UNLIKELY(opal_using_threads()))
        pthread_mutex_lock(&mca_pml_p2prep.lock);
}

static inline void p2prep_unlock(void)
{
    if (OPAL_UNLIKELY(opal_using_threads()))
        pthread_mutex_unlock(&mca_pml_p2prep.lock);
}

static inline void p2prep_count_sent(size_t size)
{
    mca_pml_p2prep.counts.sent++;
    mca_pml_p2prep.counts.sent_bytes += size;
}

/* A request of a communicator begins (1) or is given back (-1), or a message goes without one (0).
 */
static inline void p2prep_count_live(struct ompi_communicator_t *comm, int tag, int more)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)comm->c_pml_comm;
    if (OPAL_UNLIKELY(tag < 0 && mca_pml_p2prep.world && pc))
        p2prep_falling_count(&pc->falling, pc->name, tag, more);
}

/* pml_p2prep_peer.c */

/* Makes the table of all processes of the job and tells the transports of them. An OMPI error code.
 */
int p2prep_peers_open(void);
/* With replicas: who has no link is dead, or the job cannot run. An OMPI error code; shows why. */
int p2prep_peers_check(void);
void p2prep_peers_close(void);
/* The peer behind a process; one of another job is added when first asked for. */
struct p2prep_peer *p2prep_peer_of(ompi_proc_t *proc);
/* Sends one record now. 0, or -1 if it must wait (for room, or for others before it). */
int p2prep_peer_try(struct p2prep_peer *peer, const void *head, size_t head_size, const void *body,
                    size_t body_size);
/* Sends one record as soon as there is room; copies it when that is not now. `send` (may be NULL)
 * is complete when it left. */
int p2prep_peer_put(struct p2prep_peer *peer, const void *head, size_t head_size, const void *body,
                    size_t body_size, mca_pml_p2prep_send_request_t *send);
/* Sends the bytes of a cleared send, now or as soon as there is room. */
void p2prep_peer_put_body(struct p2prep_peer *peer, mca_pml_p2prep_send_request_t *send);
/* It is dead for us: what waits for it goes, what comes from it is not looked at. */
void p2prep_peer_purge(struct p2prep_peer *peer);
int mca_pml_p2prep_progress(void);

/* pml_p2prep_comm.c */

/* At the end: forgets the table, and messages whose communicators never came. */
void p2prep_comms_close(void);
int mca_pml_p2prep_add_comm(struct ompi_communicator_t *comm);
/* ... under a name of ours. */
int p2prep_comm_add(struct ompi_communicator_t *comm, uint32_t name);
/* NULL: not here yet. */
struct p2prep_comm *p2prep_comm_named(uint32_t name);
/* Goes through all of them: from NULL to NULL. */
struct p2prep_comm *p2prep_comm_next(const struct p2prep_comm *after);
static inline uint32_t p2prep_name(const struct ompi_communicator_t *comm)
{
    return ((const struct p2prep_comm *)comm->c_pml_comm)->name;
}
static inline struct p2prep_comm *p2prep_comm_of(uint32_t name)
{
    return OPAL_LIKELY(name < mca_pml_p2prep.n_comms) ? mca_pml_p2prep.comms[name]
                                                      : p2prep_comm_named(name);
}
int mca_pml_p2prep_del_comm(struct ompi_communicator_t *comm);
int mca_pml_p2prep_dump(struct ompi_communicator_t *comm, int verbose);
/* With replicas: the rank in the world of a rank of the communicator's remote group. */
int p2prep_comm_world_rank(struct p2prep_comm *pc, int rank);
/* The peer that serves a rank of the communicator's remote group; the slow half looks it up. */
struct p2prep_peer *p2prep_comm_find_peer(struct p2prep_comm *pc, int rank);
static inline struct p2prep_peer *p2prep_comm_peer(struct p2prep_comm *pc, int rank)
{
    struct p2prep_peer *peer = pc->sources[rank].peer;
    return OPAL_LIKELY(peer != NULL) ? peer : p2prep_comm_find_peer(pc, rank);
}

/* pml_p2prep_match.c */

/* A message came (eager, synchronous or an envelope): to the receive that waits for it, or kept. */
void p2prep_match_message(struct p2prep_peer *peer, const struct p2prep_envelope_head *env,
                          const void *bytes, size_t held);
/* Removes and returns the earliest kept message that source and tag ask for, or NULL. `take` false:
 * only looks. */
struct p2prep_message *p2prep_match_find(struct p2prep_comm *pc, int source, int tag, bool take);
/* Posts a receive that found nothing. */
void p2prep_match_post(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv);
/* Takes a posted receive back. */
void p2prep_match_unpost(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv);

/* pml_p2prep_recv.c */

/* Gives a message to a receive. */
void p2prep_recv_take(mca_pml_p2prep_recv_request_t *recv, struct p2prep_peer *peer,
                      const struct p2prep_envelope_head *env, const void *bytes, size_t held);
/* A body comes: where it goes. NULL: nowhere. */
void *p2prep_recv_place(const struct p2prep_peer *peer, const struct p2prep_body_head *head,
                        size_t size, mca_pml_p2prep_recv_request_t **recv_out);
/* Reads the bytes of a message of `length` at an address of the peer's memory. False: that cannot
 * be done. */
bool p2prep_recv_get(mca_pml_p2prep_recv_request_t *recv, struct p2prep_peer *peer,
                     uint64_t address, uint64_t length);
/* With decisions: the message is not this receive's any more. Its bytes move into a message of
 * their own. */
struct p2prep_message *p2prep_recv_give_back(mca_pml_p2prep_recv_request_t *recv);
/* A piece of it, with replicas. */
void p2prep_recv_fill(mca_pml_p2prep_recv_request_t *recv, uint64_t offset, const void *bytes,
                      size_t size);
void p2prep_recv_placed(mca_pml_p2prep_recv_request_t *recv, bool is_whole);
int mca_pml_p2prep_irecv_init(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                              struct ompi_communicator_t *comm, struct ompi_request_t **request);
int mca_pml_p2prep_irecv(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                         struct ompi_communicator_t *comm, struct ompi_request_t **request);
int mca_pml_p2prep_recv(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                        struct ompi_communicator_t *comm, ompi_status_public_t *status);
int mca_pml_p2prep_imrecv(void *buf, size_t count, ompi_datatype_t *type,
                          struct ompi_message_t **message, struct ompi_request_t **request);
int mca_pml_p2prep_mrecv(void *buf, size_t count, ompi_datatype_t *type,
                         struct ompi_message_t **message, ompi_status_public_t *status);
void p2prep_recv_start(mca_pml_p2prep_recv_request_t *recv);

/* pml_p2prep_send.c */

int mca_pml_p2prep_isend_init(const void *buf, size_t count, ompi_datatype_t *type, int dest,
                              int tag, mca_pml_base_send_mode_t mode,
                              struct ompi_communicator_t *comm, struct ompi_request_t **request);
int mca_pml_p2prep_isend(const void *buf, size_t count, ompi_datatype_t *type, int dest, int tag,
                         mca_pml_base_send_mode_t mode, struct ompi_communicator_t *comm,
                         struct ompi_request_t **request);
int mca_pml_p2prep_send(const void *buf, size_t count, ompi_datatype_t *type, int dest, int tag,
                        mca_pml_base_send_mode_t mode, struct ompi_communicator_t *comm);
int mca_pml_p2prep_start(size_t count, struct ompi_request_t **requests);
/* Puts what has gaps in a row of `size` bytes. 0 or -1. */
int p2prep_pack(const void *buf, size_t count, const ompi_datatype_t *type, void *bytes,
                size_t size);
/* Everything that this send has to do is done. */
void p2prep_send_complete(mca_pml_p2prep_send_request_t *send);
/* The bytes of a send in a row; packs them when they are not. NULL: out of memory. */
const void *p2prep_send_bytes(mca_pml_p2prep_send_request_t *send);
void p2prep_send_cleared(const struct p2prep_peer *peer, const struct p2prep_clear_head *head);
void p2prep_send_finished(const struct p2prep_peer *peer, const struct p2prep_finished_head *head);

/* pml_p2prep_probe.c */

int mca_pml_p2prep_iprobe(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                          ompi_status_public_t *status);
int mca_pml_p2prep_probe(int source, int tag, struct ompi_communicator_t *comm,
                         ompi_status_public_t *status);
int mca_pml_p2prep_improbe(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                           struct ompi_message_t **message, ompi_status_public_t *status);
int mca_pml_p2prep_mprobe(int source, int tag, struct ompi_communicator_t *comm,
                          struct ompi_message_t **message, ompi_status_public_t *status);

/* pml_p2prep_say.c */

/* Writes a sentence of the help file to standard error. For what must not get lost. */
void p2prep_say(const char *topic, ...);

/* pml_p2prep_patch.c */

/* Whoever calls the function of MPI comes to ours from now on. False: this Open MPI does not have
 * it, or cannot be patched. */
bool p2prep_patch(const char *name, uintptr_t ours);

/* pml_p2prep_request.c */

/* All bytes of `count` of a type at `buf` lie in a row; where they begin. */
static inline bool p2prep_is_contiguous(const ompi_datatype_t *type, size_t count)
{
    return opal_datatype_is_contiguous_memory_layout(&type->super, (int32_t)count) == 1;
}

static inline void *p2prep_first_byte(const void *buf, const ompi_datatype_t *type)
{
    return (char *)buf + type->super.true_lb;
}

/* Marks a request complete for MPI; a callback that waits for it is called after progress has left
 * the transports. */
void p2prep_request_done(ompi_request_t *request);
/* Ends the job: there is no memory for a message of this size. */
void p2prep_no_memory(size_t size) __attribute__((noreturn));
/* Calls the callbacks that waited. */
void p2prep_request_callbacks(void);

#endif
