# test/prog
