/* SPDX-License-Identifier: BSD-3-Clause */
/* prelude.h - what every cmocka test includes: cmocka with the headers it wants, and UNIT_MAIN */
#ifndef P2PMPI_TEST_PRELUDE_H
#define P2PMPI_TEST_PRELUDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* int main of a test file: UNIT_MAIN(cmocka_unit_test(first_claim_holds), cmocka_unit_test(...)) */
#define UNIT_MAIN(...)                                          \
    int main(void)                                              \
    {                                                           \
        const struct CMUnitTest tests[] = {__VA_ARGS__};        \
        cmocka_set_message_output(CM_OUTPUT_TAP);               \
        return cmocka_run_group_tests(tests, NULL, NULL);       \
    }

#endif
