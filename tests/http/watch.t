# --watch: pages for a browser get one more element, everything else is as without it. make browser tests the script
# itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


my $root = new_root();
my $page = "<!doctype html><title>a</title><p>one</p>\n";
put_file($root, 'index.html',  $page);
put_file($root, 'large.html',  $page . ' ' x 200_000);
put_file($root, 'utf16.html',  "\xFF\xFE<\0p\0>\0");
put_file($root, 'style.css',   "p{}\n");
put_file($root, 'packed.html', $page);
put_file($root, 'packed.html.gz', 'not looked into');

my @shown = ('Accept: text/html,*/*;q=0.8');
my $asked = 'Tinyhttpd-Live: 1';
my $path  = '/.well-known/tinyhttpd/live.js';

sub element { my $etag = shift; return "\n<script src=\"" . substr($path, 1) . "\" data-etag='$etag'></script>\n" }

my $server = Harness->start(root => $root, args => ['-j', '1', '--watch', '--list']);

# Asks as the script does.
sub check {
    my ($target, @fields) = @_;
    my $request = "HEAD $target HTTP/1.1\r\n" . join('', map { "$_\r\n" } 'Host: localhost', $asked, @fields) . "\r\n";
    return $server->exchange($request, count => 1)->{responses}[0];
}

$server->settled('/large.html'); # until then it has no ETag
for my $name ('index.html', 'large.html') {
    my $plain = $server->get("/$name");
    my $etag  = $plain->{field}{etag};
    like($plain->{field}{vary}, qr/\bAccept\b/, "$name: Vary: Accept");
    my $live = $server->get("/$name", @shown);
    is($live->{body}, $plain->{body} . element($etag), "$name: as a page, the element follows the file's bytes");
    is($live->{field}{etag}, $etag =~ s/"\z/-live"/r, "$name: as a page, an ETag of its own");
    is($server->get("/$name", @shown, "If-None-Match: $live->{field}{etag}")->{status}, 304, "$name: as a page, If-None-Match with its ETag: 304");
    is($server->get("/$name", @shown, "If-None-Match: $etag")->{status}, 200, "$name: as a page, If-None-Match with the file's ETag: 200");
    my $part = $server->get("/$name", @shown, 'Range: bytes=0-9');
    is("$part->{status} $part->{body} $part->{field}{etag}", '206 ' . substr($page, 0, 10) . " $etag", "$name: a range is one of the file");
    my $checked = check("/$name", @shown);
    is("@{$checked->{field}}{'content-length', 'etag'}", length($plain->{body}) . " $etag", "$name: the script's check gets the file's length and ETag");
    is(check("/$name", @shown, "If-None-Match: $etag")->{status}, 304, "$name: the script's check with the file's ETag: 304");
    is($server->get("/$name", @shown, $asked)->{body}, $live->{body}, "$name: GET with the script's field is any other GET");
}
for my $fields (['Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty'], ['X-Requested-With: XMLHttpRequest']) {
    is($server->get('/index.html', 'Accept: text/html, */*; q=0.01', @$fields)->{body}, $page, "a script gets the file's bytes: $fields->[0]");
    is($server->get('/none', @shown, @$fields)->{body} =~ /data-etag/, '', "... and a 404 without the element: $fields->[0]");
}
is($server->get('/style.css', @shown)->{body}, "p{}\n", 'a stylesheet gets no element');
is($server->get('/utf16.html', @shown)->{body}, "\xFF\xFE<\0p\0>\0", 'a page in UTF-16 gets no element');
my $packed = $server->get('/packed.html', @shown, 'Accept-Encoding: gzip');
is($packed->{body}, $page . element($packed->{field}{etag} =~ s/-live//r), 'a page with an encoded sibling is sent unencoded, with the element');
is(check('/packed.html', 'Accept-Encoding: gzip')->{field}{'content-encoding'}, undef, 'the script\'s check of a page with an encoded sibling gets it unencoded');

# A listing has no file, and no ETag as a page.
put_file($root, 'folder/a.txt', 'a');
my $listing = $server->get('/folder/', @shown);
my ($stamp) = $listing->{body} =~ m{</html>\n\n<script src="\.well-known/tinyhttpd/live\.js" data-etag='("[0-9a-f]+")'></script>\n\z};
is(check('/folder/', @shown)->{field}{etag}, $stamp, 'a listing: the element has the version that the check tells');
like($listing->{field}{'content-security-policy'}, qr/script-src 'sha256-[^;]+' 'self'; connect-src 'self';/, 'a listing: the Content-Security-Policy allows the script');
put_file($root, 'folder/b.txt', 'b');
isnt(check('/folder/', @shown)->{field}{etag}, $stamp, 'a listing: a new entry changes the version');
is($server->get('/a/b/folder/.well-known/tinyhttpd/live.js')->{status}, 200, 'the script has its address in every directory');

# The script checks a missing page until it exists.
my $missing = $server->get('/none', @shown);
is($missing->{status}, 404, 'missing: 404');
like($missing->{body}, qr/\Q@{[element('')]}\E\z/, 'missing: the element without a version');
like($missing->{field}{'content-security-policy'}, qr/; script-src 'self'; connect-src 'self'\z/, 'missing: the Content-Security-Policy allows the script');
is(check('/none', @shown)->{status}, 204, 'missing: the script\'s check is 204');
unlike($server->get('/none')->{body}, qr/script/, 'missing: no element without Accept: text/html');
put_file($root, '404.html', '<p>own');
is($server->get('/none', @shown)->{body}, '<p>own' . element(''), "missing: the site's own 404.html gets the element as well");

my $script = $server->get($path);
is($script->{field}{'content-type'}, 'text/javascript; charset=utf-8', 'the script has its media type');
like($script->{body}, qr/\A\(\(\) => \{\n.*\}\)\(\);\n\z/s, 'the script runs in a scope of its own');

# The script tells a missing root by 503, and the page's version is the same when it is back.
my $known = check('/index.html', @shown)->{field}{etag};
rename $root, "$root.away" or die $!;
$server->expect_stderr(qr/\Atinyhttpd: root '.*' (?:is missing|is there again)/);
is(check('/index.html', @shown, "If-None-Match: $known")->{status}, 503, 'the root is missing: the script\'s check is 503');
rename "$root.away", $root or die $!;
is(check('/index.html', @shown, "If-None-Match: $known")->{status}, 304, 'the root is there again: the script\'s check is 304');
at_rest($server->pid); # the lines are written
unlike($server->log, qr{live\.js}, 'the script is not logged');
my $lines = () = $server->log =~ /\n/g;
check($_, @shown) for '/index.html', '/%';
$server->get('/style.css', $asked);
ok(eventually { my $now = () = $server->log =~ /\n/g; $now > $lines });
is((() = $server->log =~ /\n/g) - $lines, 1, 'the script\'s checks are not logged, nor those of a page of a 400; GET with its field is');
$server->stop;

# The server's own error pages: as text they have no script.
{
    my $own = Harness->start(root => new_root(), args => ['--watch']);
    for my $accept ('*/*', 'application/json') {
        my $missing = $own->get('/missing', 'Sec-Fetch-Mode: navigate', "Accept: $accept");
        like($missing->{field}{'content-type'}, qr{^text/plain\b}, "a navigation with Accept: $accept: the error is plain text");
        unlike($missing->{body}, qr/<script/, "a navigation with Accept: $accept: it has no script");
    }
    like($own->get('/missing', 'Accept: text/html; charset=utf-8')->{body}, qr/<script/, 'Accept with a parameter: a page, with the script');
    $own->stop;
}

{
    my $strict = Harness->start(root => $root, args => ['--watch', '-H', "content-security-policy: default-src 'none'"]);
    $strict->expect_stderr(qr/--watch: the Content-Security-Policy of --header may block the script/);
    $strict->stop;
}

my $without = Harness->start(root => $root, args => ['-j', '1']);
is($without->get('/', @shown)->{body}, $page, 'without --watch: a page is its file');
is($without->get('/', @shown)->{field}{vary}, undef, 'without --watch: no Vary');
is($without->get($path)->{status}, 404, 'without --watch: no script');
$without->stop;

done_testing();
