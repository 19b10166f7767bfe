# test/net - real daemons on hosts in namespaces: what a grid does, and what it says when it cannot.
# To add one: a script here, its name in net_tests; test/lib/claim.sh, lab.sh and grid.sh are its tools.
include test/net/apps/local.mk

net_tests = \
	test/net/lab.sh \
	test/net/embedded.sh \
	test/net/programs.sh \
	test/net/ends.sh \
	test/net/replicas.sh \
	test/net/replicas-lost.sh \
	test/net/staging.sh \
	test/net/watch.sh \
	test/net/bad.sh

TESTS += $(net_tests)
EXTRA_DIST += $(net_tests) test/net/apps/cases.sh

# what the hosts see as /p2pmpi: an installation
check_SCRIPTS += test/root/installed
test/root/installed: $(bin_PROGRAMS) $(pkglibexec_PROGRAMS)
	$(AM_V_GEN)rm -rf test/root && $(MAKE) $(AM_MAKEFLAGS) -s install DESTDIR=$(abs_builddir)/test/root prefix=/p2pmpi \
		>test/root.log 2>&1 && touch $@
clean-local-root:
	rm -rf test/root test/root.log
clean-local: clean-local-root

check-net:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(net_tests)'
.PHONY: check-net clean-local-root
