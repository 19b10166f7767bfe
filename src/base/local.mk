# src/base - what libc and our libraries leave out
base_sources = \
	src/base/alike.c src/base/alike.h \
	src/base/clock.c src/base/clock.h \
	src/base/conf.c src/base/conf.h \
	src/base/dirs.c src/base/dirs.h \
	src/base/err.c src/base/err.h \
	src/base/file.c src/base/file.h \
	src/base/hex.c src/base/hex.h \
	src/base/id.c src/base/id.h \
	src/base/installed.c src/base/installed.h \
	src/base/log.c src/base/log.h \
	src/base/mem.c src/base/mem.h \
	src/base/program.c src/base/program.h \
	src/base/rand.c src/base/rand.h
