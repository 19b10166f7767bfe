# test/net/apps - MPI programs that tests start, compiled as a user would: with mpicc, none of our headers or flags
app_programs = test/net/apps/world test/net/apps/act test/net/apps/pingpong
app_sources = test/net/apps/world.c test/net/apps/act.c test/net/apps/pingpong.c test/net/apps/greet.c test/net/apps/ring.f90 test/net/apps/pi.py
EXTRA_DIST += $(app_sources)

if HAVE_MPICC
check_SCRIPTS += $(app_programs) test/net/apps/greet
CLEANFILES += $(app_programs) test/net/apps/greet test/net/apps/libp2pmpi-greet.so
endif
if HAVE_MPIFORT
check_SCRIPTS += test/net/apps/ring
CLEANFILES += test/net/apps/ring
endif

$(app_programs): %: $(srcdir)/%.c
	$(AM_V_CC)$(MKDIR_P) test/net/apps && $(MPICC) -O2 -Wall -o $@ $(srcdir)/$@.c
test/net/apps/greet: $(srcdir)/test/net/apps/greet.c
	$(AM_V_CC)$(MKDIR_P) test/net/apps && \
	$(CC) -shared -fPIC -DGREET_LIBRARY -o test/net/apps/libp2pmpi-greet.so $(srcdir)/test/net/apps/greet.c && \
	$(MPICC) -O2 -Wall -o $@ $(srcdir)/test/net/apps/greet.c -Ltest/net/apps -lp2pmpi-greet
test/net/apps/ring: $(srcdir)/test/net/apps/ring.f90
	$(AM_V_GEN)$(MKDIR_P) test/net/apps && $(MPIFORT) -O2 -Jtest/net/apps -o $@ $(srcdir)/test/net/apps/ring.f90
