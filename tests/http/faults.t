# System calls that fail: each call of a worker or the master fails once, with each error of its man page, or does less
# than requested. Each request of a script then gets its response, or 500 or 503, or its connection is closed; never a
# wrong body, never too late. The next run of the script succeeds.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Errno qw(:POSIX);
use File::Temp qw(tempdir);
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);


# The faults of each call: errors, or numbers of bytes for a short read or write.
my @worker_faults = (
    [accept4       => qw(ECONNABORTED EINTR EMFILE ENFILE ENOBUFS ENOMEM EPROTO EPERM)],
    [openat        => qw(EACCES EAGAIN EINTR EIO ELOOP EMFILE ENFILE ENOENT ENOMEM ESTALE EXDEV)],
    [fstat         => qw(EIO ENOMEM EOVERFLOW)],
    [fstatat       => qw(EACCES EIO ELOOP ENOENT ENOMEM)],
    [readlinkat    => qw(EACCES EINVAL EIO ENOENT ENOMEM)],
    [pread         => qw(EINTR EIO EISDIR), 0, 1],
    [epoll_ctl     => qw(ENOMEM ENOSPC)],
    [epoll_pwait   => qw(EINTR)],
    [recv          => qw(ECONNRESET EINTR ENOMEM)], # never short (epoll(7), question 9)
    [send          => qw(ECONNRESET EINTR EAGAIN ENOBUFS ENOMEM EPIPE), 1],
    [sendfile      => qw(EAGAIN EINTR EIO ENOMEM EPIPE ECONNRESET), 0, 1],
    [shutdown      => qw(ENOTCONN)],
    [ioctl         => qw(EINVAL)],
    [close         => qw(EINTR EIO)],
    [write         => qw(EAGAIN EINTR EIO ENOSPC EPIPE), 0, 1],
    [writev        => qw(ECONNRESET EINTR EAGAIN EIO ENOBUFS ENOMEM ENOSPC EPIPE), 1],
);

# libmagic 5.44 frees some memory twice if malloc fails: the C library aborts or crashes, and the worker ends.
my @memory_faults = ([malloc => qw(ENOMEM)], [realloc => qw(ENOMEM)], [calloc => qw(ENOMEM)]);
my $blamed = qr/worker \d+ was killed by signal (?:6|11) |crashed in libmagic on 'guess'/;

# Calls without which a worker can't start.
my @start_faults = ([landlock => qw(ENFILE ENOMEM)], [calloc => qw(ENOMEM)], [epoll_create1 => qw(EMFILE ENFILE ENOMEM)], [epoll_ctl => qw(ENOMEM ENOSPC)]);

# Errors that describe the file: the response is that for such a file.
my %also = map { $_ => { map { $_ => [404] } qw(EACCES ELOOP ENOENT EXDEV) } } qw(openat fstatat readlinkat);

# tests/http/preload/faults.c: struct control.
use constant CONTROL => 'Z24 l<6';
my ($control_path) = map { put_file($_, 'control', pack CONTROL, '', (0) x 6) } tempdir(CLEANUP => 1);
chmod 0666, $control_path;

sub set_fault {
    my ($function, $countdown, $fault, $in_master, $repeats) = @_;
    my $error = $fault =~ /^\d+$/ ? 0 : Errno->can($fault)->();
    write_control(pack CONTROL, $function, $countdown, $error, $error ? 0 : $fault, $in_master ? 1 : 0, 0, $repeats || 0);
    return;
}

sub end_fault {
    my $fired = (unpack CONTROL, slurp($control_path))[5];
    write_control(pack CONTROL, '', (0) x 6);
    return $fired;
}

sub write_control {
    my ($bytes) = @_;
    open my $file, '+<:raw', $control_path or die $!;
    syswrite $file, $bytes;
    close $file;
    return;
}

# ---- the site ----

my $root  = new_root();
my $small = noise(700, 'small');
my $large = noise(300_000, 'large'); # more than the store keeps in memory
my $guess = "\x89PNG\r\n\x1a\n" . "\0\0\0\rIHDR" . "\0" x 40;
put_file($root, 'small.html', $small);
put_file($root, 'old.txt', 'an old file');
put_file($root, 'large.bin', $large);
put_file($root, 'encoded.txt.gz', 'encoded');
symlink 'old.txt', "$root/link.txt" or die $!;
put_file($root, 'guess', $guess);
put_file($root, 'dir/index.html', 'index');

# The server reads it in each round, as a file that has just changed is not settled.
sub touch_all { utime undef, undef, map { "$root/$_" } qw(small.html large.bin guess dir/index.html encoded.txt.gz); return }

# ---- the script: [name, bytes, [expected status, body]...] ----

my $head = "HEAD /small.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
my @script = (
    ['small, a browser\'s fields', get_request('/small.html', 'Accept-Encoding: gzip, br'), [200, $small]],
    ['large',               get_request('/large.bin'), [200, $large]],
    ['a range of large',    get_request('/large.bin', 'Range: bytes=1000-1999'), [206, substr $large, 1000, 1000]],
    ['ranges of large',     get_request('/large.bin', 'Range: bytes=0-9,1000-1999'), [206, undef]],
    ['ranges of small',     get_request('/small.html', 'Range: bytes=0-9,100-199'), [206, undef]],
    ['a directory',         get_request('/dir'), [307, undef]],
    ['a directory\'s file', get_request('/dir/'), [200, 'index']],
    ['a symbolic link',     get_request('/link.txt'), [200, 'an old file']],
    ['only encoded',        get_request('/encoded.txt', 'Accept-Encoding: gzip'), [200, 'encoded']],
    ['not there',           get_request('/none'), [404, undef]],
    ['guessed by libmagic', get_request('/guess'), [200, $guess]],
    ['old',                 get_request('/old.txt'), [200, 'an old file']],
    ['pipelined, closing',  get_request('/small.html') . get_request('/old.txt', 'Connection: close'),
        [200, $small], [200, 'an old file']],
    # The server reads it to its end, so that no reset overtakes the response.
    ['closing, with more behind', get_request('/old.txt', 'Connection: close') . 'GET', [200, 'an old file']],
    ['HEAD',                $head, [200, '']],
    ['in two pieces',       get_request('/old.txt'), [200, 'an old file']],
    ['a body',              "GET /old.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde", [200, 'an old file']],
);

# The first response's status; any redirect counts as 302.
sub same_status { my ($got, $expected) = @_; return $expected == 307 ? $got =~ /^30[1278]$/ : $got == $expected }

# The error in the responses to one request, or ''. `refusals` are statuses that are allowed besides.
sub fault_of {
    my ($expected, $result, $refusals) = @_;
    my @responses = @{ $result->{responses} };
    return 'no answer and no end in time' if $result->{timeout};
    return 'more answers than requests' if @responses > @$expected;
    for my $n (0 .. $#responses) {
        my ($response, $status, $body) = ($responses[$n], @{ $expected->[$n] });
        next if $refusals && grep { $response->{status} == $_ } @$refusals;
        return "answer $n is $response->{status}" if !same_status($response->{status}, $status);
        return "answer $n has a wrong body" if defined $body && $response->{body} ne $body;
    }
    return '' if @responses == @$expected || ($refusals && $result->{closed});
    return 'the connection is closed';
}

# Most requests share a connection while it lasts, so that some are the first on theirs and others are not.
sub run_script {
    my ($server, $refusals, @steps) = @_;
    my ($socket, @wrong);
    touch_all();
    for my $step (@steps ? @steps : @script) {
        my ($name, $bytes, @expected) = @$step;
        $socket = undef if $socket && !$socket->opened;
        my $result = $server->exchange($bytes, count => scalar @expected, seconds => 10, lenient => $refusals ? 1 : 0,
            methods => [$bytes =~ /\AHEAD/ ? 'HEAD' : ('GET') x @expected], ($socket ? (socket => $socket) : ()),
            ($name eq 'in two pieces' ? (split => [20]) : ()));
        my $wrong = fault_of(\@expected, $result, $refusals);
        push @wrong, "$name: $wrong" if $wrong;
        $socket = $result->{socket};
        close $socket if $wrong || $bytes =~ /^Connection: close/m && $socket->opened;
    }
    close $socket if $socket && $socket->opened;
    return join '; ', @wrong;
}

# ---- a server with faults ----

my %environment = (preload('faults'), FAULTS => $control_path);
sub start {
    my (@arguments) = @_;
    return Harness->start(root => $root, args => [@arguments], environment => \%environment);
}

sub descriptors { return scalar map { glob "/proc/$_/fd/*" } @_ }

# The worker closes a connection's descriptor a moment after its end, and a large file's some seconds after its last
# response.
sub settled_descriptors {
    my ($server) = @_;
    eventually { !grep { (readlink // '') =~ m{\A\Q$root\E/} } map { glob "/proc/$_/fd/*" } $server->workers };
    at_rest($server->pid);
    return descriptors($server->workers);
}

# ---- in a worker ----

# Each fault in the first call, the second and so on, until the script makes no more of them. Returns the errors, and
# the number of calls that failed.
sub try_row {
    my ($server, $function, @faults) = @_;
    my $cases = 0;
    for my $fault (@faults) {
        for my $n (1 .. 60) {
            set_fault($function, $n, $fault);
            my $wrong = run_script($server, [500, 503, @{ $also{$function}{$fault} || [] }]);
            my $fired = end_fault() or last;
            $cases++;
            return ("$fault in call $n: $wrong", $cases) if $wrong;
            $wrong = run_script($server);
            return ("after $fault in call $n: $wrong", $cases) if $wrong;
        }
    }
    return ('', $cases);
}

# With a sanitizer, malloc has no faults.
for my $rows (\@worker_faults, is_sanitized() ? () : \@memory_faults) {
    my $server = start('-j', 1);
    my $memory_is_short = $rows == \@memory_faults;
    $server->expect_stderr($blamed), $server->expect_stderr(qr/^(?:free|munmap_chunk|double|corrupted)\b/) if $memory_is_short;
    $server->expect_stderr(qr/the (?:access|error) log/); # a fault of write may be in either log writer
    $server->expect_stderr(qr/: root '.*' is (?:missing: |there again$)/); # in the process that looks at its name
    $server->expect_stderr(qr{can't read '/});
    is(run_script($server), '', 'the script without a fault');
    is(run_script($server), '', 'the script without a fault, a second time');
    my ($worker)    = $server->workers;
    my $descriptors = settled_descriptors($server);
    my $memory      = resident_bytes($server->pid);

    for my $row (@$rows) {
        my ($function, @faults) = @$row;
        my ($wrong, $cases) = try_row($server, @$row);
        is($wrong, '', "$function: $cases calls failed with @faults, each response is right or refused");
        cmp_ok($cases, '>', 0, "$function: some calls failed") if !$memory_is_short;
    }
    is(join(' ', $server->workers), $worker, 'no worker died of a fault') if !$memory_is_short;
    ok(eventually(sub { $server->stderr =~ qr{^tinyhttpd: can't read '/[^']*': .}m }), 'an error of the file system is logged') if !$memory_is_short;
    is(settled_descriptors($server), $descriptors, 'no descriptor leaked');
    cmp_ok(resident_bytes($server->pid) - $memory, '<', 4_000_000, 'no memory leaked') if !is_sanitized();
    $server->stop(lost => $memory_is_short);
}

# ---- the rules of a site: no response is without their fields ----
{
    my $site = new_root();
    put_file($site, 'index.html', 'index');
    my $server = Harness->start(root => $site, args => ['-j', 1, '--rules=cloudflare'], environment => \%environment);
    $server->expect_stderr(qr{can't read '/});
    my $version = 0;
    my $edit = sub { $version++; return put_file($site, '_headers', "/*\n  Content-Security-Policy: img-src v$version\n" . ('#' x 999 . "\n") x $_[0]) };
    my $ask  = sub {
        my ($response) = @{ $server->exchange(get_request('/'), count => 1, seconds => 10, lenient => 1)->{responses} };
        return 'closed' if !$response;
        my $policy = $response->{field}{'content-security-policy'} // 'none';
        return $response->{status} if $response->{status} != 200;
        return $policy eq "img-src v$version" && $response->{body} eq 'index' ? 200 : "200 with $policy";
    };
    my @rows = ([openat => qw(EIO EMFILE ENOMEM)], [fstat => qw(EIO ENOMEM)], [pread => qw(EIO ENOMEM EINTR EINVAL EISDIR), 0, 1], (is_sanitized() ? () : [malloc => 'ENOMEM']));
    for my $lines (0, 200) { # the store holds a file of 200 kB open, and does not read it
        for my $row (@rows) {
            my ($function, @faults) = @$row;
            my ($cases, @wrong) = (0);
            for my $fault (@faults) {
                for my $n (1 .. 60) {
                    $edit->($lines);
                    set_fault($function, $n, $fault);
                    my $got = $ask->();
                    my $fired = end_fault() or last;
                    $cases++;
                    my $next = $ask->();
                    push @wrong, "$fault in call $n: $got, then $next" if $got !~ /^(?:200|500|503|closed)$/ || $next ne '200';
                }
            }
            is("@wrong", '', "rules and $lines lines, $function: $cases calls failed with @faults, no response without the fields");
            cmp_ok($cases, '>', 0, "rules and $lines lines, $function: some calls failed");
        }
    }
    for my $error ('(?:Input/output|I/O) error', '(?:Cannot allocate|Out of) memory') { # glibc's words, musl's
        ok(eventually(sub { $server->stderr =~ qr{^tinyhttpd: can't read '/_\w+': $error$}m }), "rules: logged: $error");
    }
    $server->stop(lost => 1);
}

# ---- when a worker starts, and in the master ----
{
    my $server = start('-j', 2, '-v');
    $server->expect_stderr(qr/worker/);
    my $both = sub { my @workers = $server->workers; return @workers == 2 };
    my $back = sub {
        my ($what) = @_;
        my $wrong = run_script($server);
        ok(eventually { $both->() }, "$what: both workers are back");
        is($wrong || run_script($server), '', "$what: the other worker serves, then both");
    };
    my $kill_one = sub {
        eventually { $both->() };
        my @workers = $server->workers;
        kill 'KILL', $workers[0];
        eventually { !-d "/proc/$workers[0]" };
    };
    for my $row (@start_faults) {
        my ($function, @faults) = @$row;
        next if is_sanitized() && $function eq 'calloc';
        for my $fault (@faults) {
            # The other worker must not consume the fault.
            eventually { $both->() };
            my (undef, $other) = $server->workers;
            kill 'STOP', $other;
            set_fault($function, 1, $fault);
            $kill_one->();
            eventually { (unpack CONTROL, slurp($control_path))[5] > 0 };
            kill 'CONT', $other;
            $back->("$function fails with $fault in a worker that starts");
            end_fault();
        }
    }
    # A worker that failed to enter the sandbox would have served without it.
    my $refused = sub { return scalar(() = $server->stderr =~ /^tinyhttpd: a worker can't enter the sandbox/mg) };
    eventually { $refused->() >= 2 };
    is($refused->(), 2, 'no worker serves in a weaker sandbox') if $server->banner =~ /, Landlock \(ABI/;
    # The first fork after a worker's end is that of the process which empties the channel to the next program.
    for my $case ([fork => 'EAGAIN'], [fork => 'EAGAIN', 2], [ppoll => 'EINTR'], [kill => 'EPERM']) {
        set_fault($case->[0], $case->[2] || 1, $case->[1], 'in the master');
        $kill_one->();
        $back->("$case->[0] fails with $case->[1] in the master");
        end_fault();
    }
    # fork fails for a while: the master tries again soon, and doubles each pause. After the early death of a worker the
    # first pause is longer, and the current workers are still young.
    sleep 1;
    at_rest($server->pid);
    my $said = length $server->stderr;
    set_fault('fork', 2, 'EAGAIN', 'in the master', 3);
    $kill_one->();
    $back->('fork fails four times in the master');
    my @pauses;
    eventually { @pauses = substr($server->stderr, $said) =~ /can't start a worker: .*; trying again in (\d+) ms$/mg; @pauses >= 4 };
    is("@pauses", '50 100 200 400', 'fork fails in the master: the pauses double');
    is(end_fault(), 4, 'fork fails in the master: four attempts');
    $server->stop(lost => 1);
}
# No memory for what the workers share: reported at the start, and nothing ends a worker later (SIGBUS).
for my $n (1, 2, 37, 38, 39, 72) {
    set_fault('fallocate', $n, 'ENOSPC', 'in the master');
    my $server = start('-j', 1);
    $server->expect_stderr(qr/can't create shared memory/);
    is(end_fault(), 1, "shared memory, allocation $n fails");
    my $guard = $n > 37; # the counters have 34 slots, and parts of the master and two log writers
    is(run_script($server), '', "shared memory, allocation $n fails: the script");
    my $told = qr/^tinyhttpd: can't create shared memory: No space left on device; without it libmagic is not used/m;
    ok(eventually(sub { $server->stderr =~ $told }), "shared memory, allocation $n fails: libmagic is not used") if $guard;
    unlike($server->stderr, qr/shared memory/, "shared memory, allocation $n fails: nothing is counted") if !$guard;
    $server->stop;
}
# fork fails when a log writer was killed: the master tries again, and the pipe keeps the lines. At the end the lines that
# no log writer takes are counted.
{
    my $server = start('-j', 1);
    my ($first, $second) = log_writers_of($server->pid); # of standard output, of standard error
    my $kill = sub { my ($pid) = @_; kill 'KILL', $pid; return eventually { !-d "/proc/$pid" } };
    $server->expect_stderr(qr/which wrote the log, has ended; starting another$|can't start a process that writes the log: .*; trying again each second$/);
    set_fault('fork', 1, 'EAGAIN', 'in the master', 1_000_000);
    ok($kill->($first), 'a log writer is killed');
    ok(eventually(sub { $server->stderr =~ /can't start a process that writes the log/ }), 'fork fails for a log writer: told');
    run_script($server);
    is($server->log, '', 'fork fails for a log writer: the lines wait');
    end_fault();
    is(scalar($server->log_lines(scalar @script)) >= @script, 1, 'fork fails for a log writer no more: the lines arrive');
    my ($third) = grep { $_ != $second } log_writers_of($server->pid);
    set_fault('fork', 1, 'EAGAIN', 'in the master', 1_000_000);
    $kill->($third);
    at_rest($server->pid);
    my $written = $server->log_lines(0);
    $server->get('/old.txt') for 1 .. 7;
    $server->stop;
    end_fault();
    is(scalar($server->log_lines(0)), $written, 'no log writer at the end: no line is written');
    like($server->stderr, qr/^tinyhttpd: 7 lines of the access log were dropped: no process writes it$/m, 'no log writer at the end: the lines are counted');
}
# A reload whose new program lacks processes right after it has replaced the old one: the old worker serves until it has them.
# The calls of fork are the dry run, its rehearsal of the sandbox and two log writers, the new program's rehearsal and log
# writers, and the new worker.
for my $case (
    ['the rehearsal of the sandbox', 5, qr/can't start a process: [^\n]*; old workers serve meanwhile, trying again in 400 ms\n/],
        ['a log writer',                 7, qr/can't start a process that writes the log: [^\n]*; old workers serve meanwhile, trying again in 50 ms\n/],
    ['a worker',                     8, qr/can't start a worker: [^\n]*; trying again in 400 ms\n/],
) {
    my ($name, $countdown, $pattern) = @$case;
    my $server = start('-j', 1);
    $server->expect_stderr(qr/reloaded|trying again/);
    my ($old) = $server->workers;
    my $told = sub { my ($what) = @_; return eventually { $server->stderr =~ $what } };
    set_fault('fork', $countdown, 'EAGAIN', 'in the master', 1000);
    kill 'HUP', $server->pid;
    ok($told->($pattern), "reload without processes for $name: tries again") or diag($server->stderr);
    unlike($server->stderr, qr/reloaded/, "reload without processes for $name: not reloaded yet");
    is(run_script($server), '', "reload without processes for $name: the old worker serves");
    end_fault();
    ok($told->(qr/reloaded/), "reload without processes for $name: reloaded when there are some");
    ok(eventually(sub { my ($new) = $server->workers; $new && $new != $old && !-d "/proc/$old" }), "reload without processes for $name: the old worker ends");
    is(run_script($server), '', "reload without processes for $name: the new worker serves");
    $server->stop(lost => 1);
}
# The root is replaced while connections wait, some with half a head. `lost`: the error is that of a connection which
# broke, so one may be lost. `refused`: connections can't be handed over, or not answered, so each may get 503 or be closed.
# `calls`: how many calls fail, one after the other.
sub switch_root {
    my ($folder, $version) = @_;
    put_file("$folder/$version", 'index.html', "version $version");
    symlink $version, "$folder/link" or die $!;
    rename "$folder/link", "$folder/current" or die $!;
    return;
}
my $request = get_request('/');

# Three kept connections without a request, and three with the beginning of one
sub waiting_connections {
    my ($server) = @_;
    my @sockets = map { $server->connection } 1 .. 6;
    $server->exchange($request, socket => $_, count => 1) for @sockets;
    syswrite $_, substr $request, 0, 9 for @sockets[3 .. 5];
    return @sockets;
}

# What these connections get: bodies, statuses of errors, "closed", or "none"
sub got_on {
    my ($server, @sockets) = @_;
    my @got;
    for my $i (0 .. 5) {
        my $result = $server->exchange($i < 3 ? $request : substr($request, 9), socket => $sockets[$i], count => 1, lenient => 1, seconds => 20);
        my $answer = $result->{responses}[0];
        push @got, $answer ? $answer->{status} == 200 ? $answer->{body} : $answer->{status} : $result->{closed} ? 'closed' : 'none';
    }
    close $_ for grep { $_->opened } @sockets;
    return @got;
}

# Each with a server of its own, as the pauses before a worker is started again double.
for my $row (
    ['in the worker that hands over', 0, 'sendmsg', {}, qw(EAGAIN EINTR ENOBUFS ENOMEM ETOOMANYREFS)],
    ['in the worker that hands over', 0, 'sendmsg', { calls => 1, refused => 1 }, qw(EPIPE ECONNRESET EMSGSIZE)],
    ['in the worker that tells the master', 0, 'send', { calls => 1 }, qw(EAGAIN EINTR ENOBUFS EPIPE)],
    ['in the worker that takes over', 0, 'recvmsg', {}, qw(EAGAIN EINTR ENOBUFS ENOMEM)],
    ['in the worker that takes over', 0, 'getpeername', { lost => 1 }, qw(ENOTCONN ENOBUFS)],
    ['in the worker that starts or takes over', 0, 'fcntl', { lost => 1, calls => 6 }, qw(EMFILE)],
    ['in the worker that starts', 0, 'dup2', { calls => 4 }, qw(EMFILE)],
    ['in the worker that starts or takes over', 0, 'fstat', { refused => 1, calls => 8 }, qw(EIO)],
    ['in the worker that starts or takes over', 0, 'openat', { refused => 1, calls => 12 }, qw(EMFILE)],
    ['in the worker that starts or takes over', 0, 'epoll_ctl', { refused => 1, calls => 20 }, qw(ENOSPC)],
    ["of the root's name in a worker", 0, 'stat', { calls => 1, refused => 1 }, qw(EIO ESTALE ENOMEM ELOOP)],
    ["of the root's name in the master", 1, 'stat', { calls => 1 }, qw(EIO ESTALE ENOMEM EACCES)],
    ['of the one file in a worker', 0, 'fstatat', { one_file => 1, calls => 1, refused => 1 }, qw(EIO ESTALE ENOMEM ELOOP)],
    ['of the new root in the master', 1, 'open', { calls => 1 }, qw(EMFILE ENFILE ENOMEM EINTR EIO)],
    ['in the new root in the master', 1, 'openat', { calls => 1 }, qw(EMFILE ENOMEM EIO)],
    ['of the new root in the master', 1, 'fstat', { calls => 1 }, qw(EIO ENOMEM)],
    ['in the master', 1, 'fork', { calls => 4 }, qw(EAGAIN)],
    ['in the master', 1, 'socketpair', { calls => 2 }, qw(EMFILE ENFILE ENOMEM)],
) {
    my ($where, $in_master, $function, $may, @faults) = @$row;
    my ($folder, $wrong, $fired) = (new_root(), '', 0);
    switch_root($folder, my $version = 'v0');
    my $served = $may->{one_file} ? "$folder/current/index.html" : "$folder/current";
    my $server = Harness->start(bare => 1, args => [qw(-p 0 -b 127.0.0.1 -j 2 --no-list), $served], environment => \%environment);
    $server->expect_stderr(qr/; responses are 503 meanwhile$|' is there again|can't start(?: a (?:worker|process))?: |can't read '\/|exited with status|sandbox/);
    my $settle = sub { return eventually { my @workers = $server->workers; @workers == 2 } };
    my $count  = sub { return $settle->() && join ' ', map { descriptors(@$_) } [$server->pid], [$server->workers] };
    my $before = $count->();
    for my $fault (@faults) {
        for my $n (1 .. $may->{calls} // 3) {
            my @sockets = waiting_connections($server);
            $version = 'v' . (1 + substr $version, 1);
            set_fault($function, $n, $fault, $in_master ? 'in the master' : '');
            switch_root($folder, $version);
            my @got = got_on($server, @sockets);
            $fired += end_fault();
            my @odd = grep { $_ ne "version $version" } @got;
            @odd = grep { !/\A(?:500|503|closed)\z/ } @odd if $may->{refused};
            @odd = () if $may->{lost} && @odd == 1 && $odd[0] eq 'closed';
            $wrong ||= "$fault in call $n: @odd" if @odd;
            $wrong ||= "after $fault in call $n" if $server->get('/')->{body} ne "version $version";
            $settle->();
        }
    }
    is($wrong, '', "$function fails $where with @faults: each connection gets the new root");
    cmp_ok($fired, '>=', @faults, "$function fails $where: some calls failed");
    ok(eventually { $count->() eq $before }, "$function fails $where: no descriptor leaked") or diag("$before, now " . $count->());
    $server->stop(lost => 1);
}
# Faults of the master during a reload: in the running program, in the dry run or in the new program. It is reloaded or
# not, and no connection is lost.
{
    my $server = Harness->start(root => $root, args => ['-j', 2], environment => \%environment);
    put_file($root, 'index.html', 'the index');
    $server->expect_stderr(qr/reloaded|can't execute|can't make a socket|can't start a process|trying again/);
    for my $row (['socketpair', 7, 'EMFILE'], ['pipe2', 6, 'EMFILE'], ['dup2', 6, 'EMFILE']) {
        my ($function, $calls, @faults) = @$row;
        my ($wrong, $fired) = ('', 0);
        for my $fault (@faults) {
            for my $n (1 .. $calls) {
                my @sockets = waiting_connections($server);
                my $said = length $server->stderr;
                set_fault($function, $n, $fault, 'in the master');
                kill 'HUP', $server->pid;
                $wrong ||= "$fault in call $n: no line" if !eventually { substr($server->stderr, $said) =~ /reloaded/ };
                my @odd = grep { $_ ne 'the index' } got_on($server, @sockets);
                $wrong ||= "$fault in call $n: @odd" if @odd;
                $fired += end_fault();
            }
        }
        is($wrong, '', "$function fails in a reload with @faults: each connection is kept");
        cmp_ok($fired, '>=', @faults, "$function fails in a reload: some calls failed");
    }
    $server->stop(lost => 1);
    unlink "$root/index.html";
}
# A start without the sockets on which workers hand over, or the pipes of the log and of the rehearsal
for my $row (map { my $function = $_; map { [$function, $_] } 1 .. 3 } 'socketpair', 'pipe2') {
    my ($function, $n) = @$row;
    for my $error (qw(EMFILE ENFILE)) {
        set_fault($function, $n, $error, 'in the master');
        my $ended = run_program({ environment => \%environment }, '-r', $root, '-p', '0', '-b', '127.0.0.1');
        is("$ended->{status} " . end_fault(), '71 1', "$function $n fails with $error: exit status of the system");
        like($ended->{err}, qr/\Atinyhttpd: can't (?:make a socket|start a process[a-z ]*): [^\n]+; 'ulimit -a' shows the limits\n\z/, "$function $n fails with $error: one line");
    }
}
# A stop without the pipe of the process that closes the listening sockets
{
    my $server = start('-j', 1);
    set_fault('pipe2', 1, 'EMFILE', 'in the master');
    $server->stop;
    is(end_fault(), 1, 'pipe2 fails at the end: the server ends');
}
# SIGTERM while the new program still tries to start: the old worker finishes its response.
{
    put_file($root, 'large.bin', '') if !-e "$root/large.bin";
    truncate "$root/large.bin", 30_000_000 or die $!;
    my $server = start('-j', 1, '--drain', 3600);
    $server->expect_stderr(qr/trying again/);
    my $socket = $server->connection(receive => 32_768);
    syswrite $socket, get_request('/large.bin');
    sysread $socket, my $start, 1000 or die 'no answer';
    set_fault('fork', 5, 'EAGAIN', 'in the master', 1000);
    kill 'HUP', $server->pid;
    ok(eventually(sub { $server->stderr =~ /trying again in 200 ms/ }), 'a program that can\'t start: tries again');
    kill 'TERM', $server->pid;
    is(rest_of_download($socket, $start, 30_000_000), 30_000_000, 'SIGTERM while a program can\'t start: the response in flight is finished');
    $server->ended(stderr => $server->stderr);
    end_fault();
}
# A worker that waits for a file system which does not respond can't be killed, nor can the process that closes the
# listening sockets. The server ends without them.
{
    my $server = start('-j', 1);
    $server->expect_stderr(qr/2 processes do not end/);
    run_script($server);
    set_fault('waitpid', 1, 0, 'in the master', 1_000_000);
    kill 'TERM', $server->pid;
    ok(eventually(sub { $server->stderr =~ /2 processes do not end, waiting for a file system/ }), 'a worker that does not end: reported');
    $server->ended(seconds => 30, stderr => $server->stderr);
    end_fault();
}
# A dry run that waits for a file system: it does not keep the port. If it can't be killed, one line says so.
{
    my $server = start('-j', 1);
    $server->expect_stderr(qr/not reloaded/);
    my ($worker) = $server->workers;
    set_fault('stat', 1, 0, 'in the master', 1_000_000); # the new program is a master as well
    kill 'HUP', $server->pid;
    my ($dry_run) = grep { $_ != $worker } eventually { my @both = $server->workers; @both == 2 } ? $server->workers : ();
    eventually { (unpack CONTROL, slurp($control_path))[5] > 0 };
    my $sockets = sub { return grep { defined && /^socket:/ } map { readlink } glob "/proc/$_[0]/fd/*" };
    my %listening = map { $_ => 1 } $sockets->($server->pid);
    is_deeply([grep { $listening{$_} } $sockets->($dry_run)], [], 'a dry run that waits for a file system has no socket of the server');
    kill 'STOP', $dry_run;
    set_fault('kill', 1, 'EPERM', 'in the master', 1_000_000);
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: not reloaded: '.*' does not end, waiting for a file system; the running program stays$/m }), 'a dry run that does not end: reported') or diag($server->stderr);
    is($server->get('/old.txt')->{body}, 'an old file', 'a dry run that does not end: the server serves');
    end_fault();
    kill 'KILL', $dry_run;
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: not reloaded: '.*' could not start, signal 9 /m }), 'a dry run that ends at last: reported');
    $server->stop(lost => 1);
}
# The file system that holds the root's name does not respond: a process waits for it, the master does not.
SKIP: {
    skip 'only root can be another user', 7 if $> != 0;
    my $folder = new_root(); # which the workers can't search, so the master looks
    put_file($folder, 'hidden/site/index.html', 'index');
    chmod 0700, "$folder/hidden";
    my $server = Harness->start(root => "$folder/hidden/site", args => ['-j', '1'], environment => \%environment);
    $server->expect_stderr(qr/can't be looked up|is there again|was killed by signal 9/);
    my ($worker) = $server->workers;
    my $said = sub { return scalar(() = $server->stderr =~ /^tinyhttpd: root '.*' can't be looked up: a file system does not respond$/mg) };
    set_fault('stat', 1, 0, 0, 1_000_000);
    ok(eventually(sub { $said->() }), 'a root that does not respond: reported');
    # Each look is another process, which closes what it has inherited at first.
    my $open = '';
    eventually {
        my ($look) = grep { $_ != $worker } $server->workers or return 0;
        $open = join ' ', map { readlink // () } grep { !m{/[012]\z} } glob "/proc/$look/fd/*";
        $open eq "$folder/hidden/site";
    };
    is($open, "$folder/hidden/site", 'a root that does not respond: the process that looks has no socket');
    is($server->get('/')->{body}, 'index', 'a root that does not respond: the worker serves');
    kill 'KILL', $worker;
    ok(eventually(sub { $server->get('/')->{body} eq 'index' }), 'a root that does not respond: a worker is replaced');
    sleep 3;
    is($said->(), 1, 'a root that does not respond: reported once');
    end_fault();
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: root '.*' is there again$/m }), 'a root that responds again: reported');
    set_fault('stat', 1, 0, 0, 1_000_000);
    ok(eventually(sub { (unpack CONTROL, slurp($control_path))[5] > 0 }), 'a root that does not respond: SIGTERM ends the server');
    $server->stop(lost => 1);
    end_fault();
}
responses_framed();
done_testing();
