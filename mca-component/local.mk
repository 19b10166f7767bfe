# SPDX-License-Identifier: BSD-3-Clause
# mca-component - the PML p2prep, a component that stock Open MPI loads
EXTRA_DIST += mca-component/pml_p2prep/README.md
if HAVE_OMPI_DEVEL
component_LTLIBRARIES = mca_pml_p2prep.la
dist_pkgdata_DATA = mca-component/pml_p2prep/help-mpi-pml-p2prep.txt
else
EXTRA_DIST += mca-component/pml_p2prep/help-mpi-pml-p2prep.txt
endif

# Without Open MPI: test/unit/p2prep links these, too.
p2prep_transport_sources = \
	mca-component/pml_p2prep/pml_p2prep_shm.c mca-component/pml_p2prep/pml_p2prep_shm.h \
	mca-component/pml_p2prep/pml_p2prep_shm_body.c mca-component/pml_p2prep/pml_p2prep_shm_link.h \
	mca-component/pml_p2prep/pml_p2prep_shm_seg.c \
	mca-component/pml_p2prep/pml_p2prep_tcp.c mca-component/pml_p2prep/pml_p2prep_tcp.h \
	mca-component/pml_p2prep/pml_p2prep_tcp_addr.c \
	mca-component/pml_p2prep/pml_p2prep_tcp_dial.c \
	mca-component/pml_p2prep/pml_p2prep_tcp_in.c \
	mca-component/pml_p2prep/pml_p2prep_tcp_out.c \
	mca-component/pml_p2prep/pml_p2prep_transport.h

p2prep_ctl_sources = \
	mca-component/pml_p2prep/pml_p2prep_ctl.c mca-component/pml_p2prep/pml_p2prep_ctl.h \
	mca-component/pml_p2prep/pml_p2prep_ctl_conn.c mca-component/pml_p2prep/pml_p2prep_ctl_inner.h

mca_pml_p2prep_la_SOURCES = \
	mca-component/pml_p2prep/pml_p2prep.h \
	mca-component/pml_p2prep/pml_p2prep_alike.c mca-component/pml_p2prep/pml_p2prep_alike.h \
	mca-component/pml_p2prep/pml_p2prep_comm.c \
	mca-component/pml_p2prep/pml_p2prep_compat.h mca-component/pml_p2prep/pml_p2prep_threads.h \
	mca-component/pml_p2prep/pml_p2prep_component.c \
	mca-component/pml_p2prep/pml_p2prep_daemon.c mca-component/pml_p2prep/pml_p2prep_daemon.h \
	mca-component/pml_p2prep/pml_p2prep_end.c mca-component/pml_p2prep/pml_p2prep_end.h \
	mca-component/pml_p2prep/pml_p2prep_falling.c mca-component/pml_p2prep/pml_p2prep_falling.h \
	mca-component/pml_p2prep/pml_p2prep_files.c mca-component/pml_p2prep/pml_p2prep_files.h \
	mca-component/pml_p2prep/pml_p2prep_head.h \
	mca-component/pml_p2prep/pml_p2prep_id.c mca-component/pml_p2prep/pml_p2prep_id.h \
	mca-component/pml_p2prep/pml_p2prep_idle.c mca-component/pml_p2prep/pml_p2prep_idle.h \
	mca-component/pml_p2prep/pml_p2prep_idup.c mca-component/pml_p2prep/pml_p2prep_idup.h \
	mca-component/pml_p2prep/pml_p2prep_match.c \
	mca-component/pml_p2prep/pml_p2prep_module.c \
	mca-component/pml_p2prep/pml_p2prep_order.c mca-component/pml_p2prep/pml_p2prep_order.h \
	mca-component/pml_p2prep/pml_p2prep_order_calls.c \
	mca-component/pml_p2prep/pml_p2prep_order_match.c \
	mca-component/pml_p2prep/pml_p2prep_patch.c \
	mca-component/pml_p2prep/pml_p2prep_peer.c \
	mca-component/pml_p2prep/pml_p2prep_probe.c \
	mca-component/pml_p2prep/pml_p2prep_recv.c \
	mca-component/pml_p2prep/pml_p2prep_refuse.c mca-component/pml_p2prep/pml_p2prep_refuse.h \
	mca-component/pml_p2prep/pml_p2prep_replica.c mca-component/pml_p2prep/pml_p2prep_replica.h \
	mca-component/pml_p2prep/pml_p2prep_request.c \
	mca-component/pml_p2prep/pml_p2prep_say.c \
	mca-component/pml_p2prep/pml_p2prep_stats.c mca-component/pml_p2prep/pml_p2prep_stats.h \
	mca-component/pml_p2prep/pml_p2prep_send.c \
	mca-component/pml_p2prep/pml_p2prep_verify.c mca-component/pml_p2prep/pml_p2prep_verify.h \
	mca-component/pml_p2prep/pml_p2prep_watch.c mca-component/pml_p2prep/pml_p2prep_watch.h \
	mca-component/pml_p2prep/pml_p2prep_wire.c mca-component/pml_p2prep/pml_p2prep_wire.h \
	mca-component/pml_p2prep/pml_p2prep_world.c mca-component/pml_p2prep/pml_p2prep_world.h \
	$(p2prep_transport_sources) $(p2prep_ctl_sources) $(ring_sources) $(replica_sources) \
	src/base/alike.c src/base/alike.h src/base/err.c src/base/err.h src/base/mem.c src/base/mem.h
# Not all warnings: Open MPI's macros are what they are.
mca_pml_p2prep_la_CPPFLAGS = $(AM_CPPFLAGS) $(OMPI_SYSTEM_CFLAGS)
mca_pml_p2prep_la_CFLAGS = -std=gnu11 $(PMIX_CFLAGS) $(WARN_CFLAGS) $(OMPI_ATOMIC_CFLAGS) -Wno-shadow -fvisibility=hidden
mca_pml_p2prep_la_LIBADD = $(PMIX_LIBS) $(XXHASH_LIBS)
mca_pml_p2prep_la_LDFLAGS = -module -avoid-version -shared

if HAVE_OMPI_DEVEL
if !USER_COMPONENT
install-data-hook:
	@echo "To let stock mpirun find the PML p2prep:"
	@echo "  export OMPI_MCA_mca_base_component_path=$(componentdir):`ompi_info --parsable --path pkglibdir | sed 's/.*://'`"
	@echo "or configure --with-user-component, which installs it into ~/.openmpi/components."
endif
endif
