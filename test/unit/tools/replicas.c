/* SPDX-License-Identifier: BSD-3-Clause */
/* replicas.c - what is typed behind -r, and the sentences for what cannot be */
#include "config.h"
#include "tools/run_replicas.h"

#include "test/lib/prelude.h"

#include <string.h>

static void degrees_are_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t ranks;
        const char *degrees;
    } cases[] = {
        {"2", 4, "2222"},       {"1", 2, "11"},           {"0:3,*:2", 4, "3222"},
        {"*:2,0:3", 4, "3222"}, {"0:3", 3, "311"},        {"1-2:3", 4, "1331"},
        {"2,1:1", 3, "212"},    {"0-3:2,3:1", 4, "2221"}, {"*:2", 1, "2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t degrees[8];
        char text[9] = "";
        assert_int_equal(run_replicas_read(cases[i].text, cases[i].ranks, degrees, NULL), 0);
        for (uint32_t rank = 0; rank < cases[i].ranks; rank++)
            text[rank] = (char)('0' + degrees[rank]);
        assert_string_equal(text, cases[i].degrees);
    }
}

static void what_cannot_be_gets_a_sentence(void **state)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "1 to 16 replicas"},
        {"0", "1 to 16 replicas, not \"0\""},
        {"17", "1 to 16 replicas"},
        {"two", "not \"two\""},
        {"0:", "not \"\""},
        {"0:3,", "1 to 16 replicas"},
        {"x:2", "\"x\" is neither a rank"},
        {"3-1:2", "\"3-1\" is neither a rank"},
        {"4:2", "there is no rank 4 with -n 4, the last one is 3"},
        {"-1:2", "neither a rank"},
        {"0:2:2", "not \"2:2\""},
    };
    struct err err;
    uint32_t degrees[4] = {7, 7, 7, 7};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run_replicas_read(cases[i].text, 4, degrees, &err), -1);
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].part, err.text);
        assert_int_equal(degrees[0], 7);
    }
}

UNIT_MAIN(cmocka_unit_test(degrees_are_read), cmocka_unit_test(what_cannot_be_gets_a_sentence))
