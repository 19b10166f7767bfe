# src/replica - the replica protocol: engines that mca-component drives and test/sim tries
# Needs of ours only src/base/err.c and src/base/mem.c: the component compiles these sources itself.
replica_sources = \
	src/replica/msg.h \
	src/replica/world.c src/replica/world.h \
	src/replica/replica.h
