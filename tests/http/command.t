# `tinyhttpd DIR -- COMMAND`: a command runs while its files are served, and the server exits with its status.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Socket::IP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);


my $root = new_root();
put_file($root, 'index.html', "the page\n");

# A client that needs nothing but a shell's own words: prints the body of the URL.
my $fetch = put_file(new_root(), 'fetch.pl', <<'SCRIPT');
use IO::Socket::IP;
my ($host, $port) = $ENV{TINYHTTPD_URL} =~ m{\Ahttp://(.*):(\d+)\z} or die "URL '$ENV{TINYHTTPD_URL}'";
my $socket = IO::Socket::IP->new(PeerHost => $host eq 'localhost' ? '127.0.0.1' : $host, PeerPort => $port) or die "connect: $@";
print $socket "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
my ($head, $body) = split /\r\n\r\n/, join('', <$socket>), 2;
print $body;
SCRIPT

sub run { my $how = ref $_[0] ? shift : {}; return run_program($how, '-q', '-b', '127.0.0.1', '-j', '1', @_) }

# ---------------------------------------------------------------------------------------------------------
# What it gets, and what comes back

{
    my $ran = run($root, '--', $^X, $fetch);
    is($ran->{status}, 0, 'a command that succeeds: 0');
    is($ran->{out}, "the page\n", 'it can load the site at TINYHTTPD_URL, and has standard output alone');
    is($ran->{err}, '', 'nothing on standard error with -q');
}
{
    my $ran = run_program('-b', '127.0.0.1', '--log', 'text', $root, '--', $^X, $fetch);
    is($ran->{out}, "the page\n", 'banner and access log are not in its output');
    like($ran->{err}, qr{serving .* at http://127\.0\.0\.1:\d+/.*GET /}s, 'but on standard error');
    unlike($ran->{err}, qr/Ctrl-C/, 'Ctrl-C is the command\'s');
}
is(join(' ', map { run($root, '--', 'true')->{status} } 1 .. 50), join(' ', (0) x 50), 'a command that ends at once: its status');
is(run($root, '--', 'sh', '-c', "exit $_")->{status}, $_, "exit $_ is passed on") for 1, 7, 255;
for my $name (qw(KILL TERM SEGV)) {
    my $ran = run($root, '--', 'sh', '-c', "kill -$name \$\$");
    is($ran->{status} - 128, { KILL => 9, TERM => 15, SEGV => 11 }->{$name}, "a command that SIG$name ends: 128 and its number");
}
{
    local $ENV{PATH} = '/usr/bin:/bin'; # a folder that may not be searched is another error (exec(3))
    my $ran = run($root, '--', 'no-such-command');
    is($ran->{status}, 127, 'a command that is not there: 127');
    like($ran->{err}, qr/\Atinyhttpd: command 'no-such-command': not found\n/, 'and a line');
    like(run($root, '--', '-folder')->{err}, qr{'-folder'.*type '\./-folder'}, 'a directory in its place: what to type');
    is(run($root, '--', '/')->{status}, 126, 'one that can\'t be executed: 126');
}
{
    my $ran = run($root, '--', 'sh', '-c', 'echo "$# $1 $2"', 'name', '-p', '--');
    is($ran->{out}, "2 -p --\n", 'its own options and its own -- are its own');
    my $script = 'grep "^Sig[BI]" /proc/self/status; ls /proc/self/fd | wc -l; ulimit -n; pwd; cat';
    my ($alone, $served) = map { run_program({ command => $_ }) } ['sh', '-c', $script], [program(), '-q', '-b', '127.0.0.1', $root, '--', 'sh', '-c', $script];
    is($served->{out}, $alone->{out}, 'signals, descriptors, limits, directory and input are as without the server');
}

for my $closed ('>&- 2>&-', '<&- >&-', '<&- >&- 2>&-') {
    my $run = run_program({ command => ['sh', '-c', "'${\program()}' -q -b 127.0.0.1 '$root' -- sh -c 'exit 7' $closed"] });
    is($run->{timeout} ? 'hangs' : $run->{status}, 7, "started with $closed: the command runs");
}

{
    my $script = "'${\program()}' -b 127.0.0.1 --log combined '$root' -- '$^X' '$fetch' 2>&-";
    is(run_program({ command => ['sh', '-c', $script] })->{out}, "the page\n", 'without standard error, the log is not in its output either');
}

# Socket activation: the sockets are the server's. Neither the command nor the waiting process holds them.
{
    my $listening = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 5) or die $@;
    my $activated = sub {
        POSIX::dup2(POSIX::dup(fileno $listening), 3); # dup2 to itself would keep FD_CLOEXEC
        @ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 1, 'web');
    };
    my $script = 'test -e /proc/self/fd/3 && echo held; test -e /proc/$PPID/fd/3 && readlink /proc/$PPID/fd/3 | grep socket; env | grep ^LISTEN_; exec "$0" "$1"';
    my $ran = run_program({ before => $activated }, '-q', $root, '--', 'sh', '-c', $script, $^X, $fetch);
    is($ran->{out}, "the page\n", 'sockets of a service manager are the server\'s alone');
}

# ---------------------------------------------------------------------------------------------------------
# Mistakes

is(run($root, '--')->{status}, 64, '-- without a command: usage');
is(run('--check', '--', 'true')->{status}, 64, '--check with a command: usage');
{
    my $ran = run("$root/none", '--', 'echo', 'ran');
    is($ran->{status}, 66, 'a root that is not there: the server\'s own status');
    is($ran->{out}, '', 'and the command does not run');
}
{
    my $port = free_port();
    my $ran = run('-p', $port, $root, '--', 'sh', '-c', 'echo $TINYHTTPD_URL');
    is($ran->{out}, "http://localhost:$port\n", 'a port that is given is taken');
    my $unix = { environment => { TINYHTTPD_URL => 'http://of-another-server' } };
    $ran = run_program($unix, '-q', '-b', "unix:$root/socket", $root, '--', 'sh', '-c', 'echo "[${TINYHTTPD_URL-unset}]"; test -S "$0"', "$root/socket");
    is($ran->{out}, "[]\n", 'a Unix socket has no URL, nor that of another server');
    is($ran->{status}, 0, 'but is there');
}

# ---------------------------------------------------------------------------------------------------------
# Signals and ends

# Starts a command in the background: (pid, file of its output). The command prints "ready" first.
sub begin {
    my ($script, @before) = @_;
    my $out = put_file(new_root(), 'out', '');
    my $pid = Harness::spawn($out, "$out.err", undef, @before, program(), '-q', '-b', '127.0.0.1', '-j', '1', $root, '--', 'sh', '-c', $script);
    eventually { slurp($out) =~ /ready/ };
    return ($pid, $out);
}

sub none_left {
    my ($pid, $what) = @_;
    my @left;
    ok(eventually(sub { @left = processes_of_group($pid); !@left }), "$what: no process is left");
    return;
}

# A shell runs a trap only between its commands, so it waits in short ones.
my $waiting = 'echo ready; i=0; while [ $i -lt 1200 ]; do sleep 0.05; i=$((i+1)); done';

for my $name (qw(TERM INT QUIT HUP USR1 USR2)) {
    my ($pid, $out) = begin("trap 'echo got; exit 5' $name; $waiting");
    kill $name, $pid;
    my $status = Harness::reap($pid, 60);
    is(defined $status ? $status >> 8 : 'none', 5, "SIG$name goes to the command, whose status is the result");
    like(slurp($out), qr/^got$/m, 'it got it');
    none_left($pid, "SIG$name");
}
{
    my ($pid) = begin("trap '' TERM; $waiting");
    kill 'TERM', $pid;
    my $status = Harness::reap($pid, 60);
    is(defined $status ? $status >> 8 : 'none', 137, 'a command that ignores SIGTERM is killed');
    ($pid, my $out) = begin("trap 'echo got' TERM; $waiting");
    kill 'TERM', $pid;
    eventually { slurp($out) =~ /got/ };
    sleep 0.1; # LIMIT_STOP_TWICE_MS: a signal that follows within 10 ms counts as the same
    kill 'TERM', $pid;
    $status = Harness::reap($pid, 5);
    is(defined $status ? $status >> 8 : 'none', 137, 'a second SIGTERM kills it at once');
}
{
    my ($pid, $out) = begin($waiting, 'nohup');
    kill 'HUP', $pid;
    at_rest($pid);
    ok(kill(0, $pid) && waitpid($pid, POSIX::WNOHANG()) == 0, 'under nohup, SIGHUP ends nothing');
    kill 'TERM', $pid;
    Harness::reap($pid, 60);
}

# The server's own processes are in another group: its master is the child that is not the shell.
sub server_of { my ($pid) = @_; my ($server) = grep { slurp("/proc/$_/comm") =~ /^tinyhttpd/ } Harness::children_of($pid); return $server }

{
    my ($pid) = begin($waiting);
    my $server = server_of($pid);
    kill 'KILL', $pid;
    waitpid $pid, 0;
    ok($server && eventually(sub { !-d "/proc/$server" || slurp("/proc/$server/stat") =~ /\) Z/ }), 'when the waiting process is killed, the server ends');
    kill 'KILL', -$pid;
}
{
    my ($pid, $out) = begin("trap 'echo told; exit 0' TERM; $waiting");
    kill 'KILL', server_of($pid);
    my $status = Harness::reap($pid, 60);
    is(defined $status ? $status >> 8 : 'none', 137, 'when the server dies, its status is the result of a command that succeeds');
    like(slurp($out), qr/^told$/m, 'the command is told to stop');
    like(slurp("$out.err"), qr/the server has ended/, 'and a line');
}

# A response in flight may take as long as --drain says, but not at a second signal.
{
    my $folder = new_root();
    put_file($folder, 'large', 'x' x (16 << 20));
    my $err = put_file(new_root(), 'err', '');
    my $pid = Harness::spawn(my $out = put_file(new_root(), 'out', ''), $err, undef, program(), '-q', '-b', '127.0.0.1', '-j', '1', '--drain', '3600', $folder, '--', 'sh', '-c', 'echo "$TINYHTTPD_URL"; read line <"$0"', my $fifo = new_root() . '/fifo');
    POSIX::mkfifo($fifo, 0600) or die $!;
    eventually { slurp($out) =~ /:(\d+)\n/ };
    my ($port) = slurp($out) =~ /:(\d+)\n/;
    my $client = connect_to('127.0.0.1', $port) or die $!;
    syswrite $client, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
    sysread $client, my $begun, 1;
    my $server = server_of($pid);
    { open my $end, '>', $fifo or die $!; print {$end} "end\n" }
    ok(eventually(sub { !grep { $_ != $server } Harness::children_of($pid) }), 'the command has ended; a response is in flight');
    is(waitpid($pid, POSIX::WNOHANG()), 0, 'the server waits for it');
    my $status;
    ok(eventually(sub { kill 'TERM', $pid; sleep 0.1; waitpid($pid, POSIX::WNOHANG()) == $pid && defined($status = $?) }), 'a signal ends the server');
    is($status, 0, 'the status is the command\'s');
}

# Ctrl-C at a terminal. noflsh: else the kernel flushes the output after the signal, and with it what the handler wrote.
SKIP: {
    my ($pid, $pty) = on_terminal({}, program(), '-q', '-b', '127.0.0.1', $root, '--', $^X, '-e',
        'system "stty noflsh"; $| = 1; $SIG{INT} = sub { print "got ", ++$n, "\n" }; print "ready\n"; 1 while defined($_ = <STDIN>) && !/end/; print "n=$n\n"; exit 3')
        or skip "no pseudo-terminal: $!", 3;
    my $seen = '';
    my $sees = sub { my ($text) = @_; return eventually { 1 while sysread $pty, $seen, 65536, length $seen; $seen =~ $text } };
    $sees->(qr/ready/);
    syswrite $pty, "\x03";
    ok($sees->(qr/got 1/), 'Ctrl-C: the command gets SIGINT');
    syswrite $pty, "\nend\n";
    ok($sees->(qr/n=1\b/), 'once, and may go on');
    my $status = Harness::reap($pid, 60);
    is(defined $status ? $status >> 8 : 'none', 3, 'its status is the result');
}

done_testing();
