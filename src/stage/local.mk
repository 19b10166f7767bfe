# src/stage
stage_sources =
