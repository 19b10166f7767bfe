# src/member - who is there: peer cache, probes, supernode client
member_sources = \
	src/member/directory.c src/member/directory.h \
	src/member/peerfile.c \
	src/member/peers.c src/member/peers.h \
	src/member/probe.c src/member/probe.h
