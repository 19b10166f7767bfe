# src/plan - what a host offers, leases, booking, placement
plan_sources = \
	src/plan/book.h \
	src/plan/fit.h \
	src/plan/host.h \
	src/plan/lease.h \
	src/plan/ompi.h \
	src/plan/place.h
