# Encoded siblings: file.br, file.zst and file.gz beside file, chosen by Accept-Encoding (RFC 9110 8.4, 12.4.2,
# 12.5.3, 12.5.5, 15.5.7).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes ();

my $root  = new_root();
my $mtime = 1_500_000_000;
my %suffix = (br => '.br', zstd => '.zst', gzip => '.gz');
my %bytes; # name => { coding => bytes }

# A file with some of its siblings, of random content, as the server does not decode them.
sub put_variants {
    my ($name, $size, @codings) = @_;
    for my $coding ('identity', @codings) {
        $bytes{$name}{$coding} = $coding eq 'identity' ? substr("/* $name */\n" x (1 + $size / 5), 0, $size) : noise($size / 2,
            "$name $coding") . $coding;
        my $path = put_file($root, $name . ($suffix{$coding} || ''), $bytes{$name}{$coding});
        utime $mtime, $mtime, $path;
    }
    return;
}
put_variants('all.css',    1000,    qw(br zstd gzip));
put_variants('large.js',   700_000, qw(br zstd gzip)); # by sendfile, encoded or not
put_variants('gz.css',     1000,    qw(gzip));
put_variants('zst-gz.css', 1000,    qw(zstd gzip));
put_variants('plain.css',  1000);
put_variants('film.mp4',   1000,    qw(br gzip));
put_variants('sound.mp3',  1000,    qw(br gzip));
put_variants('dir/index.html', 1000, qw(gzip));
put_file($root, 'alone.css.gz', 'no original');
put_canary($root);
my $server = Harness->start(root => $root, args => ['-j', '1']);

# The coding of a response; a description of the error if it matches no variant.
sub variant {
    my ($name, $response) = @_;
    return $response->{status} if $response->{status} ne '200';
    my $coding = $response->{field}{'content-encoding'} // 'identity';
    return "Content-Encoding: $coding" if $coding eq 'identity' && exists $response->{field}{'content-encoding'};
    return "not the bytes of $coding" if $response->{body} ne ($bytes{$name}{$coding} // '');
    return $coding;
}

# ---------------------------------------------------------------------------------------------------------
# The choice (12.5.3): [lines of Accept-Encoding, coding or 406, why], the lines one string or a list
my %cases = (
    'all.css' => [
        [[],                                  'identity', 'no field: the client may not be able to decode'],
        ['',                                  'identity', 'an empty field (12.5.3)'],
        [',',                                 'identity'],
        ['gzip',                              'gzip'],
        ['br',                                'br'],
        ['zstd',                              'zstd'],
        ['GZIP',                              'gzip',     'codings are case-insensitive (8.4.1)'],
        ['Br',                                'br'],
        ['x-gzip',                            'gzip',     'the same as gzip (8.4.1.3)'],
        ['identity',                          'identity'],
        ['deflate',                           'identity'],
        ['compress, deflate, dcb',            'identity'],
        ['gzip, deflate',                     'gzip'],
        ['gzip, deflate, br',                 'br',       'as browsers send it'],
        ['gzip, deflate, br, zstd',           'br',       'as browsers send it'],
        ['gzip, zstd',                        'zstd'],
        ['identity, gzip',                    'gzip',     'the smallest of equals'],
        ['*',                                 'br',       'any coding is acceptable'],
        ['gzip;q=1.0, br;q=0.5',              'gzip'],
        ['br;q=0.9, zstd;q=0.95, gzip;q=0.8', 'zstd'],
        ['br;q=0.999, gzip;q=1',              'gzip'],
        ['br;q=0.1, gzip;q=0.10, zstd;q=0.100', 'br'],
        ['br;q=0.123, gzip;q=0.124',          'gzip'],
        ['gzip;q=1.000',                      'gzip'],
        ['gzip;q=1.',                         'gzip',     'a weight may end with its point (12.4.2)'],
        ['gzip;q=0.',                         'identity'],
        ['gzip;q=0',                          'identity'],
        ['gzip;q=0.000',                      'identity'],
        ['gzip;q=0, br;q=0',                  'identity'],
        ['br;q=0, *',                         'zstd'],
        ['br;q=0, zstd;q=0, *',               'gzip'],
        ['*;q=0.5, gzip;q=0.8',               'gzip'],
        ['*;q=0.5, identity;q=0.2',           'br'],
        ['*;q=0.5, identity;q=0.7',           'identity'],
        ['identity;q=1, gzip;q=0.5',          'identity'],
        ['identity;q=0.5, gzip;q=0.8',        'gzip'],
        ['gzip;q=0.5, identity;q=0.8, br;q=0.3', 'identity'],
        ['gzip;q=0.3',                        'gzip',     'identity without a weight ranks last'],
        ['identity;q=0, gzip',                'gzip'],
        ['gzip;q=0.001, identity;q=0',        'gzip'],
        ['identity;q=0, *',                   'br'],
        ['*;q=0, gzip',                       'gzip'],
        ['*;q=0, identity',                   'identity'],
        ['*;q=0, identity;q=0.001',           'identity'],
        ['*;q=0, deflate, identity;q=0.5',    'identity'],
        ['identity;q=0',                      406,        'the others are not listed (12.5.3)'],
        ['*;q=0',                             406],
        ['*;q=0.000',                         406],
        ['identity;q=0, *;q=0',               406],
        ['deflate, identity;q=0',             406],
        ['deflate, *;q=0',                    406],
        ['gzip;q=0, br;q=0, zstd;q=0, *',     'identity'],
        ['gzip;q=0, br;q=0, zstd;q=0, identity;q=0, *', 406],
        # Spaces, empty members and several lines (5.6.1, 5.6.3, 5.3)
        ['gzip ; q=0.5 , br ; q=0.6',         'br'],
        ["gzip\t;\tq=0.7\t,\tbr;q=0.6",       'gzip'],
        ['gzip;Q=0.5, br;Q=0.4',              'gzip'],
        [', gzip,, ,',                        'gzip'],
        [['gzip', 'br'],                      'br'],
        [['br;q=0.5', 'gzip;q=0.6'],          'gzip'],
        [['*;q=0', 'gzip'],                   'gzip'],
        [['', 'gzip'],                        'gzip'],
        # Names similar to a coding and malformed members are ignored.
        ['gzipx, xgzip, gzi, brr, b, zst, x-br, gz', 'identity'],
        ['g zip',                             'identity', 'malformed'],
        ['gzip;q=2',                          'identity', 'malformed'],
        ['gzip;q=1.001',                      'identity', 'malformed'],
        ['gzip;q=-1',                         'identity', 'malformed'],
        ['gzip;q=x',                          'identity', 'malformed'],
        ['gzip;q=',                           'identity', 'malformed'],
        ['gzip;q=0,5',                        'identity', 'malformed'],
        ['"gzip"',                            'identity', 'malformed'],
        ['gzip;q=x, br',                      'br',       'malformed, and one that is not'],
        ['identity;q=0;q=1, br',              'br',       'malformed, and one that is not'],
        ["\xe9, br",                          'br',       'malformed, and one that is not'],
        [join(', ', map { "c$_;q=0.5" } 1 .. 1500) . ', gzip', 'gzip', '1500 unknown codings'],
    ],
    'large.js'   => [[[], 'identity'], ['gzip', 'gzip'], ['zstd', 'zstd'], ['gzip, deflate, br', 'br'], ['*;q=0', 406]],
    'gz.css'     => [['br', 'identity'], ['br, gzip;q=0.1', 'gzip'], ['*', 'gzip'], ['br, identity;q=0', 406], ['br, identity;q=0.5',
        'identity'], ['gzip;q=0.2, br, identity;q=0.1', 'gzip']],
    'zst-gz.css' => [['br, gzip, zstd', 'zstd'], ['*', 'zstd'], ['br', 'identity'], ['zstd;q=0, *;q=0.3, identity;q=0.1', 'gzip']],
    'plain.css'  => [[[], 'identity'], ['gzip, br', 'identity'], ['*', 'identity'], ['identity;q=0', 406], ['*;q=0', 406],
        ['gzip, identity;q=0', 406], ['*;q=0, identity', 'identity']],
    # Players request ranges of media files: these are encoded only if the client gives that a higher weight.
    'film.mp4'   => [[[], 'identity'], ['gzip', 'identity'], ['gzip, deflate, br', 'identity'], ['gzip, identity;q=0.5', 'gzip'],
        ['br, gzip, identity;q=0', 'br'], ['*;q=0, gzip', 'gzip'],
        ['gzip;q=0.5, identity;q=0.5', 'identity'], ['identity;q=0', 406]],
    'sound.mp3'  => [['gzip, br', 'identity'], ['gzip, br;q=0.9, identity;q=0.1', 'gzip']],
);
for my $name (sort keys %cases) {
    my @cases    = @{ $cases{$name} };
    my @requests = map { get_request("/$name", map { "Accept-Encoding: $_" } ref $_->[0] ? @{ $_->[0] } : $_->[0]) } @cases;
    my @answers  = $server->pipeline(\@requests);
    my @short    = grep { length $requests[$_] < 500 && $name ne 'large.js' } 0 .. $#requests;
    my %each;
    @each{@short} = $server->exchange_each([@requests[@short]], count => 1);
    my @differ;
    for my $n (0 .. $#cases) {
        my ($lines, $expected, $why) = @{ $cases[$n] };
        my $told = "$name: " . (ref $lines && !@$lines ? 'no Accept-Encoding' : 'Accept-Encoding: ' . told(ref $lines ? join ' | ',
            @$lines : $lines)) . ": $expected" . ($why ? ", $why" : '');
        is(variant($name, $answers[$n]), $expected, $told);
        push @differ, $told if $each{$n} && variant($name, $each{$n}{responses}[0] || { status => 'none' }) ne $expected;
        # Every response depends on the field (12.5.5).
        like($answers[$n]{field}{vary}, qr/\bAccept-Encoding\b/, "$told: Vary (12.5.5)") if $name ne 'plain.css' && ($n < 3 || $expected eq '406');
    }
    is(join("\n", @differ), '', "$name: all of these byte by byte") if @short;
}
ok(!exists $server->get('/plain.css', 'Accept-Encoding: gzip')->{field}{vary}, 'a file without siblings: no Vary');

# ---------------------------------------------------------------------------------------------------------
# The fields of a variant (8.4, 8.8.3.3, 15.4.5, 15.3.7)
for my $name ('all.css', 'large.js') {
    my %variant = map { $_ => $server->dated("/$name", "Accept-Encoding: $_") } qw(identity gzip br zstd);
    my %tags = map { ($_->{field}{etag} || 'none') => 1 } values %variant;
    is(scalar keys %tags, 4, "$name: each variant has its own ETag (8.8.3.3)");
    for my $coding (sort keys %variant) {
        my $field = $variant{$coding}{field};
        my $size  = length $bytes{$name}{$coding};
        is($field->{'content-type'}, $variant{identity}{field}{'content-type'}, "$name, $coding: the type of the original (8.3)");
        is($field->{'content-length'}, $size, "$name, $coding: the length of the sent bytes (8.6)");
        is($field->{'last-modified'}, http_date($mtime), "$name, $coding: Last-Modified");
        is($field->{'accept-ranges'}, 'bytes', "$name, $coding: Accept-Ranges");
        is($field->{vary}, 'Accept-Encoding', "$name, $coding: Vary (12.5.5)");

        my $accept = "Accept-Encoding: $coding";
        my $head = $server->exchange(get_request("/$name", $accept) =~ s/\AGET/HEAD/r, count => 1)->{responses}[0];
        my @same = qw(content-type content-encoding content-length etag last-modified vary accept-ranges cache-control);
        is(join(' ', map { $head->{field}{$_} // '-' } @same), join(' ', map { $field->{$_} // '-' } @same),
            "$name, $coding: HEAD has the fields of GET (9.3.2)");

        my $other = $variant{ $coding eq 'gzip' ? 'identity' : 'gzip' }{field}{etag};
        my $fresh = $server->get("/$name", $accept, "If-None-Match: $field->{etag}");
        is("$fresh->{status} " . join(' ', map { $fresh->{field}{$_} // '-' } qw(etag vary)), "304 $field->{etag} Accept-Encoding",
            "$name, $coding: its own ETag: 304 with ETag and Vary (15.4.5)");
        is($server->get("/$name", $accept, "If-None-Match: $other")->{status}, 200,
            "$name, $coding: another variant's ETag is no match (8.8.3.3)");
        is($server->get("/$name", $accept, "If-None-Match: $other, $field->{etag}")->{status}, 304, "$name, $coding: both ETags: 304");
        is($server->get("/$name", $accept, "If-Match: $other")->{status}, 412, "$name, $coding: If-Match with another variant's ETag: 412");
        is($server->get("/$name", $accept, "If-Match: $field->{etag}")->{status}, 200, "$name, $coding: If-Match with its own: 200");

        # Ranges are those of the selected variant (14.2).
        my $part = $server->get("/$name", $accept, 'Range: bytes=-7', "If-Range: $field->{etag}");
        my ($problem, $slice) = slices_of($part);
        is($problem || "$slice->{from} $slice->{total} $slice->{bytes}", $size - 7 . " $size " . substr($bytes{$name}{$coding}, -7),
            "$name, $coding: a range of the sent variant (14.2)");
        is(join(' ', map { $part->{field}{$_} // '-' } qw(etag vary)), "$field->{etag} Accept-Encoding",
            "$name, $coding: 206 has ETag and Vary (15.3.7)");
        is($server->get("/$name", $accept, 'Range: bytes=-7')->{field}{'content-encoding'} // 'identity', $coding,
            "$name, $coding: 206 has Content-Encoding (15.3.7)");
        is($server->get("/$name", $accept, 'Range: bytes=-7', "If-Range: $other")->{status}, 200,
            "$name, $coding: If-Range with another variant's ETag: the whole (13.1.5)");
        my $several = $server->get("/$name", $accept, 'Range: bytes=0-3,-4');
        ($problem, my @slices) = slices_of($several);
        is($problem || join(' ', map { $_->{bytes} } @slices),
            substr($bytes{$name}{$coding}, 0, 4) . ' ' . substr($bytes{$name}{$coding}, -4), "$name, $coding: several ranges");
        my %codings = map { ($_->{coding} // $several->{field}{'content-encoding'} // 'identity') => 1 } @slices;
        is(join(' ', keys %codings), $coding, "$name, $coding: several ranges have the Content-Encoding");
        is($server->get("/$name", $accept, "Range: bytes=$size-")->{field}{'content-range'}, "bytes */$size",
            "$name, $coding: 416 has the length of the variant");
    }
}

# 406 (15.5.7)
{
    my $response = $server->get('/all.css', 'Accept-Encoding: *;q=0');
    is("$response->{status} $response->{reason}", '406 Not Acceptable', 'nothing acceptable: 406 (15.5.7)');
    like($response->{body}, qr/406/, '406 names its status in the page');
    ok(!exists $response->{field}{$_}, "406 has no $_ of the file") for 'etag', 'last-modified', 'content-encoding';
    is($server->get('/all.css', 'Accept-Encoding: *;q=0', $_)->{status}, 406, "406 before $_ (13.2.1)") for 'If-None-Match: *',
        'If-Match: "x"', 'Range: bytes=0-0';
    is($server->get('/none', 'Accept-Encoding: *;q=0')->{status}, 404, 'a missing file is 404, whatever the client accepts');
    is($server->get('/dir', 'Accept-Encoding: *;q=0')->{status}, 302, 'a directory redirects, whatever the client accepts');
}

# ---------------------------------------------------------------------------------------------------------
# Names
{
    my $direct = $server->get('/all.css.gz', 'Accept-Encoding: gzip');
    is("$direct->{status} $direct->{field}{'content-type'} " . ($direct->{field}{'content-encoding'} // '-'),
        '200 application/gzip -', 'a .gz by its own name is a file like any other');
    is($direct->{body}, $bytes{'all.css'}{gzip}, 'a .gz by its own name: its bytes');
    ok(!exists $server->get("/all.css$_", 'Accept-Encoding: gzip, br, zstd')->{field}{'content-encoding'},
        "a $_ by its own name has no Content-Encoding") for '.br', '.zst';
    my $alone = $server->get('/alone.css', 'Accept-Encoding: gzip');
    is(join(' ', $alone->{status}, map { $alone->{field}{$_} // '-' } qw(content-type content-encoding vary)), '200 text/css gzip Accept-Encoding',
        'a file that exists only encoded is sent to a client that accepts it');
    is($alone->{body}, 'no original', 'a file that exists only encoded: its bytes');
    is($server->get('/alone.css', "Accept-Encoding: $_")->{status}, 404, "a file that exists only encoded: 404 for '$_'") for '', 'br', 'gzip;q=0';
    my $why = $server->get('/alone.css', 'Accept: text/plain');
    is($why->{status}, 404, 'a file that exists only encoded: 404 without Accept-Encoding');
    like($why->{body}, qr/only be served from 'alone\.css\.gz', and the request does not accept gzip/, 'a file that exists only encoded: the reason');
    is($server->get('/alone.css', 'Accept-Encoding: gzip', 'Range: bytes=3-5')->{body}, 'ori', 'a file that exists only encoded: ranges are of its bytes');
    put_file($root, 'alone.css', 'an original');
    is($server->get('/alone.css')->{body}, 'an original', 'an original that appears is used at once');
    unlink "$root/alone.css";
    is($server->get('/alone.css')->{status}, 404, 'an original that is removed: the encoded form alone again');
    is($server->get('/alone.css.gz')->{status}, 200, 'a sibling without its original is served by its own name');
    is(variant('dir/index.html', $server->get('/dir/', 'Accept-Encoding: gzip')), 'gzip', 'a directory\'s index has siblings too');
    is($server->get('/dir/', 'Accept-Encoding: gzip')->{field}{'content-type'}, $server->get('/dir/')->{field}{'content-type'},
        'an encoded index has the media type of the original');
    is(variant('all.css', $server->get('/dir/../%61ll.css?q', 'Accept-Encoding: gzip')), 'gzip', 'the path is normalised first');
}

# ---------------------------------------------------------------------------------------------------------
# Files that are encoded themselves: .svgz, and --encoded
{
    my $own = Harness->start(root => $root, args => ['-j', '1', map { "--encoded=$_" } 'js.gz=gzip', 'wasm.br=br', 'data.gz=gzip', 'pbf=gzip']);
    put_file($root, "encoded/$_", noise(500, $_)) for 'p.svgz', 'g.framework.js.gz', 'g.wasm.br', 'g.data.gz', '1.pbf', 'x.tar.gz', 'x.css.gz';
    for my $case (
        ['p.svgz', 'image/svg+xml gzip'], ['g.framework.js.gz', 'text/javascript gzip'], ['g.wasm.br', 'application/wasm br'],
        ['g.data.gz', 'application/octet-stream gzip'], ['1.pbf', 'application/x-protobuf gzip'], ['x.tar.gz', 'application/gzip -'],
        ['x.css.gz', 'application/gzip -']) {
        my ($name, $expected) = @$case;
        my $got = $own->get("/encoded/$name", 'Accept-Encoding: gzip, deflate, br, zstd');
        is(join(' ', map { $got->{field}{$_} // '-' } qw(content-type content-encoding)), $expected, "$name: $expected");
        is($got->{body}, noise(500, $name), "$name: its bytes");
        my $part = $own->get("/encoded/$name", 'Accept-Encoding: gzip, deflate, br, zstd', 'Range: bytes=100-199', "If-Range: $got->{field}{etag}");
        is($part->{body}, substr(noise(500, $name), 100, 100), "$name: a range of its bytes");
    }
    my ($encoded, $plain) = map { $own->get('/encoded/p.svgz', "Accept-Encoding: $_") } 'gzip', 'identity';
    is(join(' ', map { $plain->{field}{$_} // '-' } qw(content-type content-encoding vary)), 'application/gzip - Accept-Encoding',
        'p.svgz as such to a client that does not accept gzip');
    isnt($plain->{field}{etag}, $encoded->{field}{etag}, 'p.svgz: two representations have two ETags (8.8.3.3)');
    $own->stop;
}

# ---------------------------------------------------------------------------------------------------------
# A sibling is used only if it is not older than its original, and the next request sees a change.
{
    my $socket = $server->connection;
    my $ask = sub {
        my $response = $server->exchange(get_request('/fresh.css', 'Accept-Encoding: gzip'), socket => $socket, count => 1)->{responses}[0];
        return ($response->{field}{'content-encoding'} // 'identity') . " $response->{body} " . ($response->{field}{vary} // '-');
    };
    my $at = sub { my ($name, $seconds) = @_; Time::HiRes::utime($seconds, $seconds, "$root/$name"); return };
    put_file($root, 'fresh.css', 'plain 1');
    $at->('fresh.css', 1000);
    is($ask->(), 'identity plain 1 -', 'no sibling yet');
    put_file($root, 'fresh.css.gz', 'gz 1');
    is($ask->(), 'gzip gz 1 Accept-Encoding', 'a sibling that appears is used at once');
    put_file($root, 'fresh.css.gz', 'gz 2');
    is($ask->(), 'gzip gz 2 Accept-Encoding', 'a sibling that changes is served in its current state');
    $at->('fresh.css.gz', 1000);
    is($ask->(), 'gzip gz 2 Accept-Encoding', 'a sibling of the same time is used');
    $at->('fresh.css.gz', 999);
    is($ask->(), 'identity plain 1 -', 'a sibling that is a second older is not used, and there is no Vary');
    $at->('fresh.css', 1000.75);
    $at->('fresh.css.gz', 1000.25);
    is($ask->(), 'identity plain 1 -', 'a sibling that is half a second older is not used');
    $at->('fresh.css.gz', 1001);
    is($ask->(), 'gzip gz 2 Accept-Encoding', 'a sibling that is newer again is used');
    put_file($root, 'fresh.css', 'plain 2');
    is($ask->(), 'identity plain 2 -', 'the sibling of a changed original is not used');
    put_file($root, 'fresh.css.gz', 'gz 3');
    is($ask->(), 'gzip gz 3 Accept-Encoding', 'until the sibling is written again');
    unlink "$root/fresh.css.gz";
    is($ask->(), 'identity plain 2 -', 'a removed sibling is not used');
    put_file($root, 'fresh.css.gz', 'gz 4');
    unlink "$root/fresh.css";
    is($ask->(), 'gzip gz 4 Accept-Encoding', 'a removed original: its encoded form alone');
    is($server->get('/fresh.css')->{status}, 404, 'a removed original: 404 without Accept-Encoding');
    put_file($root, 'fresh.css', 'plain 3');
    $at->('fresh.css', 1000);
    rename "$root/fresh.css.gz", "$root/fresh.css.br";
    is($ask->(), 'identity plain 3 Accept-Encoding', 'a sibling in another coding: Vary is sent');
}

# Only a regular file is used as a sibling, and never one outside the root.
{
    my $outside = new_root();
    put_file($outside, 'secret', 'SECRET');
    for my $case (
        ['a directory',               sub { mkdir $_[0] }],
        ['a FIFO',                    sub { mkfifo($_[0], 0644) }],
        ['a dangling link',           sub { symlink 'none', $_[0] }],
        ['a link out of the root',    sub { symlink "$outside/secret", $_[0] }],
        ['a link to itself',          sub { symlink 'odd.css.gz', $_[0] }],
        ) {
        my ($name, $make) = @$case;
        put_file($root, 'odd.css', 'plain');
        utime $mtime, $mtime, "$root/odd.css";
        $make->("$root/odd.css.gz");
        my $response = $server->get('/odd.css', 'Accept-Encoding: gzip');
        is("$response->{status} $response->{body} " . ($response->{field}{'content-encoding'} // '-'), '200 plain -',
            "$name beside a file is no sibling");
        cmp_ok($response->{slept}, '<', 5, "$name does not delay the response");
        rmdir "$root/odd.css.gz" or unlink "$root/odd.css.gz";
    }
}

# curl decodes the responses.
SKIP: {
    have('curl') && have('gzip') or skip 'no curl or no gzip', 3;
    my $text = join '', map { "body { margin: ${_}px }\n" } 1 .. 20_000;
    put_file($root, 'real.css', $text);
    system "gzip -k $root/real.css";
    my $url = $server->url('/real.css');
    is(`curl -s --compressed -H 'Accept-Encoding: gzip' $url`, $text, 'curl --compressed decodes the .gz');
    cmp_ok(`curl -s -o /dev/null -w '%{size_download}' --compressed -H 'Accept-Encoding: gzip' $url`, '<', length($text) / 2,
        'curl --compressed receives fewer bytes');
    is(`curl -s $url`, $text, 'curl without it gets the original');
    for my $tool (['zstd', 'zst'], ['brotli', 'br']) {
        my ($command, $suffix) = @$tool;
        next if !have($command) || `curl -V` !~ /^Features:.*\b$command\b/m;
        system "$command -q -k $root/real.css -o $root/real.css.$suffix";
        is(`curl -s --compressed -H 'Accept-Encoding: ${\ ($command eq 'zstd' ? 'zstd' : 'br')}' $url`, $text,
            "curl --compressed decodes the .$suffix");
    }
}

responses_framed();
$server->stop;
done_testing();
