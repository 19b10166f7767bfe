/* SPDX-License-Identifier: BSD-3-Clause */
/* tls.c - links over TLS on the loopback interface: members, strangers, joining */
#include "config.h"
#include "net/link.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/certificate.h"
#include "net/join.h"
#include "net/listener_inner.h"
#include "net/tls_inner.h"
#include "test/lib/loop.h"
#include "test/lib/member.h"
#include "test/lib/prelude.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_S = 20, DAY_S = MEMBER_DAY_S };

struct side {
    struct link *link;
    int ready, frames, closed;
    size_t last_size;
    enum link_end end;
    char why[400];
};

struct scene {
    struct event_base *base;
    char dir[40];
    int hosts_made;
    struct authority *lab, *other;
    struct member server, client;
    Wire__Hello hello;
    struct side a, b;
    struct listener *listener;
    int refused, joined, join_ended;
    enum link_end join_end;
    char refusal[400], join_why[400];
};

/* ---- callbacks that note */

static void side_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link;
    assert_string_equal(hello->program, "test");
    ((struct side *)arg)->ready++;
}

static void side_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct side *side = arg;

    (void)link;
    side->frames++;
    if (frame->body_case != WIRE__FRAME__BODY_CERT_ISSUED)
        return;
    side->last_size = frame->cert_issued->certificate.len;
    for (size_t i = 0; i < side->last_size; i++) /* as send_bytes() wrote it */
        assert_int_equal(frame->cert_issued->certificate.data[i], (uint8_t)side->last_size);
}

static void side_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct side *side = arg;

    side->closed++;
    side->end = end;
    snprintf(side->why, sizeof side->why, "%s", why);
    side->link = NULL;
    link_destroy(link);
}

static const struct link_ops ops = {
    .ready = side_ready, .frame = side_frame, .closed = side_closed};

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    struct scene *scene = arg;

    (void)listener;
    link_destroy(scene->b.link);
    scene->b.link = link;
    link_set_ops(link, &ops, &scene->b);
}

static void on_refused(struct listener *listener, const char *host, const char *why, void *arg)
{
    struct scene *scene = arg;

    (void)listener;
    (void)host;
    scene->refused++;
    snprintf(scene->refusal, sizeof scene->refusal, "%s", why);
}

static void on_joined(struct listener *listener, const struct id *id, const char *host, void *arg)
{
    struct scene *scene = arg;

    (void)listener;
    (void)host;
    assert_true(id_equal(id, tls_id(scene->client.tls)));
    scene->joined++;
}

static const struct listener_ops listener_ops = {
    .accept = on_accept, .refused = on_refused, .joined = on_joined};

static void on_join_end(struct join *join, enum link_end end, const char *why, const uint8_t *chain,
                        size_t size, void *arg)
{
    struct scene *scene = arg;

    assert_int_equal(why == NULL, chain != NULL && size > 0);
    snprintf(scene->join_why, sizeof scene->join_why, "%s", why != NULL ? why : "");
    scene->join_end = end;
    scene->join_ended++;
    join_destroy(join);
}

/* ---- the scene */

static void host_open(struct scene *scene, struct member *host, const struct authority *authority,
                      int64_t valid_s)
{
    char name[20];

    snprintf(name, sizeof name, "host%d", scene->hosts_made++);
    member_open(host, scene->dir, name, authority, valid_s);
}

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    signal(SIGPIPE, SIG_IGN);
    scene->base = event_base_new();
    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-tls-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    scene->lab = member_authority(scene->dir, "lab");
    scene->other = member_authority(scene->dir, "other");
    scene->hello = member_hello();
    host_open(scene, &scene->server, scene->lab, DAY_S);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    link_destroy(scene->a.link);
    link_destroy(scene->b.link);
    listener_destroy(scene->listener);
    event_base_dispatch(scene->base);
    event_base_free(scene->base);
    member_close(&scene->server);
    member_close(&scene->client);
    authority_destroy(scene->lab);
    authority_destroy(scene->other);
    file_remove_tree(scene->dir, NULL);
    free(scene);
    return 0;
}

static void wait_for(struct scene *scene, const int *counter, int wanted)
{
    if (!loop_until(scene->base, counter, wanted))
        fail_msg("waited in vain; a: %s, b: %s, refusal: %s, join: %s", scene->a.why, scene->b.why,
                 scene->refusal, scene->join_why);
}

static void listen_at(struct scene *scene, const char *host)
{
    struct err err = {""};

    scene->listener = listener_tls(scene->base, scene->server.tls, host, 0, &scene->hello,
                                   &listener_ops, scene, &err);
    if (scene->listener == NULL)
        fail_msg("%s", err.text);
}

static void connect_to(struct scene *scene, const char *host, const struct id *want)
{
    struct err err = {""};

    scene->a.link =
        link_connect_tls(scene->base, scene->client.tls, host, listener_port(scene->listener), want,
                         &scene->hello, 5000, &ops, &scene->a, &err);
    if (scene->a.link == NULL)
        fail_msg("%s", err.text);
}

static void expect_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void send_bytes(struct link *link, size_t size)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__CertIssued body = WIRE__CERT_ISSUED__INIT;

    frame.body_case = WIRE__FRAME__BODY_CERT_ISSUED;
    frame.cert_issued = &body;
    body.certificate.len = size;
    body.certificate.data = mem_alloc(size + 1);
    memset(body.certificate.data, (int)(uint8_t)size, size);
    assert_int_equal(link_send(link, &frame), 0);
    free(body.certificate.data);
}

/* ---- a client made by hand, in a thread of its own: it may lie as it likes */

struct liar {
    uint16_t port;
    EVP_PKEY *key;
    uint8_t *chain; /* owned */
    size_t chain_size;
    const char *alpn; /* with its length in front */
    const uint8_t *bytes;
    size_t size;
    bool honest_mac; /* bytes are a join frame: the HMAC is made here */
    const uint8_t *secret;
    /* what happened */
    uint8_t answer[64];
    int got;
    unsigned long error;
    uint8_t frame[JOIN_FRAME_SIZE];
};

static int tcp_connect(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {DEADLINE_S, 0};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static SSL_CTX *liar_context(const struct liar *liar)
{
    STACK_OF(X509) *chain = chain_decode(liar->chain, liar->chain_size, NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    SSL_CTX_use_certificate(context, sk_X509_value(chain, 0));
    for (int i = 1; i < sk_X509_num(chain); i++)
        SSL_CTX_add1_chain_cert(context, sk_X509_value(chain, i));
    SSL_CTX_use_PrivateKey(context, liar->key);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)liar->alpn,
                            (unsigned)strlen(liar->alpn));
    sk_X509_pop_free(chain, X509_free);
    return context;
}

static void *lie(void *arg)
{
    struct liar *liar = arg;
    SSL_CTX *context = liar_context(liar);
    SSL *ssl = SSL_new(context);
    int fd = tcp_connect(liar->port);

    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) == 1) {
        memcpy(liar->frame, liar->bytes,
               liar->size < sizeof liar->frame ? liar->size : sizeof liar->frame);
        if (liar->honest_mac) {
            struct joinframe frame;
            key_raw(liar->key, frame.key);
            tls_join_mac(ssl, liar->secret, frame.key, frame.mac);
            joinframe_encode(&frame, liar->frame);
        }
        SSL_write(ssl, liar->honest_mac ? liar->frame : liar->bytes, (int)liar->size);
        liar->got = SSL_read(ssl, liar->answer, sizeof liar->answer);
    }
    liar->error = ERR_peek_last_error();
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return NULL;
}

static void on_lied(evutil_socket_t fd, short what, void *arg)
{
    char byte;

    (void)what;
    if (read(fd, &byte, 1) == 0)
        *(int *)arg = 1;
}

struct lying {
    struct liar *liar;
    int fd;
};

static void *lie_and_tell(void *arg)
{
    struct lying *lying = arg;

    lie(lying->liar);
    close(lying->fd);
    return NULL;
}

/* Runs the liar beside the loop until it is through. */
static void run_liar(struct scene *scene, struct liar *liar)
{
    struct lying lying = {liar, -1};
    pthread_t thread;
    int done = 0, fds[2];

    assert_int_equal(pipe(fds), 0);
    liar->port = listener_port(scene->listener);
    lying.fd = fds[1];
    assert_int_equal(pthread_create(&thread, NULL, lie_and_tell, &lying), 0);
    struct event *event = event_new(scene->base, fds[0], EV_READ | EV_PERSIST, on_lied, &done);
    event_add(event, NULL);
    wait_for(scene, &done, 1);
    event_free(event);
    pthread_join(thread, NULL);
    close(fds[0]);
}

static uint8_t *self_signed(EVP_PKEY *key, size_t *size_out)
{
    X509 *leaf = certificate_make(key, "liar", "lab", key, NULL, clock_wall_s() - 10,
                                  clock_wall_s() + DAY_S);
    uint8_t *bytes = NULL;

    *size_out = (size_t)i2d_X509(leaf, &bytes);
    X509_free(leaf);
    return bytes;
}

/* ---- members */

static void members_link_up_and_know_each_other(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, NULL);
    for (int i = 0; i < 3; i++) {
        int probe = socket(i == 1 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
        if (probe < 0)
            continue;
        close(probe);
        connect_to(scene, hosts[i], tls_id(scene->server.tls));
        wait_for(scene, &scene->a.ready, 1);
        wait_for(scene, &scene->b.ready, 1);
        assert_true(id_equal(link_peer_id(scene->a.link), tls_id(scene->server.tls)));
        assert_true(id_equal(link_peer_id(scene->b.link), tls_id(scene->client.tls)));
        assert_int_equal(link_remote_port(scene->a.link), listener_port(scene->listener));
        assert_string_equal(link_remote_host(scene->b.link), link_local_host(scene->a.link));
        send_bytes(scene->a.link, 3u << 20);
        wait_for(scene, &scene->b.frames, 1);
        assert_int_equal(scene->b.last_size, 3u << 20);
        for (int n = 0; n < 1000; n++)
            send_bytes(scene->b.link, 100);
        wait_for(scene, &scene->a.frames, 1000);
        link_close_flushed(scene->a.link, 2000);
        wait_for(scene, &scene->b.closed, 1);
        assert_int_equal(scene->b.end, LINK_END_CLOSED);
        scene->a = scene->b = (struct side){0};
    }
    assert_int_equal(scene->refused, 0);
}

static void a_paused_reader_holds_the_writer_and_nothing_is_lost(void **state)
{
    enum { MANY = 400 };
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->a.ready, 1);
    wait_for(scene, &scene->b.ready, 1);
    link_pause(scene->b.link, true);
    for (int i = 0; i < MANY; i++)
        send_bytes(scene->a.link, 100000);
    for (int i = 0; i < 2000; i++)
        event_base_loop(scene->base, EVLOOP_NONBLOCK);
    assert_true(link_is_full(scene->a.link));
    assert_int_equal(scene->b.frames, 0);
    send_bytes(scene->b.link, 50); /* the other direction is not held */
    wait_for(scene, &scene->a.frames, 1);
    for (int i = 1; i <= 4; i++) { /* stop and go */
        link_pause(scene->b.link, false);
        wait_for(scene, &scene->b.frames, MANY / 4 * i);
        link_pause(scene->b.link, true);
    }
    assert_int_equal(scene->b.frames, MANY);
    assert_int_equal(link_pending(scene->a.link), 0);
}

static void a_storm_both_ways_arrives_unharmed(void **state)
{
    enum { MANY = 600 };
    struct scene *scene = *state;
    struct prng prng;

    prng_seed(&prng, 1);
    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->a.ready, 1);
    wait_for(scene, &scene->b.ready, 1);
    for (int i = 0; i < MANY; i++) {
        uint32_t largest = prng_below(&prng, 10) == 0 ? 300000 : 6000;
        send_bytes(scene->a.link, prng_below(&prng, largest));
        send_bytes(scene->b.link, prng_below(&prng, largest));
        if (prng_below(&prng, 4) == 0)
            event_base_loop(scene->base, EVLOOP_NONBLOCK);
    }
    wait_for(scene, &scene->a.frames, MANY);
    wait_for(scene, &scene->b.frames, MANY);
}

static void a_foreign_grid_is_named(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->other, DAY_S);
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_TLS);
    expect_text(scene->a.why, "belongs to the grid \"lab\", not to \"other\"");
    wait_for(scene, &scene->refused, 1);
    assert_int_equal(scene->b.ready, 0);
}

static void another_key_than_the_one_wanted_is_refused(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", tls_id(scene->client.tls));
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_TLS);
    expect_text(scene->a.why, "is now another peer");
}

static void an_expired_certificate_is_refused_and_both_hear_why(void **state)
{
    struct scene *scene = *state;
    struct liar liar = {.alpn = "\x08p2pmpi/1", .bytes = (const uint8_t *)"", .size = 0};

    listen_at(scene, "127.0.0.1");
    liar.key = key_make();
    liar.chain = authority_issue(scene->lab, liar.key, clock_wall_s() - DAY_S, DAY_S - 60,
                                 &liar.chain_size, NULL);
    run_liar(scene, &liar);
    assert_int_equal(ERR_GET_REASON(liar.error), SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
    expect_text(scene->refusal, "expired");
    assert_null(scene->b.link);
    free(liar.chain);
    EVP_PKEY_free(liar.key);
}

static void a_self_made_certificate_is_no_membership(void **state)
{
    struct scene *scene = *state;
    struct liar liar = {.alpn = "\x08p2pmpi/1", .bytes = (const uint8_t *)"", .size = 0};

    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    liar.key = key_make();
    liar.chain = self_signed(liar.key, &liar.chain_size);
    run_liar(scene, &liar);
    assert_int_equal(ERR_GET_REASON(liar.error), SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    assert_null(scene->b.link);
    OPENSSL_free(liar.chain);
    EVP_PKEY_free(liar.key);
}

static void a_member_cannot_make_members(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct id id;

    /* A chain lab -> member -> friend: the friend's certificate is not signed by the authority. */
    host_open(scene, &scene->client, scene->lab, DAY_S);
    size_t size;
    EVP_PKEY *friend_key = key_make();
    uint8_t *bytes = authority_issue(scene->lab, identity_key(scene->client.identity),
                                     clock_wall_s(), DAY_S, &size, NULL);
    STACK_OF(X509) *chain = chain_decode(bytes, size, NULL);
    assert_int_equal(key_id(friend_key, &id), 0);
    char name[ID_TEXT_SIZE];
    id_text(&id, name);
    X509 *leaf =
        certificate_make(friend_key, name, "lab", identity_key(scene->client.identity),
                         sk_X509_value(chain, 0), clock_wall_s() - 10, clock_wall_s() + DAY_S);
    struct membership membership = {"lab", *authority_id(scene->lab)};
    assert_int_not_equal(certificate_check(leaf, chain, &membership, clock_wall_s(), &id, &err),
                         X509_V_OK);
    expect_text(err.text, "not signed");
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(friend_key);
    free(bytes);
}

static void a_new_certificate_does_not_drop_links(void **state)
{
    struct scene *scene = *state;
    size_t size;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->b.ready, 1);
    int64_t before_s = tls_expires_s(scene->client.tls);
    uint8_t *chain = authority_issue(scene->lab, identity_key(scene->client.identity),
                                     clock_wall_s(), 9 * DAY_S, &size, NULL);
    assert_int_equal(tls_use_chain(scene->client.tls, chain, size, NULL), 0);
    free(chain);
    assert_true(tls_expires_s(scene->client.tls) > before_s);
    assert_true(tls_renew_s(scene->client.tls) < tls_expires_s(scene->client.tls));
    wait_for(scene, &scene->a.ready, 1);
    send_bytes(scene->a.link, 10);
    wait_for(scene, &scene->b.frames, 1);
}

static void without_membership_no_link_is_tried(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    host_open(scene, &scene->client, scene->lab, 0);
    assert_null(link_connect_tls(scene->base, scene->client.tls, "127.0.0.1", 1, NULL,
                                 &scene->hello, 1000, &ops, &scene->a, &err));
    expect_text(err.text, "not a member of the grid \"lab\"");
}

static void a_listener_waits_for_its_membership(void **state)
{
    struct scene *scene = *state;
    struct tls *not_yet;
    size_t size;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    not_yet = tls_create(scene->server.identity, &scene->server.grid, NULL);
    tls_destroy(scene->server.tls);
    scene->server.tls = not_yet;
    listen_at(scene, "127.0.0.1");
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_not_equal(scene->a.end, LINK_END_REFUSED);
    uint8_t *chain = authority_issue(scene->lab, identity_key(scene->server.identity),
                                     clock_wall_s(), DAY_S, &size, NULL);
    assert_int_equal(tls_use_chain(scene->server.tls, chain, size, NULL), 0);
    free(chain);
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->b.ready, 1);
}

static void a_port_where_nobody_listens_refuses(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    uint16_t port = listener_port(scene->listener);
    listener_destroy(scene->listener);
    scene->listener = NULL;
    scene->a.link = link_connect_tls(scene->base, scene->client.tls, "127.0.0.1", port, NULL,
                                     &scene->hello, 5000, &ops, &scene->a, NULL);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_REFUSED);
    expect_text(scene->a.why, "127.0.0.1 port");
}

static void a_taken_port_is_said(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    listen_at(scene, "127.0.0.1");
    assert_null(listener_tls(scene->base, scene->server.tls, "127.0.0.1",
                             listener_port(scene->listener), &scene->hello, &listener_ops, scene,
                             &err));
    expect_text(err.text, "is taken");
}

/* ---- strangers */

static void plain_text_is_refused(void **state)
{
    struct scene *scene = *state;

    listen_at(scene, "127.0.0.1");
    int fd = tcp_connect(listener_port(scene->listener));
    assert_int_equal(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
    wait_for(scene, &scene->refused, 1);
    expect_text(scene->refusal, "does not speak P2P-MPI's TLS");
    close(fd);
}

static void a_silent_stranger_is_dropped(void **state)
{
    struct scene *scene = *state;
    char byte;

    listen_at(scene, "127.0.0.1");
    listener_set_patience(scene->listener, 30);
    int fd = tcp_connect(listener_port(scene->listener));
    wait_for(scene, &scene->refused, 1);
    expect_text(scene->refusal, "said nothing in time");
    event_base_loop(scene->base, EVLOOP_NONBLOCK);
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
}

static void strangers_are_bounded_and_members_still_come_in(void **state)
{
    enum { MANY = 80 };
    struct scene *scene = *state;
    int fds[MANY];

    host_open(scene, &scene->client, scene->lab, DAY_S);
    listen_at(scene, "127.0.0.1");
    for (int i = 0; i < MANY; i++) {
        fds[i] = tcp_connect(listener_port(scene->listener));
        event_base_loop(scene->base, EVLOOP_NONBLOCK);
    }
    assert_true(listener_strangers(scene->listener) <= 64);
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->b.ready, 1);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

/* ---- joining */

static void who_knows_the_secret_becomes_a_member(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, 0);
    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    join_start(scene->base, scene->client.tls, "127.0.0.1", listener_port(scene->listener), 5000,
               on_join_end, scene);
    wait_for(scene, &scene->join_ended, 1);
    assert_string_equal(scene->join_why, "");
    assert_int_equal(scene->joined, 1);
    assert_true(tls_is_member(scene->client.tls));
    connect_to(scene, "127.0.0.1", NULL);
    wait_for(scene, &scene->b.ready, 1);
    assert_true(id_equal(link_peer_id(scene->b.link), tls_id(scene->client.tls)));
}

static void a_wrong_secret_is_told(void **state)
{
    struct scene *scene = *state;

    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    host_open(scene, &scene->client, scene->lab, 0);
    scene->client.grid.secret[0] ^= 1;
    tls_destroy(scene->client.tls);
    scene->client.tls = tls_create(scene->client.identity, &scene->client.grid, NULL);
    join_start(scene->base, scene->client.tls, "127.0.0.1", listener_port(scene->listener), 5000,
               on_join_end, scene);
    wait_for(scene, &scene->join_ended, 1);
    assert_int_equal(scene->join_end, LINK_END_TLS);
    expect_text(scene->join_why, "the secret in the grid file is not the grid's");
    expect_text(scene->refusal, "wrong secret");
    assert_false(tls_is_member(scene->client.tls));
    assert_int_equal(scene->joined, 0);
}

static void a_foreign_supernode_learns_nothing(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->other, 0);
    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    join_start(scene->base, scene->client.tls, "127.0.0.1", listener_port(scene->listener), 5000,
               on_join_end, scene);
    wait_for(scene, &scene->join_ended, 1);
    assert_int_equal(scene->join_end, LINK_END_TLS);
    expect_text(scene->join_why, "belongs to the grid \"lab\"");
}

static void only_supernodes_let_join(void **state)
{
    struct scene *scene = *state;

    host_open(scene, &scene->client, scene->lab, 0);
    listen_at(scene, "127.0.0.1");
    join_start(scene->base, scene->client.tls, "127.0.0.1", listener_port(scene->listener), 5000,
               on_join_end, scene);
    wait_for(scene, &scene->join_ended, 1);
    assert_int_equal(scene->join_end, LINK_END_TLS);
    expect_text(scene->join_why, "it is no supernode");
}

static void a_join_frame_is_worth_nothing_on_another_connection(void **state)
{
    struct scene *scene = *state;
    uint8_t secret[SECRET_SIZE], seen[JOIN_FRAME_SIZE];
    struct liar liar = {
        .alpn = "\x0dp2pmpi-join/1", .size = JOIN_FRAME_SIZE, .honest_mac = true, .secret = secret};

    memset(secret, 7, sizeof secret);
    memset(seen, 0, sizeof seen);
    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    host_open(scene, &scene->client, scene->lab, 0);
    liar.key = identity_key(scene->client.identity);
    liar.chain = self_signed(liar.key, &liar.chain_size);
    liar.bytes = seen;
    run_liar(scene, &liar);
    assert_true(liar.got >= JOIN_ANSWER_HEAD);
    assert_int_equal(liar.answer[0], JOIN_OK);
    memcpy(seen, liar.frame, sizeof seen);
    liar.honest_mac = false;
    run_liar(scene, &liar);
    assert_int_equal(liar.got, JOIN_ANSWER_HEAD);
    assert_int_equal(liar.answer[0], JOIN_BAD_SECRET);
    assert_int_equal(scene->joined, 1);

    EVP_PKEY *thief = key_make(); /* another key with the frame it has seen */
    OPENSSL_free(liar.chain);
    liar.key = thief;
    liar.chain = self_signed(thief, &liar.chain_size);
    run_liar(scene, &liar);
    assert_int_equal(liar.answer[0], JOIN_BAD_SECRET);
    EVP_PKEY_free(thief);
    OPENSSL_free(liar.chain);
}

static void who_joins_with_another_version_is_told_ours(void **state)
{
    struct scene *scene = *state;
    static const uint8_t frame[JOIN_FRAME_SIZE] = {'P', '2', 'P', 'J', 0, 0, 0, 99};
    struct liar liar = {.alpn = "\x0dp2pmpi-join/1", .bytes = frame, .size = sizeof frame};
    enum join_code code;
    uint32_t version;

    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    host_open(scene, &scene->client, scene->lab, 0);
    liar.key = identity_key(scene->client.identity);
    liar.chain = self_signed(liar.key, &liar.chain_size);
    run_liar(scene, &liar);
    assert_int_equal(liar.got, JOIN_ANSWER_HEAD);
    assert_int_equal(joinanswer_decode(liar.answer, &code, &version), 0);
    assert_int_equal(code, JOIN_BAD_VERSION);
    assert_int_equal(version, JOIN_VERSION);
    expect_text(scene->refusal, "with version 99 of the protocol, this is version 1");
    OPENSSL_free(liar.chain);
}

static void a_stranger_who_says_more_than_one_frame_is_not_read(void **state)
{
    struct scene *scene = *state;
    size_t size = 1u << 20;
    struct liar liar = {.alpn = "\x0dp2pmpi-join/1", .size = size};
    uint8_t *bytes = mem_alloc(size);

    memset(bytes, 0xff, size);
    listen_at(scene, "127.0.0.1");
    listener_allow_join(scene->listener, scene->lab);
    liar.key = key_make();
    liar.chain = self_signed(liar.key, &liar.chain_size);
    liar.bytes = bytes;
    run_liar(scene, &liar);
    assert_int_equal(scene->joined, 0);
    expect_text(scene->refusal, "broken join frame");
    free(bytes);
    OPENSSL_free(liar.chain);
    EVP_PKEY_free(liar.key);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

UNIT_MAIN(SCENE(members_link_up_and_know_each_other),
          SCENE(a_paused_reader_holds_the_writer_and_nothing_is_lost),
          SCENE(a_storm_both_ways_arrives_unharmed), SCENE(a_foreign_grid_is_named),
          SCENE(another_key_than_the_one_wanted_is_refused),
          SCENE(an_expired_certificate_is_refused_and_both_hear_why),
          SCENE(a_self_made_certificate_is_no_membership), SCENE(a_member_cannot_make_members),
          SCENE(a_new_certificate_does_not_drop_links), SCENE(without_membership_no_link_is_tried),
          SCENE(a_listener_waits_for_its_membership), SCENE(a_port_where_nobody_listens_refuses),
          SCENE(a_taken_port_is_said), SCENE(plain_text_is_refused),
          SCENE(a_silent_stranger_is_dropped),
          SCENE(strangers_are_bounded_and_members_still_come_in),
          SCENE(who_knows_the_secret_becomes_a_member), SCENE(a_wrong_secret_is_told),
          SCENE(a_foreign_supernode_learns_nothing), SCENE(only_supernodes_let_join),
          SCENE(a_join_frame_is_worth_nothing_on_another_connection),
          SCENE(who_joins_with_another_version_is_told_ours),
          SCENE(a_stranger_who_says_more_than_one_frame_is_not_read))
