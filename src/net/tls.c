/* SPDX-License-Identifier: BSD-3-Clause */
/* tls.c - TLS 1.3 with a certificate on both sides: what this program proves, and what it asks of
 * others
 *
 * No session tickets, no early data: every connection is verified anew. Which of the two talks is
 * meant, the one among members or the one to join, stands in ALPN. */
#include "config.h"
#include "net/tls.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "net/certificate.h"
#include "net/tls_inner.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char alpn_member[] = "\x08p2pmpi/1";
static const unsigned char alpn_join[] = "\x0dp2pmpi-join/1";
static const char exporter_label[] = "EXPORTER-p2pmpi-join";
static const char mac_label[] = "p2pmpi join 1";

struct tls {
    const struct identity *identity; /* borrowed */
    char *grid;
    struct membership membership; /* .grid points to grid */
    uint8_t secret[SECRET_SIZE];
    SSL_CTX *member;   /* with the membership certificate; NULL before */
    SSL_CTX *stranger; /* with a self-signed one, to join */
    int64_t from_s, until_s;
};

/* ---- verifying the other side */

static int refuse(struct tls_check *check, X509_STORE_CTX *store, int error)
{
    check->refused = true;
    X509_STORE_CTX_set_error(store, error); /* TLS makes its alert of it */
    return 0;
}

/* The key is all that counts; TLS has it proven. */
static int accept_stranger(struct tls_check *check, X509_STORE_CTX *store, X509 *leaf)
{
    unsigned char raw[KEY_RAW_SIZE];
    EVP_PKEY *key = X509_get0_pubkey(leaf);

    if (key == NULL || key_raw(key, raw) < 0 || key_id(key, &check->id) < 0) {
        err_set(&check->why, "wants to join with a key of an unknown kind");
        return refuse(check, store, X509_V_ERR_CERT_REJECTED);
    }
    check->is_stranger = true;
    return 1;
}

static bool wants_to_join(SSL *ssl)
{
    const unsigned char *name;
    unsigned size;

    SSL_get0_alpn_selected(ssl, &name, &size);
    return size == sizeof alpn_join - 2 && memcmp(name, alpn_join + 1, size) == 0;
}

static int on_verify(X509_STORE_CTX *store, void *arg)
{
    struct tls *tls = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_check *check = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    if (check == NULL) /* freed already */
        return 0;
    if (SSL_is_server(ssl) && wants_to_join(ssl))
        return accept_stranger(check, store, leaf);
    int error = certificate_check(leaf, X509_STORE_CTX_get0_untrusted(store), &tls->membership,
                                  clock_wall_s(), &check->id, &check->why);
    if (error != X509_V_OK)
        return refuse(check, store, error);
    if (check->has_want && !id_equal(&check->id, &check->want)) {
        char is[ID_SHORT_SIZE], want[ID_SHORT_SIZE];
        id_short(&check->id, is);
        id_short(&check->want, want);
        err_set(&check->why, "is now another peer (%s, not %s)", is, want);
        return refuse(check, store, X509_V_ERR_CERT_REJECTED);
    }
    return 1;
}

/* Is name (with its length in front) among those that the client offers? */
static bool is_offered(const unsigned char *name, unsigned size, const unsigned char *in,
                       unsigned in_size, const unsigned char **out, unsigned char *out_size)
{
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, out_size, name, size, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return false;
    *out = chosen;
    return true;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                   const unsigned char *in, unsigned in_size, void *arg)
{
    struct tls_check *check = SSL_get_app_data(ssl);

    (void)arg;
    if (check == NULL) /* freed already */
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    if (is_offered(alpn_member, sizeof alpn_member - 1, in, in_size, out, out_size) ||
        (check->may_join &&
         is_offered(alpn_join, sizeof alpn_join - 1, in, in_size, out, out_size)))
        return SSL_TLSEXT_ERR_OK;
    check->refused = true;
    err_set(&check->why, "speaks another protocol inside TLS");
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- contexts */

static SSL_CTX *context_make(struct tls *tls, X509 *leaf, STACK_OF(X509) * others)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());

    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                          "TLS_CHACHA20_POLY1305_SHA256") != 1 ||
        SSL_CTX_use_certificate(context, leaf) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity_key(tls->identity)) != 1)
        goto error;
    for (int i = 0; i < sk_X509_num(others); i++)
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(others, i)) != 1)
            goto error;
    /* A cut stream is no error of TLS here: frames have lengths, the link knows. */
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Not SSL_MODE_ENABLE_PARTIAL_WRITE: libevent's bufferevent takes a short write for a whole
     * one. */
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, 2 * CHAIN_MAX);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, on_verify, tls);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    return context;
error:
    SSL_CTX_free(context);
    return NULL;
}

static SSL_CTX *stranger_make(struct tls *tls)
{
    EVP_PKEY *key = identity_key(tls->identity);
    int64_t now_s = clock_wall_s();
    X509 *leaf = certificate_make(key, "stranger", tls->grid, key, NULL, now_s - CLOCK_SKEW_S,
                                  now_s + INT64_C(3650) * 24 * 3600);
    SSL_CTX *context = leaf != NULL ? context_make(tls, leaf, NULL) : NULL;

    X509_free(leaf);
    return context;
}

struct tls *tls_create(const struct identity *identity, const struct grid *grid, struct err *err)
{
    struct tls *tls = mem_alloc(sizeof *tls);

    tls->identity = identity;
    tls->grid = mem_string(grid->name);
    tls->membership = (struct membership){tls->grid, grid->authority};
    memcpy(tls->secret, grid->secret, SECRET_SIZE);
    tls->stranger = stranger_make(tls);
    if (tls->stranger == NULL) {
        err_set(err, "OpenSSL cannot set up TLS 1.3");
        tls_destroy(tls);
        return NULL;
    }
    return tls;
}

void tls_destroy(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->member);
    SSL_CTX_free(tls->stranger);
    OPENSSL_cleanse(tls->secret, SECRET_SIZE);
    free(tls->grid);
    free(tls);
}

/* ---- the membership certificate */

static int take_chain(struct tls *tls, X509 *leaf, STACK_OF(X509) * others, struct err *err)
{
    struct err why = {""};
    struct id id;

    if (certificate_check(leaf, others, &tls->membership, clock_wall_s(), &id, &why) != X509_V_OK)
        return err_set(err, "the membership certificate does not fit: it %s", why.text);
    if (!id_equal(&id, identity_id(tls->identity)))
        return err_set(err, "the membership certificate is for another key");
    SSL_CTX *context = context_make(tls, leaf, others);
    if (context == NULL)
        return err_set(err, "OpenSSL does not take the membership certificate");
    SSL_CTX_free(tls->member); /* open connections hold theirs */
    tls->member = context;
    tls->from_s = certificate_from_s(leaf);
    tls->until_s = certificate_until_s(leaf);
    return 0;
}

int tls_use_chain(struct tls *tls, const uint8_t *chain, size_t size, struct err *err)
{
    STACK_OF(X509) *others = chain_decode(chain, size, err);

    if (others == NULL)
        return -1;
    X509 *leaf = sk_X509_shift(others);
    int result = take_chain(tls, leaf, others, err);
    X509_free(leaf);
    sk_X509_pop_free(others, X509_free);
    return result;
}

int tls_load_chain(struct tls *tls, const char *path, struct err *err)
{
    size_t size;
    char *bytes = file_read(path, CHAIN_MAX, &size, err);

    if (bytes == NULL)
        return -1;
    int result = tls_use_chain(tls, (uint8_t *)bytes, size, err);
    free(bytes);
    return result < 0 ? err_prefix(err, "%s", path) : 0;
}

int chain_save(const char *path, const uint8_t *chain, size_t size, struct err *err)
{
    return file_write(path, chain, size, 0600, err);
}

bool tls_is_member(const struct tls *tls)
{
    return tls->member != NULL && clock_wall_s() <= tls->until_s;
}

int64_t tls_expires_s(const struct tls *tls)
{
    return tls->until_s;
}

int64_t tls_renew_s(const struct tls *tls)
{
    return tls->from_s + (tls->until_s - tls->from_s) / 2;
}

const struct id *tls_id(const struct tls *tls)
{
    return identity_id(tls->identity);
}

const char *tls_grid(const struct tls *tls)
{
    return tls->grid;
}

const uint8_t *tls_secret(const struct tls *tls)
{
    return tls->secret;
}

const struct identity *tls_identity(const struct tls *tls)
{
    return tls->identity;
}

/* ---- one connection */

static SSL *ssl_make(struct tls *tls, enum tls_role role, struct tls_check *check)
{
    SSL *ssl = SSL_new(role == TLS_JOIN_CLIENT ? tls->stranger : tls->member);

    if (ssl == NULL)
        return NULL;
    check->tls = tls;
    SSL_set_app_data(ssl, check);
    /* SSL_set_alpn_protos() returns 0 for success. */
    if ((role == TLS_MEMBER_CLIENT &&
         SSL_set_alpn_protos(ssl, alpn_member, sizeof alpn_member - 1) != 0) ||
        (role == TLS_JOIN_CLIENT &&
         SSL_set_alpn_protos(ssl, alpn_join, sizeof alpn_join - 1) != 0)) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

struct bufferevent *tls_stream(struct event_base *base, struct tls *tls, int fd, enum tls_role role,
                               struct tls_check *check)
{
    if (role != TLS_JOIN_CLIENT && tls->member == NULL)
        return NULL;
    SSL *ssl = ssl_make(tls, role, check);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        base, fd, ssl, role == TLS_SERVER ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
        BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (stream == NULL)
        SSL_free(ssl);
    return stream;
}

void tls_stream_free(struct bufferevent *stream)
{
    SSL_set_app_data(bufferevent_openssl_get_ssl(stream), NULL);
    bufferevent_free(stream);
}

/* What the other side's alert means to a person. */
static const char *alert_meaning(int reason)
{
    switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "belongs to another grid: it does not know this host's certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "refuses this host's certificate: it has expired there (is one of the clocks "
               "wrong?)";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return "refuses this host's certificate";
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        return "does not take this kind of connection: it is no supernode, or another version";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "asks for a certificate";
    default:
        return NULL;
    }
}

bool tls_explain(struct bufferevent *stream, const struct tls_check *check, const char *name,
                 bool is_open, enum link_end *end_out, char *why_out, size_t size)
{
    unsigned long error = bufferevent_get_openssl_error(stream);
    const char *meaning = NULL, *reason = NULL;

    *end_out = LINK_END_TLS;
    if (check->refused) {
        snprintf(why_out, size, "%s %s", name, check->why.text);
        return true;
    }
    for (; error != 0 && meaning == NULL; error = bufferevent_get_openssl_error(stream)) {
        if (ERR_GET_LIB(error) != ERR_LIB_SSL)
            continue;
        meaning = alert_meaning(ERR_GET_REASON(error));
        reason = ERR_reason_error_string(error);
    }
    if (meaning != NULL) {
        snprintf(why_out, size, "%s %s", name, meaning);
    } else if (reason == NULL) {
        return false;
    } else if (is_open) {
        *end_out = LINK_END_RESET;
        snprintf(why_out, size, "connection to %s broken: %s", name, reason);
    } else {
        snprintf(why_out, size, "%s does not speak P2P-MPI's TLS: %s", name, reason);
    }
    return true;
}

int tls_join_mac(SSL *ssl, const uint8_t secret[SECRET_SIZE], const uint8_t key[JOIN_KEY_SIZE],
                 uint8_t mac_out[JOIN_MAC_SIZE])
{
    enum { LABEL = sizeof mac_label - 1, EXPORT = 32 };
    uint8_t text[LABEL + JOIN_KEY_SIZE + EXPORT];
    unsigned size = JOIN_MAC_SIZE;

    memcpy(text, mac_label, LABEL);
    memcpy(text + LABEL, key, JOIN_KEY_SIZE);
    if (SSL_export_keying_material(ssl, text + LABEL + JOIN_KEY_SIZE, EXPORT, exporter_label,
                                   sizeof exporter_label - 1, NULL, 0, 0) != 1)
        return -1;
    return HMAC(EVP_sha256(), secret, SECRET_SIZE, text, sizeof text, mac_out, &size) != NULL ? 0
                                                                                              : -1;
}
