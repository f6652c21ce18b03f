# SIGHUP: the process executes its program anew, with the same sockets and without a lost connection. Socket activation
# and the messages to the service manager.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(dirname);
use File::Copy ();
use Harness;
use IO::Socket::UNIX;
use IO::Socket::IP;
use Load;
use POSIX ();
use Socket ();
use Test::More;
use Time::HiRes qw(time sleep);


my $root = new_root();
put_file($root, 'index.html', 'page');

# Servers that the harness does not know are killed at the end of the test, but for those that have been reaped: another
# process may have such a pid.
my (@spawned, @in_terminals);
END {
    my $status = $?;
    kill 'KILL', -$_ for grep { waitpid($_, POSIX::WNOHANG()) >= 0 } @spawned;
    kill 'KILL', grep { slurp("/proc/$_/cmdline") =~ /\Q$root\E/ } @in_terminals;
    $? = $status;
}

sub spawned {
    my ($folder, @command) = @_;
    push @spawned, Harness::spawn("$folder/out", "$folder/err", undef, @command);
    return $spawned[-1];
}

my $told = qr/\Atinyhttpd: reloaded/;

# The workers that were started after @before.
sub replaced {
    my ($server, @before) = @_;
    my %old = map { $_ => 1 } @before;
    return grep { !$old{$_} } $server->workers;
}

# Sends SIGHUP and waits until new workers are there; false if none come.
sub reload {
    my ($server) = @_;
    my @before = $server->workers;
    kill 'HUP', $server->pid;
    return eventually { scalar(my @new = replaced($server, @before)) };
}

# Whether a worker has closed the listening sockets: it has none of the master's sockets any more but its channels.
sub has_retired {
    my ($server, $worker) = @_;
    my $sockets = sub { map { $_ => 1 } grep { defined && /^socket:/ } map { readlink } glob "/proc/$_[0]/fd/*" };
    my %listening = $sockets->($server->pid);
    my %own       = $sockets->($worker);
    delete $own{ readlink("/proc/$worker/fd/$_") // '' } for 3 .. 6;
    return !grep { $listening{$_} } keys %own;
}

# Reads to the end of the stream, or until `bytes` of the body have arrived: (head, body).
sub read_body {
    my ($socket, $bytes) = @_;
    my ($all, $body_at) = ('', undef);
    while (sysread $socket, $all, 1 << 16, length $all) {
        $body_at = $+[0] if !defined $body_at && $all =~ /\r\n\r\n/;
        last if defined $bytes && defined $body_at && length($all) - $body_at >= $bytes;
    }
    return defined $body_at ? (substr($all, 0, $body_at), substr($all, $body_at)) : ($all, '');
}

# A server whose new program hangs in its trial; the checks are at the end of this file.
my ($hanging, $hanging_folder, $hanging_port) = hanging();

# An old worker of which /proc has no memory to tell, as of one with an epoll instance of millions of entries, or can't
# tell anything. It is killed after half a minute, so this is looked at last.
my @untold = map { [untold($_)] } 'worker', 'self';

# A server with a replaceable program: its pid, its folder, its port, and the program's path in that folder.
sub replaceable {
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    symlink program(), $path or die $!;
    my $port = free_port();
    my $pid  = spawned($folder, $path, '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    eventually { connect_to('127.0.0.1', $port) };
    return ($pid, $folder, $port, $path);
}

sub hanging {
    my ($pid, $folder, $port, $path) = replaceable();
    replace($path, "#!/bin/sh\nexec sleep 1000\n");
    kill 'HUP', $pid;
    return ($pid, $folder, $port);
}

# Of which processes /proc has no memory to tell: of the worker, or of the process that looks.
sub untold {
    my ($whose) = @_;
    my $short = new_root() . '/pid';
    local %ENV = (%ENV, preload('host'), HOST_HANGS => $short);
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't check that old worker \d+|was killed by signal 9/);
    my $worker = stopped($server->workers);
    put_file(dirname($short), 'pid', 'short ' . ($whose eq 'worker' ? $worker : 'self'));
    ok(reload($server), '/proc has no memory to tell: reloaded');
    return ($server, $worker);
}

# Replaces the program at a path atomically.
sub replace {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', "$path.new" or die $!;
    print {$file} $bytes;
    close $file;
    chmod 0755, "$path.new";
    rename "$path.new", $path or die $!;
    return;
}

# Under load no connection is lost.
{
    my %files = ('/small.bin' => noise(1000, 'a'), '/medium.bin' => noise(100_000, 'b'), '/large.bin' => noise(700_000, 'c'));
    put_file($root, substr($_, 1), $files{$_}) for keys %files;
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my $load = Load->start(port => $server->port, clients => 64, files => \%files);
    sleep 0.3;
    my $pid     = $server->pid;
    my $replaced = 0;
    for (1 .. 10) {
        $replaced++ if reload($server);
        sleep 0.1;
    }
    eventually { 64 < (() = $server->log =~ /\n/g) };
    my ($answers, @failures) = $load->stop;
    is($replaced, 10, 'ten times SIGHUP: new workers each time');
    cmp_ok($answers, '>', 64, "64 clients during ten reloads: $answers responses");
    is(join("\n", @failures[0 .. ($#failures < 5 ? $#failures : 5)]), '', 'ten reloads: each response is whole, none refused, none cut');
    is(kill(0, $pid), 1, 'ten reloads: the pid stays the same');
    ok(eventually(sub { scalar(my @now = $server->workers) == 2 }), 'ten reloads: the old workers exit when they have finished');
    my $zombies = sub { scalar grep { $_->[2] == $pid && $_->[1] eq 'Z' } Harness::process_table() };
    ok(eventually(sub { $zombies->() == 0 }), 'ten reloads: the old workers are reaped');
    is($server->get('/')->{body}, 'page', 'ten reloads: the server still serves');
    $server->stop(lost => 1);
}

# Connections of old workers
{
    my $size = 20_000_000;
    put_file($root, 'huge.bin', '');
    truncate "$root/huge.bin", $size or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', '3600']);
    $server->expect_stderr($told);
    my $kept   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $idle   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $slow   = $server->connection(receive => 32_768);
    syswrite $slow, get_request('/huge.bin');
    sysread $slow, my $start, 1000 or die;
    my $other = $server->connection;
    syswrite $other, get_request('/huge.bin');
    at_rest($server->pid);
    my @before = $server->workers;
    ok(reload($server), 'with two downloads and two idle connections: reloaded');
    ok(eventually(sub { has_retired($server, $before[0]) }), 'the old worker closes the listening sockets');

    my $answer = $server->exchange(get_request('/'), socket => $kept, count => 1);
    is($answer->{responses}[0]{status}, 200, 'a new worker answers the next request on a kept connection');
    is($answer->{responses}[0]{field}{connection}, undef, 'a new worker keeps the connection');
    sleep 2.5;
    is($server->exchange(get_request('/'), socket => $idle, count => 1)->{responses}[0]{body}, 'page', 'a connection that was idle at the reload, and long after it, is kept');
    my @still = grep { my $pid = $_; grep { $_ == $pid } @before } $server->workers;
    is("@still", "@before", 'the old worker is still there for the downloads');

    $start = sip($slow, $start);
    my ($head, $body) = read_body($other, $size);
    is(length $body, $size, 'an old worker finishes a download in flight');
    unlike($head, qr/^Connection: close/m, 'its head had no Connection: close');
    syswrite $other, get_request('/');
    ($head, $body) = read_body($other, 4);
    is($body, 'page', 'a new worker answers the request after the download');
    unlike($head, qr/^Connection: close\r$/m, 'a new worker keeps the connection after the download');

    # A second reload, then SIGTERM, with workers of two old programs.
    $start = sip($slow, $start);
    ok(reload($server), 'reloaded a second time');
    my $before = $server->stderr;
    my @all    = $server->workers;
    cmp_ok(scalar @all, '>=', 2, 'old workers are still there');
    kill 'TERM', $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }), 'SIGTERM after SIGHUP: new connections are refused');
    is(rest_of_download($slow, $start, $size), $size, 'the download that began before both reloads is finished');
    $server->ended(stderr => $before);
}

# Half a request, which has ten seconds
{
    local %ENV = (%ENV, slow_clock());
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    my $half = $server->connection;
    syswrite $half, "GET / HTTP/1.1\r\nHo";
    at_rest($server->pid);
    my ($old) = $server->workers;
    ok(reload($server), 'with half a request: reloaded');
    ok(eventually(sub { has_retired($server, $old) }), 'the old worker closes the listening sockets');
    syswrite $half, "st: localhost\r\n\r\n";
    my ($head, $body) = read_body($half, 4);
    is($body, 'page', 'a new worker answers a request that was incomplete at the reload');
    unlike($head, qr/^Connection: close\r$/m, 'a new worker keeps its connection');
    $server->stop(lost => 1);
}

# Stops a worker, so that it keeps the listening sockets. Returns its pid.
sub stopped {
    my ($worker) = @_;
    kill 'STOP', $worker;
    eventually { slurp("/proc/$worker/stat") =~ /\) T / };
    return $worker;
}

# Reloads that follow each other do not give an old worker more time.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/old worker \d+ still accepts|was killed by signal 9/);
    my $still = stopped($server->workers);
    for (1 .. 12) {
        reload($server);
        last if defined asleep_until { !-e "/proc/$still" } $server->pid, 3;
    }
    ok(!-e "/proc/$still", 'an old worker that keeps the listening sockets is killed, though each program is replaced after 3 s');
    kill 'KILL', $still if -e "/proc/$still";
    $server->stop(lost => 1);
}

# Nor do reloads that follow each other faster than the master looks.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/old worker \d+ still accepts|was killed by signal 9/);
    my $still = stopped($server->workers);
    my $reloads = 0;
    while ($reloads++ < 80 && -e "/proc/$still") { reload($server); asleep_until { 0 } $server->pid, 0.5 }
    ok(!-e "/proc/$still", 'an old worker that keeps the listening sockets is killed, though each program is replaced after half a second');
    kill 'KILL', $still if -e "/proc/$still";
    $server->stop(lost => 1);
}

# The master does not wait for /proc, which waits for a file system that a compromised worker asks. It kills that worker
# alone.
{
    my $hung = new_root() . '/pid';
    local %ENV = (%ENV, preload('host'), HOST_HANGS => $hung);
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't check that old worker \d+|was killed by signal 9/);
    my ($still, $honest) = $server->workers;
    stopped($still);
    my $download = $server->connection(receive => 32_768); # the other worker accepts it
    syswrite $download, get_request('/huge.bin');
    sysread $download, my $start, 1000;
    put_file(dirname($hung), 'pid', $still);
    ok(reload($server), '/proc does not respond: reloaded');
    ok(eventually(sub { !-e "/proc/$still" }), '/proc does not respond: the old worker is killed');
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: can't check that old worker $still accepts no more connections: \/proc takes too long; killed$/m }),
        '/proc does not respond: the log says so');
    $start = sip($download, $start);
    ok(reload($server), '/proc does not respond: reloaded again');
    is($server->get('/')->{status}, 200, '/proc does not respond: serves');
    is(rest_of_download($download, $start, 20_000_000), 20_000_000, '/proc does not respond for one worker: another finishes its download');
    $server->stop(lost => 1);
}

# The connection of a response that is in flight during two reloads was handed to workers that had ended by then.
for my $pause (0, 1) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my $download = $server->connection(receive => 32_768);
    syswrite $download, get_request('/huge.bin');
    sysread $download, my $start, 1000;
    ok(reload($server), 'two reloads during a response: the first');
    ok(reload($server), 'two reloads during a response: the second');
    sleep $pause;
    is(rest_of_download($download, $start, 20_000_000), 20_000_000, 'two reloads during a response: it is whole');
    is($server->exchange(get_request('/'), socket => $download, count => 1)->{responses}[0]{status}, 200, 'two reloads during a response: the next request on its connection is answered');
    $server->stop(lost => 1);
}

# A program of another version would misread or drop connections: it takes none over.
{
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    symlink program(), $path or die $!;
    my $port = free_port();
    my $pid  = spawned($folder, $path, '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    my $kept = eventually { connect_to('127.0.0.1', $port) };
    my $ask  = sub { syswrite $kept, get_request('/'); return join '', read_body($kept, 4) };
    like($ask->(), qr/page\z/, 'a program of another version: a connection is kept');
    replace($path, "#!/bin/sh\nTINYHTTPD_HANDOVER=\$(echo \"\$TINYHTTPD_HANDOVER\" | sed 's/handoff[0-9]*/&0/')\nexec '${\program()}' \"\$@\"\n");
    kill 'HUP', $pid;
    ok(eventually(sub { slurp("$folder/err") =~ /^tinyhttpd: reloaded/m }), 'a program of another version: reloaded');
    like($ask->(), qr/^Connection: close\r.*page\z/ms, 'a program of another version: the connection gets one more response, which is its last');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'a program of another version: SIGTERM ends it with status 0');
}

# Workers that start late have not yet taken over what the program before handed to them when further reloads follow.
for my $seconds (0.7, 2.8) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my @kept  = map { $server->exchange(get_request('/'), count => 1)->{socket} } 1 .. 8;
    my @before = $server->workers;
    my $times = sub { scalar(my @all = $server->stderr =~ /^tinyhttpd: reloaded/mg) };
    my %late;
    kill 'HUP', $server->pid;
    eventually {
        for my $worker (replaced($server, @before)) {
            $late{$worker} ||= kill 'STOP', $worker if grep { (readlink // '') =~ /eventpoll/ } glob "/proc/$worker/fd/*";
        }
        keys %late == 2 && $times->() == 1;
    };
    for my $reload (2, 3) {
        kill 'HUP', $server->pid;
        my $end = time + $seconds;
        sleep 0.02 while $times->() < $reload && time < $end;
        last if $times->() < $reload;
    }
    kill 'CONT', keys %late;
    my @statuses = map { $server->exchange(get_request('/'), socket => $_, count => 1)->{responses}[0]{status} // 'none' } @kept;
    is("@statuses", join(' ', ('200') x @kept), "workers that are $seconds s late, and further reloads: no kept connection is lost");
    $server->stop(lost => 1);
}

# A check that only lacks CPU time kills no worker, even if it gets none.
for my $kind ('busy', 'waiting') {
    my $busy = new_root() . '/pid';
    local %ENV = (%ENV, preload('host'), HOST_HANGS => $busy);
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    my ($honest) = $server->workers;
    my $download = $server->connection(receive => 32_768);
    syswrite $download, get_request('/huge.bin');
    sysread $download, my $start, 1000;
    put_file(dirname($busy), 'pid', "$kind $honest");
    ok(reload($server), "$kind: reloaded");
    my %since;
    my $check = eventually {
        my @checks = grep { slurp("/proc/$_/status") =~ /^Seccomp:\s+0$/m } Harness::children_of($server->pid);
        $since{$_} //= time for @checks;
        my ($long) = grep { time - $since{$_} > 6.5 } @checks;
        $long;
    };
    ok($check && -e "/proc/$honest", "$kind: a check that goes on for more than two periods: the worker lives") or diag($server->stderr);
    $start = sip($download, $start);
    unlink $busy;
    is(rest_of_download($download, $start, 20_000_000), 20_000_000, "$kind: and finishes its download");
    $server->stop(lost => 1);
}

# One that takes more of it than that of any worker would: other workers may wait for it.
{
    my $costly = new_root() . '/pid';
    local %ENV = (%ENV, preload('host'), HOST_HANGS => $costly);
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't check that old worker \d+|was killed by signal 9/);
    my ($still, $most) = (stopped($server->workers), 0);
    put_file(dirname($costly), 'pid', "costly $still");
    ok(reload($server), 'a check that takes much CPU time: reloaded');
    my $is_told = eventually {
        for (grep { slurp("/proc/$_/status") =~ /^Seccomp:\s+0$/m } Harness::children_of($server->pid)) {
            my $used = slurp("/proc/$_/stat") =~ /\) \S (?:\S+ ){10}(\d+) (\d+)/ ? ($1 + $2) / POSIX::sysconf(POSIX::_SC_CLK_TCK()) : 0;
            $most = $used if $used > $most;
        }
        $server->stderr =~ /^tinyhttpd: can't check that old worker $still accepts no more connections: \/proc takes too long; killed$/m;
    };
    ok($is_told, 'a check that takes much CPU time: its worker is killed');
    note("$most s of CPU");
    cmp_ok($most, '<', 15, 'after 4 s of it, not after half a minute');
    $server->stop(lost => 1);
}

# Workers that leave one after the other, and of which each makes its check wait, put off no reload.
{
    my $hung = new_root() . '/pid';
    local %ENV = (%ENV, preload('host'), HOST_HANGS => $hung);
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't check that old worker \d+|was killed by signal 9|still accepts/);
    put_file(dirname($hung), 'pid', '*');
    # A replaced worker that has a response in flight lives on.
    my (@downloads, $reloaded);
    my $leave = sub {
        my $download = $server->connection(receive => 32_768);
        syswrite $download, get_request('/huge.bin');
        sysread $download, my $start, 1000;
        push @downloads, $download;
        kill 'USR2', $server->workers;
    };
    $leave->();
    ok(eventually(sub { scalar(grep { slurp("/proc/$_/cmdline") =~ /./ && slurp("/proc/$_/status") !~ /^Seccomp:\s+2$/m } Harness::children_of($server->pid)) }), 'a check hangs');
    kill 'HUP', $server->pid;
    for (1 .. 20) {
        $leave->();
        last if $reloaded = defined asleep_until { $server->stderr =~ /^tinyhttpd: reloaded/m } $server->pid, 1;
    }
    ok($reloaded, 'a check hangs at any time: reloaded all the same');
    unlink $hung;
    $server->stop(lost => 1);
}

# The master kills an old worker that keeps the listening sockets, and no other one.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/old worker \d+ still accepts|was killed by signal 9/);
    my ($still, $honest) = $server->workers;
    stopped($still);
    my @downloads = map { $server->connection(receive => 32_768) } 1 .. 3; # the other worker accepts all of them
    syswrite $_, get_request('/huge.bin') for @downloads;
    my @starts = map { sysread $_, my $start, 1000; $start } @downloads;
    kill 'HUP', $server->pid;
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: old worker $still still accepts connections after it was replaced; killed$/m }),
        'an old worker that keeps the listening sockets is reported');
    ok(eventually(sub { !-e "/proc/$still" }), 'an old worker that keeps the listening sockets is killed');
    is(scalar(my @all = $server->stderr =~ /still accepts/g), 1, 'no other old worker is reported');
    @starts = map { sip($downloads[$_], $starts[$_]) } 0 .. $#downloads;
    my @statuses = map { $server->get('/')->{status} // 'none' } 1 .. 20;
    is("@statuses", join(' ', ('200') x 20), 'the new workers answer all new connections');
    ok(-e "/proc/$honest" && has_retired($server, $honest), 'the other old worker lives and has closed the listening sockets');
    my @lengths = map { rest_of_download($downloads[$_], $starts[$_], 20_000_000) } 0 .. $#downloads;
    is("@lengths", '20000000 20000000 20000000', 'the other old worker finishes its downloads');
    $server->stop(lost => 1);
}

# A master that may not read its workers' descriptors in /proc, as root in a container without CAP_SYS_PTRACE, reports
# that and kills none.
SKIP: {
    my @as = qw(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace --);
    skip 'needs root and setpriv', 6 if $> != 0 || system("@as true 2>/dev/null") != 0;
    my $server = Harness->start(root => $root, args => ['-v', '-j', '1'], as => \@as);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't check that old workers/);
    my $still = stopped($server->workers);
    kill 'HUP', $server->pid;
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: can't check that old workers accept no more connections: [^\n]+$/m }), 'without CAP_SYS_PTRACE: reported');
    ok(-e "/proc/$still", 'without CAP_SYS_PTRACE: the old worker is not killed');
    kill 'CONT', $still;
    ok(eventually(sub { !-e "/proc/$still" }), 'without CAP_SYS_PTRACE: the old worker exits when it has finished');
    $server->stop(lost => 1);
}

# A reload runs the file that is now at the program's path; if that can't serve, the server stays as it is.
SKIP: {
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    File::Copy::copy(program(), $path) or die $!;
    chmod 0755, $path;
    my $www = "$folder/www";
    put_file($www, 'index.html', 'first');
    # Started without a path, found through PATH.
    local $ENV{PATH} = "$folder:$ENV{PATH}";
    my $port = free_port();
    my $err = "$folder/err";
    my $pid = spawned($folder, 'sh', '-c', 'cd "$0" && exec tinyhttpd "$@"', $folder, '-r', 'www', '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'started by its name, through PATH');
    my $get = sub { my $socket = connect_to('127.0.0.1', $port) or return 'refused'; syswrite $socket, get_request('/', 'Connection: close'); (read_body($socket))[1] };
    my $program = slurp(program());
    my $inode = sub { (stat "/proc/$pid/exe")[1] };
    my $hup = sub {
        my ($pattern) = @_;
        my $size = length slurp($err);
        kill 'HUP', $pid;
        eventually { substr(slurp($err), $size) =~ $pattern };
        return substr slurp($err), $size;
    };
    for my $case (
        ['a file that is not executable', sub { replace($path, "nothing\n") }, qr/can't execute '\Q$path\E': .*\n.*not reloaded: .* the running program stays\n/],
        ['no file',                   sub { unlink $path },           qr/can't execute '\Q$path\E': No such file .*\n.*not reloaded: .*\n/],
        ['a program that ends',       sub { replace($path, "#!/bin/sh\nexit 0\n") }, qr/not reloaded: '\Q$path\E' could not start, status 0; .*\n/],
        ['a program that is killed',  sub { replace($path, "#!/bin/sh\nkill -9 \$\$\n") }, qr/not reloaded: .*signal 9.*\n/],
        ['a missing root', sub { replace($path, $program); rename $www, "$www.away" }, qr/root 'www' does not exist.*\n.*not reloaded: .*status 66.*\n/],
    ) {
        my ($name, $do, $pattern) = @$case;
        my ($master, @workers) = $inode->();
        eventually { @workers = children_of($pid) };
        $do->();
        like($hup->($pattern), $pattern, "SIGHUP with $name: reported");
        is($get->(), 'first', "$name: the server still serves") if $name ne 'a missing root';
        is(join(' ', children_of($pid)), "@workers", "$name: the workers stay");
        is($inode->(), $master, "$name: the master still runs the old program");
    }
    rename "$www.away", $www;
    my $master = $inode->();
    like($hup->($told), $told, 'SIGHUP with a new program: reported');
    is($get->(), 'first', 'SIGHUP with a new program: serves on the same port');
    isnt($inode->(), $master, 'SIGHUP with a new program: the master runs the new file');
    rename $www, "$www.old";
    put_file($www, 'index.html', 'second');
    $hup->($told);
    ok(eventually(sub { $get->() eq 'second' }), 'SIGHUP opens the root anew'); # the old worker may accept one more
    kill 'TERM', $pid;
    is(Harness::reap($pid, 20), 0, 'after these reloads: SIGTERM ends it with status 0');
}

# The master handles other signals while a trial runs.
{
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    File::Copy::copy(program(), $path) or die $!;
    chmod 0755, $path;
    my $port = free_port();
    my $pid  = spawned($folder, $path, '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    eventually { connect_to('127.0.0.1', $port) };
    replace($path, "#!/bin/sh\nexec sleep 1000\n");
    kill 'HUP', $pid;
    ok(eventually(sub { scalar(grep { slurp("/proc/$_/comm") =~ /sleep/ } children_of($pid)) }), 'a trial that hangs: it runs');
    ok(connect_to('127.0.0.1', $port), 'a trial that hangs: the server still accepts');
    my ($worker) = grep { slurp("/proc/$_/comm") !~ /sleep/ } children_of($pid);
    kill 'KILL', $worker;
    ok(eventually(sub { grep { $_ != $worker && slurp("/proc/$_/comm") !~ /sleep/ } children_of($pid) }), 'a trial that hangs: a worker that dies is replaced');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 5), 0, 'a trial that hangs: SIGTERM ends the server');
    ok(eventually(sub { !processes_of_group($pid) }), 'a trial that hangs: SIGTERM ends the trial');
}

# A second SIGHUP during the trial of the first one is not lost.
{
    my ($pid, $folder, $port, $path) = replaceable();
    replace($path, "#!/bin/sh\n[ \"\$TINYHTTPD_HANDOVER\" != trial ] || { : >'$folder/trial'; sleep 1; }\nexec '${\program()}' \"\$@\"\n");
    kill 'HUP', $pid;
    eventually { -e "$folder/trial" };
    kill 'HUP', $pid;
    my $times = sub { scalar(my @all = slurp("$folder/err") =~ /^tinyhttpd: reloaded/mg) };
    ok(eventually(sub { $times->() == 2 }), 'a second SIGHUP during the trial of the first: reloaded twice') or diag(slurp("$folder/err"));
    ok(connect_to('127.0.0.1', $port), 'a second SIGHUP during the trial of the first: serves');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'a second SIGHUP during the trial of the first: SIGTERM ends it with status 0');
}

# SIGHUP to a server that has bound its port and blocks in its start: libmagic's database is a FIFO without a writer.
{
    my ($folder, $port) = (new_root(), free_port());
    POSIX::mkfifo("$folder/magic", 0600) or die $!;
    local $ENV{MAGIC} = "$folder/magic";
    my $pid = spawned($folder, program(), '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    eventually { connect_to('127.0.0.1', $port) };
    kill 'HUP', $pid;
    # Each open for writing unblocks one process that reads the database: the server, the trial, the new program.
    ok(eventually(sub {
        sysopen my $writer, "$folder/magic", POSIX::O_WRONLY() | POSIX::O_NONBLOCK();
        slurp("$folder/err") =~ /^tinyhttpd: reloaded/m;
    }), 'SIGHUP during the start: reloaded after the start') or diag(slurp("$folder/err"));
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'SIGHUP during the start: SIGTERM ends it with status 0');
}

# SIGTERM at any moment of a reload is not lost, not even during execve.
for my $delay (0, 0.002, 0.004, 0.006, 0.008, 0.012) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my $before = $server->stderr;
    kill 'HUP', $server->pid;
    select undef, undef, undef, $delay;
    kill 'TERM', $server->pid;
    $server->ended(stderr => $before, seconds => 5);
}

# A SIGHUP that is ignored at the start, as by nohup(1), stays ignored.
{
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { $SIG{HUP} = 'IGNORE' });
    my @before = $server->workers;
    kill 'HUP', $server->pid;
    is($server->get('/')->{status}, 200, 'SIGHUP ignored at the start: still serves');
    at_rest($server->pid);
    is(join(' ', $server->workers), "@before", 'SIGHUP ignored at the start: no reload');
    $server->stop;
}

# As process 1 of a PID namespace, for which signals have no default action.
SKIP: {
    skip 'needs root and unshare', 4 if $> != 0 || system('unshare --pid --fork true 2>/dev/null') != 0;
    my $folder = new_root();
    my $port   = free_port();
    my $pid    = spawned($folder, 'unshare', '--pid', '--fork', '--kill-child', program(), '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'as process 1: serves');
    my ($inner)  = children_of($pid);
    my $worker = eventually { my @workers = children_of($inner); $workers[0] };
    kill 'HUP', $inner;
    ok(eventually(sub { slurp("$folder/err") =~ /^tinyhttpd: reloaded/m }), 'as process 1: SIGHUP reloads');
    ok(eventually(sub { !-e "/proc/$worker" }), 'as process 1: the old worker ends and is reaped');
    kill 'TERM', $inner;
    is(Harness::reap($pid, 10), 0, 'as process 1: SIGTERM ends it with status 0');
}

# A shell may send SIGHUP to the whole group: the workers ignore it.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my @before = $server->workers;
    kill 'HUP', -$server->pid;
    ok(eventually(sub { replaced($server, @before) }), 'SIGHUP to the whole group: reloaded');
    is($server->get('/')->{status}, 200, 'SIGHUP to the whole group: serves');
    $server->stop(lost => 1);
}

# The default root is the current directory: after a reload as well, its name counts.
{
    my $folder = new_root();
    put_file($folder, 'site/file.txt', 'old');
    my $server = Harness->start(bare => 1, args => ['-p', '0', '-b', '127.0.0.1', '-j', '1'], before => sub { chdir "$folder/site" or die });
    $server->expect_stderr($told);
    is($server->get('/file.txt')->{body}, 'old', 'the current directory is served');
    rename "$folder/site", "$folder/moved" or die $!;
    put_file($folder, 'site/file.txt', 'new');
    is($server->get('/file.txt')->{body}, 'new', 'the current directory is replaced: its name is followed');
    my @before = $server->workers;
    kill 'HUP', $server->pid;
    ok(eventually(sub { replaced($server, @before) }), 'the current directory is replaced: reloaded');
    is($server->get('/file.txt')->{body}, 'new', 'the current directory is replaced: its name is followed after a reload');
    $server->stop(lost => 1);
}

# The server ends when its terminal is closed, instead of keeping the port.
SKIP: {
    have('script') or skip 'no script(1)', 2;
    my $port   = free_port();
    my $folder = new_root();
    my $pid = spawned($folder, 'script', '-qfc', "exec '${\program()}' -r '$root' -p $port -b 127.0.0.1 -j 1", "$folder/typescript");
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'in a terminal: serves');
    push @in_terminals, children_of($pid); # it has a group of its own
    kill 'KILL', $pid; # like a terminal's window that is closed
    Harness::reap($pid, 5);
    ok(eventually(sub { !connect_to('127.0.0.1', $port) }), 'the terminal is closed: the server ends');
}

# The server does not take a lack of descriptors for a closed terminal.
SKIP: {
    have('script')  or skip 'no script(1)', 5;
    have('prlimit') or skip 'no prlimit', 5;
    my $port   = free_port();
    my $folder = new_root();
    my $script = spawned($folder, 'script', '-qfc', "exec '${\program()}' -r '$root' -p $port -b 127.0.0.1 -j 1", "$folder/typescript");
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'in a terminal: serves');
    my ($pid) = children_of($script);
    push @in_terminals, $pid; # it has a group of its own
    my $seen = sub { my ($pattern) = @_; return eventually { slurp("$folder/typescript") =~ $pattern } };
    my ($limit) = `prlimit --nofile --noheadings --raw --output=SOFT --pid $pid` =~ /(\d+)/;
    my $free = 0;
    $free++ while -l "/proc/$pid/fd/$free";
    skip 'prlimit does not work here', 4 if system("prlimit --nofile=$free: --pid $pid 2>/dev/null") != 0;
    kill 'HUP', $pid;
    ok($seen->(qr/not reloaded: .*the running program stays/), 'SIGHUP without a free descriptor: not reloaded');
    ok(connect_to('127.0.0.1', $port), 'SIGHUP without a free descriptor: the server still accepts');
    system("prlimit --nofile=$limit: --pid $pid");
    kill 'HUP', $pid;
    ok($seen->(qr/tinyhttpd: reloaded/), 'with descriptors again: reloaded');
    kill 'KILL', $script;
    Harness::reap($script, 5);
    ok(eventually(sub { !connect_to('127.0.0.1', $port) }), 'the terminal is closed after a reload: the server ends');
}

# ---- Socket activation (sd_listen_fds(3)) ----

# Puts handles at descriptors from 3 on and sets LISTEN_FDS, as a service manager does. For `before`, in the child.
sub handing {
    my ($handles, %environment) = @_;
    return sub {
        my @copies = map { my $fd = POSIX::dup(fileno $_); $fd < 20 ? POSIX::dup2($fd, 40 + $fd) && 40 + $fd : $fd } @$handles;
        POSIX::dup2($copies[$_], 3 + $_) for 0 .. $#copies;
        POSIX::close($_) for @copies;
        @ENV{ 'LISTEN_PID', 'LISTEN_FDS' } = ($$, scalar @$handles);
        $ENV{LISTEN_FDNAMES} = join ':', ('web') x @$handles;
        @ENV{ keys %environment } = values %environment;
        return;
    };
}

sub listening {
    return IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 10, Type => Socket::SOCK_STREAM()) || die $!;
}

{
    my @sockets = (listening(), listening());
    my $server  = Harness->start(bare => 1, args => ['-r', $root, '-j', '2', '-p', free_port()], before => handing(\@sockets));
    $server->expect_stderr($told);
    my @ports = map { $_->sockport } @sockets;
    is($server->port, $ports[0], 'inherited sockets: the banner names their port, not that of -p');
    for my $port (@ports) {
        $server->{port} = $port;
        is($server->get('/')->{status}, 200, "inherited sockets: serves on port $port");
    }
    for my $fd (3, 4) {
        my ($flags) = slurp('/proc/' . $server->pid . "/fdinfo/$fd") =~ /^flags:\s*(\d+)/m;
        ok(oct($flags) & 04000,    "inherited descriptor $fd: set to O_NONBLOCK");
        ok(oct($flags) & 02000000, "inherited descriptor $fd: set to close on exec");
    }
    unlike($server->banner, qr/browsers refuse/, 'inherited sockets: no hint at a port that browsers accept');
    ok(reload($server), 'inherited sockets: SIGHUP reloads');
    for my $port (@ports) {
        $server->{port} = $port;
        is($server->get('/')->{status}, 200, "inherited sockets: serves on port $port after the reload");
    }
    $server->stop(lost => 1);
    my $socket = connect_to('127.0.0.1', $ports[0]);
    ok($socket, 'inherited sockets stay open in the manager after the end: a connection is not refused');
    my $next = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing(\@sockets));
    syswrite $socket, get_request('/', 'Connection: close');
    is((read_body($socket))[1], 'page', 'the next server serves the connection from between');
    $next->stop;
}

# A server removes the path of a Unix socket that it has bound, after reloads too; it keeps the path of an inherited
# one, as clients still connect to it.
for my $case (['bound', 0], ['inherited', 1]) {
    my ($name, $handed) = @$case;
    my $folder  = new_root();
    my $path    = "$folder/web.sock";
    my @handles = $handed ? IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Local => $path, Listen => 10) || die $! : ();
    chmod 0777, $path;
    my @where   = $handed ? () : ('-b', "unix:$path");
    my $pid     = Harness::spawn("$folder/out", "$folder/err", $handed ? handing(\@handles) : undef, program(), '-r', $root, '-j', '1', @where);
    push @spawned, $pid;
    my $get = sub {
        my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path) or return 'refused';
        syswrite $socket, "GET /index.html HTTP/1.0\r\n\r\n";
        return (read_body($socket))[1];
    };
    ok(eventually(sub { slurp("$folder/err") =~ / unix:\Q$path\E$/m }), "a Unix socket, $name: the banner names it");
    is($get->(), 'page', "a Unix socket, $name: serves");
    for my $time (1, 2) {
        my ($worker) = children_of($pid);
        kill 'HUP', $pid;
        ok(eventually(sub { my @told = slurp("$folder/err") =~ /^tinyhttpd: reloaded/mg; @told == $time }), "a Unix socket, $name: reload $time");
        is($get->(), 'page', "a Unix socket, $name: serves after reload $time");
        ok(eventually(sub { !grep { $_ == $worker } children_of($pid) }), "a Unix socket, $name: the old worker exits");
        ok(-S $path, "a Unix socket, $name: the path is there after reload $time");
    }
    unlike(slurp("$folder/err"), qr/not reloaded|can't|in use/, "a Unix socket, $name: no error on stderr");
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, "a Unix socket, $name: SIGTERM ends it with status 0");
    is(-e $path ? 'there' : 'gone', $handed ? 'there' : 'gone', "a Unix socket, $name: the path after the end is " . ($handed ? 'kept' : 'removed'));
    next if !$handed;
    my $early = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path);
    ok($early, 'an inherited Unix socket: a connection after the end is not refused');
    $pid = Harness::spawn("$folder/out", "$folder/err", handing(\@handles), program(), '-r', $root, '-j', '1');
    push @spawned, $pid;
    syswrite $early, "GET / HTTP/1.0\r\n\r\n";
    is((read_body($early))[1], 'page', 'an inherited Unix socket: the next server serves that connection');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'an inherited Unix socket: SIGTERM ends the next server with status 0')
        && ok(-S $path, 'an inherited Unix socket: the next server keeps the path');
}

# A server keeps the path if another server has bound it meanwhile, after a reload too.
for my $reloads (0, 1) {
    my $folder = new_root();
    my $path   = "$folder/web.sock";
    my $start  = sub {
        my ($name) = @_;
        my $www = new_root();
        put_file($www, 'index.html', $name);
        my $pid = Harness::spawn("$folder/out", "$folder/$name", undef, program(), '-r', $www, '-j', '1', '-b', "unix:$path");
        push @spawned, $pid;
        eventually { slurp("$folder/$name") =~ / unix:\Q$path\E$/m };
        return $pid;
    };
    my $get = sub {
        my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path) or return 'refused';
        syswrite $socket, "GET /index.html HTTP/1.0\r\n\r\n";
        return (read_body($socket))[1];
    };
    my $first = $start->('first');
    rename $path, "$path.old" or die $!;
    my $second = $start->('second');
    if ($reloads) {
        kill 'HUP', $first;
        ok(eventually(sub { slurp("$folder/first") =~ /^tinyhttpd: reloaded/m }), 'another server has bound the path: the first one reloads');
    }
    kill 'TERM', $first;
    is(Harness::reap($first, 10), 0, "$reloads reloads: the first server ends");
    ok(-S $path, "$reloads reloads: the path of the second server stays");
    is($get->(), 'second', "$reloads reloads: the second server answers");
    kill 'TERM', $second;
    is(Harness::reap($second, 10), 0, "$reloads reloads: the second server ends");
    ok(!-e $path, "$reloads reloads: the second server removes its path");
}

# A dual-stack socket, which systemd makes for a port without an address: the log has an IPv4 client's IPv4 address.
SKIP: {
    my $both = IO::Socket::IP->new(LocalHost => '::', LocalPort => 0, Listen => 10, Type => Socket::SOCK_STREAM(), V6Only => 0);
    skip 'no IPv6', 5 if !$both || !connect_to('127.0.0.1', $both->sockport);
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing([$both]));
    my $port   = $both->sockport;
    like($server->banner, qr{ at http://127\.0\.0\.1:$port/ \(and every other IPv4 address of this machine\) http://\[::1\]:$port/ \(and every other IPv6 address of this machine\)$}m,
        'a dual-stack socket: the banner has both addresses');
    is($server->get('/')->{status}, 200, 'a dual-stack socket: serves over IPv4');
    like(($server->log_lines(1))[-1], qr/\A127\.0\.0\.1 - - /, 'a dual-stack socket: the log has the IPv4 address');
    $server->{bind} = '::1';
    is($server->get('/')->{status}, 200, 'a dual-stack socket: serves over IPv6');
    like(($server->log_lines(2))[-1], qr/\A::1 - - /, 'a dual-stack socket: the log has the IPv6 address');
    $server->stop;
}

# An IPv6 socket that is bound to the IPv4-mapped loopback address counts as loopback.
SKIP: {
    my $mapped = IO::Socket::IP->new(LocalHost => '::ffff:127.0.0.1', LocalPort => 0, Listen => 10, Type => Socket::SOCK_STREAM(), V6Only => 0);
    skip 'no IPv6', 3 if !$mapped || $mapped->sockdomain != Socket::AF_INET6();
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing([$mapped]));
    my $port   = $mapped->sockport;
    like($server->banner, qr{ at http://127\.0\.0\.1:$port/$}m, 'a socket for ::ffff:127.0.0.1: the banner has the IPv4 address');
    is($server->get('/')->{status}, 200, 'a socket for ::ffff:127.0.0.1: serves');
    my $result = $server->exchange("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", count => 1);
    is($result->{responses}[0]{status}, 403, 'a socket for ::ffff:127.0.0.1: a foreign Host is 403');
    $server->stop;
}

# A reload does not open the browser again.
{
    my $bin = new_root();
    put_file($bin, 'xdg-open', "#!/bin/sh\necho \"\$1\" >>'$bin/opened'\n");
    chmod 0755, "$bin/xdg-open";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--open'], before => sub { $ENV{PATH} = "$bin:$ENV{PATH}"; delete $ENV{BROWSER} });
    $server->expect_stderr($told);
    ok(eventually(sub { -s "$bin/opened" }), '--open: xdg-open is called');
    ok(reload($server), '--open: SIGHUP reloads');
    is($server->get('/')->{status}, 200, '--open: serves after the reload');
    $server->stop(lost => 1);
    is(scalar(my @lines = split /^/, slurp("$bin/opened")), 1, '--open: the reload does not call xdg-open again');
}

# An inherited port that browsers refuse
{
    my ($bad) = grep { defined } map { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $_, Listen => 10, ReuseAddr => 1) } 6000, 6566, 10080;
    my $port = $bad->sockport;
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing([$bad]));
    like($server->banner, qr/^tinyhttpd: browsers refuse port $port,/m, 'an inherited port that browsers refuse: a hint');
    $server->stop;
}

# Socket activation by systemd's own tool
SKIP: {
    have('systemd-socket-activate') or skip 'no systemd-socket-activate', 4;
    my $folder = new_root();
    my $port   = free_port();
    my $pid    = spawned($folder, 'systemd-socket-activate', '-l', "127.0.0.1:$port", program(), '-r', $root, '-j', '1');
    ok(my $socket = eventually(sub { connect_to('127.0.0.1', $port) }), 'systemd-socket-activate: listens');
    syswrite $socket, get_request('/', 'Connection: close');
    is((read_body($socket))[1], 'page', 'the connection that started the server is served');
    ok(eventually(sub { slurp("$folder/err") =~ m{http://127\.0\.0\.1:$port/} }), 'the banner names the port');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'systemd-socket-activate: SIGTERM ends it with status 0');
}

# Unusable inherited descriptors and variables
{
    my $datagram = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Proto => 'udp', Type => Socket::SOCK_DGRAM()) or die;
    my $silent   = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => Socket::SOCK_STREAM()) or die;
    open my $file, '<', '/dev/null' or die;
    for my $case (['a datagram socket', $datagram], ['a file', $file], ['a connected socket', connect_to('127.0.0.1', (my $l = listening())->sockport)]) {
        my ($name, $handle) = @$case;
        my $run = run_program({ before => handing([listening(), $handle]) }, '-r', $root);
        is($run->{status}, 64, "$name is inherited: 64");
        like($run->{err}, qr/\Atinyhttpd: descriptor 4 [^\n]*LISTEN_FDS[^\n]*\n\z/, "$name is inherited: one line on stderr");
    }
    for my $number ('33', 'x', '-1', '') {
        my $run = run_program({ before => handing([listening()], LISTEN_FDS => $number) }, '-r', $root);
        is($run->{status}, 64, "LISTEN_FDS '$number': 64");
        like($run->{err}, qr/\Atinyhttpd: LISTEN_FDS '$number': [^\n]*\n\z/, "LISTEN_FDS '$number': one line on stderr");
    }
    for my $case (['LISTEN_PID of another process', LISTEN_PID => 1], ['an empty LISTEN_PID', LISTEN_PID => ''], ['LISTEN_FDS of 0', LISTEN_FDS => 0]) {
        my ($name, %environment) = @$case;
        my $port   = free_port();
        my $server = Harness->start(root => $root, port => $port, args => ['-j', '1'], before => handing([listening()], %environment, TINYHTTPD_HANDOVER => 'trial'));
        is($server->port, $port, "$name: the server binds its own socket");
        $server->stop;
    }
}

# The server does not signal pids from the environment that are not its children.
{
    my $pid = fork;
    if (!$pid) { $SIG{USR2} = 'DEFAULT'; sleep 1000; POSIX::_exit(0) }
    my $socket = listening();
    my $server = Harness->start(root => $root, quiet => 1, port => $socket->sockport, args => ['-j', '1'],
        before => handing([$socket], TINYHTTPD_HANDOVER => "$pid,x,0,,1,99999999999999999999,"));
    is($server->get('/')->{status}, 200, 'the environment names a foreign process as an old worker: serves');
    is(waitpid($pid, POSIX::WNOHANG()), 0, 'the environment names a foreign process as an old worker: it is not signalled');
    $server->stop(lost => 1); # the socket listened before the start, so the harness may not have seen the workers
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# ---- Messages to the service manager (sd_notify(3)) ----

for my $kind ('path', 'abstract') {
    my $folder = new_root();
    my $name   = $kind eq 'path' ? "$folder/notify" : "\0tinyhttpd-test-$$";
    socket my $manager, Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0 or die $!;
    # Perl pads a path with NUL, but not an abstract name.
    bind $manager, Socket::pack_sockaddr_un($name) or die $!;
    chmod 0777, $name if $kind eq 'path';
    my $receive = sub {
        my $vector = '';
        vec($vector, fileno $manager, 1) = 1;
        select $vector, undef, undef, Harness::PATIENCE() or return 'nothing';
        recv $manager, my $text, 4096, 0;
        return $text;
    };
    my $variable = $kind eq 'path' ? $name : '@' . substr $name, 1;
    my $server = Harness->start(root => $root, args => ['-j', '1', '--shutdown-delay', '1', '--drain', '17'], environment => { NOTIFY_SOCKET => $variable });
    $server->expect_stderr($told);
    my $pid = $server->pid;
    is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready");
    my $monotonic = sub { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) };
    my $asked = $monotonic->();
    kill 'HUP', $pid;
    my $reloading = $receive->();
    like($reloading, qr/\ARELOADING=1\nMONOTONIC_USEC=\d+\n\z/, "$kind socket: reloading");
    my ($usec) = $reloading =~ /USEC=(\d+)/;
    ok($usec && $usec / 1e6 <= $monotonic->() && $usec / 1e6 > $asked - 1, "$kind socket: the time is that of the monotonic clock");
    is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready again");
    if ($kind eq 'path') {
        rename $root, "$root.away";
        $server->expect_stderr(qr/root|not reloaded/);
        kill 'HUP', $pid;
        like($receive->(), qr/\ARELOADING=1\n/, "$kind socket: reloading without a root");
        is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready again after the failed reload");
        rename "$root.away", $root;
    }
    my $before = $server->stderr;
    kill 'TERM', $pid;
    my ($stopping) = $receive->() =~ /\ASTOPPING=1\nEXTEND_TIMEOUT_USEC=(\d+)\n\z/;
    cmp_ok($stopping // 0, '>', 18_500_000, "$kind socket: stopping, with the time for --shutdown-delay and --drain");
    $server->ended(stderr => $before);
}
# A manager whose socket is full: the server retries for a bounded time.
{
    my $folder = new_root();
    socket my $manager, Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0 or die $!;
    socket my $others,  Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0 or die $!;
    bind $manager, Socket::pack_sockaddr_un("$folder/notify") or die $!;
    Harness::blocking($others, 0);
    my $fill = sub { 1 while send $others, 'OTHER=1', 0, Socket::pack_sockaddr_un("$folder/notify") };
    $fill->();
    my $reader = fork // die $!;
    if (!$reader) {
        alarm Harness::PATIENCE();
        sleep 0.3;
        my $text = '';
        recv $manager, $text, 4096, 0 while $text !~ /^READY=1$/m;
        POSIX::_exit(0);
    }
    my $server = Harness->start(root => $root, args => ['-j', '1'], environment => { NOTIFY_SOCKET => "$folder/notify" });
    is($server->get('/')->{status}, 200, 'the manager\'s socket is full: the server serves');
    waitpid $reader, 0;
    is($?, 0, 'the manager\'s socket has room again: READY=1 arrives');
    $fill->();
    $server->stop(seconds => 8);
}
# No manager at the address, and invalid addresses
for my $name ('/nowhere/notify', '@nowhere', '', 'x', '/' . 'a' x 200) {
    my $server = Harness->start(root => $root, args => ['-j', '1'], environment => { NOTIFY_SOCKET => $name });
    is($server->get('/')->{status}, 200, "NOTIFY_SOCKET '" . substr($name, 0, 20) . "': serves");
    $server->stop;
}

for (@untold) {
    my ($untold, $unknown) = @$_;
    ok(eventually(sub { $untold->stderr =~ /^tinyhttpd: can't check that old worker $unknown accepts no more connections: (?:Cannot allocate|Out of) memory; killed$/m }),
        '/proc has no memory to tell of an old worker: it is killed in the end');
    ok(eventually(sub { !-e "/proc/$unknown" }), 'and has ended');
    $untold->stop(lost => 1);
}

like(eventually(sub { slurp("$hanging_folder/err") =~ /^(tinyhttpd: not reloaded: .*signal 9.*)$/m && $1 }) || '', qr/the running program stays/,
    'a trial that exceeds its time is killed');
ok(connect_to('127.0.0.1', $hanging_port), 'a trial that exceeds its time: the server still accepts');
ok(!(grep { slurp("/proc/$_/comm") =~ /sleep/ } children_of($hanging)), 'a trial that exceeds its time: its process is gone');
kill 'TERM', $hanging;
is(Harness::reap($hanging, 10), 0, 'a trial that exceeds its time: SIGTERM ends the server with status 0');

responses_framed();
done_testing();
