# What other origins may read: --cors (Fetch standard, 3.3).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'data.json', '{}');
mkdir "$root/dir";

sub preflight {
    my ($server, @fields) = @_;
    my $result = $server->exchange(join("\r\n", 'OPTIONS /data.json HTTP/1.1', 'Host: localhost', @fields) . "\r\n\r\n", count => 1);
    close $result->{socket} if $result->{socket}->opened;
    return $result->{responses}[0];
}
sub fields { my ($response, @names) = @_; return [$response->{status}, map { $response->{field}{"access-control-$_"} } @names] }

my @asks = ('Origin: https://app.example', 'Access-Control-Request-Method: GET');

my $server = Harness->start(root => $root, args => ['-j', '1']);
is_deeply(fields($server->get('/data.json', 'Origin: https://app.example'), qw(allow-origin expose-headers)), [200, undef, undef], 'without --cors: no CORS fields');
is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: x-a'), qw(allow-origin allow-methods allow-headers max-age)), [204, (undef) x 4], '... nor in the response to a preflight');
$server->stop;

for my $row (['--cors', '*', 'cross-origin'], ['--cors=https://app.example', 'https://app.example', undef]) {
    my ($option, $origin, $resource) = @$row;
    $server = Harness->start(root => $root, args => ['-j', '1', $option]);
    for my $asked (['Origin: https://app.example'], ['Origin: https://evil.example'], []) {
        my $from = $asked->[0] || 'no origin';
        for my $target ('/data.json', '/missing', '/dir') {
            for my $round (1, 2) {
                my $response = $server->get($target, @$asked);
                is($response->{field}{'access-control-allow-origin'}, $origin, "$option: $target, $from");
                like($response->{field}{'access-control-expose-headers'}, qr/\bContent-Range\b.*\bETag\b/, '... exposes the fields that a script needs');
                is($response->{field}{'timing-allow-origin'}, $origin, '... Timing-Allow-Origin');
                is($response->{field}{'cross-origin-resource-policy'}, $resource, '... Cross-Origin-Resource-Policy');
                unlike($response->{field}{vary} // '', qr/origin/i, '... no Vary: Origin, as all origins get the same');
                is($response->{field}{'access-control-allow-credentials'}, undef, '... never allows credentials');
            }
        }
    }
    is_deeply(fields(preflight($server, @asks), qw(allow-origin allow-methods allow-headers max-age)), [204, $origin, 'GET, HEAD, OPTIONS', undef, 600], "$option: a preflight");
    is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: range,x-requested-with'), 'allow-headers'), [204, 'range,x-requested-with'], '... allows the fields that a preflight names');
    for my $bad ('x a', 'x:y', 'a,b"', "caf\xe9", 'x' x 2000) {
        is_deeply(fields(preflight($server, @asks, "Access-Control-Request-Headers: $bad"), 'allow-headers'), [204, undef], '... does not repeat an invalid value: ' . told($bad));
    }
    is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: range,tinyhttpd-explain'), 'allow-headers'), [204, undef], '... does not allow a script to ask for an explanation');
    is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: a', 'Access-Control-Request-Headers: b'), 'allow-headers'), [204, undef], '... does not repeat two lines');
    my $plain = preflight($server);
    is_deeply(fields($plain, qw(allow-methods max-age)), [204, undef, undef], '... OPTIONS without the fields is no preflight');
    is($plain->{field}{allow}, 'GET, HEAD, OPTIONS', '... OPTIONS without the fields gets Allow');
    responses_framed();
    $server->stop;
}
done_testing();
