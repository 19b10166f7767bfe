# test/net - real daemons on hosts in namespaces: what a grid does, and what it says when it cannot.
# To add one: a script here, its name in net_tests; test/lib/claim.sh, lab.sh and grid.sh are its tools.
net_tests = \
	test/net/lab.sh

TESTS += $(net_tests)
EXTRA_DIST += $(net_tests)

check-net:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(net_tests)'
.PHONY: check-net
