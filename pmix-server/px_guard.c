/* SPDX-License-Identifier: BSD-3-Clause */
/* px_guard.c - who really stands behind a local TCP connection */
#include "config.h"
#include "pmix-server/px_guard.h"

#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static void set_end(const struct sockaddr_storage *end, uint32_t address[4], uint16_t *port)
{
    if (end->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)end;
        memcpy(address, &in6->sin6_addr, 16);
        *port = in6->sin6_port;
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)end;
        memcpy(address, &in->sin_addr, 4);
        *port = in->sin_port;
    }
}

/* Their socket: its source is our destination. */
static int make_question(int fd, struct question *question)
{
    struct sockaddr_storage theirs, ours;
    socklen_t theirs_size = sizeof theirs, ours_size = sizeof ours;

    if (getpeername(fd, (struct sockaddr *)&theirs, &theirs_size) != 0 ||
        getsockname(fd, (struct sockaddr *)&ours, &ours_size) != 0)
        return -1;
    if (theirs.ss_family != AF_INET && theirs.ss_family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    memset(question, 0, sizeof *question);
    question->head.nlmsg_len = sizeof *question;
    question->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question->head.nlmsg_flags = NLM_F_REQUEST;
    question->body.sdiag_family = (uint8_t)theirs.ss_family;
    question->body.sdiag_protocol = IPPROTO_TCP;
    question->body.idiag_states = ~0U;
    question->body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    question->body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    set_end(&theirs, question->body.id.idiag_src, &question->body.id.idiag_sport);
    set_end(&ours, question->body.id.idiag_dst, &question->body.id.idiag_dport);
    return 0;
}

static int read_answer(int netlink, uid_t *uid_out)
{
    union {
        struct nlmsghdr head;
        char bytes[4096];
    } answer;

    ssize_t size = recv(netlink, &answer, sizeof answer, 0);
    if (size < 0)
        return -1;
    if (!NLMSG_OK(&answer.head, (size_t)size) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
        errno = ENOENT;
        return -1;
    }
    const struct inet_diag_msg *found = NLMSG_DATA(&answer.head);
    *uid_out = found->idiag_uid;
    return 0;
}

int guard_peer_uid(int fd, uid_t *uid_out)
{
    struct question question;
    const struct timeval wait = {.tv_usec = GUARD_WAIT_MS * 1000};

    if (make_question(fd, &question) != 0)
        return -1;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -1;
    setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    int result = -1;
    if (send(netlink, &question, sizeof question, 0) == sizeof question)
        result = read_answer(netlink, uid_out);
    int number = errno;
    close(netlink);
    errno = number;
    return result;
}

/* Called by libpmix on its listening thread in place of libc's. */
int accept(int listening, struct sockaddr *restrict address, socklen_t *restrict size)
{
    static struct log_limit limit; /* of that thread alone */
    const struct timeval wait = {.tv_usec = GUARD_WAIT_MS * 1000};
    const int one = 1;
    uid_t uid = (uid_t)-1;

    int fd = accept4(listening, address, size, SOCK_CLOEXEC);
    if (fd < 0)
        return fd;
    if (guard_peer_uid(fd, &uid) != 0 || uid != geteuid()) {
        if (log_allowed(&limit, 5, 60000, clock_now_ms()))
            log_warning("connection refused uid=%ld", uid == (uid_t)-1 ? -1L : (long)uid);
        close(fd);
        errno = EAGAIN;
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}
