# src/tools - the programs people type; each is wiring, the parts below are shared
noinst_LTLIBRARIES += libtools.la
libtools_la_SOURCES = \
	src/tools/tool_asker.c src/tools/tool_asker.h \
	src/tools/hosts_table.c src/tools/hosts_table.h \
	src/tools/run_embedded.c src/tools/run_embedded.h \
	src/tools/run_env.c src/tools/run_env.h \
	src/tools/run_input.c src/tools/run_input.h \
	src/tools/run_list.c src/tools/run_list.h \
	src/tools/run_map.c src/tools/run_map.h \
	src/tools/run_options.c src/tools/run_options.h \
	src/tools/run_output.c src/tools/run_output.h \
	src/tools/run_replicas.c src/tools/run_replicas.h \
	src/tools/run_progress.c src/tools/run_progress.h \
	src/tools/run_session.c src/tools/run_session.h \
	src/tools/run_signals.c src/tools/run_signals.h \
	src/tools/run_sink.c src/tools/run_sink.h \
	src/tools/run_submit.c src/tools/run_submit.h \
	src/tools/run_tell.c src/tools/run_tell.h
libtools_la_LIBADD = libcli.la

bin_PROGRAMS += src/tools/p2pmpi-hosts src/tools/p2pmpi-ps src/tools/p2pmpi-boot src/tools/p2pmpi-halt
src_tools_p2pmpi_hosts_SOURCES = src/tools/hosts_main.c
src_tools_p2pmpi_hosts_LDADD = libtools.la
src_tools_p2pmpi_ps_SOURCES = src/tools/ps_main.c
src_tools_p2pmpi_ps_LDADD = libtools.la
src_tools_p2pmpi_boot_SOURCES = src/tools/boot_main.c
src_tools_p2pmpi_boot_LDADD = libtools.la
src_tools_p2pmpi_halt_SOURCES = src/tools/halt_main.c
src_tools_p2pmpi_halt_LDADD = libtools.la

bin_PROGRAMS += src/tools/p2pmpi-grid
src_tools_p2pmpi_grid_SOURCES = src/tools/grid_main.c src/tools/grid_verbs.c src/tools/grid_verbs.h
src_tools_p2pmpi_grid_LDADD = libtools.la
bin_PROGRAMS += src/tools/p2pmpirun
src_tools_p2pmpirun_SOURCES = src/tools/run_main.c
src_tools_p2pmpirun_LDADD = libtools.la
