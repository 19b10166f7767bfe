/* SPDX-License-Identifier: BSD-3-Clause */
/* grid.c - grid files, addresses as people write them, keys and authorities on disk */
#include "config.h"
#include "net/grid.h"

#include "base/file.h"
#include "base/mem.h"
#include "net/authority.h"
#include "net/hostport.h"
#include "net/identity.h"
#include "test/lib/prelude.h"
#include "wire/joinframe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int dir_open(void **state)
{
    char *dir = mem_string("/tmp/p2pmpi-grid-XXXXXX");

    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int dir_close(void **state)
{
    file_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static void a_grid_file_comes_back_as_it_was_written(void **state)
{
    char *path = mem_format("%s/grid", (char *)*state);
    char *items[] = {(char *)"10.0.0.1", (char *)"[fd00::1]:99"};
    struct grid grid = {.name = (char *)"lab", .supernodes = {items, 2}}, back;
    struct err err = {""};
    struct stat st;

    memset(grid.authority.bytes, 0xab, ID_SIZE);
    memset(grid.secret, 0xcd, SECRET_SIZE);
    assert_int_equal(grid_write(path, &grid, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    if (grid_read(path, &back, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(back.name, "lab");
    assert_int_equal(back.supernodes.count, 2);
    assert_string_equal(back.supernodes.items[1], "[fd00::1]:99");
    assert_true(id_equal(&back.authority, &grid.authority));
    assert_memory_equal(back.secret, grid.secret, SECRET_SIZE);
    grid_clear(&back);
    free(path);
}

static void a_broken_grid_file_is_explained(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"name = lab\nauthority = " HEX64 "\n", "no \"secret =\""},
        {"authority = " HEX64 "\nsecret = " HEX64 "\n", "no \"name =\""},
        {"name = lab\nauthority = 12\nsecret = " HEX64 "\n", "authority must be 64"},
        {"name = lab\nauthority = " HEX64 "\nsecret = x\n", "secret must be 64"},
        {"name = a/b\nauthority = " HEX64 "\nsecret = " HEX64 "\n", "letters, digits"},
        {"name = lab\nauthority = " HEX64 "\nsecret = " HEX64 "\nsupernode = a:b\n", "HOST:PORT"},
        {"name = lab\nnode = x\n", "line 2: unknown key \"node\""},
    };
    char *path = mem_format("%s/grid", (char *)*state);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {""};
        struct grid grid;
        file_write(path, cases[i].text, strlen(cases[i].text), 0600, NULL);
        assert_int_equal(grid_read(path, &grid, &err), -1);
        if (strstr(err.text, cases[i].says) == NULL || strstr(err.text, path) == NULL)
            fail_msg("says: %s", err.text);
    }
    free(path);
}

static void addresses_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } cases[] = {
        {"host", "host", 9741},  {"host:1", "host", 1},  {"10.0.0.1:65535", "10.0.0.1", 65535},
        {"[::1]:7", "::1", 7},   {"[::1]", "::1", 9741}, {"fe80::1", "fe80::1", 9741},
        {"", NULL, 0},           {"host:", NULL, 0},     {"host:0", NULL, 0},
        {"host:65536", NULL, 0}, {":7", NULL, 0},        {"[::1", NULL, 0},
        {"[::1]7", NULL, 0},     {"a b", NULL, 0},       {"host:-1", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hostport out;
        int result = hostport_parse(cases[i].text, PORT_SUPERNODE, &out, NULL);
        assert_int_equal(result, cases[i].host != NULL ? 0 : -1);
        if (result == 0) {
            assert_string_equal(out.host, cases[i].host);
            assert_int_equal(out.port, cases[i].port);
        }
    }
}

static void an_identity_is_made_once_and_kept_closed(void **state)
{
    char *path = mem_format("%s/key", (char *)*state);
    struct err err = {""};
    struct stat st;

    struct identity *first = identity_open(path, &err);
    assert_non_null(first);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct identity *again = identity_open(path, &err);
    assert_true(id_equal(identity_id(first), identity_id(again)));
    identity_destroy(first);
    identity_destroy(again);
    chmod(path, 0640);
    assert_null(identity_open(path, &err));
    assert_non_null(strstr(err.text, "open to others"));
    file_write(path, "rubbish", 7, 0600, NULL);
    assert_null(identity_open(path, &err));
    assert_non_null(strstr(err.text, "no Ed25519 private key"));
    free(path);
}

static void an_authority_is_made_once(void **state)
{
    char *key = mem_format("%s/key", (char *)*state), *crt = mem_format("%s/crt", (char *)*state);
    struct err err = {""};

    assert_null(authority_open(key, crt, &err));
    assert_int_equal(errno, ENOENT);
    struct authority *made = authority_create("lab", key, crt, &err);
    assert_non_null(made);
    assert_null(authority_create("other", key, crt, &err));
    assert_int_equal(errno, EEXIST);
    struct authority *opened = authority_open(key, crt, &err);
    assert_non_null(opened);
    assert_string_equal(authority_grid(opened), "lab");
    assert_true(id_equal(authority_id(made), authority_id(opened)));
    authority_destroy(made);
    authority_destroy(opened);
    unlink(key);
    made = authority_create("lab", key, crt, &err);
    unlink(key);
    assert_null(authority_create("la b", key, crt, &err));
    authority_destroy(made);
    free(key);
    free(crt);
}

static void join_frames_are_checked(void **state)
{
    struct joinframe frame = {JOIN_VERSION, {1}, {2}}, back;
    uint8_t bytes[JOIN_FRAME_SIZE], head[JOIN_ANSWER_HEAD];
    enum join_code code;
    uint32_t length;

    (void)state;
    joinframe_encode(&frame, bytes);
    assert_int_equal(joinframe_decode(bytes, &back), JOIN_OK);
    assert_memory_equal(&back, &frame, sizeof back);
    bytes[7]++;
    assert_int_equal(joinframe_decode(bytes, &back), JOIN_BAD_VERSION);
    assert_int_equal(back.version, JOIN_VERSION + 1);
    bytes[0]++;
    assert_int_equal(joinframe_decode(bytes, &back), JOIN_BAD_FRAME);
    joinanswer_encode(JOIN_OK, JOIN_CHAIN_MAX, head);
    assert_int_equal(joinanswer_decode(head, &code, &length), 0);
    joinanswer_encode(JOIN_OK, JOIN_CHAIN_MAX + 1, head);
    assert_int_equal(joinanswer_decode(head, &code, &length), -1);
    joinanswer_encode(JOIN_BAD_SECRET, 1, head);
    assert_int_equal(joinanswer_decode(head, &code, &length), -1);
    joinanswer_encode(JOIN_BAD_VERSION, JOIN_VERSION + 1, head);
    assert_int_equal(joinanswer_decode(head, &code, &length), 0);
    assert_int_equal(length, JOIN_VERSION + 1);
    joinanswer_encode(JOIN_OK, 0, head);
    assert_int_equal(joinanswer_decode(head, &code, &length), -1);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, dir_open, dir_close)

UNIT_MAIN(IN_DIR(a_grid_file_comes_back_as_it_was_written), IN_DIR(a_broken_grid_file_is_explained),
          cmocka_unit_test(addresses_are_read_as_people_write_them),
          IN_DIR(an_identity_is_made_once_and_kept_closed), IN_DIR(an_authority_is_made_once),
          cmocka_unit_test(join_frames_are_checked))
