/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_answer.c - nearest, random, by attribute; never too many, never too long */
#include "config.h"
#include "supernode/sn_answer.h"

#include "base/mem.h"
#include "supernode/sn_registry.h"
#include "test/lib/prelude.h"
#include "wire/limits.h"

#include <stdio.h>
#include <string.h>

struct spec {
    const char *name, *address, *arch, *mpi;
    uint32_t free;
    uint64_t memory;
};

static const struct spec few[] = {
    {"near", "10.1.2.9", "x86_64", "4.1.4", 4, 1000},
    {"lan", "10.1.9.1", "x86_64", "4.10.2", 8, 2000},
    {"far", "192.168.1.1", "aarch64", "4.1.6", 2, 500},
    {"six", "fd00::7", "x86_64", "5.0.7", 0, 4000},
    {"self", "10.1.2.3", "x86_64", "4.1.4", 4, 1000},
};
enum { FEW = sizeof few / sizeof few[0], SELF = 4 };

static void enter(struct sn_directory *directory, size_t number, const struct spec *spec,
                  size_t padding)
{
    struct id id = {{(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16)}};
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__Addr addr = WIRE__ADDR__INIT, *addrs[] = {&addr};
    Wire__HostInfo host = WIRE__HOST_INFO__INIT;
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
    char *cpu = mem_alloc(padding + 1);

    memset(cpu, 'x', padding);
    peer.id.data = id.bytes;
    peer.id.len = ID_SIZE;
    peer.name = (char *)spec->name;
    peer.n_addrs = 1;
    peer.addrs = addrs;
    addr.host = (char *)spec->address;
    addr.port = 9740;
    peer.host = &host;
    host.arch = (char *)spec->arch;
    host.mpi = (char *)spec->mpi;
    host.memory = spec->memory;
    host.cpu_model = cpu;
    peer.load = &load;
    load.slots_free = spec->free;
    assert_int_equal(directory->put(directory->self, &id, &peer, (struct sn_time){0, 0}, NULL), 0);
    free(cpu);
}

static struct sn_directory few_peers(void)
{
    struct sn_directory directory = sn_registry_create(1000, 100000);

    for (size_t i = 0; i < FEW; i++)
        enter(&directory, i, &few[i], 0);
    return directory;
}

/* The names answered, in order, with a space behind each. */
static void ask(struct sn_directory *directory, const Wire__Query *query, uint64_t seed,
                char out[256])
{
    struct sn_asker asker = {"10.1.2.3", {{SELF}}};
    struct prng prng;
    Wire__Answer answer;

    prng_seed(&prng, seed);
    sn_answer(directory, query, &asker, &prng, &answer);
    assert_int_equal(answer.total, directory->count(directory->self));
    out[0] = '\0';
    for (size_t i = 0; i < answer.n_peers; i++) {
        strcat(out, answer.peers[i]->name);
        strcat(out, " ");
    }
    sn_answer_clear(&answer);
}

static void bits_in_common_are_counted(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned bits;
    } cases[] = {
        {"10.1.2.3", "10.1.2.3", 32}, {"10.1.2.3", "10.1.2.2", 31}, {"10.1.2.3", "138.1.2.3", 0},
        {"10.1.2.3", "10.1.9.1", 20}, {"fd00::1", "fd00::1", 128},  {"fd00::1", "fd00::3", 126},
        {"10.1.2.3", "fd00::1", 0},   {"rubbish", "10.1.2.3", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sn_common_bits(cases[i].a, cases[i].b), cases[i].bits);
}

static void the_nearest_come_first_and_never_the_asker(void **state)
{
    struct sn_directory directory = few_peers();
    Wire__Query query = WIRE__QUERY__INIT;
    char names[256];

    (void)state;
    query.limit = 2;
    ask(&directory, &query, 1, names);
    assert_string_equal(names, "near lan ");
    query.limit = 0;
    ask(&directory, &query, 1, names);
    assert_null(strstr(names, "self"));
    assert_non_null(strstr(names, "six"));
    directory.destroy(directory.self);
}

static void attributes_select(void **state)
{
    static const struct {
        const char *arch, *mpi, *name;
        uint32_t min_free;
        uint64_t min_memory;
        const char *names;
    } cases[] = {
        {"aarch64", "", "", 0, 0, "far "}, {"", "4.1", "", 0, 0, "near far "},
        {"", "", "", 5, 0, "lan "},        {"", "", "", 0, 3000, "six "},
        {"", "", "lan", 0, 0, "lan "},     {"s390x", "", "", 0, 0, ""},
    };
    struct sn_directory directory = few_peers();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Wire__Query query = WIRE__QUERY__INIT;
        char names[256];
        query.kind = WIRE__QUERY_KIND__QUERY_ATTRIBUTE;
        query.arch = (char *)cases[i].arch;
        query.mpi = (char *)cases[i].mpi;
        query.name = (char *)cases[i].name;
        query.min_free = cases[i].min_free;
        query.min_memory = cases[i].min_memory;
        ask(&directory, &query, 1, names);
        assert_string_equal(names, cases[i].names);
    }
    directory.destroy(directory.self);
}

static void a_random_sample_differs_from_seed_to_seed(void **state)
{
    struct sn_directory directory = few_peers();
    Wire__Query query = WIRE__QUERY__INIT;
    char first[256], again[256], other[256];
    bool differs = false;

    (void)state;
    query.kind = WIRE__QUERY_KIND__QUERY_RANDOM;
    query.limit = 2;
    ask(&directory, &query, 1, first);
    ask(&directory, &query, 1, again);
    assert_string_equal(first, again);
    for (uint64_t seed = 2; seed < 20; seed++) {
        ask(&directory, &query, seed, other);
        differs = differs || strcmp(first, other) != 0;
    }
    assert_true(differs);
    directory.destroy(directory.self);
}

static void an_answer_is_bounded_in_number_and_bytes(void **state)
{
    struct sn_directory directory = sn_registry_create(1000, 100000);
    struct sn_asker asker = {"10.1.2.3", {{0}}};
    Wire__Query query = WIRE__QUERY__INIT;
    struct prng prng;
    Wire__Answer answer;

    (void)state;
    prng_seed(&prng, 1);
    for (size_t i = 1; i <= QUERY_MAX + 50; i++)
        enter(&directory, i, &few[0], 0);
    sn_answer(&directory, &query, &asker, &prng, &answer);
    assert_int_equal(answer.n_peers, QUERY_MAX);
    sn_answer_clear(&answer);
    for (size_t i = 1; i <= QUERY_MAX; i++)
        enter(&directory, i, &few[0], 8000);
    sn_answer(&directory, &query, &asker, &prng, &answer);
    assert_true(answer.n_peers < QUERY_MAX && answer.n_peers > 400);
    assert_true(protobuf_c_message_get_packed_size(&answer.base) <= SN_ANSWER_BYTES);
    sn_answer_clear(&answer);
    directory.destroy(directory.self);
}

static void pages_tell_everything_once(void **state)
{
    struct sn_directory directory = sn_registry_create(1000, 100000);
    size_t next = 0, told = 0;

    (void)state;
    for (size_t i = 0; i < 2500; i++)
        enter(&directory, i, &few[i % FEW], i % 3 == 0 ? 5000 : 0);
    while (next < directory.count(directory.self)) {
        Wire__Answer answer;
        size_t after = sn_answer_page(&directory, next, &answer);
        assert_true(after > next);
        assert_int_equal(answer.n_peers, after - next);
        told += answer.n_peers;
        next = after;
        sn_answer_clear(&answer);
    }
    assert_int_equal(told, 2500);
    directory.destroy(directory.self);
}

UNIT_MAIN(cmocka_unit_test(bits_in_common_are_counted),
          cmocka_unit_test(the_nearest_come_first_and_never_the_asker),
          cmocka_unit_test(attributes_select),
          cmocka_unit_test(a_random_sample_differs_from_seed_to_seed),
          cmocka_unit_test(an_answer_is_bounded_in_number_and_bytes),
          cmocka_unit_test(pages_tell_everything_once))
