# pmix-server - p2pmpid, and p2pmpi-stepd with the PMIx server library in it
pkglibexec_PROGRAMS += pmix-server/p2pmpi-stepd
stepd_pure_sources = \
	pmix-server/px_env.c pmix-server/px_env.h \
	pmix-server/px_map.c pmix-server/px_map.h \
	pmix-server/px_peers.c pmix-server/px_peers.h \
	pmix-server/px_showhelp.c pmix-server/px_showhelp.h
pmix_server_p2pmpi_stepd_SOURCES = pmix-server/stepd.c $(stepd_pure_sources) \
	pmix-server/px_abort.c pmix-server/px_abort.h \
	pmix-server/px_child.c pmix-server/px_child.h \
	pmix-server/px_client.c pmix-server/px_client.h \
	pmix-server/px_daemon.c pmix-server/px_daemon.h \
	pmix-server/px_event.c pmix-server/px_event.h \
	pmix-server/px_fence.c pmix-server/px_fence.h \
	pmix-server/px_guard.c pmix-server/px_guard.h \
	pmix-server/px_host.c pmix-server/px_host.h \
	pmix-server/px_iface.c pmix-server/px_iface.h \
	pmix-server/px_iof.c pmix-server/px_iof.h \
	pmix-server/px_keeper.c pmix-server/px_keeper.h \
	pmix-server/px_launch.c pmix-server/px_launch.h \
	pmix-server/px_log.c pmix-server/px_log.h \
	pmix-server/px_modex.c pmix-server/px_modex.h \
	pmix-server/px_nspace.c pmix-server/px_nspace.h \
	pmix-server/px_query.c pmix-server/px_query.h \
	pmix-server/px_reap.c pmix-server/px_reap.h \
	pmix-server/px_replicas.c pmix-server/px_replicas.h \
	pmix-server/px_route.c pmix-server/px_route.h \
	pmix-server/px_status.c pmix-server/px_status.h \
	pmix-server/px_step.h \
	pmix-server/px_upcall.c pmix-server/px_upcall.h
pmix_server_p2pmpi_stepd_CFLAGS = $(AM_CFLAGS) $(PMIX_CFLAGS)
pmix_server_p2pmpi_stepd_LDADD = libcli.la libp2pmpi.la $(PMIX_LIBS)

bin_PROGRAMS += pmix-server/p2pmpid
pmix_server_p2pmpid_SOURCES = pmix-server/p2pmpid.c
pmix_server_p2pmpid_LDADD = libcli.la libp2pmpi.la
