# src/net
net_sources = \
	src/net/beatkey.c src/net/beatkey.h \
	src/net/datagram.c src/net/datagram.h \
	src/net/authority.c src/net/authority.h \
	src/net/certificate.c src/net/certificate.h \
	src/net/tcpdial.c src/net/tcpdial.h \
	src/net/grid.c src/net/grid.h \
	src/net/hostport.c src/net/hostport.h \
	src/net/identity.c src/net/identity.h \
	src/net/join.c src/net/join.h \
	src/net/link.c src/net/link.h src/net/link_inner.h \
	src/net/link_stream.c \
	src/net/link_tls.c \
	src/net/link_unix.c src/net/link_unix.h \
	src/net/listener.c src/net/listener_inner.h \
	src/net/listener_tls.c \
	src/net/resolve.c src/net/resolve.h \
	src/net/tcplisten.c src/net/tcplisten.h \
	src/net/tls.c src/net/tls.h src/net/tls_inner.h
