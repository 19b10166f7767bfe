# src/stage - content-addressed store, what a program needs, transfer of files to hosts and back
stage_sources = \
	src/stage/below.c src/stage/below.h \
	src/stage/elf.c src/stage/elf.h \
	src/stage/fetchin.c src/stage/fetchin.h \
	src/stage/fetchout.c src/stage/fetchout.h \
	src/stage/hashing.c src/stage/hashing.h \
	src/stage/hostcheck.c src/stage/hostcheck.h \
	src/stage/intake.c src/stage/intake.h \
	src/stage/layout.c src/stage/layout.h \
	src/stage/libpath.c src/stage/libpath.h \
	src/stage/manifest.c src/stage/manifest.h src/stage/manifest_inner.h \
	src/stage/manifest_input.c \
	src/stage/needs.c src/stage/needs.h \
	src/stage/pattern.c src/stage/pattern.h \
	src/stage/staged.c src/stage/staged.h \
	src/stage/store.c src/stage/store.h src/stage/store_inner.h \
	src/stage/store_copy.c \
	src/stage/supply.c src/stage/supply.h
