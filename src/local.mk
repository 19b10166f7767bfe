# src - the engines and the glue, one convenience library; src/tools - the programs people type
include src/base/local.mk
include src/ring/local.mk
include src/wire/local.mk
include src/net/local.mk
include src/member/local.mk
include src/plan/local.mk
include src/job/local.mk
include src/coll/local.mk
include src/stage/local.mk
include src/replica/local.mk
include src/peer/local.mk

noinst_LTLIBRARIES += libp2pmpi.la
libp2pmpi_la_SOURCES = $(base_sources) $(ring_sources) $(wire_sources) $(net_sources) $(member_sources) $(plan_sources) \
	$(job_sources) $(coll_sources) $(stage_sources) $(replica_sources) $(peer_sources)
nodist_libp2pmpi_la_SOURCES = $(wire_generated)
libp2pmpi_la_LIBADD = $(EVENT_LIBS) $(EVENT_SSL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(HWLOC_LIBS) $(PROTOBUF_C_LIBS) \
	$(JANSSON_LIBS) $(INIH_LIBS) $(ZSTD_LIBS) $(XXHASH_LIBS)

include src/cli/local.mk
include src/tools/local.mk
