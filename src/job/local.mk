# src/job
job_sources =
