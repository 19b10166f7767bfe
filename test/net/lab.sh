#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# lab.sh - the hosts that other tests rely on are separate hosts
. "${P2PMPI_SRCDIR:-.}/test/lib/claim.sh"
. "$P2PMPI_SRCDIR/test/lib/lab.sh"

# hears HOST ADDRESS: what HOST sends over TCP to h2 comes back. perl is on every Debian.
hears() {
    on "$1" perl -MIO::Socket::IP -e '
        my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 7777, Timeout => 1) or exit 1;
        print $s "echo\n"; exit(<$s> eq "echo\n" ? 0 : 1);' "$2"
}
start_echo() {
    on h2 perl -MIO::Socket::IP -e '
        my $l = IO::Socket::IP->new(LocalHost => "::", LocalPort => 7777, Listen => 9, V6Only => 0, ReuseAddr => 1) or die $@;
        while (my $s = $l->accept) { print $s scalar <$s>; close $s }' &
}
seen_as() { [ "$(on "$@")" = "$seen" ]; }
# how long 2 MB take from h2 to h1
transfer_ms() {
    on h2 perl -MIO::Socket::IP -e '
        my $l = IO::Socket::IP->new(LocalHost => "10.77.0.2", LocalPort => 7778, Listen => 1, ReuseAddr => 1) or die $@;
        my $s = $l->accept; print $s "x" x 2000000; close $s' &
    on h1 perl -MIO::Socket::IP -MTime::HiRes=time -e '
        my $s; my $end = time + 5;
        $s = IO::Socket::IP->new(PeerHost => "10.77.0.2", PeerPort => 7778) until $s or time > $end;
        my $t = time; 1 while read $s, my $b, 65536; printf "%d\n", (time - $t) * 1000;'
}
is_slower() { [ "$(transfer_ms)" -ge 700 ]; }
is_faster() { [ "$(transfer_ms)" -lt 700 ]; }
is_gone() { [ ! -d "/proc/$1" ]; }

mkdir "$scratch/private"
echo secret >"$scratch/private/file"
lab_up 4 --bind "h1:$scratch/private:/private"

seen=h3; claim "a host has its own name" seen_as h3 hostname
seen=0000000000000000000000001ab00003; claim "a host has its own machine-id" seen_as h3 cat /etc/machine-id
seen=secret; claim "the submitter's directory is on the submitter" seen_as h1 cat /private/file
claim "the submitter's directory is not visible on the others" not on h2 test -e /private
claim "the source tree is visible on no host" not on h1 test -e "$P2PMPI_SRCDIR/configure.ac"
claim "the home directory of who runs the tests is visible on no host" \
    sh -c '[ -z "$("$1" exec h2 ls -A /root /home | grep -v :)" ]' - "$netlab"
on h1 sh -c 'echo 1 >/tmp/a; echo 1 >/dev/shm/a; echo 1 >/run/a'
for dir in /tmp /dev/shm /run; do
    claim "$dir is each host's own" not on h2 test -e $dir/a
    claim "$dir is not the machine's" not test -e $dir/a
done
seen=1; claim "a host sees its own processes only" seen_as h2 sh -c 'ls /proc | grep -cx 1'
claim "System V shared memory is each host's own" \
    not on h2 perl -e 'exit(defined(shmget(4711, 0, 0)) ? 0 : 1)'
start_echo
claim "hosts reach each other over IPv4" within 5 hears h1 10.77.0.2
claim "hosts reach each other over IPv6" within 5 hears h1 fd00::2
claim "hosts reach each other by name" within 5 hears h3 h2
lab cut h2
claim "a cut cable carries nothing" not hears h1 10.77.0.2
lab mend h2
claim "a mended cable carries again" within 5 hears h1 10.77.0.2
claim "without a limit a cable is fast" is_faster
lab rate h2 10
claim "a limited cable is slow" is_slower
lab rate h2 0
claim "a limit can be taken away" is_faster
if lab hide h3 /usr/bin/perl 2>/dev/null; then
    claim "a hidden program is gone on its host" answers 127 on h3 perl -e 1
    claim "a hidden program is there on the others" on h1 perl -e 1
else
    skip "a hidden program is gone on its host" "no overlay file system"
fi
init=$(lab pid h2)
lab kill h2
claim "a host whose plug was pulled is gone" is_gone "$init"
claim "a host whose plug was pulled does not answer" not hears h1 10.77.0.2
lab boot h2
seen=h2; claim "it boots again" seen_as h2 hostname
claim "a killed exec ends what it ran" answers 137 sh -c \
    '"$1" exec h1 sh -c "echo >/tmp/started; exec sleep 1000" & sleep 0.3; kill -9 $!; wait $!' - "$netlab"
is_idle() { [ "$(on h1 sh -c 'grep -l sleep /proc/[0-9]*/comm' | wc -l)" -eq 0 ]; }
claim "and nothing of it stays" within 5 is_idle

# a second lab, held by a process that is killed
mkdir "$scratch/second"
(
    NETLAB_DIR=$scratch/second
    exec sh -c '"$1" up 2 --watch $$ && "$1" pid h1 >"$2" && exec sleep 1000' - \
        "$netlab" "$scratch/second-h1"
) &
owner=$!
claim "two labs are up side by side" within 10 test -s "$scratch/second-h1"
kill -9 $owner
claim "a lab ends when the test that asked for it is killed" within 5 is_gone "$(cat "$scratch/second-h1")"
claim "and leaves no file" within 5 not test -e "$scratch/second"
claim "the first lab is still there" on h1 true
inits=$(for h in h1 h2 h3 h4; do lab pid $h; done)
lab down
for init in $inits; do
    claim "after down process $init is gone" is_gone "$init"
done
claims_end
