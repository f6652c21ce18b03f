# Clients that are slow, silent or too many: which connections are closed, which are served, and that no worker spins.
# timeout.t tests the deadlines, tests/unit/serve/connection.c the least pace of a reader.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use List::Util qw(max min);
use IO::Select;
use POSIX ();
use Socket ();
use Test::More;
use Time::HiRes qw(time sleep);


my $root = new_root();
put_file($root, 'small.txt', 's' x 1024);
for my $number (1 .. 60) { # larger than any socket takes at once
    truncate put_file($root, "large/$number.bin", sprintf 'large %04d', $number), 20_000_000 or die $!;
}

sub limited_server {
    my ($limit) = @_;
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub {
        system('prlimit', "--nofile=$limit:$limit", '--pid', $$) == 0 or POSIX::_exit(125);
    });
    $server->expect_stderr(qr/descriptor|files|connections/i);
    return $server;
}

sub switches_of {
    my ($pid) = @_;
    return slurp("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m ? $1 : die 'no count of switches';
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[@sorted / 2] }

# True once the server has used at most 5 % of a CPU for two seconds; one that spins never does.
sub idles {
    my ($server) = @_;
    return eventually { my $before = cpu_seconds($server->pid); sleep 2; cpu_seconds($server->pid) - $before <= 0.1 };
}

# The bytes that arrive within this time, by default at last; undef if none do, '' at the end of the stream.
sub take_some {
    my ($socket, $seconds) = @_;
    my $bytes = '';
    IO::Select->new($socket)->can_read($seconds // Harness::PATIENCE()) or return;
    sysread $socket, $bytes, 65_536;
    return $bytes;
}

# A worker reads for two seconds after a refusal, then closes the connection, however much the client still sends.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my $fds = sub { scalar(() = glob "/proc/$worker/fd/*") };
    my $before = $fds->();
    my @sockets = map { $server->connection } 1, 2;
    my ($began, $block, %ended) = (time, 'x' x 65_536);
    syswrite $sockets[0], "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n";
    syswrite $sockets[1], "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n";
    my ($upload, $trickle) = map { take_some($_) } @sockets;
    like($upload,  qr/\AHTTP\/1\.1 413 /, 'an endless upload: 413');
    like($trickle, qr/\AHTTP\/1\.1 400 /, 'a malformed head: 400');
    Harness::blocking($_, 0) for @sockets;
    while (keys %ended < 2 && time - $began < Harness::PATIENCE()) {
        for my $number (0, 1) {
            next if $ended{$number} || defined syswrite($sockets[$number], $number ? 'x' : $block) || $!{EAGAIN};
            $ended{$number} = time - $began;
        }
        sleep 0.02;
    }
    for my $number (0, 1) {
        my $name = $number ? 'a trickle of bytes' : 'an upload';
        ok(defined $ended{$number}, "$name after the refusal: then closed");
        cmp_ok($ended{$number} || 99, '>=', 1.5, "$name after the refusal: read on for two seconds, so that no reset overtakes the refusal");
    }
    ok(eventually(sub { $fds->() <= $before }), 'after two refusals: the worker closes both descriptors');
    $server->stop;
}

SKIP: {
    have('prlimit') or skip 'no prlimit', 1;

    # An accepted client gets its file; the others wait in the accept queue. None gets a 503.
    for my $limit (32, 64) {
        my $server  = limited_server($limit);
        my @waiting = map { { number => $_, socket => $server->connection(receive => 4096) } } 1 .. 60;
        syswrite $_->{socket}, get_request("/large/$_->{number}.bin") for @waiting;
        my (@wrong, @at_once);
        my $deadline = time + Harness::PATIENCE();
        while (@waiting && time < $deadline) {
            my @served;
            for my $one (@waiting) {
                my $got = take_some($one->{socket}, 0) // next;
                while ($got !~ /\r\n\r\n.{10}/s && defined(my $more = take_some($one->{socket}))) { $got .= length $more ? $more : last }
                push @served, $one->{number};
                push @wrong, "$one->{number}: " . told($got) if $got !~ m{\AHTTP/1\.1 200 .*\r\n\r\n\Q@{[sprintf 'large %04d', $one->{number}]}\E}s;
            }
            push @at_once, scalar @served if @served;
            my %served = map { $_ => 1 } @served;
            close $_->{socket} for grep { $served{ $_->{number} } } @waiting;
            @waiting = grep { !$served{ $_->{number} } } @waiting;
            sleep 0.2;
        }
        note("$limit descriptors, served at a time: @at_once");
        is(scalar @waiting, 0, "$limit descriptors, 60 clients with a large file each: all are served");
        is("@wrong", '', "$limit descriptors: each gets its own file, none a 503");
        is($server->get('/small.txt')->{status}, 200, "$limit descriptors: a later client is served");
        $server->stop;
    }

    # A worker without a free descriptor closes the oldest incomplete request.
    {
        my $server = limited_server(64);
        my @half   = map { $server->connection } 1 .. 60;
        syswrite $_, "GET /small.txt HTTP/1.1\r\nX: " for @half;
        my $deadline = time + 1.5;
        while (time < $deadline) { syswrite $_, 'x' for @half; sleep 0.25 }
        my $response = $server->get('/small.txt');
        is($response->{status}, 200, '60 incomplete heads on 64 descriptors: another client is served');
        cmp_ok($response->{slept}, '<', 5, '60 incomplete heads on 64 descriptors: it is served before their deadline of 10 s');
        my @bodies = map { $server->connection } 1 .. 60;
        syswrite $_, "POST /small.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx" for @bodies;
        sleep 1.5;
        is($server->get('/small.txt')->{status}, 200, '60 incomplete bodies on 64 descriptors: another client is served');
        $server->stop;
    }

    # More clients than descriptors, none of which may be closed
    {
        my $server = limited_server(64);
        my @idle = map { $server->connection } 1 .. 100;
        my @slow = map { $server->connection(receive => 4096) } 1 .. 100;
        syswrite $slow[$_], get_request('/large/' . (1 + $_ % 60) . '.bin') for 0 .. $#slow;
        eventually { scalar(grep { defined take_some($_, 0) } @slow) >= 20 };
        ok(idles($server), '100 idle and 100 slow clients on 64 descriptors: at most 5 % of a CPU');
        close $_ for @idle, @slow;
        is($server->get('/small.txt')->{status}, 200, 'after these clients have left: a new one is served');
        $server->stop;
    }
}

# A half-closed client that does not read
{
    my $server   = Harness->start(root => $root, args => ['-j', '1'], environment => { slow_clock() }); # it has thirty seconds
    my ($worker) = $server->workers;
    my $blocked  = $server->connection(receive => 4096);
    syswrite $blocked, get_request('/large/1.bin');
    sysread $blocked, my $start, 100;
    shutdown $blocked, 1;
    ok(idles($server), 'a half-closed client that does not read: the worker does not spin');
    my ($switches, $began) = (switches_of($worker), time);
    sleep 2;
    cmp_ok(switches_of($worker) - $switches, '<=', 3 * (time - $began) / 2, 'a half-closed client that does not read: the worker is not woken');
    while (1) { my $got = take_some($blocked) // last; length $got or last; $start .= $got }
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    is(length($start) - length $head, 20_000_000, 'the half-closed client reads on: its response is whole');
    $server->stop;
}

# The median of 400 responses, in milliseconds.
sub latency {
    my ($socket) = @_;
    my ($request, @times) = get_request('/small.txt');
    for (1 .. 400) {
        my ($began, $raw) = (time, '');
        syswrite $socket, $request;
        while ($raw !~ /s{1024}\z/) { sysread $socket, $raw, 4096, length $raw or die 'the end' }
        push @times, time - $began;
    }
    return 1000 * median(@times);
}

# The same among 50 trickling heads and 50 slow readers.
sub latency_among_slow_clients {
    my ($server, $socket) = @_;
    my @trickle = map { $server->connection } 1 .. 50;
    my @readers = map { $server->connection(receive => 4096) } 1 .. 50;
    syswrite $readers[$_], get_request('/large/' . (1 + $_) . '.bin') for 0 .. $#readers;
    syswrite $_, "GET / HTTP/1.1\r\nX: " for @trickle;
    my $parent = $$;
    my $pid = fork // die $!;
    if (!$pid) {
        for (1 .. 400) {
            last if getppid() != $parent;
            syswrite $_, 'x' for @trickle;
            for (@readers) { sysread $_, my $bytes, 512 }
            sleep 0.05;
        }
        POSIX::_exit(0);
    }
    my $among = latency($socket);
    kill 'KILL', $pid;
    waitpid $pid, 0;
    close $_ for @trickle, @readers;
    return $among;
}

# A hundred slow clients delay no other client. Other load delays a measurement, so the least of five counts.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my $socket = $server->connection;
    latency($socket);
    my (@alone, @among, $most);
    for (1 .. 5) {
        push @alone, latency($socket);
        push @among, latency_among_slow_clients($server, $socket);
        $most = max(1, 3 * min(@alone));
        last if min(@among) <= $most;
    }
    note(sprintf 'median latency %.3f ms alone, %.3f ms among 100 slow clients', min(@alone), min(@among));
    cmp_ok(min(@among), '<=', $most, 'among 50 trickling heads and 50 slow readers: the median latency at most triples');
    $server->stop;
}

# Several workers share a log pipe that has no reader's attention: a worker must not block when another one has taken
# the room that poll has announced.
{
    pipe my $reader, my $writer or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '4'], stdout => $writer);
    close $writer;
    my @pids = map {
        my $pid = fork // die $!;
        if (!$pid) {
            my $answered = 0;
            for (1 .. 20) {
                my $result = $server->exchange(get_request('/none', 'User-Agent: ' . 'u' x 600) x 50, count => 50, seconds => 10);
                $answered += @{ $result->{responses} };
            }
            POSIX::_exit($answered == 1000 ? 0 : 1);
        }
        $pid;
    } 1 .. 6;
    my $failed = grep { waitpid $_, 0; $? != 0 } @pids;
    is($failed, 0, 'four workers and a log pipe that is never read: each of 6,000 requests is answered');
    $server->stop(seconds => 4);
    close $reader;
}

# A log that can't be written: a full disk, a closed standard output.
{
    open my $full, '>', '/dev/full' or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1'], stdout => $full);
    $server->expect_stderr(qr/\Atinyhttpd: the access log loses lines: No space left on device$/);
    is($server->get('/small.txt')->{status}, 200, 'a log on a full disk: served') for 1 .. 3;
    ok(eventually(sub { $server->stderr =~ /loses lines/ }), 'a log on a full disk: said at once');
    $server->stop;
    like($server->stderr, qr/^tinyhttpd: 3 lines of the access log were dropped: No space left on device$/m, 'a log on a full disk: its lost lines are counted');
    my $closed = Harness->start(root => $root, args => ['-j', '1'], as => ['sh', '-c', 'exec "$0" "$@" >&-']);
    is($closed->get('/small.txt')->{status}, 200, 'a closed standard output: served') for 1 .. 3;
    $closed->stop;
}

# ---- a disk that hangs

# All workers but one wait for the disk: new connections are answered by the one that is left. On one CPU without -j,
# where two workers are the least, and with four.
SKIP: {
    skip 'no taskset', 8 if !have('taskset');
    skip 'the sanitizers have their own openat', 8 if is_sanitized();
    my $site = new_root();
    put_file($site, 'page.html', 'page');
    put_file($site, "slow$_.txt", "slow $_") for 1 .. 4;
    POSIX::mkfifo("$site/disk", 0644) or die $!;
    chmod 0644, "$site/disk";
    local %ENV = (%ENV, preload('slow'));
    my ($cpu) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\d+)/m;
    for my $workers (0, 4) {
        my $name   = $workers ? "$workers workers" : 'one CPU';
        my $server = $workers ? Harness->start(root => $site, args => ['-j', $workers])
            : Harness->start(root => $site, before => sub { system "taskset -pc $cpu $$ >/dev/null" });
        $server->get('/page.html');
        my @waiting = map { $server->connection } 1 .. ($workers || 2) - 1;
        for my $at (0 .. $#waiting) {
            syswrite $waiting[$at], get_request("/slow$at.txt" =~ s/0/4/r);
            at_rest($server->pid); # the next request is then another worker's
        }
        my ($latest, @failed) = 0;
        for (1 .. 20) {
            for my $path ('/.well-known/tinyhttpd/health', '/page.html') {
                my $answer = $server->get($path);
                push @failed, $path if ($answer->{status} // '') ne '200';
                $latest = $answer->{slept} if $answer->{slept} > $latest;
            }
        }
        is("@failed", '', "$name, all workers but one wait for the disk: health and a page in memory are answered");
        cmp_ok($latest, '<', 0.1, "$name, all workers but one wait for the disk: within 100 ms");
        is(IO::Select->new(@waiting)->can_read(0) || 0, 0, "$name: the disk still hangs");
        open my $disk, '>', "$site/disk" or die $!; # lets all of them go on
        my @got = map { $server->exchange('', socket => $_, count => 1)->{responses}[0]{status} } @waiting;
        is(join(' ', @got), join(' ', (200) x @waiting), "$name: the disk is back, and so are the responses");
        close $disk;
        $server->stop;
    }
}

responses_framed();
done_testing();
