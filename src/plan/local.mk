# src/plan
plan_sources =
