# src/coll - collective work of a job's steps: fence, direct modex
coll_sources = \
	src/coll/fence.c src/coll/fence.h \
	src/coll/fencemsg.c src/coll/fencemsg.h \
	src/coll/gather.c src/coll/gather.h \
	src/coll/modex.c src/coll/modex.h \
	src/coll/procset.c src/coll/procset.h \
	src/coll/results.c src/coll/results.h \
	src/coll/series.c src/coll/series.h \
	src/coll/tree.c src/coll/tree.h
