# docs
include docs/man/local.mk
EXTRA_DIST += docs/pmix.md
