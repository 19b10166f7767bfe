# test/bench - make bench: p2pmpirun beside mpirun, never part of make check
EXTRA_DIST += test/bench/bench.sh test/bench/rshd.pl test/bench/rsh.pl

bench: all $(check_PROGRAMS) $(check_SCRIPTS)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/test/bench/bench.sh
.PHONY: bench
