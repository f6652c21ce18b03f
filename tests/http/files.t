# Which files are served, and with which type: --index, --dotfiles, --symlinks, --mime, --charset, and a single file.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(basename);
use File::Path qw(make_path);
use Harness;
use Test::More;

my $root    = new_root();
my $outside = new_root();
put_file($root, 'index.html', "index\n");
put_file($root, 'start.htm', "start\n");
put_file($root, 'sub/start.htm', "sub start\n");
put_file($root, '.env', "hidden\n");
put_file($root, '.git/config', "hidden too\n");
put_file($root, '.well-known/ok', "ok\n");
put_file($outside, 'file', "outside\n");
put_file($outside, 'dir/page.html', "outside page\n");
symlink 'index.html', "$root/inside.html";
symlink '.env', "$root/shown" or die;
symlink '.git', "$root/shown-too" or die;
symlink "$outside/file", "$root/leak" or die;
symlink '../' . basename($outside) . '/file', "$root/up" or die;
symlink "$outside/dir", "$root/place" or die;
symlink 'loop', "$root/loop" or die;
put_file($root, "text.$_", "text\n") for qw(txt css js json svg md foo BAR);
put_file($root, 'latin.txt', "caf\xe9\n");

sub told_of { my ($server, $target) = @_; my $response = $server->get($target); return $response->{status} eq '200' ? $response->{body} : $response->{status} }
sub type_of { my ($server, $target) = @_; return $server->get($target)->{field}{'content-type'} }

sub served {
    my ($options, %expected) = @_;
    my $server = Harness->start(root => $root, args => ['-j', '1', @$options]);
    my $about = join(' ', @$options) || 'no option';
    for my $round (1, 2) {
        is(told_of($server, $_), $expected{$_}, "$about: $_") for sort keys %expected;
    }
    responses_framed();
    $server->stop;
    return;
}

served([], '/' => "index\n", '/sub/' => 404, '/.env' => 404, '/.git/config' => 404, '/.well-known/ok' => "ok\n",
    '/inside.html' => "index\n", '/leak' => 404, '/up' => 404, '/place/page.html' => 404, '/loop' => 404,
    '/shown' => "hidden\n", '/shown-too/config' => "hidden too\n");
served(['--index=start.htm'], '/' => "start\n", '/sub/' => "sub start\n", '/index.html' => "index\n");
served(['--dotfiles'], '/.env' => "hidden\n", '/.git/config' => "hidden too\n", '/.well-known/ok' => "ok\n", '/../.env' => "hidden\n", '/leak' => 404);
served(['--symlinks=inside'], '/inside.html' => "index\n", '/leak' => 404, '/up' => 404, '/place/page.html' => 404);
served(['--symlinks=none'], '/inside.html' => 404, '/index.html' => "index\n", '/leak' => 404, '/place/page.html' => 404, '/sub/start.htm' => "sub start\n");
served(['--symlinks=all'], '/inside.html' => "index\n", '/leak' => "outside\n", '/up' => "outside\n", '/place/page.html' => "outside page\n",
    '/place/page' => "outside page\n", '/loop' => 404, '/place/../.env' => 404, '/place/../file' => 404, '/%2e%2e/' . basename($outside) . '/file' => 404,
    '/..%2f' . basename($outside) . '/file' => 404, '//etc/passwd' => 404);

# Links that are switched, and changes of their targets
for my $mode ('all', 'none') {
    my $server = Harness->start(root => $root, args => ['-j', '1', "--symlinks=$mode"]);
    put_file($root, 'switched', "file\n");
    put_file($root, 'turned/file', "file\n");
    told_of($server, "/$_") for 'switched', 'turned/file';
    sleep 4; # until both are settled
    is(told_of($server, "/$_"), "file\n", "$mode: $_") for ('switched', 'turned/file') x 2;
    unlink "$root/switched";
    symlink "$outside/file", "$root/switched";
    rename "$root/turned", "$root/was";
    symlink $outside, "$root/turned";
    my $after = $mode eq 'all' ? "outside\n" : 404;
    is(told_of($server, "/$_"), $after, "$mode: $_ is a link now") for ('switched', 'turned/file') x 2;
    if ($mode eq 'all') {
        put_file($outside, 'file', "changed\n");
        is(told_of($server, "/$_"), "changed\n", "$mode: the target of $_ changed") for 'switched', 'turned/file';
        put_file($outside, 'file', "outside\n");
    }
    unlink "$root/switched", "$root/turned", "$root/was/file";
    rmdir "$root/was";
    $server->stop;
}

my $verbose = Harness->start(root => $root, args => ['-j', '1', '-v', '--symlinks=all']);
my $sandbox = $verbose->banner;
SKIP: {
    skip 'no Landlock here', 1 if $sandbox !~ /, Landlock/;
    like($sandbox, qr/read everywhere/, '-v says that the sandbox allows reading everywhere');
}
$verbose->stop;

sub typed {
    my ($options, %expected) = @_;
    my $server = Harness->start(root => $root, args => ['-j', '1', @$options]);
    is(type_of($server, "/$_"), $expected{$_}, join(' ', @$options) . ": $_") for sort keys %expected;
    $server->stop;
    return;
}
my $utf8 = '; charset=utf-8';
typed([], 'text.txt' => "text/plain$utf8", 'latin.txt' => 'text/plain', 'text.json' => 'application/json', 'text.foo' => "text/plain$utf8");
typed(['--charset=iso-8859-1'], map({ ($_ => 'text/plain; charset=iso-8859-1') } 'text.txt', 'latin.txt', 'text.foo'), 'text.css' => 'text/css; charset=iso-8859-1',
    'text.js' => 'text/javascript; charset=iso-8859-1', 'text.json' => 'application/json', 'text.svg' => 'image/svg+xml');
typed(['--charset=none'], 'text.txt' => 'text/plain', 'text.css' => 'text/css', 'latin.txt' => 'text/plain', 'text.svg' => 'image/svg+xml');
my $long = 'application/' . 'x' x 67;
typed(['--mime=foo=text/x-foo', '--mime=bar=application/x-bar', '--mime=txt=application/x-text', '--mime=css=text/plain; charset=koi8-r', "--mime=md=$long",
    '--mime=js=a/b', '--mime=js=text/x-js'],
    'text.foo' => "text/x-foo$utf8", 'text.BAR' => 'application/x-bar', 'text.txt' => 'application/x-text', 'text.css' => 'text/plain; charset=koi8-r', 'text.md' => $long,
    'text.js' => "text/x-js$utf8", 'text.json' => 'application/json', 'index.html' => "text/html$utf8");
put_file($root, $_, "{}\n") for '.well-known/apple-app-site-association', 'app.user.js', 'plain-name';
typed(['--mime=apple-app-site-association=application/json', '--mime=.=text/x-nameless', '--mime=user.js=text/x-user'],
    '.well-known/apple-app-site-association' => 'application/json', 'plain-name' => "text/x-nameless$utf8", 'app.user.js' => "text/x-user$utf8",
    'text.js' => "text/javascript$utf8", 'text.foo' => "text/plain$utf8");

# One file
my $single = Harness->start(bare => 1, root => $root, args => ['-p', '0', '-b', '127.0.0.1', '-j', '1', "$root/start.htm"]);
is(told_of($single, $_), "start\n", "one file: $_") for '/', '/start.htm', '/?x', '/', '/x/..';
is(told_of($single, $_), 404, "one file: $_ is 404") for '/index.html', '/start', '/start.htm/', '/sub/start.htm', '/sub/', '/.well-known/ok';
$single->expect_stderr(qr/\Atinyhttpd: file '.*\/start\.htm' (?:is missing: No such file or directory; responses are 503 meanwhile|is there again)$/);
unlink "$root/start.htm";
for my $path ('/', '/start.htm') {
    my $answer = $single->get($path, 'Accept: text/html');
    is("$answer->{status} $answer->{field}{'retry-after'}", '503 1', "one file: deleted, $path is 503 with Retry-After");
    like($answer->{body}, qr/The file that this server serves is missing \(No such file or directory\)/, "one file: deleted, $path says why");
}
is($single->get('/other')->{status}, 404, 'one file: deleted, other paths are 404');
is($single->get('/.well-known/tinyhttpd/health')->{status}, 503, 'one file: deleted, the health check');
ok(eventually { $single->stderr =~ /is missing: .*\n\z/ }, 'one file: deleted, a line');
put_file($root, 'start.htm', "again\n");
is(told_of($single, '/'), "again\n", 'one file: created again, served');
is($single->get('/.well-known/tinyhttpd/health')->{status}, 200, 'one file: created again, the health check');
ok(eventually { $single->stderr =~ /file '\Q$root\E\/start\.htm' is there again\n\z/ }, 'one file: created again, a line');
is(scalar(() = $single->stderr =~ /^tinyhttpd: file /mg), 2, 'one file: one line each way');
responses_framed();
$single->stop;

# One file, beside others that options or encodings could lead to
my $lone = new_root();
my @others = qw(index.html app.html 404.html report.html report.pdf.html other.txt other.txt.gz gone.html.gz sub/report.pdf sub/index.html);
put_file($lone, $_, "other file $_\n") for @others;
put_file($lone, 'report.pdf', "report\n");
put_file($lone, "report.pdf.$_", "report, encoded $_\n") for qw(gz br);
my @asked = ('/', '/report.pdf', '/report', '/report.pdf/', '/report.pdf.gz', '/nothing', '/gone.html', '/other.txt', '/sub', '/sub/', map { "/$_" } @others);
my @page  = ('Accept: text/html', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document');
for my $options ([], ['--spa'], ['--spa=app.html', '--index=app.html', '--list', '--watch']) {
    my $about = join ' ', 'one file', @$options;
    $single = Harness->start(bare => 1, root => $lone, args => ['-p', '0', '-b', '127.0.0.1', '-j', '1', @$options, "$lone/report.pdf"]);
    for my $target (@asked) {
        my $own = $target eq '/' || $target eq '/report.pdf';
        for my $coding ('identity', 'gzip', 'br') {
            my $body = $coding eq 'identity' ? "report\n" : 'report, encoded ' . ($coding eq 'gzip' ? 'gz' : 'br') . "\n";
            is($single->get($target, "Accept-Encoding: $coding")->{body}, $body, "$about: $target, $coding") if $own;
            my $page = $single->get($target, @page, "Accept-Encoding: $coding");
            is($page->{status}, $own || @$options ? 200 : 404, "$about: $target opened as a page, $coding: the status");
            is($page->{body}, $body, "$about: $target opened as a page, $coding: the file") if $page->{status} == 200;
            unlike($page->{body}, qr/other file/, "$about: $target opened as a page, $coding: no other file");
        }
        my $fetched = $single->get($target, 'Accept: */*', 'Accept-Encoding: gzip');
        is($fetched->{status}, $own ? 200 : 404, "$about: $target fetched by a script: the status");
        unlike($fetched->{body}, qr/other file/, "$about: $target fetched by a script: no other file");
    }
    $single->expect_stderr(qr/\Atinyhttpd: file '.*\/report\.pdf' (?:is missing: No such file or directory; responses are 503 meanwhile|is there again)$/);
    unlink "$lone/report.pdf";
    is($single->get($_, @page, 'Accept-Encoding: gzip')->{status}, $_ eq '/' || @$options ? 503 : 404, "$about: deleted, $_") for '/', '/nothing';
    put_file($lone, 'report.pdf', "report\n");
    utime 0, time - 60, "$lone/report.pdf";
    $single->stop;
}
done_testing();
