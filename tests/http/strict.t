# --strict: the exit status tells whether a page of this server has missed a part of its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


my $root = new_root();
put_file($root, 'index.html', '<!doctype html><title>page</title>');
put_file($root, 'app.js',     'let a = 1;');
put_file($root, 'app.mjs',    'let a = 1;');
put_file($root, 'style.css',  'p { color: red }');
put_file($root, 'text.txt',   'text');

# Serves these requests, then stops. Returns (exit status, lines of --strict, all lines). A request is a target and its
# fields.
sub session {
    my ($arguments, @requests) = @_;
    my $server = Harness->start(root => $root, args => ['-j', '2', '--strict', '--mime', 'css=Text/CSS', '--mime', 'mjs=Text/JavaScript', @$arguments]);
    $server->expect_stderr(qr/^tinyhttpd: in the browser: /);
    for my $request (@requests) {
        my ($target, @fields) = @$request;
        my $method = $target =~ s/^HEAD // ? 'HEAD' : 'GET';
        my $host = 'localhost:' . $server->port;
        s/HOST/$host/g for @fields;
        $server->exchange("$method $target HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n" . join('', map { "$_\r\n" } @fields) . "\r\n");
    }
    kill 'TERM', $server->pid;
    my $status = Harness::reap($server->pid);
    my $lines  = $server->stderr;
    return (defined $status ? $status >> 8 : 'none', [$lines =~ /^tinyhttpd: --strict: (.*)$/mg], $lines);
}

# What browsers send for a part of the page /page?q, by its destination.
sub part { my ($destination, $site) = @_; return ('Referer: http://HOST/page?q', 'Sec-Fetch-Dest: ' . $destination, 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Site: ' . ($site || 'same-origin')) }
my @page = ('Sec-Fetch-Dest: document', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Site: same-origin', 'Accept: text/html', 'Referer: http://HOST/');

for my $case (
    ['a whole page', ['/', @page], ['/app.js', part('script')], ['/app.mjs', part('script')], ['/style.css', part('style')], ['/text.txt', part('empty')]],
    ['a page that is missing: it may be the 404 page that is tested', ['/none', @page]],
    ['requests of no page', ['/none.js'], ['/none.js', 'Accept: */*'], ['/none.js', 'Referer: http://other.example/', 'Accept: */*']],
    ['a part of another site\'s page', ['/none.js', part('script', 'cross-site')], ['/none.js', part('script', 'same-site')]],
    ['what browsers ask for by themselves', ['/favicon.ico', part('image')], ['/.well-known/appspecific/com.chrome.devtools.json', part('empty')]],
    ['types in another case, which browsers take', ['/style.css', part('style')], ['/app.mjs', part('script')]],
    ['a file of any type as an image', ['/text.txt', part('image')]],
  ) {
    my ($name, @requests) = @$case;
    my ($status, $failures) = session([], @requests);
    is($status, 0, "$name: exit status 0");
    is_deeply($failures, [], "$name: nothing is named");
}

for my $case (
    ['a missing image',        '/page -> /none.png: 404 (1 time)',                                 ['/none.png', part('image')]],
    ['a missing frame',        '/page -> /none: 404 (1 time)',                                     ['/none', part('iframe')]],
    ['what a script fetches',  '/page -> /none.json: 404 (1 time)',                                ['/none.json?q', part('empty')]],
    ['a script of another type', '/page -> /text.txt: refused, its type is text/plain (1 time)',   ['/text.txt', part('script')]],
    ['a stylesheet of another type', '/page -> /app.js: refused, its type is text/javascript (1 time)', ['/app.js', part('style')]],
    ['a worker of another type', '/page -> /text.txt: refused, its type is text/plain (1 time)',   ['/text.txt', part('serviceworker')]],
    ['one part many times',    '/page -> /none.png: 404 (3 times)',                                (['/none.png', part('image')]) x 3],
    ['a page that hides its address', 'a page -> /none.png: 404 (1 time)',                         ['/none.png', grep { !/Referer/ } part('image')]],
    ['a browser without Fetch Metadata, as in a LAN', '/page -> /none.png: 404 (1 time)',          ['/none.png', 'Referer: http://HOST/page', 'Accept: image/*']],
    ['a name with control characters', '/page -> /none%1B[31m.png: 404 (1 time)',                  ['/none%1B[31m.png', part('image')]],
  ) {
    my ($name, $expected, @requests) = @$case;
    my ($status, $failures) = session([], @requests);
    is($status, 1, "$name: exit status 1");
    is_deeply($failures, [$expected], "$name: page and part are named");
}

{
    my @many = map { ["/none$_", part('image')] } 1 .. 200;
    my ($status, $failures) = session(['-j', '1'], @many);
    is($status, 1, '200 missing parts: exit status 1');
    is(scalar(@$failures), 65, '64 are named');
    is($failures->[-1], '136 more', 'and the rest is counted');
    my $long = '/' . 'x' x 3000;
    (undef, $failures) = session([], [$long, part('image')]);
    like($failures->[0], qr{\A/page -> /x{50,}: 404 \(1 time\)\z}, 'a long name is cut');
}

# Reports of the script of --watch.
my $script = 'HEAD /.well-known/tinyhttpd/live.js';
for my $case (
    ['an error',              ['Tinyhttpd-Live: Error%3A%20x%20%C3%A9', part('empty')],                 '/page: Error: x \xC3\xA9'],
    ['control characters',    ['Tinyhttpd-Live: %1B%5B31m%0Aforged', part('empty')],                    qr{/page: \\x1B\[31m\\x0Aforged}],
    ['a bad escape',          ['Tinyhttpd-Live: a%zz%', part('empty')],                                  '/page: azz'],
  ) {
    my ($name, $fields, $expected) = @$case;
    my ($status, $failures, $lines) = session(['--watch'], [$script, @$fields]);
    is($status, 1, "--watch, $name: exit status 1");
    like($lines, ref $expected ? qr/in the browser: $expected$/m : qr/in the browser: /, "--watch, $name: a line when it comes");
    is(scalar(@$failures), 1, "--watch, $name: and one at the end");
}
for my $case (
    ['a check of the script', ['--watch'], ['Tinyhttpd-Live: 1', part('empty')]],
    ['a report of another site', ['--watch', '--cors'], ['Tinyhttpd-Live: Error', part('empty', 'cross-site')]],
    ['a report without --watch', [], ['Tinyhttpd-Live: Error', part('empty')]],
  ) {
    my ($name, $arguments, $fields) = @$case;
    my ($status, $failures, $lines) = session($arguments, [$script, @$fields]);
    is($status, 0, "$name: exit status 0");
    unlike($lines, qr/in the browser/, "$name: no line");
}

# Without the option, and with a command.
{
    my $server = Harness->start(root => $root);
    $server->get('/none.png', map { s/HOST/localhost/r } part('image'));
    $server->stop;
    my $fetch = put_file(new_root(), 'fetch.pl', 'use IO::Socket::IP; my ($port) = $ENV{TINYHTTPD_URL} =~ /(\d+)$/; my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => $port) or die; '
          . 'print $s "GET /none HTTP/1.0\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: image\r\n\r\n"; 1 while <$s>; exit $ARGV[0];');
    is(run_program('-q', '-b', '127.0.0.1', '--strict', $root, '--', $^X, $fetch, $_->[0])->{status}, $_->[1], "a command that exits with $_->[0] and a missing part: $_->[1]") for [0, 1], [7, 7];
}

done_testing();
