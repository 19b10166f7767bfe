# test - layers unit, sim, net, prog, mpi, fuzz; each is also a target of its own: make check-unit, ...
check_LTLIBRARIES += libtest.la
libtest_la_SOURCES = test/lib/prelude.h
include test/lib/local.mk
include test/unit/local.mk
include test/sim/local.mk
include test/net/local.mk
include test/prog/local.mk
include test/mpi/local.mk
include test/fuzz/local.mk
include test/bench/local.mk
TESTS += contrib/layers.sh

# What needs neither hosts nor MPI: with sanitizers, too, in a minute or two
check-pure:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests) $(sim_tests) $(fuzz_tests)'
.PHONY: check-pure
