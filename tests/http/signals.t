# Signals: the man page's table says what each one does to the master and to a worker. Each row is tried on both.
use strict;
use warnings;
use Config;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);


use constant SIZE => 20_000_000;

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'huge.bin', noise(SIZE, 'signals'));

my %number;
@number{ split ' ', $Config{sig_name} } = split ' ', $Config{sig_num};

# [name, master's effect, worker's effect] of each row.
my @rows = slurp("$FindBin::Bin/../../share/man/tinyhttpd.1") =~ /^\.It Dv SIG(\w+(?: to SIG\w+)?) Ta ([\w ]+) Ta ([\w ]+)$/mg;
@rows = map { [@rows[3 * $_ .. 3 * $_ + 2]] } 0 .. @rows / 3 - 1;

{
    my %row   = map { $_->[0] => 1 } @rows;
    my %alias = map { $_ => 1 } qw(ZERO IOT CLD POLL UNUSED);
    my @none  = grep { !$row{$_} && !$alias{$_} && !/\A(?:NUM|RT)/ } keys %number;
    is("@none", '', 'the table has every signal of this system');
    ok($row{'RTMIN to SIGRTMAX'}, 'and the real-time signals');
    is(scalar(@rows), scalar(keys %row), 'and each once');
}

sub numbers_of {
    my ($name) = @_;
    # musl keeps the first for itself (pthread_setxid).
    return $name =~ /^RT/ ? POSIX::SIGRTMIN() + is_musl() .. POSIX::SIGRTMAX() : $number{$name};
}

sub new_server { return Harness->start(root => $root, args => ['-j', '1', @_]) }
sub state_of   { my ($state) = slurp("/proc/$_[0]/stat") =~ /\) (\w) /; return $state || 'none' }
# All processes of a server; not one that looks at the root, which ends meanwhile.
sub all_stopped { my @all = processes_of_group($_[0]); return @all >= 4 && !grep { state_of($_) ne 'T' } @all }
sub none_stopped { return !grep { state_of($_) eq 'T' } processes_of_group($_[0]) }
sub status_of  { my ($server) = @_; return eval { $server->get('/')->{status} } || 'none' }

# True if the signal is neither the process's end nor waiting to become it (proc_pid_status(5)).
sub is_harmless {
    my ($pid, $number) = @_;
    no warnings 'portable'; # 64 bits
    my %mask = slurp("/proc/$pid/status") =~ /^(Sig\w+|ShdPnd):\s*([0-9a-f]{16})$/mg;
    my $taken = grep { hex($mask{$_} || 0) & 1 << $number - 1 } qw(SigIgn SigCgt);
    return $taken || grep { $number == $number{$_} } qw(CHLD URG WINCH CONT);
}

# Begins a download that the worker has not sent whole when the signal comes.
sub begin_download {
    my ($server) = @_;
    my $socket = $server->connection(receive => 32_768);
    syswrite $socket, get_request('/huge.bin');
    sysread $socket, my $start, 1000;
    return ($socket, $start);
}

# Another worker alone serves.
sub is_replaced {
    my ($server, $worker) = @_;
    return eventually { my @now = $server->workers; @now == 1 && $now[0] != $worker && status_of($server) == 200 };
}

my %try; # effect => { master => code, worker => code }; code is called with the row's name and its numbers

for my $which (qw(master worker)) {
    my $server;
    $try{ignored}{$which} = sub {
        my ($name, @numbers) = @_;
        $server ||= new_server();
        my ($worker) = $server->workers;
        my $pid = $which eq 'master' ? $server->pid : $worker;
        my $kept = $server->exchange(get_request('/'), count => 1)->{socket};
        my @harmful = grep { !is_harmless($pid, $_) } @numbers;
        is("@harmful", '', "SIG$name is ignored or handled by the $which");
        kill $_, $pid for @numbers;
        is(scalar @{ $server->exchange(get_request('/'), socket => $kept, count => 1)->{responses} }, 1, "SIG$name to the $which: its connection stays");
    };
    # A master that a signal has ended replaces no worker.
    $try{ignored}{"$which at the end"} = sub {
        my ($worker) = $server->workers;
        $server->expect_stderr(qr/^tinyhttpd: worker $worker was killed by signal 9/);
        kill 'KILL', $worker;
        ok(is_replaced($server, $worker), "all ignored signals to the $which: the master lives");
        $server->stop(lost => 1);
    };
}

$try{drains}{master} = sub {
    my ($name, $number) = @_;
    my $server = new_server('--drain', '3600');
    my ($download, $start) = begin_download($server);
    my $before = $server->stderr;
    kill $number, $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), "SIG$name to the master: refuses connections");
    is(rest_of_download($download, $start, SIZE), SIZE, "SIG$name to the master: the response in flight is finished");
    $server->ended(stderr => $before);
};

$try{drains}{worker} = sub {
    my ($name, $number) = @_;
    my $server = new_server();
    my ($worker) = $server->workers;
    my ($download, $start) = begin_download($server);
    kill $number, $worker;
    ok(eventually(sub { my @now = $server->workers; @now == 2 && status_of($server) == 200 }), "SIG$name to a worker: another serves at once");
    is(rest_of_download($download, $start, SIZE), SIZE, "SIG$name to a worker: the response in flight is finished");
    ok(is_replaced($server, $worker), "SIG$name to a worker: it ends");
    $server->stop(lost => 1);
};

$try{'hands over'}{worker} = sub {
    my ($name, $number) = @_;
    my $server = new_server();
    my ($worker) = $server->workers;
    my $kept = $server->exchange(get_request('/'), count => 1)->{socket};
    kill $number, $worker;
    ok(is_replaced($server, $worker), "SIG$name to a worker: replaced");
    is(scalar @{ $server->exchange(get_request('/'), socket => $kept, count => 1)->{responses} }, 1, "SIG$name to a worker: its connection stays");
    $server->stop(lost => 1);
};

$try{reloads}{master} = sub {
    my ($name, $number) = @_;
    my $server = new_server();
    $server->expect_stderr(qr/^tinyhttpd: reloaded; old workers are finishing$/);
    my ($worker) = $server->workers;
    kill $number, $server->pid;
    ok(is_replaced($server, $worker), "SIG$name to the master: new workers");
    # What the program before has ignored is ignored by this one.
    kill 'ALRM', $server->pid, $server->workers;
    is(status_of($server), 200, 'after a reload: SIGALRM is ignored');
    $server->stop(lost => 1);
};

# All processes of the server stop and go on; an idle connection is not closed for the time between.
$try{'reopens logs'}{master} = sub {
    my ($name) = @_;
    my $log    = tempdir(CLEANUP => 1) . '/log';
    my $server = new_server('--access-log', $log);
    rename $log, "$log.1" or die $!;
    kill $name, $server->pid;
    ok(eventually(sub { -f $log }), "SIG$name to the master: the log is made anew");
    $server->stop;
};

$try{'stops all'}{master} = sub {
    my ($name, $number) = @_;
    # A slow machine may need more than the time of an idle connection for what is done before and after the stop.
    for my $seconds (8, 24, 72) {
        my $server = Harness->start(root => $root, args => ['-j', '2', '--keep-alive', $seconds]);
        my @idle = map { $server->exchange(get_request('/'), count => 1)->{socket} } 1 .. 4;
        my @all = processes_of_group($server->pid);
        cmp_ok(scalar @all, '>=', 4, 'the master, two workers, a log writer');
        kill $number, $server->pid;
        ok(eventually(sub { all_stopped($server->pid) }), "SIG$name to the master: all processes are stopped");
        sleep $seconds + 1; # the idle connections would be closed
        kill 'CONT', $server->pid;
        ok(eventually(sub { none_stopped($server->pid) }), 'SIGCONT to the master: all go on');
        my $answered = grep { @{ $server->exchange(get_request('/'), socket => $_, count => 1)->{responses} } == 1 } @idle;
        is(status_of($server), 200, 'new ones are served');
        $server->stop;
        next if $answered < 4 && $seconds < 72;
        is($answered, 4, 'idle connections are open');
        last;
    }
};

for my $which (qw(master worker)) {
    my $server;
    my $pid_of = sub { $server ||= new_server(); my ($worker) = $server->workers; return $which eq 'master' ? $server->pid : $worker };
    $try{stops}{$which} = sub {
        my ($name, $number) = @_;
        my $pid = $pid_of->();
        kill $number, $pid;
        ok(eventually(sub { state_of($pid) eq 'T' }), "SIG$name stops the $which");
        kill 'CONT', $pid;
        ok(eventually(sub { state_of($pid) ne 'T' }), "SIGCONT: the $which goes on");
    };
    $try{'goes on'}{$which} = sub {
        my ($name, $number) = @_;
        kill $number, $pid_of->();
        is(status_of($server), 200, "SIG$name to the $which that is not stopped: serves");
    };
    $try{'goes on'}{"$which at the end"} = sub { $server->stop };
}

# Only SIGKILL under ASan, which handles the others itself.
$try{ends}{master} = sub {
    my ($name, $number) = @_;
    return if is_sanitized() && $name ne 'KILL';
    my $server = Harness->start(root => $root, args => ['-j', '1'], as => ['sh', '-c', 'ulimit -c 0; exec "$@"', 'sh']);
    my $pid = $server->pid;
    kill $number, $pid;
    my $status = Harness::reap($pid);
    is($status & 127, $number, "SIG$name ends the master");
    ok(eventually(sub { !processes_of_group($pid) }), "SIG$name to the master: no process is left");
};

$try{ends}{worker} = sub {
    my ($name, $number) = @_;
    return if is_sanitized() && $name ne 'KILL';
    my $server = new_server();
    my ($worker) = $server->workers;
    $server->expect_stderr(qr/^tinyhttpd: worker $worker was killed by signal $number /);
    kill $number, $worker;
    ok(is_replaced($server, $worker), "SIG$name to a worker: replaced");
    $server->stop(lost => 1);
};

for my $row (@rows) {
    my ($name, %effect) = ($row->[0], master => $row->[1], worker => $row->[2]);
    for my $which (qw(master worker)) {
        my $code = $try{ $effect{$which} }{$which};
        $code ? $code->($name, numbers_of($name)) : fail("SIG$name: '$effect{$which}' is no effect on a $which");
    }
}
$_->() for map { my $effect = $_; map { $effect->{$_} } grep { / at the end/ } sort keys %$effect } values %try;

# SIGQUIT ends the server as SIGTERM does, with the files of its sockets; as process 1, too (STOPSIGNAL SIGQUIT).
for my $case (['SIGQUIT'], ['as process 1: SIGQUIT', qw(unshare --pid --fork --kill-child)]) {
    my ($told, @as) = @$case;
    SKIP: {
        skip "$told: needs root and unshare", 3 if @as && ($> != 0 || system("@as true 2>/dev/null") != 0);
        my $folder = new_root();
        my $pid = Harness::spawn("$folder/out", "$folder/err", undef, @as, program(), '-r', $root, '-b', "unix:$folder/s", '-q');
        ok(eventually(sub { run_program('--check', '-b', "unix:$folder/s")->{status} == 0 }), "$told: the server is healthy");
        my ($server) = @as ? children_of($pid) : $pid;
        kill 'QUIT', $server;
        is(Harness::reap($pid), 0, "$told: status 0");
        ok(!-e "$folder/s", "$told: the Unix socket is removed");
        kill 'KILL', -$pid;
    }
}

# A log that no process reads ends no server at its start.
{
    my ($port, $folder) = (free_port(), new_root());
    my $pid = Harness::spawn("$folder/out", "$folder/err", undef, 'sh', '-c', '"$0" -r "$1" -p "$2" -b 127.0.0.1 2>&1 >/dev/null | true', program(), $root, $port);
    ok(eventually(sub { my $socket = connect_to('127.0.0.1', $port) or return 0; syswrite $socket, get_request('/'); sysread $socket, my $head, 12; ($head || '') eq 'HTTP/1.1 200' }),
        'tinyhttpd 2>&1 | true: serves');
    kill 'TERM', -$pid;
    Harness::reap($pid);
    ok(eventually(sub { !processes_of_group($pid) }), 'and ends');
}

# As sh(1) sends it to a pipeline, timeout(1) to all.
{
    my $server = Harness->start(root => $root, args => ['-j', '2'], quiet => 1);
    kill 'TERM', -$server->pid;
    $server->ended;
}

# Ctrl-Z and fg in a shell with job control.
SKIP: {
    my ($shell, $pty) = on_terminal({ PS1 => 'ready> ', ENV => '' }, 'sh', '-i') or skip "no pseudo-terminal: $!", 7;
    my ($port, $seen) = (free_port(), '');
    my $sees = sub { my ($text) = @_; eventually { 1 while sysread $pty, $seen, 65536, length $seen; $seen =~ s/\A.*?$text//s } };
    my $type = sub { syswrite $pty, $_[0] };
    $sees->('ready> ');
    $type->("'${\program()}' -r '$root' -p $port -b 127.0.0.1 -j 2 --no-list\n");
    my $answers = sub { my $socket = connect_to('127.0.0.1', $port) or return 0; syswrite $socket, get_request('/'); sysread $socket, my $head, 12; ($head || '') eq 'HTTP/1.1 200' };
    ok($sees->('Ctrl-C') && eventually(sub { $answers->() }), 'in a shell: starts');
    my $server;
    eventually { ($server) = children_of($shell) };
    for my $time (1, 2) {
        $type->("\x1a");
        ok($sees->('ready> ') && eventually(sub { all_stopped($server) }), "Ctrl-Z, time $time: the shell has the terminal, all processes are stopped");
        $type->("fg\n");
        ok(eventually(sub { none_stopped($server) }) && $answers->(), "fg, time $time: serves");
    }
    $type->("\x03");
    ok($sees->('Served') && $sees->('ready> '), 'Ctrl-C: ends with the summary');
    $type->("exit\n");
    is(Harness::reap($shell), 0, 'the shell ends');
    kill 'KILL', grep { $_ && -e "/proc/$_" } $shell, $server;
}

# Without a shell that could let it go on, the kernel does not stop it: the leader of its session.
{
    my $folder = new_root();
    my $port = free_port();
    my $parent = Harness::spawn("$folder/out", "$folder/err", undef, 'setsid', '--wait', program(), '-q', '-r', $root, '-p', $port, '-b', '127.0.0.1');
    my $healthy = sub { run_program('--check', '-p', $port, '-b', '127.0.0.1')->{status} == 0 };
    ok(eventually(sub { $healthy->() }), 'in an orphaned process group: serves');
    my ($server) = children_of($parent);
    kill 'TSTP', $server;
    ok(eventually(sub { slurp("/proc/$server/status") =~ /^ShdPnd:\s*0+$/m }), 'SIGTSTP in an orphaned process group: arrives');
    ok(eventually(sub { $healthy->() }), 'and it serves on');
    isnt(state_of($server), 'T', 'it is not stopped');
    kill 'TERM', $server;
    is(Harness::reap($parent), 0, 'and ends');
    kill 'KILL', $server;
}

# Stopped while a reload waits for its new workers: the old ones stay.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr(qr/reloaded; old workers are finishing/);
    my ($download, $start) = begin_download($server);
    for my $pause (0, 5, 10, 20, 30, 50) { # milliseconds
        kill 'HUP', $server->pid;
        sleep $pause / 1000;
        kill 'TSTP', $server->pid;
        sleep 0.05;
        kill 'CONT', $server->pid;
        eventually { none_stopped($server->pid) };
    }
    is(rest_of_download($download, $start, SIZE), SIZE, 'Ctrl-Z during a reload: the response in flight is finished');
    unlike($server->stderr, qr/killed/, 'Ctrl-Z during a reload: no worker is killed');
    $server->stop(lost => 1);
}

done_testing();
