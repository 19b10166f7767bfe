# test/unit/replica
unit_tests += test/unit/replica/world test/unit/replica/dead test/unit/replica/pool \
	test/unit/replica/streams test/unit/replica/replica test/unit/replica/verify \
	test/unit/replica/declog test/unit/replica/decide test/unit/replica/matching
test_unit_replica_world_SOURCES = test/unit/replica/world.c
test_unit_replica_dead_SOURCES = test/unit/replica/dead.c
test_unit_replica_pool_SOURCES = test/unit/replica/pool.c
test_unit_replica_streams_SOURCES = test/unit/replica/streams.c
test_unit_replica_replica_SOURCES = test/unit/replica/replica.c
test_unit_replica_verify_SOURCES = test/unit/replica/verify.c
test_unit_replica_declog_SOURCES = test/unit/replica/declog.c
test_unit_replica_decide_SOURCES = test/unit/replica/decide.c
test_unit_replica_matching_SOURCES = test/unit/replica/matching.c
