/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_transport.h - how bytes reach another process: one struct of functions per medium
 *
 * Two media stand behind it, shared memory (pml_p2prep_shm.c) and TCP (pml_p2prep_tcp.c). Nothing
 * here needs Open MPI: addresses are bytes ("cards") that the PML carries through the modex,
 * processes are 64-bit names (opal_process_name_t as an integer) and the PML's own pointers
 * (owner).
 *
 * A message is a head (the PML's header, 1..P2PREP_HEAD_MAX bytes) and a payload. There are two
 * ways:
 *  - send(): head and payload are copied or gone when it returns; the receiver gets both in one
 * call of message(). Messages of one link come in order, each once, whole.
 *  - send_body(): for large payloads after a rendezvous. The payload is not copied: it must stay as
 * it is until sent(). The receiver is asked with body() where to put it, and told with body_done().
 * Bodies of one link may come before or after messages sent around them, and after each other.
 * Where has_get() says so, a receiver may instead read the sender's memory itself with get().
 *
 * One thread at a time may be in a transport (the PML locks). Callbacks come from progress() and
 * purge() only, never from within send(), send_body(), get(); callbacks may call send(),
 * send_body(), get() and purge(), not progress() nor close(). No call ever blocks, none raises a
 * signal. */
#ifndef MCA_PML_P2PREP_TRANSPORT_H
#define MCA_PML_P2PREP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define P2PREP_HEAD_MAX 192  /* bytes of a head, at most; at least 1 */
#define P2PREP_CARD_MAX 1024 /* bytes of a card, at most */

/* Answers of send() and send_body(). */
enum p2prep_sent {
    P2PREP_SENT = 0, /* send(): taken. send_body(): taken, and sent() will come */
    P2PREP_DONE =
        1, /* send_body() only: gone already, the payload is free again, sent() will not come */
    P2PREP_FULL = 2, /* nothing taken; try again after progress() */
    P2PREP_GONE = 3, /* nothing taken; the link is purged or broken for good */
};

enum p2prep_loss {
    P2PREP_LOSS_EOF,     /* end-of-file or reset: have a look, it is no proof of death */
    P2PREP_LOSS_REFUSED, /* nobody listens at the peer's port: it is dead or leaving */
    P2PREP_LOSS_DENIED,  /* the peer refused us: it takes us for dead (leave!) */
    P2PREP_LOSS_FAULT,   /* anything else: no memory in /dev/shm, nonsense bytes; why says it */
};

/* What a transport calls. owner is what add_peer() was given. */
struct p2prep_upcalls {
    void *arg;
    /* A message of send() came. The bytes are gone when the call returns. head is 8-byte aligned.
     */
    void (*message)(void *arg, void *owner, const void *head, size_t head_size, const void *payload,
                    size_t payload_size);
    /* A body of size bytes begins. Answers where it goes, or NULL: then it is dropped (no
     * body_done()). *token_out is given back by body_done(); the place must hold size bytes until
     * then. */
    void *(*body)(void *arg, void *owner, const void *head, size_t head_size, size_t size,
                  void **token_out);
    /* The place of body() is full (whole), or will never be: the link was purged or broke (not
     * whole). The transport does not touch the place any more. */
    void (*body_done)(void *arg, void *owner, void *token, bool is_whole);
    /* The payload of send_body() is free: the peer has it or the kernel keeps it (ok), or the link
     * was purged or broke (not ok). ok over TCP does not say that the peer has read it. */
    void (*sent)(void *arg, void *owner, void *token, bool is_ok);
    /* The link broke by itself; once per link. Bodies under way were given back just before. It
     * stays broken (P2PREP_GONE) and wants a purge() as soon as the PML knows more. */
    void (*lost)(void *arg, void *owner, enum p2prep_loss loss, const char *why);
};

struct p2prep_transport;

/* One peer over one transport; the transport has more behind it. */
struct p2prep_link {
    const struct p2prep_medium *medium;
    struct p2prep_transport *transport;
    void *owner;
};

/* One open transport; the medium has more behind it. */
struct p2prep_transport {
    const struct p2prep_medium *medium;
    struct p2prep_upcalls up;
};

/* What open() must know; both media take what they need. Strings are copied. */
struct p2prep_setup {
    uint64_t self; /* my name */
    struct p2prep_upcalls up;
    const char *job; /* namespace, for file names and messages */
    /* shared memory */
    const char *directory; /* NULL: /dev/shm */
    uint64_t host;         /* the same for all whom the launcher put on my host, for nobody else */
    uint32_t slot, slots;  /* my local rank, number of local ranks: unique on this host */
    size_t ring_size;      /* bytes per pair and direction, a power of two; 0: 256 KiB */
    bool no_cma;           /* never read other processes' memory */
    /* TCP */
    const char *interfaces; /* comma-separated names or a.b.c.d/n (btl_tcp_if_include), or NULL */
    const char
        *address; /* else this numeric address of mine, or NULL: any that is up, loopback last */
    size_t queue_max; /* bytes that a link keeps before send() answers P2PREP_FULL; 0: 1 MiB */
};

struct p2prep_medium {
    const char *name; /* "shm", "tcp" */
    bool has_get;     /* get() may work (ask link_has_get()) */
    size_t eager;     /* most bytes for which a rendezvous is not worth its while */

    /* NULL with a sentence when the medium cannot be had here. */
    struct p2prep_transport *(*open)(const struct p2prep_setup *setup, struct err *err);
    /* Frees everything, links too. What is queued and not yet taken by the kernel is lost: call
     * progress() until is_idle() before, where that matters. */
    void (*close)(struct p2prep_transport *tp);
    /* My card for the modex: bytes borrowed until close(). Good from open() on. */
    const void *(*card)(struct p2prep_transport *tp, size_t *size_out);
    /* A peer by its card; cheap: no connection, no ring memory before the first message. NULL with
     * errno EHOSTUNREACH when this medium does not reach it (another host), others with a sentence
     * in err. Peers may send before they are added here: their bytes wait. */
    struct p2prep_link *(*add_peer)(struct p2prep_transport *tp, uint64_t name, const void *card,
                                    size_t size, void *owner, struct err *err);
    /* The peer is dead for us, now: queues dropped, bodies given back (sent and body_done, not ok),
     * its later bytes never looked at, its connections refused. The link stays allocated till
     * close(). */
    void (*purge)(struct p2prep_link *link);

    /* Bytes that send() and send_body() put on the way so far, and how many of these are sure to be
     * read by the peer, if that lives and reads to the end: its kernel acknowledged them, or they
     * are published in its ring. */
    uint64_t (*taken)(struct p2prep_link *link);
    uint64_t (*delivered)(struct p2prep_link *link);
    /* Most bytes of head + payload that send() takes on this link. */
    size_t (*send_max)(struct p2prep_link *link);
    enum p2prep_sent (*send)(struct p2prep_link *link, const void *head, size_t head_size,
                             const void *payload, size_t payload_size);
    enum p2prep_sent (*send_body)(struct p2prep_link *link, const void *head, size_t head_size,
                                  const void *payload, size_t payload_size, void *token);

    /* Can get() read this peer's memory? Tried out on the first call. */
    bool (*link_has_get)(struct p2prep_link *link);
    /* Copies size bytes at address remote of the peer's memory to local. 0, or -1 with errno: ESRCH
     * when it is dead (what was copied so far is worth nothing), EPERM, EFAULT. Synchronous: for
     * very large payloads call it in pieces and progress() in between. */
    int (*get)(struct p2prep_link *link, void *local, uint64_t remote, size_t size);

    /* Sends what waits, receives what came. Number of upcalls made; 0: nothing to do. */
    int (*progress)(struct p2prep_transport *tp);
    /* Nothing waits to be sent by us (what the kernel keeps does not count). */
    bool (*is_idle)(struct p2prep_transport *tp);
    /* A file descriptor that turns readable when progress() has work to do, -1 when there is none
     * (shm: poll). TCP: an epoll descriptor. */
    int (*fd)(struct p2prep_transport *tp);
    /* In a forked child (pthread_atfork): closes descriptors and mappings, without a word to
     * anybody. */
    void (*forked)(struct p2prep_transport *tp);
};

extern const struct p2prep_medium p2prep_shm;
extern const struct p2prep_medium p2prep_tcp;

#endif
