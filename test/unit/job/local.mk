# test/unit/job
unit_tests += test/unit/job/chan
test_unit_job_chan_SOURCES = test/unit/job/chan.c
unit_tests += test/unit/job/inbox
test_unit_job_inbox_SOURCES = test/unit/job/inbox.c
unit_tests += test/unit/job/outbox
test_unit_job_outbox_SOURCES = test/unit/job/outbox.c
unit_tests += test/unit/job/jobid
test_unit_job_jobid_SOURCES = test/unit/job/jobid.c
unit_tests += test/unit/job/life
test_unit_job_life_SOURCES = test/unit/job/life.c
unit_tests += test/unit/job/result
test_unit_job_result_SOURCES = test/unit/job/result.c
unit_tests += test/unit/job/merge
test_unit_job_merge_SOURCES = test/unit/job/merge.c
unit_tests += test/unit/job/roster
test_unit_job_roster_SOURCES = test/unit/job/roster.c
