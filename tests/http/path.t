# From a request target to a file: decoding, dot segments, links, names, redirects (RFC 3986 5.2.4 and 6.2.2,
# RFC 9110 4.1 and 15.4.3). Nothing outside the root is ever served.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(make_path);
use Harness;
use IO::Socket::UNIX;
use POSIX qw(mkfifo);
use Socket qw(SOCK_STREAM);
use Test::More;

# The root is a subdirectory, so that files beside it exist that must not be reached.
my $above = new_root();
my $root  = "$above/site";
put_file($above, 'secret.txt',         'SECRET');
put_file($above, 'site2/secret.txt',   'SECRET');
put_file($above, 'elsewhere/index.html', 'SECRET');
put_file($root,  'index.html',         'top');
put_file($root,  'file.txt',           'file');
put_file($root,  'dir/index.html',     'dir');
put_file($root,  'dir/file.txt',       'dir file');
put_file($root,  'dir/deep/index.html', 'deep');
put_file($root,  'secret.txt',         'inside'); # where a clamped /../secret.txt leads
put_file($root,  'etc/passwd',         'inside passwd');

my $server = Harness->start(root => $root, args => ['-j', '1', '--allow-host=*']);

# Each: target, status, body (undef: any without the secret)
sub served {
    my ($target, $status, $body, $why) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $response = $server->get($target);
    (my $told = $target) =~ s/([^\x20-\x7e])/sprintf '<%02X>', ord $1/ge;
    $told = substr($told, 0, 60) . '...' if length $told > 64;
    is($response->{status}, $status, "$told: $status" . ($why ? ", $why" : ''));
    is($response->{body}, $body, "$told: its bytes") if defined $body;
    unlike($response->{body}, qr/SECRET/, "$told: no bytes from outside the root") if !defined $body;
    return $response;
}

# Percent-encoding (RFC 3986 2.1, 2.3 and 6.2.2)
served('/file%2Etxt',          200, 'file', 'an encoded unreserved character is the same (RFC 3986 6.2.2.2)');
served('/%66%69%6c%65%2e%74%78%74', 200, 'file');
served('/file%2etxt',          200, 'file', 'hexadecimal digits in either case (RFC 3986 6.2.2.1)');
served('/dir%2Ffile.txt',      200, 'dir file', '%2F is a separator');
served('/%2Ffile.txt',         200, 'file');
served('/%',                   400, undef, 'an escape without digits (RFC 3986 2.1)');
served('/%4',                  400, undef, 'an escape of one digit');
served('/%zz',                 400);
served('/%4g',                 400);
served('/%g4',                 400);
served('/%%41',                400);
served('/% 41',                400);
served('/%u0041',              400);
served('/file.txt%',           400);
served('/%00',                 400, undef, 'NUL');
served('/file.txt%00',         400);
served('/file.txt%00.html',    400);
served('/dir/%00/../file.txt', 400);
served('/%2500',               404, undef, 'decoded only once');
served('/%252e%252e/secret.txt', 404, undef, 'decoded only once');
served('/%25',                 404);

# Dot segments, removed after decoding and never above the root (RFC 3986 5.2.4)
served('/./file.txt',                    200, 'file');
served('/dir/../file.txt',               200, 'file');
served('/dir/./deep/../file.txt',        200, 'dir file');
served('/dir/deep/../../file.txt',       200, 'file');
served('/none/../file.txt',              200, 'file', 'dot segments are removed without the disk');
served('/file.txt/../dir/file.txt',      200, 'dir file', 'dot segments are removed without the disk');
served('/..',                            200, 'top');
served('/../',                           200, 'top');
served('/.',                             200, 'top');
served('/./',                            200, 'top');
served('/dir/..',                        200, 'top', 'a last .. names the directory');
served('/dir/.',                         200, 'dir', 'a last . names the directory');
served('/dir/deep/..',                   200, 'dir');
served('/../file.txt',                   200, 'file', 'clamped at the root');
served('/../secret.txt',                 200, 'inside', 'clamped at the root');
served('/../../../../../../etc/passwd',  200, 'inside passwd');
served('/%2e%2e/secret.txt',             200, 'inside');
served('/%2e%2e%2fsecret.txt',           200, 'inside');
served('/..%2fsecret.txt',               200, 'inside');
served('/..%2F..%2Fetc%2Fpasswd',        200, 'inside passwd');
served('/.%2e/secret.txt',               200, 'inside');
served('/%2e/file.txt',                  200, 'file');
served('/dir/%2e%2e/%2e%2e/secret.txt',  200, 'inside');
served('/dir/..%2f..%2fsecret.txt',      200, 'inside');
served('/../site2/secret.txt',           404, undef, 'a directory beside the root whose name begins like it');
served('/../site/file.txt',              404);
served('/../elsewhere/',                 404);
served('/..%5csecret.txt',               404, undef, 'a backslash is no separator');
served('/..\\secret.txt',                404);
served('/dir\\file.txt',                 404);
served('/..;/secret.txt',                404);
served('/..%c0%af..%c0%afsecret.txt',    404, undef, 'overlong UTF-8 is no slash');
served('/' . '../' x 2000 . 'secret.txt', 200, 'inside');
served('/' . 'dir/../' x 1000 . 'file.txt', 200, 'file');
served('http://localhost/../secret.txt', 200, 'inside', 'absolute-form as well');

# Slashes
served('//file.txt',           200, 'file', 'consecutive slashes are one');
served('///',                  200, 'top');
served('/dir//file.txt',       200, 'dir file');
served('/dir///deep//',        200, 'deep');
served('/%2f%2f',              200, 'top');
served('/file.txt/',           404, undef, 'a final slash after a file: 404');
served('/file.txt//',          404);
served('/file.txt/.',          404);
served('/file.txt/x',          404);
served('/file.txt/index.html', 404);

# Names that begin with a dot are 404, except .well-known (RFC 8615)
put_file($root, $_, 'SECRET') for '.htaccess', '.git/config', 'dir/.env', '..odd', '...', '.well-known/.hidden', '.well-knownx';
put_file($root, '.well-known/security.txt', 'Contact: mailto:a@example.org');
put_file($root, '.well-known/acme-challenge/token', 'token');
put_file($root, 'trailing.', 'dots');
put_file($root, 'a..b', 'dots');
served($_, 404, undef, 'a dot name')
    for '/.htaccess', '/.git/config', '/%2egit/config', '/.git/', '/.git', '/dir/.env', '/dir/%2eenv', '/dir//.env',
    '/..odd', '/...', '/.well-known/.hidden', '/.well-knownx', '/.git/../.htaccess', '/none/../.htaccess';
served('/.well-known/security.txt', 200, 'Contact: mailto:a@example.org', 'RFC 8615');
served('/.well-known/acme-challenge/token', 200, 'token', 'RFC 8555 8.3');
served('/%2Ewell-known/security.txt', 200, 'Contact: mailto:a@example.org');
served('/.git/../file.txt', 200, 'file', 'dot segments remove a dot name');
served('/trailing.', 200, 'dots');
served('/a..b', 200, 'dots');

# Every byte of a file name can be percent-encoded.
{
    my @wrong;
    for my $byte (1 .. 255) {
        next if chr $byte eq '/';
        my $name = 'n' . chr($byte) . 'x';
        put_file($root, "bytes/$name", "byte $byte");
        my $response = $server->get(sprintf '/bytes/n%%%02Xx', $byte);
        # The server may refuse control bytes, with 400 or 404.
        my $control = $byte < 0x20 || $byte == 0x7f;
        push @wrong, sprintf '%02X: %s', $byte, $response->{status}
            if $response->{status} == 200 ? $response->{body} ne "byte $byte" : !$control || $response->{status} !~ /\A40[04]\z/;
    }
    is("@wrong", '', 'every byte in a file name, percent-encoded');
    # The characters that need no encoding in a path (RFC 3986 3.3)
    my @plain = grep {
        my $response = $server->get("/bytes/n${_}x");
        $response->{status} != 200 || $response->{body} ne 'byte ' . ord
    } split //, "!\$&'()*+,-.:;=\@_~09azAZ";
    is("@plain", '', 'every pchar in a file name, not encoded (RFC 3986 3.3)');
}
put_file($root, 'a+b', 'plus');
put_file($root, 'a b', 'blank');
put_file($root, 'q?x', 'mark');
put_file($root, "caf\xc3\xa9.txt", 'utf-8');
put_file($root, "caf\xe9.txt", 'latin');
put_file($root, '%41', 'percent');
put_file($root, '-r', 'option');
put_file($root, '~user', 'tilde');
served('/a+b',           200, 'plus',    'a plus is not a space');
served('/a%20b',         200, 'blank');
served('/q%3Fx',         200, 'mark');
served('/q?x',           404, undef,     'a query is not a part of the name');
served('/caf%C3%A9.txt', 200, 'utf-8');
served("/caf\xc3\xa9.txt", 200, 'utf-8', 'raw UTF-8 is taken as if escaped');
served("/caf\xc3\xa9.txt?q=\xc3\xa9", 200, 'utf-8', 'raw UTF-8 in path and query');
served("/file.txt?q=\xc3\xa9", 200, 'file', 'raw UTF-8 in the query');
served("/caf\xe9.txt",    400, undef, 'raw bytes that are not UTF-8');
served('/caf%E9.txt',    200, 'latin',   'a name that is not UTF-8');
served('/%2541',         200, 'percent');
served('/-r',            200, 'option');
served('/~user',         200, 'tilde');
served('/file.txt?a=/../../x', 200, 'file', 'dots in the query are kept');

# Long names
put_file($root, 'n' x 255, 'long');
served('/' . 'n' x 255, 200, 'long', 'the longest file name');
served('/' . 'n' x 256, 404, undef, 'a name longer than NAME_MAX');
served('/' . 'n' x 5000, 404);
served('/' . '%6e' x 255, 200, 'long');
served('/' . 'a/' x 3000, 404, undef, 'a path longer than PATH_MAX');
{
    my $deep = join '/', ('d' x 100) x 30;
    put_file($root, "$deep/file", 'deep');
    served("/$deep/file", 200, 'deep', 'a path of 3 kB');
}

# Symbolic links: those that stay beneath the root work, others are 404
put_file($root, 'links/real.txt', 'real');
symlink 'real.txt',             "$root/links/near";
symlink '../dir/file.txt',      "$root/links/up-and-in";
symlink '../dir',               "$root/links/to-dir";
symlink 'near',                 "$root/links/twice";
symlink '../../secret.txt',     "$root/links/out";
symlink '../..',                "$root/links/parent";
symlink '../../elsewhere',      "$root/links/out-dir";
symlink "$above/secret.txt",    "$root/links/absolute-out";
symlink "$root/file.txt",       "$root/links/absolute-in";
symlink '/',                    "$root/links/slash";
symlink '/etc',                 "$root/links/etc";
symlink '/etc/passwd',          "$root/links/passwd";
symlink '/proc/self/root',      "$root/links/magic";
symlink '/proc/self/fd/0',      "$root/links/magic-fd";
symlink '/dev/zero',            "$root/links/zero";
symlink 'nowhere',              "$root/links/dangling";
symlink 'loop2',                "$root/links/loop1";
symlink 'loop1',                "$root/links/loop2";
symlink 'self',                 "$root/links/self";
symlink '../../site/file.txt',  "$root/links/out-and-in";
make_path("$root/links/index-out");
symlink '../../../secret.txt',  "$root/links/index-out/index.html";
make_path("$root/links/index-in");
symlink '../real.txt',          "$root/links/index-in/index.html";

served('/links/near',              200, 'real', 'a link inside');
served('/links/up-and-in',         200, 'dir file');
served('/links/to-dir/',           200, 'dir');
served('/links/to-dir/file.txt',   200, 'dir file');
served('/links/twice',             200, 'real');
served('/links/absolute-in',       200, 'file');
served('/links/index-in/',         200, 'real');
is(served('/links/to-dir', 302)->{field}{location}, 'to-dir/', 'a link to a directory redirects like a directory');
served($_, 404, undef, 'a link that leaves the root')
    for '/links/out', '/links/parent/secret.txt', '/links/parent/', '/links/parent', '/links/out-dir/', '/links/out-dir',
    '/links/absolute-out', '/links/slash/etc/passwd', '/links/etc/passwd', '/links/passwd', '/links/magic/etc/passwd',
    '/links/magic-fd', '/links/zero', '/links/out-and-in', '/links/index-out/';
served($_, 404, undef, 'a link to nothing') for '/links/dangling', '/links/dangling/', '/links/loop1', '/links/self', '/links/self/x';

# A link that is switched between inside and outside never serves the outside.
{
    my $swapper = fork;
    if (!$swapper) {
        while (1) {
            unlink "$above/swap"; symlink '../../secret.txt', "$above/swap"; rename "$above/swap", "$root/links/swap";
            unlink "$above/swap"; symlink 'real.txt',         "$above/swap"; rename "$above/swap", "$root/links/swap";
        }
    }
    my %status;
    my $socket = $server->connection;
    eventually { -l "$root/links/swap" };
    for (1 .. 1000) {
        my $response = $server->exchange(get_request('/links/swap'), socket => $socket, count => 1)->{responses}[0];
        $status{ $response->{status} . ($response->{status} == 200 ? " $response->{body}" : '') }++;
    }
    kill 'KILL', $swapper;
    waitpid $swapper, 0;
    is(join(', ', grep { !/\A(?:404|200 real)\z/ } sort keys %status), '', 'a link that is switched without a pause: 404 or the file inside');
}

# FIFOs, sockets and devices are 404, and the only worker does not block on them.
mkfifo("$root/fifo", 0644) or die $!;
mkdir "$root/fifo-index";
mkfifo("$root/fifo-index/index.html", 0644) or die $!;
my $unix = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$root/socket", Listen => 1);
for my $target ('/fifo', '/fifo-index/', '/socket', '/fifo/') {
    cmp_ok(served($target, 404, undef, 'neither a file nor a directory')->{slept}, '<', 5, "$target: at once");
}
SKIP: {
    skip 'devices need root', 4 if $> != 0 || system('mknod', "$root/zero", 'c', 1, 5) != 0;
    skip 'no device can be read here', 4 if !open my $zero, '<', "$root/zero";
    cmp_ok(served('/zero', 404, undef, 'a device')->{slept}, '<', 5, '/zero: at once');
    is($server->get('/file.txt')->{body}, 'file', 'the worker still serves');
    pass('device tried');
}

# Files that the workers' user may not read are refused, even if root starts the server.
SKIP: {
    skip 'root reads everything', 4 if $> == 0;
    put_file($root, 'locked.txt', 'SECRET');
    chmod 0, "$root/locked.txt";
    put_file($root, 'locked/file.txt', 'SECRET');
    chmod 0, "$root/locked";
    for my $target ('/locked.txt', '/locked/file.txt') {
        my $response = $server->get($target);
        like($response->{status}, qr/\A40[34]\z/, "$target: unreadable, 403 or 404");
        unlike($response->{body}, qr/SECRET/, "$target: unreadable, no bytes of it");
    }
    chmod 0755, "$root/locked";
}

# Redirects of directories without the final slash: the target's last segment with a slash and the query, relative to
# the target (RFC 3986 5.2), so never to another host, and right behind a proxy that removes a prefix.
sub resolved {
    my ($target, $reference) = @_;
    return $target =~ s/\?.*//sr =~ s{[^/]*\z}{}r . $reference;
}

sub redirects {
    my ($target, $location) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    (my $told = $target) =~ s/([^\x20-\x7e])/sprintf '<%02X>', ord $1/ge;
    my $response = $server->get($target);
    is($response->{status}, 302, "$told: 302 (RFC 9110 15.4.3)");
    my $found = $response->{field}{location};
    is($found, $location, "$told: Location (RFC 9110 10.2.2)");
    like($found || '', qr{\A[^/:\\?\x00-\x20\x7f-\xff]+/(?:\?[\x21-\x7e]*)?\z}, "$told: one segment, relative to the target");
    unlike($server->get(resolved($target, $found // ''))->{status}, qr/\A3/, "$told: which is the directory");
    return $response;
}
make_path("$root/$_") for "a dir", "p%41", 'q?a', 'h#a', "b\\c", '\\evil', "caf\xc3\xa9", "caf\xe9", 'evil.example', "c\rd", "c\nd",
    "x\r\nSet-Cookie: a=b", '"quoted"', '<b>', 'semi;a', 'colon:a', 'at@a', 'http:', '+plus', 'dir/evil.example', "t\x7f", 'javascript:alert(1)';

redirects('/dir',                  'dir/');
redirects('/dir/deep',             'deep/');
redirects('/dir?a=b&c=d',          'dir/?a=b&c=d');
like($server->get('/dir?')->{field}{location}, qr{\Adir/\??\z}, '/dir?: an empty query may be kept or not');
redirects('/dir?a?b/c//d',         'dir/?a?b/c//d');
redirects('/dir?u=http://evil.example/%0d%0a', 'dir/?u=http://evil.example/%0d%0a');
redirects('/dir//deep',            'deep/');
redirects('/./dir/../dir',         'dir/');
redirects('//dir',                 'dir/');
redirects('////dir',               'dir/');
redirects('//evil.example',        'evil.example/');
redirects('///evil.example',       'evil.example/');
redirects('//evil.example/..%2fdir', '..%2fdir/');
redirects('//evil.example/%2e%2e/dir', 'dir/');
redirects('/%2f%2fevil.example',   '%2f%2fevil.example/');
redirects('/%2fevil.example',      '%2fevil.example/');
redirects('/%2e%2f%2fevil.example', '%2e%2f%2fevil.example/');
redirects('/.//evil.example',      'evil.example/');
redirects('/dir/..//evil.example', 'evil.example/');
redirects('/dir/%2e%2e/%2fevil.example', '%2fevil.example/');
redirects('/%5cevil',              '%5cevil/');
redirects('/\\evil',               '%5Cevil/');
redirects('/b%5Cc',                'b%5Cc/');
redirects('/a%20dir',              'a%20dir/');
redirects('/p%2541',               'p%2541/');
redirects('/q%3Fa',                'q%3Fa/');
redirects('/h%23a?q',              'h%23a/?q');
redirects('/caf%C3%A9',            'caf%C3%A9/');
redirects('/caf%c3%a9',            'caf%c3%a9/');
redirects('/caf%E9',               'caf%E9/');
redirects('http://evil.example/dir?a', 'dir/?a');
like($server->get('/%22quoted%22')->{field}{location}, qr{\A(?:"|%22)quoted(?:"|%22)/\z}, 'a name with quotes redirects');

redirects("/caf\xc3\xa9?\xc3\xa9", 'caf%C3%A9/?%C3%A9');

# Location may encode the characters that need no encoding in a path.
for my $pair (['/semi;a', 'semi;a'], ['/colon:a', 'colon:a'], ['/at@a', 'at@a'], ['/http:', 'http:'], ['/+plus', '+plus'],
    ['/%3Cb%3E', '<b>'], ['/javascript:alert(1)', 'javascript:alert(1)']) {
    my ($target, $name) = @$pair;
    my $response = $server->get($target);
    is($response->{status}, 302, "$target: 302");
    (my $decoded = $response->{field}{location} || '') =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    is($decoded, "$name/", "$target: Location");
    unlike($response->{field}{location}, qr/[<>"]/, "$target: no character that a URI excludes (RFC 3986 2)");
    unlike($response->{body}, qr/<b>|<script/, "$target: no markup from the name");
}

# A name can't inject fields into the head.
for my $target ('/c%0dd', '/c%0ad', '/x%0d%0aSet-Cookie:%20a=b', '/t%7f') {
    my $response = $server->get($target);
    like($response->{status}, qr/\A(?:302|400|404)\z/, "$target: redirected or refused");
    ok(!exists $response->{field}{'set-cookie'}, "$target: no field from a name");
    like($response->{field}{location}, qr{\A[\x21-\x7e]+/\z}, "$target: Location is percent-encoded") if $response->{status} == 302;
}

# For every name the redirect leads to the directory's index.
{
    my @wrong;
    for my $byte (0x20 .. 0x7e, 0x80 .. 0xff) {
        next if chr $byte eq '/';
        put_file($root, 'each/n' . chr($byte) . '/index.html', "byte $byte");
        my $location = $server->get(sprintf '/each/n%%%02X', $byte)->{field}{location};
        my $response = $server->get(defined $location ? "/each/$location" : '/none');
        push @wrong, sprintf '%02X', $byte if $response->{body} ne "byte $byte";
    }
    is("@wrong", '', 'for every byte in a directory\'s name the redirect leads to its index');
}

# Error pages and redirects don't repeat markup from the request.
{
    my $response = $server->get('/%3Cscript%3Ealert(1)%3C/script%3E');
    unlike($response->{body}, qr/<script/i, 'a 404 does not repeat markup from the path');
    $response = $server->get('/<script>alert(1)</script>');
    unlike($response->{body}, qr/<script/i, 'a 404 does not repeat markup from a raw target');
    $response = $server->get('/dir?"><script>alert(1)</script>');
    unlike($response->{body}, qr/<script/i, 'a redirect does not repeat markup from its query');
}

# curl
SKIP: {
    have('curl') or skip 'no curl', 3;
    my $url = $server->url;
    is(`curl -s --path-as-is '$url/../secret.txt'`, 'inside', 'curl --path-as-is with dots');
    is(`curl -s -L '$url/dir'`, 'dir', 'curl -L follows to the directory');
    is(`curl -s -L '$url//dir'`, 'dir', 'curl -L from two slashes stays on this host');
}

# The root itself may be a link
{
    my $by_link = Harness->start(root => do { symlink $root, "$above/link-to-root"; "$above/link-to-root" });
    is($by_link->get('/file.txt')->{body}, 'file', 'a root that is a link: serves');
    is($by_link->get('/links/out')->{status}, 404, 'a root that is a link: links out of it are 404');
    is($by_link->get('/links/absolute-in')->{body}, 'file', 'a root that is a link: an absolute link to its target');
    symlink "$above/link-to-root/file.txt", "$root/links/by-link" or die $!;
    is($by_link->get('/links/by-link')->{body}, 'file', 'a root that is a link: an absolute link to its name');
    is($server->get('/links/by-link')->{status}, 404, 'an absolute link to another name of the root');
    $by_link->stop;
}

responses_framed();
$server->stop;
done_testing();
