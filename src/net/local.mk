# src/net
net_sources =
