# test/unit/tools
tools_tests = \
	test/unit/tools/env \
	test/unit/tools/input \
	test/unit/tools/listing \
	test/unit/tools/options \
	test/unit/tools/output
unit_tests += $(tools_tests)
test_unit_tools_env_SOURCES = test/unit/tools/env.c
test_unit_tools_env_LDADD = libtools.la $(LDADD)
test_unit_tools_input_SOURCES = test/unit/tools/input.c
test_unit_tools_input_LDADD = libtools.la $(LDADD)
test_unit_tools_listing_SOURCES = test/unit/tools/listing.c
test_unit_tools_listing_LDADD = libtools.la $(LDADD)
test_unit_tools_options_SOURCES = test/unit/tools/options.c
test_unit_tools_options_LDADD = libtools.la $(LDADD)
test_unit_tools_output_SOURCES = test/unit/tools/output.c
test_unit_tools_output_LDADD = libtools.la $(LDADD)
unit_tests += test/unit/tools/replicas
test_unit_tools_replicas_SOURCES = test/unit/tools/replicas.c
test_unit_tools_replicas_LDADD = libtools.la $(LDADD)
