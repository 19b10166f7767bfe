# src/job - the life of a job, at home and on a host
job_sources = \
	src/job/chan.h
