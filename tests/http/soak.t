# Random and mutated requests, clients that leave at any moment, files that change while they are sent, workers that are
# killed or stopped, and shortages: the server still serves, its responses are right, and neither descriptors nor memory
# leak.
#
# `make soak` sends 100,000 requests. SOAK_REQUESTS and SOAK_SEED choose others; each run prints its seed. SOAK_PLOT
# names a file for a picture of the memory, the descriptors and the latency of its first part, in which one server gets
# more than half of the requests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";
use Errno qw(EAGAIN EINTR);
use Harness;
use Plot;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(time sleep);

my $requests = $ENV{SOAK_REQUESTS} || 5000;
my $seed     = $ENV{SOAK_SEED} // 1;
bound_seconds(7000 + $requests / 50);
srand $seed;
diag("$requests requests, seed $seed") if $ENV{SOAK_REQUESTS};

# ---- the site ----

my $root = new_root();
my %steady = (
    'index.html' => '<p>index',
    'empty'      => '',
    'small.txt'  => "small\n" x 100,
    'dir/index.html' => '<p>in a directory',
    'guess'      => "\x80\x81" . noise(500, 'guess'),
    'large.bin'  => noise(400_000, 'large'),
);
put_file($root, $_, $steady{$_}) for keys %steady;

# Files that alternate between two contents.
my %volatile = map { ("v$_" => [noise($_ % 2 ? 900 : 350_000, "a$_"), noise($_ % 2 ? 900 : 350_000, "b$_")]) } 1 .. 4;
put_file($root, $_, $volatile{$_}[0]) for keys %volatile;

sub pick { return $_[rand @_] }

# Replaces a file atomically.
sub replace {
    my ($name) = @_;
    put_file($root, "$name.new", $volatile{$name}[rand 2]);
    rename "$root/$name.new", "$root/$name" or die $!;
    return;
}

my @file_events = (
    sub { replace($_[0]) },
    sub { truncate "$root/$_[0]", int rand 1 + (-s "$root/$_[0]" // 0) },
    sub { unlink "$root/$_[0]" },
    sub { chmod 0, "$root/$_[0]" },
);

sub disturb_files {
    pick(@file_events)->($_) for pick(keys %volatile);
    replace($_) for pick(keys %volatile);
    return;
}

# ---- requests ----

my @fields = ('Accept-Encoding: gzip, br', 'Accept: text/html', "User-Agent: \x{e9}\"\\", 'If-None-Match: "x"',
    'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'Cookie: ' . 'c' x 600, 'X-Empty:', 'Connection: keep-alive');

# { bytes, file or none, method, range }: a request with a known response.
sub known_request {
    my $file   = pick(keys %steady, keys %volatile);
    my $method = rand() < 0.15 ? 'HEAD' : 'GET';
    my $target = '/' . ($file =~ s{index\.html\z}{}r);
    my $range  = rand() < 0.2 && $method eq 'GET' && length($steady{$file} // '') > 100 ? [map { int rand 50 } 1, 2] : undef;
    my @lines  = map { pick(@fields) } 1 .. rand 4;
    push @lines, sprintf 'Range: bytes=%d-%d', $range->[0], $range->[0] + $range->[1] if $range;
    my $body = rand() < 0.05 ? 'b' x rand 3000 : '';
    push @lines, 'Content-Length: ' . length $body if length $body;
    my %seen;
    @lines = grep { !$seen{ (split /:/)[0] }++ } @lines;
    return {
        bytes => "$method $target HTTP/1.1\r\nHost: localhost\r\n" . join('', map { "$_\r\n" } @lines) . "\r\n$body",
        file => $file, method => $method, range => $range, body => length $body,
    };
}

# The inputs written by hand, not those that fuzzing found, which are named by their hash: their requests are for what no
# check here knows, such as an explanation (Tinyhttpd-Explain).
my @corpus = map { slurp($_) } grep { !m{/[0-9a-f]{40}\z} } sort map { glob "$FindBin::Bin/../fuzz/$_/*" }
    qw(corpus/request corpus/connection corpus/target corpus/range regressions/request regressions/connection);
my @pieces = ("\r\n", "\n", "\r", ' ', "\0", ':', '%', '/', '..', "\x80", 'Content-Length: 5', 'Transfer-Encoding: chunked',
    'HTTP/1.0', 'GET /', '-1', '99999999999999999999', "\r\n\r\n", "Range: bytes=0-0,-1\r\n", "\t", 'x' x 9000);

sub mutated_request {
    my $bytes = rand() < 0.5 ? pick(@corpus) : known_request()->{bytes};
    $bytes =~ s/\A[^\n]*\n// if rand() < 0.5; # the fuzz targets' own first line
    for (0 .. rand 5) {
        my $at = int rand(1 + length $bytes);
        my $how = rand;
        if    ($how < 0.35) { substr $bytes, $at, 0, pick(@pieces) }
        elsif ($how < 0.6)  { substr $bytes, $at, 1 + rand 10, '' }
        elsif ($how < 0.85) { substr $bytes, $at, 1, chr rand 256 if $at < length $bytes }
        else                { substr $bytes, $at, 0, substr $bytes, 0, rand 200 }
    }
    return { bytes => $bytes };
}

# ---- checks of responses ----

my (@wrong, %count);
my $cuts_allowed; # true if a response may be missing: workers are killed, or descriptors are short

sub wrong { my ($request, $what) = @_; push @wrong, told($request->{bytes}) . ": $what" if @wrong < 20; return }

# True if a body is the beginning of a file that is truncated at times. sendfile(2) gives the socket the file's own
# pages, not copies: if the file is truncated while a page is in flight, the kernel fills the rest of the page with NUL.
sub is_of {
    my ($body, $content) = @_;
    my $size = length $body;
    return 0 if $size > length $content;
    my $differs = $body ^ substr $content, 0, $size;
    return $differs !~ /[^\0]/ if length $content < 131_072;
    while ($differs =~ /[^\0]+/g) {
        return 0 if substr($body, $-[0], $+[0] - $-[0]) =~ /[^\0]/;
    }
    return 1;
}

# Checks the response to a known request.
sub judge {
    my ($request, $response) = @_;
    my $status = $response->{status};
    return wrong($request, "broken: @{ $response->{problems} }") if @{ $response->{problems} };
    return if $cuts_allowed && $status == 503;
    my $steady = $steady{ $request->{file} };
    if (!defined $steady) {
        return if $status =~ /^(?:404|500|503)$/;
        return wrong($request, "status $status") if $status != 200;
        return if $request->{method} eq 'HEAD';
        return if grep { is_of($response->{body}, $_) } @{ $volatile{ $request->{file} } };
        return wrong($request, 'no content that the file ever had');
    }
    my $expected = $request->{range} ? substr $steady, $request->{range}[0], $request->{range}[1] + 1 : $steady;
    return wrong($request, "status $status") if $status != ($request->{range} ? 206 : 200);
    return wrong($request, 'a wrong body') if $request->{method} ne 'HEAD' && $response->{body} ne $expected;
    return wrong($request, 'a wrong length') if $response->{field}{'content-length'} != length $expected;
    return;
}

# Checks the responses to a mutated request: each is well-formed, and a whole file is an existing one.
sub judge_unknown {
    my ($request, $response) = @_;
    return wrong($request, "broken: @{ $response->{problems} }") if @{ $response->{problems} };
    return if $response->{status} != 200 || $request->{bytes} =~ /HEAD|OPTIONS/;
    return if $response->{body} eq '' || grep { $response->{body} eq $_ } values %steady;
    return if grep { is_of($response->{body}, $_) } map { @$_ } values %volatile;
    return wrong($request, 'a body that is no file\'s');
}

# ---- clients: some requests on a connection, then a way to leave ----

# stay: reads all responses; half: closes its sending side first; the others leave in the middle of the named part.
sub new_client {
    my ($server) = @_;
    my @known   = map { known_request() } 1 .. 1 + rand 4;
    my $unknown = rand() < 0.55 ? mutated_request() : undef;
    my $bytes  = join '', map { $_->{bytes} } @known, $unknown || ();
    my $leave   = rand() < 0.6 ? ($unknown ? 'half' : pick('stay', 'half')) : pick('head', 'sent', 'answer');
    $bytes = substr $bytes, 0, rand length $bytes if $leave eq 'head';
    $count{requests} += @known + !!$unknown;
    $count{$leave}++;
    my $socket = connect_to('127.0.0.1', $server->port) or die "no connection: $!";
    $socket->blocking(0);
    return {
        socket => $socket, bytes => $bytes, sent => 0, raw => '', at => 0, known => \@known, unknown => $unknown,
        leave => $leave, reset => rand() < 0.5, answers => 0, deadline => time + Harness::PATIENCE(), enough => 1 + rand 200_000,
    };
}

sub leave {
    my ($client) = @_;
    setsockopt $client->{socket}, SOL_SOCKET, SO_LINGER, pack 'i2', 1, 0 if $client->{reset} && $client->{leave} !~ /stay|half/;
    close $client->{socket};
    return $client->{over} = 1;
}

sub send_some {
    my ($client) = @_;
    my $size = rand() < 0.2 ? 1 + rand 20 : 65_536;
    my $sent = syswrite $client->{socket}, $client->{bytes}, $size, $client->{sent};
    return if !defined $sent && ($! == EAGAIN || $! == EINTR);
    $client->{sent} += $sent // 0;
    my $done = !defined $sent || $client->{sent} >= length $client->{bytes};
    return if !$done;
    $client->{all_sent} = 1;
    return leave($client) if $client->{leave} =~ /head|sent/;
    shutdown $client->{socket}, 1 if $client->{leave} eq 'half';
    return;
}

sub read_answers {
    my ($client) = @_;
    while (1) {
        my $known   = $client->{known}[ $client->{answers} ];
        my $request = $known || $client->{unknown} || { bytes => '' };
        my $method  = $known ? $known->{method} : $request->{bytes} =~ /\A(?:\r?\n)*HEAD / ? 'HEAD' : 'GET';
        # A mutated request may have any number of responses.
        last if !$known && $client->{answers} > @{ $client->{known} };
        my $response = Harness::parse_response(\$client->{raw}, $client->{at}, $method) or last;
        $client->{at} = $response->{end};
        $client->{answers}++;
        $count{answers}++;
        $known ? judge($known, $response) : judge_unknown($request, $response);
    }
    return;
}

sub receive_some {
    my ($client) = @_;
    my $got = sysread $client->{socket}, $client->{raw}, 65_536, length $client->{raw};
    return if !defined $got && ($! == EAGAIN || $! == EINTR);
    read_answers($client);
    my $known = @{ $client->{known} };
    return leave($client) if $client->{leave} eq 'answer' && length $client->{raw} >= $client->{enough};
    return leave($client) if $got && $client->{leave} =~ /stay|answer/ && $client->{answers} >= $known;
    return if $got;
    # At the end no response may be missing, but a file that shrank ends its connection in the middle of one.
    my $changing = grep { !defined $steady{ $_->{file} } } grep { defined } @{ $client->{known} }[0 .. $client->{answers}];
    $count{cut}++, wrong($client, "only $client->{answers} of $known answers")
        if $client->{answers} < $known && $client->{leave} =~ /stay|half/ && !$changing && !$cuts_allowed;
    return leave($client);
}

sub step_clients {
    my ($clients) = @_;
    my ($reading, $writing) = ('', '');
    for my $client (@$clients) {
        vec($reading, fileno $client->{socket}, 1) = 1;
        vec($writing, fileno $client->{socket}, 1) = 1 if !$client->{all_sent};
    }
    select $reading, $writing, undef, 0.5;
    for my $client (@$clients) {
        my $fd = fileno $client->{socket};
        send_some($client)    if vec $writing, $fd, 1;
        receive_some($client) if !$client->{over} && vec $reading, $fd, 1;
        next if $client->{over} || time < $client->{deadline};
        wrong($client, "no end in time ($client->{leave}, $client->{answers} answers)");
        leave($client);
    }
    @$clients = grep { !$_->{over} } @$clients;
    return;
}

# Sends this many requests from this many clients at a time; calls `disturb` from time to time, and `calm` before the
# last ones.
sub soak {
    my ($server, $how_many, $at_once, $disturb, $calm) = @_;
    my @clients;
    my $end = ($count{requests} // 0) + $how_many;
    my $started = 0;
    while ($count{requests} < $end || @clients) {
        while (@clients < $at_once && $count{requests} < $end) {
            push @clients, new_client($server);
            $disturb->() if $disturb && ++$started % 16 == 0;
        }
        $calm->() if $calm && $count{requests} >= $end;
        step_clients(\@clients);
    }
    return;
}

sub all_right {
    my ($what) = @_;
    is(join("\n", splice @wrong), '', "$what: every response is right, none is missing");
    return;
}

sub serves {
    my ($server, $what) = @_;
    is($server->get('/')->{body}, $steady{'index.html'}, "$what: serves");
    return;
}

# ---- measurements, for the plot ----

use constant { POINTS => 100, PROBES => 40 };

my %measured; # panel => {line => [[requests in thousands, value], ...]}
my $next_point = 0;

# Measures a hundred times while $how_many requests are sent. The clients wait meanwhile, so the latency is the
# server's.
sub measure {
    my ($server, $how_many) = @_;
    return if !$ENV{SOAK_PLOT} || $count{requests} < $next_point;
    $next_point = $count{requests} + $how_many / POINTS;
    my @processes = ([master => $server->pid], map { ["worker $_->[0]" => $_->[1]] } numbered($server->workers));
    note_point('memory, MiB', $_->[0], resident_bytes_of($_->[1]) / 2**20) for @processes;
    note_point('descriptors', $_->[0], descriptors_of($_->[1])) for @processes;
    my @seconds = sort { $a <=> $b } map { seconds_of_response($server) } 1 .. PROBES;
    note_point('latency, ms', 'median', 1000 * $seconds[PROBES / 2]);
    note_point('latency, ms', '90 %', 1000 * $seconds[PROBES * 0.9]);
    return;
}

sub numbered { my $number = 0; return map { [++$number, $_] } @_ }

sub note_point {
    my ($panel, $line, $value) = @_;
    push @{ $measured{$panel}{$line} }, [$count{requests} / 1000, $value];
    return;
}

sub seconds_of_response {
    my ($server) = @_;
    my $began = time;
    $server->get('/small.txt');
    return time - $began;
}

sub draw {
    my @panels = map { { title => "$_; thousands of requests", lines => $measured{$_} } } sort keys %measured;
    plot($ENV{SOAK_PLOT}, "$requests requests", \@panels, ['worker 1', 'worker 2', 'master', 'median', '90 %'], linear => 1);
    return;
}

# Descriptors of each worker.
sub descriptors { return join ' ', map { descriptors_of($_) } $_[0]->workers }
sub descriptors_of { return scalar(my @fds = glob "/proc/$_[0]/fd/*") }
sub descriptors_are { my ($server, $expected) = @_; eventually { descriptors($server) eq $expected }; return descriptors($server) }

$count{requests} = 0;

# ---- clients and files ----
{
    my $server = Harness->start(root => $root, args => ['-j', 2]);
    $server->expect_stderr(qr/access log/);
    $server->expect_stderr(qr/can't read '.*': (?:Device or r|R)esource busy$/m);
    my $before = descriptors($server); # before the first request for a large file
    soak($server, $requests * 0.05, 32); # warms up, so that memory has its final size
    replace($_) for keys %volatile;
    my $memory = resident_bytes($server->pid);
    soak($server, $requests * 0.55, 32, sub { measure($server, $requests * 0.55); disturb_files() });
    draw() if $ENV{SOAK_PLOT};
    all_right('requests and aborts while files change');
    # Each worker may keep each large file open.
    my $large = grep { length > 131_072 } values %steady, map { @$_[0] } values %volatile;
    my ($base) = split ' ', $before;
    my $bounded = sub { !grep { $_ > $base + $large } split ' ', descriptors($server) };
    ok((eventually { $bounded->() }), 'no more descriptors than at the beginning and one for each large file: ' . descriptors($server) . " from $before");
    cmp_ok(resident_bytes($server->pid) - $memory, '<', 8_000_000, 'no more memory') if !is_sanitized();
    serves($server, 'after it');
    $server->stop;
}

# ---- workers ----
{
    my $server = Harness->start(root => $root, args => ['-j', 6]);
    $server->expect_stderr(qr/worker|access log/);
    $server->expect_stderr(qr/can't read '.*': (?:Device or r|R)esource busy$/m);
    $cuts_allowed = 1;
    my ($kills, @stopped) = (0);
    my %since = map { $_ => 0 } $server->workers;
    soak($server, $requests * 0.2, 32, sub {
        kill 'CONT', splice @stopped;
        my @workers = $server->workers or return;
        $since{$_} //= time for @workers;
        my @old = grep { time - $since{$_} > 1.2 } @workers; # the master waits longer after the early death of a worker
        if (@old && rand() < 0.5) {
            kill 'KILL', pick(@old);
            $kills++;
        }
        elsif (rand() < 0.3) {
            kill 'STOP', @stopped = pick(@workers);
        }
    }, sub { kill 'CONT', splice @stopped });
    kill 'CONT', @stopped;
    kill 'KILL', ($server->workers)[0];
    all_right('workers killed (' . ($kills + 1) . ') and stopped');
    ok((eventually { my @workers = $server->workers; @workers == 6 }), 'workers killed: all are replaced');
    $cuts_allowed = 0;
    soak($server, $requests * 0.02, 16);
    all_right('after workers were killed');
    $server->stop(lost => 1);
}

# ---- shortages ----
my $tmpfs = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=16k none /mnt && exec "$@" >/mnt/log', 'sh'];
my $requests_left_out = 0;
my $can_mount = system(@{$tmpfs}[0 .. 4], 'sh', 'true') == 0;
my $full;
open $full, '>', '/dev/full' if -c '/dev/full';
for my $case (
    ['32 descriptors',              1, as => ['sh', '-c', 'ulimit -n 32 && exec "$@"', 'sh']],
    ['standard output closed',      0, as => ['sh', '-c', 'exec "$@" >&-', 'sh']],
    ['log on a full device',        0, stdout => $full],
    ['log on a file system that fills up', 0, as => $tmpfs],
) {
    my ($name, $cuts, %how) = @$case;
    SKIP: {
        if (exists $how{stdout} && !$full or ($how{as} // '') eq $tmpfs && !$can_mount) {
            $requests_left_out += $requests * 0.045;
            skip "$name: can't be had here", 1;
        }
        my $server = Harness->start(root => $root, args => ['-j', 1], %how);
        $server->expect_stderr(qr/access log|standard output/);
        $server->expect_stderr(qr/can't read '.*': (?:Too many open files|No file descriptors available|(?:Device or r|R)esource busy)$/m);
        my $before = descriptors($server);
        $cuts_allowed = $cuts;
        my $answered = $count{answers};
        soak($server, $requests * 0.045, 48, \&disturb_files);
        all_right($name);
        cmp_ok($count{answers} - $answered, '>', $requests * 0.045 / 20, "$name: requests are answered");
        serves($server, $name);
        $server->stop;
    }
}

cmp_ok($count{requests}, '>=', $requests - $requests_left_out, 'all requests were sent');
cmp_ok($count{answers}, '>', $requests / 5, 'more than a fifth were answered');
diag(join ', ', map { "$_ $count{$_}" } sort keys %count) if $ENV{SOAK_REQUESTS};
responses_framed();
done_testing();
