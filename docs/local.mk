# docs
include docs/man/local.mk
