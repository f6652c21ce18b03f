# Who may call the server by which name (DNS rebinding): bound to loopback addresses only, it answers to their names and to
# those that are allowed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
put_file($root, 'index.html', "home\n");
put_file($root, '404.html', "missing\n");

my $local = Harness->start(root => $root, args => ['-j', '1']);

sub asked {
    my ($server, $octets) = @_;
    my $result = $server->exchange($octets, count => 1);
    close $result->{socket} if $result->{socket}->opened;
    return $result->{responses}[0] || { status => 'none', body => '', field => {} };
}
sub with_host { my ($server, $host, $target) = @_; return asked($server, 'GET ' . ($target || '/') . " HTTP/1.1\r\nHost: $host\r\n\r\n") }

for my $host ('localhost', 'localhost:8080', 'LOCALHOST', 'localhost.', 'app.localhost:3000', '127.0.0.1', '127.0.0.1:80', '127.9.9.9', '[::1]', '[::1]:8080', '') {
    is(with_host($local, $host)->{status}, 200, "Host '$host': answered");
}
for my $host ('example.org', 'example.org:8080', 'localhost.example.org', '192.168.1.5', '0.0.0.0', '[::]', '127.0.0.1.nip.io', 'x' x 300) {
    my $response = with_host($local, $host);
    is($response->{status}, 403, 'Host ' . told($host) . ': forbidden');
    unlike($response->{body}, qr/home/, '... and nothing of the site is told');
}
is(with_host($local, 'example.org', '/missing')->{status}, 403, 'nor is it told what is missing');
is(with_host($local, '[::1')->{status}, 400, 'an invalid Host is still 400');
is(with_host($local, 'localhost', $_)->{status}, 400, "so is an invalid authority: $_") for 'http://a@b/', 'http:///', 'http://[::1/';
is(with_host($local, ':80')->{status}, 403, 'a port alone is no name');

like(with_host($local, 'example.org:81')->{body}, qr/--allow-host example\.org</, 'the page says what to type');
like(with_host($local, "a&'b")->{body}, qr/--allow-host a&amp;&#0?39;b</, '... escaped');
like(with_host($local, 'x' x 300)->{body}, qr/--allow-host NAME</, '... but repeats no name that is none');

# Which name counts
is(asked($local, "GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n")->{status}, 403, 'the authority of absolute-form counts (RFC 9112 3.2.2)');
is(asked($local, "GET http://localhost/ HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 200, '... and not Host then');
is(asked($local, "GET / HTTP/1.0\r\n\r\n")->{status}, 200, 'HTTP/1.0 without Host: no browser');
is(asked($local, "GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")->{status}, 403, 'HTTP/1.0 with one');
is(asked($local, "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 403, 'OPTIONS is guarded as well');
is(asked($local, "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n")->{status}, 403, 'so is what is not offered');
is(asked($local, "HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 403, 'so is HEAD');
responses_framed();
$local->stop;

my $allowing = Harness->start(root => $root, args => ['-j', '1', '--allow-host=Dev.example.org', '--allow-host=.example.net']);
is(with_host($allowing, $_)->{status}, 200, "$_ is allowed") for 'dev.example.org', 'DEV.example.org:1234', 'dev.example.org.', 'example.net', 'a.b.example.net', 'localhost';
is(with_host($allowing, $_)->{status}, 403, "$_ is not") for 'example.org', 'x.dev.example.org', 'badexample.net', 'dev.example.org.evil.com';
$allowing->stop;

my $any = Harness->start(root => $root, args => ['-j', '1', '--allow-host=*']);
is(with_host($any, 'example.org')->{status}, 200, '* allows every name');
$any->stop;

# The addresses decide that are bound, not what was typed; a second one that others reach lifts the guard. Connected to is
# only 127.0.0.1, in any case.
my $named = Harness->start(root => $root, args => ['-j', '1', '-b', 'localhost']);
is(with_host($named, 'example.org')->{status}, 403, 'bound to the name localhost: guarded');
$named->stop;

my $open = Harness->start(root => $root, bare => 1, args => ['-r', $root, '-p', '0', '-b', '0.0.0.0', '-j', '1']);
is(with_host($open, 'example.org')->{status}, 200, 'bound to all addresses: any name');
responses_framed();
$open->stop;

done_testing();
