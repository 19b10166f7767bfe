/* SPDX-License-Identifier: BSD-3-Clause */
/* pulse.c - arithmetic of silence: round trips measured, and the limits that follow from them */
#include "config.h"
#include "job/pulse.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void pulse_measured(struct pulse *pulse, uint32_t rtt_ms)
{
    if (pulse->srtt_us == 0) {
        uint32_t rtt_us = least(rtt_ms, PULSE_ROUND_MAX) * 1000 + 500; /* clocks tick in ms */
        pulse->srtt_us = rtt_us;
        pulse->rttvar_us = rtt_us / 2;
        return;
    }
    uint32_t rtt_us = least(rtt_ms, 2 * pulse_round_ms(pulse) + 20) * 1000 + 500;
    uint32_t off_us = rtt_us > pulse->srtt_us ? rtt_us - pulse->srtt_us : pulse->srtt_us - rtt_us;

    pulse->rttvar_us = pulse->rttvar_us - pulse->rttvar_us / 4 + off_us / 4;
    pulse->srtt_us = pulse->srtt_us - pulse->srtt_us / 8 + rtt_us / 8;
}

uint32_t pulse_round_ms(const struct pulse *pulse)
{
    if (pulse->srtt_us == 0)
        return PULSE_UNKNOWN_MS;
    return least((pulse->srtt_us + 4 * pulse->rttvar_us + 999) / 1000, PULSE_ROUND_MAX);
}

uint32_t pulse_suspect_ms(uint32_t round_ms)
{
    return PULSE_BEAT_MS + PULSE_SLACK_MS + round_ms;
}

uint32_t pulse_lost_ms(uint32_t round_ms)
{
    uint32_t near_ms = PULSE_MEND_MS + PULSE_BEAT_MS + PULSE_PROBE_MS + PULSE_NEAR_MS;
    uint32_t far_ms = PULSE_STOP_MS + PULSE_BEAT_MS + 2 * round_ms;

    if (round_ms <= PULSE_NEAR_MS)
        return near_ms;
    return least(least(near_ms + PULSE_FAR_FACTOR * (round_ms - PULSE_NEAR_MS), far_ms),
                 PULSE_LOST_MAX);
}

uint32_t pulse_probe_ms(uint32_t round_ms)
{
    return round_ms > PULSE_PROBE_MS ? round_ms : PULSE_PROBE_MS;
}

uint32_t pulse_tell_ms(uint32_t round_ms)
{
    return pulse_lost_ms(round_ms) * 13 / 16;
}

uint32_t pulse_confirm_ms(uint32_t round_ms)
{
    return PULSE_PROBE_MS + pulse_probe_ms(round_ms) * 3 / 2;
}

uint32_t pulse_contact_ms(uint32_t round_ms)
{
    return pulse_lost_ms(round_ms) * 3 / 4;
}
