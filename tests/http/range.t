# Ranges (RFC 9110 14, 15.3.7, 15.5.17; RFC 2046 5.1). If-Range is in conditional.t, ranges of encoded variants are
# in encoding.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Fcntl qw(SEEK_SET);
use Test::More;

my $root   = new_root();
my %bytes = ('small.txt' => noise(1000, 'small'), 'large.bin' => noise(300_001, 'large'), 'one.txt' => 'a', 'empty.txt' => '');
put_file($root, $_, $bytes{$_}) for keys %bytes;
put_file($root, 'dir/index.html', 'index');
put_canary($root);
my $server = Harness->start(root => $root, args => ['-j', '1']);

# Requests each of the ranges, [value of Range, expected], in one pipeline (a response of the wrong length would break
# the next one) and again byte by byte. Expected: 200, 416 or an ordered list of slices [first, last].
sub ranges {
    my ($name, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @requests = map { get_request("/$name", map { "Range: $_" } ref $_->[0] ? @{ $_->[0] } : $_->[0]) } @cases;
    my @answers  = $server->pipeline(\@requests);
    my @short    = grep { length $requests[$_] < 500 } 0 .. $#requests;
    my %each;
    @each{@short} = $server->exchange_each([@requests[@short]], count => 1);
    my @differ;
    for my $n (0 .. $#cases) {
        my ($value, $expected, $why) = @{ $cases[$n] };
        my $told = "$name: " . told(ref $value ? join ' | ', @$value : $value) . ($why ? ", $why" : '');
        is(problem($name, $answers[$n], $expected), '', $told . ': ' . (ref $expected ? '206 ' . join ',',
            map { "$_->[0]-$_->[1]" } @$expected : $expected));
        push @differ, "$told: $_" for grep { $_ } $each{$n} && problem($name, $each{$n}{responses}[0] || { status => 'none',
            field => {}, body => '' }, $expected);
    }
    is(join("\n", @differ), '', "$name: all of these byte by byte");
    return;
}

# The difference between a response and the expected one; empty if none.
sub problem {
    my ($name, $response, $expected) = @_;
    my $size = length $bytes{$name};
    my $status = ref $expected ? 206 : $expected;
    return "$response->{status}" if $response->{status} ne $status;
    return 'Content-Range: ' . ($response->{field}{'content-range'} // 'none')
        if $status == 416 && ($response->{field}{'content-range'} // '') ne "bytes */$size";
    return 'Content-Range on 200' if $status == 200 && exists $response->{field}{'content-range'};
    return 'not the whole file' if $status == 200 && $response->{body} ne $bytes{$name};
    return 'Accept-Ranges: ' . ($response->{field}{'accept-ranges'} // 'none')
        if $status != 416 && ($response->{field}{'accept-ranges'} // '') ne 'bytes';
    return '' if !ref $expected;
    my ($problem, @slices) = slices_of($response);
    return $problem if $problem;
    my $got = join ',', map { "$_->{from}-$_->{to}" } @slices;
    return $got if $got ne join ',', map { "$_->[0]-$_->[1]" } @$expected;
    for my $slice (@slices) {
        return "a total of $slice->{total}" if $slice->{total} != $size;
        return "the bytes of $slice->{from}-$slice->{to}" if $slice->{bytes} ne substr $bytes{$name}, $slice->{from},
            length $slice->{bytes};
    }
    return '';
}

# COUNT ranges that do not touch
sub apart {
    my ($count) = @_;
    return map { [3 * $_, 3 * $_ + 1] } 0 .. $count - 1;
}

sub ranges_of {
    my (@ranges) = @_;
    return 'bytes=' . join ',', map { "$_->[0]-$_->[1]" } @ranges;
}

# One range (14.1.2)
my ($two63, $two64) = ('9223372036854775808', '18446744073709551616');
ranges('small.txt',
    ['bytes=0-0',               [[0, 0]]],
    ['bytes=0-',                [[0, 999]]],
    ['bytes=0-999',             [[0, 999]]],
    ['bytes=500-600',           [[500, 600]]],
    ['bytes=999-999',           [[999, 999]]],
    ['bytes=999-',              [[999, 999]]],
    ['bytes=-1',                [[999, 999]]],
    ['bytes=-999',              [[1, 999]]],
    ['bytes=-1000',             [[0, 999]]],
    ['bytes=-1001',             [[0, 999]], 'a suffix that is longer'],
    ["bytes=-$two63",           [[0, 999]]],
    ["bytes=-$two64",           [[0, 999]]],
    ['bytes=-' . '9' x 100,     [[0, 999]]],
    ['bytes=0-1000',            [[0, 999]], 'clamped'],
    ['bytes=990-5000',          [[990, 999]], 'clamped'],
    ['bytes=10-' . ($two63 =~ s/8\z/7/r), [[10, 999]]],
    ["bytes=10-$two63",         [[10, 999]]],
    ['bytes=10-18446744073709551615', [[10, 999]], '2^64 - 1'],
    ["bytes=10-$two64",         [[10, 999]]],
    ['bytes=10-' . '9' x 100,   [[10, 999]]],
    ['bytes=007-0008',          [[7, 8]], 'leading zeros'],
    ['bytes=' . '0' x 100 . '7-' . '0' x 200 . '8', [[7, 8]]],
    ['bytes=1000-',             416],
    ['bytes=1000-1000',         416],
    ['bytes=1000-2000',         416],
    ['bytes=-0',                416, 'a suffix of nothing'],
    ['bytes=-000',              416],
    ["bytes=$two63-",           416],
    ['bytes=18446744073709551615-', 416],
    ["bytes=$two64-",           416],
    ['bytes=18446744073709551617-', 416, '2^64 + 1'],
    ["bytes=$two64-18446744073709551626", 416, 'that would be 0-10'],
    ['bytes=' . '9' x 100 . '-', 416],
    # The unit's name in any case, spaces and empty members as in any list (14.1, 5.6.1)
    ['BYTES=5-6',               [[5, 6]]],
    ['Bytes=5-6',               [[5, 6]]],
    ["\t bytes=5-6 \t",         [[5, 6]]],
    ['bytes=5-6,',              [[5, 6]]],
    ['bytes=,5-6',              [[5, 6]]],
    ["bytes=, ,\t,5-6 ,",       [[5, 6]]],
    # Malformed ones are ignored (14.2)
    (map { ["bytes=$_", 200, 'malformed'] } '5-1', '1-0', '1000-999', '18446744073709551617-18446744073709551616',
        '9' x 100 . '-' . '9' x 99,
        '', '-', '--', ',', ', ,', '5', 'a', 'a-', '-a', 'a-b', '1-b', 'a-1', '0x1-2', '0-0x2', '1.0-2', '1e1-20', '+1-2', '1-+2',
            '-+1', '--1', '1--2', '-1-', '1-2-', '1-2-3', '-1-2',
        '0 - 1', '0- 1', '0 -1', '- 1', '1 2-3', '1-2 3', '0-0;x', '0-0 x', '"0-0"', '0:1', '0_0', '*', '*/1000', '0-0/1000', '1-2=3',
            "0-0\x{e9}", '0-0,x', 'x,0-0', '0-0,5-1', '0-0,-', '0-0;1-1', '0-0 1-1'),
    ['bytes',                   200, 'malformed'],
    ['bytes 0-0',               200, 'malformed'],
    ['bytes:0-0',               200, 'malformed'],
    ['bytes =0-0',              200, 'malformed'],
    ['bytes==0-0',              200, 'malformed'],
    ['bytes=bytes=0-0',         200, 'malformed'],
    ['=0-0',                    200, 'malformed'],
    ['0-0',                     200, 'malformed'],
    ['',                        200, 'malformed'],
    # Other units are ignored (14.2)
    ['items=0-0',               200, 'another unit'],
    ['byte=0-0',                200, 'another unit'],
    ['bytesx=0-0',              200, 'another unit'],
    ['xbytes=0-0',              200, 'another unit'],
    ['none=0-0',                200, 'another unit'],
    ['seconds=1-2,bytes=0-0',   200, 'another unit'],
    # Range on two lines is malformed, as it is not a list (14.2, 5.3)
    [['bytes=0-0', 'bytes=2-2'], 200, 'two lines'],
    [['bytes=0-0', 'bytes=0-0'], 200, 'two lines'],
);

# Several ranges (14.1.2, 14.2, 15.3.7.2): in the order of the request; overlapping and adjacent ones are joined,
# unsatisfiable ones left out
ranges('small.txt',
    ['bytes=0-0,2-2',           [[0, 0], [2, 2]]],
    ['bytes=2-2,0-0',           [[2, 2], [0, 0]], 'in the order of the request'],
    ['bytes=0-0,-1',            [[0, 0], [999, 999]]],
    ['bytes=-1,0-0',            [[999, 999], [0, 0]]],
    ['bytes=0-9,500-,100-199',  [[0, 9], [500, 999], [100, 199]]],
    ["bytes=0-0 , 2-2\t,\t4-4", [[0, 0], [2, 2], [4, 4]]],
    ['bytes=,0-0,,2-2,',        [[0, 0], [2, 2]]],
    ['bytes=0-9,10-19',         [[0, 19]], 'adjacent'],
    ['bytes=10-19,0-9',         [[0, 19]], 'adjacent'],
    ['bytes=0-9,5-14',          [[0, 14]], 'overlapping'],
    ['bytes=5-14,0-9',          [[0, 14]], 'overlapping'],
    ['bytes=0-99,10-19',        [[0, 99]], 'one in the other'],
    ['bytes=10-19,0-99',        [[0, 99]], 'one in the other'],
    ['bytes=0-9,0-9',           [[0, 9]], 'the same twice'],
    ['bytes=0-,0-,-1000',       [[0, 999]], 'the whole three times'],
    ['bytes=-1,-2,-3',          [[997, 999]]],
    ['bytes=0-,-1',             [[0, 999]]],
    ['bytes=0-9,20-29,10-19',   [[0, 29]], 'the third joins the others'],
    ['bytes=10-19,30-39,0-50',  [[0, 50]], 'the third covers the others'],
    ['bytes=0-0,2-2,1-1,5-5',   [[0, 2], [5, 5]]],
    ['bytes=0-0,1000-',         [[0, 0]], 'the other is unsatisfiable'],
    ['bytes=1000-,0-0,-0',      [[0, 0]], 'the others are unsatisfiable'],
    ["bytes=0-0,$two64-,2-2",   [[0, 0], [2, 2]], 'the second is unsatisfiable'],
    ['bytes=990-5000,0-0',      [[990, 999], [0, 0]], 'clamped'],
    ['bytes=1000-,2000-3000,-0', 416],
    (map { my @set = @$_; [ranges_of(@set), [@set], scalar(@set) . ' ranges'] } [apart(17)], [reverse apart(17)], [apart(20)],
        [apart(127)], [apart(256)], [reverse apart(256)]),
    ['bytes=' . join(',', ('0-') x 256), [[0, 999]], '256 times the whole'],
    [ranges_of(apart(257)), 200, '257 ranges (14.2: a server may ignore them)'],
    ['bytes=' . join(',', ('0-') x 257), 200, '257 times the whole'],
    ['bytes=' . join(',', ('1000-') x 257), 200, '257 that are unsatisfiable'],
    ['bytes=' . join(',', ('0-') x 5000), 200, '5000 times the whole (17.15)'],
    ['bytes=' . join(',', map { "$_-$_" } map { 2 * $_ } 0 .. 499), 200, '500 bytes, each its own range'],
    ['bytes=' . ',' x 1000 . '0-0', [[0, 0]], 'a thousand empty members'],
);
ranges('large.bin',
    ['bytes=0-0',               [[0, 0]]],
    ['bytes=131071-131073',     [[131_071, 131_073]]],
    ['bytes=100000-299999',     [[100_000, 299_999]]],
    ['bytes=-1',                [[300_000, 300_000]]],
    ['bytes=300001-',           416],
    ['bytes=5-1',               200],
    ['bytes=0-0,-1,131072-262143', [[0, 0], [300_000, 300_000], [131_072, 262_143]]],
    ['bytes=' . join(',', map { 18_000 * $_ . '-' . (18_000 * $_ + 17_000) } 0 .. 15), [map { [18_000 * $_,
        18_000 * $_ + 17_000] } 0 .. 15]],
    ['bytes=' . join(',', ('0-') x 16), [[0, 300_000]]],
    [ranges_of(map { [1100 * $_, 1100 * $_ + 1023] } 0 .. 255), [map { [1100 * $_, 1100 * $_ + 1023] } 0 .. 255], '256 blocks'],
    ['bytes=200000-,0-250000',  [[0, 300_000]]],
);
ranges('one.txt', ['bytes=0-0', [[0, 0]]], ['bytes=-1', [[0, 0]]], ['bytes=-5', [[0, 0]]], ['bytes=0-0,0-0,-1', [[0, 0]]],
    ['bytes=1-', 416], ['bytes=1-1', 416], ['bytes=-0', 416]);
# In an empty file no position is satisfiable; a suffix is, but no Content-Range can describe it (14.1.2, 14.4).
ranges('empty.txt', ['bytes=0-', 416], ['bytes=0-0', 416], ['bytes=0-99', 416], ['bytes=-0', 416], ['bytes=1-', 416], ['bytes=-1',
    200], ['bytes=0-,-5', 200], ['bytes=5-1', 200], ['items=0-', 200]);

# Random sets of ranges: each requested byte once, and never more bytes than the file has
{
    my $size = 40;
    $bytes{'forty.txt'} = noise($size, 'forty');
    put_file($root, 'forty.txt', $bytes{'forty.txt'});
    srand 20_250_101;
    my @sets = map { [map {
        my ($a, $b) = (int rand 50, int rand 12);
        rand() < 0.2 ? [-1, $b, "-$b"] : rand() < 0.1 ? [$a, 1000, "$a-"] : [$a, $a + $b, $a . '-' . ($a + $b)]
    } 1 .. 1 + int rand 16] } 1 .. 400;
    my @answers = $server->pipeline([map { get_request('/forty.txt', 'Range: bytes=' . join ',', map { $_->[2] } @$_) } @sets]);
    my @wrong;
    for my $n (0 .. $#sets) {
        my $wanted = '0' x $size;
        for my $range (@{ $sets[$n] }) {
            my ($from, $to) = $range->[0] < 0 ? ($size - $range->[1], $size - 1) : @$range;
            substr $wanted, $_, 1, '1' for grep { $_ < $size } $from .. $to;
        }
        my ($got, $problem) = ('0' x $size, '');
        if ($wanted !~ /1/) {
            $problem = $answers[$n]{status} eq '416' ? '' : $answers[$n]{status};
        }
        else {
            ($problem, my @slices) = slices_of($answers[$n]);
            for my $slice (@slices) {
                $problem ||= 'a byte twice' if substr($got, $slice->{from}, length $slice->{bytes}) =~ /1/;
                $problem ||= 'wrong bytes' if $slice->{bytes} ne substr $bytes{'forty.txt'}, $slice->{from}, length $slice->{bytes};
                substr $got, $slice->{from}, length $slice->{bytes}, '1' x length $slice->{bytes};
            }
            $problem ||= 'touching parts' if @slices != (() = $got =~ /1+/g);
        }
        $problem ||= "$got, not $wanted" if $got ne $wanted && $wanted =~ /1/;
        push @wrong, join(',', map { $_->[2] } @{ $sets[$n] }) . ": $problem" if $problem;
    }
    is(join("\n", @wrong), '', '400 random sets of ranges: each requested byte once, no two parts touch (14.2, 15.3.7.2)');
}

# The fields (15.3.7): those of the 200, except for the ones that describe the part
for my $name ('small.txt', 'large.bin') {
    my $whole = $server->settled("/$name");
    my $size  = length $bytes{$name};
    my $one   = $server->get("/$name", 'Range: bytes=1-5');
    is("$one->{status} $one->{reason}", '206 Partial Content', "$name: 206");
    is($one->{field}{'content-range'}, "bytes 1-5/$size", "$name: Content-Range (14.4)");
    is($one->{field}{'content-length'}, 5, "$name: Content-Length is the part's");
    is($one->{field}{$_}, $whole->{field}{$_}, "$name: 206 has the $_ of the 200 (15.3.7)") for 'content-type', 'etag',
        'last-modified', 'cache-control', 'accept-ranges';
    is($whole->{field}{'accept-ranges'}, 'bytes', "$name: 200 has Accept-Ranges (14.3)");
    my $several = $server->get("/$name", 'Range: bytes=1-5,7-9');
    my ($problem, @slices) = slices_of($several);
    is($problem, '', "$name: multipart/byteranges (14.6)");
    like($several->{body}, qr/\A\r\n--/, "$name: CRLF precedes the first boundary, as clients expect (RFC 2046 5.1.1)");
    is(join(' ', map { $_->{type} } @slices), join(' ', ($whole->{field}{'content-type'}) x 2), "$name: each part has the type (15.3.7.2)");
    is($several->{field}{$_}, $whole->{field}{$_}, "$name: multipart has the $_ of the 200 (15.3.7)") for 'etag', 'last-modified',
        'cache-control';
    my $none = $server->get("/$name", "Range: bytes=$size-");
    is("$none->{status} $none->{reason}", '416 Range Not Satisfiable', "$name: 416");
    is($none->{field}{'content-range'}, "bytes */$size", "$name: Content-Range of a 416 (14.4)");
    ok(!exists $none->{field}{$_}, "$name: 416 has no $_ of the file") for 'etag', 'last-modified';

    # Ranges are defined for GET alone (14.2).
    my @heads = $server->pipeline([map { "HEAD /$name HTTP/1.1\r\nHost: localhost\r\nRange: $_\r\n\r\n" } 'bytes=0-0',
        'bytes=0-0,2-2', "bytes=$size-", 'x']);
    for my $head (@heads) {
        is("$head->{status} $head->{field}{'content-length'}", "200 $size", "$name: HEAD ignores Range (14.2)");
        ok(!exists $head->{field}{'content-range'}, "$name: HEAD with Range has no Content-Range (14.4)");
    }
}
{
    my $range = 'Range: bytes=0-0';
    is($server->get('/none', $range)->{status}, 404, 'a range of a missing file: 404');
    is($server->get('/dir', $range)->{status}, 302, 'a range of a directory: redirect');
    is($server->get('/dir/', $range)->{body}, 'i', 'a range of a directory\'s index');
    is($server->exchange("POST /small.txt HTTP/1.1\r\nHost: localhost\r\n$range\r\n\r\n", count => 1)->{responses}[0]{status}, 405,
        'POST with Range: 405');
    is($server->exchange("OPTIONS /small.txt HTTP/1.1\r\nHost: localhost\r\n$range\r\n\r\n", count => 1)->{responses}[0]{status}, 204,
        'OPTIONS with Range: 204');
    my $old = $server->exchange("GET /small.txt HTTP/1.0\r\n$range\r\n\r\n")->{responses}[0];
    like($old->{status}, qr/\A20[06]\z/, 'HTTP/1.0 with Range: a part or the whole');
}

# The delimiter must not occur in a part (RFC 2046 5.1.1), even if the file contains an earlier one.
{
    my ($boundary) = ($server->get('/small.txt', 'Range: bytes=0-0,2-2')->{field}{'content-type'} || '') =~ /boundary="?([^"]+)/;
    $boundary //= '';
    $bytes{'boundary.txt'} = "\r\n--$boundary--\r\n\r\n--$boundary\r\nContent-Type: text/html\r\nContent-Range: bytes 0-0/1\r\n\r\n<b>\r\n" x 3;
    put_file($root, 'boundary.txt', $bytes{'boundary.txt'});
    my $half = int length($bytes{'boundary.txt'}) / 2;
    is(problem('boundary.txt', $server->get('/boundary.txt', "Range: bytes=0-$half," . ($half + 2) . '-'), [[0, $half], [$half + 2,
        length($bytes{'boundary.txt'}) - 1]]), '',
        'a file that contains an earlier boundary: its parts are intact (RFC 2046 5.1.1)');
    my @same = $server->pipeline([("GET /small.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-0,2-2\r\n\r\n") x 200]);
    my %lengths = map { ($_->{field}{'content-length'} => 1) } @same;
    is(scalar keys %lengths, 1, 'boundaries differ, but are of one length: Content-Length does not vary');
}

# A sparse file over 4 GiB: positions of more than 32 bits
{
    my $size = 5 * 1024**3 + 7;
    open my $file, '>:raw', "$root/huge.bin" or die $!;
    for my $mark ([2**31 - 3, 'around 2^31'], [2**32 - 3, 'around 2^32'], [$size - 10, 'last ones.']) {
        seek $file, $mark->[0], SEEK_SET;
        print {$file} $mark->[1];
    }
    close $file or die $!;
    for my $case (
        ['2147483645-2147483655', [[2_147_483_645, 'around 2^31']]],
        ['4294967293-4294967303', [[4_294_967_293, 'around 2^32']]],
        ['-10',                   [[$size - 10, 'last ones.']]],
        [$size - 5 . '-',         [[$size - 5, 'ones.']]],
        [$size - 5 . "-$two64",   [[$size - 5, 'ones.']]],
        ['0-3,4294967293-4294967303,-10', [[0, "\0\0\0\0"], [4_294_967_293, 'around 2^32'], [$size - 10, 'last ones.']]],
        ) {
        my ($problem, @slices) = slices_of($server->get('/huge.bin', "Range: bytes=$case->[0]"));
        is($problem || join('|', map { "$_->{from} $_->{bytes} $_->{total}" } @slices), join('|',
            map { "$_->[0] $_->[1] $size" } @{ $case->[1] }), "a file of 5 GiB: $case->[0]");
    }
    is($server->get('/huge.bin', "Range: bytes=$size-")->{field}{'content-range'}, "bytes */$size", 'a file of 5 GiB: past its end');
    my $socket = $server->connection;
    syswrite $socket, get_request('/huge.bin', 'Range: bytes=1-4294967296');
    sysread $socket, my $head, 1 << 16;
    like($head, qr/\r\nContent-Length: 4294967296\r\n/i, 'a part of 4 GiB: its exact length');
    close $socket;
}

# A file that changes: the range is from its current state.
{
    my $socket = $server->connection;
    my @wrong;
    for my $size (map { $_ % 2 ? 100 + $_ : 200_000 + $_ } 1 .. 20) {
        $bytes{'growing.bin'} = noise($size, "size $size");
        put_file($root, 'growing.bin', $bytes{'growing.bin'});
        my $response = $server->exchange(get_request('/growing.bin', 'Range: bytes=-3,0-0'), socket => $socket, count => 1)->{responses}[0];
        push @wrong, $_ for grep { $_ } problem('growing.bin', $response, [[$size - 3, $size - 1], [0, 0]]);
    }
    is("@wrong", '', 'a file that changes between two requests: the range of its current version');
}

# A slow reader with a small window: parts are cut at any byte and continue there.
{
    my $bytes = $bytes{'windows.bin'} = noise(5_000_000, 'windows');
    put_file($root, 'windows.bin', $bytes);
    my $socket = $server->connection(receive => 16_384);
    my @wanted = map { [300_000 * $_, 300_000 * $_ + 299_000] } 0 .. 15;
    syswrite $socket, get_request('/windows.bin', 'Range: bytes=' . join ',', map { "$_->[0]-$_->[1]" } @wanted);
    at_rest($server->pid); # the transfer has stalled
    my $result = $server->exchange(get_request('/one.txt', 'Connection: close'), socket => $socket);
    is(problem('windows.bin', $result->{responses}[0], \@wanted), '', '16 ranges to a slow reader');
    is($result->{responses}[1]{body}, 'a', '16 ranges to a slow reader: the next response follows');
}

# A file that shrinks while its parts are sent: the response can't be completed, so the connection closes (RFC 9112 8).
{
    put_file($root, 'shrinking.bin', '');
    truncate "$root/shrinking.bin", 64_000_000 or die $!;
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/shrinking.bin', 'Range: bytes=0-9999999,20000000-49999999,60000000-') . get_request('/one.txt');
    sysread $socket, my $start, 10_000;
    truncate "$root/shrinking.bin", 15_000_000;
    my ($raw, $got) = ('', 0);
    while ($got = sysread $socket, my $bytes, 1 << 20) {
        $raw .= $bytes;
    }
    ok(defined $got, 'a file that shrinks between its parts: the connection is closed without an error');
    cmp_ok(length $raw, '<', 44_000_000, 'a file that shrinks between its parts: the body is cut off');
    unlike(substr($raw, -1000), qr/HTTP\/1\.1/, 'a file that shrinks between its parts: no other response in the gap');
}

# curl
SKIP: {
    have('curl') or skip 'no curl', 6;
    my $url = $server->url('/large.bin');
    is(`curl -s -r 0-9 $url`, substr($bytes{'large.bin'}, 0, 10), 'curl -r 0-9');
    is(`curl -s -r -5 $url`, substr($bytes{'large.bin'}, -5), 'curl -r -5');
    is(`curl -s -r 299990- $url`, substr($bytes{'large.bin'}, 299_990), 'curl -r 299990-');
    is(`curl -s -o /dev/null -w '%{http_code} %{content_type}' -r 0-0,-1 $url` =~ s/;.*//r, '206 multipart/byteranges', 'curl -r 0-0,-1');
    for my $have (1, 150_000) {
        my $part = put_file(new_root(), 'part', substr $bytes{'large.bin'}, 0, $have);
        system 'curl', '-s', '-C', '-', '-o', $part, $url;
        is(slurp($part), $bytes{'large.bin'}, "curl -C - goes on after $have bytes");
    }
}

# zsync fetches the blocks that have changed, 20 ranges in a request.
SKIP: {
    have('zsync') && have('zsyncmake') or skip 'no zsync', 2;
    my ($block, $work) = (2048, new_root());
    my $new = noise(300 * $block, 'zsync');
    put_file($root, 'image.bin', $new);
    system "cd '$root' && zsyncmake -b $block -u image.bin -o image.zsync image.bin >'$work/said' 2>&1";
    for my $changed (10, 120) {
        my $old = $new;
        substr $old, 2 * $block * $_, $block, 'x' x $block for 0 .. $changed - 1;
        put_file($work, 'old.bin', $old);
        unlink "$work/got.bin";
        system "cd '$work' && timeout 1000 zsync -q -i old.bin -o got.bin " . $server->url('/image.zsync') . ' >said 2>&1';
        ok(-e "$work/got.bin" && slurp("$work/got.bin") eq $new, "zsync completes a file of which $changed blocks differ")
            or diag(slurp("$work/said"));
    }
}

# zchunk asks for the ranges of all chunks that it lacks, up to 127 in a request.
SKIP: {
    have('zck') && have('zckdl') or skip 'no zchunk', 1;
    my $work = new_root();
    my @lines = map { unpack('H*', noise(3000, "chunk $_")) . "\n" } 1 .. 60;
    put_file($work, 'old', join '', @lines);
    put_file($work, 'new', join '', map { $_ % 2 ? $lines[$_] : unpack('H*', noise(3000, "other $_")) . "\n" } 0 .. $#lines);
    system "cd '$work' && zck -s '\n' old >said 2>&1 && zck -s '\n' new >>said 2>&1 && mv new.zck '$root/index.zck'";
    system "cd '$work' && timeout 1000 zckdl -s old.zck " . $server->url('/index.zck') . ' >>said 2>&1';
    ok(-e "$work/index.zck" && slurp("$work/index.zck") eq slurp("$root/index.zck"), 'zckdl completes a file of which 30 chunks differ')
        or diag(slurp("$work/said"));
}

responses_framed();
$server->stop;
done_testing();
