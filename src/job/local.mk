# src/job - the life of a job, at home and on a host
job_sources = \
	src/job/chan.c src/job/chan.h \
	src/job/inbox.c src/job/inbox.h \
	src/job/jobid.c src/job/jobid.h \
	src/job/life.c src/job/life.h \
	src/job/look.c \
	src/job/merge.c src/job/merge.h \
	src/job/outbox.c src/job/outbox.h \
	src/job/propose.c \
	src/job/pulse.c src/job/pulse.h \
	src/job/result.c src/job/result.h \
	src/job/roster.c src/job/roster.h \
	src/job/rota.c src/job/rota.h \
	src/job/view.c src/job/view.h \
	src/job/views.c src/job/views.h \
	src/job/views_inner.h \
	src/job/watch.c src/job/watch.h \
	src/job/watch_inner.h \
	src/job/window.h
