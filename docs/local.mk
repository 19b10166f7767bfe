# docs
include docs/man/local.mk
EXTRA_DIST += docs/pmix.md
EXTRA_DIST += docs/tutorial.md
EXTRA_DIST += docs/protocol-job.md
EXTRA_DIST += docs/protocol-stage.md
