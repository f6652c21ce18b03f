# --metrics: what Prometheus reads, counted over all workers. promtool(1) judges the format where it is installed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use Test::More;

bound_seconds(120);

my $root = new_root();
put_file($root, 'index.html', '123456789');
put_file($root, 'metrics', 'a file of this name');
put_file($root, 'large.bin', '');
truncate "$root/large.bin", 50_000_000;

# The samples, by name and labels.
sub samples {
    my ($server) = @_;
    my %sample;
    for (split /\n/, $server->get('/metrics')->{body}) {
        next if /^#/;
        $sample{$1} = $2 if /\A(\S+) ([0-9.]+)\z/ or fail("a sample: $_");
    }
    return \%sample;
}

# A worker counts after the answer: waits until a sample has a value.
sub comes_to {
    my ($server, $name, $value, $about) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $is;
    eventually { $is = samples($server)->{$name} // 'none'; $is eq $value } 10;
    is($is, $value, $about);
    return;
}

sub requests { my $class = shift; return "tinyhttpd_requests_total{class=\"$class\"}" }

my $server = Harness->start(root => $root, args => ['-j', '2', '--metrics', '/metrics']);

# ---- the answer ----
{
    my $answer = $server->get('/metrics');
    is($answer->{status}, 200, 'answered before the file of that name');
    is($answer->{field}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'with its type');
    is($answer->{field}{'cache-control'}, 'no-cache', 'and kept by nobody');
    like($answer->{body}, qr/\A# HELP .*\n\z/s, 'text');
    is($server->get('/metrics?name=x')->{field}{'content-type'}, $answer->{field}{'content-type'}, 'parameters mean nothing');
    my $head = $server->exchange("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1, methods => ['HEAD']);
    is($head->{responses}[0]{status}, 200, 'HEAD');
    my ($version) = run_program({}, '--version')->{out} =~ /(\S+)$/;
    is(samples($server)->{"tinyhttpd_build_info{version=\"$version\"}"}, 1, 'the version');
    SKIP: {
        skip 'promtool is not installed (Debian: apt-get install prometheus)', 2 if !have('promtool');
        my $folder = tempdir(CLEANUP => 1);
        put_file($folder, 'text', $server->get('/metrics')->{body});
        my $run = run_program({ command => ['sh', '-c', 'promtool check metrics <"$1"', 'sh', "$folder/text"] });
        is($run->{status}, 0, 'promtool check metrics: right');
        is($run->{out} . $run->{err}, '', 'promtool check metrics: nothing to remark');
    }
    is(samples($server)->{ requests('2xx') }, 0, 'what asks for the counters is not counted');
    is(samples($server)->{tinyhttpd_response_bytes_total}, 0, 'nor are its bytes');
    is($server->log, '', 'nor is it logged');
}

# ---- exact counts, over two workers ----
{
    my @kept = map { $server->connection } 1 .. 8; # both workers take some
    for my $socket (@kept) {
        $server->exchange(get_request('/') x 10, socket => $socket, count => 10);
        $server->exchange(get_request('/none'), socket => $socket, count => 1);
    }
    comes_to($server, requests('2xx'), 80, '8 connections with 10 files each: 80 answers of 2xx');
    comes_to($server, requests('4xx'), 8,  'and 8 of 4xx');
    comes_to($server, 'tinyhttpd_request_duration_seconds_count', 88, 'each with its duration');
    # The one that asks may be one more, and so may the one that asked before it.
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 8, 'the connections are idle');
    ok(eventually { samples($server)->{'tinyhttpd_connections{state="open"}'} =~ /\A[89]\z/ }, 'and open');
    my $sample = samples($server);
    is($sample->{'tinyhttpd_request_duration_seconds_bucket{le="+Inf"}'}, 88, 'all are in the bucket without a bound');
    cmp_ok($sample->{tinyhttpd_request_duration_seconds_sum}, '>', 0, 'they took time');
    close $_ for @kept;
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 0, 'closed: none is idle');
}

# ---- octets of bodies, of one that is cut as well, and a duration that is known from outside ----
{
    my $before = samples($server);
    my $body = length $server->get('/none')->{body};
    $server->exchange("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1, methods => ['HEAD']);
    $server->get('/', 'Range: bytes=0-2');
    comes_to($server, 'tinyhttpd_response_bytes_total', $before->{tinyhttpd_response_bytes_total} + $body + 3, 'the bytes of bodies');
    comes_to($server, requests('2xx'), 82, 'and their answers');

    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin');
    sysread $socket, my $buffer, 1000;
    select undef, undef, undef, 0.3;
    close $socket;
    comes_to($server, requests('2xx'), 83, 'a download that is left counts');
    my $sample = samples($server);
    cmp_ok($sample->{tinyhttpd_response_bytes_total}, '<', 50_000_000, 'with what was sent');
    cmp_ok($sample->{tinyhttpd_request_duration_seconds_sum}, '>=', 0.3, 'and took as long as the client did');
    my ($long, $all) = map { $sample->{"tinyhttpd_request_duration_seconds_bucket{le=\"$_\"}"} } '0.25', '+Inf';
    cmp_ok($long, '<', $all, 'so it is in none of the buckets below');
}

# ---- the store ----
{
    my $alone = Harness->start(root => $root, args => ['-j', '1', '--metrics', '/metrics']);
    $alone->dated('/'); # before that it is read every time
    my $looks = sub { my $sample = samples($alone); return join ' ', map { $sample->{"tinyhttpd_cache_${_}_total"} } qw(hits misses) };
    my ($was, $is) = ('');
    eventually { ($was, $is) = ($is // '', $looks->()); $was eq $is }; # a look is told of when its turn is over
    my ($hits, $misses) = split / /, $is;
    cmp_ok($misses, '>=', 1, 'the first time a file is read');
    $alone->get('/') for 1 .. 5;
    my $now;
    eventually { ($now = $looks->()) eq $hits + 5 . " $misses" };
    is($now, $hits + 5 . " $misses", 'then it is found in memory');
    put_file($root, 'index.html', '12345678');
    $alone->get('/');
    eventually { ($now = $looks->()) eq $hits + 5 . ' ' . ($misses + 1) };
    is($now, $hits + 5 . ' ' . ($misses + 1), 'changed, it is read again');
    $alone->get('/none');
    $looks->();
    is($looks->(), $now, 'what is not there is neither');
    $alone->stop;
}

# ---- a worker that is killed ----
{
    $server->expect_stderr(qr/worker \d+ was ended by signal 9/);
    my $before = samples($server);
    my @kept   = map { $server->connection } 1 .. 8;
    $server->exchange(get_request('/'), socket => $_, count => 1) for @kept;
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 8, '8 connections');
    comes_to($server, requests('2xx'), $before->{ requests('2xx') } + 8, 'and 8 answers');
    my @workers = $server->workers;
    kill 'KILL', @workers;
    eventually { my @now = $server->workers; @now == 2 && !grep { my $pid = $_; grep { $_ == $pid } @now } @workers };
    comes_to($server, 'tinyhttpd_worker_restarts_total', 2, 'both workers are killed: two restarts');
    my $sample = samples($server);
    is($sample->{ requests('2xx') }, $before->{ requests('2xx') } + 8, 'what they counted stays');
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 0, 'their connections are gone');
    ok(eventually { samples($server)->{'tinyhttpd_connections{state="open"}'} <= 1 }, 'all of them');
    $server->stop(lost => 1);
}

# ---- a worker that was taken over ----
{
    my $shared = Harness->start(root => $root, args => ['--metrics', '/metrics', '-j', '3']);
    $shared->get('/') for 1 .. 10;
    my @workers = $shared->workers;
    my (%written, $openable);
    for my $worker (@workers) {
        my $mapping = '';
        for my $line (split /^/, slurp("/proc/$worker/smaps")) {
            $mapping = "$1 $2" if $line =~ /\A[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ (\d+)/;
            next if $mapping !~ /\A...s/ || $line !~ /\AVmFlags:(.*)/;
            my $flags = $1;
            $mapping =~ /\A.w/ ? $written{$mapping}++ : $flags =~ / mw / && $openable++;
        }
    }
    SKIP: {
        skip 'the mappings of a worker can not be read', 2 if slurp("/proc/$workers[0]/smaps") !~ /VmFlags/;
        is(join(' ', values %written), '1 1 1 1 1 1', 'each worker can write its counters and what it examines, and no other can');
        is($openable // 0, 0, 'nor make what it reads writable');
    }
    SKIP: {
        overwrite_shared_memory($workers[0]) or skip 'the memory of a worker can not be written', 2;
        my $answers = grep { ($shared->get('/metrics')->{status} || 0) == 200 } 1 .. 30;
        is($answers, 30, 'one worker of three has overwritten all that it can: each question is answered');
        is(join(' ', $shared->workers), "@workers", 'and no worker ended by it');
    }
    $shared->stop;
}

# ---- without ----
my $without = Harness->start(root => $root);
is($without->get('/metrics')->{body}, 'a file of this name', 'without --metrics there is the file');
$without->stop;

responses_framed();
done_testing();
