# The access log: one line for each request, the Combined Log Format if stdout is no terminal; a client can't forge a
# line or send escapes to a terminal.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Fcntl ();
use POSIX ();
use Socket ();
use Test::More;
use Time::HiRes ();

my $root = new_root();
put_file($root, 'index.html', '123456789');
put_file($root, 'dir/index.html', 'dir');
put_file($root, 'large.bin', '');
truncate "$root/large.bin", 300_000;

my $server = Harness->start(root => $root);
my $count  = 0;

my $quoted = qr/"((?:[^"\\\x00-\x1f\x7f-\xff]|\\x[0-9A-Fa-f]{2})*)"/;
my $line_pattern = qr{
    \A(\S+)\ -\ -\ \[(\d\d/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d\ [+-]\d{4})\]
    \ $quoted\ (\d{3})\ (\d+|-)\ $quoted\ $quoted\n\z
}x;

# Sends a request and gives the fields of its line.
sub logged {
    my ($bytes, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $result = $server->exchange($bytes, count => 1, %how);
    close $result->{socket} if $result->{socket}->opened;
    my @lines = $server->log_lines(++$count);
    is(scalar @lines, $count, 'each request adds one line') or $count = @lines;
    my $line = $lines[-1];
    my @field = $line =~ $line_pattern;
    ok(scalar @field, 'in Combined Log Format') or diag($line);
    my %line;
    @line{qw(address time request status bytes referrer agent)} = @field;
    return \%line;
}

{
    my $before = time;
    my $line = logged(get_request('/', 'User-Agent: test/1.0', 'Referer: http://example.org/'));
    is($line->{address}, '127.0.0.1', 'the client\'s address');
    is($line->{request}, 'GET / HTTP/1.1', 'the request line');
    is($line->{status}, 200, 'the status');
    is($line->{bytes}, 9, 'the bytes of the body');
    is($line->{referrer}, 'http://example.org/', 'the referrer');
    is($line->{agent}, 'test/1.0', 'the agent');
    my @stamps = map { POSIX::strftime('%d/%b/%Y:%H:%M:%S %z', localtime $_) } $before - 1 .. time + 1;
    push @stamps, map { POSIX::strftime('%d/%b/%Y:%H:%M:%S +0000', gmtime $_) } $before - 1 .. time + 1;
    ok(scalar(grep { $_ eq $line->{time} } @stamps), 'the time') or diag($line->{time});
}
{
    my $line = logged(get_request('/'));
    is("$line->{referrer} $line->{agent}", '- -', 'a missing field is a hyphen');
    $line = logged("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    is("$line->{request} $line->{bytes}", 'HEAD / HTTP/1.1 0', 'HEAD: 0 bytes');
    $line = logged("GET / HTTP/1.0\r\n\r\n");
    is($line->{request}, 'GET / HTTP/1.0', 'HTTP/1.0');
    $line = logged(get_request('/large.bin'));
    is($line->{bytes}, 300_000, 'the bytes of a large body');
    $line = logged(get_request('/dir?a=b'));
    is("$line->{request} $line->{status}", 'GET /dir?a=b HTTP/1.1 302', 'a redirect: logged with its query');
    $line = logged("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    is("$line->{request} $line->{status}", 'POST / HTTP/1.1 405', 'a refused method');
    $line = logged(get_request('http://localhost/dir/'));
    is($line->{request}, 'GET http://localhost/dir/ HTTP/1.1', 'absolute-form is logged as it was sent');
    my $result = $server->exchange(get_request('/none'), count => 1);
    $line = ($server->log_lines(++$count))[-1];
    like($line, qr{"GET /none HTTP/1\.1" 404 \Q$result->{responses}[0]{field}{'content-length'}\E "}, 'an error: the bytes of its page');
}

# The log has the raw target, never the decoded one; bytes that could forge a line are escaped.
{
    my $line = logged(get_request('/a%0d%0a127.0.0.1%20-%20-%22'));
    is($line->{request}, 'GET /a%0d%0a127.0.0.1%20-%20-%22 HTTP/1.1', 'percent-encoded line ends stay encoded');
    $line = logged(get_request('/', "User-Agent: a\"b\\c\td\xe9\xff", 'Referer: "quoted"'));
    is(lc $line->{agent}, 'a\\x22b\\x5cc\\x09d\\xe9\\xff', 'quotes, backslashes, tabs and bytes above 0x7F are escaped in the agent');
    is($line->{referrer}, '\\x22quoted\\x22', 'quotes are escaped in the referrer');
    $line = logged(get_request('/"quoted"\\x'));
    is(lc $line->{request}, 'get /\\x22quoted\\x22\\x5cx http/1.1', 'quotes and backslashes are escaped in the target');
    $line = logged("GET /\e[31m HTTP/1.1\r\nHost: a\r\n\r\n");
    is($line->{status}, 400, 'a control byte in the target: logged as 400');
    $line = logged("\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 32);
    is($line->{status}, 400, 'not HTTP: logged as 400');
    $line = logged(get_request('/' . 'a' x 100_000));
    is($line->{status}, 414, 'a target of 100 kB: logged as 414');
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'a target of 100 kB: its line is at most PIPE_BUF long');
    $line = logged(get_request('/', 'User-Agent: ' . '"' x 8000, 'Referer: ' . "\xe9" x 8000));
    is($line->{status}, 200, 'fields of 8000 bytes: logged');
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'fields of 8000 bytes: the line is at most PIPE_BUF long');
    $line = logged(get_request('/' . '"' x 8000, 'User-Agent: agent'));
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'a target of 8000 quotes: the line is at most PIPE_BUF long');
}

# Each pipelined request has a line, in order.
{
    my $result = $server->exchange(join('', map { get_request("/?$_") } 1 .. 50), count => 50);
    my @lines = $server->log_lines($count += 50);
    is(join(' ', map { m{"GET /\?(\d+) } ? $1 : '?' } @lines[-50 .. -1]), join(' ', 1 .. 50), '50 pipelined requests: 50 lines, in order');
}

# An aborted download is logged with the bytes that were sent.
{
    truncate "$root/large.bin", 50_000_000;
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin?left');
    sysread $socket, my $buffer, 1000;
    close $socket;
    my @lines = $server->log_lines(++$count);
    my ($bytes) = $lines[-1] =~ m{"GET /large\.bin\?left HTTP/1\.1" 200 (\d+) "};
    ok(defined $bytes && $bytes < 50_000_000, 'an aborted download: logged with the bytes that were sent');
}

# A connection without a request has no line.
{
    close $server->connection for 1 .. 3;
    $server->get('/?after');
    my @lines = $server->log_lines(++$count);
    is(scalar @lines, $count, 'a connection without a request has no line');
}
responses_framed();
$server->stop;

# Lines of several workers never mix.
{
    my $several = Harness->start(root => $root, args => ['-j', '3']);
    my @lines;
    for my $round (1 .. 10) { # few enough lines for a log writer that a busy machine lets wait
        my @pids = map {
            my $pid = fork;
            if (!$pid) {
                $several->exchange(join('', map { get_request('/', 'User-Agent: ' . 'u' x 500) } 1 .. 20), count => 20);
                POSIX::_exit(0);
            }
            $pid;
        } 1 .. 5;
        waitpid $_, 0 for @pids;
        @lines = $several->log_lines(100 * $round);
    }
    is(scalar @lines, 1000, 'several workers: every request has a line');
    is(scalar(grep { $_ !~ $line_pattern } @lines), 0, 'several workers: no line inside another');
    $several->stop;
}

# --log: JSON, errors only, off
{
    my $json = Harness->start(root => $root, args => ['-j', '1', '--log', 'json']);
    $json->get('/?a="\\', 'User-Agent: a"b\\c');
    $json->get('/none', "Referer: \xff\t");
    $json->exchange("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n");
    my @lines = $json->log_lines(3);
    like($lines[2], qr/"method":"","target":"","request":"BREW \/pot HTTP\/1\.1","referer":"","user_agent":"","status":501,/, '--log json: a malformed request as it was sent');
    like($lines[0], qr/\A\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","client":"127\.0\.0\.1","method":"GET","target":"\/\?a=\\"\\\\","referer":"","user_agent":"a\\"b\\\\c","status":\d+,"bytes":\d+,"duration_us":\d+\}\n\z/, '--log json: an object on each line');
    like($lines[1], qr/"target":"\/none","referer":"\\u00ff","user_agent":"","status":404,/, '--log json: bytes above 0x7F as \\u00XX');
    SKIP: {
        eval { require JSON::PP; 1 } or skip 'no JSON::PP', 2;
        my @read = map { JSON::PP::decode_json($_) } @lines;
        is($read[0]{user_agent}, 'a"b\\c', '--log json: JSON::PP decodes it');
        cmp_ok($read[1]{duration_us}, '<', 60e6, '--log json: a duration');
    }
    $json->stop;
    my $errors = Harness->start(root => $root, args => ['-j', '1', '--log', 'errors']);
    $errors->get('/');
    $errors->get('/none');
    $errors->get('/dir');
    $errors->get('/none2');
    my @failed = $errors->log_lines(2);
    is(join(' ', map { m{"GET (\S+) } ? $1 : '?' } @failed), '/none /none2', '--log errors: only responses of 400 or more');
    $errors->stop;
    my $off = Harness->start(root => $root, args => ['--log', 'off']);
    $off->get('/none');
    $off->stop;
    is($off->log, '', '--log off: nothing');
    my $both = Harness->start(root => $root, quiet => 1, args => ['--log', 'combined']);
    $both->get('/none');
    like(($both->log_lines(1))[0], $line_pattern, '-q --log combined: the access log');
    $both->stop;
}

# -q: no access log, nothing on stderr
{
    my $quiet = Harness->start(root => $root, quiet => 1);
    is($quiet->get('/')->{status}, 200, '-q: serves');
    is($quiet->get('/none')->{status}, 404, '-q: a 404');
    $quiet->exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    $quiet->stop; # fails if stderr is not empty
    is($quiet->log, '', '-q: no access log');
}

# A log pipe without a reader ends no worker (SIGPIPE).
{
    pipe my $reader, my $writer or die $!;
    my $piped = Harness->start(root => $root, args => ['-j', '1'], stdout => $writer);
    $piped->expect_stderr(qr/log/i);
    close $writer;
    is($piped->get('/')->{status}, 200, 'a log pipe with a reader: serves');
    close $reader;
    is($piped->get('/')->{status}, 200, 'a log pipe without a reader: serves') for 1 .. 3;
    $piped->stop;
}

# ---- logs that are not read ----

# A reader that stops and goes on: { server, reader, taken, sent, both }. With `both`, standard error is the same
# stream.
sub start_unread {
    my ($about, $reader, $writer, $as, $both) = @_;
    my @shell = $both ? ('sh', '-c', 'exec "$0" "$@" 2>&1') : ();
    my $server = Harness->start(root => $root, quiet => $both, args => ['-j', '1', '--log', 'combined'], stdout => $writer, as => [@$as, @shell]);
    my $stuffing;
    if (-S $writer) {
        $stuffing = $writer;
    } else { # O_NONBLOCK on the server's own description would hide a write that waits
        sysopen $stuffing, '/proc/self/fd/' . fileno $writer, Fcntl::O_WRONLY() | Fcntl::O_NONBLOCK() | Fcntl::O_NOCTTY() or die $!;
        close $writer;
    }
    Harness::blocking($reader, 0);
    my ($worker, $is_blocking) = $server->workers;
    eventually { # a new worker sets O_NONBLOCK a moment after its start
        $is_blocking = (slurp("/proc/$worker/fdinfo/1") // '') !~ /^flags:\s*0*\d*[4567]\d{3}$/m;
        !$is_blocking;
    };
    ok(!$is_blocking, "$about: the worker's log descriptor is non-blocking");
    return { about => $about, server => $server, reader => $reader, stuffing => $stuffing, taken => '', sent => 0, both => $both };
}

sub a_socket { socketpair my $reader, my $writer, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die $!; return ($reader, $writer) }

sub take { my ($self) = @_; 1 while sysread $self->{reader}, $self->{taken}, 1 << 16, length $self->{taken}; return }

# The lines of the log.
sub came {
    my ($self) = @_;
    (my $text = Harness::undated($self->{taken})) =~ s/\r\n/\n/g;
    return grep { !/\A(?:tinyhttpd: |\n)/ } split /^/, $text;
}

# The reports of dropped lines: one each minute while a loss lasts, which a slow machine may take, and one at its end.
sub reports {
    my ($self) = @_;
    (my $text = $self->{both} ? Harness::undated($self->{taken}) : $self->{server}->stderr) =~ s/\r\n/\n/g;
    return $text =~ /^tinyhttpd: (\d+ lines?.*)/mg;
}

sub drop_counts { my ($self) = @_; return map { /(\d+)/ } reports($self) }
sub ended_losses { my ($self) = @_; return scalar grep { /; it is written again\z/ } reports($self) }

# Leaves no room in the stream, so that nothing but a reader makes some.
sub stuff {
    my ($self) = @_;
    for my $size (4096, 1) { 1 while send_or_write($self->{stuffing}, "\n" x $size) }
    return;
}

sub send_or_write {
    my ($handle, $bytes) = @_;
    return -S $handle ? send $handle, $bytes, Socket::MSG_DONTWAIT() : syswrite $handle, $bytes;
}

# 3 MB of lines: a pipe holds 64 KiB to 1 MiB, a terminal less.
sub fill {
    my ($self, $when) = @_;
    stuff($self);
    my $kept = $self->{server}->connection;
    my $answered = 0;
    for (1 .. 80) {
        my $result = $self->{server}->exchange(get_request('/', 'User-Agent: ' . 'u' x 600) x 50, socket => $kept, count => 50);
        $answered += grep { $_->{status} == 200 } @{ $result->{responses} };
        last if $result->{timeout};
    }
    close $kept;
    $self->{sent} += 4000;
    is($answered, 4000, "$self->{about}, $when: 4000 requests are answered");
    return;
}

sub read_again {
    my ($self, $round) = @_;
    my ($about, $server) = @$self{qw(about server)};
    ok(eventually(sub { take($self); ended_losses($self) >= $round }), "$about, read again: the held lines arrive without a new request");
    # A worker writes a line after it has answered, so a second request makes sure of the first one's line.
    my $kept = $server->connection;
    $server->exchange(get_request('/again'), socket => $kept, count => 1) for 1, 2;
    close $kept;
    $self->{sent} += 2;
    eventually { take($self); (() = $self->{taken} =~ m{"GET /again }g) == 2 * $round };
    my $dropped = 0;
    $dropped += $_ for drop_counts($self);
    is(ended_losses($self), $round, "$about, read again: the end of each loss is reported once");
    my @lines = came($self);
    is(@lines + $dropped, $self->{sent}, "$about: written and dropped lines add up to all requests");
    is(scalar(grep { $_ !~ $line_pattern } @lines), 0, "$about: each written line is whole");
    return;
}

# A full log that is not read delays neither responses nor the end of the server. The worker drops lines without room,
# and reports their number when there is room again.
my $as = Harness::without_privileges();
for my $case (
    ['a pipe',                          \&a_pipe,     [], 0],
    ['a pipe of another user',          \&a_pipe,     $as, 0],
    ['a pipe of another user, 2>&1',    \&a_pipe,     $as, 1],
    ['a socket',                        \&a_socket,   [], 0],
    ['a socket, 2>&1',                  \&a_socket,   [], 1], # as systemd gives one for its journal
    ['a terminal',                      \&a_terminal, [], 0],
    ['a terminal of another user',      \&a_terminal, $as, 0],
    ['a terminal of another user, 2>&1', \&a_terminal, $as, 1],
    ) {
    my ($about, $open, $by, $both) = @$case;
    SKIP: {
        skip "$about: only root can be another user", 1 if $about =~ /another/ && ($> != 0 || !$as);
        my ($reader, $writer) = $open->() or skip "$about: $!", 1;
        my $self  = start_unread($about, $reader, $writer, $by, $both);
        my $began = time;
        for my $round (1, 2) {
            fill($self, "not read, round $round");
            is(ended_losses($self), $round - 1, "$about: no loss is reported as over while it is not read");
            cmp_ok(scalar(my @told = reports($self)), '<=', $round - 1 + (time - $began) / 60, "$about: a lasting loss is reported at most once a minute");
            read_again($self, $round);
        }
        fill($self, 'never read again');
        $self->{server}->stop(seconds => $about eq 'a pipe' ? 4 : 10); # the log stays full
        take($self);
        my $dropped = 0;
        $dropped += $_ for drop_counts($self);
        is(scalar(grep { /$line_pattern/ } came($self)) + $dropped, $self->{sent}, "$about: written and dropped lines add up at the end as well") if !$both;
    }
}

# The master replaces a log writer that is killed; the new one goes on with the lines in the pipe.
SKIP: {
    my ($pty, $tty) = a_terminal() or skip "no pseudo-terminal: $!", 1;
    my $self = start_unread('a writer that is killed', $pty, $tty, [], 0);
    my $server = $self->{server};
    $server->expect_stderr(qr/\Atinyhttpd: process \d+, which wrote the log, has ended; starting another$/);
    my $is_writer = sub { (readlink("/proc/$_[0]/fd/1") // '') =~ m{\A/dev/pts/} };
    my ($first, @piped);
    eventually {
        ($first) = grep { $is_writer->($_) } log_writers_of($server->pid);
        @piped = grep { (readlink("/proc/$_/fd/1") // '') =~ /\Apipe:/ } $server->workers;
        @piped == 1;
    };
    ok($first, 'a log writer has the terminal');
    is(scalar @piped, 1, 'the worker has a pipe to the log writer');
    my $rights = sub { my ($pid) = @_; join ' ', slurp("/proc/$pid/status") =~ /^(?:CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):\s*(\w+)/mg };
    my ($worker) = $server->workers;
    ok(eventually(sub { $rights->($first) eq $rights->($worker) }), 'the log writer has no capabilities, no way to get some, and a filter of system calls, as a worker') or diag($rights->($first), ' ', $rights->($worker));
    is(join(' ', slurp("/proc/$first/limits") =~ /^Max core file size\s+(\d+)\s+(\d+)/m), '1 1', 'the log writer dumps no core');
    $server->get('/before');
    eventually { take($self); $self->{taken} =~ m{/before } };
    kill 'KILL', $first;
    ok(eventually { grep { $_ != $first && $is_writer->($_) } log_writers_of($server->pid) }, 'a log writer that is killed is replaced');
    $server->get('/after');
    ok(eventually { take($self); $self->{taken} =~ m{/after } }, 'lines arrive through the new log writer');
    # After a reload the new program has its own log writer; the old one ends with the old workers.
    for my $round (1 .. 3) {
        $server->expect_stderr(qr/\Atinyhttpd: reloaded/);
        my $all = sub { ($server->workers, grep { $is_writer->($_) } log_writers_of($server->pid)) };
        my %before = map { $_ => 1 } $all->();
        kill 'HUP', $server->pid;
        ok(eventually { my @now = $all->(); @now == 2 && !grep { $before{$_} } @now }, "reload $round: a new worker and a new log writer");
        $server->get("/reloaded$round");
        ok(eventually { take($self); $self->{taken} =~ m{/reloaded$round } }, "reload $round: lines arrive");
    }
    $server->stop(lost => 1);
}

# After a reload the former log writer still has lines that are not read. A second SIGTERM ends the server at once, with
# all log writers; their lost lines are counted.
{
    my ($reader, $writer) = a_socket();
    my $self   = start_unread('a second SIGTERM', $reader, $writer, [], 0);
    my $server = $self->{server};
    my ($old)  = $server->workers;
    my ($pid, @former) = ($server->pid, log_writers_of($server->pid));
    $server->expect_stderr(qr/\Atinyhttpd: reloaded/);
    fill($self, 'before a reload');
    kill 'HUP', $pid;
    ok(eventually { $server->stderr =~ /reloaded/ && !-d "/proc/$old" }, 'a second SIGTERM: reloaded before');
    my $before = $server->stderr;
    kill 'TERM', $pid;
    ok(eventually { my @workers = $server->workers; !@workers }, 'a second SIGTERM: the workers end after the first');
    kill 'TERM', $pid;
    eventually { (slurp("/proc/$pid/stat") =~ /\) (\w)/)[0] eq 'Z' };
    is(join(' ', Harness::processes_of_group($pid)), '', 'a second SIGTERM: the server ends after its log writers, the former included');
    $server->ended(stderr => $before);
    take($self);
    my $dropped = 0;
    $dropped += $_ for drop_counts($self);
    is(scalar(grep { /$line_pattern/ } came($self)) + $dropped, $self->{sent}, 'a second SIGTERM: written and dropped lines add up');
}

# The server appends to a file, even if another process that shares the open file description sets its offset back.
{
    my $path = put_file($root, 'written.log', '');
    open my $file, '>', $path or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1'], stdout => $file);
    for my $name ('first', 'then') {
        $server->get("/$name");
        ok(eventually { slurp($path) =~ m{"GET /$name .*\n\z} }, "a log file: the line of /$name");
        sysseek $file, 0, 0;
    }
    my @lines = split /^/, slurp($path);
    is(scalar(grep { $_ =~ $line_pattern } @lines), 2, 'a log file whose offset was set back: no line is overwritten');
    close $file;
    $server->stop;
}

# No line has bytes that another client left in the worker's memory, wherever an invalid request is stored: one that
# comes in one piece is in the shared buffer, one that comes in two is in memory that another connection has freed.
{
    my $alone = Harness->start(root => $root, args => ['-j', '1']);
    my $lines = 0;
    my $cookie = 'Cookie: ' . 'marker' x 2600;
    for my $end ("\r\n", "\n", "\r") {
        my $many = 2 / length $end;
        for my $case (
            [$end x (2000 * $many) . 'GPOST ', []],
            [$end x (15_000 * $many) . 'GX Y', [16_000]],
            [$end x (15_000 * $many) . 'UNSUBSCRIBEX ', [16_000]],
            ['UNSUBSCRIBEX ', []],
            ['GX Y', [1]],
            ['PROPFINDX' . "\t", []],
            [$end x (2000 * $many) . 'GET /', []],
            [$end x (2000 * $many) . "GET /\r", []],
            [$end x (15_000 * $many) . "GET / \r\n", [16_000]],
            [$end x (15_000 * $many) . "GET / HTTP/2\r\n", [16_000]],
            ) {
            my ($bytes, $split) = @$case;
            (my $told = $bytes) =~ s/\A\s+/length($&) . ' bytes of line ends and '/e;
            $told =~ s/\s+\z/ and a blank/;
            my $result = $alone->exchange(get_request('/', $cookie, $cookie), split => [16_000], count => 1);
            is($result->{responses}[0]{status}, 200, 'a client with a cookie');
            close $result->{socket};
            # Some are answered at once, some only after the end of the stream.
            $result = $alone->exchange($bytes, split => $split, half_close => 1, count => 1);
            my $status = @{ $result->{responses} } ? $result->{responses}[0]{status} : 'no answer';
            like($status, qr/\A(?:400|501|505|no answer)\z/, "$told: refused");
            close $result->{socket} if $result->{socket}->opened;
            $lines += 1 + @{ $result->{responses} };
            my @lines = $alone->log_lines($lines);
            unlike(join('', @lines[-2, -1]), qr/marker|rmark/, "$told: the log has nothing of the other client");
            like($lines[-1], qr{ "(?:GPOST|GX Y?|UNSUBSCRIBEX|PROPFINDX(?:\\x09)?|GET /(?: HTTP/2)?)?" \d}, "$told: the log has only the request's own bytes") if $status ne 'no answer';
        }
    }
    $alone->stop;
}

done_testing();
