/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.c - who really stands behind a local TCP connection */
#include "config.h"
#include "pmix-server/px_guard.h"

#include "test/lib/prelude.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Listens on any port of loopback. */
static int listen_any(int family, struct sockaddr_storage *address, socklen_t *size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(address, 0, sizeof *address);
    address->ss_family = (sa_family_t)family;
    *size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (family == AF_INET)
        ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
    if (fd < 0 || bind(fd, (struct sockaddr *)address, *size) != 0 || listen(fd, 4) != 0)
        return -1;
    getsockname(fd, (struct sockaddr *)address, size);
    return fd;
}

static void check_own(int family)
{
    struct sockaddr_storage address;
    socklen_t size;
    uid_t uid = 12345;
    int listening = listen_any(family, &address, &size);

    if (listening < 0) /* no IPv6 here */
        return;
    int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(guard_peer_uid(fd, &uid), 0);
    assert_int_equal(uid, getuid());
    close(client);
    close(fd);
    close(listening);
}

static void own_connections_are_known(void **state)
{
    (void)state;
    check_own(AF_INET);
    check_own(AF_INET6);
}

static void another_user_is_seen_and_sent_away(void **state)
{
    struct sockaddr_storage address;
    socklen_t size;
    uid_t uid = 0;
    char byte;

    (void)state;
    if (getuid() != 0)
        skip();
    int listening = listen_any(AF_INET, &address, &size);
    pid_t child = fork();
    if (child == 0) {
        if (setuid(65534) != 0)
            _exit(1);
        for (int i = 0; i < 2; i++) {
            int client = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(client, (struct sockaddr *)&address, size) != 0 ||
                read(client, &byte, 1) > 0)
                _exit(1);
        }
        _exit(0);
    }
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(guard_peer_uid(fd, &uid), 0);
    assert_int_equal(uid, 65534);
    close(fd);
    assert_int_equal(accept(listening, NULL, NULL), -1); /* the guarded one */
    assert_int_equal(errno, EAGAIN);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    close(listening);
}

UNIT_MAIN(cmocka_unit_test(own_connections_are_known),
          cmocka_unit_test(another_user_is_seen_and_sent_away))
