/* SPDX-License-Identifier: BSD-3-Clause */
/* member.c - for tests of links: a grid's authority, its members' keys, the greeting; all in one
 * process */
#include "config.h"
#include "test/lib/member.h"

#include "base/clock.h"
#include "base/mem.h"
#include "test/lib/prelude.h"

#include <string.h>

struct authority *member_authority(const char *dir, const char *grid)
{
    char *key = mem_format("%s/%s.key", dir, grid), *crt = mem_format("%s/%s.crt", dir, grid);
    struct err err = {""};
    struct authority *authority = authority_create(grid, key, crt, &err);

    if (authority == NULL)
        fail_msg("%s", err.text);
    free(key);
    free(crt);
    return authority;
}

void member_open(struct member *member, const char *dir, const char *name,
                 const struct authority *authority, int64_t valid_s)
{
    char *path = mem_format("%s/%s.key", dir, name);
    struct err err = {""};
    size_t size;

    member->identity = identity_open(path, &err);
    assert_non_null(member->identity);
    free(path);
    member->grid.name = mem_string(authority_grid(authority));
    member->grid.authority = *authority_id(authority);
    memset(member->grid.secret, 7, SECRET_SIZE);
    member->tls = tls_create(member->identity, &member->grid, &err);
    assert_non_null(member->tls);
    if (valid_s == 0)
        return;
    uint8_t *chain = authority_issue(authority, identity_key(member->identity), clock_wall_s(),
                                     valid_s, &size, &err);
    assert_non_null(chain);
    if (tls_use_chain(member->tls, chain, size, &err) < 0)
        fail_msg("%s", err.text);
    free(chain);
}

void member_close(struct member *member)
{
    tls_destroy(member->tls);
    identity_destroy(member->identity);
    grid_clear(&member->grid);
}

Wire__Hello member_hello(void)
{
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)"1.0";
    hello.program = (char *)"test";
    return hello;
}
