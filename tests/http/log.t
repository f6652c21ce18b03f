# The access log: one line a request, the Combined Log Format where stdout is no terminal; nothing that a client
# sends can forge a line or steer a terminal.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(O_RDWR O_NOCTTY);
use Harness;
use POSIX ();
use Test::More;

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
    my ($octets, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $result = $server->exchange($octets, count => 1, %how);
    close $result->{socket} if $result->{socket}->opened;
    my @lines = $server->log_lines(++$count);
    is(scalar @lines, $count, 'one line more') or $count = @lines;
    my $line = $lines[-1];
    my @field = $line =~ $line_pattern;
    ok(scalar @field, 'in Combined Log Format') or diag($line);
    my %line;
    @line{qw(address time request status octets referrer agent)} = @field;
    return \%line;
}

{
    my $before = time;
    my $line = logged(get_request('/', 'User-Agent: test/1.0', 'Referer: http://example.org/'));
    is($line->{address}, '127.0.0.1', 'the client\'s address');
    is($line->{request}, 'GET / HTTP/1.1', 'the request line');
    is($line->{status}, 200, 'the status');
    is($line->{octets}, 9, 'the octets of the body');
    is($line->{referrer}, 'http://example.org/', 'the referrer');
    is($line->{agent}, 'test/1.0', 'the agent');
    my @stamps = map { POSIX::strftime('%d/%b/%Y:%H:%M:%S %z', localtime $_) } $before - 1 .. time + 1;
    push @stamps, map { POSIX::strftime('%d/%b/%Y:%H:%M:%S +0000', gmtime $_) } $before - 1 .. time + 1;
    ok(scalar(grep { $_ eq $line->{time} } @stamps), 'the time') or diag($line->{time});
}
{
    my $line = logged(get_request('/'));
    is("$line->{referrer} $line->{agent}", '- -', 'what is not sent is a hyphen');
    $line = logged("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    is("$line->{request} $line->{octets}", 'HEAD / HTTP/1.1 0', 'HEAD: no octets');
    $line = logged("GET / HTTP/1.0\r\n\r\n");
    is($line->{request}, 'GET / HTTP/1.0', 'HTTP/1.0');
    $line = logged(get_request('/large.bin'));
    is($line->{octets}, 300_000, 'the octets of a large body');
    $line = logged(get_request('/dir?a=b'));
    is("$line->{request} $line->{status}", 'GET /dir?a=b HTTP/1.1 302', 'a redirect, its query');
    $line = logged("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    is("$line->{request} $line->{status}", 'POST / HTTP/1.1 405', 'a refused method');
    $line = logged(get_request('http://localhost/dir/'));
    is($line->{request}, 'GET http://localhost/dir/ HTTP/1.1', 'absolute-form as it came');
    my $result = $server->exchange(get_request('/none'), count => 1);
    $line = ($server->log_lines(++$count))[-1];
    like($line, qr{"GET /none HTTP/1\.1" 404 \Q$result->{responses}[0]{field}{'content-length'}\E "}, 'an error: the octets of its page');
}

# The raw target is told, never the decoded one; octets that could forge a line are escaped.
{
    my $line = logged(get_request('/a%0d%0a127.0.0.1%20-%20-%22'));
    is($line->{request}, 'GET /a%0d%0a127.0.0.1%20-%20-%22 HTTP/1.1', 'percent-encoded line ends stay encoded');
    $line = logged(get_request('/', "User-Agent: a\"b\\c\td\xe9\xff", 'Referer: "quoted"'));
    is(lc $line->{agent}, 'a\\x22b\\x5cc\\x09d\\xe9\\xff', 'quotes, backslashes, tabs and octets above 0x7F are escaped in the agent');
    is($line->{referrer}, '\\x22quoted\\x22', 'and in the referrer');
    $line = logged(get_request('/"quoted"\\x'));
    is(lc $line->{request}, 'get /\\x22quoted\\x22\\x5cx http/1.1', 'and in the target');
    $line = logged("GET /\e[31m HTTP/1.1\r\nHost: a\r\n\r\n");
    is($line->{status}, 400, 'a control octet in the target: told as 400');
    $line = logged("\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 32);
    is($line->{status}, 400, 'what is no HTTP: told as 400');
    $line = logged(get_request('/' . 'a' x 100_000));
    is($line->{status}, 414, 'a target of 100 kB: told as 414');
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'its line is one that a pipe takes whole');
    $line = logged(get_request('/', 'User-Agent: ' . '"' x 8000, 'Referer: ' . "\xe9" x 8000));
    is($line->{status}, 200, 'fields of 8000 octets: told');
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'its line is one that a pipe takes whole');
    $line = logged(get_request('/' . '"' x 8000, 'User-Agent: agent'));
    cmp_ok(length(($server->log_lines($count))[-1]), '<=', 4096, 'a target of 8000 quotes: its line too');
}

# Pipelined requests have a line each, in order.
{
    my $result = $server->exchange(join('', map { get_request("/?$_") } 1 .. 50), count => 50);
    my @lines = $server->log_lines($count += 50);
    is(join(' ', map { m{"GET /\?(\d+) } ? $1 : '?' } @lines[-50 .. -1]), join(' ', 1 .. 50), '50 pipelined requests: 50 lines, in order');
}

# A download that the client leaves is told with what was sent.
{
    truncate "$root/large.bin", 50_000_000;
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin?left');
    sysread $socket, my $buffer, 1000;
    close $socket;
    my @lines = $server->log_lines(++$count);
    my ($octets) = $lines[-1] =~ m{"GET /large\.bin\?left HTTP/1\.1" 200 (\d+) "};
    ok(defined $octets && $octets < 50_000_000, 'a download that the client leaves: told, with the octets that were sent');
}

# A connection without a request has no line.
{
    close $server->connection for 1 .. 3;
    $server->get('/?after');
    my @lines = $server->log_lines(++$count);
    is(scalar @lines, $count, 'a connection that says nothing has no line');
}
responses_framed();
$server->stop;

# Workers write whole lines each.
{
    my $several = Harness->start(root => $root, args => ['-j', '3']);
    my @pids = map {
        my $pid = fork;
        if (!$pid) {
            $several->exchange(join('', map { get_request('/', 'User-Agent: ' . 'u' x 500) } 1 .. 200), count => 200);
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 5;
    waitpid $_, 0 for @pids;
    my @lines = $several->log_lines(1000);
    is(scalar @lines, 1000, 'several workers: every request has a line');
    is(scalar(grep { $_ !~ $line_pattern } @lines), 0, 'several workers: no line inside another');
    $several->stop;
}

# --log: an object a line, and failures alone
{
    my $json = Harness->start(root => $root, args => ['--log', 'json']);
    $json->get('/?a="\\', 'User-Agent: a"b\\c');
    $json->get('/none', "Referer: \xff\t");
    $json->exchange("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n");
    my @lines = $json->log_lines(3);
    like($lines[2], qr/"method":"","target":"","request":"BREW \/pot HTTP\/1\.1","referer":"","user_agent":"","status":501,/, '--log json: what is malformed as it came');
    like($lines[0], qr/\A\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","client":"127\.0\.0\.1","method":"GET","target":"\/\?a=\\"\\\\","referer":"","user_agent":"a\\"b\\\\c","status":\d+,"bytes":\d+,"duration_us":\d+\}\n\z/, '--log json: an object');
    like($lines[1], qr/"target":"\/none","referer":"\\u00ff","user_agent":"","status":404,/, '--log json: octets beyond ASCII as their numbers');
    SKIP: {
        eval { require JSON::PP; 1 } or skip 'no JSON::PP', 2;
        my @read = map { JSON::PP::decode_json($_) } @lines;
        is($read[0]{user_agent}, 'a"b\\c', '--log json: another reads it');
        cmp_ok($read[1]{duration_us}, '<', 60e6, '--log json: a duration');
    }
    $json->stop;
    my $errors = Harness->start(root => $root, args => ['--log', 'errors']);
    $errors->get('/');
    $errors->get('/none');
    $errors->get('/dir');
    $errors->get('/none2');
    my @failed = $errors->log_lines(2);
    is(join(' ', map { m{"GET (\S+) } ? $1 : '?' } @failed), '/none /none2', '--log errors: 400 and more alone');
    $errors->stop;
    my $off = Harness->start(root => $root, args => ['--log', 'off']);
    $off->get('/none');
    $off->stop;
    is($off->log, '', '--log off: nothing');
    my $both = Harness->start(root => $root, quiet => 1, args => ['--log', 'combined']);
    $both->get('/none');
    like(($both->log_lines(1))[0], $line_pattern, '-q --log combined: the log alone');
    $both->stop;
}

# -q: silence
{
    my $quiet = Harness->start(root => $root, quiet => 1);
    is($quiet->get('/')->{status}, 200, '-q: serves');
    is($quiet->get('/none')->{status}, 404, '-q: a 404');
    $quiet->exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    $quiet->stop; # looks that stderr is empty
    is($quiet->log, '', '-q: no access log');
}

# A log whose reader is gone ends nobody.
{
    pipe my $reader, my $writer or die $!;
    my $piped = Harness->start(root => $root, args => ['-j', '1'], stdout => $writer);
    $piped->expect_stderr(qr/log/i);
    close $writer;
    is($piped->get('/')->{status}, 200, 'with a pipe for a log: serves');
    close $reader;
    is($piped->get('/')->{status}, 200, 'the log\'s reader is gone: serves') for 1 .. 3;
    $piped->stop;
}

# ---- logs that are not read ----

# The ioctls of pts(4), the same on all architectures that the program knows.
use constant { TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430 };

# What a log may be written to: (the end to read, the end to write to).
sub a_pipe { pipe my $reader, my $writer or die $!; return ($reader, $writer) }

sub a_terminal {
    sysopen my $pty, '/dev/ptmx', O_RDWR | O_NOCTTY or return;
    my $number = pack 'i', 0;
    ioctl $pty, TIOCSPTLCK, $number or return;
    ioctl $pty, TIOCGPTN, $number or return;
    sysopen my $tty, '/dev/pts/' . unpack('i', $number), O_RDWR | O_NOCTTY or return;
    return ($pty, $tty);
}

# A reader that stops and goes on: { server, reader, taken, sent, both }. With `both`, standard error is the same stream.
sub start_unread {
    my ($about, $reader, $writer, $as, $both) = @_;
    my @shell = $both ? ('sh', '-c', 'exec "$0" "$@" 2>&1') : ();
    my $server = Harness->start(root => $root, quiet => $both, args => ['-j', '1', '--log', 'combined'], stdout => $writer, as => [@$as, @shell]);
    $server->expect_stderr(qr/\Atinyhttpd: \d+ lines? of the access log w(?:as|ere) dropped/) if !$both;
    close $writer;
    Harness::blocking($reader, 0);
    # The one that waits reads the pipe of the others.
    my (@serving, @blocking);
    eventually { # a worker that has just started has not seen to it yet
        @serving = grep { (readlink("/proc/$_/fd/0") // '') !~ /^pipe:/ } $server->workers;
        @blocking = grep { (slurp("/proc/$_/fdinfo/1") // '') !~ /^flags:\s*0*\d*[4567]\d{3}$/m } @serving;
        @serving == 1 && !@blocking;
    };
    is(@serving . " serving, blocking: @blocking", '1 serving, blocking: ', "$about: the process that serves has a log that never blocks");
    return { about => $about, server => $server, reader => $reader, taken => '', sent => 0, both => $both };
}

sub take { my ($self) = @_; 1 while sysread $self->{reader}, $self->{taken}, 1 << 16, length $self->{taken}; return }

# The lines that came, and the counts of dropped lines that were told.
sub came {
    my ($self) = @_;
    (my $text = $self->{taken}) =~ s/\r\n/\n/g;
    return grep { !/\Atinyhttpd: / } split /^/, $text;
}

sub drop_counts {
    my ($self) = @_;
    (my $text = $self->{both} ? $self->{taken} : $self->{server}->stderr) =~ s/\r\n/\n/g;
    return $text =~ /^tinyhttpd: (\d+) lines?/mg;
}

# 3 MB of lines: a pipe holds 64 KiB to 1 MiB, a terminal less.
sub fill {
    my ($self, $when) = @_;
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
    ok(eventually(sub { take($self); (() = drop_counts($self)) >= $round }), "$about, read again: what was held comes by itself");
    # A worker writes a line after its answer: the first one again is seen with the one after it.
    my $kept = $server->connection;
    $server->exchange(get_request('/again'), socket => $kept, count => 1) for 1, 2;
    close $kept;
    $self->{sent} += 2;
    eventually { take($self); (() = $self->{taken} =~ m{"GET /again }g) == 2 * $round };
    my $dropped = 0;
    $dropped += $_ for drop_counts($self);
    is(scalar(my @told = drop_counts($self)), $round, "$about, read again: the number of dropped lines is told once");
    my @lines = came($self);
    is(@lines + $dropped, $self->{sent}, "$about: the lines that came and those that were dropped are all there were");
    is(scalar(grep { $_ !~ $line_pattern } @lines), 0, "$about: each line that came is whole");
    return;
}

# A log that is full and is not read holds up neither the service nor its end. The lines that it has no room for are dropped,
# and counted when there is room again.
my $as = Harness::without_privileges();
for my $case (
    ['a pipe',                          \&a_pipe,     [], 0],
    ['a pipe of another user',          \&a_pipe,     $as, 0],
    ['a pipe of another user, 2>&1',    \&a_pipe,     $as, 1],
    ['a terminal',                      \&a_terminal, [], 0],
    ['a terminal of another user',      \&a_terminal, $as, 0],
    ['a terminal of another user, 2>&1', \&a_terminal, $as, 1],
    ) {
    my ($about, $open, $by, $both) = @$case;
    SKIP: {
        skip "$about: only root can be another user", 1 if $about =~ /another/ && ($> != 0 || !$as);
        my ($reader, $writer) = $open->() or skip "$about: $!", 1;
        my $self = start_unread($about, $reader, $writer, $by, $both);
        for my $round (1, 2) {
            fill($self, "not read, round $round");
            is(scalar(my @told = drop_counts($self)), $round - 1, "$about: while it is not read nothing is told");
            read_again($self, $round);
        }
        fill($self, 'not read any more');
        $self->{server}->stop(seconds => $about eq 'a pipe' ? 4 : 10); # it is full and stays so
        take($self);
        my $dropped = 0;
        $dropped += $_ for drop_counts($self);
        is(scalar(grep { /$line_pattern/ } came($self)) + $dropped, $self->{sent}, "$about: at the end as well") if !$both;
    }
}

# The process that waits for a terminal is replaced when it is killed, and goes on with what is in the pipe.
SKIP: {
    my ($pty, $tty) = a_terminal() or skip "no pseudo-terminal: $!", 1;
    my $self = start_unread('a writer that is killed', $pty, $tty, [], 0);
    my $server = $self->{server};
    $server->expect_stderr(qr/\Atinyhttpd: process \d+, which wrote the log, was killed; replaced$/);
    my $is_writer = sub { (readlink("/proc/$_[0]/fd/1") // '') =~ m{\A/dev/pts/} };
    my ($first, @piped);
    eventually {
        ($first) = grep { $is_writer->($_) } $server->workers;
        @piped = grep { (readlink("/proc/$_/fd/1") // '') =~ /\Apipe:/ } $server->workers;
        @piped == 1;
    };
    ok($first, 'one process has the terminal');
    is(scalar @piped, 1, 'and the worker has a pipe that leads to it');
    $server->get('/before');
    eventually { take($self); $self->{taken} =~ m{/before } };
    kill 'KILL', $first;
    ok(eventually { grep { $_ != $first && $is_writer->($_) } $server->workers }, 'a writer that is killed is replaced');
    $server->get('/after');
    ok(eventually { take($self); $self->{taken} =~ m{/after } }, 'and lines come as before');
    # Each program that takes the place of the one before has its own, and those of before end with their workers.
    for my $round (1 .. 3) {
        $server->expect_stderr(qr/\Atinyhttpd: reloaded/);
        my %before = map { $_ => 1 } $server->workers;
        kill 'HUP', $server->pid;
        ok(eventually { my @now = $server->workers; @now == 2 && !grep { $before{$_} } @now }, "reload $round: a worker and a writer, both new");
        $server->get("/reloaded$round");
        ok(eventually { take($self); $self->{taken} =~ m{/reloaded$round } }, "reload $round: lines come");
    }
    $server->stop(lost => 1);
}

# A file is appended to, whatever the offset of the descriptor is, which every process that has it can set back.
{
    my $path = put_file($root, 'written.log', '');
    open my $file, '>', $path or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1'], stdout => $file);
    for my $name ('first', 'then') {
        $server->get("/$name");
        ok(eventually { slurp($path) =~ m{"GET /$name .*\n\z} }, "a file: the line of /$name");
        sysseek $file, 0, 0;
    }
    my @lines = split /^/, slurp($path);
    is(scalar(grep { $_ =~ $line_pattern } @lines), 2, 'a file whose offset was set back: no line is overwritten');
    close $file;
    $server->stop;
}

# What another client has left in the worker's memory gets into no line, wherever a request that is none stands
# there. In one piece it stands in the memory that all share, in two in memory that others have given back.
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
            my ($octets, $split) = @$case;
            (my $told = $octets) =~ s/\A\s+/length($&) . ' octets of line ends and '/e;
            $told =~ s/\s+\z/ and a blank/;
            my $result = $alone->exchange(get_request('/', $cookie, $cookie), split => [16_000], count => 1);
            is($result->{responses}[0]{status}, 200, 'a client with a cookie');
            close $result->{socket};
            # Some are answered at once, some only when it is clear that there will be no more.
            $result = $alone->exchange($octets, split => $split, half_close => 1, count => 1);
            my $status = @{ $result->{responses} } ? $result->{responses}[0]{status} : 'no answer';
            like($status, qr/\A(?:400|501|505|no answer)\z/, "$told: refused");
            close $result->{socket} if $result->{socket}->opened;
            $lines += 1 + @{ $result->{responses} };
            my @lines = $alone->log_lines($lines);
            unlike(join('', @lines[-2, -1]), qr/marker|rmark/, "$told: nothing of the other client's in the log");
            like($lines[-1], qr{ "(?:GPOST|GX Y?|UNSUBSCRIBEX|PROPFINDX(?:\\x09)?|GET /(?: HTTP/2)?)?" \d}, "$told: its own octets, and no more") if $status ne 'no answer';
        }
    }
    $alone->stop;
}

done_testing();
