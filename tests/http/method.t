# Methods (RFC 9110 9, 10.2.1, 15.5.6, 15.6.2)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "<p>page</p>\n");
put_file($root, 'file.txt',   "some text\n");
put_file($root, 'dir/a',      'a');
put_canary($root);
my $server = Harness->start(root => $root);
my $host   = "Host: localhost\r\n";

# Methods are case-sensitive (9.1); an unknown one is 501, a known one that is not allowed 405.
my @unknown = ('get', 'Get', 'gET', 'head', 'options', 'post', 'GETX', 'GE', 'G', 'XGET', 'HEADER', 'BREW', 'PROPFIND', 'MKCOL', 'LOCK', 'PURGE',
    'DESCRIBE', 'M-SEARCH', 'QUERY', "!#\$%&'*+-.^_`|~", 'A' x 32);
my @offered_elsewhere = qw(POST PUT PATCH DELETE TRACE);
$server->refuses(
    (map { ["$_ is unknown (9.1)",                 "$_ / HTTP/1.1\r\n$host\r\n",                                501, 'may stay'] } @unknown),
    ['an unknown method with a body (9.1)',        "BREW / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello",  501, 'may stay'],
    ['an unknown method of a missing file',        "BREW /none HTTP/1.1\r\n$host\r\n",                          501, 'may stay'],
    ['CONNECT (9.3.6)',                            "CONNECT localhost:80 HTTP/1.1\r\n$host\r\n",                405],
    ['CONNECT with a length (9.3.6)',              "CONNECT localhost:80 HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n", 405],
    ['OPTIONS of an invalid path (9.3.7)',         "OPTIONS /%zz HTTP/1.1\r\n$host\r\n",                        400, 'may stay'],
);
$server->keeps_step(
    (map { ["$_ (15.5.6)",                         "$_ /file.txt HTTP/1.1\r\n$host\r\n",                        405] } @offered_elsewhere),
    (map { ["$_ of a directory (15.5.6)",          "$_ /dir HTTP/1.1\r\n$host\r\n",                             405] } @offered_elsewhere),
    (map { ["$_ with a body (15.5.6)",             "$_ /file.txt HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello", 405] } @offered_elsewhere),
    ['OPTIONS (9.3.7)',                            "OPTIONS /file.txt HTTP/1.1\r\n$host\r\n",                   204],
    ['OPTIONS * (9.3.7)',                          "OPTIONS * HTTP/1.1\r\n$host\r\n",                           204],
    ['OPTIONS / (9.3.7)',                          "OPTIONS / HTTP/1.1\r\n$host\r\n",                           204],
    ['OPTIONS with a body (9.3.7)',                "OPTIONS * HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello", 204],
    ['OPTIONS with a chunked body (9.3.7)',        "OPTIONS / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 204],
    ['OPTIONS with Max-Forwards: 0 (7.6.2)',       "OPTIONS * HTTP/1.1\r\n${host}Max-Forwards: 0\r\n\r\n",      204],
    ['OPTIONS with conditions and a range (13.2.1)', "OPTIONS /file.txt HTTP/1.1\r\n${host}If-Match: \"x\"\r\nIf-None-Match: *\r\nRange: bytes=0-0\r\n\r\n", 204],
);

# Allow is the same everywhere (10.2.1).
my @asked = map { "$_ HTTP/1.1\r\n$host\r\n" } 'OPTIONS *', 'OPTIONS /', 'OPTIONS /file.txt', 'OPTIONS http://localhost/file.txt',
    (map { "$_ /file.txt" } @offered_elsewhere), 'POST /', 'POST /dir', 'DELETE /';
my @answers = $server->pipeline(\@asked);
for my $n (0 .. $#asked) {
    my ($asked) = $asked[$n] =~ /\A(\S+ \S+)/;
    is(join(' ', sort split /\s*,\s*/, $answers[$n]{field}{allow} || ''), 'GET HEAD OPTIONS', "$asked: Allow (10.2.1)");
}
my $connect = $server->exchange("CONNECT localhost:80 HTTP/1.1\r\n$host\r\n")->{responses}[0];
is(join(' ', sort split /\s*,\s*/, $connect->{field}{allow} || ''), 'GET HEAD OPTIONS', 'CONNECT: Allow (10.2.1)');
ok(!exists $server->get('/file.txt')->{field}{allow}, 'GET: no Allow on a 200');

# PUT, PATCH and DELETE change nothing; TRACE repeats nothing.
is($server->get('/file.txt')->{body}, "some text\n", 'PUT, PATCH and DELETE leave the file unchanged');
{
    my $response = $server->exchange("TRACE / HTTP/1.1\r\n${host}Cookie: secret=1\r\nX: <b>echo</b>\r\n\r\n", count => 1)->{responses}[0];
    unlike("$response->{body} @{[%{ $response->{field} }]}", qr/secret|echo/, 'TRACE repeats nothing (9.3.8)');
}

SKIP: {
    have('curl') or skip 'no curl', 2;
    my $url = $server->url('/file.txt');
    is(`curl -s -o /dev/null -w '%{http_code}' -X OPTIONS --request-target '*' $url`, '204', 'curl -X OPTIONS *');
    is(`curl -s -o /dev/null -w '%{http_code}' -X DELETE $url`, '405', 'curl -X DELETE');
}

responses_framed();
$server->stop;
done_testing();
