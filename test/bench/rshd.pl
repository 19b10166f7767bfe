#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
# rshd.pl - the least that mpirun needs of a remote shell on a test host: one line in, its output out
use strict;
use warnings;
use IO::Socket::IP;

$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::IP->new(LocalHost => '::', LocalPort => 5140, Listen => 16, V6Only => 0, ReuseAddr => 1)
    or die "rshd.pl: $@\n";
while (my $client = $listener->accept) {
    next if fork;
    my $line = <$client>;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $client;
    open STDERR, '>&', $client;
    close $listener;
    exec 'sh', '-c', $line;
}
