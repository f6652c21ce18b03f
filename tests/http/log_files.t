# --access-log and --error-log: files that are appended to and reopened, the times of the lines, and logs that are lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(O_NONBLOCK O_RDONLY);
use File::Temp qw(tempdir);
use Harness;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM);
use Test::More;
use Time::HiRes ();

use constant EX_CANTCREAT => 73;

my $root = new_root();
put_file($root, 'index.html', '123456789');
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
my $slurp = \&Harness::slurp_raw;

sub start { my ($args, %how) = @_; return Harness->start(root => $root, quiet => 1, args => ['-j', '2', @$args], %how) }
sub a_folder { my $folder = tempdir(CLEANUP => 1); chmod 0755, $folder; return $folder }
sub mode_of { return sprintf '%04o', (stat $_[0])[2] & 07777 }

# The targets of the lines in these files.
sub targets { return map { $slurp->($_) =~ /"GET (\S+) /g } @_ }

sub has_line { my ($path, $target) = @_; return eventually { grep { $_ eq $target } targets($path) } }

# A sample of the metrics.
sub sample { my ($server, $log) = @_; return ($server->get('/metrics')->{body} =~ /^tinyhttpd_log_lines_lost_total\{log="$log"\} (\d+)$/m)[0] }

# ---- both files ----
{
    my $folder = a_folder();
    my ($access, $errors) = ("$folder/access.log", "$folder/error.log");
    put_file($folder, 'access.log', "before\n");
    my $umask = umask 0;
    my $server = start(['-v', '--access-log', $access, '--error-log', $errors]);
    umask $umask;
    $server->get('/first');
    ok(has_line($access, '/first'), '--access-log: a line, also with -q');
    like($slurp->($access), qr/\Abefore\n127\.0\.0\.1 - - \[/, '--access-log: appended, in Combined Log Format');
    is(mode_of($errors), '0640', '--error-log: made with mode 0640');
    is($server->log, '', '--access-log: nothing on standard output');
    kill 'KILL', ($server->workers)[0];
    ok(eventually(sub { $slurp->($errors) =~ /was killed by signal 9/ }), '--error-log: errors');
    is(scalar(grep { !/\A$time tinyhttpd[ :]/ } split /^/, $slurp->($errors)), 0, '--error-log: each line begins with its time');
    like(readlink("/proc/$_/fd/1") // 'pipe:', qr/\Apipe:/, 'a worker has a pipe, not the file') for $server->workers;
    $server->stop(lost => 1);
}
for my $option ('--access-log', '--error-log') {
    my $folder = a_folder();
    my $server = Harness->start(root => $root, args => ['-j', '1', $option, "$folder/log"], quiet => 1);
    ok(eventually(sub { -e "$folder/log" }), "$option alone");
    $server->stop;
}
{ # from the environment; --check opens none
    my $folder = a_folder();
    my $server = start([], environment => { TINYHTTPD_ACCESS_LOG => "$folder/access.log" });
    $server->get('/environment');
    ok(has_line("$folder/access.log", '/environment'), 'TINYHTTPD_ACCESS_LOG');
    is(run_program('-p', $server->port, '--access-log', "$folder/none/log", '--check')->{status}, 0, '--check opens no log');
    $server->stop;
}
SKIP: { # the files are the starting user's, whatever --user is
    skip 'only root can change the user', 2 if $> != 0;
    my $folder = a_folder();
    chmod 0700, $folder;
    my $server = start(['--access-log', "$folder/log", '--user', '65534:65534']);
    rename "$folder/log", "$folder/log.1";
    kill 'USR1', $server->pid;
    ok(eventually(sub { -e "$folder/log" }), '--user: reopened in a directory of root');
    is(join(':', (stat "$folder/log")[4, 5]), '0:0', '--user: the file is root\'s');
    $server->stop;
}

{ # a log that clients could read
    my $site = new_root();
    my $server = Harness->start(root => $site, args => ['--access-log', "$site/access.log"]);
    like($server->banner, qr{^tinyhttpd: --access-log '\Q$site\E/access\.log' is beneath the root, where clients may read it;}m, 'a log beneath the root: a hint');
    $server->stop;
    $server = Harness->start(root => $site, args => ['--access-log', "$site-beside.log"]);
    unlike($server->banner, qr/beneath the root/, 'a log beside the root: no hint');
    $server->stop;
    unlink "$site-beside.log";
}

# ---- rotation ----

# Clients that ask for /?0, /?1 ... until they are told to stop. Returns a sub that ends them, and returns what they
# have asked for.
sub under_load {
    my ($server) = @_;
    my @clients = map {
        my $client = $_;
        pipe my $reader, my $writer or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            my ($over, $count) = (0, 0);
            local $SIG{TERM} = sub { $over = 1 };
            while (!$over) {
                my $result = $server->exchange(join('', map { get_request("/?$client-$_") } $count .. $count + 9), count => 10);
                last if grep { ($result->{responses}[$_] || { status => 0 })->{status} != 200 } 0 .. 9;
                close $result->{socket} if $result->{socket}->opened;
                $count += 10;
            }
            syswrite $writer, $count;
            POSIX::_exit(0);
        }
        close $writer;
        [$pid, $reader, $client];
    } 1 .. 3;
    return sub {
        my @all;
        for (@clients) {
            my ($pid, $reader, $client) = @$_;
            kill 'TERM', $pid;
            waitpid $pid, 0;
            push @all, map { "/?$client-$_" } 0 .. <$reader> - 1;
        }
        return @all;
    };
}

# The number of lines that the error log calls lost because the pipe to the log writer was full, as on a starved machine.
sub lost_of {
    my ($said, $lost) = (join('', map { $slurp->($_) } @_), 0);
    $lost += $1 while $said =~ /: (\d+) lines? of the access log w(?:as|ere) dropped: its reader or its disk does not keep up/g;
    return $lost;
}

sub has_each_once {
    my ($about, $asked, $errors, @files) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (%count, $lost);
    eventually { %count = (); $count{$_}++ for targets(@files); keys(%count) + ($lost = lost_of(@$errors)) >= @$asked };
    my @missing = grep { !$count{$_} } @$asked;
    is(scalar @missing, $lost, "$about: no line is lost that is not told") or note("@missing[0 .. 9]");
    is(join(' ', grep { ($count{$_} || 0) > 1 } @$asked), '', "$about: each line is there once");
    is(scalar(grep { !/\A127\.0\.0\.1 .*"\n\z/ } map { split /^/, $slurp->($_) } @files), 0, "$about: each line is whole");
    return;
}

for my $signal ('USR1', 'HUP') {
    my $folder = a_folder();
    my $log = "$folder/log";
    my $server = start(['--access-log', $log, '--error-log', "$folder/errors"]);
    my $end = under_load($server);
    for my $round (1 .. ($signal eq 'HUP' ? 3 : 20)) {
        my $size = -s $log;
        eventually { -s $log > $size };
        rename $log, "$log.$round" or die $!;
        kill $signal, $server->pid;
        ok(eventually(sub { -s $log }), "SIG$signal $round: the new file has lines") if $round % 10 <= 3;
        eventually { -s $log };
    }
    my @asked = $end->();
    cmp_ok(scalar @asked, '>', 100, "SIG$signal under load: requests are answered");
    has_each_once("SIG$signal under load", \@asked, ["$folder/errors"], glob "$log $log.*");
    is(mode_of($log), '0640', "SIG$signal: the new file has mode 0640");
    $server->stop(lost => $signal eq 'HUP');
    unlike($slurp->("$folder/errors"), qr/killed|(?:dropped|loses)(?!.*: its reader or its disk does not keep up)/, "SIG$signal: nothing else is reported");
}
{ # before the end of the server
    my $folder = a_folder();
    my $server = start(['--access-log', "$folder/log"]);
    my @asked = map { "/?$_" } 1 .. 500;
    $server->exchange(join('', map { get_request($_) } @asked), count => scalar @asked);
    rename "$folder/log", "$folder/log.1";
    kill 'USR1', $server->pid;
    $server->stop;
    has_each_once('SIGUSR1 and SIGTERM', \@asked, [], "$folder/log", "$folder/log.1");
}
{ # no log file: nothing to reopen; the whole process group
    my $server = Harness->start(root => $root, args => ['-j', '2']);
    kill 'USR1', $server->pid;
    kill 'USR1', -$server->pid;
    $server->expect_stderr(qr/which wrote the log/);
    is($server->get("/?$_")->{status}, 200, 'SIGUSR1 without a log file: serves') for 1 .. 3;
    is(scalar($server->log_lines(3)), 3, 'SIGUSR1 to the process group: each line is there');
    $server->stop;
}
SKIP: {
    skip 'logrotate is not installed', 4 if !have('logrotate');
    my $folder = a_folder();
    mkdir "$folder/bin";
    my $server = start(['--access-log', "$folder/access.log", '--error-log', "$folder/error.log"]);
    my $script = put_file($folder, 'bin/systemctl', "#!/bin/sh\n[ \"\$*\" = 'kill -s USR1 --kill-who=main tinyhttpd.service' ] && kill -USR1 @{[$server->pid]}\n");
    chmod 0755, $script;
    (my $shipped = slurp("$FindBin::Bin/../../share/logrotate/tinyhttpd")) =~ s{/var/log/tinyhttpd}{$folder}g;
    put_file($folder, 'logrotate.conf', $shipped);
    local $ENV{PATH} = "$folder/bin:$ENV{PATH}";
    my $end = under_load($server);
    for my $round (1 .. 2) {
        eventually { -s "$folder/access.log" };
        my $run = run_program({ command => ['logrotate', '--force', '--state', "$folder/state", "$folder/logrotate.conf"] });
        is("$run->{status} $run->{err}", '0 ', "logrotate, run $round");
    }
    ok(eventually(sub { -s "$folder/access.log" }), 'logrotate: the new file has lines');
    my @asked = $end->();
    system 'gzip', '-d', glob "$folder/*.log.*.gz";
    has_each_once('logrotate', \@asked, [glob "$folder/error.log*"], glob "$folder/access.log*");
    $server->stop;
}

# ---- files that can't be opened ----
{
    my $folder = a_folder();
    my $fifo = "$folder/fifo";
    POSIX::mkfifo($fifo, 0600) or die $!;
    for my $option ('--access-log', '--error-log') {
        for my $case (
            ['a FIFO without a reader', $fifo, qr/this is a FIFO that no process reads/],
            ['a directory', $folder, qr/this is a directory/],
            ['a missing directory', "$folder/none/log", qr/its directory does not exist/],
            ['a file as directory', "$root/index.html/log", qr/Not a directory/],
            ) {
            my ($name, $path, $reason) = @$case;
            my $run = run_program('-r', $root, '-p', '0', $option, $path);
            is($run->{status}, EX_CANTCREAT, "$option, $name: exit status 73");
            like($run->{err}, qr/\Atinyhttpd: $option '\Q$path\E' can't be opened: $reason[^\n]*\n\z/, "$option, $name: one line with the reason");
        }
        is(run_program('-r', $root, $option, '')->{status}, 64, "$option without a name: exit status 64");
    }

    # A reopen that fails: the open file stays, nothing waits, and the next reopen succeeds.
    my ($log, $errors) = ("$folder/log", "$folder/errors");
    my $server = start(['--access-log', $log, '--error-log', $errors]);
    my $round = 0;
    for my $case (['a FIFO without a reader', sub { POSIX::mkfifo($log, 0600) }, qr/this is a FIFO that no process reads/],
        ['a directory', sub { mkdir $log }, qr/this is a directory/]) {
        my ($name, $make, $reason) = @$case;
        rename $log, "$log." . ++$round;
        $make->();
        kill 'USR1', $server->pid;
        ok(eventually(sub { $slurp->($errors) =~ /^$time tinyhttpd: --access-log '\Q$log\E' can't be opened: $reason.*; the file that is open stays$/m }), "SIGUSR1, $name: said");
        $server->get("/kept$round");
        ok(has_line("$log.$round", "/kept$round"), "SIGUSR1, $name: lines go to the open file");
        -d $log ? rmdir $log : unlink $log;
        kill 'USR1', $server->pid;
        ok(eventually(sub { -f $log }), "SIGUSR1 after $name: reopened");
    at_rest($server->pid); # its writer has it
    }
    unlink $log;
    mkdir $log;
    kill 'HUP', $server->pid;
    ok(eventually(sub { $slurp->($errors) =~ /not reloaded: .* could not start, status 73; the running program stays$/m }), 'SIGHUP, a directory: said, and the running program stays');
    is($server->get('/')->{status}, 200, 'SIGHUP, a directory: serves');
    $server->stop;
}

# ---- lost logs ----

# A full disk: said at once, counted, and said when it has room again.
SKIP: {
    my $folder = a_folder();
    my $disk = "$folder/disk";
    mkdir $disk;
    skip 'only root can mount a small disk', 6 if $> != 0 || system("mount -t tmpfs -o size=64k none '$disk' 2>/dev/null") != 0;
    my ($log, $errors) = ("$disk/log", "$folder/errors");
    my $server = start(['--access-log', "$folder/first", '--error-log', $errors, '--metrics', '/metrics']);
    unlink "$folder/first";
    symlink $log, "$folder/first";
    put_file($disk, 'filling', 'x' x 61_440);
    kill 'USR1', $server->pid;
    ok(eventually(sub { -e $log }), 'a rotation into a full disk: opened');
    at_rest($server->pid); # its writer has it
    my $asked = 0;
    my $loses = sub { $slurp->($errors) =~ /^$time tinyhttpd: the access log loses lines: No space left on device$/m };
    eventually { $asked += 10; $server->exchange(get_request("/?$asked") x 10, count => 10); $loses->() };
    ok($loses->(), 'a full disk: said at once');
    is(scalar(() = $slurp->($errors) =~ /loses lines/g), 1, 'a full disk: said once');
    ok(eventually(sub { $asked == sample($server, 'access') + targets($log) }), 'a full disk: the lost lines are counted in the metrics');
    my $lost = sample($server, 'access');
    unlink "$disk/filling";
    $server->get('/again');
    ok(eventually(sub { $slurp->($errors) =~ /^$time tinyhttpd: $lost lines? of the access log w(?:as|ere) dropped: No space left on device; it is written again$/m }), 'a full disk that has room again: said, with the number');
    ok(has_line($log, '/again'), 'a full disk that has room again: written');
    $server->stop;
    system 'umount', $disk;
}
{ # /dev/full (nginx#1340): said at once
    my $server = start(['--log', 'combined', '--access-log', '/dev/full']);
    $server->expect_stderr(qr/\Atinyhttpd: the access log loses lines: No space left on device$/);
    $server->get('/');
    ok(eventually(sub { $server->stderr =~ /loses lines/ }), '/dev/full: said at once');
    $server->stop;
    like($server->stderr, qr/^tinyhttpd: 1 line of the access log was dropped: No space left on device$/m, '/dev/full: the number at the end');
}
{ # a limit of the file's size: every request is answered
    my $folder = a_folder();
    my $server = start(['--access-log', "$folder/log", '--metrics', '/metrics'], as => ['bash', '-c', 'ulimit -f 8; exec "$0" "$@"']);
    $server->expect_stderr(qr/\Atinyhttpd: (?:the access log loses lines|\d+ lines of the access log were dropped): File too large; see 'ulimit -f'$/);
    my $result = $server->exchange(get_request('/') x 400, count => 400);
    is(scalar(grep { $_->{status} == 200 } @{ $result->{responses} }), 400, 'ulimit -f: 400 requests are answered');
    ok(eventually(sub { $server->stderr =~ /the access log loses lines: File too large/ }), 'ulimit -f: said at once');
    cmp_ok(-s "$folder/log", '<=', 8192, 'ulimit -f: the file has that size');
    $server->stop;
}
{ # a FIFO whose reader leaves, and comes again
    my $folder = a_folder();
    my $fifo = "$folder/fifo";
    POSIX::mkfifo($fifo, 0600) or die $!;
    sysopen my $reader, $fifo, O_RDONLY | O_NONBLOCK or die $!;
    my $server = start(['--access-log', $fifo, '--metrics', '/metrics']);
    my $read = '';
    my $came = sub { my ($target) = @_; return eventually { sysread $reader, $read, 65536, length $read; $read =~ /"GET \Q$target\E / } };
    $server->expect_stderr(qr/\Atinyhttpd: (?:the access log loses lines: no process reads it|1 line of the access log was dropped: no process reads it; it is written again)$/);
    $server->get('/read');
    ok($came->('/read'), 'a FIFO: its reader gets the lines');
    close $reader;
    $server->get('/unread');
    ok(eventually(sub { $server->stderr =~ /the access log loses lines: no process reads it/ }), 'a FIFO whose reader has left: said at once');
    is(sample($server, 'access'), 1, 'a FIFO whose reader has left: counted');
    sysopen $reader, $fifo, O_RDONLY | O_NONBLOCK or die $!;
    $server->get('/again');
    ok($came->('/again'), 'a FIFO with a new reader: it gets the lines');
    ok(eventually(sub { $server->stderr =~ /it is written again/ }), 'a FIFO with a new reader: said');
    $server->stop;
}
{ # a reader that stops delays neither a reopening nor the end
    my $folder = a_folder();
    my $fifo = "$folder/fifo";
    POSIX::mkfifo($fifo, 0600) or die $!;
    sysopen my $reader, $fifo, O_RDONLY | O_NONBLOCK or die $!;
    my $server = start(['--access-log', $fifo]);
    my $answered = 0;
    for (1 .. 40) {
        my $result = $server->exchange(get_request('/', 'User-Agent: ' . 'u' x 600) x 50, count => 50);
        $answered += @{ $result->{responses} };
    }
    is($answered, 2000, 'a FIFO that is not read: requests are answered');
    unlink $fifo;
    kill 'USR1', $server->pid;
    ok(eventually(sub { -f $fifo }), 'a FIFO that is not read, SIGUSR1: the new file is made');
    at_rest($server->pid); # its writer has it
    $server->get('/after');
    ok(has_line($fifo, '/after'), 'a FIFO that is not read, SIGUSR1: the new file has lines');
    $server->stop;
    close $reader;
}

# ---- times ----
SKIP: {
    skip 'no python3', 1 if !have('python3');
    # As systemd starts it: JOURNAL_STREAM names the stream.
    my $run = run_program({ command => ['python3', '-c', <<'PYTHON', program(), $root] });
import os, socket, subprocess, sys
for name in "journal", "another stream":
    ours, its = socket.socketpair()
    stream = os.fstat(its.fileno())
    inode = stream.st_ino if name == "journal" else 1
    server = subprocess.Popen([sys.argv[1], "-r", sys.argv[2], "-p", "0", "--log", "off"], stderr=its, env={"JOURNAL_STREAM": f"{stream.st_dev}:{inode}"})
    its.close()
    print(name + ":", ours.makefile().readline(), end="")
    server.terminate()
    server.wait()
PYTHON
    like(Harness::undated($run->{out}), qr/\Ajournal: tinyhttpd 0.*\nanother stream: $time tinyhttpd 0.*\n\z/, 'lines have a time, but those to the journal');
}
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($hour) = $slurp->($server->{err}) =~ /\A(\d{4}-\d\d-\d\dT\d\d):/;
    ok(scalar(grep { ($hour // '') eq POSIX::strftime('%Y-%m-%dT%H', gmtime $_) } $^T, time), 'a line on a file has its time, in UTC');
    $server->stop;
    my $program = program();
    like(`'$program' --check -p 1 2>&1`, qr/\Atinyhttpd: unhealthy /, '--check: no time');
}

# A file that both a shell and an option name is reopened as one of the option alone.
{
    my $folder = new_root();
    my $log    = "$folder/log";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--error-log', $log], quiet => 1, stdout => do { open my $file, '>>', $log or die $!; $file });
    rename $log, "$log.1" or die $!;
    kill 'USR1', $server->pid;
    ok(eventually(sub { -f $log }), 'a file of an option and a shell: made anew');
    at_rest($server->pid); # its writer has it
    $server->expect_stderr(qr/killed by signal 9/);
    kill 'KILL', $server->workers;
    ok(eventually(sub { $slurp->($log) =~ /was killed by signal 9/ }), 'a file of an option and a shell: errors go to the new one');
    $server->stop(lost => 1);
}

# Lines that wait for a log writer which was killed are not lost by a reload.
{
    my $folder = new_root();
    my $log    = "$folder/log";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--access-log', $log], quiet => 1);
    my ($writer) = grep { (readlink("/proc/$_/fd/1") // '') eq $log } Harness::log_writers_of($server->pid);
    $server->expect_stderr(qr/which wrote the log, has ended|reloaded/);
    kill 'KILL', $writer;
    eventually { !-d "/proc/$writer" };
    $server->get("/?waits$_") for 1 .. 30;
    kill 'HUP', $server->pid;
    ok(eventually(sub { my @lines = $slurp->($log) =~ /waits\d+/g; @lines == 30 }), 'SIGHUP after the log writer was killed: each line is there');
    $server->stop(lost => 1);
}

# A reader of standard output that pauses, as a terminal after Ctrl-S, keeps no reload from happening.
{
    my $folder = new_root();
    socketpair my $reader, my $paused, AF_UNIX, SOCK_STREAM, 0 or die $!;
    my $log = "$folder/log";
    my $server = Harness->start(root => $root, args => ['-j', '1', '--log', 'combined', '--error-log', $log], stdout => $paused, quiet => 1);
    close $paused;
    my ($worker) = $server->workers;
    $server->get('/?' . 'x' x 900) for 1 .. 400;
    kill 'USR1', $server->pid;
    kill 'HUP', $server->pid;
    ok(eventually(sub { !-d "/proc/$worker" && $server->get('/')->{status} }), 'a paused reader, SIGUSR1 and SIGHUP: reloaded');
    close $reader;
    $server->stop(lost => 1);
}

# After a line that a full disk has cut short, also another log writer begins on a new one.
{
    my $folder = new_root();
    my $log    = put_file($folder, 'log', "a whole line\npart of a line");
    my $server = Harness->start(root => $root, args => ['-j', '1', '--access-log', $log], quiet => 1);
    $server->get('/?first');
    ok(eventually(sub { $slurp->($log) =~ /first/ }), 'a torn line: the next is there');
    like($slurp->($log), qr/^a whole line\npart of a line\n127\.0\.0\.1 .*first/, '... and begins on a line of its own');
    $server->stop;
}

for my $name ('-', '/dev/stdout', '/dev/stderr', '/dev/fd/3', '/proc/self/fd/1') {
    my $run = run_program('-r', $root, '--error-log', $name);
    is($run->{status}, 64, "--error-log $name: status 64");
}

done_testing();
