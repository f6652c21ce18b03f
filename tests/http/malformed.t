# The server refuses malformed requests with a status, closes the connection, and reads no further request from it (RFC
# 9112 2.2, 3, 5, 9.6 and 11.2). Body framing is in framing.t, targets and Host in target.t.
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

# A status may be a list where the RFCs leave the choice.
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
    ['a byte above 0x7F in the method',              "G\xc9T / HTTP/1.1\r\n$host\r\n",              400],
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
    ['a byte above 0x7F in a field name (5)',        "GET / HTTP/1.1\r\n${host}Fo\xe9: a\r\n\r\n",  400],
    ['a NUL in a field name (5)',                    "GET / HTTP/1.1\r\n${host}F\0o: a\r\n\r\n",    400],
    ['a NUL in a field value (9110 5.5)',            "GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n",    400],
    ['a bare CR in a field value (2.2)',             "GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n",    400],
    ['a bare CR that would hide a field (2.2)',      "POST / HTTP/1.1\r\n${host}X: \rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['a bare LF after a field (2.2)',                "GET / HTTP/1.1\r\n${host}X: a\nY: b\r\n\r\n", 400],
    ['a bare LF that ends the head (2.2)',           "GET / HTTP/1.1\r\n$host\n",                   400],
    ['a bare CR where the head ends (2.2)',          "GET / HTTP/1.1\r\n$host\r\rX: a\r\n\r\n",     400],
    ['a CR, CR, LF after a field (2.2)',             "GET / HTTP/1.1\r\n${host}X: a\r\r\n\r\n",     400],

    # Other protocols
    ['a TLS record',                                  "\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 32, 400],
    ['the greeting of SSH',                          "SSH-2.0-OpenSSH_9.2\r\n",                     400],
    ['NULs',                                         "\0" x 20,                                     400],
    ['bytes above 0x7F',                             "\xff\xfe\xfd\r\n\r\n",                        400],
    ['a line of SMTP',                               "EHLO localhost\r\n",                          [400, 501]],
    ['JSON',                                         "{\"method\": \"GET\"}\r\n",                   400],
);

$server->refuses(@cases);

# Limits of the head: each has its own status, exactly at the limit; a client that still sends can read it.
sub status_of {
    my ($bytes, %how) = @_;
    my $result = $server->exchange($bytes, count => 1, %how);
    my $response = $result->{responses}[0];
    close $result->{socket} if $result->{socket}->opened;
    return $response ? $response->{status} : $result->{timeout} ? 'no answer' : 'no answer, but the end';
}

is(status_of(get_request('/' . 'a/' x 3999 . 'b')), 404, 'a target of 8000 bytes is read (RFC 9112 3)');
is(status_of(get_request('/?' . 'q' x 7998)), 200, 'a target of 8000 bytes, most of them the query (RFC 9112 3)');
is(status_of(get_request('/?' . 'q' x 8191)), 414, 'a target of 8193 bytes: 414 (RFC 9110 15.5.15)');
is(status_of(get_request('/' . 'a' x 100_000)), 414, 'a target of 100 kB: 414');
is(status_of(get_request('/' . 'a' x 8192), bytewise => 1), 414, 'a target over 8 KiB, byte by byte: 414');
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

# A head cut in two at any byte gives the same response.
{
    my $request = "GET /canary?q HTTP/1.1\r\nHost: localhost\r\nX: a\r\nConnection: close\r\n\r\n";
    my @wrong = grep {
        my $result = $server->exchange($request, split => [$_]);
        @{ $result->{responses} } != 1 || $result->{responses}[0]{body} ne "canary\n" || !$result->{eof}
    } 1 .. length($request) - 1;
    is("@wrong", '', 'a head that is cut at any point is read the same');
}

is($server->get('/canary')->{body}, "canary\n", 'the server still works after all of these');
responses_framed();
$server->stop;
done_testing();
