# test/unit/stage
unit_tests += test/unit/stage/elf test/unit/stage/fetch test/unit/stage/manifest test/unit/stage/needs test/unit/stage/store \
	test/unit/stage/transfer
stage_scratch = test/unit/stage/scratch.c test/unit/stage/scratch.h
test_unit_stage_elf_SOURCES = test/unit/stage/elf.c $(stage_scratch)
test_unit_stage_fetch_SOURCES = test/unit/stage/fetch.c $(stage_scratch)
test_unit_stage_manifest_SOURCES = test/unit/stage/manifest.c $(stage_scratch)
test_unit_stage_needs_SOURCES = test/unit/stage/needs.c $(stage_scratch)
test_unit_stage_store_SOURCES = test/unit/stage/store.c $(stage_scratch)
test_unit_stage_transfer_SOURCES = test/unit/stage/transfer.c $(stage_scratch)
