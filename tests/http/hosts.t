# The check of Host (DNS rebinding): a server that is bound to loopback only accepts the names of this machine and those
# of --allow-host.
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
    my ($server, $bytes) = @_;
    my $result = $server->exchange($bytes, count => 1);
    close $result->{socket} if $result->{socket}->opened;
    return $result->{responses}[0] || { status => 'none', body => '', field => {} };
}
sub with_host { my ($server, $host, $target) = @_; return asked($server, 'GET ' . ($target || '/') . " HTTP/1.1\r\nHost: $host\r\n\r\n") }

for my $host ('localhost', 'localhost:8080', 'LOCALHOST', 'localhost.', 'app.localhost:3000', '127.0.0.1', '127.0.0.1:80', '127.9.9.9', '[::1]', '[::1]:8080', '0.0.0.0:8080', '[::]:8080', 'ip6-localhost', '') {
    is(with_host($local, $host)->{status}, 200, "Host '$host': answered");
}
for my $host ('example.org', 'example.org:8080', 'localhost.example.org', '192.168.1.5', '0.0.0.1', '[::2]', '127.0.0.1.nip.io', 'x' x 300) {
    my $response = with_host($local, $host);
    is($response->{status}, 403, 'Host ' . told($host) . ': forbidden');
    unlike($response->{body}, qr/home/, '... and shows nothing of the site');
}
is(with_host($local, 'example.org', '/missing')->{status}, 403, 'a foreign Host and a missing file: 403, not 404');
is(with_host($local, '[::1')->{status}, 400, 'an invalid Host is still 400');
is(with_host($local, 'localhost', $_)->{status}, 400, "an invalid authority is 400: $_") for 'http://a@b/', 'http:///', 'http://[::1/';
is(with_host($local, ':80')->{status}, 403, 'a Host without a name, only a port: 403');

like(with_host($local, 'example.org:81')->{body}, qr/--allow-host example\.org\.</, 'the page names the option');
like(with_host($local, "a&'b")->{body}, qr/--allow-host a&amp;&#0?39;b\.</, '... escaped');
like(with_host($local, 'x' x 300)->{body}, qr/--allow-host NAME\.</, '... without a Host that is too long for a name');

# Loads by pages of other sites (Fetch Metadata): what a page can't read, it could still execute or measure.
sub loaded { my ($server, $site, $mode, $target) = @_; return $server->get($target || '/', "Sec-Fetch-Site: $site", "Sec-Fetch-Mode: $mode", 'Sec-Fetch-Dest: script') }
for ('/', '/missing', '/.well-known/tinyhttpd/health') {
    my $response = loaded($local, 'cross-site', 'no-cors', $_);
    is($response->{status}, 403, "a page of another site loads $_: 403");
    like($response->{body}, qr/start it with --cors/, '... which names the option');
    is($response->{field}{'cross-origin-resource-policy'}, 'same-site', '... Cross-Origin-Resource-Policy');
}
is(loaded($local, @$_)->{status}, 200, "Sec-Fetch-Site: $_->[0], Sec-Fetch-Mode: $_->[1]: answered")
    for ['same-site', 'no-cors'], ['same-origin', 'no-cors'], ['none', 'no-cors'], ['cross-site', 'navigate'], ['cross-site', 'cors'];
is($local->get('/')->{field}{'cross-origin-resource-policy'}, 'same-site', 'files have Cross-Origin-Resource-Policy');

# A service worker's script that is missing unregisters itself; an existing one is served.
my $worker = $local->get('/sw.js', 'Service-Worker: script', 'If-None-Match: "a"');
is("$worker->{status} $worker->{field}{'content-type'} $worker->{field}{'cache-control'}", '200 text/javascript; charset=utf-8 no-store', 'a missing service worker: a script');
like($worker->{body}, qr/registration\.unregister\(\)/, '... that unregisters itself');
is($local->get('/sw.js')->{status}, 404, '... for no other request');
put_file($root, 'own.js', 'own()');
is($local->get('/own.js', 'Service-Worker: script')->{body}, 'own()', 'an existing service worker is served');
put_file($root, $_, 'own()') for 'secret.js', 'coded.js.gz';
chmod 0, "$root/secret.js" or die;
is($local->get("/$_", 'Service-Worker: script')->{status}, 404, "... and one that can't be sent is 404: $_") for 'secret.js', 'coded.js';

# Host and absolute-form
is(asked($local, "GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n")->{status}, 403, 'the authority of absolute-form replaces Host (RFC 9112 3.2.2)');
is(asked($local, "GET http://localhost/ HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 200, '... a foreign Host is ignored then');
is(asked($local, "GET / HTTP/1.0\r\n\r\n")->{status}, 200, 'HTTP/1.0 without Host: answered, as it is not from a browser');
is(asked($local, "GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")->{status}, 403, 'HTTP/1.0 with a foreign Host: 403');
is(asked($local, "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 403, 'OPTIONS with a foreign Host: 403');
is(asked($local, "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n")->{status}, 403, 'POST with a foreign Host: 403');
is(asked($local, "HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n")->{status}, 403, 'HEAD with a foreign Host: 403');
responses_framed();
$local->stop;

my $allowing = Harness->start(root => $root, args => ['-j', '1', '--allow-host=Dev.example.org', '--allow-host=.example.net']);
is(with_host($allowing, $_)->{status}, 200, "$_ is allowed") for 'dev.example.org', 'DEV.example.org:1234', 'dev.example.org.', 'example.net', 'a.b.example.net', 'localhost';
is(with_host($allowing, $_)->{status}, 403, "$_ is not allowed") for 'example.org', 'x.dev.example.org', 'badexample.net', 'dev.example.org.evil.com';
# A proxy serves these names to everyone.
for my $host ('dev.example.org', 'a.example.net') {
    my $response = asked($allowing, "GET /sw.js HTTP/1.1\r\nHost: $host\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nService-Worker: script\r\n\r\n");
    is($response->{status}, 404, "$host: a page of another site may load files, and a missing service worker is 404");
    is($response->{field}{'cross-origin-resource-policy'}, undef, '... without Cross-Origin-Resource-Policy');
}
is(loaded($allowing, 'cross-site', 'no-cors')->{status}, 403, '... but not by a loopback name');
like($allowing->get('/sw.js', 'Service-Worker: script')->{body}, qr/unregister/, '... where a missing service worker unregisters itself');
$allowing->stop;

my $any = Harness->start(root => $root, args => ['-j', '1', '--allow-host=*']);
is(with_host($any, 'example.org')->{status}, 200, '* allows every name');
is(loaded($any, 'cross-site', 'no-cors')->{status}, 403, '... but loads by a loopback name stay forbidden');
$any->stop;

# The bound addresses decide, not the words after -b; a second address that is not loopback lifts the check. This test
# connects to 127.0.0.1 only.
for my $option ('--cors', '--cors=https://app.example') {
    my $cors = Harness->start(root => $root, args => ['-j', '1', $option]);
    is(loaded($cors, 'cross-site', 'no-cors')->{status}, 200, "$option: a page of another site may load files");
    isnt($cors->get('/')->{field}{'cross-origin-resource-policy'} // '', 'same-site', '... and Cross-Origin-Resource-Policy does not forbid it');
    $cors->stop;
}

SKIP: {
    gethostbyname('localhost') or skip 'the name localhost leads to no address here', 1;
    my $named = Harness->start(root => $root, args => ['-j', '1', '-b', 'localhost']);
    is(with_host($named, 'example.org')->{status}, 403, 'bound to the name localhost: a foreign Host is 403');
    $named->stop;
}

my $open = Harness->start(root => $root, bare => 1, args => ['-r', $root, '-p', '0', '-b', '0.0.0.0', '-j', '1']);
is(with_host($open, 'example.org')->{status}, 200, 'bound to all addresses: any Host is accepted');
is(loaded($open, 'cross-site', 'no-cors')->{status}, 200, '... and a load by a page of any site');
is($open->get('/sw.js', 'Service-Worker: script')->{status}, 404, '... and a missing service worker is 404');
is($open->get('/')->{field}{'cross-origin-resource-policy'}, undef, '... without Cross-Origin-Resource-Policy');
responses_framed();
$open->stop;

done_testing();
