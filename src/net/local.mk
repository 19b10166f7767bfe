# src/net
net_sources = \
	src/net/authority.c src/net/authority.h \
	src/net/certificate.c src/net/certificate.h \
	src/net/grid.c src/net/grid.h \
	src/net/hostport.c src/net/hostport.h \
	src/net/identity.c src/net/identity.h \
	src/net/link.c src/net/link.h src/net/link_inner.h \
	src/net/link_tls.c \
	src/net/link_unix.c src/net/link_unix.h \
	src/net/listener.c src/net/listener_inner.h
