# A site that has each kind of file, and random requests for it: srand() chooses which.
package RandomRequest;

use strict;
use warnings;

use Exporter qw(import);
use Harness;

our @EXPORT = qw(new_site settle_site SITE_ARGUMENTS random_request remember_tag normalized);

use constant SITE_ARGUMENTS => ('--mime', 'conf=text/x-conf', '--encoded', 'tgz=gzip', '-H', 'X-Own: mine');

my %files = (
    'index.html' => '<p>start', 'about.html' => '<p>about', 'notes' => "one\ntwo\n", 'page' => '<!DOCTYPE html><p>page',
    'docs/guide a/index.html' => '<p>guide', 'docs/index.html' => '<p>docs', 'docs.html' => '<p>docs page', 'empty/x.txt' => 'x',
    'style.css' => 'a {}' x 20, 'style.css.gz' => 'gz', 'style.css.br' => 'br', 'only.txt.gz' => 'only', 'app.3f9c2a1b4d5e6f708192.js' => 'run()',
    'assets/a.js' => 'a()', 'data.tgz' => 'tgz', 'pic.svgz' => 'svgz', 'latin.txt' => "caf\xE9", 'big.bin' => 'x' x 200_000, '.hidden' => 'no',
    'deep/404.html' => '<p>deep', "odd\e[31m.txt" => 'odd', "caf\xC3\xA9.txt" => 'utf-8', "bytes\xFF.txt" => 'bytes', 'zip' => "PK\3\4\0", 'my.conf' => 'a=b',
    '_redirects' => "/old/* /docs/:splat 301\n/re /style.css 200\n# a comment\n/gone /about.html 404\n/loop /nowhere 200\n",
    '_headers'   => "/style.css\n  X-Rule: one\n  Cache-Control: max-age=7\n/*\n  X-All: two\n",
);

my @names = ((map { s/([^\w.\/-])/sprintf '%%%02X', ord $1/ger } sort keys %files), qw(link.css outside docs docs/ docs/guide%20a docs/guide%20a/ empty empty/ about only.txt
    style data.tgz nothing no/thing old/a%20b old/ re re/ gone loop .well-known/x %zz a//b ../up docs/../about deep/none deep/ assets/ metrics .well-known/tinyhttpd/health
    .well-known/tinyhttpd/live.js), '', '');

# Returns the new root.
sub new_site {
    my $root = new_root();
    put_file($root, $_, $files{$_}) for sort keys %files;
    symlink 'style.css', "$root/link.css" or die $!;
    symlink '/etc/passwd', "$root/outside" or die $!;
    return $root;
}

# Returns when the server trusts the times of all files, so that its responses stay the same.
sub settle_site {
    my ($server, $prefix) = @_;
    $server->get("$prefix/$_") for @names;
    $server->dated("$prefix/big.bin");
    $server->get("$prefix/$_") for @names;
    $server->dated("$prefix/notes");
    return;
}

sub any { return $_[rand @_] }
sub maybe { my ($chance, @what) = @_; return rand() < $chance ? any(@what) : () }

my @tags  = ('"x"', '*', 'W/"x"', '"x", "y"', 'junk', '');
my @dates = ('junk', http_date(time + 86_400), http_date(1_000_000_000), http_date(1_000_000_000) . ', ' . http_date(1));
my %tag; # target: ETag of an earlier response

sub remember_tag { my ($target, $response) = @_; $tag{$target} = $response->{field}{etag} if $response->{field}{etag}; return }

sub random_request {
    my ($prefix) = @_;
    my $target = "$prefix/" . any(@names) . join '', maybe(0.1, '?sort=size', '?a=b&c=%41', '?');
    my $method = any(('GET') x 30, 'HEAD', 'HEAD', 'OPTIONS', 'POST', 'DELETE');
    my @fields = (
        'Host: ' . any(('localhost:80') x 20, '127.0.0.1', '[::1]', 'evil.example', 'localhost:x', 'a.localhost'),
        maybe(0.3,  map { "Accept-Encoding: $_" } 'gzip', 'br, gzip;q=0.5', '*;q=0', 'identity;q=0', 'gzip;q=0.001, *;q=0', 'br;q=0.123'),
        maybe(0.3,  map { "Range: $_" } 'bytes=0-0', 'bytes=-1', 'bytes=1-2,4-4', 'bytes=0-0,0-5,-2', 'bytes=9999999-', 'lines=1-2', 'bytes=x', 'bytes=' . join ',', map { 2 * $_ . '-' . 2 * $_ } 0 .. 99),
        maybe(0.15, map { "If-None-Match: $_" } @tags, $tag{$target} // '"z"'),
        maybe(0.15, map { "If-Match: $_" } @tags, $tag{$target} // '"z"'),
        maybe(0.1,  map { "If-Range: $_" } @tags, @dates, $tag{$target} // '"z"'),
        maybe(0.1,  map { "If-Modified-Since: $_" } @dates),
        maybe(0.1,  map { "If-Unmodified-Since: $_" } @dates),
        maybe(0.15, map { "Accept: $_" } 'text/html', '*/*', 'application/json', 'text/plain, text/html;q=0.1'),
        maybe(0.1,  map { "Sec-Fetch-Mode: $_" } qw(navigate cors no-cors)),
        maybe(0.05, map { "Sec-Fetch-Site: $_" } qw(cross-site same-origin none)),
        maybe(0.05, 'Service-Worker: script'),
        maybe(0.05, 'Tinyhttpd-Live: 1'),
        maybe(0.05, 'Access-Control-Request-Method: GET'),
    );
    return { method => $method, target => $target, bytes => "$method $target HTTP/1.1\r\n" . join '', map { "$_\r\n" } @fields };
}

# Returns the status line and the fields, without the time of Date and the random characters of a boundary. A response
# and the one that it is compared with may be of different minutes.
sub normalized {
    my ($status, @lines) = @_;
    return join "\n", $status,
        map { s/^(Date: )\w{3}, \d\d \w{3} \d{4} [\d:]{8} (GMT)\z/$1$2/r =~ s/boundary=tinyhttpd-\w+/boundary=B/r } @lines;
}

1;
