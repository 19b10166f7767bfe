/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"
#include "test/lib/prelude.h"

#include "job/pulse.h"

static struct pulse measured(uint32_t rtt_ms, int times)
{
    struct pulse pulse = {0, 0};

    for (int i = 0; i < times; i++)
        pulse_measured(&pulse, rtt_ms);
    return pulse;
}

static void steady_links_have_rounds_near_their_time(void **state)
{
    static const uint32_t rtt_ms[] = {0, 1, 5, 10, 100, 200, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof rtt_ms / sizeof *rtt_ms; i++) {
        struct pulse pulse = measured(rtt_ms[i], 60);
        assert_in_range(pulse_round_ms(&pulse), rtt_ms[i], rtt_ms[i] + 3);
    }
}

static void one_late_answer_does_not_change_a_link(void **state)
{
    struct pulse pulse = measured(2, 60);

    (void)state;
    pulse_measured(&pulse, 2000);
    assert_true(pulse_round_ms(&pulse) < PULSE_NEAR_MS);
}

static void a_link_that_became_slow_is_known_in_a_few_beats(void **state)
{
    struct pulse pulse = measured(2, 60);

    (void)state;
    for (int i = 0; i < 20; i++)
        pulse_measured(&pulse, 300);
    assert_true(pulse_round_ms(&pulse) >= 300);
}

static void near_a_break_of_a_second_costs_nothing_and_1500_ms_are_enough(void **state)
{
    (void)state;
    for (uint32_t round_ms = 1; round_ms <= 10; round_ms++) {
        /* silence began a beat before the break; a probe brings the first sign after it */
        assert_true(pulse_lost_ms(round_ms) >=
                    1000 + PULSE_BEAT_MS + pulse_probe_ms(round_ms) + round_ms);
        /* the accusation and the vote take two rounds */
        assert_true(pulse_lost_ms(round_ms) + 2 * round_ms <= 1500);
    }
}

static void limits_follow_each_other(void **state)
{
    (void)state;
    for (uint32_t round_ms = 1; round_ms <= PULSE_ROUND_MAX; round_ms++) {
        uint32_t lost_ms = pulse_lost_ms(round_ms);

        assert_true(lost_ms >= pulse_lost_ms(round_ms - 1));
        assert_true(lost_ms <= PULSE_LOST_MAX);
        assert_true(pulse_contact_ms(round_ms) < lost_ms);
        assert_true(pulse_tell_ms(round_ms) < lost_ms);
        if (round_ms <= 800)
            assert_true(pulse_suspect_ms(round_ms) < pulse_tell_ms(round_ms));
        if (round_ms <=
            PULSE_NEAR_MS) /* a voter who is told agrees by the time of the accusation */
            assert_true(pulse_tell_ms(round_ms) + pulse_confirm_ms(round_ms) <= lost_ms);
    }
}

static void a_stop_of_two_seconds_is_borne_on_far_links(void **state)
{
    (void)state;
    /* 100 +- 50 ms: a round of about 320. Stop, a beat before, and what the answer to a probe
     * takes. */
    for (uint32_t round_ms = 230; round_ms < 500; round_ms++)
        assert_true(pulse_lost_ms(round_ms) >= 2000 + PULSE_BEAT_MS + round_ms + 150);
}

UNIT_MAIN(cmocka_unit_test(steady_links_have_rounds_near_their_time),
          cmocka_unit_test(one_late_answer_does_not_change_a_link),
          cmocka_unit_test(a_link_that_became_slow_is_known_in_a_few_beats),
          cmocka_unit_test(near_a_break_of_a_second_costs_nothing_and_1500_ms_are_enough),
          cmocka_unit_test(limits_follow_each_other),
          cmocka_unit_test(a_stop_of_two_seconds_is_borne_on_far_links))
