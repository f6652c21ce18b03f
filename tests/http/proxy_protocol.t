# --proxy-protocol: a trusted proxy names its client in a PROXY header, and the log, guards and reloads follow it.
# https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(inet_aton);
use Test::More;
use Time::HiRes qw(time sleep);


my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, '.hidden', 'not served');

my $signature = "\r\n\r\n\0\r\nQUIT\n";
my $line      = "PROXY TCP4 203.0.113.7 10.0.0.1 1234 80\r\n";
my $binary    = $signature . "\x21\x11" . pack('n', 12 + 5) . inet_aton('203.0.113.8') . inet_aton('10.0.0.1') . pack('nn', 1234, 80) . "\x04\0\x02xx";
my $local     = $signature . "\x20\0\0\0";

my @trusting = ('--proxy-protocol', '--trust-proxy', '127.0.0.1', '--log', 'json', '--metrics', '/metrics', '-j', '1');

# The harness only connects at the start, which is no error.
sub started { return Harness->start(root => $root, args => [@trusting, @_], list => 1) }

sub status_of { my ($result) = @_; return ($result->{responses}[0] || {})->{status} || 'none' }

# Sends bytes on a new connection; returns what arrives until the end.
sub answer_to {
    my ($server, @pieces) = @_;
    my $socket = $server->connection;
    for (@pieces) { syswrite $socket, $_ or last; sleep 0.05 if @pieces > 1 }
    my $all = '';
    1 while sysread $socket, $all, 65_536, length $all;
    return $all;
}

my $close = get_request('/', 'Connection: close');

# ---- the client in the log, on a connection of several requests ----
{
    my $server = started();
    my @clients = ([$line, '203.0.113.7'], [$binary, '203.0.113.8'], [$local, '127.0.0.1'], ["PROXY UNKNOWN\r\n", '127.0.0.1'],
        ["PROXY TCP6 2001:db8::1 fd00::1 1 2\r\n", '2001:db8::1']);
    for (@clients) { is(status_of($server->exchange($_->[0] . get_request('/') x 2, count => 2)), 200, "served for $_->[1]") }
    my @logged = map { /"client":"([^"]*)"/ } $server->log_lines(2 * @clients);
    is("@logged", join(' ', map { ($_->[1]) x 2 } @clients), 'the log has the clients of all requests');

    # Each byte in a packet of its own.
    for my $header ($line, $binary) {
        my $socket = $server->connection;
        for (split //, $header) { syswrite $socket, $_; sleep 0.002 }
        is(status_of($server->exchange(get_request('/'), socket => $socket, count => 1)), 200, 'a header byte by byte');
    }

    my $field = $server->exchange("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" . get_request('/', 'X-Forwarded-For: 198.51.100.9'), count => 1);
    like(($server->log_lines(13))[12], qr/"client":"198\.51\.100\.9"/, 'X-Forwarded-For counts if the named client is a trusted proxy, too');
    $server->exchange($line . get_request('/', 'X-Forwarded-For: 198.51.100.9'), count => 1);
    like(($server->log_lines(14))[13], qr/"client":"203\.0\.113\.7"/, 'and is ignored if it is not');

    # Reasons of a 404 are for local clients.
    my $ask = "GET /.hidden HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    unlike(answer_to($server, $line . $ask), qr/--dotfiles/, 'a remote client gets no reason');
    like(answer_to($server, "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" . $ask), qr/--dotfiles/, 'a local client of a local proxy does');
    unlike(answer_to($server, $_ . $ask), qr/--dotfiles/, 'nor does one that a proxy does not name') for "PROXY UNKNOWN\r\n", $local, $signature . "\x21\0\0\0";

    # ---- no header, half a header, an oversized one: closed without a response, and counted ----
    $server->expect_stderr(qr/no valid PROXY header; /);
    is(answer_to($server, $_->[1]), '', "closed: $_->[0]") for
        ['no header', $close],
        ['TLS', "\x16\x03\x01\x02\0\x01\0"],
        ['an invalid address', "PROXY TCP4 203.0.113.777 10.0.0.1 1 2\r\n$close"],
        ['an oversized line', 'PROXY UNKNOWN ' . 'x' x 200 . "\r\n$close"],
        ['an oversized binary header', $signature . "\x21\x11\xff\xff" . 'x' x 100];
    {
        my $socket = $server->connection;
        syswrite $socket, substr $line, 0, 20;
        shutdown $socket, 1;
        ok(!sysread($socket, my $nothing, 1), 'closed: half a header, then the end of the stream');
    }
    my $metrics = $server->exchange($local . get_request('/metrics'), count => 1)->{responses}[0]{body};
    like($metrics, qr/^tinyhttpd_proxy_header_errors_total 6$/m, 'they are counted');
    ok(eventually { (() = $server->stderr =~ /no valid PROXY header/g) == 1 }, 'one line says so');

    # ---- within the deadline of a head ----
    my $slow  = $server->connection;
    my $began = time;
    syswrite $slow, substr $binary, 0, 14;
    my $slept = asleep_until { IO::Select->new($slow)->can_read(0) } $server->pid;
    ok(!sysread($slow, my $nothing, 1), 'closed: half a header');
    cmp_ok(time - $began, '>', 9, 'after the time for a head');
    cmp_ok($slept, '<', 18, 'soon after it');

    $server->stop;
}

# ---- a reload: the connections' clients stay, and half a header is read on ----
{
    local %ENV = (%ENV, slow_clock()); # half a header has ten seconds
    my $server = started();
    my $kept = $server->exchange($line . get_request('/'), count => 1)->{socket};
    my $half = $server->connection;
    syswrite $half, substr $binary, 0, 20;
    at_rest($server->pid);
    my $lines = () = $server->log_lines(1);
    my ($old) = $server->workers;
    $server->expect_stderr(qr/reloaded; old workers are finishing/);
    kill 'HUP', $server->pid;
    ok(eventually(sub { !-d "/proc/$old" }), 'a reload: the old worker has handed its connections over');
    is(status_of($server->exchange(get_request('/kept'), socket => $kept, count => 1)), 404, 'a kept connection is served');
    is(status_of($server->exchange(substr($binary, 20) . get_request('/half'), socket => $half, count => 1)), 404, 'one with half a header as well');
    my %client = map { /"client":"([^"]*)".*"target":"\/(kept|half)"/ ? ($2, $1) : () } $server->log_lines($lines + 2);
    is($client{kept}, '203.0.113.7', 'the client of a kept connection is the same');
    is($client{half}, '203.0.113.8', 'so is the one of half a header');

    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    $server->ended(stderr => $before);
}

# ---- other peers: plain HTTP, and a header is a malformed request ----
{
    my $server = Harness->start(root => $root, args => ['--proxy-protocol', '--trust-proxy', '10.0.0.0/8', '--log', 'json', '-j', '1']);
    like(answer_to($server, $close), qr{\AHTTP/1\.1 200 }, 'an untrusted peer is served without a header');
    for my $header ($line, $binary, $local, "PROXY UNKNOWN\r\n") {
        my $answer = answer_to($server, $header . $close);
        like($answer, qr{\AHTTP/1\.1 (?:400|501) }, 'an untrusted peer sends a header: an error');
        is(() = $answer =~ m{^HTTP/1\.1 }mg, 1, 'and nothing behind it is served');
    }
    ok(!grep({ /203\.0\.113/ && /"client":"203/ } $server->log_lines(5)), 'its address is not believed');
    $server->stop;
}

# ---- a Unix socket, and --check ----
{
    my $path   = "$root/../proxy-$$.sock";
    my $server = Harness->start(root => $root, args => ['--proxy-protocol', '--trust-proxy', 'unix', '--trust-proxy', '127.0.0.1', '--log', 'json', '-j', '1', '-b', "unix:$path"]);
    my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!";
    is(status_of($server->exchange($line . get_request('/'), socket => $socket, count => 1)), 200, 'a Unix socket: served');
    like(($server->log_lines(1))[0], qr/"client":"203\.0\.113\.7"/, 'a Unix socket: the client is the named one');
    for my $bind (['-b', '127.0.0.1', '-p', $server->port], ['-b', "unix:$path"]) {
        my $run = run_program('--check', '--proxy-protocol', '--trust-proxy', 'unix', '--trust-proxy', '127.0.0.1', @$bind);
        is($run->{status}, 0, "--check @$bind[0, 1]: healthy") or diag(explain($run));
    }
    $server->stop;
}

done_testing();
