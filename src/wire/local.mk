# src/wire - bytes <-> structs; wire.proto is compiled by protoc-c
wire_sources = \
	src/wire/beat.c src/wire/beat.h \
	src/wire/frame.c src/wire/frame.h \
	src/wire/joinframe.c src/wire/joinframe.h \
	src/wire/limits.c src/wire/limits.h
wire_generated = src/wire/wire.pb-c.c src/wire/wire.pb-c.h

BUILT_SOURCES += $(wire_generated)
CLEANFILES += $(wire_generated)
EXTRA_DIST += src/wire/wire.proto

src/wire/wire.pb-c.c: src/wire/wire.proto
	$(AM_V_GEN)$(MKDIR_P) src/wire && $(PROTOC_C) --proto_path=$(srcdir)/src --c_out=src $(srcdir)/src/wire/wire.proto
src/wire/wire.pb-c.h: src/wire/wire.pb-c.c
	@test -f $@ || { rm -f src/wire/wire.pb-c.c; $(MAKE) $(AM_MAKEFLAGS) src/wire/wire.pb-c.c; }
