/* SPDX-License-Identifier: BSD-3-Clause */
/* link.h - a stream of frames to one other program: TLS 1.3 over TCP, or a Unix socket
 *
 * Both sides send a Hello first; a link is "ready" when the other's Hello has come and its protocol
 * version fits. On TLS links the identity of the other side (link_peer_id) is the hash of the key
 * it has proven. Life: create -> ready() -> frame()* -> closed(). closed() comes exactly once,
 * unless the owner destroys the link before; in every callback, closed() included, the owner may
 * call link_destroy(). No callback runs inside link_connect_*() or link_send(). All of a link
 * happens on the thread of its event_base. After closed() the owner destroys the link (there or
 * later). The program ignores SIGPIPE. */
#ifndef P2PMPI_NET_LINK_H
#define P2PMPI_NET_LINK_H

#include "base/err.h"
#include "base/id.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct authority;
struct event_base;
struct link;
struct tls;

#define LINK_ADDR_SIZE 64          /* numeric address as text */
#define LINK_OUT_MAX   (64u << 20) /* bytes waiting to be written, above which a link is given up */
#define LINK_OUT_HIGH                                                                              \
    (1u << 20) /* link_is_full() above this; writable() comes when it is a quarter */

enum link_end {
    LINK_END_CLOSED,      /* the other side closed in order */
    LINK_END_REFUSED,     /* connection refused: the host is up, nobody listens */
    LINK_END_UNREACHABLE, /* no route, no answer within the time, or a link that went silent */
    LINK_END_RESET,       /* broken in the middle */
    LINK_END_TLS,         /* certificate or handshake: another grid, expired, not a member */
    LINK_END_PROTOCOL,    /* other version, or bytes that are no frame */
};

struct link_ops {
    void (*ready)(struct link *link, const Wire__Hello *hello, void *arg);
    void (*frame)(struct link *link, Wire__Frame *frame, void *arg); /* borrowed: freed on return */
    void (*writable)(struct link *link, void *arg);                  /* may be NULL */
    void (*closed)(struct link *link, enum link_end end, const char *why, void *arg);
};

/* Opens a link. hello is copied. A failure to connect is reported through closed(), with a sentence
 * that names the address, within timeout_ms (connection, handshake and Hello together). NULL only
 * when the arguments are unusable (err says why). want: the identity expected, or NULL for any
 * member of the grid. */
struct link *link_connect_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const struct id *want, const Wire__Hello *hello,
                              unsigned timeout_ms, const struct link_ops *ops, void *arg,
                              struct err *err);
struct link *link_connect_unix(struct event_base *base, const char *path, const Wire__Hello *hello,
                               unsigned timeout_ms, const struct link_ops *ops, void *arg,
                               struct err *err);
/* A connected Unix socket (socketpair, or accepted elsewhere); the link owns fd from here on. */
struct link *link_from_fd_take(struct event_base *base, int fd, const Wire__Hello *hello,
                               const struct link_ops *ops, void *arg);

/* Sends a frame (encoded at once; the caller keeps it). Returns 0, or -1 when the link is closed,
 * the frame is too long or the other side does not read (then closed() follows from the loop). */
int link_send(struct link *link, const Wire__Frame *frame);
/* Answers question: id 0 and re set. An Error answer with a sentence is link_answer_error(). */
int link_answer(struct link *link, const Wire__Frame *question, Wire__Frame *answer);
int link_answer_error(struct link *link, const Wire__Frame *question, Wire__Code code,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

bool link_is_ready(const struct link *link);
bool link_is_full(const struct link *link);
size_t link_pending(const struct link *link);   /* bytes not yet written */
void link_pause(struct link *link, bool pause); /* stop or go on reading: the other side feels it */
/* Closes after everything sent has been written, at most timeout_ms later; the owner hears nothing
 * more and must not use the link again. Needs the loop: a program that ends destroys the rest and
 * then runs event_base_dispatch(), which returns when such links are gone. */
void link_close_flushed(struct link *link, unsigned timeout_ms);
void link_destroy(struct link *link); /* NULL is fine */

void link_set_ops(struct link *link, const struct link_ops *ops, void *arg);
void *link_arg(const struct link *link);
/* Age of the last byte received, milliseconds: for keep-alive by the owner. 0 while paused. */
int64_t link_idle_ms(const struct link *link);

const struct id *link_peer_id(const struct link *link); /* NULL on Unix links */
const char *link_remote_host(const struct link *link);  /* numeric address; "unix" */
uint16_t link_remote_port(const struct link *link);
const char *link_local_host(const struct link *link); /* our address on this link */
uid_t link_uid(const struct link *link);              /* SO_PEERCRED; (uid_t)-1 on TLS */
pid_t link_pid(const struct link *link);

/* ---- listening: both give links that are not ready yet; refuse one by destroying it in accept().
 */
struct listener;
struct listener_ops {
    /* Set the link's ops here, with link_set_ops(). */
    void (*accept)(struct listener *listener, struct link *link, void *arg);
    /* TLS, both may be NULL: a stranger was turned away (why: a sentence's end or a sentence; log
     * it with a limit), or has become a member. */
    void (*refused)(struct listener *listener, const char *host, const char *why, void *arg);
    void (*joined)(struct listener *listener, const struct id *id, const char *host, void *arg);
};
/* port 0: any. host NULL: all addresses, IPv6 and IPv4. NULL with a sentence ("port 9740 is taken
 * by ..."). */
struct listener *listener_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const Wire__Hello *hello,
                              const struct listener_ops *ops, void *arg, struct err *err);
/* Supernodes: who knows the grid's secret may join here. authority is borrowed. */
void listener_allow_join(struct listener *listener, const struct authority *authority);
/* Socket mode 0600; links of other users are closed by the listener itself. A stale socket is
 * replaced; one that answers is an error with errno EADDRINUSE. */
struct listener *listener_unix(struct event_base *base, const char *path, const Wire__Hello *hello,
                               const struct listener_ops *ops, void *arg, struct err *err);
/* Listens on a bound, listening Unix socket that was inherited. */
struct listener *listener_from_fd_take(struct event_base *base, int fd, const Wire__Hello *hello,
                                       const struct listener_ops *ops, void *arg);
/* For links that are accepted from now on; copied. */
void listener_set_hello(struct listener *listener, const Wire__Hello *hello);
uint16_t listener_port(const struct listener *listener);
void listener_destroy(struct listener *listener);

#endif
