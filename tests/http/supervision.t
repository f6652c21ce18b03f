# Supervision: workers that are killed or stopped or die at their start, under load; the duration of the end; orphans.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use Load;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);


my $root  = new_root();
my %files = ('/small.bin' => noise(1000, 'a'), '/medium.bin' => noise(100_000, 'b'), '/large.bin' => noise(700_000, 'c'));
put_file($root, substr($_, 1), $files{$_}) for keys %files;
put_file($root, 'index.html', 'page');
my $size = 20_000_000;
put_file($root, 'huge.bin', '');
truncate "$root/huge.bin", $size or die $!;

my $death = qr/\Atinyhttpd: worker \d+ (?:was killed by signal|exited with status)|worker can't (?:start|enter the sandbox)/;

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }

# Checks the median of how long the server slept, as asleep_until tells.
sub mostly_under {
    my ($limit, $name, @seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    note(join ' ', map { sprintf '%.3f', $_ // 99 } sort { $a <=> $b } @seconds);
    cmp_ok(median(@seconds), '<', $limit, $name);
    return;
}

# The workers, read fast enough for measurements.
sub children {
    my ($pid) = @_;
    return children_of($pid) if !-e "/proc/$pid/task/$pid/children";
    return grep { slurp("/proc/$_/comm") !~ /-log$/ } split ' ', slurp("/proc/$pid/task/$pid/children");
}

# The number of a worker's connections: its sockets but the listening ones, which the master has as well.
sub connections_of {
    my ($worker, $master) = @_;
    my $sockets = sub { map { $_ => 1 } grep { defined && /^socket:/ } map { readlink } glob "/proc/$_[0]/fd/*" };
    my %shared = $sockets->($master);
    my %own    = $sockets->($worker);
    return scalar grep { !$shared{$_} } keys %own;
}

sub is_stopped { return slurp("/proc/$_[0]/stat") =~ /\) T / }

# Waits until a worker is replaced. Returns for how many seconds the master slept meanwhile after the worker's end.
sub slept_until_replaced {
    my ($master, $worker) = @_;
    my ($deadline, $slept) = (time + Harness::PATIENCE(), 0);
    while (1) {
        my @now = children($master);
        return $slept if time > $deadline || @now == 2 && !grep { $_ == $worker } @now;
        select undef, undef, undef, 0.001;
        $slept += 0.001 if slurp("/proc/$worker/stat") !~ /\) [^Z] / && slurp("/proc/$master/stat") =~ /\) S /;
    }
}

# Twenty kills under load: each worker is replaced at once, and only its own connections fail.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($death);
    my $pid  = $server->pid;
    my $load = Load->start(port => $server->port, clients => 64, files => \%files);
    sleep 0.3;
    my ($held, @seconds) = (0);
    for my $round (1 .. 20) {
        my @before = children($pid);
        my $victim = $before[ $round % 2 ];
        kill 'STOP', $victim; # so that its connections can be counted
        eventually { is_stopped($victim) };
        $held += connections_of($victim, $pid);
        kill 'KILL', $victim;
        push @seconds, slept_until_replaced($pid, $victim);
        sleep 0.15; # old enough to be replaced at once
    }
    eventually { 64 < (() = $server->log =~ /\n/g) };
    my ($answers, @failures) = $load->stop;
    mostly_under(0.1, 'twenty kills: the master waits for less than 100 ms before it replaces the worker', @seconds);
    my $at_once = sub { return scalar(() = $server->stderr =~ /was killed by signal 9 .*; replaced at once$/mg) };
    ok(eventually(sub { $at_once->() == 20 }), 'twenty kills: each worker is replaced at once') or diag($server->stderr);
    cmp_ok($answers, '>', 64, "twenty kills: $answers responses under load");
    note(scalar(@failures) . " failures, $held connections of killed workers");
    cmp_ok(scalar @failures, '<=', $held, 'twenty kills: only connections of killed workers fail');
    is(join("\n", grep { !/\Acut: / } @failures), '', 'twenty kills: these are cut off, none is refused or has wrong bytes');
    is($server->get('/')->{status}, 200, 'twenty kills: still serves');
    $server->stop(lost => 1);
}

# Connections in the accept queue while all workers are stopped and then killed are served by the next workers.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($death);
    my @victims = $server->workers;
    kill 'STOP', @victims;
    eventually { !grep { !is_stopped($_) } @victims };
    my @sockets = map { $server->connection } 1 .. 100;
    syswrite $_, get_request('/') for @sockets;
    kill 'KILL', @victims;
    my %outcome;
    for my $socket (@sockets) {
        my $result = $server->exchange('', socket => $socket, count => 1);
        $outcome{ $result->{responses}[0] ? $result->{responses}[0]{status} : 'none' }++;
    }
    is(join(' ', %outcome), '200 100', '100 connections in the accept queue when all workers are killed: all are served');
    $server->stop(lost => 1);
}

# A stopped worker delays only its own connections.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($death);
    my ($still) = $server->workers;
    kill 'STOP', $still;
    eventually { is_stopped($still) };
    my $served = grep { my $result = $server->get('/'); ($result->{status} || 0) == 200 } 1 .. 50;
    is($served, 50, 'one worker of two is stopped: 50 of 50 are served');
    kill 'CONT', $still;
    # Now this worker is the only one.
    my ($other) = grep { $_ != $still } $server->workers;
    kill 'STOP', $other;
    eventually { is_stopped($other) };
    is($server->get('/')->{status}, 200, 'the stopped worker continues and the other is stopped: served');
    kill 'CONT', $other;
    for (1 .. 20) { kill 'STOP', $other, $still; select undef, undef, undef, 0.01; kill 'CONT', $other, $still }
    is($server->get('/')->{status}, 200, 'both stopped and continued twenty times: served');
    # Workers serve while the master is stopped.
    kill 'STOP', $server->pid;
    eventually { is_stopped($server->pid) };
    is($server->get('/')->{status}, 200, 'the master is stopped: its workers serve');
    kill 'CONT', $server->pid;
    $server->stop;
}

# A worker that can't handle SIGTERM does not delay the end of the master.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($still) = $server->workers;
    kill 'STOP', $still;
    eventually { is_stopped($still) };
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    at_rest($server->pid);
    kill 'TERM', $server->pid; # a second signal, so that the test need not wait for the deadline of the drain
    $server->ended(stderr => $before, seconds => 4);
}

# A worker that a signal ends is replaced; the master is not affected. All signals: signals.t
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($death);
    $server->expect_stderr(qr/AddressSanitizer|==\d+==|DEADLYSIGNAL|^\s*#|^\s*$/) if is_sanitized();
    for my $signal (is_sanitized() ? qw(KILL) : qw(SEGV ABRT BUS ILL FPE SYS TERM USR2)) {
        my ($victim) = eventually { my @now = $server->workers; $now[0] } or die;
        select undef, undef, undef, 0.12; # old enough to be replaced at once
        kill $signal, $victim;
        ok(eventually(sub { my @now = $server->workers; @now == 1 && $now[0] != $victim }), "SIG$signal to a worker: replaced");
        is($server->get('/')->{status}, 200, "SIG$signal: served");
    }
    $server->stop(lost => 1);
}

# A worker that dies at its start is started again, each time after a longer pause.
SKIP: {
    have('prlimit') or skip 'no prlimit', 4;
    skip 'a sanitizer needs descriptors of its own', 4 if is_sanitized();
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($death);
    $server->expect_stderr(qr/a worker can't start: (?:Too many open files|No file descriptors available)/);
    $server->expect_stderr(qr/^profiling:/); # gcov lacks descriptors, too
    my $pid = $server->pid;
    my ($before) = `prlimit --nofile --noheadings --raw --output=SOFT --pid $pid` =~ /(\d+)/;
    # Numbers for both ends of its pipe, of which it leaves one now, and none for what a worker moves.
    my ($limit, $free) = (0, 0);
    $free += !-e "/proc/$pid/fd/" . $limit++ while $free < 1;
    skip 'prlimit does not work here', 4 if !$before || system("prlimit --nofile=$limit: --pid $pid 2>/dev/null") != 0;
    select undef, undef, undef, 0.12; # the worker is old enough that its end counts for no pause
    kill 'KILL', $server->workers;
    # A worker that takes 100 ms to die, as on a busy machine, is replaced at once; then the pauses begin anew.
    my $pauses;
    ok(eventually(sub { $pauses = join ', ', $server->stderr =~ /exited with status 71; replaced (at once|in \d+ ms)/g; $pauses =~ /in 50 ms, in 100 ms, in 200 ms, in 400 ms/ }),
        'a worker that dies at its start: tried again, and the pauses double') or diag($pauses);
    my ($expected, @other) = (50);
    for my $pause (split /, /, $pauses) {
        my ($ms) = $pause =~ /(\d+)/;
        push @other, "$pause, not $expected" if defined $ms && $ms != $expected;
        $expected = !defined $ms ? 50 : 2 * $ms < 5000 ? 2 * $ms : 5000;
    }
    is("@other", '', 'a worker that dies at its start: each pause is 50 ms, or twice the one before it');
    my $socket = connect_to('127.0.0.1', $server->port);
    syswrite $socket, get_request('/');
    system("prlimit --nofile=$before: --pid $pid");
    my $result = $server->exchange('', socket => $socket, count => 1);
    is($result->{responses}[0]{status}, 200, 'a waiting connection is served when a worker can start again');
    ok(eventually(sub { $server->stderr =~ qr/a worker can't start: (?:Too many open files|No file descriptors available)/ }), 'a worker that dies at its start: the reason is on stderr');
    $server->stop(lost => 1);
}

# The duration of the end
{
    my (@refused, @idle, @gone, $late, $whole);
    for my $round (1 .. 3) {
        my $server = Harness->start(root => $root, args => ['-j', '2', '--drain', '3600']);
        my $idle = $server->exchange(get_request('/'), count => 1)->{socket};
        my $half = $server->connection;
        syswrite $half, "GET / HTTP/1.1\r\nHo";
        my $kept = $server->exchange(get_request('/'), count => 1)->{socket};
        syswrite $kept, "GET / HTTP/1.1\r\nHo";
        my $download = $server->connection(receive => 32_768);
        syswrite $download, get_request('/huge.bin');
        my $raw = '';
        sysread $download, $raw, 1000, length $raw while $raw !~ /\r\n\r\n/;
        my $left = $size - (length($raw) - index($raw, "\r\n\r\n") - 4);
        at_rest($server->pid);
        my $before = $server->stderr;
        kill 'TERM', $server->pid;
        push @refused, asleep_until { !connect_to('127.0.0.1', $server->port) } $server->pid;
        push @idle, $refused[-1] + asleep_until { IO::Select->new($idle)->can_read(0) } $server->pid;
        sysread $idle, my $nothing, 1;
        while ($left > 0) { my $got = sysread $download, my $bytes, 1 << 18 or last; $left -= $got }
        $whole++ if $left == 0;
        my $status;
        # The client keeps all its connections.
        push @gone, asleep_until { waitpid($server->pid, POSIX::WNOHANG()) == $server->pid && defined($status = $?) } $server->pid;
        $late += processes_of_group($server->pid); # at once: no worker may outlive the master
        is($status, 0, 'SIGTERM during a download: exit status 0');
        unlike(substr($server->stderr, length $before), qr/Sanitizer|runtime error/, 'SIGTERM during a download: no report of a sanitizer');
    }
    mostly_under(0.03, 'SIGTERM: new connections are refused, without a wait of 50 ms', @refused);
    mostly_under(0.03, 'idle connections are closed, without a wait of 50 ms', @idle);
    is($whole, 3, 'the downloads are whole');
    mostly_under(0.15, 'the last process is gone after the last byte, without a wait of 0.2 s, though half a request is held', @gone);
    is($late, 0, 'no worker outlives the master');
}

# A signal to the process group ends the server without a word about its workers, whichever process gets it first.
for my $signal (qw(TERM INT)) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    my $before = $server->stderr;
    kill $signal, -$server->pid;
    $server->ended(stderr => $before);
    is($server->stderr, $before, "SIG$signal to the process group: nothing on stderr");
}
for my $late (0, 1) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    my $before = $server->stderr;
    my @workers = $server->workers;
    kill 'STOP', $server->pid;
    eventually { is_stopped($server->pid) };
    kill 'TERM', @workers;
    eventually { 2 == grep { slurp("/proc/$_/stat") =~ /\) Z / } @workers };
    kill 'TERM', $server->pid if !$late;
    kill 'CONT', $server->pid;
    eventually { 2 == grep { $_ != $workers[0] && $_ != $workers[1] } $server->workers } if $late;
    kill 'TERM', $server->pid if $late;
    $server->ended(stderr => $before);
    is($server->stderr, $before, 'SIGTERM to the workers, ' . ($late ? 'and once they are replaced' : 'then') . ' to the master: nothing on stderr');
}

# SIGUSR2 and SIGHUP to the process group during a slow download: new connections are served at once.
for my $signal (qw(USR2 HUP)) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr(qr/\Atinyhttpd: reloaded; /);
    sleep 0.15; # old enough to be replaced at once
    my @downloads = map { my $slow = $server->connection(receive => 32_768); syswrite $slow, get_request('/huge.bin'); sysread $slow, my $first, 1000; $slow } 1 .. 6;
    my @before = $server->workers;
    kill $signal, -$server->pid;
    my $slept = 0;
    my $whole = grep { my $response = $server->get('/small.bin'); $slept += $response->{slept}; $response->{body} eq $files{'/small.bin'} } 1 .. 20;
    is($whole, 20, "SIG$signal to the process group during downloads: new connections are served");
    cmp_ok($slept, '<', 2, "SIG$signal to the process group during downloads: at once");
    my %old = map { $_ => 1 } @before;
    ok(eventually(sub { 2 == grep { !$old{$_} } $server->workers }), "SIG$signal to the process group: the workers are replaced");
    is(scalar(grep { defined sysread $_, my $more, 1000 } @downloads), 6, "SIG$signal to the process group: the downloads go on");
    close $_ for @downloads;
    $server->stop(lost => 1);
}

# The master reaps orphans of other programs, which it gets as process 1 of a container or as a subreaper (prctl(2),
# PR_SET_CHILD_SUBREAPER).
SKIP: {
    my $prctl = { x86_64 => 157, aarch64 => 167 }->{ (POSIX::uname())[4] } or skip 'the number of prctl is not known', 3;
    my $folder = new_root();
    my $port   = free_port();
    my $pid    = Harness::spawn("$folder/out", "$folder/err", sub { syscall $prctl, 36, 1, 0, 0, 0 }, '/bin/sh', '-c',
        '(sleep 1000 & echo $! >"$0"); shift; exec "$@"', "$folder/orphan", 'x', program(), '-q', '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'with an orphan: serves');
    my ($orphan) = slurp("$folder/orphan") =~ /(\d+)/;
    my ($parent) = map { $_->[2] } grep { $_->[0] == $orphan } Harness::process_table();
    is($parent, $pid, 'the orphan is a child of the server');
    kill 'TERM', $orphan;
    ok(eventually(sub { !-e "/proc/$orphan" }), 'the orphan is reaped');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'with an orphan: SIGTERM ends the server with status 0');
    is(slurp("$folder/err"), '', 'with an orphan: nothing on stderr');
    kill 'KILL', -$pid;
}

responses_framed();
done_testing();
