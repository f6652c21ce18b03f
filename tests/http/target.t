# The four forms of a request target, and Host (RFC 9112 3.2, RFC 9110 4.2 and 7.2, RFC 3986 3.2.2). Paths are
# in path.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "<p>page</p>\n");
put_canary($root);
my $server = Harness->start(root => $root, args => ['--allow-host=*']);
my $host   = "Host: localhost\r\n";

# Supported forms (RFC 9112 3.2.1 to 3.2.4)
$server->keeps_step(
    ['origin-form (3.2.1)',                          "GET /canary HTTP/1.1\r\n$host\r\n",                       200],
    ['origin-form with a query (3.2.1)',             "GET /canary?a=/?b HTTP/1.1\r\n$host\r\n",                 200],
    ['a colon and two slashes in a path (3.2.1)',    "GET /http://localhost/canary HTTP/1.1\r\n$host\r\n",      404],
    ['absolute-form (3.2.2)',                        "GET http://localhost/canary HTTP/1.1\r\n$host\r\n",       200],
    ['absolute-form with HEAD (3.2.2)',              "HEAD http://localhost/canary HTTP/1.1\r\n$host\r\n",      200],
    ['absolute-form with POST (3.2.2)',              "POST http://localhost/canary HTTP/1.1\r\n$host\r\n",      405],
    ['a scheme in capitals (RFC 3986 3.1)',          "GET HTTP://localhost/canary HTTP/1.1\r\n$host\r\n",       200],
    ['a scheme in mixed case (RFC 3986 3.1)',        "GET hTtP://localhost/canary HTTP/1.1\r\n$host\r\n",       200],
    ['a host in capitals (9110 4.2.3)',              "GET http://LOCALHOST/canary HTTP/1.1\r\n$host\r\n",       200],
    ['absolute-form, path and query (3.2.2)',        "GET http://localhost:8080/canary?q HTTP/1.1\r\n$host\r\n", 200],
    ['absolute-form without a path (9110 4.2.3)',    "GET http://localhost HTTP/1.1\r\n$host\r\n",              200],
    ['absolute-form with only a query (9110 4.2.3)', "GET http://localhost?q HTTP/1.1\r\n$host\r\n",            200],
    ['absolute-form, two slashes in its path',       "GET http://localhost//canary HTTP/1.1\r\n$host\r\n",      200],
    ['absolute-form of a missing file',              "GET http://localhost/none HTTP/1.1\r\n$host\r\n",         404],
    ['a Host that differs is ignored (3.2.2)',       "GET http://localhost/canary HTTP/1.1\r\nHost: other.example\r\n\r\n", 200],
    ['an empty Host beside absolute-form (3.2.2)',   "GET http://localhost/canary HTTP/1.1\r\nHost:\r\n\r\n",   200],
    ['absolute-form on HTTP/1.0 without Host',       "GET http://localhost/canary HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200],
    ['no Host on HTTP/1.0 (9112 3.2)',               "GET /canary HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",  200],
    ['asterisk-form (3.2.4)',                        "OPTIONS * HTTP/1.1\r\n$host\r\n",                         204],
    ['absolute-form for the asterisk (3.2.4)',       "OPTIONS http://localhost HTTP/1.1\r\n$host\r\n",          204],
    ['an asterisk as a name',                        "GET /* HTTP/1.1\r\n$host\r\n",                            404],
);

# Refused forms
my @refused = (
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
    ['a byte above 0x7F in the target',              "GET /caf\xe9 HTTP/1.1\r\n$host\r\n",          400, 'may stay'],
    ['an overlong form in the target',               "GET /\xc0\xaf HTTP/1.1\r\n$host\r\n",        400, 'may stay'],
    ['half of a character before an escape',         "GET /caf\xc3%a9 HTTP/1.1\r\n$host\r\n",       400, 'may stay'],
    ['UTF-8 and a control byte in the target',       "GET /caf\xc3\xa9\x01 HTTP/1.1\r\n$host\r\n",  400, 'may stay'],
    ['UTF-8 and a space in the target',              "GET /caf\xc3\xa9 a HTTP/1.1\r\n$host\r\n",    400],
    ['UTF-8 in the version',                         "GET / HTTP\xc3\xa9/1.1\r\n$host\r\n",         400],
    ['UTF-8 at the start of the target',             "GET \xc3\xa9/ HTTP/1.1\r\n$host\r\n",         400],
    ['UTF-8 in the authority',                       "GET http://\xc3\xa9/ HTTP/1.1\r\n$host\r\n",  400, 'may stay'],
    ['a byte above 0x7F in the query',               "GET /?caf\xe9 HTTP/1.1\r\n$host\r\n",         400, 'may stay'],
    ['a NUL in the target',                          "GET /\0 HTTP/1.1\r\n$host\r\n",               400, 'may stay'],
    ['a control byte in the target',                 "GET /\x01 HTTP/1.1\r\n$host\r\n",             400, 'may stay'],
    ['an escape byte in the query',                  "GET /?\x1b HTTP/1.1\r\n$host\r\n",            400, 'may stay'],
    ['a DEL in the target',                          "GET /\x7f HTTP/1.1\r\n$host\r\n",             400, 'may stay'],

    # Host (RFC 9112 3.2, RFC 9110 7.2)
    ['no Host',                                      "GET / HTTP/1.1\r\n\r\n",                      400, 'may stay'],
    ['no Host among other fields',                   "GET / HTTP/1.1\r\nAccept: */*\r\nX-Host: a\r\n\r\n", 400, 'may stay'],
    ['no Host with absolute-form',                   "GET http://localhost/ HTTP/1.1\r\n\r\n",      400, 'may stay'],
    ['two Hosts',                                    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'may stay'],
    ['two equal Hosts',                              "GET / HTTP/1.1\r\n$host$host\r\n",            400, 'may stay'],
    ['two Hosts apart, in another case',             "GET / HTTP/1.1\r\n${host}Accept: */*\r\nhOsT: b\r\n\r\n", 400, 'may stay'],
    ['two Hosts on HTTP/1.0',                        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'may stay'],
    ['no Host among HTTP/1.0 is valid, a malformed one is not', "GET / HTTP/1.0\r\nHost: a b\r\n\r\n",   400, 'may stay'],
    ['a malformed Host beside absolute-form (3.2)',  "GET http://localhost/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 'may stay'],
    ['two Hosts beside absolute-form (3.2)',         "GET http://localhost/ HTTP/1.1\r\n$host$host\r\n", 400, 'may stay'],
    ['https is not served here (9110 4.2.2)',        "GET https://localhost/ HTTP/1.1\r\n$host\r\n", 400, 'may stay'],
    ['https in capitals',                            "GET HTTPS://localhost/ HTTP/1.1\r\n$host\r\n", 400, 'may stay'],
    ['a scheme that begins as http',                 "GET httpx://localhost/ HTTP/1.1\r\n$host\r\n", 400, 'may stay'],
    ['a scheme with one slash',                      "GET http:/localhost/canary HTTP/1.1\r\n$host\r\n", 400, 'may stay'],
    ['absolute-form with a fragment (3.2)',          "GET http://localhost/#a HTTP/1.1\r\n$host\r\n", 400, 'may stay'],
    ['an empty authority with a query (9110 4.2.1)', "GET http://?q HTTP/1.1\r\n$host\r\n",         400, 'may stay'],
    ['POST * (3.2.4)',                               "POST * HTTP/1.1\r\n$host\r\n",                [400, 405], 'may stay'],
    ['OPTIONS with more than the asterisk (3.2.4)',  "OPTIONS ** HTTP/1.1\r\n$host\r\n",            400, 'may stay'],
    ['OPTIONS with a query after the asterisk',      "OPTIONS *?a HTTP/1.1\r\n$host\r\n",           400, 'may stay'],
    ['OPTIONS with a path after the asterisk',       "OPTIONS */ HTTP/1.1\r\n$host\r\n",            400, 'may stay'],
    ['OPTIONS with authority-form (3.2.3)',          "OPTIONS localhost:80 HTTP/1.1\r\n$host\r\n",  400, 'may stay'],
    ['OPTIONS without a slash (3.2.1)',              "OPTIONS canary HTTP/1.1\r\n$host\r\n",        400, 'may stay'],
    ['authority-form without a port, GET (3.2.3)',   "GET localhost HTTP/1.1\r\n$host\r\n",         400, 'may stay'],
    ['a host and a port, GET (3.2.3)',               "GET [::1]:80 HTTP/1.1\r\n$host\r\n",          400, 'may stay'],
    # A tunnel is never opened, whatever the target (9110 9.3.6).
    ['CONNECT with authority-form (3.2.3)',          "CONNECT localhost:80 HTTP/1.1\r\n$host\r\n",  405],
    ['CONNECT with origin-form (3.2.3)',             "CONNECT /canary HTTP/1.1\r\n$host\r\n",       [400, 405]],
    ['CONNECT with absolute-form (3.2.3)',           "CONNECT http://localhost/ HTTP/1.1\r\n$host\r\n", [400, 405]],
    ['CONNECT with an asterisk (3.2.3)',             "CONNECT * HTTP/1.1\r\n$host\r\n",             [400, 405]],
    ['CONNECT without a port (9110 9.3.6)',          "CONNECT localhost HTTP/1.1\r\n$host\r\n",     [400, 405]],
);

# uri-host [ ":" port ], in Host and in the authority of an absolute-form (RFC 9110 7.2, RFC 3986 3.2.2 and 3.2.3). A
# well-formed address of a later version may be refused as unknown, so it is in neither list.
my @valid = ('a', 'localhost', 'LOCALHOST', 'a:80', 'a:', 'a:0', 'a:99999', 'a.', 'a-b_c.example', '127.0.0.1:8080', '999.999.999.999',
    '%61', 'caf%C3%A9', 'a,b', q{a!$&'()*+,;=~}, '[::1]', '[::1]:8080', '[::1]:', '[::]', '[1:2:3:4:5:6:7:8]', '[1:2:3:4:5:6:7::]',
    '[::2:3:4:5:6:7:8]', '[1::8]', '[FE80::a:B]', '[::ffff:192.0.2.1]', '[1:2:3:4:5:6:192.0.2.1]');
my @invalid = ('a:b', 'a:80:80', 'a:+80', 'a:-1', 'a:80a', 'a::80', '::1', 'u@h', 'u:p@h', '@h', 'a%', 'a%4', 'a%zz', 'a"b', 'a<b>',
    'a\\b', 'a^b', 'a`b', 'a{b}', 'a|b', "caf\xe9", '[::1', '[', ']', '[]', '::1]', '[::1]x', '[::1]8080', '[::1]:x', '[[::1]]', 'x[::1]',
    '[::g]', '[1:2:3]', '[1:2:3:4:5:6:7]', '[1:2:3:4:5:6:7:8:9]', '[1:2:3:4:5:6:7:8::]', '[1::2::3]', '[:::]', '[:1]', '[1:]',
    '[12345::]', '[::1%25eth0]', '[::192.0.2.256]', '[::192.0.2]', '[::192.0.2.01]', '[192.0.2.1]', '[192.0.2.1::]', '[a]', '[v1]', '[v.a]', '[vx.a]', '[v1.]');
my @invalid_host = ('a b', "a\tb", 'a, b', 'a/b', '/', 'a?b', 'a#b', 'http://a', 'a:8 0');

$server->keeps_step(
    ['an empty Host (9112 3.2)', "GET /canary HTTP/1.1\r\nHost:\r\n\r\n", 200],
    ['an empty Host of blanks (9112 3.2)', "GET /canary HTTP/1.1\r\nHost: \t \r\n\r\n", 200],
    ['blanks and tabs around Host (9110 5.5)', "GET /canary HTTP/1.1\r\nHost:\t a \t\r\n\r\n", 200],
    (map { ["Host: $_", "GET /canary HTTP/1.1\r\nHost: $_\r\n\r\n", 200] } @valid),
    (map { ["http://$_/", "GET http://$_/canary HTTP/1.1\r\n$host\r\n", 200] } @valid),
);
$server->refuses(@refused,
    (map { ['Host: ' . told($_), "GET /canary HTTP/1.1\r\nHost: $_\r\n\r\n", 400, 'may stay'] } @invalid, @invalid_host),
    (map { ['http://' . told($_) . '/', "GET http://$_/canary HTTP/1.1\r\n$host\r\n", 400, 'may stay'] } @invalid, '', ':80', 'a b'),
);

# The path of an absolute-form is served.
is($server->get('http://localhost/canary')->{body}, "canary\n", 'absolute-form: the bytes of its path');
is($server->get('http://other.example/canary')->{body}, "canary\n", 'absolute-form: any host is this one');
is($server->get('http://localhost')->{body}, "<p>page</p>\n", 'absolute-form without a path is / (RFC 9110 4.2.3)');
is($server->get('http://localhost?/canary')->{body}, "<p>page</p>\n", 'absolute-form with only a query is /');

responses_framed();
$server->stop;
done_testing();
