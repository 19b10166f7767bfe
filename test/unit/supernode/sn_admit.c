/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_admit.c - what a peer may say of itself, and what the supernode knows better */
#include "config.h"
#include "supernode/sn_admit.h"

#include "base/mem.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

/* A request as it comes from the wire; addrs: "host/port host/port ...". */
static Wire__Register *request_make(const char *name, const char *addrs, bool advertised)
{
    Wire__Register request = WIRE__REGISTER__INIT;
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__Addr each[16], *list[16];
    char *copy = mem_string(addrs), *rest = copy;

    peer.name = (char *)name;
    for (char *word; (word = strsep(&rest, " ")) != NULL && word[0] != '\0';) {
        char *port = strchr(word, '/');
        *port = '\0';
        wire__addr__init(&each[peer.n_addrs]);
        each[peer.n_addrs].host = word;
        each[peer.n_addrs].port = (uint32_t)atoi(port + 1);
        list[peer.n_addrs] = &each[peer.n_addrs];
        peer.n_addrs++;
    }
    peer.addrs = list;
    request.peer = &peer;
    request.advertised = advertised;
    Wire__Register *result = message_copy(&request.base);
    free(copy);
    return result;
}

static void addresses_are_completed(void **state)
{
    static const struct {
        const char *said, *seen, *then;
        bool advertised;
    } cases[] = {
        {"/9740", "10.0.0.7", "10.0.0.7/9740 ", false},
        {"192.168.1.2/9740 10.0.0.7/9740", "10.0.0.7", "10.0.0.7/9740 192.168.1.2/9740 ", false},
        {"192.168.1.2/9740", "10.0.0.7", "10.0.0.7/9740 192.168.1.2/9740 ", false},
        {"192.168.1.2/9740", "10.0.0.7", "192.168.1.2/9740 ", true},
        {"192.168.1.2/9740", "127.0.0.1", "192.168.1.2/9740 ", false},
        {"192.168.1.2/9740", "fe80::1%eth0", "192.168.1.2/9740 ", false},
        {"/9740", "127.0.0.1", "127.0.0.1/9740 ", false},
        {"192.168.1.2/9740 /9740", "fd00::2", "fd00::2/9740 192.168.1.2/9740 ", false},
    };
    struct id id = {{9}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Wire__Register *request = request_make("host", cases[i].said, cases[i].advertised);
        struct err err = {""};
        char then[256] = "";
        if (sn_admit(request, &id, cases[i].seen, &err) < 0)
            fail_msg("%s", err.text);
        for (size_t n = 0; n < request->peer->n_addrs; n++)
            snprintf(then + strlen(then), sizeof then - strlen(then), "%s/%u ",
                     request->peer->addrs[n]->host, request->peer->addrs[n]->port);
        assert_string_equal(then, cases[i].then);
        assert_memory_equal(request->peer->id.data, id.bytes, ID_SIZE);
        message_free(request);
    }
}

static void nonsense_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *name, *addrs, *says;
    } cases[] = {
        {"", "/9740", "name has 1 to"},
        {"a b", "/9740", "printable"},
        {"host", "", "1 to 8 addresses"},
        {"host", "/0", "is no port"},
        {"host", "/70000", "is no port"},
        {"host", "example.org/9740", "no numeric address"},
        {"host", "/1 /2 /3 /4 /5 /6 /7 /8 /9", "1 to 8 addresses"},
    };
    struct id id = {{9}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Wire__Register *request = request_make(cases[i].name, cases[i].addrs, false);
        struct err err = {""};
        assert_int_equal(sn_admit(request, &id, "10.0.0.7", &err), -1);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("says: %s", err.text);
        message_free(request);
    }
}

static void an_empty_registration_is_refused(void **state)
{
    Wire__Register request = WIRE__REGISTER__INIT;
    struct id id = {{9}};

    (void)state;
    assert_int_equal(sn_admit(&request, &id, "10.0.0.7", NULL), -1);
}

UNIT_MAIN(cmocka_unit_test(addresses_are_completed),
          cmocka_unit_test(nonsense_is_refused_with_a_sentence),
          cmocka_unit_test(an_empty_registration_is_refused))
