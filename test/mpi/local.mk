# test/mpi - real MPI programs: under p2pmpi-stepd alone, driven by stepdrive
check_PROGRAMS += test/lib/stepdrive
test_lib_stepdrive_SOURCES = test/lib/stepdrive.c
test_lib_stepdrive_LDADD = libp2pmpi.la
