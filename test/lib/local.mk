# test/lib - what tests share; linked by LDADD = libtest.la ...
libtest_la_SOURCES += test/lib/sim.c test/lib/sim.h
dustbin = test/lib/dustbin.c test/lib/dustbin.h
# netlab: hosts as namespaces; claim.sh, lab.sh, grid.sh: for test scripts
check_PROGRAMS += test/lib/netlab/netlab
test_lib_netlab_netlab_SOURCES = \
	test/lib/netlab/netlab.c \
	test/lib/netlab/lab.c test/lib/netlab/lab.h \
	test/lib/netlab/labnet.c test/lib/netlab/labnet.h \
	test/lib/netlab/labroot.c test/lib/netlab/labroot.h
EXTRA_DIST += test/lib/claim.sh test/lib/lab.sh test/lib/grid.sh test/lib/replicas.sh test/lib/summary.sh test/lib/sanitizer.sh test/lib/lsan.supp
