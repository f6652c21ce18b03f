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
is_deeply(fields($server->get('/data.json', 'Origin: https://app.example'), qw(allow-origin expose-headers)), [200, undef, undef], 'without --cors nothing is said');
is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: x-a'), qw(allow-origin allow-methods allow-headers max-age)), [204, (undef) x 4], '... nor to a preflight');
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
                like($response->{field}{'access-control-expose-headers'}, qr/\bContent-Range\b.*\bETag\b/, '... with the fields that a script needs');
                is($response->{field}{'timing-allow-origin'}, $origin, '... and the times');
                is($response->{field}{'cross-origin-resource-policy'}, $resource, '... and who may embed it');
                unlike($response->{field}{vary} // '', qr/origin/i, '... the same for all, so that nothing varies by it');
                is($response->{field}{'access-control-allow-credentials'}, undef, '... never with credentials');
            }
        }
    }
    is_deeply(fields(preflight($server, @asks), qw(allow-origin allow-methods allow-headers max-age)), [204, $origin, 'GET, HEAD, OPTIONS', undef, 600], "$option: a preflight");
    is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: range,x-requested-with'), 'allow-headers'), [204, 'range,x-requested-with'], '... that names fields');
    for my $bad ('x a', 'x:y', 'a,b"', "caf\xe9", 'x' x 2000) {
        is_deeply(fields(preflight($server, @asks, "Access-Control-Request-Headers: $bad"), 'allow-headers'), [204, undef], '... not repeated: ' . told($bad));
    }
    is_deeply(fields(preflight($server, @asks, 'Access-Control-Request-Headers: a', 'Access-Control-Request-Headers: b'), 'allow-headers'), [204, undef], '... nor two lines');
    my $plain = preflight($server);
    is_deeply(fields($plain, qw(allow-methods max-age)), [204, undef, undef], '... OPTIONS alone is none');
    is($plain->{field}{allow}, 'GET, HEAD, OPTIONS', '... and says what is offered');
    responses_framed();
    $server->stop;
}

$server = Harness->start(root => $root, args => ['-j', '1', '--cors', '--isolate']);
is($server->get('/data.json')->{field}{'cross-origin-resource-policy'}, 'cross-origin', '--cors with --isolate: who may read it may embed it');
$server->stop;
done_testing();
