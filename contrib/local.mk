# contrib - what is around the programs: quickstart, the walls, units, completion
EXTRA_DIST += contrib/layers.conf contrib/layers.sh
EXTRA_DIST += contrib/scenes/peers.dat
p2prepconfdir = $(pkgdatadir)
dist_p2prepconf_DATA = contrib/p2prep.conf
EXTRA_DIST += contrib/quickstart contrib/debian13 .ci/run
