# test/unit/coll
unit_tests += test/unit/coll/fence
test_unit_coll_fence_SOURCES = test/unit/coll/fence.c
unit_tests += test/unit/coll/modex
test_unit_coll_modex_SOURCES = test/unit/coll/modex.c
unit_tests += test/unit/coll/results
test_unit_coll_results_SOURCES = test/unit/coll/results.c
unit_tests += test/unit/coll/series
test_unit_coll_series_SOURCES = test/unit/coll/series.c
unit_tests += test/unit/coll/tree
test_unit_coll_tree_SOURCES = test/unit/coll/tree.c
