# The reason of a 404 for local clients, plain text errors for programs, and a client that speaks TLS.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use POSIX qw(mkfifo);
use Test::More;

my $root = new_root();
put_file($root, 'README.md',   'x');
put_file($root, 'about.html',  'x');
put_file($root, 'img/sun.png', 'x');
put_file($root, '.env',        'x');
put_file($root, "cafe\xcc\x81", 'x');
symlink '/etc/passwd', "$root/out" or die;
put_canary($root);
my $server = Harness->start(root => $root);
my $html   = 'Accept: text/html';
my $any    = 'Accept: */*';

# ---------------------------------------------------------------------------------------------------------
my @reasons = (
    ['/readme.md',     "There is no 'readme.md' in the root. Did you mean 'README.md'? Names are case-sensitive."],
    ['/README?x=1',    "There is no 'README' in the root. Did you mean 'README.md'? The address lacks the extension."],
    ['/img/sum.png',   "There is no 'sum.png' in 'img'. Did you mean 'sun.png'?"],
    ['/images/a.png',  "There is no 'images' in the root."],
    ['/img/',          "There is no 'index.html' in 'img'."],
    ['/README.md/',    "'README.md' is a file, not a directory."],
    ['/.env',          "'.env' begins with a dot; start the server with --dotfiles to serve such names."],
    ['/out',           "'out' is a symbolic link to '/etc/passwd', whose path leads outside the root; a relative link inside the root works, and --symlinks all follows every link."],
    ['/caf%C3%A9',     "There is no 'caf\xc3\xa9' in the root. Did you mean 'cafe\xcc\x81'? It is the same name in another Unicode form: the one on disk is decomposed (NFD)."],
    ['/%3Cb%3E%26%22', "There is no '<b>&\"' in the root."],
);
for my $case (@reasons) {
    my ($target, $reason) = @$case;
    my $page = $server->get($target, $html);
    my $escaped = $reason =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr =~ s/"/&quot;/gr =~ s/'/&#39;/gr;
    is("$page->{status} " . join(' ', $page->{body} =~ m{<aside>(.*?)</aside>}s), "404 $escaped", "$target: the page has the reason");
    sleep 1 if $target eq '/.env'; # the number of reasons in a second is limited
    my $text = $server->get($target, $any);
    is("$text->{field}{'content-type'} $text->{body}",
        "text/plain; charset=utf-8 404 Not Found: No file matches this address.\n$reason\n", "$target: the plain text has the reason");
}

# The page links to the path that was probably meant.
{
    my ($href) = $server->get('/readme.md', $html)->{body} =~ m{<a href="([^"]+)">Go to /README\.md</a>};
    is($href, './README.md', 'the page links to the path that was probably meant');
    is($server->get($href =~ s/\A\.//r)->{status}, 200, 'the link leads to a file');
    like($server->get('/a/b//c?d/e', $html)->{body}, qr{<a href="\./\.\./\.\./\.\./">Go to the start page</a>}, 'the link to the start page is relative');
    like($server->get('/a' x 60, $html)->{body}, qr{<a href="/">Go to the start page</a>}, '... unless the path has many segments');
    unlike($server->exchange("GET /readme.md HTTP/1.1\r\nHost: elsewhere.example\r\n$html\r\n\r\n", count => 1)->{responses}[0]{body}, qr/README/, 'a foreign Host: no link');
}

# Only local clients see reasons: a proxy on this machine forwards the Host of its own clients.
for my $host ('example.com', '192.168.1.7:8080', 'localhost.example', '127.0.0.1.example', 'a127.0.0.1') {
    my $response = $server->exchange("GET /.env HTTP/1.1\r\nHost: $host\r\n$html\r\n\r\n", count => 1)->{responses}[0];
    unlike($response->{body}, qr/<aside>|begins with a dot/, "Host: $host: no reason");
}
for my $host ('LOCALHOST', 'localhost:80', '127.0.0.1', '127.1.2.3:8080', '[::1]:8080') {
    my $response = $server->exchange("GET /.env HTTP/1.1\r\nHost: $host\r\n$html\r\n\r\n", count => 1)->{responses}[0];
    like($response->{body}, qr/<aside>/, "Host: $host: the reason");
}
for my $of_proxy ("Via: 1.1 front", "Forwarded: for=203.0.113.7", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 127.0.0.1") {
    my $response = $server->exchange("GET /.env HTTP/1.1\r\nHost: localhost\r\n$of_proxy\r\n$html\r\n\r\n", count => 1)->{responses}[0];
    unlike($response->{body}, qr/<aside>|begins with a dot/, "$of_proxy: no reason, as the client is behind a proxy");
}
unlike($server->exchange("GET /.env HTTP/1.0\r\nHost: localhost\r\n$html\r\n\r\n")->{responses}[0]{body}, qr/<aside>|begins with a dot/, 'HTTP/1.0: no reason, as it may come from a proxy');
unlike($server->get('/.env')->{body}, qr/<aside>/, 'without Accept: no reason');
like($server->get('/50%.txt', $html)->{body}, qr{<aside>&#39;%\.t&#39; is no escape of two hexadecimal digits; a percent sign is written %25\.</aside>}, 'a bad escape: the page tells the cause');
like($server->get('/a/%zz')->{body}, qr/%zz/, '... in plain text, too');
unlike($server->get("/\xff", $html)->{body}, qr/<aside>/, 'another 400 has no reason');

# The server does not open a FIFO to find the reason: that would wake a writer which waits for a reader.
{
    my $root = new_root();
    mkfifo("$root/fifo", 0666) or die $!;
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my $writer = fork // die $!;
    if (!$writer) {
        open my $fifo, '>', "$root/fifo" or POSIX::_exit(1); # until a reader comes
        POSIX::_exit(0);
    }
    ok(eventually { slurp("/proc/$writer/wchan") =~ /fifo|pipe/ || slurp("/proc/$writer/syscall") =~ /\A\d/ }, 'a writer waits at a FIFO');
    is($server->get('/fifo', $any)->{body}, "404 Not Found: No file matches this address.\n'fifo' is neither a file nor a directory.\n", 'a FIFO: the reason says that it is one');
    is($server->get('/fifo', $html)->{status}, 404, 'a FIFO: 404');
    is(waitpid($writer, POSIX::WNOHANG), 0, 'a FIFO: its writer still waits');
    kill 'KILL', $writer;
    waitpid $writer, 0;
    $server->stop;
}

# The suggestion may be longer than NAME_MAX; it is left out if there is no room (tests/http/preload/names.c).
for my $length (255, 256, 602, 765, 4000) {
    my $root = new_root();
    put_file($root, 'name-0', 'long');
    my $name = substr 'a.' . "\xe3\x81\x82" x 1400, 0, $length;
    local %ENV = (%ENV, preload('names'), NAMES => put_file(new_root(), 'names', $name));
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my $body = $server->get('/a', $html)->{body};
    like($body, qr/There is no &#39;a&#39; in the root\./, "a name of $length bytes: the reason");
    is(scalar(() = $body =~ /The address lacks the extension/), $length < 700 ? 1 : 0, "a name of $length bytes: the suggestion, if there is room");
    is(join(' ', $server->workers), $worker, "a name of $length bytes: the worker does not die");
    $server->stop;
}

# Of several indexes the reason is that of the one that matters.
{
    my $root = new_root();
    put_file($root, 'locked/second.html', 'x');
    put_file($root, 'encoded/index.html.gz', 'x');
    chmod $> == 0 ? 0600 : 0, "$root/locked/second.html" or die; # root's workers are another user
    my $server = Harness->start(root => $root, args => ['--index', 'index.html', '--index', 'second.html', '--no-list']);
    my $listed = Harness->start(root => $root, args => ['--index', 'index.html', '--index', 'second.html', '--list']);
    my $why = "'second.html' is a file that the server's user may not read.\n";
    is($server->get('/locked/', $any)->{body}, "404 Not Found: No file matches this address.\n$why", 'the second index may not be read: the reason of the 404');
    is($listed->get('/locked/', $any)->{body}, "403 Forbidden: The server's user may not read the index of this directory.\n$why", '... and of the 403 that replaces a listing');
    is($listed->get('/encoded/', $any)->{status}, 404, 'the first index exists only encoded: no listing');
    like($server->get('/encoded/', $any)->{body}, qr/^'index\.html' can only be served from 'index\.html\.gz', and/m, 'the first index exists only encoded: the reason');
    $_->stop for $server, $listed;
}

# 404.html replaces the page.
put_file($root, '404.html', 'own');
is($server->get('/readme.md', $html)->{body}, 'own', '404.html replaces the page with a reason');
unlink "$root/404.html";

# In a flood of requests only some get a reason, as each costs a scan of the directory.
sleep 1;
my $told = 0;
for (1 .. 200) { $told++ if $server->get('/none', $html)->{body} =~ /<aside>/ }
ok($told >= 1, 'in a flood some get a reason');

# ---------------------------------------------------------------------------------------------------------
# TLS (RFC 8446 5.1, 6)
{
    my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 500;
    my $ask = sub {
        my @pieces = @_;
        my $socket = $server->connection;
        for my $piece (@pieces) { syswrite $socket, $piece; select undef, undef, undef, 0.05 if @pieces > 1 }
        my $answer = do { local $/; <$socket> };
        return unpack 'H*', $answer;
    };
    $server->expect_stderr(qr/\Atinyhttpd: a client speaks TLS to this port; its address here begins with http:\/\/, not https:\/\/\n?\z/);
    is($ask->($hello), '15030100020246', 'a ClientHello: the alert protocol_version, then the end');
    is($ask->(split //, substr $hello, 0, 8), '15030100020246', 'a ClientHello, byte by byte: the alert');
    is($ask->($hello x 40), '15030100020246', 'a long ClientHello: no reset overtakes the alert');
    is($ask->($hello), '15030100020246', 'a second ClientHello: the alert');
    my @hints;
    eventually { @hints = $server->stderr =~ /speaks TLS/g };
    my $workers = @{ $server->{workers} };
    ok(@hints >= 1 && @hints <= $workers, 'each worker writes the hint once, not once for each connection') or diag("@hints");
    is($server->get('/canary')->{body}, "canary\n", 'other clients are served');
    unlike($ask->("\x16\x04"), qr/^15/, 'another version byte: not taken for TLS');
}

responses_framed();
$server->stop;
done_testing();
