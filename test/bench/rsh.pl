#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
# rsh.pl HOST COMMAND... - runs it there by way of rshd.pl: a remote-shell agent for mpirun
use strict;
use warnings;
use IO::Socket::IP;

my $host = shift;
my $server = IO::Socket::IP->new(PeerHost => $host, PeerPort => 5140) or die "rsh.pl: $host: $@\n";
print $server "@ARGV\n";
$server->flush;
print while <$server>;
