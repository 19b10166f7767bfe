# docs
include docs/man/local.mk
EXTRA_DIST += docs/pmix.md
EXTRA_DIST += docs/tutorial.md
