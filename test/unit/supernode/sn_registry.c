/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_registry.c - the directory in memory, with a clock made by hand */
#include "config.h"
#include "supernode/sn_registry.h"

#include "test/lib/prelude.h"

#include <string.h>

enum { EXPIRY_MS = 60000 };

static struct id id_of(uint8_t number)
{
    struct id id = {{0}};

    id.bytes[0] = number;
    return id;
}

static int put(struct sn_directory *directory, uint8_t number, int64_t ms, struct err *err)
{
    Wire__Peer peer = WIRE__PEER__INIT;
    struct id id = id_of(number);
    char name[8] = {(char)('a' + number), '\0'};

    peer.name = name;
    peer.id.data = id.bytes;
    peer.id.len = ID_SIZE;
    return directory->put(directory->self, &id, &peer, (struct sn_time){ms, ms / 1000}, err);
}

static bool renew(struct sn_directory *directory, uint8_t number, int64_t ms)
{
    struct id id = id_of(number);
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;

    load.slots_free = 3;
    return directory->renew(directory->self, &id, &load, (struct sn_time){ms, ms / 1000});
}

/* Names of all entries, sorted. */
static void expect_names(struct sn_directory *directory, const char *names)
{
    size_t count = directory->count(directory->self);

    assert_int_equal(count, strlen(names));
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(names, directory->at(directory->self, i)->name));
}

static void a_silent_peer_leaves_and_a_renewing_one_stays(void **state)
{
    struct sn_directory directory = sn_registry_create(EXPIRY_MS, 10);

    (void)state;
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(put(&directory, i, 1000 * i, NULL), 0);
    assert_true(renew(&directory, 1, 20000));
    assert_int_equal(directory.expire(directory.self, 59999), 0);
    assert_int_equal(directory.expire(directory.self, 60000), 1);
    expect_names(&directory, "bcd");
    assert_int_equal(directory.expire(directory.self, 63000), 2);
    expect_names(&directory, "b");
    assert_int_equal(directory.at(directory.self, 0)->load->slots_free, 3);
    assert_int_equal(directory.at(directory.self, 0)->seen_s, 20);
    assert_int_equal(directory.expire(directory.self, 80000), 1);
    assert_false(renew(&directory, 1, 80000));
    directory.destroy(directory.self);
}

static void who_registers_again_is_there_once(void **state)
{
    struct sn_directory directory = sn_registry_create(EXPIRY_MS, 10);

    (void)state;
    put(&directory, 1, 0, NULL);
    put(&directory, 2, 0, NULL);
    put(&directory, 1, 50000, NULL);
    expect_names(&directory, "bc");
    assert_int_equal(directory.expire(directory.self, 60000), 1);
    expect_names(&directory, "b");
    directory.destroy(directory.self);
}

static void who_leaves_is_gone_at_once(void **state)
{
    struct sn_directory directory = sn_registry_create(EXPIRY_MS, 10);
    struct id id = id_of(0);

    (void)state;
    for (uint8_t i = 0; i < 3; i++)
        put(&directory, i, 0, NULL);
    assert_true(directory.remove(directory.self, &id));
    assert_false(directory.remove(directory.self, &id));
    expect_names(&directory, "bc");
    directory.destroy(directory.self);
}

static void a_full_directory_refuses_new_peers_only(void **state)
{
    struct sn_directory directory = sn_registry_create(EXPIRY_MS, 2);
    struct err err = {""};

    (void)state;
    assert_int_equal(put(&directory, 1, 0, &err), 0);
    assert_int_equal(put(&directory, 2, 0, &err), 0);
    assert_int_equal(put(&directory, 3, 0, &err), -1);
    assert_string_equal(err.text, "this supernode is full (2 peers)");
    assert_int_equal(put(&directory, 1, 0, &err), 0);
    directory.expire(directory.self, EXPIRY_MS);
    assert_int_equal(put(&directory, 3, EXPIRY_MS, &err), 0);
    directory.destroy(directory.self);
}

UNIT_MAIN(cmocka_unit_test(a_silent_peer_leaves_and_a_renewing_one_stays),
          cmocka_unit_test(who_registers_again_is_there_once),
          cmocka_unit_test(who_leaves_is_gone_at_once),
          cmocka_unit_test(a_full_directory_refuses_new_peers_only))
