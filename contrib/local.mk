# contrib - what is around the programs: quickstart, the walls, units, completion
EXTRA_DIST += contrib/layers.conf contrib/layers.sh
EXTRA_DIST += contrib/scenes/peers.dat
EXTRA_DIST += contrib/quickstart contrib/debian13 .ci/run
