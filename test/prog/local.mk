# test/prog - what a user types: exit codes, streams, signals, sentences
check_PROGRAMS += test/prog/fakedaemon
test_prog_fakedaemon_SOURCES = test/prog/fakedaemon.c
test_prog_fakedaemon_LDADD = libp2pmpi.la
