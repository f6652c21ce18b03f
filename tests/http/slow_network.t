# --slow: a rate that all connections share, and a delay. Times are only compared with what the rate promises: never faster.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use Test::More;
use Time::HiRes qw(time);

use constant LARGE => 30_000_000;
use constant { RATE => 51_200, DELAY => 0.2, TURN => 1024 };    # --slow=50k,200; a turn is 20 ms

my $root = new_root();
my $page = join '', map { chr(32 + $_ * 7 % 90) } 1 .. 30_000;
my $file = join '', map { chr($_ * 31 % 251) } 1 .. 140_000;    # sent by sendfile
my %body = ('/index.html' => 'page', '/page.txt' => $page, '/file.bin' => $file, '/six.txt' => substr $page, 0, 6500);
put_file($root, substr($_, 1), $body{$_}) for keys %body;
put_file($root, 'large.bin', '');
truncate "$root/large.bin", LARGE or die $!;
put_file($root, sprintf('list/%04d-a-name-that-makes-the-listing-long', $_), '') for 1 .. 200;

# Sends the requests, each on its own connection, and returns { target, socket, raw, end, ended }.
sub begin_all {
    my ($server, @targets) = @_;
    my @downloads = map { { target => $_, socket => $server->connection, raw => '' } } @targets;
    syswrite $_->{socket}, get_request($_->{target}, 'Connection: close') for @downloads;
    return @downloads;
}

# Reads all until `done` is true or all have ended.
sub read_all {
    my ($done, @downloads) = @_;
    my $limit = time + Harness::PATIENCE();
    while (time < $limit) {
        my %open   = map { fileno($_->{socket}) => $_ } grep { !$_->{ended} } @downloads;
        my $select = IO::Select->new(map { $_->{socket} } values %open);
        last if !%open;
        for my $socket ($select->can_read(1)) {
            my $one = $open{ fileno $socket };
            $one->{ended} = 1 if !sysread $socket, $one->{raw}, 1 << 16, length $one->{raw};
        }
        last if $done->(@downloads);
    }
    return;
}

sub body_of { return $_[0]{raw} =~ s/\A.*?\r\n\r\n//sr }
sub total { my $sum = 0; $sum += length $_->{raw} for @_; return $sum }
sub some_ended { return scalar grep { $_->{ended} } @_ }
sub never { return 0 }

# Takes 39 s: each gets 5,000 bytes in 30 s, less than a client must acknowledge if the server is not slow itself.
my $slowest = Harness->start(root => $root, args => ['--slow=1000']);
my $began_slowest = time;
my @slowest = begin_all($slowest, ('/six.txt') x 6);

my $server = Harness->start(root => $root, args => ['--slow=50k,200'], list => 1);
like($server->banner, qr{^tinyhttpd: slow network: 51 kB/s, 200 ms$}m, 'the banner names rate and delay');
my @workers = $server->workers;
is(scalar @workers, 1, 'there is one worker');

for my $target ('/page.txt', '/file.bin') {
    my $began = time;
    my ($one) = begin_all($server, $target);
    read_all(\&never, $one);
    my $seconds = time - $began;
    ok(body_of($one) eq $body{$target}, "$target: every byte, in order");
    cmp_ok($seconds, '>=', DELAY + total($one) / RATE, "$target: never faster than the rate");
}

{
    my ($began, $before, @six, @parts);
    # A client that lacks a CPU sees the end of the first late, when the others have got more: then again.
    for (1 .. 3) {
        read_all(\&never, @six);
        at_rest($server->pid);
        ($began, $before) = (time, cpu_seconds($server->pid));
        @six = begin_all($server, ('/page.txt', '/file.bin') x 3);
        read_all(\&some_ended, @six);
        @parts = sort { $a <=> $b } map { length $_->{raw} } @six;
        last if $parts[-1] - $parts[0] <= 4 * TURN;
    }
    cmp_ok($parts[-1] - $parts[0], '<=', 4 * TURN, 'six downloads: equal shares when the first ends') or diag("@parts");
    cmp_ok(time - $began, '>=', DELAY + total(@six) / RATE, 'six downloads: they share the rate');
    read_all(\&never, @six);
    my $seconds = time - $began;
    is(scalar(grep { body_of($_) ne $body{ $_->{target} } } @six), 0, 'six downloads: every byte, in order');
    cmp_ok($seconds, '>=', DELAY + total(@six) / RATE, 'six downloads: never faster than the rate');
    cmp_ok(cpu_seconds($server->pid) - $before, '<', $seconds / 4, 'six downloads: the server sleeps meanwhile');
}

{
    my $began = time;
    my @answers = $server->pipeline([get_request('/'), get_request('/page.txt'), get_request('/missing'), get_request('/')]);
    is(join(' ', map { $_->{status} } @answers), '200 200 404 200', 'pipelined requests: answers in order');
    ok($answers[1]{body} eq $page, 'pipelined requests: every byte');
    cmp_ok(time - $began, '>=', 4 * DELAY + length($page) / RATE, 'pipelined requests: a delay for each');
}

{
    my $began = time;
    my ($one) = begin_all($server, '/list/');
    read_all(\&never, $one);
    my $listing = Harness::parse_response(\$one->{raw}, 0, 'GET');
    is($listing->{status}, 200, 'a listing of several pieces is whole');
    my @entries = $listing->{body} =~ /-a-name-that-makes-the-listing-long"/g;
    is(scalar @entries, 200, 'it has all entries');
    cmp_ok(length $one->{raw}, '>', 25_600, 'it has more than a piece');
    cmp_ok(time - $began, '>=', DELAY + total($one) / RATE, 'a listing: never faster than the rate');
}
$server->stop;

# Nothing else is answered in the time of this test, so what is has not been delayed.
my $delayed = Harness->start(
    root => $root,
    args => ['--slow=1000,60000', '--watch', '--metrics', '/metrics', '--drain', '1'],
);
my ($waiting) = begin_all($delayed, '/');
is($delayed->get('/.well-known/tinyhttpd/health')->{status}, 200, 'a health check is not delayed');
like($delayed->get('/metrics')->{body}, qr/^tinyhttpd_requests_total/m, 'metrics are neither delayed nor slowed');
is($delayed->exchange(get_request('/page.txt', 'Tinyhttpd-Live: 1') =~ s/GET/HEAD/r, count => 1, methods => ['HEAD'])->{responses}[0]{status},
    200, "the live-reload script's questions are not delayed");
ok(!IO::Select->new($waiting->{socket})->can_read(0), 'a page is, meanwhile');
$delayed->stop(seconds => 8);
read_all(\&never, $waiting);
is($waiting->{raw}, '', '--drain ends a response that is still delayed');

# A full socket stops the network for its client only.
{
    my $fast = Harness->start(root => $root, args => ['--slow=100M']);
    my $client = $fast->connection(receive => 4096);
    syswrite $client, get_request('/large.bin');
    sysread $client, my $start, 1;
    is($fast->get('/page.txt')->{body}, $page, 'a client that does not read delays no other') for 1 .. 20;
    is(rest_of_download($client, $start, LARGE), LARGE, 'it gets all of its response when it reads');
    $fast->stop;
}

{
    my $run = run_program('--slow', '-j', '2', $root);
    like($run->{err}, qr/--slow needs a single worker.*leave out '--workers 2'/, '--slow with two workers is an error');
}

read_all(\&never, @slowest);
is(scalar(grep { body_of($_) ne $body{'/six.txt'} } @slowest), 0, 'clients of a server that is slow itself are not closed');
cmp_ok(time - $began_slowest, '>=', total(@slowest) / 1000, '--slow=1000: header bytes count, too');
{
    my $began  = time;
    my $result = $slowest->exchange(get_request('/six.txt') =~ s/GET/HEAD/r, count => 1, methods => ['HEAD']);
    cmp_ok(time - $began, '>=', length($result->{raw}) / 1000, 'HEAD: never faster than the rate');
}
$slowest->stop;
done_testing();
