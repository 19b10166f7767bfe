# test/sim - engines in a simulated world: N of them in one process, a fake clock, a lossy network.
# To add one: its name in sim_tests, its _SOURCES, _LDADD = $(sim_ldadd). SEEDS=N make check-sim runs longer.
sim_tests = \
	test/sim/sim-chan \
	test/sim/sim-decide \
	test/sim/sim-fence \
	test/sim/sim-lease \
	test/sim/sim-member \
	test/sim/sim-replica \
	test/sim/sim-self \
	test/sim/sim-views \
	test/sim/sim-watch
sim_ldadd = libtest.la libp2pmpi.la $(CMOCKA_LIBS)

test_sim_sim_chan_SOURCES = test/sim/sim-chan.c
test_sim_sim_chan_LDADD = $(sim_ldadd)
test_sim_sim_decide_SOURCES = test/sim/sim-decide.c test/sim/choices.c test/sim/choices-reference.c \
	test/sim/choices.h test/sim/program.c test/sim/program.h
test_sim_sim_decide_LDADD = $(sim_ldadd)
test_sim_sim_fence_SOURCES = test/sim/sim-fence.c
test_sim_sim_fence_LDADD = $(sim_ldadd)
test_sim_sim_lease_SOURCES = test/sim/sim-lease.c
test_sim_sim_lease_LDADD = $(sim_ldadd)
test_sim_sim_member_SOURCES = test/sim/sim-member.c
test_sim_sim_member_LDADD = $(sim_ldadd)
test_sim_sim_replica_SOURCES = test/sim/sim-replica.c test/sim/program.c test/sim/program.h
test_sim_sim_replica_LDADD = $(sim_ldadd)
test_sim_sim_self_SOURCES = test/sim/sim-self.c
test_sim_sim_self_LDADD = $(sim_ldadd)

test_sim_sim_views_SOURCES = test/sim/sim-views.c
test_sim_sim_views_LDADD = $(sim_ldadd)
test_sim_sim_watch_SOURCES = test/sim/sim-watch.c
test_sim_sim_watch_LDADD = $(sim_ldadd)

if HAVE_CMOCKA
check_PROGRAMS += $(sim_tests)
TESTS += $(sim_tests)
endif

check-sim:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(sim_tests)'

# The long run of the replica protocol: some hours' worth of deaths
sim-long: test/sim/sim-replica test/sim/sim-decide test/sim/sim-views test/sim/sim-watch
	SEEDS=100000 test/sim/sim-replica
	SEEDS=100000 test/sim/sim-decide
	SEEDS=100000 test/sim/sim-views
	FAR_S=3600 SEEDS=3 test/sim/sim-watch
.PHONY: check-sim sim-long
