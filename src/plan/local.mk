# src/plan - what a host offers, leases, booking, placement
plan_sources = \
	src/plan/book.h \
	src/plan/fit.c src/plan/fit.h \
	src/plan/host.c src/plan/host.h \
	src/plan/lease.c src/plan/lease.h \
	src/plan/ompi.c src/plan/ompi.h \
	src/plan/place.h
