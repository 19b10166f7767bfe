/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h - the time: monotonic for waiting, wall clock for people and certificates */
#ifndef P2PMPI_BASE_CLOCK_H
#define P2PMPI_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);  /* monotonic, milliseconds since an arbitrary start */
int64_t clock_now_us(void);  /* monotonic, microseconds since the same start */
int64_t clock_wall_s(void);  /* seconds since 1970, UTC */

#endif
