# --header.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Errno ();
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "home\n");
put_file($root, 'large.bin', 'l' x 200_000);
mkdir "$root/dir";
my @old = map { "$root/$_" } 'index.html', 'large.bin';
utime 1_600_000_000, 1_600_000_000, @old;
sleep 4; # until all are settled (LIMIT_RACY_MS)

sub asked {
    my ($server, $bytes) = @_;
    my $result = $server->exchange($bytes, count => 1, lenient => 1);
    close $result->{socket} if $result->{socket}->opened;
    return $result->{responses}[0];
}
my %request = (
    'a page'            => [200, get_request('/')],
    'HEAD'              => [200, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    'a large file'      => [200, get_request('/large.bin')],
    'a range'           => [206, get_request('/', 'Range: bytes=0-1')],
    'ranges'            => [206, get_request('/', 'Range: bytes=0-0,3-4')],
    'to HTTP/1.0'       => [200, "GET / HTTP/1.0\r\n\r\n"],
    'not modified'      => [304, get_request('/', 'If-None-Match: *')],
    'a missing file'    => [404, get_request('/missing')],
    'a redirect'        => [302, get_request('/dir')],
    'a bad request'     => [400, "GET / HTTP/1.1\r\n\r\n"],
    'OPTIONS'           => [204, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    'a foreign host'    => [403, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"],
);
sub each_answer {
    my ($server, $about, $expected) = @_;
    for my $name (sort keys %request) {
        for my $round (1, 2) {
            my $response = asked($server, $request{$name}[1]);
            is($response->{status}, $request{$name}[0], "$about: $name: the status");
            my %got = map { my $field = lc; ($_ => join ' | ', map { $_->[1] } grep { lc $_->[0] eq $field } @{ $response->{fields} }) } keys %$expected;
            is_deeply(\%got, $expected, "$about: $name: the fields");
        }
    }
    return;
}

my $server = Harness->start(root => $root, args => ['-j', '1']);
each_answer($server, 'no option', { server => 'tinyhttpd', 'x-content-type-options' => 'nosniff', 'cross-origin-opener-policy' => '', 'cross-origin-embedder-policy' => '',
    'cross-origin-resource-policy' => 'same-site', 'access-control-allow-origin' => '', 'timing-allow-origin' => '' });
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--header=X-One: 1', '--header=Link: </a>; rel=preload', '--header=Link:   </b>; rel=preload  ',
    '--header=server: else', '--header=X-Content-Type-Options:', '--header=X-Empty:']);
each_answer($server, '--header', { 'x-one' => '1', link => '</a>; rel=preload | </b>; rel=preload', server => 'else', 'x-content-type-options' => '', 'x-empty' => '' });
$server->stop;

# The most that --header allows, in a cached head
my $response;
my @long = map { "--header=X-Long-$_: " . chr(97 + $_) x 480 } 0 .. 7;
$server = Harness->start(root => $root, args => ['-j', '1', '--cors=https://' . 'o' x 253 . ':12345', '--cache=auto', @long]);
for my $target ('/', '/large.bin') {
    for my $round (1 .. 3) {
        $response = $server->get($target);
        is(length $response->{body}, $target eq '/' ? 5 : 200_000, "4 KiB of fields: $target");
        is_deeply([map { $response->{field}{"x-long-$_"} } 0 .. 7], [map { chr(97 + $_) x 480 } 0 .. 7], '... each field is there');
    }
}
is($server->get('/' . '%20' x 2700 . '/../dir?' . 'q' x 50)->{status}, 302, '... in a redirect as well');
my @piped = $server->pipeline([map { get_request('/') } 1 .. 40]);
is(scalar(grep { $_->{body} eq "home\n" } @piped), 40, '... 40 pipelined responses');
responses_framed();
$server->stop;

# The two fields that isolate a page, errors included
$server = Harness->start(root => $root, args => ['-j', '1', '--header=Cross-Origin-Opener-Policy: same-origin', '--header=Cross-Origin-Embedder-Policy: require-corp']);
each_answer($server, 'isolation', { 'cross-origin-opener-policy' => 'same-origin', 'cross-origin-embedder-policy' => 'require-corp' });
$server->stop;

# ---- every field of the server ----

# --header replaces these...
my @replaced = qw(Server X-Content-Type-Options Access-Control-Allow-Origin Access-Control-Expose-Headers Timing-Allow-Origin
    Cross-Origin-Resource-Policy Content-Security-Policy Retry-After
    Access-Control-Allow-Methods Access-Control-Max-Age Access-Control-Allow-Headers);
# ... and is refused for these, with an alternative.
my %refused = (map({ $_ => qr/leave it out/ } qw(Content-Length Transfer-Encoding Connection Date ETag Last-Modified Accept-Ranges Allow Location Content-Range Vary)),
    'Content-Encoding' => qr/FILE\.gz/, 'Content-Type' => qr/--mime/);

# A file with an encoded sibling, 404.html, a listed directory, and a failing file system.
my $whole = new_root();
put_file($whole, $_, "something\n") for 'index.html', 'text.txt', 'text.txt.gz', '404.html', 'listed/file', 'fails.txt'; # the last is requested only once, so that it must be opened
my $control = put_file(new_root(), 'control', "\0" x 48);
chmod 0666, $control;
sub let_openat_fail {
    my ($times) = @_; # struct control of preload/faults.c
    open my $file, '+<:raw', $control or die $!;
    syswrite $file, pack 'Z24 l<6', $times ? 'openat' : '', 1, Errno::ENOMEM(), 0, 0, 0, $times;
    close $file;
    return;
}
my $preflight = "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a\r\n\r\n";
my @cases = (
    ['a page',               200, get_request('/')],
    ['an encoded file',      200, get_request('/text.txt', 'Accept-Encoding: gzip')],
    ['a range',              206, get_request('/text.txt', 'Range: bytes=0-1')],
    ['ranges',               206, get_request('/text.txt', 'Range: bytes=0-0,3-4')],
    ['not modified',         304, get_request('/', 'If-None-Match: *')],
    ['the root\'s own 404',  404, get_request('/missing')],
    ['a listing',            200, get_request('/listed/')],
    ['a listing in JSON',    200, get_request('/listed/', 'Accept: application/json')],
    ['a redirect',           302, get_request('/listed')],
    ['a bad request',        400, "GET / HTTP/1.1\r\n\r\n"],
    ['a foreign host',       403, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"],
    ['a method that is not allowed', 405, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"],
    ['no acceptable coding', 406, get_request('/text.txt', 'Accept-Encoding: *;q=0')],
    ['a failed precondition', 412, get_request('/', 'If-Match: "other"')],
    ['a range beyond the end', 416, get_request('/text.txt', 'Range: bytes=999-')],
    ['a failing disk',       503, get_request('/fails.txt')],
    ['OPTIONS',              204, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ['a preflight',          204, $preflight],
    ['the health check',     200, get_request('/.well-known/tinyhttpd/health')],
    ['the metrics',          200, get_request('/metrics')],
    ['the script of --watch', 200, get_request('/.well-known/tinyhttpd/live.js')],
);

# Calls the code with the fields of each response, by their lower-case names.
sub on_every_answer {
    my ($options, $code) = @_;
    my %environment = (preload('faults'), FAULTS => $control);
    my $all = Harness->start(root => $whole, list => 1, environment => \%environment,
        args => ['-j', '1', '--cors', '--metrics=/metrics', '--watch', @$options]);
    $all->expect_stderr(qr/--watch|can't read '\/fails\.txt': (?:Cannot allocate|Out of) memory/);
    for my $case (@cases) {
        my ($name, $status, $request) = @$case;
        let_openat_fail($status == 503 ? 1000 : 0);
        my $answer = asked($all, $request);
        is($answer->{status}, $status, "$name: the status");
        my %lines;
        push @{ $lines{ lc $_->[0] } }, $_->[1] for @{ $answer->{fields} };
        $code->($name, \%lines);
    }
    let_openat_fail(0);
    $all->stop;
    return;
}

{
    my %known = map { lc $_ => 1 } @replaced, keys %refused, 'Cache-Control';
    my %seen;
    on_every_answer([], sub {
        my ($name, $lines) = @_;
        $seen{$_}++ for keys %$lines;
        is(join(' ', grep { @{ $lines->{$_} } > 1 } sort keys %$lines), '', "$name: each field once");
    });
    is(join(' ', grep { !$known{$_} } sort keys %seen), '', '--header replaces each field of the server or is refused for it');
    is(join(' ', grep { !$seen{ lc $_ } } @replaced), '', 'each field that --header replaces was sent');
}
on_every_answer([map { "--header=$_: mine" } @replaced], sub {
    my ($name, $lines) = @_;
    my %expected = map { lc $_ => 'mine' } @replaced;
    is_deeply({ map { $_ => join ' | ', @{ $lines->{$_} || [] } } keys %expected }, \%expected, "$name: --header replaces each field of the server");
});
on_every_answer([map { "--header=$_:" } @replaced], sub {
    my ($name, $lines) = @_;
    is(join(' ', grep { $lines->{ lc $_ } } @replaced), '', "$name: --header without a value removes each field of the server");
});
on_every_answer(['--header=Cache-Control: mine'], sub {
    my ($name, $lines) = @_;
    is(scalar @{ $lines->{'cache-control'} || [] }, 1, "$name: one Cache-Control");
});
for my $name (sort keys %refused) {
    my $run = run_program("--header=$name: a", '-p', '0', '-b', '127.0.0.1', $whole);
    is($run->{status}, 64, "--header '$name: a' is refused");
    like($run->{err}, qr/\Atinyhttpd: --header '\Q$name\E: a': .*$refused{$name}.*\n\z/, '... in one line with the alternative');
}
done_testing();
