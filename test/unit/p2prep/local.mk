# test/unit/p2prep - the parts of the component that need no Open MPI
unit_tests += test/unit/p2prep/transport
test_unit_p2prep_transport_SOURCES = test/unit/p2prep/transport.c $(dustbin) $(p2prep_transport_sources)
unit_tests += test/unit/p2prep/ctl
test_unit_p2prep_ctl_SOURCES = test/unit/p2prep/ctl.c $(p2prep_ctl_sources) \
	mca-component/pml_p2prep/pml_p2prep_tcp_addr.c
unit_tests += test/unit/p2prep/id
test_unit_p2prep_id_SOURCES = test/unit/p2prep/id.c mca-component/pml_p2prep/pml_p2prep_id.c
