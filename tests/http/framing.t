# Request bodies: the server finds their end and discards them, so that the connection stays in step, or refuses them
# and closes the connection (RFC 9110 8.6, 9.3.1, 10.1.1, 15.5.14; RFC 9112 6, 7, 9.6).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "<p>page</p>\n");
put_canary($root);
my $server = Harness->start(root => $root);
my $host   = "Host: localhost\r\n";
my $canary = get_request('/canary', 'Connection: close');

# The tables, filled below and run together at the end.
my (@in_step, @refused);
sub in_step { push @in_step, [@_]; return }
sub refused { push @refused, [@_]; return }

my $sneaky = "GET /sneaky HTTP/1.1\r\n$host\r\n"; # a body that looks like a request

# Content-Length (RFC 9112 6.2)
in_step('POST with a length',        "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello", 405);
in_step('POST with length 0',        "POST / HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n",      405);
in_step('POST without a length',     "POST / HTTP/1.1\r\n$host\r\n",                             405);
in_step('GET with a body',           "GET / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello",  200);
in_step('GET with length 0',         "GET / HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n",       200);
in_step('GET of a missing file with a body', "GET /none HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello", 404);
in_step('a length with zeros before', "POST / HTTP/1.1\r\n${host}Content-Length: 0005\r\n\r\nhello", 405);
in_step('a length with blanks around', "POST / HTTP/1.1\r\n${host}Content-Length:   5  \r\n\r\nhello", 405);
in_step('a body that looks like a request', "POST / HTTP/1.1\r\n${host}Content-Length: " . length($sneaky) . "\r\n\r\n$sneaky", 405);
in_step('a GET body that looks like one', "GET / HTTP/1.1\r\n${host}Content-Length: " . length($sneaky) . "\r\n\r\n$sneaky", 200);
in_step('a body of CRLF',            "POST / HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\n\r\n\r\n", 405);
in_step('a CRLF after the body',     "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello\r\n", 405);
in_step('HTTP/1.0 with keep-alive and a body',
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 405);
for my $size (16_383, 16_384, 16_385, 65_535, 65_536) {
    in_step("a body of $size bytes", "POST / HTTP/1.1\r\n${host}Content-Length: $size\r\n\r\n" . 'b' x $size, 405);
}
{
    my $body   = $sneaky x 100;
    my $result = $server->exchange(
        ("POST / HTTP/1.1\r\n${host}Content-Length: " . length($body) . "\r\n\r\n$body") x 50 . $canary);
    my @status = map { $_->{status} } @{ $result->{responses} };
    is("@status", join(' ', (405) x 50, 200), '50 pipelined requests with bodies stay in step');
}

# HEAD with a body: the response still has none
{
    my $result = $server->exchange("HEAD / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello$canary", methods => ['HEAD', 'GET']);
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), '200 200', 'HEAD with a body: in step');
}

# The response waits for the body or the connection closes, but a request never gets two responses, and the rest of
# the body is never read as a request.
{
    my $socket = $server->connection;
    my $result = $server->exchange("POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello", socket => $socket, count => 1, seconds => 1, lenient => 1);
    my $first  = @{ $result->{responses} };
    if (!$result->{closed}) {
        $result = $server->exchange("world$canary", socket => $socket);
        is($first + @{ $result->{responses} }, 2, 'a body in two parts: one response, then the next request\'s');
        is($result->{responses}[-1]{body}, "canary\n", 'a body in two parts: in step');
    }
    else {
        is($first, 1, 'a body in two parts: one response before the end');
    }
}
{
    my $result = $server->exchange("POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello", half_close => 1);
    ok($result->{closed}, 'a body that the client cuts short: the server closes (RFC 9112 8)');
}

# Too large (RFC 9110 15.5.14). A client that still sends can read the response (RFC 9112 9.6).
for my $size (1_048_577, 3_000_000, 4_294_967_296, 4_294_967_301, 9_223_372_036_854_775_807) {
    refused("a length of $size", "POST / HTTP/1.1\r\n${host}Content-Length: $size\r\n\r\n", 413);
}
refused('GET with a length of 5 GB', "GET / HTTP/1.1\r\n${host}Content-Length: 5000000000\r\n\r\n", 413);
{
    my $result = $server->exchange("POST / HTTP/1.1\r\n${host}Content-Length: 8000000\r\n\r\n" . 'b' x 8_000_000);
    is($result->{responses}[0]{status}, 413, 'a body of 8 MB that is sent regardless: 413 can be read (RFC 9112 9.6)');
    is(scalar @{ $result->{responses} }, 1, 'a body of 8 MB that is sent regardless: 413 is the only response');
    ok($result->{eof}, 'a body of 8 MB that is sent regardless: no reset overtakes the 413 (RFC 9112 9.6)');
}
for my $size (65_537, 500_000, 1_048_576) {
    # Near the limit both accepting and refusing are right, if the connection then stays in step or closes.
    my $result = $server->exchange("POST / HTTP/1.1\r\n${host}Content-Length: $size\r\n\r\n" . 'b' x $size . $canary);
    my @status = map { $_->{status} } @{ $result->{responses} };
    like("@status", qr/\A(?:405 200|413|405)\z/, "a body of $size bytes: in step or closed");
}

# Invalid lengths and codings (RFC 9112 6.1 and 6.3, RFC 9110 8.6)
push @refused, (
    # Content-Length (RFC 9112 6.3, RFC 9110 8.6)
    (map { ["Content-Length: $_ (9110 8.6)",         "POST / HTTP/1.1\r\n${host}Content-Length: $_\r\n\r\nhello", 400] }
        '+5', '-1', '-5', '0x5', '5 5', '5,6', '5, 5', '5.0', '5e0', '1e1', 'a', '5a', '"5"', '5;'),
    ['Content-Length: empty (9110 8.6)',             "POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\n", 400],
    ['two Content-Lengths (6.3)',                    "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400],
    ['two equal Content-Lengths (6.3)',              "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400],
    ['Content-Length on GET, malformed',             "GET / HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello", 400],
    ['Content-Length: 2^64 (9110 8.6)',              "POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551616\r\n\r\n", [400, 413]],
    ['Content-Length: 2^64 + 5',                     "POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551621\r\n\r\nhello", [400, 413]],
    ['Content-Length: 2^64 - 1',                     "POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551615\r\n\r\n", [400, 413]],
    ['Content-Length: 2^63',                         "POST / HTTP/1.1\r\n${host}Content-Length: 9223372036854775808\r\n\r\n", [400, 413]],
    ['Content-Length of 60 digits',                  "POST / HTTP/1.1\r\n${host}Content-Length: " . '9' x 60 . "\r\n\r\n", [400, 413]],

    # Transfer-Encoding (RFC 9112 6.1 and 6.3)
    ['Content-Length, then Transfer-Encoding (6.1)', "POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['Transfer-Encoding, then Content-Length (6.1)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400],
    ['both on GET (6.1)',                            "GET / HTTP/1.1\r\n${host}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['Transfer-Encoding on HTTP/1.0 (6.1)',          "POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['Transfer-Encoding on HTTP/1.0 that stays',     "POST / HTTP/1.0\r\n${host}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['chunked is not the last (6.3)',                "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400],
    ['chunked is not the last, in two lines (6.3)',  "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400],
    ['chunked twice (6.1)',                          "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400],
    ['chunked twice, in two lines (6.1)',            "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['an unknown coding before chunked (6.1)',       "POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501],
    ['an unknown coding, in two lines (6.1)',        "POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501],
    (map { ["Transfer-Encoding: $_ (6.1, 6.3)",      "POST / HTTP/1.1\r\n${host}Transfer-Encoding: $_\r\n\r\n0\r\n\r\n", [400, 501]] }
        'gzip', 'identity', 'xchunked', 'chunkedx', 'chunke', 'x chunked', 'chunked x', '"chunked"', 'chunked;a=b'),
    ['a vertical tab before chunked',                "POST / HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", [400, 501]],
    ['Transfer-Encoding on GET, not chunked',        "GET / HTTP/1.1\r\n${host}Transfer-Encoding: foo\r\n\r\n0\r\n\r\n", [400, 501]],
);

# Chunked (RFC 9112 7.1)
my $chunked = "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n";
in_step('an empty chunked body',     "${chunked}0\r\n\r\n", 405);
in_step('one chunk',                 "${chunked}5\r\nhello\r\n0\r\n\r\n", 405);
in_step('several chunks',            "${chunked}1\r\na\r\n2\r\nbc\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", 405);
in_step('GET with a chunked body',   "GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200);
in_step('Chunked in another case (7)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: ChunKed\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 405);
in_step('chunked with spaces around', "POST / HTTP/1.1\r\n${host}Transfer-Encoding:   chunked  \r\n\r\n5\r\nhello\r\n0\r\n\r\n", 405);
in_step('a size with leading zeros', "${chunked}0000000000005\r\nhello\r\n0\r\n\r\n", 405);
in_step('a last chunk of many zeros', "${chunked}5\r\nhello\r\n000\r\n\r\n", 405);
in_step('a chunk that looks like a request', $chunked . sprintf('%x', length $sneaky) . "\r\n$sneaky\r\n0\r\n\r\n", 405);
in_step('chunk extensions (7.1.1)',  "${chunked}5;a\r\nhello\r\n3;a=b;c=\"d e\"\r\nabc\r\n0;last\r\n\r\n", 405);
in_step('a trailer (7.1.2)',         "${chunked}5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", 405);
in_step('several trailers',          "${chunked}0\r\nX-A: 1\r\nX-B:\r\n\r\n", 405);
in_step('a trailer that would close', "${chunked}5\r\nhello\r\n0\r\nConnection: close\r\nHost: a\r\nHost: b\r\n\r\n", 405);
in_step('chunked over 64 kB',        $chunked . ("1000\r\n" . 'c' x 4096 . "\r\n") x 15 . "0\r\n\r\n", 405);

# Valid or harmless, but unusual, so that the server may refuse them; it must not misread the framing.
my @either = (
    ['a length with tabs around (9112 5)',  "POST / HTTP/1.1\r\n${host}Content-Length:\t5\t\r\n\r\nhello", 'in step, or refused'],
    ['chunked with tabs around (9112 5)',   "POST / HTTP/1.1\r\n${host}Transfer-Encoding:\tchunked\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['chunked after an empty member (9110 5.6.1)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: , chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['chunked before an empty member (9110 5.6.1)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked,\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['chunked after an empty line (9110 5.6.1)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['Transfer-Encoding without a member (9110 5.6.1)', "POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n\r\n", 'in step, or refused'],
    ['a blank before an extension (9112 7.1.1)', "${chunked}5 ;a\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['blanks in an extension (9112 7.1.1)', "${chunked}5; a = b\r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['a blank after the size (9112 7.1)',   "${chunked}5 \r\nhello\r\n0\r\n\r\n", 'in step, or refused'],
    ['a trailer that would frame (9110 6.5.1)', "${chunked}5\r\nhello\r\n0\r\nContent-Length: 500\r\n\r\n", 'in step, or refused'],
    ['a trailer that would be chunked',     "${chunked}5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 'in step, or refused'],
);
$server->both_ways($canary, 0, \@either, sub {
    my (undef, $result) = @_;
    my $got = join ' ', map { $_->{status} } @{ $result->{responses} };
    return $got eq '400' || $got eq '501' || ($got eq '405 200' && $result->{responses}[1]{body} eq "canary\n") ? '' : $got;
});

for my $size ('g', '', '-1', '+5', '0x5', ' 5', '5 5', "5\0", '5,', 'FFFFFFFFFFFFFFFFF', '10000000000000005', '5h', "\t5") {
    refused('chunk size "' . told($size) . '" (7.1)', "$chunked$size\r\nhello\r\n0\r\n\r\n", [400, 413]);
}
refused('data longer than its chunk (7.1)',    "${chunked}5\r\nhello!\r\n0\r\n\r\n", 400);
refused('data shorter than its chunk (7.1)',   "${chunked}5\r\nhell\r\n0\r\n\r\n", 400);
refused('a bare LF after the size (2.2)',      "${chunked}5\nhello\r\n0\r\n\r\n", 400);
refused('a bare LF after the data (2.2)',      "${chunked}5\r\nhello\n0\r\n\r\n", 400);
refused('a bare CR after the size (2.2)',      "${chunked}5\rhello\r\n0\r\n\r\n", 400);
refused('a bare LF after the last chunk',      "${chunked}5\r\nhello\r\n0\n\r\n", 400);
refused('a bare LF in an extension (7.1.1)',   "${chunked}5;a\nhello\r\n0\r\n\r\n", 400);
refused('a bare CR in an extension (7.1.1)',   "${chunked}5;a\rb\r\nhello\r\n0\r\n\r\n", 400);
refused('a trailer without a colon (7.1.2)',   "${chunked}5\r\nhello\r\n0\r\nX\r\n\r\n", 400);
refused('a trailer with a blank before the colon', "${chunked}5\r\nhello\r\n0\r\nX : a\r\n\r\n", 400);
refused('a chunk of 2^63 bytes',               "${chunked}8000000000000000\r\nhello\r\n0\r\n\r\n", [400, 413]);
refused('a chunk of 2^64 - 1 bytes',           "${chunked}ffffffffffffffff\r\nhello\r\n0\r\n\r\n", [400, 413]);
refused('a chunk of 1 GB',                     "${chunked}40000000\r\nhello", 413);
refused('chunks that add up to 3 MB',          $chunked . ("10000\r\n" . 'c' x 65_536 . "\r\n") x 48 . "0\r\n\r\n", 413);
refused('endless chunks of one byte',          $chunked . "1\r\nc\r\n" x 1_100_000, 413);

# Extensions and trailers, which the size of the data does not limit (RFC 9112 7.1.1: SHOULD limit)
refused('an extension of 4 MB',                "${chunked}5;" . 'e' x 4_000_000 . "\r\nhello\r\n0\r\n\r\n", [400, 413, 431]);
refused('extensions of 4 MB over many chunks', $chunked . ('1;' . 'e' x 4000 . "\r\nc\r\n") x 1000 . "0\r\n\r\n", [400, 413, 431]);
refused('a trailer of 4 MB',                   "${chunked}0\r\nX: " . 't' x 4_000_000 . "\r\n\r\n", [400, 413, 431]);
refused('300000 trailers',                     "${chunked}0\r\n" . "X: t\r\n" x 300_000 . "\r\n", [400, 413, 431]);
refused('a size with two million leading zeros', $chunked . '0' x 2_000_000 . "5\r\nhello\r\n0\r\n\r\n", [400, 413, 431]);

$server->keeps_step(@in_step);
$server->refuses(@refused);

# Expect (RFC 9110 10.1.1): the final response comes at once; waiting for the body would be a deadlock
for my $case (["GET", 200], ["POST", 405]) {
    my ($method, $status) = @$case;
    my $result = $server->exchange("$method / HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    my @final  = grep { $_->{status} != 100 } @{ $result->{responses} };
    is($final[0]{status}, $status, "$method that expects 100-continue: $status");
    cmp_ok($result->{slept}, '<', 8, "$method that expects 100-continue: no stall");
    ok($result->{closed}, "$method that expects 100-continue: closed, so that the body is not read as a request");
    $result = $server->exchange("$method / HTTP/1.1\r\n${host}Expect: 100-CONTINUE\r\nContent-Length: " . length($sneaky) . "\r\n\r\n$sneaky$canary");
    is($result->{responses}[0]{status}, $status, "$method with Expect and an immediate body: $status");
    ok(!grep({ $_->{status} == 404 } @{ $result->{responses} }), "$method with Expect and an immediate body: the body is not read as a request");
}
{
    my $result = $server->exchange("POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    is($result->{responses}[0]{status}, 405, 'a chunked body that waits for 100: the response at once');
    ok($result->{closed}, 'a chunked body that waits for 100: closed');
    $result = $server->exchange("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    is($result->{responses}[0]{status}, 405, 'HTTP/1.0: the expectation is ignored (RFC 9110 10.1.1)');
    $result = $server->exchange(get_request('/canary', 'Expect: 100-continue', 'Connection: close'));
    is($result->{responses}[0]{status}, 200, 'an expectation without a body: answered');
    $result = $server->exchange(get_request('/canary', 'Expect: the-unexpected', 'Connection: close'));
    like($result->{responses}[0]{status}, qr/\A(?:200|417)\z/, 'an unknown expectation: answered or 417 (RFC 9110 10.1.1)');
}
SKIP: {
    # curl waits a second for the 100 and then sends; it must still get the response.
    have('curl') or skip 'no curl', 3;
    my $file = put_file($root, 'upload.bin', 'u' x 3_000_000);
    my $url  = $server->url('/');
    like(`curl -s -o /dev/null -w '%{http_code}' -T $file $url`, qr/\A4(?:05|13)\z/, 'curl -T of 3 MB: refused for its method or its size');
    is(`curl -s -o /dev/null -w '%{http_code}' -H 'Expect:' --data-binary \@$file $url`, '413', 'curl that sends 3 MB without Expect: 413');
    is(`curl -s -o /dev/null -w '%{http_code}' -d a=b $url`, '405', 'curl -d: 405');
}

is($server->get('/canary')->{body}, "canary\n", 'the server still works after all of these');
responses_framed();
$server->stop;
done_testing();
