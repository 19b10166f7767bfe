# test/unit/plan
unit_tests += test/unit/plan/fit test/unit/plan/host test/unit/plan/lease test/unit/plan/ompi
test_unit_plan_fit_SOURCES = test/unit/plan/fit.c
test_unit_plan_host_SOURCES = test/unit/plan/host.c
test_unit_plan_lease_SOURCES = test/unit/plan/lease.c
test_unit_plan_ompi_SOURCES = test/unit/plan/ompi.c
