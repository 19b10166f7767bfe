# test/unit/member
unit_tests += test/unit/member/directory test/unit/member/peers test/unit/member/probe
test_unit_member_directory_SOURCES = test/unit/member/directory.c
test_unit_member_peers_SOURCES = test/unit/member/peers.c
test_unit_member_probe_SOURCES = test/unit/member/probe.c
