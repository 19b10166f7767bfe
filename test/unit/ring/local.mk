# test/unit/ring
unit_tests += test/unit/ring/ring
test_unit_ring_ring_SOURCES = test/unit/ring/ring.c
