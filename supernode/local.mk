# supernode - the directory of a grid's peers
noinst_LTLIBRARIES += libsupernode.la
libsupernode_la_SOURCES = \
	supernode/sn_admit.c supernode/sn_admit.h \
	supernode/sn_answer.c supernode/sn_answer.h \
	supernode/sn_client.c supernode/sn_client.h \
	supernode/sn_daemon.c supernode/sn_daemon.h \
	supernode/sn_directory.h \
	supernode/sn_options.c supernode/sn_options.h \
	supernode/sn_registry.c supernode/sn_registry.h \
	supernode/sn_service.c supernode/sn_service.h \
	supernode/sn_session.c supernode/sn_session.h \
	supernode/sn_table.c supernode/sn_table.h
libsupernode_la_LIBADD = libcli.la

bin_PROGRAMS += supernode/p2pmpi-supernode
supernode_p2pmpi_supernode_SOURCES = supernode/main.c
supernode_p2pmpi_supernode_LDADD = libsupernode.la
