# test/net
