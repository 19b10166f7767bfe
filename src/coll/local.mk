# src/coll
coll_sources =
