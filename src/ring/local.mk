# src/ring - the single-writer shared-memory ring
ring_sources = src/ring/ring.c src/ring/ring.h
