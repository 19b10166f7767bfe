/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.h - whose round-trip time to measure next: side by side, bounded, the silent ones ever less
 * often */
#ifndef P2PMPI_MEMBER_PROBE_H
#define P2PMPI_MEMBER_PROBE_H

#include "base/id.h"
#include "member/peers.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_config {
    unsigned outstanding;  /* at a time; 0: 64 */
    uint32_t timeout_ms;   /* of one probe; 0: 2000 */
    uint32_t fresh_ms;     /* an answer is good for so long; 0: 30000 */
    uint32_t retry_ms;     /* a silent one again after this, then twice, four times ...; 0: 5000 */
    uint32_t retry_max_ms; /* ... but never longer; 0: 120000 */
    uint64_t seed;         /* of the jitter that keeps a grid from probing in step */
};

struct probe_ops {
    /* Send a Ping to the peer (connecting if need be). The outcome comes back through
     * probes_answered() or probes_failed(), from inside this call if it must be. A late answer is
     * still a sign of life; a late failure is ignored. */
    void (*probe)(const struct peer *peer, void *arg);
    /* No answer within timeout_ms: give up the connection attempt, if any. May be NULL. */
    void (*timeout)(const struct id *peer, void *arg);
    /* Everything that probes_refresh() asked for has come back or failed. May be NULL. */
    void (*refreshed)(void *arg);
};

struct probes;
/* peers is borrowed; outcomes are written into it. config may be NULL. */
struct probes *probes_create(struct peers *peers, const struct probe_config *config,
                             const struct probe_ops *ops, void *arg);
void probes_destroy(struct probes *probes);

void probes_answered(struct probes *probes, const struct id *id, uint32_t rtt_us,
                     const Wire__LoadInfo *load, int64_t now_ms, int64_t wall_s);
void probes_failed(struct probes *probes, const struct id *id, int64_t now_ms);

/* Probes all that were not heard for max_age_ms, dead or not, as soon as the bound allows;
 * refreshed() tells the end, at once if there is nothing to do. */
void probes_refresh(struct probes *probes, uint32_t max_age_ms, int64_t now_ms);

/* Starts what is due. Call it after peers were merged, too. */
void probes_tick(struct probes *probes, int64_t now_ms);
int64_t probes_next_ms(const struct probes *probes);
unsigned probes_outstanding(const struct probes *probes);

#endif
