/* SPDX-License-Identifier: BSD-3-Clause */
/* pulse.h - arithmetic of silence: round trips measured, and the limits that follow from them
 *
 * Round trips as RFC 6298 has them (smoothed 1/8, deviation 1/4); the `round` of a link is its
 * smoothed time plus four deviations. A host beats every PULSE_BEAT_MS. Silent for suspect_ms it is
 * probed, every PULSE_PROBE_MS, directly and through others; silent for lost_ms it is accused. On
 * links with a round up to PULSE_NEAR_MS the sum of what a cable mended within a second may cost is
 * the limit; on longer ones a stop of two seconds is borne, too. */
#ifndef P2PMPI_JOB_PULSE_H
#define P2PMPI_JOB_PULSE_H

#include <stdint.h>

#define PULSE_BEAT_MS    300
#define PULSE_PROBE_MS   80
#define PULSE_MEND_MS    1000 /* a break so long costs nothing */
#define PULSE_SLACK_MS   20   /* a beat so late is not late */
#define PULSE_NEAR_MS    40   /* rounds up to here: the near limits */
#define PULSE_STOP_MS    2000 /* on far links a stop so long is ordinary */
#define PULSE_FAR_FACTOR 20   /* how steeply the limit goes from near to far */
#define PULSE_LOST_MAX   10000
#define PULSE_ROUND_MAX  3000
#define PULSE_UNKNOWN_MS 250 /* the round of a link that was never measured */

struct pulse {
    uint32_t srtt_us, rttvar_us; /* srtt_us 0: not measured */
};

/* A round trip of rtt_ms was seen. One far above what is usual counts as a part of it only: the
 * other side was stopped, the link is no slower for it. */
void pulse_measured(struct pulse *pulse, uint32_t rtt_ms);
/* What an answer takes at most, usually. */
uint32_t pulse_round_ms(const struct pulse *pulse);

/* After so much silence a host is probed. */
uint32_t pulse_suspect_ms(uint32_t round_ms);
/* ... so often. */
uint32_t pulse_probe_ms(uint32_t round_ms);
/* After so much others are asked about it, and the voters are told: late, for they are told of all.
 */
uint32_t pulse_tell_ms(uint32_t round_ms);
/* After so much it is accused. */
uint32_t pulse_lost_ms(uint32_t round_ms);
/* A voter that was told of a suspicion has probed so long without an answer, when it agrees. */
uint32_t pulse_confirm_ms(uint32_t round_ms);
/* A voter that has not heard another for so long does not count on it: less than lost_ms, so that
 * who is being voted lost has stopped before. */
uint32_t pulse_contact_ms(uint32_t round_ms);

#endif
