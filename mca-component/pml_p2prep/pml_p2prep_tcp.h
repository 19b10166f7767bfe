/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp.h - what the files of the TCP transport share
 *
 * One connection per pair of processes, made by whoever has something to say first. The dialler
 * says who it is and shows the cookie of the process it dials (from its card); the other answers
 * WELCOME, CROSSED (we dialled each other: the connection of the lower name stays), or DENIED (you
 * are dead to me). After WELCOME both send frames:
 * - MESSAGE: head, padded to 8, payload
 * - BODY: id, size, head; a body begins
 * - CHUNK: id, then the next bytes of that body (at most TCP_CHUNK), so that a small message waits
 *   behind one chunk at most.
 * Frames begin at multiples of TCP_STEP bytes of the stream, and so do chunks and the payload of
 * all but short messages: kernels copy with string instructions, which some processors carry out
 * 20 times slower when the destination lies a few bytes behind the source in its page.
 * A connection that broke is never made again. */
#ifndef MCA_PML_P2PREP_TCP_H
#define MCA_PML_P2PREP_TCP_H

#include "mca-component/pml_p2prep/pml_p2prep_transport.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define TCP_MAGIC      0x70327074u
#define TCP_STEP       64
#define TCP_APART      512 /* bytes of a payload from which on it begins at such a multiple */
#define TCP_CHUNK      (1u << 20)
#define TCP_SEND_MAX   (128u * 1024)
#define TCP_ADDRS_MAX  16
#define TCP_GUESTS_MAX 4096 /* connections accepted whose owner is not known, at most */
#define TCP_READ       (64u * 1024)
#define TCP_BUFFER     (TCP_SEND_MAX + 4096 + TCP_READ)

/* ---- addresses (pml_p2prep_tcp_addr.c) ---- */

struct tcp_addr {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint32_t bits;           /* of its network, counted in these 16 bytes */
};

struct tcp_card {
    uint32_t magic;
    uint16_t port; /* host order */
    uint16_t count;
    unsigned char cookie[16];
    struct tcp_addr addrs[TCP_ADDRS_MAX];
};

/* My addresses: those of the interfaces or networks named, or the one address, or all that are up
 * (loopback only when there is nothing else). How many, or -1 with a sentence. */
int tcp_addr_list(struct tcp_addr *out, int max, const char *interfaces, const char *address,
                  struct err *err);
/* Puts the peer's addresses that share a network with one of mine first. */
void tcp_addr_sort(struct tcp_addr *theirs, int count, const struct tcp_addr *mine, int mine_count);
/* A socket address of the family that reaches it; its length. */
socklen_t tcp_addr_socket(const struct tcp_addr *addr, uint16_t port, struct sockaddr_storage *out);
/* The address in a socket address, as in tcp_addr; false: of another family. */
bool tcp_addr_of(const struct sockaddr *sa, unsigned char out[16]);
void tcp_addr_text(const struct tcp_addr *addr, char out[64]);

/* ---- frames ---- */

enum tcp_kind { TCP_MESSAGE = 1, TCP_BODY, TCP_CHUNK_OF };

struct tcp_frame {
    uint32_t size; /* MESSAGE: payload; CHUNK: bytes */
    uint16_t head_size;
    uint8_t kind;
    uint8_t zero;
};

struct tcp_hello {
    uint32_t magic, zero;
    uint64_t from, to;
    unsigned char cookie[16]; /* of the one dialled */
};

enum tcp_answer { TCP_WELCOME = 1, TCP_CROSSED, TCP_DENIED, TCP_BROKEN };

struct tcp_welcome {
    uint32_t magic, answer;
};

/* ---- links ---- */

enum tcp_state {
    TCP_IDLE,     /* no connection yet */
    TCP_DIALLING, /* connect() under way */
    TCP_GREETING, /* hello sent, no answer yet */
    TCP_WAITING,  /* crossed: the peer's connection will come */
    TCP_UP,
    TCP_LOST,   /* broke by itself */
    TCP_PURGED, /* dead to us */
};

/* A body on its way out; on its way in. */
struct tcp_parcel {
    struct tcp_parcel *next;
    struct tcp_link *link;
    uint64_t id;
    const unsigned char *bytes;
    size_t left; /* not yet in a chunk */
    void *token;
    bool is_ok;
};

struct tcp_arrival {
    struct tcp_arrival *next;
    uint64_t id;
    unsigned char *place; /* NULL: dropped */
    size_t size, got;
    void *token;
};

/* What waits to be written: bytes of ours, or a chunk of the user's. */
struct tcp_item {
    struct tcp_item *next;
    struct tcp_parcel *parcel; /* whose last byte this is, or NULL */
    const unsigned char *from;
    size_t left;
    size_t room; /* bytes of own[]; 0: a chunk */
    unsigned char own[];
};

struct tcp_transport;

/* What an epoll event points to: its first word tells which it is. */
enum tcp_watch { TCP_WATCH_LISTENER, TCP_WATCH_LINK, TCP_WATCH_GUEST };

struct tcp_link {
    enum tcp_watch watch;
    struct p2prep_link base;
    struct tcp_transport *tp;
    struct tcp_link *next;
    uint64_t name;
    enum tcp_state state;
    int fd;
    bool wants_write; /* epoll is told so */
    bool has_news;    /* its loss is not told yet: counted in tp->news */
    bool is_mute; /* nothing can be written any more; what the peer wrote before is still read */
    struct tcp_card card;
    int dialled; /* addresses tried */
    /* out */
    struct tcp_item *items, **items_end;
    size_t queued;                             /* bytes of ours among them */
    uint64_t written, behind;                  /* bytes: taken by the kernel; of all items */
    bool has_chunk;                            /* one of them is a chunk */
    struct tcp_parcel *parcels, **parcels_end; /* with bytes in no chunk yet */
    uint64_t last_id;
    /* in */
    unsigned char *partial; /* an unfinished frame */
    size_t partial_size;
    struct tcp_arrival *arrivals;
    struct tcp_arrival *chunk_of; /* the chunk being read */
    size_t chunk_left;
    size_t pad_left; /* behind the chunk */
    enum p2prep_loss loss;
    struct err why;
};

struct tcp_guest {
    enum tcp_watch watch;
    struct tcp_guest *next;
    int fd;
    size_t got;
    bool is_whole; /* hello is there; waits for add_peer() */
    struct tcp_hello hello;
};

struct tcp_transport {
    struct p2prep_transport base;
    enum tcp_watch watch; /* of the listener */
    uint64_t self;
    unsigned char cookie[16];
    struct tcp_card card;
    size_t queue_max;
    int listener, epoll;
    struct tcp_link *links;
    struct tcp_link *hot; /* where the last bytes came from */
    struct tcp_guest *guests;
    int guest_count;
    struct tcp_parcel *sent; /* gone, their owners not yet told */
    struct tcp_parcel **sent_end;
    int news;   /* links whose loss is not told yet */
    int queues; /* links with something to write */
    int open_fds;
    uint32_t calls;
    int keen; /* so many calls of progress() look at once */
    uint64_t last_look;
    unsigned char *buffer;
};

static inline struct tcp_link *tcp_link_of(struct p2prep_link *base)
{
    return (struct tcp_link *)(void *)((char *)base - offsetof(struct tcp_link, base));
}

static inline size_t tcp_padded(size_t head_size)
{
    return (head_size + 7) & ~(size_t)7;
}

static inline size_t tcp_stepped(size_t size)
{
    return (size + TCP_STEP - 1) & ~(size_t)(TCP_STEP - 1);
}

/* Where the payload of a MESSAGE begins in its frame. */
static inline size_t tcp_payload_at(size_t head_size, size_t payload_size)
{
    size_t behind = sizeof(struct tcp_frame) + tcp_padded(head_size);

    return payload_size < TCP_APART ? behind : tcp_stepped(behind);
}

/* ---- connections (pml_p2prep_tcp_dial.c) ---- */

int tcp_listen(struct tcp_transport *tp, struct err *err);
/* Begins to dial a link that is TCP_IDLE. */
void tcp_dial(struct tcp_link *link);
/* Something happened on a connection under way. */
void tcp_dial_event(struct tcp_link *link);
void tcp_accept(struct tcp_transport *tp);
void tcp_guest_event(struct tcp_transport *tp, struct tcp_guest *guest);
/* Takes a guest that dialled before its link was added. */
void tcp_guest_settle(struct tcp_transport *tp, struct tcp_link *link);
void tcp_guests_close(struct tcp_transport *tp);
void tcp_watch(struct tcp_transport *tp, int fd, void *what, bool wants_write, bool is_new);

/* ---- links (pml_p2prep_tcp.c) ---- */

/* Closes the connection; the loss is told by the next progress(). */
void tcp_break(struct tcp_link *link, enum p2prep_loss loss, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tcp_hang_up(struct tcp_link *link);

/* ---- writing (pml_p2prep_tcp_out.c) ---- */

enum p2prep_sent tcp_send(struct p2prep_link *base, const void *head, size_t head_size,
                          const void *payload, size_t payload_size);
enum p2prep_sent tcp_send_body(struct p2prep_link *base, const void *head, size_t head_size,
                               const void *payload, size_t payload_size, void *token);
/* Writes what waits, as far as the kernel takes it. */
void tcp_flush(struct tcp_link *link);
/* Throws away what waits; its bodies go to tp->sent as not ok. */
void tcp_drop(struct tcp_link *link);

/* ---- reading (pml_p2prep_tcp_in.c) ---- */

/* Reads what is there, up to some budget; upcalls made. *has_read_out: anything was there. */
int tcp_read(struct tcp_link *link, bool *has_read_out);
/* Gives places back, not whole; upcalls made. */
int tcp_arrivals_drop(struct tcp_link *link);

#endif
