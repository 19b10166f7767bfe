# test/unit/plan
unit_tests += test/unit/plan/book test/unit/plan/fit test/unit/plan/host test/unit/plan/lease test/unit/plan/ompi \
	test/unit/plan/place
test_unit_plan_book_SOURCES = test/unit/plan/book.c
test_unit_plan_fit_SOURCES = test/unit/plan/fit.c
test_unit_plan_host_SOURCES = test/unit/plan/host.c
test_unit_plan_lease_SOURCES = test/unit/plan/lease.c
test_unit_plan_ompi_SOURCES = test/unit/plan/ompi.c
test_unit_plan_place_SOURCES = test/unit/plan/place.c
