# src/peer - glue: engines bound to sockets and timers; what p2pmpid consists of
peer_sources = \
	src/peer/daemon.c src/peer/daemon.h \
	src/peer/front.c src/peer/front.h \
	src/peer/home.c src/peer/home.h src/peer/home_end.c src/peer/home_hosts.c src/peer/home_output.c src/peer/home_ranks.c src/peer/home_run.c src/peer/home_search.c src/peer/home_stage.c \
	src/peer/homes.c src/peer/homes.h \
	src/peer/hosting.c src/peer/hosting.h \
	src/peer/jobdirs.c src/peer/jobdirs.h \
	src/peer/members.c src/peer/members.h src/peer/members_inner.h src/peer/members_link.c \
	src/peer/members_list.c \
	src/peer/mesh.c src/peer/mesh.h src/peer/mesh_conn.c src/peer/mesh_dial.c src/peer/mesh_inner.h \
	src/peer/sandbox.c src/peer/sandbox.h \
	src/peer/part.c src/peer/part.h src/peer/part_files.c src/peer/part_lease.c src/peer/part_start.c \
	src/peer/part_step.c \
	src/peer/selfaddr.c src/peer/selfaddr.h \
	src/peer/settings.c src/peer/settings.h \
	src/peer/step.c src/peer/step.h \
	src/peer/toolstep.c src/peer/toolstep.h \
	src/peer/vigil.c src/peer/vigil.h \
	src/peer/watches.c src/peer/watches.h
