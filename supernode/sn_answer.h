/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_answer.h - which peers a question gets, and never too many */
#ifndef P2PMPI_SN_ANSWER_H
#define P2PMPI_SN_ANSWER_H

#include "base/rand.h"
#include "supernode/sn_directory.h"

#define SN_ANSWER_BYTES                                                                            \
    (4u << 20) /* of one Answer; half a frame leaves room for whatever is around it */

/* The asker: its numeric address, and its id (never in its own answer). */
struct sn_asker {
    const char *host;
    struct id id;
};

/* Fills answer_out: at most query->limit (0: no wish), QUERY_MAX and SN_ANSWER_BYTES. Its peers are
 * the directory's, valid until its next change; only the array is freed: sn_answer_clear().
 * Nearest: longest address prefix in common with the asker, ties at random. */
void sn_answer(const struct sn_directory *directory, const Wire__Query *query,
               const struct sn_asker *asker, struct prng *prng, Wire__Answer *answer_out);

/* A page of everything, from the i-th on; returns where the next page starts. */
size_t sn_answer_page(const struct sn_directory *directory, size_t from, Wire__Answer *answer_out);
void sn_answer_clear(Wire__Answer *answer);

/* Bits that two numeric addresses have in common from the left, 0 when they are not of one family.
 */
unsigned sn_common_bits(const char *a, const char *b);

#endif
