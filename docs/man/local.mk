# docs/man - manual pages in mdoc(7); others add theirs to dist_man_MANS
dist_man_MANS += \
	docs/man/p2pmpi-boot.1 \
	docs/man/p2pmpi-halt.1 \
	docs/man/p2pmpi-hosts.1 \
	docs/man/p2pmpi-ps.1 \
	docs/man/p2pmpirun.1 \
	docs/man/p2pmpid.conf.5 \
	docs/man/p2pmpid.8 \
	docs/man/p2pmpi-stepd.8
dist_man_MANS += docs/man/p2pmpi-grid.1 docs/man/p2pmpi-supernode.8
