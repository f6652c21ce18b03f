# --keep-alive, --shutdown-delay and --drain: times that must fit those of load balancers and service managers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use Test::More;
use Time::HiRes qw(time sleep);

use constant HEALTH => '/.well-known/tinyhttpd/health';


my $root = new_root();
put_file($root, 'small.txt', 'small');
put_file($root, 'large.bin', '');
truncate "$root/large.bin", 30_000_000;

# ---- --keep-alive ----
{
    my $server = Harness->start(root => $root, args => ['--keep-alive', '1', '-j', '1']);
    my $began  = time;
    my $first  = $server->exchange(get_request('/small.txt') x 3, count => 3);
    is($_->{field}{'keep-alive'}, 'timeout=1', 'a response names the idle time') for @{ $first->{responses} };
    is($first->{responses}[0]{field}{connection}, 'keep-alive', 'Connection lists the field (RFC 9110 7.6.1)');
    my $missing = $server->exchange(get_request('/missing'), count => 1)->{responses}[0];
    is($missing->{field}{'keep-alive'}, 'timeout=1', 'so does an error');
    my $last = $server->exchange(get_request('/small.txt', 'Connection: close'), count => 1)->{responses}[0];
    is($last->{field}{'keep-alive'}, undef, 'the last response does not');
    is($last->{field}{connection}, 'close', 'the last response says close');
    my $old = $server->exchange("GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", count => 1)->{responses}[0];
    is($old->{field}{connection}, 'keep-alive', 'HTTP/1.0: one Connection field');
    is($old->{field}{'keep-alive'}, 'timeout=1', 'HTTP/1.0: the idle time');
    my $slept = asleep_until { IO::Select->new($first->{socket})->can_read(0) } $server->pid;
    is(sysread($first->{socket}, my $nothing, 1), 0, 'an idle connection is closed');
    cmp_ok(time - $began, '>=', 0.9, 'not before the time');
    cmp_ok($slept, '<', 20, 'soon after it');
    $server->stop;

    my $usual = Harness->start(root => $root);
    is($usual->get('/small.txt')->{field}{'keep-alive'}, undef, 'without the option no response names a time');
    $usual->stop;
}

# ---- --shutdown-delay: everything but the health check is as before, for workers that are started then as well ----
{
    my $server = Harness->start(root => $root, args => ['-j', '2', '--shutdown-delay', '3600']);
    my $kept   = $server->exchange(get_request('/small.txt'), count => 1)->{socket};
    is($server->get(HEALTH)->{status}, 200, 'the server is healthy');
    my @workers = $server->workers;
    my $before  = $server->stderr;
    kill 'TERM', $server->pid, @workers; # a service manager signals all processes
    ok(eventually(sub { $server->get(HEALTH)->{status} == 503 }), 'SIGTERM: the server is unhealthy');
    is($server->get(HEALTH)->{body}, "stopping\n", 'the body does not say that connections are drained, as they are not yet');
    is($server->get('/small.txt')->{status}, 200, 'a new connection is served');
    my $response = $server->exchange(get_request('/small.txt'), socket => $kept, count => 1)->{responses}[0];
    is($response->{status}, 200, 'a kept connection is served');
    is($response->{field}{connection}, undef, 'and stays open');
    kill 'KILL', @workers;
    ok(eventually(sub { 2 == grep { my $now = $_; !grep { $_ == $now } @workers } $server->workers }), 'killed workers are replaced');
    is($server->get(HEALTH)->{status}, 503, 'a new worker is unhealthy');
    is($server->get('/small.txt')->{status}, 200, 'a new worker serves');
    $server->expect_stderr($_) for map { qr/worker $_ was killed/ } @workers;
    kill 'TERM', $server->pid; # a second signal, as the delay goes on
    $server->ended(stderr => $before);
}
{
    my $server = Harness->start(root => $root, args => ['-j', '2', '--shutdown-delay', '2']);
    my $before = $server->stderr;
    my $began  = time;
    kill 'TERM', $server->pid;
    my $slept = asleep_until { !connect_to('127.0.0.1', $server->port) } $server->pid;
    cmp_ok(time - $began, '>=', 1.9, 'new connections are not refused before the end of the delay');
    cmp_ok($slept // 99, '<', 9, 'but soon after it');
    $server->ended(stderr => $before);
}

# ---- a second signal ends at once, and removes the file of a Unix socket ----
{
    my $socket = "$root/../times-$$.sock";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--shutdown-delay', '3600', '-b', "unix:$socket"]);
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    ok(eventually(sub { $server->get(HEALTH)->{status} == 503 }), 'SIGTERM: the delay begins');
    ok(-S $socket, 'the socket is there');
    sleep 0.1; # LIMIT_STOP_TWICE_MS: a signal that follows within 10 ms counts as the same
    kill 'TERM', $server->pid;
    $server->ended(stderr => $before);
    ok(!-e $socket, 'a second SIGTERM ends the delay and removes the socket');
}

# ---- --drain ----
for my $case ([1, 0.9, 6], [0, 0, 5]) {
    my ($seconds, $least, $most) = @$case; # the server may sleep for `most`
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', $seconds]);
    my $slow   = $server->connection(receive => 16_384);
    syswrite $slow, get_request('/large.bin');
    sysread $slow, my $begin, 1000;
    my $before = $server->stderr;
    my $began  = time;
    kill 'TERM', $server->pid;
    $server->ended(stderr => $before, seconds => $most);
    cmp_ok(time - $began, '>=', $least, "--drain $seconds: a response in flight has this time");
}

responses_framed();
done_testing();
