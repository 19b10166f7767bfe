/* SPDX-License-Identifier: BSD-3-Clause */
/* rota.h - who beats to whom in a view: a bounded number of partners, whatever the number of
 * members
 *
 * Living members stand in a ring, in order of numbers. Everyone beats with its neighbours in the
 * ring, and, unless one of the two is a voter, with those a chord of about the square root away;
 * voters beat with all voters. So nobody has more than ROTA_MAX partners, and who dies together
 * with its neighbours is missed by others. */
#ifndef P2PMPI_JOB_ROTA_H
#define P2PMPI_JOB_ROTA_H

#include "job/view.h"

#define ROTA_MAX 6

/* The partners of member self, which lives; returns how many. The relation is symmetric. */
unsigned rota_partners(const struct view *view, int self, int partners_out[ROTA_MAX]);

#endif
