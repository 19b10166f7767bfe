# test/lib
