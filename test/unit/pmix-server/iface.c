/* SPDX-License-Identifier: BSD-3-Clause */
/* iface.c - which network interface has an address; who is at the other end of a local connection
 */
#include "config.h"
#include "pmix-server/px_iface.h"

#include "test/lib/prelude.h"

static void loopback_has_its_address(void **state)
{
    char *name = px_iface_of("127.0.0.1");
    char *mapped = px_iface_of("::ffff:127.0.0.1");

    (void)state;
    assert_non_null(name);
    assert_string_equal(mapped, name);
    free(mapped);
    free(name);
}

static void what_no_interface_has_is_null(void **state)
{
    (void)state;
    assert_null(px_iface_of("203.0.113.77"));
    assert_null(px_iface_of("2001:db8::77"));
    assert_null(px_iface_of("a name"));
    assert_null(px_iface_of(""));
    assert_null(px_iface_of(NULL));
}

UNIT_MAIN(cmocka_unit_test(loopback_has_its_address),
          cmocka_unit_test(what_no_interface_has_is_null))
