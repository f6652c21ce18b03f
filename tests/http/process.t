# Processes: how many, what happens when one dies, how the server ends, and that two never share a port.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);

bound_seconds(600);

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'large.bin', '');
my $size = 30_000_000;
truncate "$root/large.bin", $size or die $!;

# A download that is held in the middle: (socket, octets read so far)
sub held_download {
    my ($server) = @_;
    my $socket = $server->connection(receive => 32_768);
    syswrite $socket, get_request('/large.bin');
    sysread $socket, my $start, 1000 or die 'no answer';
    return ($socket, $start);
}

# All that still comes: the count of octets of the body, and whether the end came in time.
sub finish_download {
    my ($socket, $start) = @_;
    my ($all, $buffer) = (length $start, '');
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    while (my $got = sysread $socket, $buffer, 1 << 20) { $all += $got }
    return $all - length $head;
}

# Workers: as many as asked for
for my $count (1, 3) {
    my $server = Harness->start(root => $root, args => ['-j', $count]);
    eventually { scalar(my @now = $server->workers) == $count };
    is(scalar(my @now = $server->workers), $count, "-j $count: $count workers");
    is($server->get('/')->{status}, 200, "-j $count: serves");
    $server->stop;
}
{
    my $server = Harness->start(root => $root);
    my $cpus = `nproc` + 0;
    my @workers;
    eventually { @workers = $server->workers; @workers >= 1 };
    cmp_ok(scalar @workers, '>=', 1, 'without -j: at least one worker');
    cmp_ok(scalar @workers, '<=', $cpus, 'without -j: not more than CPUs that it may use');
    $server->stop;
}
SKIP: {
    have('taskset') or skip 'no taskset', 6;
    my ($first) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\d+)/m;
    my $server = Harness->start(root => $root, before => sub { system "taskset -pc $first $$ >/dev/null" });
    is(scalar(my @now = $server->workers), 1, 'one CPU allowed by affinity: one worker');
    is($server->get('/')->{status}, 200, 'one CPU: serves');
    $server->stop;
}

# A worker that dies is replaced, and meanwhile the service goes on.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr(qr/worker|process/i);
    for my $round (1 .. 3) {
        my @before;
        eventually { @before = $server->workers; @before == 2 };
        my $victim = $before[$round % 2];
        kill 'KILL', $victim;
        eventually { !grep { $_ == $victim } $server->workers };
        is($server->get('/')->{status}, 200, "round $round: served right after a worker died");
        my @after;
        eventually { @after = $server->workers; @after == 2 && !grep { $_ == $victim } @after };
        is(scalar @after, 2, "round $round: the dead worker is replaced");
        is($server->get('/')->{status}, 200, "round $round: served by the new ones");
    }
    # All at once: connections that arrive meanwhile wait and are not lost.
    my @victims = $server->workers;
    kill 'KILL', @victims;
    eventually { my $living = join ' ', $server->workers; !grep { $living =~ /\b$_\b/ } @victims };
    is($server->get('/')->{status}, 200, 'all workers dead: the next connection waits for a new one and is served');
    eventually { my @w = $server->workers; @w == 2 };
    is(scalar(my @w = $server->workers), 2, 'all workers dead: all replaced');
    cmp_ok(length $server->stderr, '<', 20_000, 'each death is told, in few words');
    like(substr($server->stderr, length $server->banner), qr/worker/, 'a death is told on stderr');
    $server->stop(lost => 1);
}

# A client that resets in the middle of a download ends nobody (SIGPIPE).
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    for my $round (1 .. 10) {
        my ($socket) = held_download($server);
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0);
        close $socket;
    }
    is($server->get('/')->{status}, 200, 'after ten resets: serves');
    $server->stop; # looks whether the worker is the one of the beginning
}

# Drain: what is in flight is finished, what is idle is closed, what is new is refused
for my $signal ('TERM', 'INT') {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    my $idle   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $silent = $server->connection;
    my ($download, $start) = held_download($server);
    my $before = $server->stderr;
    kill $signal, $server->pid;
    my $refused = eventually { my $socket = connect_to('127.0.0.1', $server->port); !$socket } 5;
    ok($refused, "$signal: new connections are refused while the last ones are served");
    is(sysread($idle, my $nothing, 1), 0, "$signal: an idle connection is closed");
    my $got = sysread $silent, $nothing, 1;
    ok(!$got, "$signal: a connection that never spoke is closed");
    is(finish_download($download, $start), $size, "$signal: a download in flight is finished");
    $server->ended(stderr => $before);
}

# A request that comes in on a kept connection as the drain begins is answered or the connection is closed; it is
# never left to hang.
{
    my $server = Harness->start(root => $root);
    my @sockets = map { $server->exchange(get_request('/'), count => 1)->{socket} } 1 .. 20;
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    my @wrong;
    for my $socket (@sockets) {
        my $result = $server->exchange(get_request('/'), socket => $socket, lenient => 1);
        push @wrong, 'hangs' if !$result->{closed};
        push @wrong, 'not whole' if $result->{rest} ne '';
    }
    is("@wrong", '', 'requests at the moment of the signal: answered, or closed');
    $server->ended(stderr => $before);
}

# A download that stands still does not hold the server for ever: it ends within the 10 s of a container.
{
    my $server = Harness->start(root => $root);
    my ($download) = held_download($server);
    $server->stop(seconds => 10);
}

# A second signal: now
for my $pair (['TERM', 'TERM'], ['INT', 'INT'], ['TERM', 'INT']) {
    my ($first, $second) = @$pair;
    my $server = Harness->start(root => $root);
    my ($download) = held_download($server);
    kill $first, $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }, 5), "$first, $second: the drain has begun");
    is(waitpid($server->pid, POSIX::WNOHANG()), 0, "$first, $second: it waits for the download");
    select undef, undef, undef, 0.1; # a person's second; at once it would be the first one sent twice
    my $began = time;
    kill $second, $server->pid;
    my $status = Harness::reap($server->pid, 10);
    ok(defined $status, "$first, $second: ends");
    cmp_ok(time - $began, '<', 4, "$first, $second: at once, not with the deadline");
    ok(eventually(sub { !processes_of_group($server->pid) }, 5), "$first, $second: nobody is left");
    unlike($server->stderr, qr/Sanitizer|runtime error/, "$first, $second: no report");
}

# As a terminal does it: SIGINT goes to every process of the group, and still the download is finished.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    my ($download, $start) = held_download($server);
    my $before = $server->stderr;
    kill 'INT', -$server->pid;
    eventually { !connect_to('127.0.0.1', $server->port) } 5;
    is(finish_download($download, $start), $size, 'SIGINT to the whole group, as Ctrl-C: a download is finished');
    $server->ended(stderr => $before);
}

# A container's first process has no default action for signals, so there must be a handler.
SKIP: {
    skip 'needs root and unshare', 2 if $> != 0 || system('unshare --pid --fork true 2>/dev/null') != 0;
    my $port = free_port();
    my $out  = new_root();
    my $pid  = Harness::spawn("$out/out", "$out/err", undef, 'unshare', '--pid', '--fork', '--kill-child', program(), '-r', $root, '-p', $port, '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'as process 1: serves');
    my ($inner) = children_of($pid);
    kill 'TERM', $inner;
    is(Harness::reap($pid, 10), 0, 'as process 1: SIGTERM ends it with status 0');
    kill 'KILL', -$pid;
}

# Workers never outlive their master.
{
    my $server = Harness->start(root => $root, args => ['-j', '3']);
    my ($download) = held_download($server);
    kill 'KILL', $server->pid;
    waitpid $server->pid, 0;
    ok(eventually(sub { !processes_of_group($server->pid) }, 10), 'the master is killed: no worker is left');
    my $again = Harness->start(root => $root, port => $server->port);
    is($again->get('/')->{status}, 200, 'and the port is free for the next one at once');
    $again->stop;
}

# The port is free at once after an ordinary end too, though connections linger in TIME_WAIT.
{
    my $first = Harness->start(root => $root);
    $first->exchange(get_request('/', 'Connection: close')) for 1 .. 5;
    $first->stop;
    my $second = Harness->start(root => $root, port => $first->port);
    is($second->get('/')->{status}, 200, 'the same port at once after the end');

    # Two servers never share a port.
    my $third = run_program('-r', $root, '-p', $second->port, '-b', '127.0.0.1');
    is($third->{status}, 69, 'a second server on the same port: 69 (EX_UNAVAILABLE)');
    like($third->{err}, qr/\Atinyhttpd: [^\n]*\n\z/, 'says so in one line');
    like($third->{err}, qr/@{[$second->port]}/, 'and names the port');
    is($second->get('/')->{status}, 200, 'the first one still serves');
    $second->stop;
}

# Addresses
SKIP: {
    my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1) or skip 'no IPv6 here', 4;
    close $six;
    my $port   = free_port();
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-p', $port, '-b', '127.0.0.1', '-b', '::1']);
    is($server->get('/')->{status}, 200, '-b twice: IPv4');
    $server->{bind} = '::1';
    is($server->get('/')->{status}, 200, '-b twice: IPv6');
    like($server->banner, qr{http://\[::1\]:$port/}, 'the banner writes IPv6 in brackets (RFC 3986 3.2.2)');
    $server->stop;
    $server = Harness->start(bare => 1, args => ['-r', $root, '-p', $port]);
    is($server->get('/')->{status}, 200, 'without -b: 127.0.0.1');
    $server->{bind} = '::1';
    is($server->get('/')->{status}, 200, 'without -b: ::1');
    $server->stop;
}
{
    my $server = Harness->start(root => $root);
    my ($other) = grep { !/\A127\./ } map { /inet (\S+?)\// ? $1 : () } `ip -4 addr 2>/dev/null`;
    SKIP: {
        skip 'no other address', 1 if !$other;
        ok(!connect_to($other, $server->port), 'bound to 127.0.0.1: not to be reached by another address');
    }
    kill 'PIPE', $server->pid;
    is($server->get('/')->{status}, 200, 'SIGPIPE ends nobody');
    $server->stop;
}

# Out of descriptors: nobody dies, nobody spins, and room is made for those who come
{
    my $limit = 64;
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { descriptors($limit) });
    $server->expect_stderr(qr/descriptor|files|connections/i);
    my @sockets = grep { defined } map { connect_to('127.0.0.1', $server->port) } 1 .. 150;
    my $before = cpu_seconds($server->pid);
    sleep 2;
    cmp_ok(cpu_seconds($server->pid) - $before, '<', 0.7, '150 connections on 64 descriptors: no spinning');
    is($server->get('/')->{status}, 200, '150 idle connections on 64 descriptors: one more is served');
    close $_ for @sockets;
    my $all = 0;
    for (1 .. 20) { $all++ if $server->get('/')->{status} == 200 }
    is($all, 20, 'when they are gone all is as before');
    $server->stop;
}

sub descriptors {
    my ($limit) = @_;
    # Perl has no setrlimit; prlimit of util-linux sets it from outside.
    system('prlimit', "--nofile=$limit:$limit", '--pid', $$) == 0 or POSIX::_exit(125);
    return;
}

responses_framed();
done_testing();
