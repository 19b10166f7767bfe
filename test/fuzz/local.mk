# test/fuzz - one target per decoder. `make check-fuzz` replays test/fuzz/corpus/NAME; `make fuzz` runs libFuzzer on
# each for FUZZ_SECONDS (needs clang), FUZZ_TARGETS="fuzz-frame ..." on some.
fuzz_tests = \
	test/fuzz/fuzz-beat \
	test/fuzz/fuzz-chain \
	test/fuzz/fuzz-conf \
	test/fuzz/fuzz-elf \
	test/fuzz/fuzz-frame \
	test/fuzz/fuzz-grid \
	test/fuzz/fuzz-hostfile \
	test/fuzz/fuzz-hostport \
	test/fuzz/fuzz-join \
	test/fuzz/fuzz-peers \
	test/fuzz/fuzz-route \
	test/fuzz/fuzz-step
fuzz_shared = test/fuzz/fuzz.c test/fuzz/fuzz.h test/fuzz/replay.c
EXTRA_DIST += test/fuzz/corpus test/fuzz/fuzz.sh

test_fuzz_fuzz_beat_SOURCES = test/fuzz/fuzz-beat.c $(fuzz_shared)
test_fuzz_fuzz_beat_LDADD = libp2pmpi.la
test_fuzz_fuzz_chain_SOURCES = test/fuzz/fuzz-chain.c $(fuzz_shared)
test_fuzz_fuzz_chain_LDADD = libp2pmpi.la
test_fuzz_fuzz_conf_SOURCES = test/fuzz/fuzz-conf.c $(fuzz_shared)
test_fuzz_fuzz_conf_LDADD = libp2pmpi.la
test_fuzz_fuzz_elf_SOURCES = test/fuzz/fuzz-elf.c $(fuzz_shared)
test_fuzz_fuzz_elf_LDADD = libp2pmpi.la
test_fuzz_fuzz_frame_SOURCES = test/fuzz/fuzz-frame.c $(fuzz_shared)
test_fuzz_fuzz_frame_LDADD = libp2pmpi.la
test_fuzz_fuzz_grid_SOURCES = test/fuzz/fuzz-grid.c $(fuzz_shared)
test_fuzz_fuzz_grid_LDADD = libp2pmpi.la
test_fuzz_fuzz_hostfile_SOURCES = test/fuzz/fuzz-hostfile.c $(fuzz_shared)
test_fuzz_fuzz_hostfile_LDADD = libtools.la libp2pmpi.la
test_fuzz_fuzz_hostport_SOURCES = test/fuzz/fuzz-hostport.c $(fuzz_shared)
test_fuzz_fuzz_hostport_LDADD = libp2pmpi.la
test_fuzz_fuzz_join_SOURCES = test/fuzz/fuzz-join.c $(fuzz_shared)
test_fuzz_fuzz_join_LDADD = libp2pmpi.la
test_fuzz_fuzz_peers_SOURCES = test/fuzz/fuzz-peers.c $(fuzz_shared)
test_fuzz_fuzz_peers_LDADD = libp2pmpi.la
test_fuzz_fuzz_route_SOURCES = test/fuzz/fuzz-route.c $(fuzz_shared)
test_fuzz_fuzz_route_LDADD = libp2pmpi.la
test_fuzz_fuzz_step_SOURCES = test/fuzz/fuzz-step.c $(fuzz_shared)
test_fuzz_fuzz_step_LDADD = libp2pmpi.la

check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)

check-fuzz:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(fuzz_tests)'

FUZZ_SECONDS = 60
FUZZ_TARGETS = $(notdir $(fuzz_tests))
fuzz:
	$(SHELL) $(srcdir)/test/fuzz/fuzz.sh $(abs_srcdir) $(FUZZ_SECONDS) $(FUZZ_TARGETS)
.PHONY: check-fuzz fuzz
