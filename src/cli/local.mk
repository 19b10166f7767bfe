# src/cli - what all our command lines share: options, tables, JSON, words for people
noinst_LTLIBRARIES += libcli.la
libcli_la_SOURCES = \
	src/cli/cli_json.c src/cli/cli_json.h \
	src/cli/cli_main.c src/cli/cli_main.h \
	src/cli/cli_table.c src/cli/cli_table.h \
	src/cli/cli_text.c src/cli/cli_text.h \
	src/cli/cli_wait.c src/cli/cli_wait.h
libcli_la_LIBADD = libp2pmpi.la
