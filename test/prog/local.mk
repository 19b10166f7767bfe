# test/prog - what a user types: exit codes, streams, signals, sentences
check_PROGRAMS += test/prog/fakedaemon
test_prog_fakedaemon_SOURCES = test/prog/fakedaemon.c
test_prog_fakedaemon_LDADD = libp2pmpi.la
check_PROGRAMS += test/prog/otherpeer
test_prog_otherpeer_SOURCES = test/prog/otherpeer.c
test_prog_otherpeer_LDADD = libp2pmpi.la

prog_tests = test/prog/tools-fake.sh test/prog/alone.sh test/prog/daemon.sh test/prog/terminal.sh test/prog/manual.sh
prog_tests += test/prog/grid.sh test/prog/rejoin.sh test/prog/valgrind.sh test/prog/links.sh
TESTS += $(prog_tests)
EXTRA_DIST += test/prog/typed.sh test/prog/terminal.py $(prog_tests)

check-prog:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(prog_tests)'
.PHONY: check-prog
