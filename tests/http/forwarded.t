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
    unlike($told->{responses}[0]{body}, $reason, 'the field of one who is not trusted says enough: there is somebody else');
    $told = $plain->exchange("GET /.hidden HTTP/1.1\r\nHost: localhost:$port\r\n$asked[0]\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", count => 1);
    unlike($told->{responses}[0]{body}, $reason, 'whoever that is said to be');
    $plain->stop;
}

# Listings are for who sits at this machine, too. Behind a proxy on it that is nobody, by whatever name.
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
    is($listed->($behind, 'localhost'),                                        '200 listed', 'a person at this machine sees a listing');
    is($listed->($behind, 'site.example'),                                     '404', 'by a name that is allowed others come, too');
    is($listed->($behind, 'localhost', 'X-Forwarded-For: 203.0.113.7'),        '404', 'so they do where a proxy tells of them');
    is($listed->($behind, 'localhost', 'X-Forwarded-For: 127.0.0.1, junk'),    '404', 'whatever it tells');
    is($listed->($behind, 'localhost', 'X-Forwarded-For:'),                    '404', 'or if it tells nothing');
    is($listed->($behind, 'localhost', 'Via: 1.1 front'),                      '404', 'or only that it is there');
    is($listed->($behind, 'localhost', 'Forwarded: for=203.0.113.7'),          '404', 'or as RFC 7239 has it');
    my $by_nginx = $behind->exchange("GET /folder/ HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", count => 1);
    is($by_nginx->{responses}[0]{status}, 404, 'HTTP/1.0, in which nginx asks by itself, and by the server\'s address');
    $behind->stop;

    my $trusting = Harness->start(root => $root, list => 1, args => ['--trust-proxy', '127.0.0.1', '--allow-host', 'site.example']);
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 127.0.0.1'),        '200 listed', 'a trusted proxy tells of a person at this machine');
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 203.0.113.7'),      '404', 'and of others');
    is($listed->($trusting, 'localhost', 'X-Forwarded-For: 127.0.0.1, junk'),  '404', 'or of nobody that can be understood');
    is($listed->($trusting, 'localhost', 'Via: 1.1 front'),                    '404', 'or of nobody at all');
    is($listed->($trusting, 'site.example', 'X-Forwarded-For: 127.0.0.1'),     '404', 'the name has to be one of this machine as well');
    $trusting->stop;

    my $open = Harness->start(root => $root, list => 1, args => ['--list', '--allow-host', 'site.example']);
    is($listed->($open, 'site.example', 'X-Forwarded-For: 203.0.113.7'),       '200 listed', 'with --list everybody does');
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
        is($is, $client, "a peer of a Unix socket, where $trusted is trusted");
        $server->stop;
    }
}

responses_framed();
done_testing();
