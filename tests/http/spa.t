# --spa, and clean URLs: /about is about.html.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(make_path);
use Fresh;
use Harness;
use Test::More;

use constant PAGE => 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

use constant VARY => 'Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With';

my $root = new_root();
put_file($root, 'index.html', "app\n");
put_file($root, 'other.html', "other app\n");
put_file($root, 'about.html', "about\n");
put_file($root, 'assets/app.js', '1;');
put_file($root, 'both.html', "both: the page\n");
put_file($root, 'both/part.html', "part\n");
put_file($root, 'full.html', "full: the page\n");
put_file($root, 'full/index.html', "full: the index\n");
put_file($root, 'logo.png.html', "no logo\n");
put_file($root, 'v1.2.html', "version\n");
put_file($root, '.secret.html', "secret\n");
put_file($root, 'plain', "plain\n");
put_file($root, 'plain.html', "not plain\n");
make_path("$root/folder.html", "$root/empty");

sub told_of { my ($response) = @_; return $response->{status} =~ /\A2/ ? $response->{body} : $response->{status} . ($response->{field}{location} ? " $response->{field}{location}" : '') }

my $server = Harness->start(root => $root, args => ['-j', '1']);
my @clean = (
    ['/about', "about\n", 'a page without its extension'],
    ['/about.html', "about\n", 'a page with its extension'],
    ['/about?x=1', "about\n", 'with a query'],
    ['/about/', 404, 'a slash names a directory'],
    ['/about/x', 404, 'nothing is beneath a page'],
    ['/plain', "plain\n", 'a file of this exact name comes first'],
    ['/both', "both: the page\n", 'a page beside a directory without an index'],
    ['/both/part', "part\n", 'a page in that directory'],
    ['/full', "full: the page\n", 'a page beside a directory with an index'],
    ['/full/', "full: the index\n", '... the index of that directory'],
    ['/full.html', "full: the page\n", '... the page by its own name'],
    ['/logo.png', 404, 'an extension with a media type'],
    ['/v1.2', "version\n", 'a dot does not make an extension'],
    ['/.secret', 404, 'a hidden file'],
    ['/folder', 404, 'a directory whose name ends with .html'],
    ['/empty', '302 empty/', 'a directory'],
    ['/nothing', 404, 'a missing file'],
);
for my $round (1, 2) {
    is(told_of($server->get($_->[0])), $_->[1], "clean: $_->[2]: $_->[0]") for @clean;
}
is($server->get('/nothing', PAGE)->{status}, 404, 'without --spa, a navigation that finds nothing is 404');
my $long = 'x' x (8190 - length Harness::BASE);
is($server->get("/$long")->{status}, 404, 'the longest path');
responses_framed();
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--spa']);
my @spa = (
    ['/', "app\n", 'the root'],
    ['/users', "app\n", 'a route of the application'],
    ['/users/jane.doe', "app\n", 'a route with a dot'],
    ['/users/7/edit?tab=1', "app\n", 'a route with several segments'],
    ['/users/', "app\n", 'a route with a final slash'],
    ['/about', "about\n", 'an existing page'],
    ['/empty/', "app\n", 'a directory without a page'],
    ['/assets/', "app\n", 'a directory with files, without a page'],
    ['/assets/missing.js', 404, 'a missing script'],
    ['/missing.png', 404, 'a missing image'],
    ['/missing.html', 404, 'a missing page with its extension'],
    ['/.git/config', 404, 'a hidden path'],
    ['/%00', 400, 'an invalid path'],
);
for my $round (1, 2) {
    is(told_of($server->get($_->[0], PAGE)), $_->[1], "--spa: $_->[2]: $_->[0]") for @spa;
    for my $fields (['Accept: */*'], []) {
        is($server->get('/users', @$fields)->{status}, 404, '--spa: no navigation: ' . ($fields->[0] // 'no Accept'));
    }
}
is($server->get('/users', PAGE)->{field}{vary}, VARY, '--spa: Vary of the application page names the fields that tell navigations');
is($server->get('/users')->{field}{vary}, VARY, '... so has a 404');
is($server->get('/about', PAGE)->{field}{vary}, undef, '... an existing file has no Vary');
my @fetched = (
    ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', "app\n"],
    ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe', "app\n"],
    ['Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script', 404],
    ['Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image', 404],
    ['Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty', 404],
    ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: object', 404],
);
for my $target ('/packages/chart.js', '/files/report.pdf', '/topics/.net', '/u/bob@example.com', '/users') {
    for (@fetched) {
        my ($mode, $destination, $expected) = @$_;
        is(told_of($server->get($target, PAGE, $mode, $destination)), $expected, "--spa: $mode, $destination: $target");
    }
    is(told_of($server->get($target, 'Accept: text/html, */*; q=0.01', 'X-Requested-With: XMLHttpRequest')), 404, "--spa: a script's XMLHttpRequest: $target");
}
my $etag = $server->settled('/users', PAGE)->{field}{etag};
is($etag, $server->get('/')->{field}{etag}, '--spa: the application page has the ETag of its file');
my $same = $server->get('/users', PAGE, "If-None-Match: $etag");
is_deeply([$same->{status}, $same->{field}{vary}], [304, VARY], '... 304');
my $range = $server->get('/users', PAGE, 'Range: bytes=1-2');
is_deeply([$range->{status}, $range->{body}], [206, 'pp'], '... ranges');
my ($head) = $server->pipeline(["HEAD /users HTTP/1.1\r\nHost: localhost\r\n" . PAGE . "\r\n\r\n"]);
is_deeply([$head->{status}, $head->{field}{'content-length'}], [200, 4], '... HEAD');
my ($post) = $server->pipeline(["POST /users HTTP/1.1\r\nHost: localhost\r\n" . PAGE . "\r\nContent-Length: 0\r\n\r\n"]);
is($post->{status}, 405, '--spa: POST is 405');
put_file($root, 'index.html.gz', 'gz');
is($server->get('/users', PAGE, 'Accept-Encoding: gzip')->{field}{vary}, 'Accept, Accept-Encoding' . substr(VARY, 6), '--spa: encoded siblings of the application page');
unlink "$root/index.html.gz";

# The next response shows a change on disk
sub fresh { my ($about, $change, $target, $expected) = @_; $change->(); is(told_of($server->get($target, PAGE)), $expected, "fresh: $about"); return }
for my $wait (0, 1) {
    sleep 4 if $wait; # until all files are settled
    my $how = $wait ? ', settled' : '';
    for my $target ('/new', '/deep/er', '/later') { is(told_of($server->get($target, PAGE)), "app\n", "fresh: nothing yet: $target$how") for 1, 2 }
    fresh("a page appears$how", sub { put_file($root, 'new.html', "new\n") }, '/new', "new\n");
    fresh("a file of the very name appears$how", sub { put_file($root, 'new', "file\n") }, '/new', "file\n");
    fresh("it goes$how", sub { unlink "$root/new" }, '/new', "new\n");
    fresh("a directory with an index comes: the page stays$how", sub { put_file($root, 'new/index.html', "index\n") }, '/new', "new\n");
    fresh("that index goes$how", sub { unlink "$root/new/index.html" }, '/new', "new\n");
    fresh("the page goes$how", sub { unlink "$root/new.html" }, '/new', '302 new/');
    fresh("the directory goes$how", sub { rmdir "$root/new" }, '/new', "app\n");
    fresh("the application changes$how", sub { Fresh::replace("$root/index.html", "APP$wait\n") }, '/later', "APP$wait\n");
    fresh("the application goes$how", sub { unlink "$root/index.html" }, '/later', 404);
    fresh("the application is back$how", sub { put_file($root, 'index.html', "app\n") }, '/later', "app\n");
}
responses_framed();
$server->stop;

$server = Harness->start(root => $root, args => ['-j', '1', '--spa=other.html']);
is(told_of($server->get('/users', PAGE)), "other app\n", '--spa=FILE: that file');
is(told_of($server->get('/', PAGE)), "app\n", '--spa=FILE: an existing index is served');
$server->stop;

# Several names of an index
put_file($root, 'old/index.htm', "old\n");
put_file($root, 'old/default.htm', "default\n");
$server = Harness->start(root => $root, args => ['-j', '1', '--index', 'index.html', '--index=index.htm', '--index', 'default.htm']);
is(told_of($server->get('/old/')), "old\n", '--index: the first name that the directory has');
is(told_of($server->get('/full/')), "full: the index\n", '... in the order given');
unlink "$root/old/index.htm";
is(told_of($server->get('/old/')), "default\n", '... the next one after a deletion');
put_file($root, 'old/index.html', "new\n");
is(told_of($server->get('/old/')), "new\n", '... a new one before it');
$server->stop;
done_testing();
