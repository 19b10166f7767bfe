# src/peer
peer_sources =
