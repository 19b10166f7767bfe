# test/bench - make bench: p2pmpirun beside mpirun, p2prep beside ob1; never part of make check, but for p2prep-smoke.sh
EXTRA_DIST += test/bench/bench-lib.sh test/bench/bench.sh test/bench/rshd.pl test/bench/rsh.pl
EXTRA_DIST += test/bench/p2prep-bench.sh test/bench/p2prep-bench-cells.sh test/bench/medians.awk test/bench/cells.awk test/bench/p2prep-pair.c

EXTRA_DIST += test/bench/p2prep-smoke.sh
TESTS += test/bench/p2prep-smoke.sh

kernels = test/bench/kernels/ep test/bench/kernels/is test/bench/kernels/cg test/bench/kernels/ft test/bench/kernels/farm test/bench/kernels/spin
kernel_sources = test/bench/kernels/kernel.c test/bench/kernels/kernel.h test/mpi/p2prep-result.h test/mpi/p2prep-fault.h
EXTRA_DIST += test/bench/kernels/kernel.c test/bench/kernels/kernel.h test/bench/kernels/ep.c test/bench/kernels/is.c \
	test/bench/kernels/cg.c test/bench/kernels/ft.c test/bench/kernels/task.h test/bench/kernels/farm.c test/bench/kernels/spin.c

EXTRA_DIST += test/bench/p2prep-bench-replicas.sh test/bench/replicas.awk
EXTRA_DIST += test/bench/p2prep-bench-verify.sh test/bench/verify.awk
EXTRA_DIST += test/bench/p2prep-bench-stall.sh test/bench/p2prep-stall.c test/bench/p2prep-bench-memory.sh test/bench/p2prep-memory.c
p2prep_bench_programs = test/bench/p2prep-pair test/bench/p2prep-stall test/bench/p2prep-memory $(kernels)
CLEANFILES += $(p2prep_bench_programs)
if HAVE_MPICC
test/bench/p2prep-pair test/bench/p2prep-stall test/bench/p2prep-memory: test/mpi/p2prep-fault.h
	$(AM_V_GEN)$(MKDIR_P) test/bench && $(MPICC) -O2 -I$(srcdir) -o $@ $(srcdir)/$@.c
test/bench/p2prep-pair: test/bench/p2prep-pair.c
test/bench/p2prep-stall: test/bench/p2prep-stall.c
test/bench/p2prep-memory: test/bench/p2prep-memory.c
$(kernels): $(kernel_sources)
	$(AM_V_GEN)$(MKDIR_P) test/bench/kernels && $(MPICC) -O2 -I$(srcdir) -o $@ $(srcdir)/$@.c $(srcdir)/test/bench/kernels/kernel.c -lm
test/bench/kernels/ep: test/bench/kernels/ep.c
test/bench/kernels/is: test/bench/kernels/is.c
test/bench/kernels/cg: test/bench/kernels/cg.c
test/bench/kernels/ft: test/bench/kernels/ft.c
test/bench/kernels/farm: test/bench/kernels/farm.c test/bench/kernels/task.h
test/bench/kernels/spin: test/bench/kernels/spin.c test/bench/kernels/task.h
if HAVE_OMPI_DEVEL
check_DATA += $(p2prep_bench_programs)
endif
endif

bench: bench-p2pmpirun bench-p2prep
bench-p2pmpirun: all $(check_PROGRAMS) $(check_SCRIPTS) $(check_DATA)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/test/bench/bench.sh
bench-p2prep: all $(check_DATA)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/test/bench/p2prep-bench.sh
.PHONY: bench bench-p2pmpirun bench-p2prep
