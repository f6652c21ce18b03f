# Where a machine asks whether the server is well: whatever lies at that address, by every form of the question, in no log
# and in no counter. Who asks with which Host, as a kubelet does by the pod's address, is the guard's business alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

use constant HEALTH => '/.well-known/tinyhttpd/health';

my $root = new_root();
put_file($root, 'index.html', 'the application');
put_file($root, '.well-known/tinyhttpd/health', 'a file of this name');
put_file($root, 'large.bin', '');
truncate "$root/large.bin", 30_000_000;

sub asked {
    my ($server, $octets) = @_;
    my ($method) = $octets =~ /\A(\w+)/;
    my $result = $server->exchange($octets, count => 1, methods => [$method]);
    close $result->{socket} if $result->{socket}->opened;
    my $answer = $result->{responses}[0] or return 'none';
    return "$answer->{status} $answer->{body}";
}

# ---- each form of the question, whatever else would answer it ----
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--spa', '--watch', '--metrics', '/metrics']);
    my $html   = "Host: localhost\r\nAccept: text/html\r\n\r\n";
    my @well   = (
        ['GET',                                  'GET ' . HEALTH . " HTTP/1.1\r\n$html"],
        ['a query, as some balancers add one',   'GET ' . HEALTH . "?now=1 HTTP/1.1\r\n$html"],
        ['absolute-form (RFC 9112 3.2.2)',       'GET http://localhost' . HEALTH . " HTTP/1.1\r\n$html"],
        ['both',                                 'GET HTTP://LOCALHOST:80' . HEALTH . "?a?b HTTP/1.1\r\n$html"],
        ['HTTP/1.0 without a Host',              'GET ' . HEALTH . " HTTP/1.0\r\n\r\n"],
        ['a body',                               'GET ' . HEALTH . " HTTP/1.1\r\nContent-Length: 2\r\n" . $html . 'ab'],
        ['If-None-Match: *',                     'GET ' . HEALTH . " HTTP/1.1\r\nIf-None-Match: *\r\n$html"],
        ['a range',                              'GET ' . HEALTH . " HTTP/1.1\r\nRange: bytes=0-0\r\n$html"],
    );
    is(asked($server, $_->[1]), "200 ok\n", $_->[0]) for @well;
    is(asked($server, 'HEAD ' . HEALTH . " HTTP/1.1\r\n$html"), '200 ', 'HEAD');
    is($server->log, '', 'none of them is logged');
    my $metrics = asked($server, "GET http://localhost/metrics?name=x HTTP/1.1\r\n$html");
    like($metrics, qr/^tinyhttpd_requests_total\{class="2xx"\} 0$/m, 'nor counted, as the counters say in absolute-form');
    like($metrics, qr/^tinyhttpd_response_bytes_total 0$/m, 'nor are their bytes');

    is(asked($server, 'GET ' . HEALTH . "x HTTP/1.1\r\nHost: localhost\r\n\r\n") =~ s/ .*//sr, 404, 'another name is another address');
    is(asked($server, 'POST ' . HEALTH . " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n") =~ s/ .*//sr, 405, 'POST is refused as ever');
    $server->stop;
}

# ---- by whatever Host, where others reach the server; by the usual ones, where none does ----
for my $case (['all addresses', '0.0.0.0', "200 ok\n", "200 ok\n"], ['the loopback', '127.0.0.1', "200 ok\n", '403']) {
    my ($name, $bind, $near, $far) = @$case;
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-p', '0', '-b', $bind, '-j', '1']);
    for my $host (['127.0.0.1:8080', $near], ['10.1.2.3:8080', $far], ['[fd00::1]:8080', $far], ['site.example', $far]) {
        my $answer = asked($server, 'GET ' . HEALTH . " HTTP/1.1\r\nHost: $host->[0]\r\n\r\n");
        is(substr($answer, 0, length $host->[1]), $host->[1], "bound to $name, asked by Host: $host->[0]");
    }
    $server->stop;
}

# ---- told to stop: nobody else is let in, and who is still answered is told that it is not well ----
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin') . get_request(HEALTH);
    sysread $socket, my $all, 1000;
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), 'a server that stops lets nobody in');
    1 while sysread $socket, $all, 1 << 20, length $all;
    my ($head, $body) = substr($all, index($all, "\r\n\r\n") + 4 + 30_000_000) =~ /\A(.*?\r\n)\r\n(.*)\z/s;
    like($head, qr{\AHTTP/1\.1 503 [^\r]*\r\n(?:.*\r\n)?Connection: close\r\n}s, 'who had asked before is told 503, as the last answer');
    is($body, "draining\n", 'and why');
    $server->ended(stderr => $before);
}

responses_framed();
done_testing();
