# --trust-proxy: whose request the access log says it was, where a trusted proxy tells; and what that changes besides.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use IO::Socket::UNIX;
use Test::More;

bound_seconds(60);

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, '.hidden', 'not served');

my $forwarded = 'X-Forwarded-For: 198.51.100.9, 203.0.113.7, 10.0.0.1';

# The client of the newest line.
sub client {
    my ($server, $count, $pattern, @fields) = @_;
    $server->get('/', @fields);
    my ($client) = ($server->log_lines($count))[$count - 1] =~ $pattern;
    return $client // 'none';
}

my %form = (combined => qr/\A(\S+) - - /, json => qr/"client":"([^"]*)"/);
for my $log (sort keys %form) {
    my $trusting = Harness->start(root => $root, args => ['--log', $log, '--trust-proxy', '127.0.0.0/8', '--trust-proxy', '10.0.0.0/8']);
    is(client($trusting, 1, $form{$log}, $forwarded), '203.0.113.7', "$log: the rightmost that is not trusted");
    is(client($trusting, 2, $form{$log}, 'X-Forwarded-For: 2001:db8::1'), '2001:db8::1', "$log: an IPv6 client");
    is(client($trusting, 3, $form{$log}, 'X-Forwarded-For: 203.0.113.7, junk'), '127.0.0.1', "$log: a malformed list is ignored");
    is(client($trusting, 4, $form{$log}), '127.0.0.1', "$log: without the field it is the peer");
    is(client($trusting, 5, $form{$log}, 'X-Forwarded-For: 203.0.113.1', 'X-Forwarded-For: 203.0.113.2'), '203.0.113.2', "$log: two lines are one list");
    $trusting->stop;

    my $strange = Harness->start(root => $root, args => ['--log', $log, '--trust-proxy', '10.0.0.0/8', '--trust-proxy', 'unix']);
    is(client($strange, 1, $form{$log}, $forwarded), '127.0.0.1', "$log: another peer is not believed");
    $strange->stop;

    my $plain = Harness->start(root => $root, args => ['--log', $log]);
    is(client($plain, 1, $form{$log}, $forwarded), '127.0.0.1', "$log: nobody is by default");
    $plain->stop;
}

# Reasons of a 404 are for who sits at this machine; the host guard judges the peer all the same.
{
    my $server = Harness->start(root => $root, args => ['--trust-proxy', '127.0.0.1']);
    my $port   = $server->port;
    my $reason = qr/--dotfiles/;
    my @asked  = ('Accept: text/html');
    my $body   = sub { return $server->exchange("GET /.hidden HTTP/1.1\r\n" . join('', map { "$_\r\n" } "Host: localhost:$port", @asked, @_) . "\r\n", count => 1)->{responses}[0]{body} };
    like($body->(), $reason, 'a client on this machine is told the reason');
    like($body->('X-Forwarded-For: 127.0.0.1'), $reason, 'so is one that a trusted proxy found here');
    unlike($body->('X-Forwarded-For: 203.0.113.7'), $reason, 'one from elsewhere is not');
    my $foreign = $server->exchange("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", count => 1);
    is($foreign->{responses}[0]{status}, 403, 'a foreign host is refused as ever');
    $server->stop;

    my $plain = Harness->start(root => $root);
    $port = $plain->port;
    my $told = $plain->exchange("GET /.hidden HTTP/1.1\r\nHost: localhost:$port\r\n$asked[0]\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", count => 1);
    unlike($told->{responses}[0]{body}, $reason, 'a proxy that is not trusted is told none, whoever it names');
    $plain->stop;
}

# A Unix socket
{
    my $folder = tempdir(CLEANUP => 1);
    chmod 0777, $folder;
    my $ask = sub {
        my ($path) = @_;
        my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path) or die "$path: $!";
        syswrite $socket, "GET / HTTP/1.0\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
        1 while sysread $socket, my $buffer, 4096;
        return;
    };
    for my $case (['unix', '203.0.113.7'], ['127.0.0.1', '-']) {
        my ($trusted, $client) = @$case;
        my $server = Harness->start(root => $root, args => ['-b', "unix:$folder/$client", '--log', 'combined', '--trust-proxy', $trusted]);
        $ask->("$folder/$client");
        my ($is) = ($server->log_lines(1))[0] =~ $form{combined};
        is($is, $client, "a peer of a Unix socket, where $trusted is trusted");
        $server->stop;
    }
}

responses_framed();
done_testing();
