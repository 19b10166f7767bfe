# test/mpi - real MPI programs. step-*: under p2pmpi-stepd alone, driven by stepdrive
check_PROGRAMS += test/lib/stepdrive
test_lib_stepdrive_SOURCES = test/lib/stepdrive.c $(dustbin)
test_lib_stepdrive_LDADD = libp2pmpi.la

step_tests = test/mpi/step-run.sh test/mpi/step-death.sh test/mpi/step-daemon.sh test/mpi/step-pmix.sh
mpi_programs = test/mpi/hello test/mpi/mishap test/mpi/events test/mpi/pmixclient
TESTS += $(step_tests)
EXTRA_DIST += $(step_tests) test/mpi/step-lib.sh test/mpi/hello.c test/mpi/mishap.c test/mpi/events.c test/mpi/pmixclient.c
CLEANFILES += $(mpi_programs)

# Compiled as users compile theirs, without our CFLAGS: what libpmix leaks in them is not ours.
if HAVE_MPICC
check_DATA = $(mpi_programs)
test/mpi/hello: test/mpi/hello.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/test/mpi/hello.c
test/mpi/mishap: test/mpi/mishap.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/test/mpi/mishap.c
test/mpi/events: test/mpi/events.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 $(PMIX_CFLAGS) -o $@ $(srcdir)/test/mpi/events.c $(PMIX_LIBS)
test/mpi/pmixclient: test/mpi/pmixclient.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(CC) -O1 $(PMIX_CFLAGS) -o $@ $(srcdir)/test/mpi/pmixclient.c $(PMIX_LIBS)
endif

# p2prep-*: under stock mpirun, the PML p2prep against ob1
p2prep_programs = test/mpi/p2prep-modes test/mpi/p2prep-types test/mpi/p2prep-probe test/mpi/p2prep-coll test/mpi/p2prep-comm \
	test/mpi/p2prep-work test/mpi/p2prep-cases test/mpi/p2prep-decide test/mpi/p2prep-verify test/mpi/p2prep-dups test/mpi/p2prep-threads \
	test/mpi/p2prep-io test/mpi/p2prep-queues test/mpi/p2prep-refused
p2prep_tests = test/mpi/p2prep.sh test/mpi/p2prep-ends.sh test/mpi/p2prep-cases.sh test/mpi/p2prep-chaos.sh \
	test/mpi/p2prep-stats.sh test/mpi/p2prep-decide.sh test/mpi/p2prep-chaos-decisions.sh test/mpi/p2prep-verify.sh \
	test/mpi/p2prep-idle.sh test/mpi/p2prep-lag.sh
EXTRA_DIST += $(p2prep_tests) test/mpi/p2prep-lib.sh test/mpi/p2prep-result.h test/mpi/p2prep-fault.h \
	test/mpi/p2prep-modes.c test/mpi/p2prep-types.c test/mpi/p2prep-probe.c test/mpi/p2prep-coll.c test/mpi/p2prep-comm.c \
	test/mpi/p2prep-work.c test/mpi/p2prep-cases.c test/mpi/p2prep-decide.c test/mpi/p2prep-verify.c test/mpi/p2prep-dups.c test/mpi/p2prep-threads.c test/mpi/p2prep-io.c test/mpi/p2prep-queues.c test/mpi/p2prep-refused.c \
	test/mpi/p2prep-ends.c test/mpi/p2prep-stats.c \
	test/mpi/p2prep-idle.c
CLEANFILES += $(p2prep_programs) test/mpi/p2prep-ends test/mpi/p2prep-stats test/mpi/p2prep-idle
p2prep_others = test/mpi/p2prep-whole.sh test/mpi/p2prep-programs.sh test/mpi/p2prep-apps.sh test/mpi/p2prep-installed.sh
EXTRA_DIST += $(p2prep_others) test/mpi/p2prep-sets.sh test/mpi/p2prep-kill.c test/mpi/p2prep-mpi4py.py test/mpi/p2prep-choices.py test/mpi/p2prep-queues.py
CLEANFILES += test/mpi/p2prep-kill.so
TESTS += $(p2prep_tests) $(p2prep_others)
if HAVE_MPICC
if HAVE_OMPI_DEVEL
check_DATA += $(p2prep_programs) test/mpi/p2prep-ends test/mpi/p2prep-stats test/mpi/p2prep-idle test/mpi/p2prep-kill.so
test/mpi/p2prep-kill.so: test/mpi/p2prep-kill.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -shared -fPIC -o $@ $(srcdir)/test/mpi/p2prep-kill.c
test/mpi/p2prep-stats: test/mpi/p2prep-stats.c
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/$@.c
test/mpi/p2prep-idle: test/mpi/p2prep-idle.c test/mpi/p2prep-fault.h
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/$@.c
test/mpi/p2prep-ends: test/mpi/p2prep-ends.c test/mpi/p2prep-result.h test/mpi/p2prep-fault.h
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/$@.c
test/mpi/p2prep-modes test/mpi/p2prep-types test/mpi/p2prep-probe test/mpi/p2prep-coll test/mpi/p2prep-comm \
	test/mpi/p2prep-work test/mpi/p2prep-cases test/mpi/p2prep-decide test/mpi/p2prep-verify test/mpi/p2prep-dups test/mpi/p2prep-threads \
	test/mpi/p2prep-io test/mpi/p2prep-queues test/mpi/p2prep-refused: \
		test/mpi/p2prep-result.h test/mpi/p2prep-fault.h
	$(AM_V_GEN)$(MKDIR_P) test/mpi && $(MPICC) -O1 -o $@ $(srcdir)/$@.c -lm
test/mpi/p2prep-modes: test/mpi/p2prep-modes.c
test/mpi/p2prep-types: test/mpi/p2prep-types.c
test/mpi/p2prep-probe: test/mpi/p2prep-probe.c
test/mpi/p2prep-coll: test/mpi/p2prep-coll.c
test/mpi/p2prep-comm: test/mpi/p2prep-comm.c
test/mpi/p2prep-work: test/mpi/p2prep-work.c
test/mpi/p2prep-cases: test/mpi/p2prep-cases.c
test/mpi/p2prep-decide: test/mpi/p2prep-decide.c
test/mpi/p2prep-verify: test/mpi/p2prep-verify.c
test/mpi/p2prep-dups: test/mpi/p2prep-dups.c
test/mpi/p2prep-threads: test/mpi/p2prep-threads.c
test/mpi/p2prep-io: test/mpi/p2prep-io.c
test/mpi/p2prep-queues: test/mpi/p2prep-queues.c
test/mpi/p2prep-refused: test/mpi/p2prep-refused.c
endif
endif

check-mpi:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(step_tests) $(p2prep_tests) $(p2prep_others)'
# The component and the engines in it: what wants nothing but Open MPI
p2prep_units = $(filter test/unit/p2prep/% test/unit/replica/% test/unit/ring/%,$(unit_tests))
check-p2prep:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(p2prep_units) $(p2prep_tests) test/mpi/p2prep-installed.sh'

# Kills N processes of replicated jobs; SEED= repeats a row.
N = 1000
chaos: mca_pml_p2prep.la $(p2prep_programs) $(kernels)
	P2PMPI_SRCDIR='$(abs_srcdir)' P2PMPI_BUILDDIR='$(abs_builddir)' $(SHELL) $(srcdir)/test/mpi/p2prep-chaos.sh $(N) $(SEED)
# The same of programs whose course depends on timing, at their choices.
chaos-decisions: mca_pml_p2prep.la $(p2prep_programs)
	P2PMPI_SRCDIR='$(abs_srcdir)' P2PMPI_BUILDDIR='$(abs_builddir)' $(SHELL) $(srcdir)/test/mpi/p2prep-chaos-decisions.sh $(N) $(SEED)
.PHONY: check-mpi check-p2prep chaos chaos-decisions
