# --rules: the site's _redirects and _headers, and the addresses of its host. The parsers' tables: tests/unit/http.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


sub new_site {
    my (%files) = @_;
    my $root = new_root();
    put_file($root, $_, $files{$_}) for keys %files;
    return $root;
}

sub get { my ($server, $target, @fields) = @_; return $server->get($target, @fields) }
sub field { my ($response, $name) = @_; return $response->{field}{ lc $name } // "" }
sub value { my $value = field(@_); return ref $value ? join("|", @$value) : $value }

# [target, status, Location or body]
sub answers {
    my ($server, $what, @rows) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $row (@rows) {
        my ($target, $status, $expected) = @$row;
        my $response = get($server, $target);
        my $got = $status =~ /^30/ ? value($response, 'Location') : $response->{body};
        is("$response->{status} $got", "$status $expected", "$what: $target");
    }
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Addresses of hosts: the table of slorber/trailing-slash-guide

my %pages = (
    'file.html' => 'file', 'folder/index.html' => 'folder', 'both.html' => 'both page', 'both/index.html' => 'both index',
    '404.html'  => 'lost', 'deep/404.html' => 'deep lost', 'index.html' => 'home',
);
my $site = new_site(%pages, 'node.js.html' => 'node', 'two' => 'no page', 'two.html' => 'a page');
my %expected = (
    netlify => [
        ['/file', 200, 'file'], ['/file/', 301, '/file'], ['/file.html', 200, 'file'], ['/folder', 301, '/folder/'], ['/folder/', 200, 'folder'],
        ['/folder/index.html', 200, 'folder'], ['/both', 200, 'both page'], ['/both/', 301, '/both'], ['/both.html', 200, 'both page'],
        ['/none', 404, 'lost'], ['/deep/none', 404, 'lost'], ['/', 200, 'home'], ['/file/?a=b', 301, '/file?a=b'],
    ],
    cloudflare => [
        ['/file', 200, 'file'], ['/file/', 308, '/file'], ['/file.html', 308, '/file'], ['/folder', 308, '/folder/'], ['/folder/', 200, 'folder'],
        ['/folder/index.html', 308, '/folder/'], ['/both', 200, 'both page'], ['/both/', 200, 'both index'], ['/both.html', 308, '/both'],
        ['/none', 404, 'lost'], ['/deep/none', 404, 'deep lost'], ['/deep/er/none', 404, 'deep lost'], ['/deep/er/none/', 404, 'deep lost'],
        ['/', 200, 'home'], ['/index.html', 308, '/'], ['/file.html?a=b', 308, '/file?a=b'], ['//file.html', 308, '/file'],
        ['/index', 308, '/'], ['/folder/index', 308, '/folder/'], ['/folder/index/?a=b', 308, '/folder/?a=b'], ['/deep', 404, 'lost'], ['/deep/', 404, 'deep lost'],
        ['/node.js', 200, 'node'], ['/node.js.html', 308, '/node.js'], ['/two', 200, 'no page'], ['/two.html', 200, 'a page'], ['/two/', 308, '/two'],
    ],
);
for my $host (sort keys %expected) {
    my $server = Harness->start(root => $site, args => ["--rules=$host"], list => 1);
    answers($server, $host, @{ $expected{$host} });
    is(get($server, $_)->{status}, 404, "$host: a directory without an index is not there: $_") for '/deep', '/deep/';
    $server->stop;
    $server = Harness->start(root => $site, args => ["--rules=$host", '--list']);
    like(get($server, '/deep/')->{body}, qr/404\.html/, "$host: --list lists it");
    $server->stop;
}
{
    my $server = Harness->start(root => new_site('index.html' => 'the application', 'a.js' => 'x'), args => ['--rules=cloudflare']);
    answers($server, 'cloudflare, no 404.html anywhere', ['/any/path', 200, 'the application'], ['/none.js', 200, 'the application'], ['/a.js', 200, 'x']);
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# _redirects

my $redirects = <<'RULES';
# old addresses
/old        /new
/moved      /new      302
/file.html  /shadowed
/news/*     /blog/:splat  302
/app/*      /app.html     200
/api/:v/u/:id  /users?id=:id&v=:v  303
/temporary  /new 307
/permanent  /new#part 308
/gone       /404.html 410
/law        /404.html 451
/elsewhere  https://example.com/a?b=c
/loop       /loop 200
/v1/*       /folder/:splat 200
/idx        /folder 200
/list       /deep/ 200
/none-list  /deep/ 404
/chain      /old 200
/hidden     /.secret 200
/any/*      /:splat 302
/up/*       /./down/../:splat/../x/. 302
RULES
my @plain = (
    ['/old', 301, '/new'], ['/old?x=1', 301, '/new?x=1'], ['/moved', 302, '/new'], ['/file.html', 200, 'file'], ['/news/2024/a', 302, '/blog/2024/a'],
    ['/news/%C3%A9%2Fb%25', 302, '/blog/%C3%A9/b%25'], ['/app/any/route', 200, 'application'], ['/app.html', 200, 'application'], ['/api/2/u/ann%26x', 303, '/users?id=ann%26x&v=2'],
    ['/temporary', 307, '/new'], ['/permanent?q', 308, '/new?q#part'], ['/gone', 410, 'lost'], ['/law', 451, 'lost'], ['/elsewhere?d', 301, 'https://example.com/a?b=c'],
    ['/loop', 404, 'lost'], ['/v1/', 200, 'folder'], ['/v1/index.html', 200, 'folder'], ['/idx', 200, 'folder'], ['/list', 404, 'lost'], ['/none-list', 404, 'lost'], ['/chain', 404, 'lost'], ['/hidden', 404, 'lost'], ['/none', 404, 'lost'],
    # No foreign host and no further line comes from a placeholder.
    ['/up/a/b', 302, '/a/x/'], ['/any/%252e%252e/a', 302, '/%252e%252e/a'],
    ['/any//example.com', 302, '/example.com'], ['/any/%2F%2Fexample.com', 302, '/example.com'], ['/any/%5Cexample.com', 302, '/%5Cexample.com'],
    ['/any/%0D%0AX-Evil:1', 302, '/%0D%0AX-Evil%3A1'], ['/any/%09/example.com', 302, '/%09/example.com'],
);
my $ruled = new_site(%pages, _redirects => $redirects, 'app.html' => 'application', '.secret' => 'secret', '_routes.json' => '{}', '_headers' => '');
{
    my $server = Harness->start(root => $ruled, args => ['--rules'], list => 1);
    answers($server, 'plain', @plain);
    answers($server, 'the files of rules are never served', map { [$_, 404, 'lost'] } qw(/_redirects /_headers /_routes.json /%5Fredirects /x/../_redirects));
    put_file($ruled, $_, 'encoded') for my @encoded = map { ("_redirects.$_", "_headers.$_", "_routes.json.$_") } qw(gz br zst);
    answers($server, 'nor their encoded forms', map { ["/$_", 404, 'lost'] } @encoded);
    is(get($server, '/_headers', 'Accept-Encoding: gzip, br, zstd')->{status}, 404, 'nor one of these for the file itself');
    unlink map { "$ruled/$_" } @encoded;
    like(get($server, '/old', 'Accept: text/html')->{body}, qr/This address leads to another one, which the Location field has\./, 'the page of a redirect');
    my ($head) = $server->exchange("HEAD /old HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")->{responses}[0];
    is("$head->{status} " . value($head, 'Location'), '301 /new', 'HEAD: the same');
    $server->stop;

    $server = Harness->start(root => $ruled);
    answers($server, 'without --rules', ['/old', 404, 'lost'], ['/_redirects', 404, 'lost'], ['/_headers', 404, 'lost'], ['/file.html', 200, 'file']);
    $server->stop;
}
{
    my $server = Harness->start(root => $ruled, args => ['--rules', '--base', '/repo/']);
    answers($server, 'below a base', ['/repo/any/' . '%C3%A9' x 1300, 302, '/repo/' . '%C3%A9' x 1300], ['/repo/old', 301, '/repo/new'], ['/repo/app/x', 200, 'application'], ['/repo/elsewhere', 301, 'https://example.com/a?b=c'], ['/old', 404, 'lost']);
    $server->stop;
}
{
    my $base = '%E6%BC%A2' x 80;
    my $server = Harness->start(root => new_site(%pages, _redirects => "/c/* /:splat/:splat 301\n"), args => ['--rules', '--base', $base, '-j', '1']);
    my ($worker) = $server->workers;
    my @statuses = map { get($server, "/$base/c/" . "\xC3\xA9" x $_)->{status} } 100, map { 4 * $_ } 490 .. 600;
    like(join(' ', @statuses), qr/\A301(?: 301)+(?: 414)+\z/, 'a Location that is too long: 414');
    is(($server->workers)[0], $worker, 'no worker ends');
    $server->stop;
}
{
    my $server = Harness->start(root => new_site(%pages, _redirects => "/file.html /forced 301!\n/both /plain\n/id id=:id /posts/:id\n"), args => ['--rules=netlify']);
    answers($server, 'netlify', ['/file.html', 301, '/forced'], ['/both', 200, 'both page'], ['/id?id=7', 301, '/posts/7?id=7'], ['/id', 404, 'lost']);
    $server->stop;
    $server = Harness->start(root => new_site(%pages, _redirects => "/id id=:id /posts/:id\n/half id=:id /%2E:id/x\n"), args => ['--rules=netlify', '--base', '/repo/']);
    answers($server, 'no dot segment leaves the base', ['/repo/id?id=../../x', 301, '/repo/x?id=../../x'], ['/repo/id?id=%2e%2E/..', 301, '/repo/?id=%2e%2E/..'],
        ['/repo/id?id=../../../a/./b/..', 301, '/repo/a/?id=../../../a/./b/..'], ['/repo/half?id=.', 301, '/repo/x?id=.'], ['/repo/id?id=..a', 301, '/repo/posts/..a?id=..a']);
    $server->stop;
    $server = Harness->start(root => new_site(%pages, _redirects => "/both /first\n/file /last 301\n"), args => ['--rules=cloudflare']);
    answers($server, 'cloudflare: rules come before files', ['/both', 302, '/first'], ['/file', 301, '/last']);
    $server->stop;
    $server = Harness->start(root => new_site(%pages, _redirects => "/a /file.html 200\n/b /file 200\n"), args => ['--rules=cloudflare']);
    answers($server, 'cloudflare: a rewrite leads to an address', ['/a', 308, '/file'], ['/b', 200, 'file']);
    $server->stop;
    $server = Harness->start(root => new_site(%pages, _redirects => "/w/* /:splat/:splat/x 200\n/q id=:id /:id 200\n"), args => ['--rules=netlify']);
    answers($server, 'a rewrite to a path that no file has', ['/w/' . 'a' x 4100, 404, 'lost'], ['/q?id=%00', 404, 'lost'], ['/q?id=file', 200, 'file']);
    $server->stop;
}

# A service worker that another site left, where rules answer every address
for my $rule ('/* /404.html 404', '/* /index.html 200', '/* /index.html 301', '/* /index.html 410') {
    my $server = Harness->start(root => new_site(%pages, 'own.js' => 'own()', _redirects => "/moved.js /own.js 200\n$rule\n"), args => ['--rules']);
    like(get($server, '/sw.js', 'Service-Worker: script')->{body}, qr/registration\.unregister\(\)/, "$rule: the worker of another site unregisters itself");
    is(get($server, "/$_", 'Service-Worker: script')->{body}, 'own()', "$rule: the site's own is served: $_") for qw(own.js moved.js);
    unlike(get($server, '/sw.js')->{body}, qr/unregister/, "$rule: other requests get what the rule says");
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# _headers

{
    my $root = new_site(%pages, 'assets/a.js' => 'script', 'empty/.keep' => '', _redirects => "/old /new\n", _headers => <<'RULES');
/*
  X-All: yes
  ! Server
/assets/*
  Cache-Control: public, max-age=60
  X-All: assets
/file.html
  Content-Security-Policy: default-src 'self'
/old
  X-Redirect: too
RULES
    my $server = Harness->start(root => $root, args => ['--rules', '-H', 'X-All: command line', '-H', 'X-Other: kept'], list => 1);
    my %of = map { $_ => get($server, $_) } qw(/ /assets/a.js /file.html /old /none /empty/);
    is(value($of{'/'}, 'X-All'), 'yes', 'a field of _headers replaces that of --header');
    is(value($of{'/'}, 'X-Other'), 'kept', 'others of --header stay');
    is(value($of{'/'}, 'Server'), '', 'the server\'s own can be removed');
    is(value($of{'/'}, 'Cache-Control'), 'no-cache', 'Cache-Control is that of the server without a rule');
    is(value($of{'/assets/a.js'}, 'X-All'), 'yes, assets', 'fields of several blocks are joined');
    is(value($of{'/assets/a.js'}, 'Cache-Control'), 'public, max-age=60', 'Cache-Control of a path');
    is(value($of{'/file.html'}, 'Content-Security-Policy'), q(default-src 'self'), 'Content-Security-Policy of a path');
    is(value($of{'/old'}, 'X-Redirect'), 'too', 'redirects have them');
    is(value($of{'/none'}, 'X-All'), 'yes', 'the 404 page has them');
    is(value($of{'/none'}, 'Cache-Control'), 'no-cache', 'but no Cache-Control of a file');
    is(value($of{'/empty/'}, 'X-All'), 'yes', 'listings have them');
    is($of{$_}{status}, { '/old' => 301, '/none' => 404 }->{$_} || 200, "$_: status") for sort keys %of;
    my $etag = value($of{'/assets/a.js'}, 'ETag');
    my $not_modified = get($server, '/assets/a.js', "If-None-Match: $etag");
    is(join(' ', $not_modified->{status}, value($not_modified, 'Cache-Control'), value($not_modified, 'X-All')), '304 public, max-age=60 yes, assets', '304 has them, too (RFC 9110 15.4.5)');
    my $range = get($server, '/assets/a.js', 'Range: bytes=0-2');
    is(join(' ', $range->{status}, $range->{body}, value($range, 'X-All')), '206 scr yes, assets', 'and a range');
    is(value(get($server, '/.well-known/tinyhttpd/health'), 'X-All'), 'command line', 'the health check has none');
    # Many in turn: the sets of fields do not mix.
    my @mixed = map { value(get($server, $_), 'X-All') } ('/', '/assets/a.js') x 20;
    is(join(';', @mixed), join(';', ('yes', 'yes, assets') x 20), 'paths in turn: each has its own');
    $server->stop;
}
{
    my @blocks = map { "/p$_/*\n  X-N: $_\n" } 1 .. 40;
    my $server = Harness->start(root => new_site('index.html' => 'x', _headers => join('', @blocks)), args => ['--rules', '-j', '1']);
    is(join(' ', map { value(get($server, "/p$_/x"), 'X-N') } (1 .. 40, reverse 1 .. 40)), join(' ', 1 .. 40, reverse 1 .. 40), 'more sets of fields than are kept');
    $server->stop;
}

{
    my $root = new_site('index.html' => 'x', _headers => "/*\n" . join('', map { "  X-F$_: v\n" } 1 .. 60) . "  Content-Security-Policy: default-src 'self'\n");
    my $server = Harness->start(root => $root, args => ['--rules', map { ('-H', "Y$_: z") } 1 .. 31]);
    my $response = get($server, '/');
    is(join(' ', map { value($response, $_) } qw(Y31 X-F60 Content-Security-Policy)), "z v default-src 'self'", '31 fields of --header and 61 of _headers: all');
    put_file($root, '_headers', "/*\n  X-A: 1\n" . join('', map { "  X-F$_: " . 'v' x 1900 . "\n" } 1 .. 3) . "  X-Last: 1\n");
    $server->expect_stderr(qr/^tinyhttpd: _headers: the fields of a path/);
    $response = get($server, '/');
    is(value($response, 'X-A'), '1', 'more than 4 KiB: what fits is sent');
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: _headers: the fields of a path have more than 4096 bytes, with those of --header; some are left out$/m }), 'and the rest is told');
    $server->stop;
}

# Cloudflare: nothing hidden, nothing outside the base, and live reload of an application.
{
    my $root = new_site('index.html' => 'the application', '.h/404.html' => 'hidden', 'd/404.html' => 'lost in d');
    my $server = Harness->start(root => $root, args => ['--rules=cloudflare']);
    answers($server, 'no 404.html of a hidden directory', map { [$_, 200, 'the application'] } qw(/.h/x /.h/ /.h/in/ /%2eh/404.html));
    $server->stop;
    put_file($root, 'd/index.html', 'index of d');
    $server = Harness->start(root => $root, args => ['--rules=cloudflare', '--cache', '/d=90']);
    is(value(get($server, '/d/'), 'Cache-Control'), 'public, max-age=90', "--cache /PREFIX holds for a directory's index");
    $server->stop;
    $server = Harness->start(root => $root, args => ['--rules=cloudflare', '--base', '/r']);
    is(get($server, $_)->{status}, 404, "outside the base: $_") for qw(/zz /d/x);
    answers($server, 'below the base', ['/r/zz', 200, 'the application'], ['/r/d/x', 404, 'lost in d']);
    $server->stop;
    $server = Harness->start(root => $root, args => ['--rules=cloudflare', '--watch']);
    my $check = sub { $server->exchange("HEAD $_[0] HTTP/1.1\r\nHost: localhost\r\nTinyhttpd-Live: 1\r\nAccept: text/html\r\nConnection: close\r\n\r\n")->{responses}[0]{status} };
    is($check->('/any/path'), 200, '--watch: a page of the application is checked as its file');
    is($check->('/d/none'), 204, '--watch: a missing one is 204');
    $server->stop;
    $server = Harness->start(root => new_site(_redirects => '', _headers => '', _other => '', map { ("_headers.$_" => '') } qw(gz br zst)), list => 1, args => ['--index', '_redirects']);
    my $listing = get($server, '/')->{body};
    ok($listing =~ /_other/ && $listing !~ /_redirects|_headers/, 'a listing has no files of rules, and no option serves one');
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# Edits and mistakes

{
    my $root = new_site(%pages, _redirects => "/a /one\n", _headers => "/*\n  X-N: 1\n");
    my $server = Harness->start(root => $root, args => ['--rules', '-j', '2']);
    my $fresh = 0;
    for my $round (1 .. 100) {
        put_file($root, '_redirects', "/a /to$round\n");
        put_file($root, '_headers',   "/*\n  X-N: $round\n");
        my $response = get($server, '/a');
        $fresh++ if value($response, 'Location') eq "/to$round" && value($response, 'X-N') eq $round;
    }
    is($fresh, 100, '100 edits: each is in the next response');
    for my $round (1 .. 5) { # a path whose fields are known is asked for while there are none
        unlink "$root/_headers";
        my @without = map { value(get($server, '/'), 'X-N') } 1 .. 4;
        put_file($root, '_headers', "/*\n  X-N: anew $round\n");
        my @with = map { value(get($server, '/'), 'X-N') } 1 .. 4;
        is(join(',', @without, @with), join(',', ('') x 4, ("anew $round") x 4), "_headers removed and made anew, $round: each in the next response");
    }
    unlink "$root/_redirects", "$root/_headers";
    my $response = get($server, '/a');
    is("$response->{status} " . value($response, 'X-N'), '404 ', 'removed: in the next response');
    put_file($root, '_redirects', "/a /back\n");
    is(value(get($server, '/a'), 'Location'), '/back', 'made anew: in the next response');
    chmod 0, "$root/_redirects";
    $server->expect_stderr(my $told = qr/^tinyhttpd: _redirects can't be read by the workers' user; its rules are ignored$/m);
    is(get($server, '/a')->{status}, 404, 'a file that may not be read has no rules');
    ok(eventually(sub { $server->stderr =~ $told }), 'which is told');
    $server->stop;
}
{
    my $root = new_site(%pages, _redirects => "/good /new\n/bad\n/\x00 /x\n/proxy https://example.com 200\n", _headers => "/*\n  Content-Length: 5\n  no colon\n");
    my $server = Harness->start(root => $root, args => ['--rules', '-j', '4']);
    $server->expect_stderr(qr/^tinyhttpd: _(?:redirects|headers):\d+: /);
    get($server, '/') for 1 .. 40;
    is(value(get($server, '/good'), 'Location'), '/new', 'bad lines: the others hold');
    my @told;
    eventually { @told = $server->stderr =~ /^tinyhttpd: (_\w+:\d+): /mg; @told >= 6 };
    is(join(' ', sort @told), '_headers:1 _headers:2 _headers:3 _redirects:2 _redirects:3 _redirects:4', 'each is told once by all workers, with file and line, and the block that has no field');
    put_file($root, '_redirects', join('', map { "/bad$_\n" } 1 .. 100));
    get($server, '/');
    $server->expect_stderr(qr/^tinyhttpd: _redirects: 80 more lines are ignored$/);
    ok(eventually(sub { $server->stderr =~ /^tinyhttpd: _redirects: 80 more lines are ignored$/m }), 'many: counted');
    $server->stop;
}
{
    my $root = new_site(%pages);
    my $server = Harness->start(root => $root, args => ['--rules', '-j', '2']);
    for my $status (999, 301, 999, 301, 999) {
        put_file($root, '_redirects', "/a /b $status\n");
        get($server, '/a') for 1 .. 10;
    }
    $server->expect_stderr(my $told = qr/^tinyhttpd: _redirects:1: .*$/m);
    ok(eventually(sub { (() = $server->stderr =~ /$told/g) == 3 }), 'a bad line that comes back: told again');
    $server->stop;
}
SKIP: {
    have('prlimit') or skip 'no prlimit', 3;
    my $root = new_site(%pages, _headers => "/*\n" . join('', map { "  X-F$_: " . 'v' x 1900 . "\n" } 1 .. 3));
    my $server = Harness->start(root => $root, args => ['--rules', '-j', '1'], as => ['prlimit', '--fsize=4000:4000']);
    $server->expect_stderr(my $told = qr/^tinyhttpd: _headers: the fields of a path have more than 4096 bytes.*$/m);
    $server->expect_stderr(qr/^tinyhttpd: can't create shared memory/m);
    get($server, "/$_") for 1 .. 5;
    ok(eventually(sub { $server->stderr =~ $told }), 'without shared memory: fields that are too long are told');
    is(scalar(() = $server->stderr =~ /$told/g), 1, 'once for five paths');
    $server->stop;
}
{
    my $server = Harness->start(root => new_site('index.html' => 'x', _redirects => '# ' . 'x' x 200_000 . "\n/late /new\n"), args => ['--rules']);
    $server->expect_stderr(qr/^tinyhttpd: _redirects:\d+: /);
    is(get($server, '/late')->{status}, 404, 'a file beyond 64 KiB: the rest is ignored');
    is(get($server, '/')->{status}, 200, 'and the site is served');
    $server->stop;
}
like(run_program('--rules=vercel', '-r', $site)->{err}, qr/--rules 'vercel': give netlify or cloudflare/, 'another host: what to type');

done_testing();
