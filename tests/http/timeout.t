# Deadlines for requests (RFC 9110 15.5.9). All connections of this file wait at the same time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use Test::More;
use Time::HiRes qw(time sleep);

my $root = new_root();
put_file($root, 'index.html', 'page');
my $server = Harness->start(root => $root);

# name => { socket, bytes to send each second, bytes received, time of the end, for how long the server slept until then }
my %client;

sub client {
    my ($name, $bytes, $trickle, $socket) = @_;
    my $began = time;
    $socket ||= $server->connection;
    syswrite $socket, $bytes if length $bytes;
    $client{$name} = { socket => $socket, trickle => $trickle, raw => '', began => $began, sent_at => time, end => undef };
    return;
}

my $head = "GET / HTTP/1.1\r\nHost: localhost\r\n";
client('one byte',            'G');
client('half a request line',  'GET /ind');
client('a head without its end', $head);
client('half a field',         "${head}X: a");
client('a trickle of bytes',  "${head}X: ", 'x');
client('a trickle of fields',  $head, "X: a\r\n");
client('a trickle of a target', 'GET /', 'a');
client('a CR at the end',      "$head\r");
client('half a second request', "GET / HTT", undef, $server->exchange(get_request('/'), count => 1)->{socket});
client('half a pipelined request', get_request('/') . "GET / HTT");
client('nothing',              '');
client('nothing but half an empty line', "\r");
client('nothing but one and a half empty lines', "\r\n\r");
client('nothing after an answer', '', undef, $server->exchange(get_request('/'), count => 1)->{socket});

my $started  = time;
my $deadline = $started + Harness::PATIENCE();
my $slept    = 0;
my $probed   = 0;
my @slow;
while (time < $deadline) {
    my $before = time;
    my @open = grep { !defined $_->{end} } values %client;
    last if !grep { my $name = $_; $name !~ /nothing/ && !defined $client{$name}{end} } keys %client;
    my $select = IO::Select->new(map { $_->{socket} } @open);
    my %ready  = map { fileno($_) => 1 } $select->can_read(0.1);
    $slept += Harness::slept_since($before, $server->pid, 0.2);
    for my $one (@open) {
        if ($ready{ fileno $one->{socket} }) {
            my $got = sysread $one->{socket}, $one->{raw}, 65_536, length $one->{raw};
            if (!$got) { @$one{qw(end slept)} = (time - $one->{began}, $slept); next }
        }
        if (defined $one->{trickle} && time - $one->{sent_at} >= 0.5) {
            syswrite $one->{socket}, $one->{trickle};
            $one->{sent_at} = time;
        }
    }
    if (time - $probed > 1) {
        $probed = time;
        my $response = $server->get('/');
        push @slow, $probed - $started if $response->{status} ne '200' || $response->{slept} > 5;
    }
}
is("@slow", '', 'other clients are served meanwhile');

for my $name (sort grep { !/nothing/ } keys %client) {
    my $one = $client{$name};
    if ($name =~ /pipelined/) {
        like($one->{raw}, qr/\AHTTP\/1\.1 200 /, "$name: the complete request before it is answered");
        $one->{raw} =~ s/\A.*?page//s;
    }
    like($one->{raw}, qr/\AHTTP\/1\.1 408 /, "$name: 408 (RFC 9110 15.5.9)");
    like($one->{raw}, qr/\r\nConnection: close\r\n/i, "$name: has Connection: close");
    is(() = $one->{raw} =~ /HTTP\/1\.1 /g, 1, "$name: one response");
    ok(defined $one->{end}, "$name: the connection ends");
    cmp_ok($one->{end} || 99, '>=', 9.4, "$name: not before 10 s");
    cmp_ok($one->{slept} // 99, '<', 18, "$name: soon after 10 s, even if bytes trickle in");
}
for my $name (sort grep { /nothing/ } keys %client) {
    is($client{$name}{raw}, '', "$name: an idle connection gets no response");
}
is($server->exchange(get_request('/'), socket => $client{nothing}{socket}, count => 1)->{responses}[0]{status}, 200,
    'a connection that was silent for 10 s (a browser\'s preconnect) is still good') if !defined $client{nothing}{end};

responses_framed();
$server->stop;
done_testing();
