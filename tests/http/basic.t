# GET and HEAD of files: fields, index.html, sizes, types, and changes on disk.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
my $html = "<!doctype html><title>hello</title>\n";
put_file($root, 'index.html',      $html);
put_file($root, 'file.txt',        "some text\n");
put_file($root, 'empty.txt',       '');
put_file($root, 'empty',           '');
put_file($root, 'sub/index.html',  "<p>sub</p>\n");
put_file($root, 'bare/other.html', "<p>no index</p>\n");
put_file($root, 'odd/index.html/x', 'a directory that is called index.html');

my $server = Harness->start(root => $root);

# GET of a file that is old enough to have validators
my $got = $server->dated('/file.txt');
is($got->{status}, 200, 'GET: 200 (RFC 9110 9.3.1)');
is($got->{reason}, 'OK', 'GET: the reason phrase');
is($got->{body}, "some text\n", 'GET: the bytes of the file');
is($got->{field}{'content-length'}, 10, 'GET: Content-Length is the size (RFC 9110 8.6)');
like($got->{field}{'last-modified'}, Harness::date_pattern(), 'GET: Last-Modified (RFC 9110 8.8.2)');
like($got->{field}{etag}, qr/\A"[\x21\x23-\x7e]+"\z/, 'GET: a strong ETag (RFC 9110 8.8.3)');
is($got->{field}{'cache-control'}, 'no-cache', 'GET: Cache-Control: no-cache, so that every use asks again');
ok(!exists $got->{field}{connection} || $got->{field}{connection} !~ /close/i, 'GET: the connection persists (RFC 9112 9.3)');

{
    # Last-Modified is the file's own time (RFC 9110 8.8.2.1), and never later than Date.
    utime 784111777, 784111777, "$root/file.txt";
    my $response = $server->dated('/file.txt');
    is($response->{field}{'last-modified'}, 'Sun, 06 Nov 1994 08:49:37 GMT', 'Last-Modified is the time of the file');
    my $future = time + 1_000_000;
    utime $future, $future, "$root/file.txt";
    $response = $server->get('/file.txt');
    is($response->{status}, 200, 'a file from the future is served');
    isnt($response->{field}{'last-modified'} || '', http_date($future),
        'Last-Modified is not later than Date (RFC 9110 8.8.2.1)');
    # The year 2242 and years before 1970.
    for my $time (8_589_934_592, -86_400, -5_000_000_000) {
        utime $time, $time, "$root/file.txt";
        is($server->get('/file.txt')->{status}, 200, "a file whose time is $time is served");
    }
    utime time, time, "$root/file.txt";
}

# HEAD
for my $target ('/file.txt', '/', '/empty.txt', '/none', '/sub') {
    my $get  = $server->get($target);
    my $head = $server->exchange("HEAD $target HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1)->{responses}[0];
    my $fields = sub {
        return join "\n", map { "$_->[0]: $_->[1]" } grep { $_->[0] ne 'Date' } @{ $_[0]{fields} };
    };
    is($head->{status}, $get->{status}, "HEAD $target: the status of GET (RFC 9110 9.3.2)");
    is($fields->($head), $fields->($get), "HEAD $target: the fields of GET (RFC 9110 9.3.2)");
}
{
    my $result = $server->exchange("HEAD /file.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    is($result->{rest}, '', 'HEAD: no body (RFC 9110 9.3.2)');
    ok($result->{eof}, 'HEAD: the connection ends where it was asked to');
    $result = $server->exchange("HEAD /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    is($result->{rest}, '', 'HEAD of a missing file: no body');
}

# Where a representation comes from
is($server->get('/')->{body}, $html, '/: index.html');
is($server->get('/index.html')->{body}, $html, '/index.html by its name');
is($server->get('/sub/')->{body}, "<p>sub</p>\n", '/sub/: its index.html');
is($server->get('/bare/')->{status}, 404, 'a directory without index.html: 404');
is($server->get('/odd/')->{status}, 404, 'a directory that is called index.html is not an index');
is($server->get('/file.txt?query=1&b')->{body}, "some text\n", 'the query does not name another file');
is($server->get('/file.txt?')->{body}, "some text\n", 'an empty query');
is($server->get('/none.html')->{status}, 404, 'a missing file: 404 (RFC 9110 15.5.5)');
{
    my $response = $server->get('/none.html');
    cmp_ok(length $response->{body}, '>', 0,    '404: a body');
    cmp_ok(length $response->{body}, '<', 4096, '404: a body below 4 KiB');
    ok(!exists $response->{field}{etag} && !exists $response->{field}{'last-modified'}, '404: no validators');
}
for my $name ('empty.txt', 'empty') {
    my $response = $server->get("/$name");
    is("$response->{status} $response->{field}{'content-length'}", '200 0', "an empty file ($name): 200 with Content-Length: 0");
}

# Fields: names in any case, values with blanks and tabs around, empty ones, unknown ones (RFC 9112 5)
{
    my $result = $server->exchange("GET /file.txt HTTP/1.1\r\nhOST:localhost\r\nX-Empty:\r\nX-Tab:\t a \t\r\n"
        . "X-Latin: caf\xe9\r\n\x{7e}\x{21}#\$%&'*+-.^_`|9: token\r\n\r\n", count => 1);
    is($result->{responses}[0]{status}, 200, 'names in any case, empty values, obs-text, every token character');
}

# A server may ignore Upgrade (RFC 9110 7.8)
for my $protocol ('h2c', 'websocket', 'TLS/1.2') {
    my $result = $server->exchange(
        get_request('/file.txt', 'Connection: Upgrade, HTTP2-Settings', "Upgrade: $protocol", 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA')
            . get_request('/sub/'), count => 2);
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), '200 200', "Upgrade: $protocol is ignored, the next request is HTTP/1.1");
}

# Types: by extension first
my $png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
my @types = (
    ['a.html',        $html,             qr{\Atext/html; *charset=utf-8\z}],
    ['a.htm',         $html,             qr{\Atext/html; *charset=utf-8\z}],
    ['A.HTML',        $html,             qr{\Atext/html; *charset=utf-8\z}],
    ['a.css',         "a{}\n",           qr{\Atext/css; *charset=utf-8\z}],
    ['a.js',          "let a;\n",        qr{\Atext/javascript; *charset=utf-8\z}],
    ['a.mjs',         "export {};\n",    qr{\Atext/javascript; *charset=utf-8\z}],
    ['a.min.js',      "let a;\n",        qr{\Atext/javascript; *charset=utf-8\z}],
    ['a.txt',         "text\n",          qr{\Atext/plain; *charset=utf-8\z}],
    ['a.md',          "# title\n",       qr{\Atext/plain; *charset=utf-8\z}],
    ['a.csv',         "a,b\n",           qr{\Atext/csv; *charset=utf-8\z}],
    ['a.json',        "{}\n",            qr{\Aapplication/json(?:; *charset=utf-8)?\z}],
    ['a.map',         "{}\n",            qr{\Aapplication/json(?:; *charset=utf-8)?\z}],
    ['a.webmanifest', "{}\n",            qr{\Aapplication/manifest\+json(?:; *charset=utf-8)?\z}],
    ['a.xml',         "<a/>\n",          qr{\A(?:text|application)/xml(?:; *charset=utf-8)?\z}],
    ['a.svg',         "<svg/>\n",        qr{\Aimage/svg\+xml(?:; *charset=utf-8)?\z}],
    ['a.png',         $png,              qr{\Aimage/png\z}],
    ['a.jpg',         "\xff\xd8\xff",    qr{\Aimage/jpeg\z}],
    ['a.jpeg',        "\xff\xd8\xff",    qr{\Aimage/jpeg\z}],
    ['a.gif',         'GIF89a',          qr{\Aimage/gif\z}],
    ['a.webp',        'RIFF',            qr{\Aimage/webp\z}],
    ['a.avif',        'avif',            qr{\Aimage/avif\z}],
    ['a.ico',         "\0\0\1\0",        qr{\Aimage/(?:x-icon|vnd\.microsoft\.icon)\z}],
    ['a.wasm',        "\0asm\1\0\0\0",   qr{\Aapplication/wasm\z}],
    ['a.woff2',       'wOF2',            qr{\Afont/woff2\z}],
    ['a.woff',        'wOFF',            qr{\Afont/woff\z}],
    ['a.ttf',         "\0\1\0\0",        qr{\Afont/ttf\z}],
    ['a.pdf',         '%PDF-1.4',        qr{\Aapplication/pdf\z}],
    ['a.mp4',         'mp4',             qr{\Avideo/mp4\z}],
    ['a.webm',        'webm',            qr{\Avideo/webm\z}],
    ['a.mp3',         'ID3',             qr{\Aaudio/mpeg\z}],
    ['a.zip',         "PK\3\4",          qr{\Aapplication/zip\z}],
    # The extension wins over the content.
    ['lies.css',      "<!doctype html><script>alert(1)</script>\n", qr{\Atext/css; *charset=utf-8\z}],
    ['lies.txt',      "<!doctype html><script>alert(1)</script>\n", qr{\Atext/plain; *charset=utf-8\z}],
    ['lies.png',      $html,             qr{\Aimage/png\z}],
    # Only UTF-8 content gets the charset; without one a browser uses the page's own meta element.
    ['latin.html',    "<p>caf\xe9</p>\n",  qr{\Atext/html\z}],
    ['utf8.html',     "<p>caf\xc3\xa9</p>\n", qr{\Atext/html; *charset=utf-8\z}],
    ['utf16.txt',     "\xff\xfea\0\n\0", qr{\Atext/plain\z}],
    ['empty.html',    '',                qr{\Atext/html(?:; *charset=utf-8)?\z}],
    # Without a known extension, libmagic decides from the content.
    ['README',        "Read me first.\n", qr{\Atext/plain; *charset=utf-8\z}],
    ['picture',       $png,              qr{\Aimage/png\z}],
    ['picture.zzzz',  $png,              qr{\Aimage/png\z}],
    ['a.css.d/plain', "Read me first.\n", qr{\Atext/plain; *charset=utf-8\z}],
    ['noise.zzzz',    join('', map { chr($_ * 167 % 256) } 1 .. 300), qr{\Aapplication/octet-stream\z}],
    ['dot.',          "Read me first.\n", qr{\Atext/plain; *charset=utf-8\z}],
    # Browsers show these.
    (map { ["a.$_",   "a: 1\n",          qr{\Atext/plain; *charset=utf-8\z}] } qw(yaml yml toml md log)),
    # What phones and browsers install or open
    ['a.apk',         "PK\3\4\x14\0\x08\x08\x08\0\0\0!\0" . "\0" x 12 . "\x09\0\x04\0META-INF/\xfe\xca\0\0", qr{\Aapplication/vnd\.android\.package-archive\z}],
    ['a.xpi',         "PK\3\4",          qr{\Aapplication/x-xpinstall\z}],
    ['a.pkpass',      "PK\3\4",          qr{\Aapplication/vnd\.apple\.pkpass\z}],
    ['a.mobileconfig', "<plist/>\n",     qr{\Aapplication/x-apple-aspen-config\z}],
    ['a.crt',         "-----BEGIN CERTIFICATE-----\n", qr{\Aapplication/x-x509-ca-cert\z}],
    # An archive of an unknown extension is a ZIP, whatever its first entry is.
    ['a.whl',         "PK\3\4\x14\0\x08\x08\x08\0\0\0!\0" . "\0" x 12 . "\x09\0\x04\0META-INF/\xfe\xca\0\0", qr{\Aapplication/zip\z}],
    # HTML needs no extension, but an unknown one is not HTML.
    ['about',         $html,             qr{\Atext/html; *charset=utf-8\z}],
    ['about.zzzz',    $html,             qr{\Atext/plain; *charset=utf-8\z}],
    # A long page whose own meta element names a charset gets none, unless all of it is known to be UTF-8.
    ['long.html',     '<meta charset=iso-8859-1>' . 'a' x 147_000 . "\xe9", qr{\Atext/html\z}],
    ['short.html',    '<meta charset=iso-8859-1>' . 'a' x 100_000 . "\xc3\xa9", qr{\Atext/html; *charset=utf-8\z}],
    ['long2.html',    '<title>a</title>' . 'a' x 147_000, qr{\Atext/html; *charset=utf-8\z}],
);
for my $case (@types) {
    my ($name, $bytes, $pattern) = @$case;
    put_file($root, "types/$name", $bytes);
    my $response = $server->get("/types/$name");
    like($response->{field}{'content-type'}, $pattern, "the type of $name");
    is($response->{body}, $bytes, "the bytes of $name");
}

# The next request shows a change on disk, on the same connection and however soon it comes.
{
    my $socket = $server->connection;
    my $fetch  = sub { return $server->exchange(get_request('/changing.txt'), socket => $socket, count => 1)->{responses}[0] };
    my (@stale, @tags);
    for my $round (1 .. 60) {
        my $bytes = sprintf "version %04d\n", $round; # the size stays the same
        put_file($root, 'changing.txt', $bytes);
        my $response = $fetch->();
        push @stale, $round if $response->{body} ne $bytes;
        push @tags, $response->{field}{etag} if defined $response->{field}{etag};
    }
    is("@stale", '', 'a file that is rewritten in place is served with its new bytes');
    my %seen = map { $_ => 1 } @tags;
    is(scalar keys %seen, scalar @tags, 'a file that is rewritten in place never keeps its ETag (RFC 9110 8.8.3)');
    put_file($root, 'next.txt', "renamed\n");
    rename "$root/next.txt", "$root/changing.txt";
    is($fetch->()->{body}, "renamed\n", 'a file that replaces another by rename is served');
    put_file($root, 'changing.txt', 'longer ' x 1000);
    is(length $fetch->()->{body}, 7000, 'a file that grew is served whole');
    put_file($root, 'changing.txt', 'a');
    is($fetch->()->{body}, 'a', 'a file that shrank is served');
    unlink "$root/changing.txt";
    is($fetch->()->{status}, 404, 'a deleted file is 404');
    mkdir "$root/changing.txt";
    is($fetch->()->{status}, 302, 'a directory in its place redirects');
    rmdir "$root/changing.txt";
    put_file($root, 'changing.txt', 'back');
    is($fetch->()->{body}, 'back', 'a file that is created again is served');
}

# A real client
SKIP: {
    have('curl') or skip 'no curl', 2;
    my $url  = $server->url('/file.txt');
    is(`curl -s $url`, "some text\n", 'curl gets the file');
    is(`curl -s --http2 $url`, "some text\n", 'curl that offers HTTP/2 gets the file');
}

responses_framed();
$server->stop;
done_testing();
