# SIGHUP: another program in the same process, with the same sockets, and no connection lost by it. Sockets that others hand
# over, and what they are told.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy ();
use Harness;
use IO::Socket::UNIX;
use IO::Socket::IP;
use Load;
use POSIX ();
use Socket ();
use Test::More;
use Time::HiRes qw(time sleep);

bound_seconds(170);

my $root = new_root();
put_file($root, 'index.html', 'page');

# What is started without the harness's object is ended whatever happens.
my @spawned;
END { kill 'KILL', -$_ for @spawned }

sub spawned {
    my ($folder, @command) = @_;
    push @spawned, Harness::spawn("$folder/out", "$folder/err", undef, @command);
    return $spawned[-1];
}

my $told = qr/\Atinyhttpd: reloaded/;

# The workers that accept: those of now, when those of before have none left.
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

# Whether a worker has left accepting to others: it has none of the master's sockets any more.
sub has_retired {
    my ($server, $worker) = @_;
    my $sockets = sub { map { $_ => 1 } grep { defined && /^socket:/ } map { readlink } glob "/proc/$_[0]/fd/*" };
    my %listening = $sockets->($server->pid);
    my %own       = $sockets->($worker);
    return !grep { $listening{$_} } keys %own;
}

# All that comes until the end of the stream, or until `octets` of the body are there.
sub read_body {
    my ($socket, $octets) = @_;
    my ($all, $body_at) = ('', undef);
    while (sysread $socket, $all, 1 << 16, length $all) {
        $body_at = $+[0] if !defined $body_at && $all =~ /\r\n\r\n/;
        last if defined $octets && defined $body_at && length($all) - $body_at >= $octets;
    }
    return defined $body_at ? (substr($all, 0, $body_at), substr($all, $body_at)) : ($all, '');
}

# A server whose new program never shows that it can serve: what becomes of it is looked at in the end.
my ($hanging, $hanging_folder, $hanging_port) = hanging();

# A server whose program can be replaced: its pid, its folder, its port, and the program's path in that folder.
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
    replace($path, "#!/bin/sh\nexec sleep 60\n");
    kill 'HUP', $pid;
    return ($pid, $folder, $port);
}

# Another program at a path, all of it at once.
sub replace {
    my ($path, $octets) = @_;
    open my $file, '>:raw', "$path.new" or die $!;
    print {$file} $octets;
    close $file;
    chmod 0755, "$path.new";
    rename "$path.new", $path or die $!;
    return;
}

# The point of it all: under load, nothing is lost.
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
    sleep 0.3;
    my ($answers, @failures) = $load->stop;
    is($replaced, 10, 'ten times SIGHUP: each brought new workers');
    cmp_ok($answers, '>', 64, "64 clients meanwhile: $answers answers");
    is(join("\n", @failures[0 .. ($#failures < 5 ? $#failures : 5)]), '', 'each of them whole, none refused, none cut');
    is(kill(0, $pid), 1, 'the process is the same');
    ok(eventually(sub { scalar(my @now = $server->workers) == 2 }, 20), 'the workers of before are gone when they have finished');
    my @zombies = grep { $_->[2] == $pid && $_->[1] eq 'Z' } Harness::process_table();
    is(scalar @zombies, 0, 'and reaped');
    is($server->get('/')->{body}, 'page', 'and the service goes on');
    $server->stop(lost => 1);
}

# What is held by the workers of before
{
    my $size = 20_000_000;
    put_file($root, 'huge.bin', '');
    truncate "$root/huge.bin", $size or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr($told);
    my $kept   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $idle   = $server->exchange(get_request('/'), count => 1)->{socket};
    my $slow   = $server->connection(receive => 32_768);
    syswrite $slow, get_request('/huge.bin');
    sysread $slow, my $start, 1000 or die;
    my $half = $server->connection;
    syswrite $half, "GET / HTTP/1.1\r\nHo";
    my $other = $server->connection;
    syswrite $other, get_request('/huge.bin');
    sleep 0.2;
    my @before = $server->workers;
    ok(reload($server), 'with a download, half a request and two idle connections: reloaded');
    ok(eventually(sub { has_retired($server, $before[0]) }), 'the worker of before accepts no more');

    my $answer = $server->exchange(get_request('/'), socket => $kept);
    is($answer->{responses}[0]{status}, 200, 'the next request on a kept connection is answered');
    is($answer->{responses}[0]{field}{connection}, 'close', 'as the last one');
    syswrite $half, "st: localhost\r\n\r\n";
    my ($head, $body) = read_body($half);
    is($body, 'page', 'a request that had begun is finished and answered');
    like($head, qr/^Connection: close\r$/m, 'as the last one');
    is(sysread($idle, my $nothing, 1), 0, 'a connection that asks for nothing is closed');
    my @still = grep { my $pid = $_; grep { $_ == $pid } @before } $server->workers;
    is("@still", "@before", 'the worker of before is still there for the downloads');

    # A download that had begun without a word of its being the last: the connection may ask once more.
    ($head, $body) = read_body($other, $size);
    is(length $body, $size, 'a download in flight is finished');
    unlike($head, qr/^Connection: close/m, 'which had not said that it is the last');
    syswrite $other, get_request('/');
    ($head, $body) = read_body($other);
    is($body, 'page', 'so the request that follows on its connection is answered');
    like($head, qr/^Connection: close\r$/m, 'as the last one');

    # Once more, and then the end, with workers of two programs before.
    ok(reload($server), 'reloaded once more');
    my $before = $server->stderr;
    my @all    = $server->workers;
    cmp_ok(scalar @all, '>=', 2, 'workers of before still work');
    kill 'TERM', $server->pid;
    ok(eventually(sub { !connect_to('127.0.0.1', $server->port) }, 5), 'SIGTERM after SIGHUP: new connections are refused');
    my $left = $size + index($start, "\r\n\r\n") + 4 - length $start;
    $left = $size if index($start, "\r\n\r\n") < 0;
    while ($left > 0) { my $got = sysread $slow, my $octets, 1 << 18 or last; $left -= $got }
    is($left, 0, 'the download that began two programs before is finished');
    $server->ended(stderr => $before);
}

# A worker of before that does not stop accepting is ended, and no other one.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/old worker \d+ still accepts|of before the reload, was ended by signal 9/);
    my ($still, $honest) = $server->workers;
    kill 'STOP', $still;
    eventually { slurp("/proc/$still/stat") =~ /\) T / };
    my @downloads = map { $server->connection(receive => 32_768) } 1 .. 3; # all of them the other one's
    syswrite $_, get_request('/huge.bin') for @downloads;
    my @starts = map { sysread $_, my $start, 1000; $start } @downloads;
    kill 'HUP', $server->pid;
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: old worker $still still accepts connections after the reload; killed$/m }, 60),
        'a worker of before that keeps the listening sockets: said');
    ok(eventually(sub { !-e "/proc/$still" }, 60), 'and ended');
    is(scalar(my @all = $server->stderr =~ /still accepts/g), 1, 'no other one is');
    my @statuses = map { $server->get('/')->{status} // 'none' } 1 .. 20;
    is("@statuses", join(' ', ('200') x 20), 'all that come are answered by the new ones');
    ok(-e "/proc/$honest" && has_retired($server, $honest), 'the other worker of before is there, and accepts no more');
    my @lengths;
    for my $number (0 .. $#downloads) {
        my $octets = length($starts[$number]) - index($starts[$number], "\r\n\r\n") - 4;
        while ($octets < 20_000_000) { $octets += sysread($downloads[$number], my $buffer, 1 << 20) || last }
        push @lengths, $octets;
    }
    is("@lengths", '20000000 20000000 20000000', 'and finishes its downloads');
    $server->stop(lost => 1);
}

# Where the master may not look into its workers, as root in a container without CAP_SYS_PTRACE, it says so and ends none.
SKIP: {
    my @as = qw(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace --);
    skip 'needs root and setpriv', 6 if $> != 0 || system("@as true 2>/dev/null") != 0;
    my $server = Harness->start(root => $root, args => ['-v', '-j', '1'], as => \@as);
    $server->expect_stderr($told);
    $server->expect_stderr(qr/can't tell whether old workers/);
    my ($still) = $server->workers;
    kill 'STOP', $still;
    eventually { slurp("/proc/$still/stat") =~ /\) T / };
    kill 'HUP', $server->pid;
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: can't tell whether old workers still accept connections: [^\n]+$/m }, 60), 'without CAP_SYS_PTRACE: said');
    ok(-e "/proc/$still", 'and the worker of before is there');
    kill 'CONT', $still;
    ok(eventually(sub { !-e "/proc/$still" }, 60), 'until it has finished');
    $server->stop(lost => 1);
}

# A new file in the program's place is the new program; one that can't serve changes nothing.
SKIP: {
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    File::Copy::copy(program(), $path) or die $!;
    chmod 0755, $path;
    my $www = "$folder/www";
    put_file($www, 'index.html', 'first');
    # By its name alone, found by PATH.
    local $ENV{PATH} = "$folder:$ENV{PATH}";
    my $port = free_port();
    my $err = "$folder/err";
    my $pid = spawned($folder, 'sh', '-c', 'cd "$0" && exec tinyhttpd "$@"', $folder, '-r', 'www', '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'started by its name');
    my $get = sub { my $socket = connect_to('127.0.0.1', $port) or return 'refused'; syswrite $socket, get_request('/', 'Connection: close'); (read_body($socket))[1] };
    my $program = slurp(program());
    my $inode = sub { (stat "/proc/$pid/exe")[1] };
    my $hup = sub {
        my ($pattern) = @_;
        my $size = -s $err;
        kill 'HUP', $pid;
        eventually { substr(slurp($err), $size) =~ $pattern };
        return substr slurp($err), $size;
    };
    for my $case (
        ['a file that is no program', sub { replace($path, "nothing\n") }, qr/can't execute '\Q$path\E': .*\n.*not reloaded: .* serving on as before\n/],
        ['no file',                   sub { unlink $path },           qr/can't execute '\Q$path\E': No such file .*\n.*not reloaded: .*\n/],
        ['a program that ends',       sub { replace($path, "#!/bin/sh\nexit 0\n") }, qr/not reloaded: '\Q$path\E' could not start, status 0; .*\n/],
        ['a program that is killed',  sub { replace($path, "#!/bin/sh\nkill -9 \$\$\n") }, qr/not reloaded: .*signal 9.*\n/],
        ['a root that is gone', sub { replace($path, $program); rename $www, "$www.away" }, qr/root 'www' does not exist.*\n.*not reloaded: .*status 66.*\n/],
    ) {
        my ($name, $do, $pattern) = @$case;
        my ($master, @workers) = ($inode->(), children_of($pid));
        $do->();
        like($hup->($pattern), $pattern, "SIGHUP with $name: said");
        is($get->(), 'first', "$name: the service goes on") if $name !~ /root/;
        is(join(' ', children_of($pid)), "@workers", "$name: with the same workers");
        is($inode->(), $master, "$name: in the same program");
    }
    rename "$www.away", $www;
    my $master = $inode->();
    like($hup->($told), $told, 'SIGHUP with a new program: said');
    is($get->(), 'first', 'and it serves, on the same port');
    isnt($inode->(), $master, 'it is the new file that runs');
    rename $www, "$www.old";
    put_file($www, 'index.html', 'second');
    $hup->($told);
    is($get->(), 'second', 'SIGHUP opens the root anew');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 20), 0, 'SIGTERM ends it, with status 0');
}

# While the trial runs, other signals are heard; a program that never answers is given up.
{
    my $folder = new_root();
    my $path   = "$folder/tinyhttpd";
    File::Copy::copy(program(), $path) or die $!;
    chmod 0755, $path;
    my $port = free_port();
    my $pid  = spawned($folder, $path, '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    eventually { connect_to('127.0.0.1', $port) };
    replace($path, "#!/bin/sh\nexec sleep 60\n");
    kill 'HUP', $pid;
    ok(eventually(sub { scalar(grep { slurp("/proc/$_/comm") =~ /sleep/ } children_of($pid)) }), 'a new program that hangs');
    ok(connect_to('127.0.0.1', $port), 'the service goes on meanwhile');
    my ($worker) = grep { slurp("/proc/$_/comm") !~ /sleep/ } children_of($pid);
    kill 'KILL', $worker;
    ok(eventually(sub { grep { $_ != $worker && slurp("/proc/$_/comm") !~ /sleep/ } children_of($pid) }), 'a worker that dies meanwhile is replaced');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 5), 0, 'SIGTERM meanwhile ends the server');
    ok(eventually(sub { !processes_of_group($pid) }, 5), 'and the new program with it');
}

# A second SIGHUP, while the program that the first one asked for shows that it can serve, is not forgotten.
{
    my ($pid, $folder, $port, $path) = replaceable();
    replace($path, "#!/bin/sh\n[ \"\$TINYHTTPD_HANDOVER\" != trial ] || { : >'$folder/trial'; sleep 1; }\nexec '${\program()}' \"\$@\"\n");
    kill 'HUP', $pid;
    eventually { -e "$folder/trial" };
    kill 'HUP', $pid;
    my $times = sub { scalar(my @all = slurp("$folder/err") =~ /^tinyhttpd: reloaded/mg) };
    ok(eventually(sub { $times->() == 2 }), 'two times SIGHUP, the second while the first is under way: reloaded twice') or diag(slurp("$folder/err"));
    ok(connect_to('127.0.0.1', $port), 'and serves');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'and ends as ever');
}

# SIGHUP to a server that has its port, but is still in its start: libmagic's database is a FIFO that nobody has written.
{
    my ($folder, $port) = (new_root(), free_port());
    POSIX::mkfifo("$folder/magic", 0600) or die $!;
    local $ENV{MAGIC} = "$folder/magic";
    my $pid = spawned($folder, program(), '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    eventually { connect_to('127.0.0.1', $port) };
    kill 'HUP', $pid;
    # Each writer that comes and goes ends a look at the database, of the trial and of the new program too.
    ok(eventually(sub {
        sysopen my $writer, "$folder/magic", POSIX::O_WRONLY() | POSIX::O_NONBLOCK();
        slurp("$folder/err") =~ /^tinyhttpd: reloaded/m;
    }), 'SIGHUP in the start: reloaded when it can be') or diag(slurp("$folder/err"));
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'and ends as ever');
}

# SIGTERM at any moment of a reload ends the server as ever: none is lost while one program becomes the other.
for my $delay (0, 0.002, 0.004, 0.006, 0.008, 0.012) {
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my $before = $server->stderr;
    kill 'HUP', $server->pid;
    select undef, undef, undef, $delay;
    kill 'TERM', $server->pid;
    $server->ended(stderr => $before, seconds => 5);
}

# nohup(1) has SIGHUP ignored, and it stays so.
{
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { $SIG{HUP} = 'IGNORE' });
    my @before = $server->workers;
    kill 'HUP', $server->pid;
    is($server->get('/')->{status}, 200, 'SIGHUP that was ignored from the start: serves');
    sleep 0.2;
    is(join(' ', $server->workers), "@before", 'with the same workers');
    $server->stop;
}

# As the first process of a container, for which signals have no default.
SKIP: {
    skip 'needs root and unshare', 4 if $> != 0 || system('unshare --pid --fork true 2>/dev/null') != 0;
    my $folder = new_root();
    my $port   = free_port();
    my $pid    = spawned($folder, 'unshare', '--pid', '--fork', '--kill-child', program(), '-r', $root, '-p', $port, '-b', '127.0.0.1', '-j', '1');
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'as process 1: serves');
    my ($inner)  = children_of($pid);
    my ($worker) = children_of($inner);
    kill 'HUP', $inner;
    ok(eventually(sub { slurp("$folder/err") =~ /^tinyhttpd: reloaded/m }), 'as process 1: SIGHUP reloads');
    ok(eventually(sub { !-e "/proc/$worker" }), 'as process 1: the worker of before ends, and is reaped');
    kill 'TERM', $inner;
    is(Harness::reap($pid, 10), 0, 'as process 1: SIGTERM ends it with status 0');
}

# A shell may send SIGHUP to the whole group: nothing else happens.
{
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    $server->expect_stderr($told);
    my @before = $server->workers;
    kill 'HUP', -$server->pid;
    ok(eventually(sub { replaced($server, @before) }), 'SIGHUP to the whole group: reloaded');
    is($server->get('/')->{status}, 200, 'and serves');
    $server->stop(lost => 1);
}

# The terminal that it was started from closes: it ends, rather than stay behind with the port.
SKIP: {
    have('script') or skip 'no script(1)', 2;
    my $port   = free_port();
    my $folder = new_root();
    my $pid = spawned($folder, 'script', '-qfc', "exec '${\program()}' -r '$root' -p $port -b 127.0.0.1 -j 1", "$folder/typescript");
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'in a terminal: serves');
    push @spawned, map { -$_ } children_of($pid); # it has a group of its own
    kill 'KILL', $pid; # as a window is closed
    Harness::reap($pid, 5);
    ok(eventually(sub { !connect_to('127.0.0.1', $port) }, 10), 'the terminal is gone: so is the server');
}

# A lack of descriptors does not look like the end of the terminal.
SKIP: {
    have('script')  or skip 'no script(1)', 5;
    have('prlimit') or skip 'no prlimit', 5;
    my $port   = free_port();
    my $folder = new_root();
    my $script = spawned($folder, 'script', '-qfc', "exec '${\program()}' -r '$root' -p $port -b 127.0.0.1 -j 1", "$folder/typescript");
    ok(eventually(sub { connect_to('127.0.0.1', $port) }), 'in a terminal: serves');
    my ($pid) = children_of($script);
    push @spawned, -$pid; # it has a group of its own
    my $seen = sub { my ($pattern) = @_; return eventually { slurp("$folder/typescript") =~ $pattern } };
    my ($limit) = `prlimit --nofile --noheadings --raw --output=SOFT --pid $pid` =~ /(\d+)/;
    my $free = 0;
    $free++ while -l "/proc/$pid/fd/$free";
    skip 'prlimit does not work here', 4 if system("prlimit --nofile=$free: --pid $pid 2>/dev/null") != 0;
    kill 'HUP', $pid;
    ok($seen->(qr/not reloaded: .*serving on as before/), 'SIGHUP without a free descriptor: not reloaded');
    ok(connect_to('127.0.0.1', $port), 'and serves on');
    system("prlimit --nofile=$limit: --pid $pid");
    kill 'HUP', $pid;
    ok($seen->(qr/tinyhttpd: reloaded/), 'with descriptors again: reloaded');
    kill 'KILL', $script;
    Harness::reap($script, 5);
    ok(eventually(sub { !connect_to('127.0.0.1', $port) }, 60), 'the terminal is gone: so is the server');
}

# ---- Sockets that others hand over (sd_listen_fds(3)) ----

# Puts handles at descriptors from 3 on, as a service manager does, and says so for this process; to be run in the child.
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
    is($server->port, $ports[0], 'sockets handed over: the banner names their port, and not that of -p');
    for my $port (@ports) {
        $server->{port} = $port;
        is($server->get('/')->{status}, 200, "served on port $port");
    }
    for my $fd (3, 4) {
        my ($flags) = slurp('/proc/' . $server->pid . "/fdinfo/$fd") =~ /^flags:\s*(\d+)/m;
        ok(oct($flags) & 04000,    "descriptor $fd does not block, whoever made it");
        ok(oct($flags) & 02000000, "descriptor $fd is not for programs that this one may start");
    }
    ok(reload($server), 'SIGHUP: reloaded');
    for my $port (@ports) {
        $server->{port} = $port;
        is($server->get('/')->{status}, 200, "served on port $port afterwards");
    }
    $server->stop(lost => 1);
    my $socket = connect_to('127.0.0.1', $ports[0]);
    ok($socket, 'after the end they are still open with whoever handed them over: nothing is refused');
    my $next = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing(\@sockets));
    syswrite $socket, get_request('/', 'Connection: close');
    is((read_body($socket))[1], 'page', 'who has connected meanwhile is served by the next one');
    $next->stop;
}

# The name of a Unix socket goes with the server that made it, however often that was reloaded; not with one that it was
# handed to, whose clients go on connecting by that name.
for my $case (['its own', 0], ['handed over', 1]) {
    my ($name, $handed) = @$case;
    my $folder  = new_root();
    my $path    = "$folder/web.sock";
    my @handles = $handed ? IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Local => $path, Listen => 10) || die $! : ();
    chmod 0777, $path;
    my @where   = $handed ? () : ('-b', "unix:$path");
    my $pid     = Harness::spawn("$folder/out", "$folder/err", $handed ? handing(\@handles) : undef, program(), '-r', $root, '-j', '1', @where);
    push @spawned, $pid;
    my $get = sub {
        my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path) or return 'nobody';
        syswrite $socket, "GET /index.html HTTP/1.0\r\n\r\n";
        return (read_body($socket))[1];
    };
    ok(eventually(sub { slurp("$folder/err") =~ / unix:\Q$path\E$/m }), "a Unix socket, $name: the banner has it");
    is($get->(), 'page', "a Unix socket, $name: served");
    for my $time (1, 2) {
        my ($worker) = children_of($pid);
        kill 'HUP', $pid;
        ok(eventually(sub { my @told = slurp("$folder/err") =~ /^tinyhttpd: reloaded/mg; @told == $time }), "$name: reload $time");
        is($get->(), 'page', "$name: served afterwards");
        ok(eventually(sub { !grep { $_ == $worker } children_of($pid) }, 20), "$name: the worker of before is gone");
        ok(-S $path, "$name: the name is there");
    }
    unlike(slurp("$folder/err"), qr/not reloaded|can't|in use/, "$name: nothing to complain about");
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, "$name: SIGTERM ends it with status 0");
    is(-e $path ? 'there' : 'gone', $handed ? 'there' : 'gone', "$name: its name afterwards");
    next if !$handed;
    my $early = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path);
    ok($early, 'handed over: who connects meanwhile is not refused');
    $pid = Harness::spawn("$folder/out", "$folder/err", handing(\@handles), program(), '-r', $root, '-j', '1');
    push @spawned, $pid;
    syswrite $early, "GET / HTTP/1.0\r\n\r\n";
    is((read_body($early))[1], 'page', 'and is served by the next one');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'which leaves the name as well') && ok(-S $path, 'indeed');
}

# Another server has taken the name: it stays when this one ends, also after a reload.
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
        my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $path) or return 'nobody';
        syswrite $socket, "GET /index.html HTTP/1.0\r\n\r\n";
        return (read_body($socket))[1];
    };
    my $first = $start->('first');
    rename $path, "$path.old" or die $!;
    my $second = $start->('second');
    if ($reloads) {
        kill 'HUP', $first;
        ok(eventually(sub { slurp("$folder/first") =~ /^tinyhttpd: reloaded/m }), 'a server whose name another has: reloaded');
    }
    kill 'TERM', $first;
    is(Harness::reap($first, 10), 0, "$reloads reloads: a server ends whose name another has");
    ok(-S $path, "$reloads reloads: the name of the other is there");
    is($get->(), 'second', "$reloads reloads: and answers");
    kill 'TERM', $second;
    is(Harness::reap($second, 10), 0, "$reloads reloads: the other ends");
    ok(!-e $path, "$reloads reloads: and takes its name with it");
}

# A socket for IPv4 and IPv6, as systemd makes of a port alone: which of both a client came by, it is known by its address.
SKIP: {
    my $both = IO::Socket::IP->new(LocalHost => '::', LocalPort => 0, Listen => 10, Type => Socket::SOCK_STREAM(), V6Only => 0);
    skip 'no IPv6', 5 if !$both || !connect_to('127.0.0.1', $both->sockport);
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing([$both]));
    my $port   = $both->sockport;
    like($server->banner, qr{ at http://127\.0\.0\.1:$port/ \(and every other IPv4 address of this machine\) http://\[::1\]:$port/ \(and every other IPv6 address of this machine\)$}m,
        'a socket for IPv4 and IPv6: the banner has both');
    is($server->get('/')->{status}, 200, 'served by IPv4');
    like(($server->log_lines(1))[-1], qr/\A127\.0\.0\.1 - - /, 'the log has the IPv4 address');
    $server->{bind} = '::1';
    is($server->get('/')->{status}, 200, 'served by IPv6');
    like(($server->log_lines(2))[-1], qr/\A::1 - - /, 'the log has the IPv6 address');
    $server->stop;
}

# Bound to an IPv4 address, through IPv6: as guarded as 127.0.0.1 is.
SKIP: {
    my $mapped = IO::Socket::IP->new(LocalHost => '::ffff:127.0.0.1', LocalPort => 0, Listen => 10, Type => Socket::SOCK_STREAM(), V6Only => 0);
    skip 'no IPv6', 3 if !$mapped || $mapped->sockdomain != Socket::AF_INET6();
    my $server = Harness->start(bare => 1, args => ['-r', $root, '-j', '1'], before => handing([$mapped]));
    my $port   = $mapped->sockport;
    like($server->banner, qr{ at http://127\.0\.0\.1:$port/$}m, 'a socket for ::ffff:127.0.0.1: the banner has the IPv4 address');
    is($server->get('/')->{status}, 200, 'served');
    my $result = $server->exchange("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", count => 1);
    is($result->{responses}[0]{status}, 403, 'but not by any name that leads there');
    $server->stop;
}

# A browser is opened once.
{
    my $bin = new_root();
    put_file($bin, 'xdg-open', "#!/bin/sh\necho \"\$1\" >>'$bin/opened'\n");
    chmod 0755, "$bin/xdg-open";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--open'], before => sub { $ENV{PATH} = "$bin:$ENV{PATH}" });
    $server->expect_stderr($told);
    ok(eventually(sub { -s "$bin/opened" }), '--open: a browser is asked for');
    ok(reload($server), 'SIGHUP: reloaded');
    is($server->get('/')->{status}, 200, 'served');
    $server->stop(lost => 1);
    is(scalar(my @lines = split /^/, slurp("$bin/opened")), 1, '--open: a reload opens no second one');
}

# By systemd's own tool
SKIP: {
    have('systemd-socket-activate') or skip 'no systemd-socket-activate', 4;
    my $folder = new_root();
    my $port   = free_port();
    my $pid    = spawned($folder, 'systemd-socket-activate', '-l', "127.0.0.1:$port", program(), '-r', $root, '-j', '1');
    ok(my $socket = eventually(sub { connect_to('127.0.0.1', $port) }), 'systemd-socket-activate: listens');
    syswrite $socket, get_request('/', 'Connection: close');
    is((read_body($socket))[1], 'page', 'the connection that started the server is served');
    like(slurp("$folder/err"), qr{http://127\.0\.0\.1:$port/}, 'the banner names the port');
    kill 'TERM', $pid;
    is(Harness::reap($pid, 10), 0, 'SIGTERM ends it with status 0');
}

# What is handed over and of no use
{
    my $datagram = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Proto => 'udp', Type => Socket::SOCK_DGRAM()) or die;
    my $silent   = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => Socket::SOCK_STREAM()) or die;
    open my $file, '<', '/dev/null' or die;
    for my $case (['a datagram socket', $datagram], ['a file', $file], ['a socket that is connected', connect_to('127.0.0.1', (my $l = listening())->sockport)]) {
        my ($name, $handle) = @$case;
        my $run = run_program({ before => handing([listening(), $handle]) }, '-r', $root);
        is($run->{status}, 64, "$name is handed over: 64");
        like($run->{err}, qr/\Atinyhttpd: descriptor 4 [^\n]*LISTEN_FDS[^\n]*\n\z/, "$name: said in one line");
    }
    for my $number ('33', 'x', '-1', '') {
        my $run = run_program({ before => handing([listening()], LISTEN_FDS => $number) }, '-r', $root);
        is($run->{status}, 64, "LISTEN_FDS '$number': 64");
        like($run->{err}, qr/\Atinyhttpd: LISTEN_FDS is '$number'; [^\n]*\n\z/, "LISTEN_FDS '$number': said in one line");
    }
    for my $case (['for another process', LISTEN_PID => 1], ['without a process', LISTEN_PID => ''], ['of which there are none', LISTEN_FDS => 0]) {
        my ($name, %environment) = @$case;
        my $port   = free_port();
        my $server = Harness->start(root => $root, port => $port, args => ['-j', '1'], before => handing([listening()], %environment, TINYHTTPD_HANDOVER => 'trial'));
        is($server->port, $port, "sockets $name: it binds its own");
        $server->stop;
    }
}

# A pid in the environment that is no child's is left alone.
{
    my $pid = fork;
    if (!$pid) { $SIG{USR2} = 'DEFAULT'; sleep 60; POSIX::_exit(0) }
    my $socket = listening();
    my $server = Harness->start(root => $root, quiet => 1, port => $socket->sockport, args => ['-j', '1'],
        before => handing([$socket], TINYHTTPD_HANDOVER => "$pid,x,0,,1,99999999999999999999,"));
    is($server->get('/')->{status}, 200, 'a process that is no child is named as a worker of before: serves');
    is(waitpid($pid, POSIX::WNOHANG()), 0, 'that process has not been signalled');
    $server->stop(lost => 1); # as its socket listened already, the start may have been looked at too soon
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# ---- What is told to the service manager (sd_notify(3)) ----

for my $kind ('path', 'abstract') {
    my $folder = new_root();
    my $name   = $kind eq 'path' ? "$folder/notify" : "\0tinyhttpd-test-$$";
    socket my $manager, Socket::AF_UNIX(), Socket::SOCK_DGRAM(), 0 or die $!;
    # Perl cuts no NUL off an abstract name, but pads a path.
    bind $manager, Socket::pack_sockaddr_un($name) or die $!;
    chmod 0777, $name if $kind eq 'path';
    my $receive = sub {
        my $vector = '';
        vec($vector, fileno $manager, 1) = 1;
        select $vector, undef, undef, 20 or return 'nothing';
        recv $manager, my $text, 4096, 0;
        return $text;
    };
    my $variable = $kind eq 'path' ? $name : '@' . substr $name, 1;
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { $ENV{NOTIFY_SOCKET} = $variable });
    $server->expect_stderr($told);
    my $pid = $server->pid;
    is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready");
    my ($up) = slurp('/proc/uptime') =~ /\A([\d.]+)/;
    kill 'HUP', $pid;
    my $reloading = $receive->();
    like($reloading, qr/\ARELOADING=1\nMONOTONIC_USEC=\d+\n\z/, "$kind socket: reloading");
    my $clock = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC());
    my ($usec) = $reloading =~ /USEC=(\d+)/;
    ok($usec && $usec / 1e6 <= $clock && $usec / 1e6 > $clock - 60, "$kind socket: with the time of the monotonic clock");
    is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready again");
    if ($kind eq 'path') {
        rename $root, "$root.away";
        $server->expect_stderr(qr/root|not reloaded/);
        kill 'HUP', $pid;
        like($receive->(), qr/\ARELOADING=1\n/, "$kind socket: reloading in vain");
        is($receive->(), "READY=1\nMAINPID=$pid\n", "$kind socket: ready as before");
        rename "$root.away", $root;
    }
    my $before = $server->stderr;
    kill 'TERM', $pid;
    is($receive->(), "STOPPING=1\n", "$kind socket: stopping");
    $server->ended(stderr => $before);
}
# A manager that has not read for a while: what it is told waits in front of its full queue, but not for ever.
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
        alarm 20;
        sleep 0.3;
        my $text = '';
        recv $manager, $text, 4096, 0 while $text !~ /^READY=1$/m;
        POSIX::_exit(0);
    }
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { $ENV{NOTIFY_SOCKET} = "$folder/notify" });
    is($server->get('/')->{status}, 200, 'a manager that is busy: it serves meanwhile');
    waitpid $reader, 0;
    is($?, 0, 'it is told all the same that the server is ready');
    $fill->();
    $server->stop(seconds => 8);
}
# Nobody there, and what is no name
for my $name ('/nowhere/notify', '@nobody', '', 'x', '/' . 'a' x 200) {
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { $ENV{NOTIFY_SOCKET} = $name });
    is($server->get('/')->{status}, 200, "NOTIFY_SOCKET '" . substr($name, 0, 20) . "': serves");
    $server->stop;
}

like(eventually(sub { slurp("$hanging_folder/err") =~ /^(tinyhttpd: not reloaded: .*signal 9.*)$/m && $1 }, 40) || '', qr/serving on as before/,
    'a new program that does not show in time that it can serve is ended');
ok(connect_to('127.0.0.1', $hanging_port), 'and the service goes on');
ok(!(grep { slurp("/proc/$_/comm") =~ /sleep/ } children_of($hanging)), 'without it');
kill 'TERM', $hanging;
is(Harness::reap($hanging, 10), 0, 'and ends as ever');

responses_framed();
done_testing();
