# src/coll - collective work of a job's steps: fence, direct modex
coll_sources = \
	src/coll/fence.h \
	src/coll/modex.h
