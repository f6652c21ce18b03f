# Tinyhttpd-Explain: a local client gets the decisions that led to a response, and the origin of each field. What is
# explained is what would have been answered: EXPLAIN_REQUESTS random requests (10,000) are sent with the field and
# without it; EXPLAIN_SEED chooses others, and each run prints its seed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use RandomRequest;
use Test::More;
use re '/m';


my $explain = 'Tinyhttpd-Explain: 1';
my $seed    = $ENV{EXPLAIN_SEED}     // 1;
my $total   = $ENV{EXPLAIN_REQUESTS} // 10_000;

my $root    = new_site();
my $headers = slurp("$root/_headers");
my $server  = Harness->start(root => $root, list => 1, args => ['--log', 'off', '-j', '1', '--metrics', '/metrics', SITE_ARGUMENTS]);
$server->get($_) for '/notes', '/big.bin';
$server->dated($_) for '/notes', '/big.bin';

sub explained {
    my ($from, $target, @fields) = @_;
    my $response = $from->get($target, $explain, @fields);
    return $response->{body};
}

# Each row: target, fields, then patterns of lines.
sub explains {
    my ($from, $name, $target, $fields, @lines) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $text  = explained($from, $target, @$fields);
    my @wrong = grep { $text !~ /$_/m } @lines;
    is(join(' and ', @wrong), '', $name) or diag($text);
    return;
}

# ---------------------------------------------------------------------------------------------------------
# The response

my $response = $server->get('/style.css', $explain);
is("$response->{status} $response->{field}{'content-type'} $response->{field}{'cache-control'}", '200 text/plain; charset=utf-8 no-store', 'an explanation is text that is not stored');
like($response->{body}, qr/\A200 OK\n\ntarget {6}\/style\.css -> style\.css\n/, 'it begins with the status and the target');
is($response->{field}{'x-own'}, 'mine', 'it has the fields of --header');
my ($head) = @{ $server->exchange("HEAD /style.css HTTP/1.1\r\nHost: localhost\r\n$explain\r\n\r\n", count => 1, methods => ['HEAD'])->{responses} };
is("$head->{status} $head->{body}", '200 ', 'HEAD has no body');
is($head->{field}{'content-length'} > 100, 1, 'but its length');

# ---------------------------------------------------------------------------------------------------------
# Each kind of response

explains($server, '200: names, type, codings and origins', '/style.css', ['Accept-Encoding: gzip;q=0.85, br;q=0.5'],
    qr/^host +localhost: allowed \(loopback\)$/, qr/^method +GET$/, qr/^file +style\.css: found, 80 bytes$/, qr/^links +none$/, qr/^type +text\/css: extension \.css$/,
    qr/^coding +gzip \(forms: identity last, gzip q=0\.85, br q=0\.5\)$/, qr/^etag +"\w+-gzip": a hash of the content; each form/,
    qr/^field +X-Own: mine   \(--header\)$/, qr/^field +Content-Encoding: gzip   \('coding' above\)$/, qr/^field +Vary: Accept-Encoding   /, qr/^cache +no-cache: the default$/);
put_file($root, 'new.txt', 'new');
explains($server, '200: a file that has just changed', '/new.txt', [], qr/^modified +none: the file changed so recently/, qr/^coding +identity \(the only form\)$/);
explains($server, '200: a directory\'s index, decoded', '/docs/guide%20a/', [], qr/^target +\/docs\/guide%20a\/ -> docs\/guide a\/$/, qr/^file +docs\/guide a\/index\.html: found/);
explains($server, '200: a page by its name without .html', '/about', [], qr/^name +about: not found$/, qr/^file +about\.html: found, 8 bytes$/, qr/^type +text\/html: extension \.html$/);
explains($server, '200: a page beside a directory', '/docs', [], qr/^name +docs: a directory$/, qr/^file +docs\.html: found/);
explains($server, '200: a large file', '/big.bin', [], qr/^file +big\.bin: found, 200,000 bytes$/, qr/^etag +"[-\w]+": the time and size of the file$/);
explains($server, '200: HTML by its content', '/page', [], qr/^type +text\/html: no extension; the content begins as HTML$/);
explains($server, '200: text by its content', '/notes', [], qr/^type +text\/plain: no known extension; the content is UTF-8 text$/, qr/^charset +the content is UTF-8$/);
explains($server, '200: a ZIP by its content', '/zip', [], qr/^type +application\/zip: no known extension; the content is a ZIP archive$/);
explains($server, '200: --mime', '/my.conf', [], qr/^type +text\/x-conf: --mime$/);
explains($server, '200: no UTF-8, no charset', '/latin.txt', [], qr/^charset +none, as the content is not UTF-8$/);
explains($server, '200: --encoded', '/data.tgz', ['Accept-Encoding: gzip'], qr/^coding +gzip: that of the file's name$/);
explains($server, '200: an encoded file that is not accepted', '/pic.svgz', ['Accept-Encoding: br'], qr/^coding +gzip: not accepted, so the file is sent to be saved$/);
explains($server, '200: only encoded', '/only.txt', ['Accept-Encoding: gzip'], qr/^name +only\.txt: not found$/, qr/^file +only\.txt: exists only encoded$/, qr/^coding +gzip: the best of those that exist \(gzip q=1\)$/);
explains($server, '200: a link', '/link.css', [], qr/^links +one or more lead to it, inside the root$/);
explains($server, '200: a listing', '/empty/', [], qr/^name +empty\/index\.html: not found$/, qr/^listing +allowed to this client$/, qr/^content +a listing of the directory$/);
explains($server, '200: health', '/.well-known/tinyhttpd/health', [], qr/\A200 OK$/, qr/^own path .*: the health of the server$/);
explains($server, '200: metrics', '/metrics', [], qr/^own path +\/metrics: --metrics$/);
explains($server, '206: a range', '/notes', ['Range: bytes=1-2'], qr/\A206 Partial Content$/, qr/^range +bytes=1-2: /, qr/^range +bytes 1 to 2$/, qr/^field +Content-Range: bytes 1-2\/8   \('range' above\)$/);
explains($server, '206: several ranges', '/notes', ['Range: bytes=0-0,3-3'], qr/^range +bytes 0 to 0$/, qr/^range +bytes 3 to 3$/, qr/^field +Content-Type: multipart\/byteranges; boundary=.*random each time\)$/);
explains($server, '206: a range of a type with one', '/notes', ['Range: bytes=1-2'], qr/^field +Content-Type: text\/plain; charset=utf-8   \('type' and 'charset' above\)$/);
explains($server, '200: If-Range names another state', '/notes', ['Range: bytes=0-0', 'If-Range: "x"'], qr/\A200 OK$/, qr/^condition +If-Range: "x": false, the whole file$/);
explains($server, '302: a directory without its slash', '/empty', [], qr/\A302 Found$/, qr/^name +empty: a directory$/, qr/^directory +empty: its address has a slash$/, qr/^field +Location: empty\/   \(the directory/);
explains($server, '304: If-None-Match', '/notes', ['If-None-Match: *', 'If-Modified-Since: junk'], qr/\A304 Not Modified$/, qr/^condition +If-None-Match: \*: false, 304$/);
explains($server, 'a condition that another one replaces', '/notes', ['If-None-Match: "x"', 'If-Modified-Since: ' . http_date(time)], qr/\A200 OK$/, qr/^condition +If-None-Match: "x": true$/,
    qr/^condition +If-Modified-Since: .*: ignored, as If-Match or If-None-Match takes precedence$/);
explains($server, 'a date that is none', '/notes', ['If-Modified-Since: junk'], qr/^condition +If-Modified-Since: junk: ignored, as it is not one valid date$/);
explains($server, '304: If-Modified-Since', '/notes', ['If-Modified-Since: ' . http_date(time + 9)], qr/\A304/, qr/: false, 304$/);
explains($server, '403: a load by another site', '/notes', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'], qr/\A403/, qr/^site +cross-site, mode 'no-cors': refused/);
explains($server, '404: with its reason', '/nothing', ['Accept: */*'], qr/\A404 Not Found$/, qr/^name +nothing: not found$/, qr/^name +nothing\.html: not found$/, qr/^name +404\.html: not found$/, qr/^reason +There is no 'nothing' in the root\.$/);
explains($server, '404: a link that leads outside', '/outside', ['Accept: */*'], qr/\A404/, qr/^reason .*outside/);
explains($server, '404: a name with a dot', '/.hidden', [], qr/\A404/, qr/^hidden +\.hidden: needs --dotfiles$/);
explains($server, '406: no coding', '/style.css', ['Accept-Encoding: *;q=0'], qr/\A406/, qr/^coding +none is acceptable \(forms: identity refused, gzip refused, br refused\)$/);
explains($server, '412: If-Match', '/notes', ['If-Match: "x"'], qr/\A412/, qr/^condition +If-Match: "x": false, 412$/);
explains($server, '416: beyond the end', '/notes', ['Range: bytes=99-'], qr/\A416/, qr/^range +bytes=99-: the file has none of these bytes, 416$/);
explains($server, 'control characters are escaped', '/odd%1B%5B31m.txt', [], qr/-> odd\\x1B\[31m\.txt$/, qr/^file +odd\\x1B\[31m\.txt: found/);
explains($server, 'UTF-8 is not', '/caf%C3%A9.txt', [], qr/-> caf\xC3\xA9\.txt$/, qr/^file +caf\xC3\xA9\.txt: found/);
explains($server, 'bytes that are not UTF-8 are escaped', '/bytes%FF.txt', [], qr/-> bytes\\xFF\.txt$/);

explains($server, 'names that are too many to show', '/' . 'a' x 4000, [], qr/\A404/, qr/^name +more names were looked up than are shown here$/);

# Requests that `get` can't make.
for my $case (
    [ '403: a host that is refused', "GET /notes HTTP/1.1\r\nHost: evil.example\r\n", qr/\A403 Forbidden$/m, qr/^host +evil\.example: refused, no name of this server \(DNS rebinding\)$/m ],
    [ '400: an invalid host',        "GET /notes HTTP/1.1\r\nHost: localhost:x\r\n",  qr/\A400/m, qr/^host +localhost:x: invalid/m ],
    [ '400: a bad escape',           "GET /50%.txt HTTP/1.1\r\nHost: localhost\r\n",  qr/\A400/m, qr/^target +\/50%\.txt$/m, qr/^reason +'%\.t' is no escape/m ],
    [ '405: POST',                   "POST /notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", qr/\A405/m, qr/^method +POST: refused/m, qr/^field +Allow: /m ],
    [ '204: OPTIONS',                "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", qr/\A204/m, qr/^method +OPTIONS$/m, qr/^content +the methods of this server$/m ],
    [ 'the connection that ends',    "GET /notes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", qr/^field +Connection: close   \(the client asks for it/m ],
    [ 'absolute-form',               "GET http://localhost/notes HTTP/1.1\r\nHost: x\r\n", qr/^host +localhost: allowed \(loopback\)$/m ],
) {
    my ($name, $request, @lines) = @$case;
    my $got = $server->exchange("$request$explain\r\n\r\n", count => 1)->{responses}[0];
    is($got->{status}, 200, "$name: 200");
    like($got->{body}, $_, $name) for @lines;
}

# ---------------------------------------------------------------------------------------------------------
# Options

my %other = (
    base    => ['--base', '/repo/', '--spa'],
    rules   => ['--rules', '--cache', '60', '-H', 'X-Own: mine'],
    netlify => ['--rules=netlify', '--cache', 'auto'],
    cloud   => ['--rules=cloudflare', '--cache', '/assets/=immutable', '--cache', '/docs=90'],
    watch   => ['--watch', '--cors', '--dotfiles', '--index', 'none.html', '--index', 'x.txt', '--keep-alive', '9'],
    strict  => ['--no-list', '--symlinks', 'none', '-c', 'off', '--charset', 'none', '-H', 'Cross-Origin-Resource-Policy:', '-H', 'Cache-Control: private'],
);
$_ = Harness->start(root => $root, list => 1, args => ['--log', 'off', '-j', '1', '--metrics', '/metrics', @$_]) for values %other;
$other{cloud}->expect_stderr(qr/^tinyhttpd: _redirects:4: '404' is no status; .*$/);

explains($other{base}, '--base: below it', '/repo/notes', [], qr/^base +\/repo\/: the target is below it/, qr/^file +notes: found/);
explains($other{base}, '--base: above it', '/', [], qr/\A302/, qr/^base +\/repo\/: the target is above it/, qr/^field +Location: \.\/repo\/   \(--base\)$/);
explains($other{base}, '--base: outside', '/notes', [], qr/\A404/, qr/^base +\/repo\/: the target is outside$/);
explains($other{base}, '--spa: a page', '/repo/any/where', ['Accept: text/html'], qr/\A200/, qr/^file +index\.html: found, 8 bytes \(--spa\)$/);
explains($other{base}, '--spa: no page', '/repo/any/where', [], qr/\A404/, qr/^spa +not used, as the request is no navigation/);
explains($other{rules}, '--rules: a redirect', '/old/x', [], qr/\A301/, qr/^rule +_redirects:1: redirect to \/docs\/x \(301\), as no file was found$/, qr/^field +Location: \/docs\/x   \('rule' above\)$/);
explains($other{rules}, '--rules: a rewrite', '/re', [], qr/\A200/, qr/^target +\/re -> \/re$/, qr/^rule +_redirects:2: rewrite to style\.css \(200\), as no file was found$/, qr/^file +style\.css: found/);
explains($other{rules}, '--rules: a rewrite with a status', '/gone', [], qr/\A404/, qr/^rule +_redirects:4: rewrite to about\.html \(404\), as no file was found$/);
explains($other{rules}, '--rules: a rewrite to nothing', '/loop', [], qr/\A404/, qr/^rule +_redirects:5: rewrite to nowhere \(200\), as no file was found$/, qr/^name +nowhere: not found$/);
explains($other{rules}, '--rules: fields', '/style.css', [], qr/^rule +_redirects: no rule matches$/, qr/^rule +_headers:2: X-Rule$/, qr/^field +X-Rule: one   \(_headers:2\)$/,
    qr/^field +X-All: two   \(_headers:5\)$/, qr/^cache +max-age=7: _headers:3$/, qr/^field +X-Own: mine   \(--header\)$/);
explains($other{rules}, '--rules: the files are not served', '/_redirects', [], qr/\A404/, qr/^name +_redirects: a file of rules, which is never served$/);
explains($other{rules}, '--cache SECONDS', '/notes', [], qr/^cache +public, max-age=60: --cache 60$/);
my $long = explained($other{rules}, '/notes', 'If-None-Match: "' . "\xE9" x 31_000, 'Range: bytes=0-0');
like($long, qr/^condition   If-None-Match: "(?:\\xE9){1023}\.\.\.: true$/, 'a long value is cut in its line');
like($long, qr/^range       bytes 0 to 0\n.*^field       Content-Range: /ms, 'the lines after it are there');
cmp_ok(length $long, '<=', 65_536, 'an explanation is bounded');
explains($other{netlify}, "netlify's address of a directory", '/docs/guide%20a', [], qr/\A301/, qr/^address +the host has another one: redirect to \/docs\/guide%20a\/$/, qr/^field +Location: \/docs\/guide%20a\/   \('address' above\)$/);
explains($other{netlify}, '--cache auto', '/app.3f9c2a1b4d5e6f708192.js', [], qr/^cache +public, max-age=31536000, immutable: --cache auto: the name has a hash$/);
explains($other{cloud}, "cloudflare's nearest 404.html", '/deep/none', [], qr/\A404/, qr/^file +deep\/404\.html: found, 7 bytes \(nothing else was found\)$/);
explains($other{cloud}, "cloudflare: a rule precedes files", '/old/x', [], qr/^rule +_redirects:1: redirect to \/docs\/x \(301\), before files are looked up$/);
explains($other{cloud}, "cloudflare's address of a page", '/about.html', [], qr/\A308/, qr/^name +about\.html: found$/, qr/^address .* \/about$/);
explains($other{cloud}, '--cache PREFIX', '/assets/a.js', [], qr/^cache .*immutable: --cache \/assets=immutable$/);
explains($other{cloud}, '--cache PREFIX=SECONDS', '/docs/', [], qr/^cache +public, max-age=90: --cache \/docs=90$/);
explains($other{watch}, '--index: the second name', '/empty/', [], qr/^name +empty\/none\.html: not found$/, qr/^file +empty\/x\.txt: found, 1 byte$/);
explains($other{watch}, '--watch: the page with its script', '/about', ['Accept: text/html'], qr/^coding +none, as it is a page/, qr/^field +ETag: "\w+-live"   /, qr/^field +Content-Length: \d+   \(of the file and the script of --watch\)$/);
explains($other{watch}, '--cors', '/notes', [], qr/^field +Access-Control-Allow-Origin: \*   \(--cors\)$/, qr/^field +Keep-Alive: timeout=9   \(--keep-alive\)$/);
explains($other{strict}, '--symlinks none, --cache off', '/link.css', [], qr/\A404/, qr/^name +link\.css: not found$/, qr/^cache +no-store: --cache off$/);
explains($other{strict}, '--header Cache-Control', '/notes', [], qr/^cache +private: --header$/, qr/^charset +none, by --charset$/);

put_file($root, '_headers', "/*\n  X-One: " . 'v' x 1500 . "\n  X-Two: " . 'v' x 1500 . "\n  X-Three: v\n");
my $filled = Harness->start(root => $root, args => ['--log', 'off', '--rules', '-H', 'X-Big: ' . 'v' x 2000]);
$filled->expect_stderr(qr/_headers: the fields of a path have more than 4096 bytes/);
explains($filled, '--rules: fields that are too long together', '/notes', [], qr/^rule +_headers:2: X-One$/, qr/^rule +_headers:3: X-Two is left out, too long$/, qr/^rule +_headers:4: X-Three is left out, too long$/);
$filled->stop;

my $large = 'v' x 1900;
put_file($root, '_headers', "/notes\n" . join('', map { "  X-$_: $large\n" } 'A' .. 'C') . "  X-Z: v\n/docs/\n" . "  X-A: $large\n" x 3);
my $partly = Harness->start(root => $root, args => ['--log', 'off', '--rules']);
$partly->expect_stderr(qr/_headers: the fields of a path have more than 4096 bytes/);
explains($partly, '--rules: a field that does not fit', '/notes', [], qr/^rule +_headers:3: X-B$/, qr/^rule +_headers:4: X-C is left out, too long$/, qr/^rule +_headers:5: X-Z$/);
explains($partly, '--rules: a value that can not be joined', '/docs/', [], qr/^rule +_headers:8: X-A$/);
$partly->stop;
put_file($root, '_headers', $headers);

# ---------------------------------------------------------------------------------------------------------
# Others get the ordinary response

sub is_ordinary {
    my ($from, $name, $target, @fields) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($from->get($target, $explain, @fields)->{body}, "one\ntwo\n", "$name: no explanation");
    return;
}

is_ordinary($server, 'a proxy that is not trusted', '/notes', $_) for 'X-Forwarded-For: 127.0.0.1', 'Via: 1.1 x', 'Forwarded: for=127.0.0.1';
is_ordinary($other{watch}, '--cors, and a script of another site', '/notes', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors');
is_ordinary($other{watch}, '--cors, and a script of another site in an older browser', '/notes', 'Origin: http://evil.example');
explains($other{watch}, '--cors, and a script of this site in an older browser', '/notes', ['Origin: http://localhost'], qr/\A200/);
my $trusting = Harness->start(root => $root, args => ['--log', 'off', '--trust-proxy', '127.0.0.0/8', '--allow-host', 'site.example']);
is_ordinary($trusting, 'a client that a trusted proxy names', '/notes', 'X-Forwarded-For: 203.0.113.7');
explains($trusting, 'a local client that a trusted proxy names', '/notes', ['X-Forwarded-For: 127.0.0.1'], qr/^client +local, as a trusted proxy's X-Forwarded-For says$/);
is($trusting->exchange("GET /notes HTTP/1.1\r\nHost: site.example\r\n$explain\r\n\r\n", count => 1)->{responses}[0]{body}, "one\ntwo\n", 'a name of --allow-host: no explanation');
is($server->exchange("GET /notes HTTP/1.0\r\n$explain\r\n\r\n", count => 1)->{responses}[0]{body}, "one\ntwo\n", 'HTTP/1.0, as of a proxy: no explanation');
is($server->exchange("GET /notes HTTP/1.1\r\n$explain\r\n\r\n", count => 1)->{responses}[0]{status}, 400, 'a bad request: no explanation');

my $stopped = Harness->start(root => $root, list => 1, args => ['--log', 'off', '--shutdown-delay', '60']);
kill 'TERM', $stopped->pid;
ok(eventually { explained($stopped, '/.well-known/tinyhttpd/health') =~ /\A503 Service Unavailable\n/ }, '503: the health of a server that stops');
kill 'KILL', $stopped->pid;

# ---------------------------------------------------------------------------------------------------------
# The explained response is the one that is answered

# The difference between a response and its explanation; empty: none.
sub difference {
    my ($request, $answered, $text) = @_;
    my ($status) = $text =~ /\A(.*)\n\n/;
    my @fields   = $text =~ /^field {7}(.*) {3}\(.*\)$/mg;
    my $expected = normalized("$answered->{status} $answered->{reason}", map { "$_->[0]: $_->[1]" } @{ $answered->{fields} });
    my $got      = normalized($status // 'no status', @fields);
    # The metrics count each request, and a worker gives 20 reasons of a 404 in each second.
    if ($request->{target} =~ m{/metrics(?:\?|\z)} || ($answered->{status} == 404 && $request->{bytes} =~ /^Accept:/m)) {
        s/^Content-Length: .*//m for $expected, $got;
    }
    my @odd = grep { /not known|changed meanwhile|\\x00/ || !/\A[a-z][a-z ]{11}\S/ } split /\n/, $text =~ s/\A.*\n\n//r;
    return @odd ? "odd lines: @odd" : $got eq $expected ? '' : "answered:\n$expected\nexplained:\n$got";
}

# Sends each request twice, with the field and without it, in any order, on one connection.
sub differences {
    my ($from, @requests) = @_;
    my (@sent, @wrong);
    for my $request (@requests) {
        my @pair = ("$request->{bytes}\r\n", "$request->{bytes}$explain\r\n\r\n");
        $request->{swapped} = rand() < 0.5;
        push @sent, $request->{swapped} ? reverse @pair : @pair;
    }
    my @responses = $from->pipeline(\@sent);
    for my $i (0 .. $#requests) {
        my ($request, @pair) = ($requests[$i], @responses[2 * $i, 2 * $i + 1]);
        my ($answered, $explanation) = $request->{swapped} ? reverse @pair : @pair;
        remember_tag($request->{target}, $answered);
        my $difference = $explanation->{status} ne '200' ? "status $explanation->{status}"
            : $request->{method} eq 'HEAD' ? ($explanation->{body} eq '' && $explanation->{field}{'content-length'} > 100 ? '' : 'HEAD')
            : difference($request, $answered, $explanation->{body});
        push @wrong, [$request, $difference] if $difference ne '';
    }
    return @wrong;
}

srand $seed;
note("EXPLAIN_SEED=$seed EXPLAIN_REQUESTS=$total");
$other{plain} = $server;
for my $name (sort keys %other) {
    my $from = $other{$name};
    my ($prefix, $left) = ($name eq 'base' ? '/repo' : '', int $total / keys %other);
    my @wrong;
    while ($left > 0) {
        my $count = $left < 100 ? $left : 100;
        my @requests = grep { $name ne 'watch' || $_->{bytes} !~ /cross-site/ } map { random_request(rand() < 0.95 ? $prefix : '') } 1 .. $count;
        push @wrong, differences($from, @requests);
        $left -= $count;
    }
    # A listing whose time was over for this iteration is sent in chunks: again, alone.
    @wrong = map { my ($request) = @$_; my @again; eventually { @again = differences($from, $request); !@again }; @again } @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)];
    is(scalar @wrong, 0, "$name: the explained responses are those that are answered") or diag("seed $seed: $_->[0]{bytes}$_->[1]") for $wrong[0] // ();
    pass("$name: the explained responses are those that are answered") if !@wrong;
}

$_->stop for values %other, $trusting;
responses_framed();
done_testing();
