# src/tools - the programs people type; each is wiring, the parts below are shared
noinst_LTLIBRARIES += libtools.la
libtools_la_SOURCES = \
	src/tools/tool_dial.c src/tools/tool_dial.h \
	src/tools/tool_table.c src/tools/tool_table.h \
	src/tools/tool_text.c src/tools/tool_text.h \
	src/tools/run_embedded.c src/tools/run_embedded.h \
	src/tools/run_env.c src/tools/run_env.h \
	src/tools/run_input.c src/tools/run_input.h \
	src/tools/run_list.c src/tools/run_list.h \
	src/tools/run_map.c src/tools/run_map.h \
	src/tools/run_options.c src/tools/run_options.h \
	src/tools/run_output.c src/tools/run_output.h \
	src/tools/run_progress.c src/tools/run_progress.h \
	src/tools/run_session.c src/tools/run_session.h \
	src/tools/run_signals.c src/tools/run_signals.h \
	src/tools/run_sink.c src/tools/run_sink.h \
	src/tools/run_submit.c src/tools/run_submit.h \
	src/tools/run_tell.c src/tools/run_tell.h
libtools_la_LIBADD = libp2pmpi.la

bin_PROGRAMS += src/tools/p2pmpirun
src_tools_p2pmpirun_SOURCES = src/tools/run_main.c
src_tools_p2pmpirun_LDADD = libtools.la
