# src/plan - what a host offers, leases, booking, placement
plan_sources = \
	src/plan/book.c src/plan/book.h \
	src/plan/candidate.c src/plan/candidate.h \
	src/plan/demand.c src/plan/demand.h \
	src/plan/fit.c src/plan/fit.h \
	src/plan/host.c src/plan/host.h \
	src/plan/lease.c src/plan/lease.h \
	src/plan/ompi.c src/plan/ompi.h \
	src/plan/place.c src/plan/place.h \
	src/plan/shortage.c src/plan/shortage.h \
	src/plan/spread.c src/plan/spread.h
