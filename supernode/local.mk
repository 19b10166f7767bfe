# supernode
