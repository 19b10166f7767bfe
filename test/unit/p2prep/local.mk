# test/unit/p2prep - the component's transports: they need no Open MPI
unit_tests += test/unit/p2prep/transport
test_unit_p2prep_transport_SOURCES = test/unit/p2prep/transport.c $(p2prep_transport_sources)
