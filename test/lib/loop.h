/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.h - for tests on an event loop: wait for a condition, with a deadline */
#ifndef P2PMPI_TEST_LOOP_H
#define P2PMPI_TEST_LOOP_H

#include <stdbool.h>

struct event_base;

/* Runs the loop until the counter has reached the wanted number; false: not within 20 s. */
bool loop_until(struct event_base *base, const int *counter, int wanted);

#endif
