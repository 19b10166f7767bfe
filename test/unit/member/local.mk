# test/unit/member
