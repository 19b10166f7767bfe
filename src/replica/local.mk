# src/replica - the replica protocol: engines that mca-component drives and test/sim tries
# Needs of ours only src/base/err.c and src/base/mem.c: the component compiles these sources itself.
replica_sources = \
	src/replica/msg.h \
	src/replica/world.c src/replica/world.h \
	src/replica/dead.c src/replica/dead.h \
	src/replica/streams.c src/replica/streams.h \
	src/replica/pool.c src/replica/pool.h \
	src/replica/replica_inner.h \
	src/replica/sending.c src/replica/keep.c src/replica/transfer.c src/replica/overdue.c \
	src/replica/acks.c src/replica/closing.c src/replica/receiving.c src/replica/failover.c \
	src/replica/verify.c \
	src/replica/declog.c src/replica/declog.h \
	src/replica/decide.c src/replica/decide.h \
	src/replica/matching.c src/replica/matching.h \
	src/replica/replica.c src/replica/replica.h
