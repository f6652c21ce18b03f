# Error responses: small self-contained pages, and 404.html (RFC 9110 15.5, 15.6, 10.2.4; RFC 9112 9.6). Other files
# test which request gets which status; 408 is in timeout.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_base64);
use Encode qw(decode FB_CROAK);
use Harness;
use POSIX qw(mkfifo);
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "<p>page</p>\n");
put_file($root, 'file.txt',   "some text\n");
put_file($root, 'dir/a',      'a');
put_canary($root);
my $server = Harness->start(root => $root);
my $host   = "Host: localhost\r\n";

# [status, reason, request, 'HEAD' if HEAD gets the same]
my @errors = (
    [400, 'Bad Request',                     "GET /%zz HTTP/1.1\r\n$host\r\n", 'HEAD'],
    [400, 'Bad Request',                     "GET / HTTP/1.1\r\n\r\n", 'HEAD'],
    [400, 'Bad Request',                     "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
    [400, 'Bad Request',                     "\x17\x03\x01\r\n\r\n"],
    [404, 'Not Found',                       "GET /%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\r\n$host\r\n", 'HEAD'],
    [405, 'Method Not Allowed',              "POST /file.txt HTTP/1.1\r\n$host\r\n"],
    [406, 'Not Acceptable',                  "GET /file.txt HTTP/1.1\r\n${host}Accept-Encoding: *;q=0\r\n\r\n", 'HEAD'],
    [412, 'Precondition Failed',             "GET /file.txt HTTP/1.1\r\n${host}If-Match: \"x\"\r\n\r\n", 'HEAD'],
    [413, qr/\A(?:Content|Payload) Too Large\z/, "GET / HTTP/1.1\r\n${host}Content-Length: 3000000\r\n\r\n", 'HEAD'],
    [414, 'URI Too Long',                    'GET /' . 'a' x 9000 . " HTTP/1.1\r\n$host\r\n"],
    [416, 'Range Not Satisfiable',           "GET /file.txt HTTP/1.1\r\n${host}Range: bytes=10-\r\n\r\n"],
    [431, 'Request Header Fields Too Large', "GET / HTTP/1.1\r\n${host}X: " . 'x' x 40_000 . "\r\n\r\n"],
    [501, 'Not Implemented',                 "BREW / HTTP/1.1\r\n$host\r\n"],
    [505, 'HTTP Version Not Supported',      "GET / HTTP/2.0\r\n$host\r\n"],
);
for my $error (@errors) {
    my ($status, $reason, $bytes, $head) = @$error;
    my $name   = "$status to " . told(substr $bytes, 0, 40);
    my $result = $server->exchange($bytes, count => 1);
    my $response = $result->{responses}[0] or do { fail("$name: an answer"); next };
    my $body = $response->{body};
    is($response->{status}, $status, $name);
    ref $reason ? like($response->{reason}, $reason, "$name: the reason phrase (15)") : is($response->{reason}, $reason,
        "$name: the reason phrase (15)");
    page($name, $response);
    like($body, qr/$status/, "$name: the page has the status");
    unlike($body, qr/alert|BREW|file\.txt|aaaa|xxxx/, "$name: the page repeats nothing of the request");
    ok(!exists $response->{field}{$_}, "$name: no $_") for 'etag', 'last-modified', 'content-encoding', 'accept-ranges';
    next if !$head;
    my $of_head = $server->exchange(($bytes =~ s/\AGET/HEAD/r) =~ s/\r\n\r\n\z/\r\nConnection: close\r\n\r\n/r);
    my $fields  = sub { return join ' | ', map { "$_->[0]: $_->[1]" } grep { $_->[0] !~ /\A(?:Date|Connection)\z/i } @{ $_[0]{fields} } };
    is($fields->($of_head->{responses}[0]), $fields->($response), "$name: HEAD has the same fields, Content-Length too (9.3.2)");
    is($of_head->{rest}, '', "$name: HEAD has no body (9.3.2)");
}

# Rules of each error page of the server
sub page {
    my ($name, $response) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($body, $field) = ($response->{body}, $response->{field});
    is($field->{'content-type'}, 'text/html; charset=utf-8', "$name: Content-Type with charset");
    is($field->{server}, 'tinyhttpd', "$name: no version in Server (10.2.4)");
    like($body, qr/\A<!doctype html>/i, "$name: an HTML page");
    ok(eval { decode('UTF-8', my $copy = $body, FB_CROAK); 1 }, "$name: in UTF-8");
    cmp_ok(length $body, '<', 4096, "$name: below 4 KiB");
    like($body, qr/<title>[^<]+<\/title>/i, "$name: it has a title");
    like($body, qr/<html [^>]*lang=/i, "$name: it has a language");
    like($body, qr/<meta [^>]*viewport/i, "$name: it fits a small screen");
    like($body, qr/color-scheme/, "$name: a dark and a light colour scheme");
    is(join(' ', $body =~ /<link[^>]*>/g), '<link rel="icon" href="data:,">', "$name: an empty icon, so that no browser asks for another one");
    unlike($body, qr/\b(?:src|srcset|action)=|<script|<iframe|\@import|url\(|https?:/i, "$name: no external resources");
    unlike($body, qr{tinyhttpd[/ ]\d|llhttp|libmagic}i, "$name: it has no version");
    # A policy that allows the page's own style and nothing else
    my $policy = $field->{'content-security-policy'} || '';
    my %directive = map { /\A\s*(\S+)\s*(.*?)\s*\z/ ? (lc $1 => $2) : () } split /;/, $policy;
    is($directive{'default-src'}, "'none'", "$name: Content-Security-Policy allows nothing by default");
    is($directive{'img-src'}, 'data:', "$name: ... but that icon");
    my $allowed = $directive{'style-src'} || '';
    for my $style ($body =~ m{<style[^>]*>(.*?)</style>}gis) {
        ok($allowed =~ /'unsafe-inline'/ || index($allowed, sha256_base64($style)) >= 0, "$name: the Content-Security-Policy allows its style")
            or diag($policy);
    }
    return;
}

# ---------------------------------------------------------------------------------------------------------
# 404.html in the root is the body of every 404.
{
    my $own = "<!doctype html><meta charset=utf-8><title>Nothing</title><p>caf\xc3\xa9, nothing here.</p>\n";
    is($server->get('/404.html')->{status}, 404, 'without 404.html: the server\'s own page');
    my $built_in = $server->get('/none')->{body};
    put_file($root, '404.html', $own);
    for my $target ('/none', '/dir/', '/dir/none', '/.hidden', '/file.txt/', '/none?q') {
        my $response = $server->get($target);
        is("$response->{status} $response->{reason} $response->{body}", "404 Not Found $own", "404.html is the page of $target");
        is($response->{field}{'content-type'}, 'text/html; charset=utf-8', "404.html of $target: its media type");
        ok(!exists $response->{field}{'content-security-policy'}, "404.html of $target: no Content-Security-Policy, as it is the site's own page");
    }
    # It is no representation of the target: no condition, range or coding applies (13.2.1, 14.2).
    my $tag = $server->settled('/404.html')->{field}{etag};
    for my $field ('If-None-Match: *', "If-None-Match: $tag", 'If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT', 'If-Match: "x"',
        'If-Match: *',
        'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'Range: bytes=0-0', 'Range: bytes=0-0,2-2', 'Range: bytes=9999-',
            'Accept-Encoding: *;q=0') {
        my $response = $server->get('/none', $field);
        is("$response->{status} $response->{body}", "404 $own", "404.html with $field: 404 and all of it (13.2.1)");
    }
    my $head = $server->exchange("HEAD /none HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
    is("$head->{responses}[0]{status} $head->{responses}[0]{field}{'content-length'} $head->{rest}", '404 ' . length($own) . ' ',
        '404.html with HEAD: its length and no body');
    is($server->get('/404.html')->{status}, 200, '/404.html by its own name is a file like any other');
    is($server->get('/404.html', "If-None-Match: $tag")->{status}, 304, '/404.html by its own name has conditions');
    isnt($server->get('/%zz')->{body}, $own, 'a 400 has the server\'s own page');
    $server->keeps_step(['a 404 with 404.html', "GET /none HTTP/1.1\r\n$host\r\n", 404], ['a HEAD of it',
        "HEAD /none HTTP/1.1\r\n$host\r\n", 404],
        ['a 404 with a body', "GET /none HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello", 404]);

    # Never stale
    my $socket = $server->connection;
    my $ask = sub { my $response = $server->exchange(get_request('/none'), socket => $socket,
        count => 1)->{responses}[0]; return "$response->{status} $response->{body}" };
    put_file($root, '404.html', 'changed');
    is($ask->(), '404 changed', '404.html that changes: the next response has it');
    my $large = '<p>' . 'large ' x 50_000;
    put_file($root, '404.html', $large);
    is($ask->(), "404 $large", '404.html that is too large for memory is whole');
    put_file($root, '404.html', '');
    is($ask->(), '404 ', 'an empty 404.html: an empty body');
    unlink "$root/404.html";
    is($ask->(), "404 $built_in", 'a deleted 404.html: the server\'s own page');
    put_file($root, 'dir/404.html', 'of a folder');
    is($server->get('/dir/none')->{body}, $built_in =~ s{\Qhref="./"}{href="./../"}r, 'a 404.html outside the top of the root is not used');

    # Only a regular file is used.
    my $outside = new_root();
    put_file($outside, 'secret', 'SECRET');
    for my $case (['a directory', sub { mkdir $_[0] }], ['a FIFO', sub { mkfifo($_[0], 0644) }], ['a link that leads out',
        sub { symlink "$outside/secret", $_[0] }],
        ['a link that leads nowhere', sub { symlink 'nowhere', $_[0] }]) {
        $case->[1]->("$root/404.html");
        my $response = $server->get('/none');
        is("$response->{status} $response->{body}", "404 $built_in", "404.html that is $case->[0]: the server's own page");
        page("404.html that is $case->[0]", $response);
        rmdir "$root/404.html" or unlink "$root/404.html";
    }
}

responses_framed();
$server->stop;
done_testing();
