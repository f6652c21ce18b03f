# The health address: answered before any file of that name, in every form of the request, neither logged nor counted.
# Only a server that is bound to loopback checks its Host: a kubelet uses the pod's address.
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
    my ($server, $bytes) = @_;
    my ($method) = $bytes =~ /\A(\w+)/;
    my $result = $server->exchange($bytes, count => 1, methods => [$method]);
    close $result->{socket} if $result->{socket}->opened;
    my $answer = $result->{responses}[0] or return 'none';
    return "$answer->{status} $answer->{body}";
}

# ---- each form of the request, with all options that could answer it otherwise ----
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--spa', '--watch', '--metrics', '/metrics']);
    my $html   = "Host: localhost\r\nAccept: text/html\r\n\r\n";
    my @well   = (
        ['GET',                                  'GET ' . HEALTH . " HTTP/1.1\r\n$html"],
        ['a query, as load balancers add one',   'GET ' . HEALTH . "?now=1 HTTP/1.1\r\n$html"],
        ['absolute-form (RFC 9112 3.2.2)',       'GET http://localhost' . HEALTH . " HTTP/1.1\r\n$html"],
        ['absolute-form with a query',                                 'GET HTTP://LOCALHOST:80' . HEALTH . "?a?b HTTP/1.1\r\n$html"],
        ['HTTP/1.0 without a Host',              'GET ' . HEALTH . " HTTP/1.0\r\n\r\n"],
        ['a body',                               'GET ' . HEALTH . " HTTP/1.1\r\nContent-Length: 2\r\n" . $html . 'ab'],
        ['If-None-Match with an ETag',           'GET ' . HEALTH . " HTTP/1.1\r\nIf-None-Match: \"x\"\r\n$html"],
        ['a range',                              'GET ' . HEALTH . " HTTP/1.1\r\nRange: bytes=0-0\r\n$html"],
    );
    is(asked($server, $_->[1]), "200 ok\n", $_->[0]) for @well;
    is(asked($server, 'HEAD ' . HEALTH . " HTTP/1.1\r\n$html"), '200 ', 'HEAD');
    is(asked($server, 'GET ' . HEALTH . " HTTP/1.1\r\nIf-None-Match: *\r\n$html"), '304 ', 'If-None-Match: * (RFC 9110 13.1.2)');
    like(asked($server, 'GET ' . HEALTH . " HTTP/1.1\r\nIf-Match: \"x\"\r\n$html"), qr/\A412 /, 'If-Match with an ETag (RFC 9110 13.1.1)');
    at_rest($server->pid);
    is($server->log, '', 'health checks are not logged');
    my $metrics = asked($server, "GET http://localhost/metrics?name=x HTTP/1.1\r\n$html");
    like($metrics, qr/^tinyhttpd_requests_total\{class="2xx"\} 0$/m, 'health checks are not counted (the metrics, in absolute-form)');
    like($metrics, qr/^tinyhttpd_response_bytes_total 0$/m, 'the bytes of health checks are not counted');

    is(asked($server, 'GET ' . HEALTH . "x HTTP/1.1\r\nHost: localhost\r\n\r\n") =~ s/ .*//sr, 404, 'a longer path is not the health address: 404');
    is(asked($server, 'POST ' . HEALTH . " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n") =~ s/ .*//sr, 405, 'POST: 405');
    $server->stop;
}

# ---- any Host if the server is reachable from outside; the names of this machine if it is bound to loopback ----
for my $case (['all addresses', '0.0.0.0', "200 ok\n", "200 ok\n"], ['the loopback', '127.0.0.1', "200 ok\n", '403']) {
    my ($name, $bind, $local, $foreign) = @$case;
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-p', '0', '-b', $bind, '-j', '1']);
    for my $host (['127.0.0.1:8080', $local], ['10.1.2.3:8080', $foreign], ['[fd00::1]:8080', $foreign], ['site.example', $foreign]) {
        my $answer = asked($server, 'GET ' . HEALTH . " HTTP/1.1\r\nHost: $host->[0]\r\n\r\n");
        is(substr($answer, 0, length $host->[1]), $host->[1], "bound to $name, Host: $host->[0]");
    }
    $server->stop;
}

# ---- SIGTERM: new connections are refused, and health checks that arrived before are answered with 503 ----
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', '3600']);
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin') . get_request(HEALTH);
    sysread $socket, my $all, 1000;
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), 'SIGTERM: new connections are refused');
    1 while sysread $socket, $all, 1 << 20, length $all;
    my ($head, $body) = substr($all, index($all, "\r\n\r\n") + 4 + 30_000_000) =~ /\A(.*?\r\n)\r\n(.*)\z/s;
    like($head, qr{\AHTTP/1\.1 503 [^\r]*\r\n(?:.*\r\n)?Connection: close\r\n}s, 'SIGTERM: a health check in the pipeline is 503, with Connection: close');
    is($body, "stopping\n", 'SIGTERM: the body says that the server is stopping');
    $server->ended(stderr => $before);
}

responses_framed();
done_testing();
