# --base: the site below a path, as on GitHub's project pages.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

plan skip_all => 'the files of below_base.t have a base already' if Harness::BASE;

use constant { HTML => 'Accept: text/html', PLAIN => 'Accept: text/plain', NAVIGATION => 'Accept: text/html,*/*;q=0.8' };

my $root = new_root();
put_file($root, 'index.html',    'start');
put_file($root, 'about.html',    'about');
put_file($root, 'docs/index.html', 'docs');
put_file($root, 'bare/sub/a.txt', 'a');
put_file($root, 'bare/b.txt',    'b');
put_file($root, 'assets/app.js', '1');
put_file($root, 'repo/a.txt',    'a folder called like the base');
put_file($root, '.env',          'secret');

sub shown { my ($response) = @_; return join ' ', $response->{status}, $response->{field}{location} // (), $response->{status} eq '200' ? $response->{body} : () }

# Resolves a reference against a path (RFC 3986 5.2).
sub resolved {
    my ($base, $reference) = @_;
    return $reference if $reference =~ m{\A/};
    my @segments = split m{/}, ($base =~ s{[^/]*\z}{}r) . $reference, -1;
    my @kept;
    for my $n (1 .. $#segments) {
        my $segment = $segments[$n];
        pop @kept if $segment eq '..';
        push @kept, $segment if $segment !~ /\A\.\.?\z/;
        push @kept, '' if $segment =~ /\A\.\.?\z/ && $n == $#segments;
    }
    return '/' . join '/', @kept;
}

# ---------------------------------------------------------------------------------------------------------
# Where the site is
my $server = Harness->start(root => $root, list => 1, args => ['--base', '/repo/', '--metrics', '/metrics', '--cache=/assets/=immutable']);
for my $case (
    ['/repo/',               '200 start',             'the index'],
    ['/repo/?a=b',           '200 start',             'with a query'],
    ['/repo/about',          '200 about',             'a page without its extension'],
    ['/repo/about.html',     '200 about',             'a page'],
    ['/repo/docs/',          '200 docs',              'the index of a directory'],
    ['/repo/docs',           '302 docs/',             'a directory without its slash'],
    ['/repo/repo/a.txt',     '200 a folder called like the base', 'a folder called like the base'],
    ['//repo//about',        '200 about',             'repeated slashes'],
    ['/%72epo/about',        '200 about',             'an escape in the base'],
    ['/repo/.env',           '404',                   'a dot name'],
    ['/repo/none',           '404',                   'a missing file'],
    ['/about',               '404',                   'a file of the site outside the base'],
    ['/about.html',          '404',                   '... by its whole name'],
    ['/docs/',               '404',                   'a directory of the site outside the base'],
    ['/docs',                '404',                   '... without its slash'],
    ['/bare/',               '404',                   'a directory to list outside the base'],
    ['/repos/',              '404',                   'a longer name than the base'],
    ['/Repo/',               '404',                   'the base in other letters'],
    ['/repo/../about',       '404',                   'dot segments that leave the base'],
    ['/.well-known/tinyhttpd/health', "200 ok\n",     'the health path stays'],
) {
    my ($target, $expected, $name) = @$case;
    is(shown($server->get($target)), $expected, "$name: $target");
}
like(shown($server->get('/metrics')), qr/\A200 # HELP/, 'the metrics stay');
is($server->get('/repo/metrics')->{status}, 404, '... and are not below the base');
is($server->get('/repo/assets/app.js')->{field}{'cache-control'}, 'public, max-age=31536000, immutable', '--cache /PREFIX is relative to the site');
is(shown($server->exchange("OPTIONS /about HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1)->{responses}[0]), '204', 'OPTIONS has no path');

for my $case (['/', ''], ['/', '?a=b/c'], ['//', ''], ['/.', ''], ['/repo', ''], ['/repo', '?x'], ['/x/..', '?x'], ['http://localhost', ''], ['http://localhost/', '?y'], ['/%72epo', ''], ['//repo', ''], ['/a' x 41 . '/..' x 41, '']) {
    my ($path, $query) = @$case;
    my $response = $server->get("$path$query");
    my $sent     = $path =~ s{\Ahttp://[^/]*}{}r || '/';
    is("$response->{status} " . resolved($sent, $response->{field}{location} // 'none'), "302 /repo/$query", 'redirects to the base: ' . told("$path$query"));
    unlike($response->{field}{location}, qr{\A//}, '... on this host');
}
is($server->get('/', PLAIN)->{field}{'cache-control'}, 'no-cache', 'caches do not keep the redirect');

# ---------------------------------------------------------------------------------------------------------
# Pages of the server
{
    my $page = $server->get('/docs/a&b', HTML);
    like($page->{body}, qr{<aside>The site is below &#39;/repo/&#39; \(--base\)\. Did you mean &#39;/repo/docs/a&amp;b&#39;\?</aside>}, 'outside: the reason names the base');
    my ($suggested) = $page->{body} =~ m{<a href="([^"]*)">Go to /repo/docs/a&amp;b</a>};
    is(resolved('/docs/a&b', $suggested // 'none'), '/repo/docs/a%26b', '... and links to the address below it');
    like($server->get('/docs/', HTML)->{body}, qr{>Go to /repo/docs/</a>}, '... with its slash');
    is($server->get('/docs/', PLAIN)->{body}, "404 Not Found: No file matches this address.\nThe site is below '/repo/' (--base). Did you mean '/repo/docs/'?\n", '... as plain text');
    unlike($server->get('/docs/')->{body}, qr/--base|Go to \/repo/, '... only for a person');
    my $proxied = $server->get('/docs/', HTML, 'Via: 1.1 front');
    unlike($proxied->{body}, qr/--base|Go to \/repo/, '... at this machine');
    is($server->get('/' . 'x' x 4000, HTML)->{status}, 404, 'a path that no reason has room for');
    for my $target ('/none', '/repo/none', '/repo/a/b', '/a/b/') {
        my ($start) = $server->get($target, HTML)->{body} =~ m{<a href="([^"]*)">Go to the start page</a>};
        is(resolved($target, $start // 'none'), '/repo/', "the link to the start page: $target");
    }
    my ($meant) = $server->get('/repo/About.html', HTML)->{body} =~ m{<a href="([^"]*)">Go to /repo/about\.html</a>};
    is(resolved('/repo/About.html', $meant // 'none'), '/repo/about.html', 'a name that was probably meant has the base');
}
for my $case (['/repo/bare/', '../'], ['/repo/bare/sub/', '../../']) {
    my ($target, $up) = @$case;
    my $body = $server->get($target, HTML)->{body};
    like($body, qr{<h1><a href="\Q$up\E" aria-label="Start">/repo/</a>.*<bdi>bare</bdi>}, "listing: the heading of $target begins with the base");
    like($body, qr{<a href="../">Up</a>}, "listing: $target has a link up");
}
unlike($server->get('/repo//bare/', HTML)->{body}, qr/\.\.\//, 'listing: no link up from an address with other slashes');
like($server->get('/repo/bare/', 'Accept: application/json')->{body}, qr{"href":"\./b\.txt"}, 'listing: JSON has relative addresses');
$server->stop;

{
    my $listed = new_root();
    put_file($listed, 'a.txt', 'a');
    my $other = Harness->start(root => $listed, list => 1, args => ['--base', '/a/b%20c']);
    my $body  = $other->get('/a/b%20c/', HTML)->{body};
    like($body, qr{<h1>/a/b c/</h1>}, 'the listing of the root: the whole path in its heading');
    unlike($body, qr{\.\./}, '... and no link out of the base');
    is(shown($other->get($_->[0])), $_->[1], "several segments: $_->[0]")
        for ['/a/b%20c/a.txt', '200 a'], ['/a/', '404'], ['/a', '404'], ['/b%20c/', '404'], ['/a%2Fb%20c%2Fa.txt', '200 a'];
    is(resolved('/a/b%20c', $other->get('/a/b%20c')->{field}{location}), '/a/b%20c/', 'several segments: the redirect');
    like($other->banner, qr{ http://127\.0\.0\.1:\d+/a/b%20c/$}m, 'the banner has the base');
    $other->stop;
}

# ---------------------------------------------------------------------------------------------------------
# With other options
{
    put_file($root, '404.html', 'ours');
    my $other = Harness->start(root => $root, args => ['--base=repo', '--spa', '--watch', '--dotfiles']);
    is(shown($other->get('/repo/route/1', NAVIGATION)) =~ s/\n<script.*//sr, '200 start', '--spa: a route below the base');
    my $outside = $other->get('/route/1', NAVIGATION);
    like("$outside->{status} $outside->{body}", qr/\A404 ours\n<script /, '--spa: not outside; 404.html is for addresses outside, too');
    is($other->get('/repo/none.png')->{body}, 'ours', '404.html below the base');
    is(shown($other->get('/repo/.env')), '200 secret', '--dotfiles');
    my ($script) = $other->get('/repo/docs/', NAVIGATION)->{body} =~ /<script src="([^"]*)"/;
    is($other->get(resolved('/repo/docs/', $script))->{field}{'content-type'}, 'text/javascript; charset=utf-8', '--watch: the script is found below the base');
    my $check = sub { $other->exchange("HEAD $_[0] HTTP/1.1\r\nHost: localhost\r\nTinyhttpd-Live: 1\r\n\r\n", count => 1)->{responses}[0]{status} };
    is(join(' ', map { $check->($_) } '/repo/about.html', '/repo/none', '/none'), '200 204 204', '--watch: the checks of its script');
    my $worker = $other->get('/sw.js', 'Service-Worker: script');
    like("$worker->{status} $worker->{body}", qr/\A200 .*unregister/s, 'a service worker that another site left at the root gives way');
    $other->stop;
    unlink "$root/404.html";
}
{
    my $other = Harness->start(bare => 1, args => ['-p', 0, '-b', '127.0.0.1', '--base', '/repo/', "$root/about.html"]);
    is(shown($other->get($_->[0])), $_->[1], "one file as the site: $_->[0]")
        for ['/repo/', '200 about'], ['/repo/about.html', '200 about'], ['/', '302 ./repo/'], ['/repo', '302 ./repo/'],
            ['/about.html', '404'], ['/repo/index.html', '404'], ['/repo/repo', '404'];
    $other->stop;
}
{
    my $bin = new_root();
    put_file($bin, 'opens', "#!/bin/sh\nprintf %s \"\$1\" >'$bin/next' && mv '$bin/next' '$bin/opened'\n");
    chmod 0755, "$bin/opens";
    my $other = Harness->start(root => $root, args => ['--open=/about?a'], environment => { TINYHTTPD_BASE => '/r%C3%A9po/', BROWSER => "$bin/opens" });
    ok(eventually(sub { -s "$bin/opened" }), '--open: a browser is started');
    is(slurp("$bin/opened"), 'http://localhost:' . $other->port . '/r%C3%A9po/about?a', '--open: the URL has the base');
    is(shown($other->get("/r\xC3\xA9po/about")), '200 about', 'TINYHTTPD_BASE, and UTF-8 that is not percent-encoded');
    my $checked = run_program('--check', '-p', $other->port, '-b', '127.0.0.1', '--base', 'repo');
    is($checked->{status}, 0, '--check finds the health path where it is');
    $other->stop;
}
for my $base ('', '/') {
    my $other = Harness->start(root => $root, args => ['--base', $base]);
    is($other->get('/')->{body}, 'start', "--base '$base' is none");
    $other->stop;
}
responses_framed();
done_testing();
