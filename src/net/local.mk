# src/net
net_sources = \
	src/net/link.c src/net/link.h src/net/link_inner.h \
	src/net/link_tls.c \
	src/net/link_unix.c src/net/link_unix.h \
	src/net/listener.c src/net/listener_inner.h
