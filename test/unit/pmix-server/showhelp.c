/* SPDX-License-Identifier: BSD-3-Clause */
/* showhelp.c - the text inside Open MPI 4.1's help message */
#include "config.h"
#include "pmix-server/px_showhelp.h"

#include "test/lib/prelude.h"

#include <string.h>

static const unsigned char blob[] = "\0\0\0\1\0\0\0\2f\0"      /* file */
                                    "\0\0\0\1\0\0\0\6topic\0"  /* topic */
                                    "\0\0\0\1\1"               /* there is a text */
                                    "\0\0\0\1\0\0\0\7hello\n"; /* text and its NUL */

static void text_and_topic_are_found(void **state)
{
    const char *topic;

    (void)state;
    assert_string_equal(showhelp_text(blob, sizeof blob, &topic), "hello\n");
    assert_string_equal(topic, "topic");
}

static void a_cut_blob_gives_nothing(void **state)
{
    const char *topic;

    (void)state;
    for (size_t size = 0; size < sizeof blob; size++) {
        unsigned char *cut = malloc(size + 1); /* so that a sanitizer sees a step too far */

        memcpy(cut, blob, size);
        assert_null(showhelp_text(cut, size, &topic));
        free(cut);
    }
}

UNIT_MAIN(cmocka_unit_test(text_and_topic_are_found), cmocka_unit_test(a_cut_blob_gives_nothing))
