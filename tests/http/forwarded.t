# --trust-proxy: the client in the access log is the one that a trusted proxy names; reasons and listings follow it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use IO::Socket::UNIX;
use Test::More;


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
    is(client($trusting, 1, $form{$log}, $forwarded), '203.0.113.7', "$log: the rightmost untrusted address is the client");
    is(client($trusting, 2, $form{$log}, 'X-Forwarded-For: 2001:db8::1'), '2001:db8::1', "$log: an IPv6 client");
    is(client($trusting, 3, $form{$log}, 'X-Forwarded-For: 203.0.113.7, junk'), '127.0.0.1', "$log: a malformed list is ignored");
    is(client($trusting, 4, $form{$log}), '127.0.0.1', "$log: without the field the peer is the client");
    is(client($trusting, 5, $form{$log}, 'X-Forwarded-For: 203.0.113.1', 'X-Forwarded-For: 203.0.113.2'), '203.0.113.2', "$log: two lines form one list");
    $trusting->stop;

    my $strange = Harness->start(root => $root, args => ['--log', $log, '--trust-proxy', '10.0.0.0/8', '--trust-proxy', 'unix']);
    is(client($strange, 1, $form{$log}, $forwarded), '127.0.0.1', "$log: an untrusted peer's field is ignored");
    $strange->stop;

    my $plain = Harness->start(root => $root, args => ['--log', $log]);
    is(client($plain, 1, $form{$log}, $forwarded), '127.0.0.1', "$log: no peer is trusted by default");
    $plain->stop;
}

# Reasons of a 404 are for local clients; the check of Host ignores X-Forwarded-For.
{
    my $server = Harness->start(root => $root, args => ['--trust-proxy', '127.0.0.1']);
    my $port   = $server->port;
    my $reason = qr/--dotfiles/;
    my @asked  = ('Accept: text/html');
    my $body   = sub { return $server->exchange("GET /.hidden HTTP/1.1\r\n" . join('', map { "$_\r\n" } "Host: localhost:$port", @asked, @_) . "\r\n", count => 1)->{responses}[0]{body} };
    like($body->(), $reason, 'a local client gets the reason');
    like($body->('X-Forwarded-For: 127.0.0.1'), $reason, 'a trusted proxy names a local client: it gets the reason');
    unlike($body->('X-Forwarded-For: 203.0.113.7'), $reason, 'a trusted proxy names a remote client: no reason');
    my $foreign = $server->exchange("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", count => 1);
    is($foreign->{responses}[0]{status}, 403, 'a foreign Host is 403, whatever a trusted proxy names');
    $server->stop;

    my $plain = Harness->start(root => $root);
    $port = $plain->port;
    my $told = $plain->exchange("GET /.hidden HTTP/1.1\r\nHost: localhost:$port\r\n$asked[0]\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", count => 1);
    unlike($told->{responses}[0]{body}, $reason, 'X-Forwarded-For from an untrusted peer, a remote client: no reason');
    $told = $plain->exchange("GET /.hidden HTTP/1.1\r\nHost: localhost:$port\r\n$asked[0]\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", count => 1);
    unlike($told->{responses}[0]{body}, $reason, 'X-Forwarded-For from an untrusted peer, a local client: no reason');
    $plain->stop;
}

# Listings are for local clients, too. A client behind an untrusted proxy is never local, whatever its Host.
{
    mkdir "$root/folder" or die $!;
    put_file($root, 'folder/secret', 'listed');
    my $listed = sub {
        my ($server, $host, @fields) = @_;
        my $asked = join '', map { "$_\r\n" } "GET /folder/ HTTP/1.1", "Host: $host", @fields, '';
        my $answer = $server->exchange($asked, count => 1)->{responses}[0];
        return $answer->{status} . ($answer->{body} =~ /secret/ ? ' listed' : '');
    };
    my $behind = Harness->start(root => $root, list => 1, args => ['--allow-host', 'site.example']);
    is($listed->($behind, 'localhost'),                                        '200 listed', 'a local client sees a listing');
    is($listed->($behind, 'site.example'),                                     '404', 'Host is an allowed name, which remote clients use as well: no listing');
    is($listed->($behind, 'localhost', 'X-Forwarded-For: 203.0.113.7'),        '404', 'X-Forwarded-For names a remote client: no listing');
    is($listed->($behind, 'localhost', 'X-Forwarded-For: 127.0.0.1, junk'),    '404', 'X-Forwarded-For is malformed: no listing');
    is($listed->($behind, 'localhost', 'X-Forwarded-For:'),                    '404', 'X-Forwarded-For is empty: no listing');
    is($listed->($behind, 'localhost', 'Via: 1.1 front'),                      '404', 'Via: no listing');
    is($listed->($behind, 'localhost', 'Forwarded: for=203.0.113.7'),          '404', 'Forwarded (RFC 7239): no listing');
    my $by_nginx = $behind->exchange("GET /folder/ HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", count => 1);
    is($by_nginx->{responses}[0]{status}, 404, 'HTTP/1.0 with the server\'s address, as nginx sends by default: no listing');
    $behind->stop;

    my $trusting = Harness->start(root => $root, list => 1, args => ['--trust-proxy', '127.0.0.1', '--allow-host', 'site.example']);
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 127.0.0.1'),        '200 listed', 'a trusted proxy names a local client: a listing');
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 203.0.113.7'),      '404', 'a trusted proxy names a remote client: no listing');
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 127.0.0.1, junk'),  '404', 'a trusted proxy sends a malformed list: no listing');
    is($listed->($trusting, 'localhost', 'Via: 1.1 front'),                    '404', 'a trusted proxy names no client: no listing');
    is($listed->($trusting, 'site.example', 'X-Forwarded-For: 127.0.0.1'),     '404', 'a trusted proxy names a local client, but Host is no name of this machine: no listing');
    $trusting->stop;

    my $open = Harness->start(root => $root, list => 1, args => ['--list', '--allow-host', 'site.example']);
    is($listed->($open, 'site.example', 'X-Forwarded-For: 203.0.113.7'),       '200 listed', '--list: every client sees a listing');
    $open->stop;
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
        is($is, $client, "a peer on a Unix socket, --trust-proxy $trusted: the client is $client");
        $server->stop;
    }
}

responses_framed();
done_testing();
