# What is no request is refused with its status, the connection ends, and nothing that follows is taken for a
# request (RFC 9112 2.2, 3, 5, 6, 9.6 and 11.2). Each case goes over a fresh connection at once and again octet
# by octet: the answer may not depend on how the octets arrive.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

bound_seconds(600);

my $root = new_root();
put_file($root, 'index.html', "<p>page</p>\n");
put_file($root, 'canary',     "canary\n");
my $server = Harness->start(root => $root);
my $canary = get_request('/canary');
my $host   = "Host: localhost\r\n";

# A status may be a list where the RFCs leave the choice. Where the request is understood and only its meaning is
# wrong the connection may stay, and must then be in step.
my @cases = (
    # Request line (RFC 9112 3)
    ['two blanks before the target (3)',             "GET  / HTTP/1.1\r\n$host\r\n",                400],
    ['two blanks before the version (3)',            "GET /  HTTP/1.1\r\n$host\r\n",                400],
    ['a tab for a blank (3)',                        "GET\t/ HTTP/1.1\r\n$host\r\n",                400],
    ['a tab before the version (3)',                 "GET /\tHTTP/1.1\r\n$host\r\n",                400],
    ['a blank in the target (3.2)',                  "GET /a b HTTP/1.1\r\n$host\r\n",              400],
    ['a blank before the method (3)',                " GET / HTTP/1.1\r\n$host\r\n",                400],
    ['a blank after the version (3)',                "GET / HTTP/1.1 \r\n$host\r\n",                400],
    ['a bare LF after the request line (2.2)',       "GET / HTTP/1.1\n$host\r\n",                   400],
    ['a bare CR in the request line (2.2)',          "GET / HTTP/1.1\r$host\r\n",                   400],
    ['a CR in the target (2.2)',                     "GET /\rx HTTP/1.1\r\n$host\r\n",              400],
    ['no target (3)',                                "GET HTTP/1.1\r\n$host\r\n",                   400],
    ['only a method (3)',                            "GET\r\n$host\r\n",                            400],
    ['a method that is no token (9110 9.1)',         "G<T / HTTP/1.1\r\n$host\r\n",                 400],
    ['a method in quotes (9110 9.1)',                "\"GET\" / HTTP/1.1\r\n$host\r\n",             400],
    ['a colon in the method (9110 9.1)',             "GET: / HTTP/1.1\r\n$host\r\n",                400],
    ['a NUL in the method',                          "GE\0T / HTTP/1.1\r\n$host\r\n",               400],
    ['an octet above 0x7F in the method',            "G\xc9T / HTTP/1.1\r\n$host\r\n",              400],
    ['a field line for a request line',              "Host: localhost\r\n\r\n",                     400],
    ['a response for a request',                     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400],

    # Version (RFC 9112 2.3, RFC 9110 2.5 and 15.6.6)
    ['HTTP/0.9: no version',                         "GET /\r\n",                                   400],
    ['HTTP/0.9: no version, then fields',            "GET /\r\n$host\r\n",                          400],
    ['HTTP/0.9 by name',                             "GET / HTTP/0.9\r\n$host\r\n",                 505],
    ['HTTP/2.0',                                     "GET / HTTP/2.0\r\n$host\r\n",                 505],
    ['HTTP/3.0',                                     "GET / HTTP/3.0\r\n$host\r\n",                 505],
    ['HTTP/9.9',                                     "GET / HTTP/9.9\r\n$host\r\n",                 505],
    ['HTTP/1.2',                                     "GET / HTTP/1.2\r\n$host\r\n",                 505],
    ['the preface of HTTP/2 (9113 3.4)',             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",            505],
    ['HTTP/1.10',                                    "GET / HTTP/1.10\r\n$host\r\n",                400],
    ['HTTP/11.1',                                    "GET / HTTP/11.1\r\n$host\r\n",                400],
    ['HTTP/1',                                       "GET / HTTP/1\r\n$host\r\n",                   400],
    ['HTTP/1.',                                      "GET / HTTP/1.\r\n$host\r\n",                  400],
    ['HTTP/.1',                                      "GET / HTTP/.1\r\n$host\r\n",                  400],
    ['HTTP/1.1x',                                    "GET / HTTP/1.1x\r\n$host\r\n",                400],
    ['HTTP/1,1',                                     "GET / HTTP/1,1\r\n$host\r\n",                 400],
    ['HTTP/ 1.1',                                    "GET / HTTP/ 1.1\r\n$host\r\n",                400],
    ['HTTP 1.1',                                     "GET / HTTP 1.1\r\n$host\r\n",                 400],
    ['http/1.1: the name is case-sensitive',         "GET / http/1.1\r\n$host\r\n",                 400],
    ['HTTPS/1.1',                                    "GET / HTTPS/1.1\r\n$host\r\n",                400],
    ['HTP/1.1',                                      "GET / HTP/1.1\r\n$host\r\n",                  400],
    ['RTSP/1.0',                                     "GET / RTSP/1.0\r\n$host\r\n",                 400],
    ['RTSP/1.1',                                     "GET / RTSP/1.1\r\n$host\r\n",                 400],
    ['RTSP with its own method',                     "DESCRIBE / RTSP/1.0\r\nCSeq: 1\r\n\r\n",      400],
    ['RTSP OPTIONS',                                 "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",       400],
    ['ICE/1.0',                                      "SOURCE / ICE/1.0\r\n$host\r\n",               400],
    ['ICE with GET',                                 "GET / ICE/1.0\r\n$host\r\n",                  400],

    # Target (RFC 9112 3.2)
    ['GET * (3.2.4)',                                "GET * HTTP/1.1\r\n$host\r\n",                 400, 'may stay'],
    ['HEAD * (3.2.4)',                               "HEAD * HTTP/1.1\r\n$host\r\n",                400, 'may stay'],
    ['a target without a slash (3.2)',               "GET canary HTTP/1.1\r\n$host\r\n",            400, 'may stay'],
    ['a relative target (3.2)',                      "GET ../canary HTTP/1.1\r\n$host\r\n",         400, 'may stay'],
    ['a target that is only a query (3.2)',          "GET ?a HTTP/1.1\r\n$host\r\n",                400, 'may stay'],
    ['a fragment in the target (3.2)',               "GET /#a HTTP/1.1\r\n$host\r\n",               400, 'may stay'],
    ['a fragment in the query (3.2)',                "GET /?a#b HTTP/1.1\r\n$host\r\n",             400, 'may stay'],
    ['authority-form with GET (3.2.3)',              "GET localhost:80 HTTP/1.1\r\n$host\r\n",      400, 'may stay'],
    ['another scheme',                               "GET ftp://localhost/ HTTP/1.1\r\n$host\r\n",  400, 'may stay'],
    ['a scheme without //',                          "GET http:/canary HTTP/1.1\r\n$host\r\n",      400, 'may stay'],
    ['an empty authority (9110 4.2.1)',              "GET http:///canary HTTP/1.1\r\n$host\r\n",    400, 'may stay'],
    ['a scheme alone',                               "GET http:// HTTP/1.1\r\n$host\r\n",           400, 'may stay'],
    ['an octet above 0x7F in the target',            "GET /caf\xe9 HTTP/1.1\r\n$host\r\n",          400, 'may stay'],
    ['UTF-8 in the target',                          "GET /caf\xc3\xa9 HTTP/1.1\r\n$host\r\n",      400, 'may stay'],
    ['an octet above 0x7F in the query',             "GET /?caf\xe9 HTTP/1.1\r\n$host\r\n",         400, 'may stay'],
    ['a NUL in the target',                          "GET /\0 HTTP/1.1\r\n$host\r\n",               400, 'may stay'],
    ['a control octet in the target',                "GET /\x01 HTTP/1.1\r\n$host\r\n",             400, 'may stay'],
    ['an escape octet in the query',                 "GET /?\x1b HTTP/1.1\r\n$host\r\n",            400, 'may stay'],
    ['a DEL in the target',                          "GET /\x7f HTTP/1.1\r\n$host\r\n",             400, 'may stay'],

    # Host (RFC 9112 3.2, RFC 9110 7.2)
    ['no Host',                                      "GET / HTTP/1.1\r\n\r\n",                      400, 'may stay'],
    ['no Host among other fields',                   "GET / HTTP/1.1\r\nAccept: */*\r\nX-Host: a\r\n\r\n", 400, 'may stay'],
    ['no Host with absolute-form',                   "GET http://localhost/ HTTP/1.1\r\n\r\n",      400, 'may stay'],
    ['two Hosts',                                    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'may stay'],
    ['two equal Hosts',                              "GET / HTTP/1.1\r\n$host$host\r\n",            400, 'may stay'],
    ['two Hosts apart, in another case',             "GET / HTTP/1.1\r\n${host}Accept: */*\r\nhOsT: b\r\n\r\n", 400, 'may stay'],
    ['two Hosts on HTTP/1.0',                        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'may stay'],
    ['a Host with a blank inside',                   "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",         400, 'may stay'],
    ['a Host with a slash',                          "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",         400, 'may stay'],
    ['a Host with a user',                           "GET / HTTP/1.1\r\nHost: u\@a\r\n\r\n",        400, 'may stay'],
    ['a Host whose port is no number',               "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n",      400, 'may stay'],
    ['a Host with an open bracket',                  "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",        400, 'may stay'],

    # Field lines (RFC 9112 5)
    ['a blank before the colon (5.1)',               "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",  400],
    ['a tab before the colon (5.1)',                 "GET / HTTP/1.1\r\n${host}X\t: a\r\n\r\n",     400],
    ['a blank before Content-Length\'s colon (5.1)', "POST / HTTP/1.1\r\n${host}Content-Length : 5\r\n\r\nhello", 400],
    ['a blank before Transfer-Encoding\'s colon',    "POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400],
    ['a blank before the first field (2.2)',         "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",  400],
    ['a field folded over lines (5.2)',              "GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n", 400],
    ['a field folded with a tab (5.2)',              "GET / HTTP/1.1\r\n${host}X: a\r\n\tb\r\n\r\n", 400],
    ['Host folded (5.2)',                            "GET / HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", 400],
    ['Transfer-Encoding folded (5.2)',               "POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400],
    ['a line of blanks only (5.2)',                  "GET / HTTP/1.1\r\n${host}X: a\r\n  \r\n\r\n", 400],
    ['a field line without a colon (5)',             "GET / HTTP/1.1\r\n${host}Foo\r\n\r\n",        400],
    ['an empty field name (5)',                      "GET / HTTP/1.1\r\n$host: a\r\n\r\n",          400],
    ['a blank in a field name (5)',                  "GET / HTTP/1.1\r\n${host}Fo o: a\r\n\r\n",    400],
    ['a bracket in a field name (5)',                "GET / HTTP/1.1\r\n${host}Fo(o: a\r\n\r\n",    400],
    ['an octet above 0x7F in a field name (5)',      "GET / HTTP/1.1\r\n${host}Fo\xe9: a\r\n\r\n",  400],
    ['a NUL in a field name (5)',                    "GET / HTTP/1.1\r\n${host}F\0o: a\r\n\r\n",    400],
    ['a NUL in a field value (9110 5.5)',            "GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n",    400],
    ['a bare CR in a field value (2.2)',             "GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n",    400],
    ['a bare CR that would hide a field (2.2)',      "POST / HTTP/1.1\r\n${host}X: \rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['a bare LF after a field (2.2)',                "GET / HTTP/1.1\r\n${host}X: a\nY: b\r\n\r\n", 400],
    ['a bare LF that ends the head (2.2)',           "GET / HTTP/1.1\r\n$host\n",                   400],
    ['a bare CR where the head ends (2.2)',          "GET / HTTP/1.1\r\n$host\r\rX: a\r\n\r\n",     400],
    ['a CR, CR, LF after a field (2.2)',             "GET / HTTP/1.1\r\n${host}X: a\r\r\n\r\n",     400],

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

    # Methods
    ['a method in lower case (9110 9.1)',            "get / HTTP/1.1\r\n$host\r\n",                 501, 'may stay'],
    ['an unknown method (9110 9.1)',                 "BREW / HTTP/1.1\r\n$host\r\n",                501, 'may stay'],
    ['a method of WebDAV (9110 9.1)',                "PROPFIND / HTTP/1.1\r\n$host\r\n",            501, 'may stay'],
    ['a method of one letter',                       "G / HTTP/1.1\r\n$host\r\n",                   501, 'may stay'],
    ['a method that begins as GET',                  "GETX / HTTP/1.1\r\n$host\r\n",                501, 'may stay'],
    ['a method of token characters',                 "!#\$%&'*+-.^_`|~ / HTTP/1.1\r\n$host\r\n",    501, 'may stay'],
    ['a method of RTSP',                             "DESCRIBE / HTTP/1.1\r\n$host\r\n",            501, 'may stay'],
    ['CONNECT (9110 9.3.6)',                         "CONNECT localhost:80 HTTP/1.1\r\n$host\r\n",  405],
    ['CONNECT with a length (9110 9.3.6)',           "CONNECT localhost:80 HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n", 405],

    # No HTTP at all
    ['a TLS hello',                                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 32, 400],
    ['the greeting of SSH',                          "SSH-2.0-OpenSSH_9.2\r\n",                     400],
    ['NULs',                                         "\0" x 20,                                     400],
    ['octets above 0x7F',                            "\xff\xfe\xfd\r\n\r\n",                        400],
    ['a line of SMTP',                               "EHLO localhost\r\n",                          [400, 501]],
    ['JSON',                                         "{\"method\": \"GET\"}\r\n",                   400],
);

my @reset;
for my $case (@cases) {
    my ($name, $octets, $status, $may_stay) = @$case;
    my %wanted = map { $_ => 1 } ref $status ? @$status : $status;
    my $method = $octets =~ /\AHEAD / ? 'HEAD' : 'GET';
    for my $bytewise (0, 1) {
        my $told = "$name" . ($bytewise ? ', octet by octet' : '');
        my $result = $server->exchange($octets . $canary, count => 2, bytewise => $bytewise, methods => [$method, 'GET']);
        my @status = map { $_->{status} } @{ $result->{responses} };
        ok(@status && $wanted{ $status[0] }, "$told: " . join ' or ', sort keys %wanted)
            or diag("got: @status" . ($result->{timeout} ? ' (no answer in time)' : ''));
        if ($may_stay && ($result->{responses}[0]{field}{connection} || '') !~ /close/) {
            is($result->{responses}[1]{body}, "canary\n", "$told: stays in step");
        }
        else {
            ok(@status == 1 && $result->{closed}, "$told: the end, and what follows is no request")
                or diag("statuses: @status closed: $result->{closed}");
            like($result->{responses}[0]{field}{connection} || '', qr/\Aclose\z/i, "$told: says Connection: close");
            push @reset, $told if $result->{reset};
        }
        close $result->{socket} if $result->{socket}->opened;
    }
}

is(join("\n", @reset), '', 'each end is in order: a reset could overtake the answer (RFC 9112 9.6)');

# Bounds on the head: each limit's own status, at its edge; the client can read it although it still sends.
sub status_of {
    my ($octets, %how) = @_;
    my $result = $server->exchange($octets, count => 1, %how);
    my $response = $result->{responses}[0];
    close $result->{socket} if $result->{socket}->opened;
    return $response ? $response->{status} : $result->{timeout} ? 'no answer' : 'no answer, but the end';
}

is(status_of(get_request('/' . 'a/' x 3999 . 'b')), 404, 'a target of 8000 octets is read (RFC 9112 3)');
is(status_of(get_request('/?' . 'q' x 7998)), 200, 'a target of 8000 octets, most of them the query (RFC 9112 3)');
is(status_of(get_request('/?' . 'q' x 8191)), 414, 'a target of 8193 octets: 414 (RFC 9110 15.5.15)');
is(status_of(get_request('/' . 'a' x 100_000)), 414, 'a target of 100 kB: 414');
is(status_of(get_request('/' . 'a' x 8192), bytewise => 1), 414, 'a target over 8 KiB, octet by octet: 414');
is(status_of('GET /' . 'a' x 4_000_000), 414, 'a target of 4 MB without an end: 414 while it is still sent');
is(status_of(get_request('/', 'X: ' . 'v' x 30_000)), 200, 'a field of 30 kB is read');
is(status_of(get_request('/', 'X: ' . 'v' x 33_000)), 431, 'a field of 33 kB: 431 (RFC 6585 5)');
is(status_of(get_request('/', 'X' x 33_000 . ': v')), 431, 'a field name of 33 kB: 431');
is(status_of(get_request('/', 'X: ' . 'v' x 33_000), split => [map { $_ * 61 } 1 .. 500]), 431, 'a field of 33 kB in small pieces: 431');
is(status_of(get_request('/', map { "X-$_: " . 'v' x 400 } 1 .. 100)), 431, '100 fields of 40 kB together: 431');
is(status_of("GET / HTTP/1.1\r\n${host}X: " . 'v' x 4_000_000), 431, 'a field of 4 MB without an end: 431 while it is still sent');
is(status_of(get_request('/', map { "X-$_: v" } 1 .. 127)), 200, '128 fields are read');
is(status_of(get_request('/', map { "X-$_: v" } 1 .. 128)), 431, '129 fields: 431');
is(status_of(get_request('/', map { 'X: v' } 1 .. 5000)), 431, '5000 fields: 431');
like(status_of('A' x 1000 . " / HTTP/1.1\r\n$host\r\n"), qr/\A(?:501|4..)\z/, 'a method of 1000 letters is refused');
like(status_of('A' x 1_000_000), qr/\A(?:501|4..)\z/, 'a method of 1 MB without an end is refused');
like(status_of("\r\n" x 500_000 . get_request('/')), qr/\A(?:200|4..|no answer, but the end)\z/, 'empty lines without end: answered or refused, never a crash');

# A head that is cut in two at every point gives the same answer.
{
    my $request = "GET /canary?q HTTP/1.1\r\nHost: localhost\r\nX: a\r\nConnection: close\r\n\r\n";
    my @wrong = grep {
        my $result = $server->exchange($request, split => [$_]);
        @{ $result->{responses} } != 1 || $result->{responses}[0]{body} ne "canary\n" || !$result->{eof}
    } 1 .. length($request) - 1;
    is("@wrong", '', 'a head that is cut at any point is read the same');
}

is($server->get('/canary')->{body}, "canary\n", 'after all of it the server serves');
responses_framed();
$server->stop;
done_testing();
