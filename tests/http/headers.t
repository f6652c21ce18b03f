# Fields of one's own: --header, --isolate.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "home\n");
put_file($root, 'large.bin', 'l' x 200_000);
mkdir "$root/dir";
my @old = map { "$root/$_" } 'index.html', 'large.bin';
utime 1_600_000_000, 1_600_000_000, @old;
sleep 4;

sub asked {
    my ($server, $octets) = @_;
    my $result = $server->exchange($octets, count => 1, lenient => 1);
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
    'what is missing'   => [404, get_request('/missing')],
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
    'cross-origin-resource-policy' => '', 'access-control-allow-origin' => '', 'timing-allow-origin' => '' });
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--header=X-One: 1', '--header=Link: </a>; rel=preload', '--header=Link:   </b>; rel=preload  ',
    '--header=server: else', '--header=X-Content-Type-Options:', '--header=X-Empty:']);
each_answer($server, '--header', { 'x-one' => '1', link => '</a>; rel=preload | </b>; rel=preload', server => 'else', 'x-content-type-options' => '', 'x-empty' => '' });
$server->stop;

# As much as may be said, in a head that is kept before the bytes
my $response;
my @long = map { "--header=X-Long-$_: " . chr(97 + $_) x 480 } 0 .. 7;
$server = Harness->start(root => $root, args => ['-j', '1', '--cors=https://' . 'o' x 253 . ':12345', '--isolate', '--cache=auto', @long]);
for my $target ('/', '/large.bin') {
    for my $round (1 .. 3) {
        $response = $server->get($target);
        is(length $response->{body}, $target eq '/' ? 5 : 200_000, "4 KiB of fields: $target");
        is_deeply([map { $response->{field}{"x-long-$_"} } 0 .. 7], [map { chr(97 + $_) x 480 } 0 .. 7], '... and all of them');
    }
}
is($server->get('/' . '%20' x 2700 . '/../dir?' . 'q' x 50)->{status}, 302, '... in a redirect as well');
my @piped = $server->pipeline([map { get_request('/') } 1 .. 40]);
is(scalar(grep { $_->{body} eq "home\n" } @piped), 40, '... and in a pipeline');
responses_framed();
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--isolate']);
each_answer($server, '--isolate', { 'cross-origin-opener-policy' => 'same-origin', 'cross-origin-embedder-policy' => 'require-corp', 'cross-origin-resource-policy' => 'same-origin' });
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--isolate', '--header=Cross-Origin-Embedder-Policy: credentialless']);
each_answer($server, '--isolate and --header', { 'cross-origin-opener-policy' => 'same-origin', 'cross-origin-embedder-policy' => 'credentialless' });
$server->stop;
done_testing();
