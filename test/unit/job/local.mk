# test/unit/job
unit_tests += test/unit/job/chan
test_unit_job_chan_SOURCES = test/unit/job/chan.c
unit_tests += test/unit/job/inbox
test_unit_job_inbox_SOURCES = test/unit/job/inbox.c
unit_tests += test/unit/job/outbox
test_unit_job_outbox_SOURCES = test/unit/job/outbox.c
