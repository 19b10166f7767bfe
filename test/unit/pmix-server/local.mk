# test/unit/pmix-server - what p2pmpi-stepd does without PMIx
unit_tests += \
	test/unit/pmix-server/env \
	test/unit/pmix-server/guard \
	test/unit/pmix-server/iface \
	test/unit/pmix-server/map \
	test/unit/pmix-server/peers \
	test/unit/pmix-server/showhelp
test_unit_pmix_server_env_SOURCES = test/unit/pmix-server/env.c pmix-server/px_env.c
test_unit_pmix_server_guard_SOURCES = test/unit/pmix-server/guard.c pmix-server/px_guard.c
test_unit_pmix_server_iface_SOURCES = test/unit/pmix-server/iface.c pmix-server/px_iface.c
test_unit_pmix_server_map_SOURCES = test/unit/pmix-server/map.c pmix-server/px_map.c
test_unit_pmix_server_peers_SOURCES = test/unit/pmix-server/peers.c pmix-server/px_peers.c
test_unit_pmix_server_showhelp_SOURCES = test/unit/pmix-server/showhelp.c pmix-server/px_showhelp.c
