# Processes: how many, what happens when one dies, how the server ends, and that two never share a port.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Fcntl ();
use IO::Socket::IP;
use Socket ();
use Test::More;
use Time::HiRes qw(time sleep);


my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'large.bin', '');
my $size = 30_000_000;
truncate "$root/large.bin", $size or die $!;

# A download whose client pauses in the middle: (socket, bytes read so far)
sub held_download {
    my ($server) = @_;
    my $socket = $server->connection(receive => 32_768);
    syswrite $socket, get_request('/large.bin');
    sysread $socket, my $start, 1000 or die 'no answer';
    return ($socket, $start);
}

# The kernel offers a silent connection to the server after a second (TCP_DEFER_ACCEPT).
sub accepted_silent_connection {
    my ($server) = @_;
    my $sockets = sub {
        scalar grep { (readlink // '') =~ /^socket:/ } map { glob "/proc/$_/fd/*" } $server->workers;
    };
    my $before = $sockets->();
    my $socket = $server->connection;
    eventually { $sockets->() > $before } or die 'a silent connection is not accepted';
    return $socket;
}

# Reads to the end of the stream: the count of bytes of the body.
sub finish_download {
    my ($socket, $start) = @_;
    my ($all, $buffer) = (length $start, '');
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    while (my $got = sysread $socket, $buffer, 1 << 20) { $all += $got }
    return $all - length $head;
}

# SIGTERM at any moment of the start is not lost, in the master or in a new worker. The first line on stderr shows that
# the master handles signals; the workers start after it.
{
    my ($folder, @late, @status) = (new_root());
    for my $round (1 .. 25) {
        my $pid = Harness::spawn("$folder/out", "$folder/err$round", undef, program(), '-r', $root, '-p', '0', '-b', '127.0.0.1', '-j', '2');
        my $deadline = time + Harness::PATIENCE();
        select undef, undef, undef, 0.001 while !-s "$folder/err$round" && time < $deadline;
        select undef, undef, undef, ($round % 5) * 0.001;
        kill 'TERM', $pid;
        my $status = Harness::reap($pid, 4); # a master kills its workers after 8.5 s
        push @late, $round if !defined $status;
        push @status, $status if defined $status && $status != 0 && $status != 15; # the default action of SIGTERM
        kill 'KILL', -$pid if !defined $status;
    }
    is("@late", '', 'SIGTERM during the start, 25 times: each server ends at once, not at the deadline of the drain');
    is("@status", '', 'SIGTERM during the start: status 0, or the signal before its handler is installed');
}

# The number of workers
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
    eventually { @workers = $server->workers; @workers >= 2 };
    cmp_ok(scalar @workers, '>=', 2, 'without -j: at least two workers');
    cmp_ok(scalar @workers, '<=', $cpus < 2 ? 2 : $cpus, 'without -j: at most one worker for each CPU that it may use, but two');
    $server->stop;
}
SKIP: {
    have('taskset') or skip 'no taskset', 6;
    my ($first) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\d+)/m;
    my $server = Harness->start(root => $root, before => sub { system "taskset -pc $first $$ >/dev/null" });
    my @workers;
    eventually { @workers = $server->workers; @workers >= 2 };
    is(scalar @workers, 2, 'one CPU allowed by affinity: two workers');
    is($server->get('/')->{status}, 200, 'one CPU: serves');
    $server->stop;
}

# A container's CPU quota (cgroup v1 and v2) limits the workers as the affinity does.
for my $case (['v2', 'cpu.max', "50000 100000\n"], ['v1', 'cpu/cpu.cfs_quota_us', "100000\n", 'cpu/cpu.cfs_period_us', "100000\n"],
    ['v2, no quota', 'cpu.max', "max 100000\n"]) {
    SKIP: {
        my ($name, %files) = @$case;
        my $cpus = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;
        my $set_up = 'mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/cpu';
        skip 'needs root, unshare and two CPUs', 1 if $> != 0 || $cpus < 2 || system("unshare --mount sh -c '$set_up' 2>/dev/null") != 0;
        $set_up .= join '', map { " && printf '%s' '$files{$_}' > /sys/fs/cgroup/$_" } sort keys %files;
        my $out = new_root();
        my $pid = Harness::spawn("$out/out", "$out/err", undef, 'unshare', '--mount', 'sh', '-c', "$set_up && exec '${\program()}' -v -r '$root' -p 0");
        my $workers = eventually { slurp("$out/err") =~ /workers: (\d+)/ && $1 };
        kill 'TERM', $pid;
        Harness::reap($pid, 10) // kill 'KILL', -$pid;
        my $expected = $name =~ /no quota/ ? qr/\A(?!1\z)\d+\z/ : qr/\A2\z/;
        like($workers, $expected, "cgroup $name: as many workers as the quota has CPUs, at least two");
    }
}

# A worker that dies is replaced; other workers serve meanwhile.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr(qr/worker|process/i);
    for my $round (1 .. 3) {
        my @before;
        eventually { @before = $server->workers; @before == 2 };
        my $victim = $before[$round % 2];
        kill 'KILL', $victim;
        eventually { !grep { $_ == $victim } $server->workers };
        is($server->get('/')->{status}, 200, "round $round: served while a worker is dead");
        my @after;
        eventually { @after = $server->workers; @after == 2 && !grep { $_ == $victim } @after };
        is(scalar @after, 2, "round $round: the dead worker is replaced");
        is($server->get('/')->{status}, 200, "round $round: served by the new workers");
    }
    # All at once: new connections stay in the accept queue.
    my @victims = $server->workers;
    kill 'KILL', @victims;
    eventually { my $living = join ' ', $server->workers; !grep { $living =~ /\b$_\b/ } @victims };
    is($server->get('/')->{status}, 200, 'all workers dead: the next connection waits for a new one and is served');
    eventually { my @w = $server->workers; @w == 2 };
    is(scalar(my @w = $server->workers), 2, 'all workers dead: all replaced');
    cmp_ok(length $server->stderr, '<', 20_000, 'the reports of dead workers are short');
    ok(eventually(sub { substr($server->stderr, length $server->banner) =~ /worker/ }), 'a dead worker is reported on stderr');
    $server->stop(lost => 1);
}

# A reset in the middle of a download does not end the worker (SIGPIPE).
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    for my $round (1 .. 10) {
        my ($socket) = held_download($server);
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0);
        close $socket;
    }
    is($server->get('/')->{status}, 200, 'after ten resets: serves');
    $server->stop; # fails if the worker was replaced
}

# Drain: responses in flight are finished, idle connections closed, new ones refused
for my $signal ('TERM', 'INT') {
    my $server = Harness->start(root => $root, args => ['-j', '2', '--drain', '3600']);
    my $idle   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $silent = accepted_silent_connection($server);
    my $young  = $server->connection;
    my ($download, $start) = held_download($server);
    my $before = $server->stderr;
    kill $signal, $server->pid;
    my $refused = eventually { my $socket = connect_to('127.0.0.1', $server->port); !$socket };
    ok($refused, "$signal: new connections are refused while a response is in flight");
    is(sysread($idle, my $nothing, 1), 0, "$signal: an idle connection is closed");
    my $got = sysread $silent, $nothing, 1;
    ok(!$got, "$signal: a silent connection is closed");
    is(finish_download($download, $start), $size, "$signal: a download in flight is finished");
    $server->ended(stderr => $before);
    # The kernel had not offered it yet (TCP_DEFER_ACCEPT); it is reset when it sends.
    syswrite $young, get_request('/');
    ok(!sysread($young, $nothing, 1), "$signal: a silent connection that was not yet accepted ends without a response");
}

# The last byte of the last response ends the drain, although the client keeps its connection: the head was sent before
# the signal, without Connection: close.
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', '3600']);
    my ($download, $start) = held_download($server);
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), 'SIGTERM during a kept connection\'s download: the drain has begun');
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    unlike($head, qr/^Connection: close/mi, 'the head was sent before the signal, without Connection: close');
    is(rest_of_download($download, $start, $size), $size, 'the download is whole');
    $server->ended(stderr => $before, seconds => 4); # well before the deadline of the drain
    is(sysread($download, my $more, 1), 0, 'the connection is closed after it, not reset');
}

# Connections in the accept queue are served, even if the signal reaches the worker before it accepts them.
for my $count (1, 200) {
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', '3600']);
    my ($worker) = $server->workers;
    my $before = $server->stderr;
    kill 'STOP', $worker;
    eventually { slurp("/proc/$worker/stat") =~ /\) T / };
    my @sockets = map { $server->connection } 1 .. $count;
    syswrite $_, get_request('/') for @sockets;
    kill 'TERM', $server->pid;
    ok(eventually(sub { slurp("/proc/$worker/status") =~ /^ShdPnd:\s*([0-9a-f]+)/m && hex($1) & 1 << 14 }),
        "$count in the accept queue: SIGTERM is pending");
    kill 'CONT', $worker;
    my %outcome;
    for my $socket (@sockets) {
        my $result = $server->exchange('', socket => $socket);
        my ($response) = @{ $result->{responses} };
        my $outcome = $result->{reset} ? 'reset' : $result->{timeout} ? 'left to hang' : !$response ? 'closed' : "$response->{status} $response->{body}";
        $outcome .= ', kept' if $response && ($response->{field}{connection} || '') ne 'close';
        $outcome{$outcome}++;
    }
    is(join(', ', map { "$outcome{$_} $_" } sort keys %outcome), "$count 200 page", "$count in the accept queue at SIGTERM: all are answered, with Connection: close");
    $server->ended(stderr => $before, seconds => 4);
}

# The master does not wait for a child that it inherited, as from a shell that calls exec after starting one.
{
    my $port  = free_port();
    my $out   = new_root();
    my $pid   = Harness::spawn("$out/out", "$out/err", undef, '/bin/sh', '-c', 'sleep 1000 & exec "$0" "$@"',
        program(), '-q', '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'with an inherited child: serves');
    my $sleep; # the child may still be the shell, before its own exec
    eventually { ($sleep) = grep { slurp("/proc/$_/comm") eq "sleep\n" } children_of($pid); $sleep };
    ok($sleep, 'the inherited process is a child of the master');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 8), 0, 'with an inherited child: SIGTERM ends the server with status 0');
    ok(kill(0, $sleep), 'with an inherited child: the server does not wait for it');
    is(slurp("$out/err"), '', 'with an inherited child: nothing on stderr');
    kill 'KILL', -$pid;
    Harness::reap($pid, 0);
}

# A request that arrives on a kept connection as the drain begins never hangs: it is answered, or its connection closed.
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
    is("@wrong", '', 'requests that arrive with SIGTERM: answered or closed');
    $server->ended(stderr => $before);
}

# A stalled download delays the end by less than the 10 s after which a container is killed.
{
    my $server = Harness->start(root => $root);
    my ($download) = held_download($server);
    $server->stop(seconds => 10);
}

# A second signal ends the server at once.
for my $pair (['TERM', 'TERM'], ['INT', 'INT'], ['TERM', 'INT']) {
    my ($first, $second) = @$pair;
    my $server = Harness->start(root => $root);
    my ($download) = held_download($server);
    kill $first, $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), "$first, $second: the drain has begun");
    is(waitpid($server->pid, POSIX::WNOHANG()), 0, "$first, $second: after the first the server waits for the download");
    select undef, undef, undef, 0.1; # without a pause the two would count as one
    kill $second, $server->pid;
    ok(defined Harness::reap($server->pid, 4), "$first, $second: ends at once, not at the deadline of the drain");
    ok(eventually(sub { !processes_of_group($server->pid) }), "$first, $second: no process is left");
    unlike($server->stderr, qr/Sanitizer|runtime error/, "$first, $second: no report of a sanitizer");
}

# Ctrl-C sends SIGINT to every process of the group; the download is still finished.
{
    my $server = Harness->start(root => $root, args => ['-j', '2', '--drain', '3600']);
    my ($download, $start) = held_download($server);
    my $before = $server->stderr;
    kill 'INT', -$server->pid;
    eventually { !connect_to('127.0.0.1', $server->port) };
    is(finish_download($download, $start), $size, 'SIGINT to the whole group, as by Ctrl-C: the download is finished');
    $server->ended(stderr => $before);
}

# Process 1 of a PID namespace has no default action for signals (pid_namespaces(7)), so it needs a handler.
SKIP: {
    skip 'needs root and unshare', 9 if $> != 0 || system('unshare --pid --fork true 2>/dev/null') != 0;
    my $first = sub {
        my $port = free_port();
        my $out  = new_root();
        my $pid  = Harness::spawn("$out/out", "$out/err", undef, 'unshare', '--pid', '--fork', '--kill-child', program(), '-r', $root, '-p', $port, '-j', '1', @_);
        ok(eventually(sub { connect_to('127.0.0.1', $port) }), "as process 1, @_: serves");
        my ($inner) = children_of($pid);
        kill 'TERM', $inner;
        is(Harness::reap($pid, 10), 0, "as process 1, @_: SIGTERM ends it with status 0");
        kill 'KILL', -$pid;
        return slurp("$out/err");
    };
    my $warning = qr/^tinyhttpd: [^\n]*container[^\n]*--bind \*/m;
    like($first->('-b', '127.0.0.1'), $warning, 'as process 1 on loopback only: warns that it is unreachable from outside');
    unlike($first->('-b', '127.0.0.1', '-b', "unix:" . new_root() . "/socket"), $warning, 'as process 1 with a Unix socket as well: no warning');
    unlike($first->('-b', '127.0.0.1', '-q'), $warning, 'as process 1 with -q: no warning');
}

# The server blocks in its start: libmagic's database is a FIFO without a writer.
SKIP: {
    skip 'needs root and unshare', 2 if $> != 0 || system('unshare --pid --fork true 2>/dev/null') != 0;
    my ($port, $out) = (free_port(), new_root());
    POSIX::mkfifo("$out/magic", 0600) or die $!;
    my $pid = Harness::spawn("$out/out", "$out/err", sub { $ENV{MAGIC} = "$out/magic" }, 'unshare', '--pid', '--fork', '--kill-child', program(), '-r', $root, '-p', $port, '-b', '127.0.0.1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'as process 1, during the start: the port is bound');
    my ($inner) = children_of($pid);
    kill 'TERM', $inner;
    is(Harness::reap($pid, 10), 0, 'as process 1, during the start: SIGTERM ends it with status 0');
    kill 'KILL', -$pid;
}

# Workers never outlive their master.
{
    my $server = Harness->start(root => $root, args => ['-j', '3']);
    my ($download) = held_download($server);
    kill 'KILL', $server->pid;
    waitpid $server->pid, 0;
    ok(eventually(sub { !processes_of_group($server->pid) }), 'the master is killed: no worker is left');
    my $again = Harness->start(root => $root, port => $server->port);
    is($again->get('/')->{status}, 200, 'the master is killed: the port is free at once');
    $again->stop;
}

# The port is free at once after an ordinary end, although connections are in TIME_WAIT.
{
    my $first = Harness->start(root => $root);
    $first->exchange(get_request('/', 'Connection: close')) for 1 .. 5;
    $first->stop;
    my $second = Harness->start(root => $root, port => $first->port);
    is($second->get('/')->{status}, 200, 'the same port right after the end: bound again');

    # Two servers never share a port.
    my $third = run_program('-r', $root, '-p', $second->port, '-b', '127.0.0.1');
    is($third->{status}, 69, 'a second server on the same port: 69 (EX_UNAVAILABLE)');
    like($third->{err}, qr/\Atinyhttpd: [^\n]*\n\z/, 'a second server on the same port: one line on stderr');
    like($third->{err}, qr/@{[$second->port]}/, 'a second server on the same port: the line names the port');
    is($second->get('/')->{status}, 200, 'a second server on the same port: the first one still serves');
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
        ok(!connect_to($other, $server->port), 'bound to 127.0.0.1: refuses connections to another address');
    }
    kill 'PIPE', $server->pid;
    is($server->get('/')->{status}, 200, 'SIGPIPE is ignored');
    $server->stop;
}

# Out of descriptors: no worker dies or spins, and idle connections are closed for new ones
{
    my $limit = 64;
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { descriptors($limit) });
    $server->expect_stderr(qr/descriptor|files|connections/i);
    my @sockets = grep { defined } map { connect_to('127.0.0.1', $server->port) } 1 .. 150;
    my $before = cpu_seconds($server->pid);
    sleep 2;
    cmp_ok(cpu_seconds($server->pid) - $before, '<', 0.7, '150 connections on 64 descriptors: the worker does not spin');
    is($server->get('/')->{status}, 200, '150 idle connections on 64 descriptors: one more is served');
    close $_ for @sockets;
    my $all = 0;
    for (1 .. 20) { $all++ if $server->get('/')->{status} == 200 }
    is($all, 20, 'after the 150 connections are closed: 20 of 20 requests are answered');
    $server->stop;
}

sub descriptors {
    my ($limit) = @_;
    # Perl has no setrlimit; prlimit of util-linux sets it from outside.
    system('prlimit', "--nofile=$limit:$limit", '--pid', $$) == 0 or POSIX::_exit(125);
    return;
}

# The master and the workers close inherited descriptors.
SKIP: {
    my $folder = new_root();
    put_file($folder, 'secret', "secret\n");
    my $plain  = Harness->start(root => $root, args => ['-j', '2']);
    my $server = Harness->start(root => $root, args => ['-j', '2'], before => sub {
        open my $lock, '>>', "$folder/secret" or POSIX::_exit(126);
        flock $lock, Fcntl::LOCK_EX() or POSIX::_exit(126);
        POSIX::dup2(fileno $lock, $_) for 9, 10, 250;
    }, as => ['sh', '-c', 'exec "$@" <"$0"', "$folder/secret"]);
    my $opened = sub { map { [$_, map { readlink } glob "/proc/$_/fd/*"] } $_[0]->pid, $_[0]->workers };
    my @plain  = $opened->($plain);
    for my $process ($opened->($server)) {
        my ($pid, @links) = @$process;
        is(join(' ', grep { /secret/ } @links), '', 'inherited descriptors are closed');
        is(scalar @links, scalar @{ $plain[0] } - 1, 'the master has as many descriptors as without inherited ones') if $pid == $server->pid;
        is(readlink "/proc/$pid/fd/0", '/dev/null', 'standard input: /dev/null');
    }
    open my $lock, '<', "$folder/secret" or die $!;
    ok(flock($lock, Fcntl::LOCK_EX() | Fcntl::LOCK_NB()), 'a lock on an inherited descriptor is released');
    is($server->get('/')->{status}, 200, 'with inherited descriptors: serves');
    $_->stop for $server, $plain;
}

# Each accepted connection can open its file, however many descriptors were inherited.
SKIP: {
    have('prlimit') or skip 'no prlimit', 6;
    my ($many, $clients) = (new_root(), 20);
    for my $number (1 .. $clients) {
        put_file($many, $number, '');
        truncate "$many/$number", $size or die $!;
    }
    my $server = Harness->start(root => $many, args => ['-j', '1'], as => ['prlimit', '--nofile=64:64', '--'],
        before => sub { POSIX::dup2(1, $_) for 20 .. 49 });
    my (@sockets, @statuses);
    for my $number (1 .. $clients) {
        my $socket = $server->connection(receive => 32_768);
        syswrite $socket, get_request("/$number");
        sysread $socket, my $start, 12;
        push @sockets,  $socket;
        push @statuses, substr $start // 'none', 9;
    }
    is("@statuses", join(' ', ('200') x $clients), '64 descriptors, 30 of them inherited: 20 downloads of 20 files');
    close $_ for @sockets;
    $server->stop;
}

# A file that a library leaves open in the master does not reach a worker.
{
    local %ENV = (%ENV, preload('host'), HOST_LEAK => "$root/index.html");
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($master, $worker) = map { scalar grep { /index\.html/ } map { readlink } glob "/proc/$_/fd/*" } $server->pid, ($server->workers)[0];
    cmp_ok($master, '>', 0, 'a file that the search for an address leaves open: open in the master');
    is($worker, 0, '... and closed in the worker');
    $server->stop;
}

# A chroot may have no /dev/null, or a file of that name, which its workers could read.
SKIP: {
    skip 'needs root and unshare', 7 if $> != 0 || system("unshare -m sh -c 'mount -t tmpfs none /dev/shm && mount -t tmpfs none /dev' 2>/dev/null") != 0;
    for my $case (['without', 'true'], ['a file as', 'echo secret >/dev/null']) {
        my ($name, $make) = @$case;
        my $folder = new_root();
        local $ENV{MAGIC} = put_file($folder, 'magic', "nonsense\n"); # libmagic warns of it
        my $pid = Harness::spawn("$folder/out", "$folder/err", undef, 'unshare', '-m', 'sh', '-c',
            "mount -t tmpfs none /dev && $make && exec \"\$@\" >&-", 'sh', program(), '-r', $root, '-p', '0', '-b', '127.0.0.1', '-j', '1', '--log', 'off');
        my ($port) = (eventually { slurp("$folder/err") =~ m{http://127\.0\.0\.1:(\d+)} ? $1 : 0 }) || 0;
        ok($port, "$name /dev/null and with a closed standard output: starts");
        my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port);
        syswrite $socket, get_request('/', 'Connection: close') if $socket;
        my $answer = $socket ? join '', <$socket> : '';
        like($answer, qr/page\z/, "$name /dev/null and with a closed standard output: serves");
        is(join(' ', map { (readlink "/proc/$pid/fd/$_") =~ /^(pipe)/ ? $1 : 'another' } 0, 1), 'pipe pipe', "$name /dev/null: a pipe without a writer is standard input");
        is(slurp("/proc/$pid/root/dev/null"), "secret\n", "$name /dev/null: nothing is written to it") if $name =~ /file/;
        kill 'TERM', $pid;
        Harness::reap($pid, 10);
    }
}

# RLIMIT_FSIZE bounds memory that processes share, too: the server serves without it.
SKIP: {
    have('prlimit') or skip 'no prlimit', 5;
    skip 'a build that writes counts is ended by it', 5 if slurp(program()) =~ /\.gcda/;
    my $server = Harness->start(root => $root, quiet => 1, args => ['-j', '1'], as => ['prlimit', '--fsize=0:0', '--']);
    is($server->get('/')->{status}, 200, 'RLIMIT_FSIZE of 0: serves');
    $server->stop;
}

# The memory held for slow readers is bounded: many responses in flight, each of a file of its own, and no client reads.
# Beyond 64 MiB a small file is 503: sent from the disk, a write during the response would tear it.
SKIP: {
    my ($clients, $bytes, $most) = (1000, 120 * 1024, (64 + 30) << 20);
    skip 'memory is not told under a sanitizer', 1 if slurp(program()) =~ /__asan_init/;
    skip 'no prlimit', 1 if !have('prlimit');
    my $before = `prlimit --nofile --noheadings --raw --output=SOFT --pid $$`;
    chomp $before;
    skip 'descriptors are short', 1 if system("prlimit --nofile=4096: --pid $$ 2>/dev/null") != 0;

    my $many   = new_root();
    my @letter = map { chr(97 + $_) } 0 .. 9;
    put_file($many, $_, $_ x $bytes) for @letter;
    for my $number (1 .. $clients) { link "$many/$letter[$number % 10]", "$many/$number.txt" or die $! }
    my %environment = slow_clock(); # a thousand clients take their time
    # The kernel buffers more for an address to which much was reordered before (tcp_metrics, ip-tcp_metrics(8)), as to
    # 127.0.0.1 on a busy machine.
    my ($bind) = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1) ? '::1' : '127.0.0.1';
    my $server = Harness->start(root => $many, bind => $bind, args => ['-j', '1'], environment => \%environment);
    $server->get("/$_") for @letter; # libmagic allocates its memory
    my $idle    = resident_bytes($server->pid);
    my @sockets = map { slow_reader($bind, $server->port) || () } 1 .. $clients;
    is(scalar @sockets, $clients, "$clients slow readers: connected");
    my $began = time;
    syswrite $sockets[$_ - 1], get_request("/$_.txt") for 1 .. @sockets;
    my $answered = 0;
    for (@sockets) { $answered++ if sysread($_, my $start, 1) } # the response has begun, so the worker holds the file
    is($answered, $clients, "$clients slow readers: each response has begun");
    my $held = resident_bytes($server->pid);
    note(sprintf '%.1f MiB, and %.1f before', $held / (1 << 20), $idle / (1 << 20));
    cmp_ok($held, '<', $most, "$clients slow readers of 120 KiB each: the worker's memory is bounded");
    my $reads_on = sub {
        my ($socket) = @_;
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 1 << 18;
        my $raw = 'H';
        1 while $raw !~ /\r\n\r\n/ && sysread $socket, $raw, 1 << 16, length $raw;
        my ($length) = $raw =~ /^Content-Length: (\d+)\r$/m;
        my $whole = index($raw, "\r\n\r\n") + 4 + $length;
        1 while length $raw < $whole && sysread $socket, $raw, 1 << 16, length $raw;
        return $raw;
    };
    for my $number (1, $clients / 2) {
        my $raw = $reads_on->($sockets[$number - 1]);
        ok(substr($raw, -$bytes) eq $letter[$number % 10] x $bytes, "slow reader $number reads on: its response is whole");
    }
    $server->expect_stderr(qr{\Atinyhttpd: can't read '/\d+\.txt': Resource temporarily unavailable$}); # no memory for it
    # A worker that gets little CPU time may accept the last ones before it answers the first ones.
    my ($refusal, @others) = ('', @sockets);
    while (@others && $refusal !~ /\AHTTP\/1\.1 503 /) { $refusal = $reads_on->(pop @others) }
    like($refusal, qr/\AHTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s, 'the last slow readers: 503 with Retry-After');
    close $_ for @sockets;
    is($server->get('/1.txt')->{body}, $letter[1] x $bytes, 'after the slow readers have left: a new client is served');
    $server->stop;
    my $lines = () = $server->stderr =~ /can't read/g;
    ok($lines >= 1 && $lines <= 1 + (time - $began) / 600, 'the slow readers: the shortage is one line a minute of the slow clock');
    system("prlimit --nofile=$before: --pid $$");
}

# A connection that takes few bytes: small segments as well as a small buffer, or the server's kernel would buffer the
# whole response.
sub slow_reader {
    my ($bind, $port) = @_;
    my $to = $bind eq '::1' ? Socket::pack_sockaddr_in6($port, Socket::IN6ADDR_LOOPBACK())
        : Socket::pack_sockaddr_in($port, Socket::INADDR_LOOPBACK());
    socket my $socket, Socket::sockaddr_family($to), Socket::SOCK_STREAM(), 0 or return;
    setsockopt $socket, Socket::IPPROTO_TCP(), Socket::TCP_MAXSEG(), 536;
    setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 2048;
    connect $socket, $to or return;
    return $socket;
}

responses_framed();
done_testing();
