/* SPDX-License-Identifier: BSD-3-Clause */
/* member.h - for tests of links: a grid's authority, its members' keys, the greeting; all in one
 * process */
#ifndef P2PMPI_TEST_MEMBER_H
#define P2PMPI_TEST_MEMBER_H

#include "net/authority.h"
#include "net/grid.h"
#include "net/identity.h"
#include "net/tls.h"
#include "wire/frame.h"

enum { MEMBER_DAY_S = 24 * 3600 };

/* A host with its key, in a grid. */
struct member {
    struct identity *identity;
    struct grid grid;
    struct tls *tls;
};

/* An authority of the grid, its files in dir. Whatever fails here fails the test. */
struct authority *member_authority(const char *dir, const char *grid);
/* A key NAME.key in dir, and a certificate for valid_s seconds; 0: none, it has yet to join. */
void member_open(struct member *member, const char *dir, const char *name,
                 const struct authority *authority, int64_t valid_s);
/* Also one that was never opened (all zero). */
void member_close(struct member *member);
/* The greeting of the program "test", of our protocol. Its texts are constants. */
Wire__Hello member_hello(void);

#endif
