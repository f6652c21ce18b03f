# --metrics: the page for Prometheus, with the sums over all workers. promtool(1) checks the format if it is installed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use Test::More;


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

# A worker counts after it has answered: waits until a sample has a value.
sub comes_to {
    my ($server, $name, $value, $about) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $is;
    eventually { $is = samples($server)->{$name} // 'none'; $is eq $value };
    is($is, $value, $about);
    return;
}

sub requests { my $class = shift; return "tinyhttpd_requests_total{class=\"$class\"}" }

my $server = Harness->start(root => $root, args => ['-j', '2', '--metrics', '/metrics']);

# ---- the answer ----
{
    my $answer = $server->get('/metrics');
    is($answer->{status}, 200, '/metrics is the metrics page, not the file of that name');
    is($answer->{field}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'the media type of the text format');
    is($answer->{field}{'cache-control'}, 'no-cache', 'Cache-Control: no-cache');
    like($answer->{body}, qr/\A# HELP .*\n\z/s, 'the text format');
    is($server->get('/metrics?name=x')->{field}{'content-type'}, $answer->{field}{'content-type'}, 'a query is ignored');
    my $head = $server->exchange("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1, methods => ['HEAD']);
    is($head->{responses}[0]{status}, 200, 'HEAD');
    my ($version) = run_program({}, '--version')->{out} =~ /(\S+)$/;
    is(samples($server)->{"tinyhttpd_build_info{version=\"$version\"}"}, 1, 'the version');
    SKIP: {
        skip 'promtool is not installed (Debian: apt-get install prometheus)', 2 if !have('promtool');
        my $folder = tempdir(CLEANUP => 1);
        put_file($folder, 'text', $server->get('/metrics')->{body});
        my $run = run_program({ command => ['sh', '-c', 'promtool check metrics <"$1"', 'sh', "$folder/text"] });
        is($run->{status}, 0, 'promtool check metrics: status 0');
        is($run->{out} . $run->{err}, '', 'promtool check metrics: no output');
    }
    is(samples($server)->{ requests('2xx') }, 0, 'requests for the metrics are not counted');
    is(samples($server)->{tinyhttpd_response_bytes_total}, 0, 'nor are the bytes of their responses');
    at_rest($server->pid);
    is($server->log, '', 'nor are they logged');
}

# ---- exact counts, over two workers ----
{
    my @kept = map { $server->connection } 1 .. 8; # both workers take some
    for my $socket (@kept) {
        $server->exchange(get_request('/') x 10, socket => $socket, count => 10);
        $server->exchange(get_request('/none'), socket => $socket, count => 1);
    }
    comes_to($server, requests('2xx'), 80, '8 connections with 10 files each: 80 responses of 2xx');
    comes_to($server, requests('4xx'), 8,  '8 connections with a missing file each: 8 responses of 4xx');
    comes_to($server, 'tinyhttpd_request_duration_seconds_count', 88, '88 requests: 88 durations');
    # The connection that asks for the metrics may count as well, and so may the one before it.
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 8, '8 connections are idle');
    ok(eventually { samples($server)->{'tinyhttpd_connections{state="open"}'} =~ /\A[89]\z/ }, '8 or 9 connections are open');
    my $sample = samples($server);
    is($sample->{'tinyhttpd_request_duration_seconds_bucket{le="+Inf"}'}, 88, 'the bucket +Inf has all requests');
    cmp_ok($sample->{tinyhttpd_request_duration_seconds_sum}, '>', 0, 'the sum of the durations is positive');
    close $_ for @kept;
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 0, 'after the connections are closed: none is idle');
}

# ---- bytes of bodies, of an aborted download as well, and a duration with a known minimum ----
{
    my $before = samples($server);
    my $body = length $server->get('/none')->{body};
    $server->exchange("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1, methods => ['HEAD']);
    $server->get('/', 'Range: bytes=0-2');
    comes_to($server, 'tinyhttpd_response_bytes_total', $before->{tinyhttpd_response_bytes_total} + $body + 3, 'the bytes of bodies');
    comes_to($server, requests('2xx'), 82, 'the responses to HEAD and Range are counted');

    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/large.bin');
    sysread $socket, my $buffer, 1000;
    select undef, undef, undef, 0.3;
    close $socket;
    comes_to($server, requests('2xx'), 83, 'an aborted download is counted');
    my $sample = samples($server);
    cmp_ok($sample->{tinyhttpd_response_bytes_total}, '<', 50_000_000, 'an aborted download: only the bytes that were sent');
    cmp_ok($sample->{tinyhttpd_request_duration_seconds_sum}, '>=', 0.3, 'an aborted download: its duration lasts until the client closes');
    my ($long, $all) = map { $sample->{"tinyhttpd_request_duration_seconds_bucket{le=\"$_\"}"} } '0.25', '+Inf';
    cmp_ok($long, '<', $all, 'an aborted download: in no bucket below its duration');
}

# ---- the store ----
{
    my $alone = Harness->start(root => $root, args => ['-j', '1', '--metrics', '/metrics']);
    $alone->dated('/'); # until then each request reads the file
    my $looks = sub { my $sample = samples($alone); return join ' ', map { $sample->{"tinyhttpd_cache_${_}_total"} } qw(hits misses) };
    my ($was, $is) = ('');
    eventually { ($was, $is) = ($is // '', $looks->()); $was eq $is }; # a worker counts at the end of each turn
    my ($hits, $misses) = split / /, $is;
    cmp_ok($misses, '>=', 1, 'the first request for a file is a miss');
    $alone->get('/') for 1 .. 5;
    my $now;
    eventually { ($now = $looks->()) eq $hits + 5 . " $misses" };
    is($now, $hits + 5 . " $misses", 'later requests are hits');
    put_file($root, 'index.html', '12345678');
    $alone->get('/');
    eventually { ($now = $looks->()) eq $hits + 5 . ' ' . ($misses + 1) };
    is($now, $hits + 5 . ' ' . ($misses + 1), 'a changed file is a miss');
    $alone->get('/none');
    $looks->();
    is($looks->(), $now, 'a missing file is neither a hit nor a miss');
    $alone->stop;
}

# ---- a worker that is killed ----
{
    $server->expect_stderr(qr/worker \d+ was killed by signal 9/);
    my $before = samples($server);
    my @kept   = map { $server->connection } 1 .. 8;
    $server->exchange(get_request('/'), socket => $_, count => 1) for @kept;
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 8, '8 connections are idle before the kill');
    comes_to($server, requests('2xx'), $before->{ requests('2xx') } + 8, '8 responses before the kill');
    my @workers = $server->workers;
    kill 'KILL', @workers;
    eventually { my @now = $server->workers; @now == 2 && !grep { my $pid = $_; grep { $_ == $pid } @now } @workers };
    comes_to($server, 'tinyhttpd_worker_restarts_total', 2, 'both workers are killed: two restarts');
    my $sample = samples($server);
    is($sample->{ requests('2xx') }, $before->{ requests('2xx') } + 8, 'the counts of killed workers stay');
    comes_to($server, 'tinyhttpd_connections{state="idle"}', 0, 'the connections of killed workers are not idle any more');
    ok(eventually { samples($server)->{'tinyhttpd_connections{state="open"}'} <= 1 }, 'the connections of killed workers are not open any more');
    $server->stop(lost => 1);
}

# ---- a hostile worker ----
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
        is(join(' ', values %written), '1 1 1 1 1 1', 'each worker can write its own counters and its record of magic_guard, no other can');
        is($openable // 0, 0, 'no worker can make its read-only mappings writable');
    }
    SKIP: {
        overwrite_shared_memory($workers[0]) or skip 'the memory of a worker can not be written', 2;
        my $answers = grep { ($shared->get('/metrics')->{status} || 0) == 200 } 1 .. 30;
        is($answers, 30, 'one worker of three has overwritten all the memory that it can: /metrics still answers');
        is(join(' ', $shared->workers), "@workers", 'one worker of three has overwritten all the memory that it can: no worker ends');
    }
    $shared->stop;
}

# ---- without ----
my $without = Harness->start(root => $root);
is($without->get('/metrics')->{body}, 'a file of this name', 'without --metrics: /metrics is the file');
$without->stop;

responses_framed();
done_testing();
