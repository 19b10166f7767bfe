# test/unit - mirrors src/: one cmocka program per module, TAP on standard output.
# To add one: its name in unit_tests, its _SOURCES; LDADD and the rest come from here.
unit_tests = \
	test/unit/base/alike \
	test/unit/base/conf \
	test/unit/wire/frame
link_fixtures = test/lib/member.c test/lib/member.h test/lib/loop.c test/lib/loop.h
include test/unit/plan/local.mk
include test/unit/coll/local.mk
include test/unit/job/local.mk
include test/unit/replica/local.mk
include test/unit/member/local.mk
include test/unit/tools/local.mk
include test/unit/pmix-server/local.mk
include test/unit/stage/local.mk
include test/unit/peer/local.mk
include test/unit/ring/local.mk
include test/unit/p2prep/local.mk

test_unit_base_alike_SOURCES = test/unit/base/alike.c
test_unit_base_conf_SOURCES = test/unit/base/conf.c
test_unit_wire_frame_SOURCES = test/unit/wire/frame.c

unit_tests += test/unit/net/link test/unit/net/tls
test_unit_net_link_SOURCES = test/unit/net/link.c $(link_fixtures)
test_unit_net_tls_SOURCES = test/unit/net/tls.c $(link_fixtures)

unit_tests += test/unit/supernode/sn_registry test/unit/supernode/sn_answer test/unit/supernode/sn_admit test/unit/supernode/sn_service
test_unit_supernode_sn_registry_SOURCES = test/unit/supernode/sn_registry.c
test_unit_supernode_sn_registry_LDADD = libsupernode.la $(CMOCKA_LIBS)
test_unit_supernode_sn_answer_SOURCES = test/unit/supernode/sn_answer.c
test_unit_supernode_sn_answer_LDADD = libsupernode.la $(CMOCKA_LIBS)
test_unit_supernode_sn_admit_SOURCES = test/unit/supernode/sn_admit.c
test_unit_supernode_sn_admit_LDADD = libsupernode.la $(CMOCKA_LIBS)
test_unit_supernode_sn_service_SOURCES = test/unit/supernode/sn_service.c $(link_fixtures)
test_unit_supernode_sn_service_LDADD = libsupernode.la $(CMOCKA_LIBS)
unit_tests += test/unit/net/beatkey test/unit/net/grid
test_unit_net_beatkey_SOURCES = test/unit/net/beatkey.c
test_unit_net_grid_SOURCES = test/unit/net/grid.c
unit_tests += test/unit/lib/dustbin
test_unit_lib_dustbin_SOURCES = test/unit/lib/dustbin.c $(dustbin)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
LDADD = libp2pmpi.la $(CMOCKA_LIBS)

check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests)'
.PHONY: check-unit
