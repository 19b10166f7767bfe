# docs - for people: architecture, protocol, tutorial, decisions, man pages
include docs/man/local.mk
EXTRA_DIST += \
	docs/architecture.md \
	docs/pmix.md \
	docs/protocol.md \
	docs/tutorial.md \
	docs/protocol-grid.md \
	docs/protocol-job.md \
	docs/protocol-stage.md \
	docs/replication.md \
	docs/decisions/0001-protobuf-c.md \
	docs/decisions/0002-channels.md \
	docs/decisions/0003-sandbox.md \
	docs/decisions/0004-home-after-restart.md \
	docs/decisions/0005-decisions.md \
	docs/decisions/0006-windows.md \
	docs/decisions/0007-replicated-jobs.md \
	docs/decisions/0008-views.md
EXTRA_DIST += docs/protocol-net.md
