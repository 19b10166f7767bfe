# test/unit/peer
unit_tests += test/unit/peer/mesh
test_unit_peer_mesh_SOURCES = test/unit/peer/mesh.c $(link_fixtures)
unit_tests += test/unit/peer/settings
test_unit_peer_settings_SOURCES = test/unit/peer/settings.c
unit_tests += test/unit/peer/step
test_unit_peer_step_SOURCES = test/unit/peer/step.c test/lib/loop.c test/lib/loop.h
