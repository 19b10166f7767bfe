# test/sim
