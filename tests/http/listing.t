# Listings of directories without an index, over a socket. tests/unit/site/listing.c tests their content in detail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_base64);
use Encode qw(decode FB_CROAK);
use Harness;
use POSIX qw(mkfifo);
use Test::More;

my $root = new_root();
put_file($root, 'docs/file10.txt', 'x' x 2000);
put_file($root, 'docs/file2.txt',  'y');
put_file($root, 'docs/.hidden',    'z');
put_file($root, 'docs/sub/a',      'a');
put_file($root, 'page/index.html', 'a page');
put_file($root, "odd/$_", 'odd') for "a<b>\"&'.html", "\xff\xfe", "new\nline", 'javascript:alert(1)', '%41', "\xe2\x80\xaegpj.exe", 'a b', '#x', '?y', '\\';
put_file($root, "many/entry-$_.dat", '') for 1 .. 3000;
mkdir "$root/empty";
mkfifo("$root/docs/fifo", 0644);
my $outside = new_root();
put_file($outside, 'secret', 'SECRET');
symlink "$outside/secret", "$root/docs/out" or die;
symlink $outside, "$root/leaves" or die;
symlink 'docs', "$root/inside" or die;
put_canary($root);
my $server = Harness->start(root => $root, list => 1);
my $html   = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8';
my $json   = 'Accept: application/json';

# The links of a listing's rows, decoded.
sub names {
    my ($response) = @_;
    return map { s/%([0-9A-F]{2})/chr hex $1/ger } $response->{body} =~ m{<td><a href="([^"]*)">(?!Up<)}g;
}

# ---------------------------------------------------------------------------------------------------------
# A page
{
    my $page = $server->get('/docs/', $html);
    my $field = $page->{field};
    is("$page->{status} $page->{reason}", '200 OK', 'a directory without an index: 200');
    is($field->{'content-type'}, 'text/html; charset=utf-8', 'HTML');
    is(join(' ', names($page)), 'sub/ file2.txt file10.txt', 'lists what is served: no dot names, no FIFO, no link that leads out of the root');
    is($field->{vary}, 'Accept', 'Vary: Accept (12.5.5)');
    is($field->{'cache-control'}, 'no-cache', 'Cache-Control: no-cache');
    ok(!exists $field->{$_}, "no $_") for 'etag', 'last-modified', 'accept-ranges';
    unlike($page->{body}, qr/\s(?:style|on\w+)=|https?:|\bsrc=|url\(/, 'no external resource, no inline handler or style');
    my @allowed = map { sha256_base64($_) . '=' } $page->{body} =~ m{<(?:style|script)>(.*?)</}gs;
    is($field->{'content-security-policy'}, "default-src 'none'; img-src data:; style-src 'sha256-$allowed[0]' 'sha256-$allowed[1]'; "
        . "script-src 'sha256-$allowed[2]'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        'the Content-Security-Policy allows the page\'s own styles and script only');
    is(join(' ', names($server->get('/docs/?sort=size&order=desc', $html))), 'sub/ file10.txt file2.txt', 'in the order of the query');
    is($server->get('/docs/', $_)->{field}{'content-type'}, 'text/html; charset=utf-8', "HTML for $_")
        for 'Accept: */*', 'X: y', 'Accept: application/json;q=0.5, text/html', 'Accept: text/html, application/json', 'Accept: image/png';
    is($server->get('/docs/', 'Range: bytes=0-3', $html)->{status}, 200, 'Range is ignored (14.2)');
    is($server->get('/docs/', $_->[0], $html)->{status}, $_->[1], "$_->[0], without validators: $_->[1] (13.1)")
        for ['If-Match: "x"', 412], ['If-Match: *', 200], ['If-None-Match: "x"', 200], ['If-None-Match: *', 304],
            ['If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT', 200], ['If-Unmodified-Since: Sun, 09 Sep 2001 01:46:40 GMT', 200];
    is(join(' ', names($server->get('/inside/', $html))), 'sub/ file2.txt file10.txt', 'through a link that stays inside the root');
    like($server->get('/empty/', $html)->{body}, qr/This folder is empty/, 'an empty directory');
    is($server->get('/', $html)->{status}, 200, 'the root');
    is($server->get('/page/', $html)->{body}, 'a page', 'a directory with an index: the index');
    is($server->get('/docs', $html)->{status}, 302, 'without the final slash: a redirect');
    is($server->get($_, $html)->{status}, 404, "$_: 404") for '/leaves/', '/none/', '/.git/', '/docs/file2.txt/', '/docs/fifo/';
    is($server->exchange("POST /docs/ HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1)->{responses}[0]{status}, 405, 'POST: 405');
}

# ---------------------------------------------------------------------------------------------------------
# Programs that read listings: they compare the text of a link with its target, and follow all links.
{
    my $body = $server->get('/docs/', $html)->{body};
    like($body, qr{<a href="sub/">sub/</a>}, 'a folder: link and text are equal');
    like($body, qr{<a href="file2.txt">file2.txt</a>}, 'a file: link and text are equal');
    unlike($body, qr/<a [^>]*href="[^"]*\?/, 'no link has a query');
}
for my $case (
    ['wget', "wget -q -r -np -nH --cut-dirs=${\(1 + (Harness::BASE =~ tr|/||))} -P '%s' %s", 'docs/'],
    ['lftp', "lftp -e 'set net:max-retries 1; mirror . %s; quit' %s", 'docs/'],
    ['rclone', "rclone --config=/dev/null copy :http: '%s' --http-url %s", 'docs/']) {
    my ($program, $command, $folder) = @$case;
    SKIP: {
        have($program) or skip "no $program", 1;
        my $copy = new_root();
        system 'sh', '-c', 'HOME=/nonexistent timeout 1000 ' . sprintf($command, $copy, $server->url("/$folder")) . " >'$copy.said' 2>&1";
        my @got = sort grep { !/index\.html/ } map { s{\A\Q$copy\E/}{}r } grep { -f } glob("$copy/* $copy/*/*");
        is("@got", 'file10.txt file2.txt sub/a', "$program copies a listing") or diag(slurp("$copy.said"));
        unlink "$copy.said";
    }
}
{
    my %times;
    at_rest($server->pid); # the lines are written
    $times{$_}++ for $server->log =~ m{"GET \Q${\Harness::BASE}\E(\S+) HTTP/1\.1" 200 \d+ "[^"]*" "Wget}g;
    SKIP: {
        have('wget') or skip 'no wget', 1;
        is(join(' ', map { "$_ $times{$_}" } sort keys %times), '/docs/ 1 /docs/file10.txt 1 /docs/file2.txt 1 /docs/sub/ 1 /docs/sub/a 1',
            'wget -r -np requests each address once');
    }
}

# ---------------------------------------------------------------------------------------------------------
# JSON
{
    my $answer = $server->get('/docs/', $json);
    is($answer->{field}{'content-type'}, 'application/json', 'JSON where it is asked for');
    is($answer->{field}{vary}, 'Accept', 'JSON: Vary');
    $answer->{body} =~ s/"mtime":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/"mtime":T/g;
    is($answer->{body}, qq([\n{"name":"sub","type":"directory","mtime":T,"href":"./sub/"},\n)
        . qq({"name":"file2.txt","type":"file","size":1,"mtime":T,"href":"./file2.txt"},\n)
        . qq({"name":"file10.txt","type":"file","size":2000,"mtime":T,"href":"./file10.txt"}\n]\n), 'JSON: an array, in order');
    is($server->get('/docs/', $_)->{field}{'content-type'}, 'application/json', "JSON for $_")
        for 'Accept: application/json; charset=utf-8', 'Accept: application/json, text/plain, */*', 'Accept: text/html;q=0.8, Application/JSON;q=0.9';
}

# ---------------------------------------------------------------------------------------------------------
# Names of any bytes: each link leads to its file.
{
    my $page = $server->get('/odd/', $html);
    ok(eval { decode('UTF-8', my $copy = $page->{body}, FB_CROAK); 1 }, 'odd names: valid UTF-8');
    my @links = $page->{body} =~ m{<td><a href="([^"]*)">(?!Up<)}g;
    is(scalar @links, 10, 'odd names: all are there');
    for my $link (@links) {
        is($server->get("/odd/$link")->{body}, 'odd', "odd names: $link");
    }
    unlike($page->{body}, qr/<b>|href="(?:javascript:|\?y|#)/, 'odd names: none is markup, a scheme, a query or a fragment');
    my ($answer) = $server->get('/odd/', $json);
    ok(eval { decode('UTF-8', my $copy = $answer->{body}, FB_CROAK); 1 }, 'odd names: JSON is valid UTF-8');
    is(scalar(() = $answer->{body} =~ m{"href":"\./[\w.%~-]+"}g), 10, 'odd names: JSON has all');
}

# ---------------------------------------------------------------------------------------------------------
# HEAD, and bodies of several chunks
{
    for my $target ('/docs/sub/', '/many/') { # not /docs/: a step can end after a link, so that it may be chunked
        my $get  = $server->get($target, $html);
        my $head = $server->exchange("HEAD $target HTTP/1.1\r\nHost: localhost\r\n$html\r\nConnection: close\r\n\r\n");
        my $told = sub { return join ' | ', map { "$_->[0]: $_->[1]" } grep { $_->[0] !~ /\A(?:Date|Connection)\z/ } @{ $_[0]{fields} } };
        is($told->($head->{responses}[0]), $told->($get), "$target: HEAD has the fields of GET (9.3.2)");
        is($head->{rest}, '', "$target: HEAD has no body");
    }
    my $many = $server->get('/many/', $html);
    is($many->{field}{'transfer-encoding'}, 'chunked', 'many entries: chunked');
    ok($many->{chunks} > 10, 'many entries: more than 10 chunks');
    is(join(' ', names($many)), join(' ', map { "entry-$_.dat" } 1 .. 3000), 'many entries: all, in natural order');
    like($many->{body}, qr{</html>\n\z}, 'many entries: complete');
    $server->keeps_step(['a chunked listing', "GET /many/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 200],
        ['HEAD of it', "HEAD /many/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 200], ['a listing with a body', "GET /docs/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 200]);

    # HTTP/1.0 has no chunked coding: the end of the connection ends the body (RFC 9112 6.3). It may come from a proxy,
    # so listings need --list.
    my $old    = Harness->start(root => $root, list => 1, args => ['--list']);
    my $socket = $old->connection;
    print {$socket} Harness::below_base("GET /many/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    my $raw = do { local $/; <$socket> };
    my ($fields, $body) = split /\r\n\r\n/, $raw, 2;
    unlike($fields, qr/^(?:Transfer-Encoding|Content-Length)/mi, 'HTTP/1.0: neither chunks nor a length');
    like($fields, qr/^Connection: close\r?$/mi, 'HTTP/1.0: Connection: close');
    is($body, $many->{body}, 'HTTP/1.0: the same body');
    $raw = $old->exchange("GET /docs/sub/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", count => 1)->{responses}[0];
    is($raw->{field}{connection}, 'keep-alive', 'HTTP/1.0: a small listing has a length, and the connection persists');
    $old->stop;

    # A client that reads slowly or leaves in the middle does not disturb others.
    my @slow = map { $server->connection(receive => 4096) } 1 .. 8;
    syswrite $_, get_request('/many/') for @slow;
    is($server->get('/canary')->{body}, "canary\n", 'another client is served while eight listings are read slowly');
    close $_ for @slow[0 .. 3];
    for my $socket (@slow[4 .. 7]) {
        my $bytes = '';
        eventually { sysread $socket, $bytes, 65536, length $bytes; $bytes =~ /\r\n0\r\n\r\n\z/ };
        is(scalar(() = $bytes =~ /<tr><td>/g), 3000, 'a listing that is read slowly is whole');
        close $socket;
    }
}

# ---------------------------------------------------------------------------------------------------------
# Never stale
{
    my $problems = '';
    for my $round (1 .. 40) {
        put_file($root, "empty/$round", '');
        my $names = join ' ', names($server->get('/empty/', $html));
        $problems .= "$round: $names\n" if $names ne $round;
        unlink "$root/empty/$round";
    }
    is($problems, '', 'each listing shows the directory at the time of its request');
    put_file($root, 'empty/index.html', 'now a page');
    is($server->get('/empty/', $html)->{body}, 'now a page', 'a new index replaces the listing');
}

# ---------------------------------------------------------------------------------------------------------
# What the worker's user may not read
{
    my @names = map { "locked/$_" } qw(secret.txt open.txt group.txt);
    put_file($root, $_, 'x') for @names, 'locked/shut/a', 'locked/entered/a', 'private/index.html', 'private/other.txt';
    symlink 'secret.txt', "$root/locked/link" or die;
    symlink "$root/locked/open.txt", "$root/locked/absolute" or die;
    symlink '/etc/passwd', "$root/locked/outside" or die;
    my $mode = $> == 0 ? 0600 : 0000; # root's workers are another user
    chmod $mode, "$root/locked/secret.txt", "$root/private/index.html" or die;
    chmod 0444, "$root/locked/group.txt" or die;
    chmod $> == 0 ? 0700 : 0000, "$root/locked/shut" or die;
    chmod 0711, "$root/locked/entered" or die;
    is(join(' ', sort(names($server->get('/locked/', $html)))), 'absolute entered/ group.txt open.txt',
        'a listing has nothing that the server\'s user may not read');
    my $page = $server->get('/private/', $html);
    is($page->{status}, 403, 'an index that may not be read: 403, no listing');
    like($page->{body}, qr/index\.html.* is a file that the server&#39;s user may not read\./, 'the reason is on the page of a local client');
    unlike($page->{body}, qr/other\.txt|rebinding/, 'and neither a listing nor another reason');
    chmod 0644, "$root/private/index.html";
    is($server->get('/private/', $html)->{body}, 'x', 'readable again: the index');
    chmod 0755, "$root/locked/shut";
}

responses_framed();
$server->stop;

# ---------------------------------------------------------------------------------------------------------
# Names longer than NAME_MAX, as vfat, CIFS and FUSE have them (tests/http/preload/names.c)
{
    my $root = new_root();
    my @names = ("\xe3\x81\x82" x 200, 'a' x 256, 'b' x 512, '1a' x 300, '9' x 765, '"' x 700, "\x01" x 1024, "\xff" x 1023, 'l' x 700, 'd' x 800, 'm' x 4095,
        'q' . '"' x 2720, 'o' x 4096, "\xfe" x 3000);
    my %unreachable = (12 => 1, 13 => 1); # longer than a path, and than a target
    for my $i (0 .. $#names) {
        if    ($names[$i] =~ /^l/) { symlink 'file', "$root/name-$i" or die }
        elsif ($names[$i] =~ /^d/) { put_file($root, "name-$i/inside", 'inside') }
        else                       { put_file($root, "name-$i", "file $i") }
    }
    put_file($root, 'file', 'linked');
    my $list = put_file(new_root(), 'names', join '/', @names);
    local %ENV = (%ENV, preload('names'), NAMES => $list);
    my $server = Harness->start(root => $root, list => 1, args => ['-j', '1']);
    $server->expect_stderr(qr{\Atinyhttpd: can't read '/': File too large$}m); # the 503 of JSON
    my ($worker) = $server->workers;
    my $page = $server->get('/', $html);
    my %found = map { (s{/\z}{}r => 1) } names($page);
    is(join(' ', grep { !$found{ $names[$_] } } 0 .. $#names), '12 13', 'long names: all are listed but two that no request can name');
    like($page->{body}, qr/Only a part, there are more: 1 folder, 12 files</, 'long names: the page says that some are left out');
    my %link = map { (s/%([0-9A-F]{2})/chr hex $1/ger => $_) } $page->{body} =~ m{<td><a href="([^"]*)">(?!Up<)}g;
    my @bodies = map { $unreachable{$_} ? () : $names[$_] =~ /^d/ ? $server->get("/$link{\"$names[$_]/\"}inside")->{body} : $server->get("/$link{$names[$_]}")->{body} } 0 .. $#names;
    is(join(' | ', @bodies), join(' | ', map { $unreachable{$_} ? () : $names[$_] =~ /^d/ ? 'inside' : $names[$_] =~ /^l/ ? 'linked' : "file $_" } 0 .. $#names),
        'long names: each link leads to its file');
    like($server->get('/', $json)->{status}, qr/\A(?:503|none)\z/, 'long names: JSON can\'t say that some are left out, so it is 503 or cut off');
    unlink "$root/name-12", "$root/name-13";
    $page = $server->get('/', $json);
    is(scalar(() = $page->{body} =~ m{"href":"\./}g), 13, 'long names: JSON has all if all can be named');
    unlike($server->get('/', $html)->{body}, qr/Only a part/, 'long names: the page says nothing if all are listed');
    is(join(' ', $server->workers), $worker, 'long names: no worker died');
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# Listings that clients do not read use a bounded share of the memory.
{
    my $root = new_root();
    put_file($root, 'small/one', '1');
    put_file($root, 'small/two', '2');
    put_file($root, 'huge/' . sprintf('%0240d', 0), '');
    for my $i (1 .. 30_000) { link "$root/huge/" . sprintf('%0240d', 0), sprintf '%s/huge/%s-%d', $root, 'x' x 240, $i or die $! }
    my $server = Harness->start(root => $root, list => 1, args => ['-j', '1']);
    my $start = resident_bytes($server->pid);
    my $hold = sub {
        my $socket = $server->connection(receive => 4096);
        syswrite $socket, get_request('/huge/');
        my $bytes = '';
        eventually { sysread $socket, $bytes, 4096, length $bytes; $bytes =~ /aria-live="polite">[^<]*</ };
        return [$socket, $bytes =~ /aria-live="polite">([^<]*)</];
    };
    my @held = $hold->();
    like($held[0][1], qr/\AOnly a part, there are more: \d+ files\z/, 'a listing that reaches its share of the memory says how many entries are left out');
    my $one = resident_bytes($server->pid) - $start;
    push @held, $hold->() for 2 .. 60;
    my $all = resident_bytes($server->pid) - $start;
    is(scalar(grep { $_->[1] =~ /: 0 files/ } @held), 0, 'sixty listings: each says how many files are left out');
    my $page = $server->get('/small/', $html);
    is("$page->{status} " . join(' ', names($page)), '200 one two', 'another listing is whole while sixty are not read');
    SKIP: {
        skip 'memory is not told under a sanitizer', 2 if is_sanitized();
        note(sprintf 'one: %.1f MiB, sixty: %.1f MiB', $one / 2**20, $all / 2**20);
        cmp_ok($one, '<', 15 * 2**20, 'one unread listing takes less than 15 MiB');
        cmp_ok($all, '<', 75 * 2**20, 'sixty unread listings take less than 75 MiB');
    }
    close $_->[0] for @held;
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# Links up are relative to the address, as a browser resolves them (RFC 3986 5.2).
{
    my $deep = new_root();
    put_file($deep, 'a/b/file.txt', 'x');
    my $server = Harness->start(root => $deep, list => 1);
    for my $path ('/a/b/', '//a/b/', '/a//b/', '/a/b//', '///a///b///', '/a%2Fb/', '/a/./b/', '/a/b/../b/', '/a/', '/a//', '/') {
        my $body = $server->get($path, $html)->{body};
        my @up = $body =~ m{<a href="((?:\.\./)+)"[^>]*>(?:<bdi>)?([^<]*)}g;
        my ($folders) = $path =~ /b/ ? 2 : $path =~ /a/ ? 1 : 0;
        my %expected = (Up => $folders == 2 ? 'a' : '', a => 'a', '/' => '');
        my @wrong;
        while (my ($link, $text) = splice @up, 0, 2) {
            my @at = split m{/}, $path, -1; # with an empty first and last segment
            pop @at for 1 .. 1 + ($link =~ tr{/}{});
            my $found = join '/', grep { length } map { s/%2F/\//r } @at;
            push @wrong, "$text: $link" if $found ne $expected{$text};
        }
        is("@wrong", '', "$path: no link up leads elsewhere");
        like($body, qr{<h1>.*/.*<bdi>a</bdi>.*<i>/</i><bdi>b</bdi></h1>}, "$path: the directories of the path") if $folders == 2;
        like($body, qr{<td><a href="file\.txt">file\.txt</a>}, "$path: the file") if $folders == 2;
        like($body, qr{<a href="\.\./">Up</a>}, "$path: a link up") if $path =~ m{\A/{1,2}a/(?:b/)?\z};
    }
    $server->stop;
}

# A name that turns the direction of text is shown as it is ordered; its link is exact.
{
    my $server = Harness->start(root => $root, list => 1);
    my $page = $server->get('/odd/', $html)->{body};
    like($page, qr{<a href="%E2%80%AEgpj\.exe">\xEF\xBF\xBDgpj\.exe</a>}, 'U+202E in a name: shown as U+FFFD, exact in the link');
    unlike($page, qr/\xE2\x80\xAE/, 'U+202E in a name: not in the page');
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# Which clients may see listings
{
    my $open = Harness->start(root => $root, list => 1, bind => '0.0.0.0');
    is($open->get('/docs/', $html)->{status}, 404, 'not bound to loopback: 404');
    $open->stop;
    my $asked = Harness->start(root => $root, list => 1, bind => '0.0.0.0', args => ['--list']);
    is($asked->get('/docs/', $html)->{status}, 200, 'not bound to loopback, --list: 200');
    $asked->stop;
    my $never = Harness->start(root => $root, list => 1, args => ['--no-list']);
    is($never->get('/docs/', $html)->{status}, 404, '--no-list: 404');
    $never->stop;
}
done_testing();
