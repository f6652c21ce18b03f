# Conditional requests (RFC 9110 13, 8.8, 15.4.5, 15.5.13). Those on encoded variants are in encoding.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use POSIX qw(strftime);
use Test::More;

my $root  = new_root();
my $mtime = 784_111_777; # Sun, 06 Nov 1994 08:49:37 GMT
my %bytes = ('small.txt' => "some text\n" x 5, 'large.bin' => noise(200_000, 'large')); # in memory, by sendfile
for my $name (sort keys %bytes) {
    put_file($root, $name, $bytes{$name});
    utime $mtime, $mtime, "$root/$name";
}
put_file($root, 'index.html', "<p>page</p>\n");
put_file($root, 'dir/a',      'a');
put_canary($root);
my $server = Harness->start(root => $root, args => ['-j', '1']); # each worker trusts a file some seconds after it saw it
$server->dated("/$_") for sort keys %bytes;

my %etag = map { $_ => $server->settled("/$_")->{field}{etag} } keys %bytes;
for my $name (sort keys %bytes) {
    my $response = $server->get("/$name");
    like($etag{$name}, qr/\A"[\x21\x23-\x7e]+"\z/, "$name: a strong ETag (8.8.3)");
    is($response->{field}{'last-modified'}, http_date($mtime), "$name: Last-Modified is the file's time (8.8.2)");
}

# Every combination of one element of each list.
sub combinations {
    my ($first, @others) = @_;
    return map { [$_] } @$first if !@others;
    my @rest = combinations(@others);
    return map { my $one = $_; map { [$one, @$_] } @rest } @$first;
}

sub request_of { my ($method, $target, @fields) = @_; return get_request($target, @fields) =~ s/\AGET/$method/r }

# ---------------------------------------------------------------------------------------------------------
# Precedence (13.2.2): every combination of the results of each field. [field lines, result]; undef: the field is
# absent or must be ignored.
{
    my ($same, $earlier, $later) = map { http_date($mtime + $_) } 0, -1, 1;
    my $e = 'ETAG';
    my @if_match = ([undef, undef], [$e, 1], ['*', 1], ["\"other\", $e", 1], ['"other"', 0], ["W/$e", 0]);
    my @if_unmodified = ([undef, undef], [$same, 1], [$later, 1], [$earlier, 0], ['yesterday', undef]);
    my @if_none_match = ([undef, undef], [$e, 0], ["W/$e", 0], ['*', 0], ["\"other\", $e", 0], ['"other"', 1], ["$e x", 1]);
    my @if_modified = ([undef, undef], [$same, 0], [$later, 0], [$earlier, 1], ['tomorrow', undef]);
    # Ranges: 1 a part, 0 the whole (13.1.5: strong comparison, the exact date), 416
    my @range = ([undef, undef, 0], ['bytes=0-0', undef, 1], ['bytes=0-0', $e, 1], ['bytes=0-0', "W/$e", 0], ['bytes=0-0', '"other"', 0],
        ['bytes=0-0', $same, 1], ['bytes=0-0', $later, 0], ['bytes=0-0', $earlier, 0], ['bytes=0-0', 'never', 0], [undef, $e, 0],
        ['bytes=900000-', undef, 416], ['bytes=900000-', '"other"', 0], ['bytes=900000-', $e, 416]);

    my $expected = sub { # 13.2.2, step by step
        my ($method, $match, $unmodified, $none_match, $modified, $range) = @_;
        if (defined $match->[0]) { return 412 if !$match->[1] }
        elsif (defined $unmodified->[1]) { return 412 if !$unmodified->[1] }
        if (defined $none_match->[0]) { return 304 if !$none_match->[1] }
        elsif (defined $modified->[1]) { return 304 if !$modified->[1] }
        return 200 if $method eq 'HEAD' || !$range->[2];
        return $range->[2] == 416 ? 416 : 206;
    };
    for my $name (sort keys %bytes) {
        for my $method ('GET', 'HEAD') {
            my (@requests, @status);
            # HEAD instead of a thousand transfers of the large file: it shows the 200 as well.
            my @ranges = $method eq 'HEAD' ? @range[0, 1, 10] : $name eq 'large.bin' ? @range[1, 2, 10] : @range;
            my @field  = ('If-Match', 'If-Unmodified-Since', 'If-None-Match', 'If-Modified-Since', 'Range', 'If-Range');
            for my $combination (combinations(\@if_match, \@if_unmodified, \@if_none_match, \@if_modified, \@ranges)) {
                my @value = ((map { $_->[0] } @$combination), $combination->[-1][1]);
                push @requests, request_of($method, "/$name",
                    map { "$field[$_]: " . $value[$_] =~ s/ETAG/$etag{$name}/r } grep { defined $value[$_] } 0 .. $#value);
                push @status, $expected->($method, @$combination);
            }
            my (@wrong, @fields);
            for (my $first = 0; $first < @requests; $first += 1000) {
                my $last = $first + 999 < $#requests ? $first + 999 : $#requests;
                my @answers = $server->pipeline([@requests[$first .. $last]]);
                for my $n ($first .. $last) {
                    my $answer = $answers[$n - $first];
                    push @wrong, "$status[$n], not $answer->{status}: " . $requests[$n] =~ s/\r\n/ | /gr
                        if $answer->{status} ne $status[$n];
                    push @fields, $requests[$n] if $answer->{status} =~ /\A(?:200|206|304)\z/ && ($answer->{field}{etag} || '') ne $etag{$name};
                }
            }
            is(scalar @wrong, 0, "$method $name: " . @requests . ' combinations of conditions in the order of 13.2.2')
                or diag(join "\n", @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)]);
            is(scalar @fields, 0, "$method $name: each 200, 206 and 304 has the ETag");
        }
    }
}

# ---------------------------------------------------------------------------------------------------------
# Lists of entity tags (13.1.1, 13.1.2, 8.8.3, 5.6.1): [lines, matches weakly, matches strongly]
{
    my $e = $etag{'small.txt'};
    my ($inner) = $e =~ /\A"(.*)"\z/;
    my $swapped = $inner =~ tr/a-zA-Z/A-Za-z/r;
    my @cases = (
        [[$e],                          1, 1],
        [["W/$e"],                      1, 0],
        [['*'],                         1, 1],
        [["\t* "],                      1, 1],
        [['"other"'],                   0, 0],
        [["\"other\", $e"],             1, 1],
        [["$e, \"other\""],             1, 1],
        [["$e,\"other\""],              1, 1],
        [["\"other\",$e"],              1, 1],
        [["\"other\" \t,\t $e \t"],     1, 1],
        [["W/\"other\", $e"],           1, 1],
        [["\"other\", W/$e"],           1, 0],
        [["W/$e, $e"],                  1, 1],
        [[", $e"],                      1, 1],
        [["$e ,"],                      1, 1],
        [[",, ,$e,\t,"],                1, 1],
        [['"other"', $e],               1, 1],
        [[$e, '"other"'],               1, 1],
        [['"a"', '"b", "c"', "\"d\", $e"], 1, 1],
        [['', $e],                      1, 1],
        [["\"a,b\", $e"],               1, 1],
        [["\", \", $e"],                0, 0, 'a blank is no tag character'],
        [["\",\", $e"],                 1, 1],
        [["\"x,$inner,y\""],            0, 0],
        [["\",$inner\""],               0, 0],
        [["\"x\\\", $e"],               1, 1, 'a backslash escapes nothing'],
        [["\"\", $e"],                  1, 1],
        [['""'],                        0, 0],
        [['W/""'],                      0, 0],
        [['"*"'],                       0, 0],
        [["\"caf\xe9\", $e"],           1, 1, 'obs-text'],
        [['"' . substr($inner, 0, -1) . '"'], 0, 0],
        [["\"${inner}x\""],             0, 0],
        [["\"x$inner\""],               0, 0],
        [["\"W/$inner\""],              0, 0],
        ($swapped ne $inner ? [["\"$swapped\""], 0, 0] : ()),
        [[join ', ', (map { "\"tag-$_\"" } 1 .. 1500), $e], 1, 1],
        [[(map { "\"tag-$_\"" } 1 .. 20), $e], 1, 1],
        # Malformed: never a match, even with a matching tag
        (map { [$_, 0, 0, 'malformed'] } [$inner], ["\"$inner"], ["$inner\""], ["'$inner'"], ["w/$e"], ["W/ $e"], ["W $e"],
            ["W/$inner"], ["/$e"], ["W/W/$e"],
            ["$e $e"], ["$e$e"], ["$e;$e"], ["$e; a=b"], ["\"other\" $e"], ["$e x"], ["x, $e"], ["$e, x"], ["*, $e"], ["$e, *"],
                ['* *'], ['**'], ['W/*'], ['*, *'],
            ["\"a b\", $e"], ["\"a\tb\", $e"], ["$e,\""], ["\"$e"], ["\"\"\", $e"], [''], [','], ['x'], ['*', $e], [$e, '*'], ['*',
                '*'], ["\"other\",\" $e"]),
    );
    my @none_match = map { get_request('/small.txt', map { "If-None-Match: $_" } @{ $_->[0] }) } @cases;
    my @match      = map { get_request('/small.txt', map { "If-Match: $_" } @{ $_->[0] }) } @cases;
    my %answers = (at_once => [$server->pipeline(\@none_match), $server->pipeline(\@match)]);
    my @short = grep { length $none_match[$_] < 2000 } 0 .. $#cases;
    my @each  = $server->exchange_each([@none_match[@short], @match[@short]], count => 1);
    my @differ;
    for my $n (0 .. $#cases) {
        my ($lines, $weak, $strong, $why) = @{ $cases[$n] };
        my $name = told(join ' | ', @$lines) . ($why ? " ($why)" : '');
        is($answers{at_once}[$n]{status}, $weak ? 304 : 200, "If-None-Match: $name: weak comparison (13.1.2)");
        is($answers{at_once}[$n + @cases]{status}, $strong ? 200 : 412, "If-Match: $name: strong comparison (13.1.1)");
    }
    for my $n (0 .. $#each) {
        my $case  = $short[$n % @short] + ($n < @short ? 0 : @cases);
        my $first = $each[$n]{responses}[0] || { status => 'none' };
        push @differ, told(($none_match[$short[$n % @short]])) if $first->{status} ne $answers{at_once}[$case]{status};
    }
    is(join("\n", @differ), '', 'all of these byte by byte: the same responses');

    # A malformed If-None-Match is still present, so If-Modified-Since is ignored (13.1.3).
    is($server->get('/small.txt', 'If-None-Match: x', 'If-Modified-Since: ' . http_date($mtime))->{status}, 200,
        'a malformed If-None-Match, an If-Modified-Since that holds: 200 (13.1.3)');
    is($server->get('/small.txt', 'If-Match: x', 'If-Unmodified-Since: ' . http_date($mtime))->{status}, 412,
        'a malformed If-Match, an If-Unmodified-Since that holds: 412 (13.1.4)');
}

# ---------------------------------------------------------------------------------------------------------
# Dates (5.6.7, 13.1.3, 13.1.4): [date, status with If-Modified-Since, with If-Unmodified-Since]
{
    my $year = (gmtime)[5] + 1900;
    # A two-digit year is at most 50 years ahead: $past is 40 years ago, $ahead 40 years ahead.
    my ($past, $ahead) = map { strftime('%A, 06-Nov-%y 08:49:37 GMT',
        gmtime($mtime + ($year + $_ - 1994) * 31_557_600)) =~ s/\A\w+/Sunday/r } -40, 40;
    my @dates = (
        ['Sun, 06 Nov 1994 08:49:37 GMT',        304, 200, 'IMF-fixdate'],
        ['Sunday, 06-Nov-94 08:49:37 GMT',       304, 200, 'RFC 850'],
        ['Sun Nov  6 08:49:37 1994',             304, 200, 'asctime'],
        ['Sun Nov 06 08:49:37 1994',             304, 200, 'asctime with a zero'],
        ['Sun, 06 Nov 1994 08:49:36 GMT',        200, 412, 'a second earlier'],
        ['Sunday, 06-Nov-94 08:49:36 GMT',       200, 412],
        ['Sun Nov  6 08:49:36 1994',             200, 412],
        ['Sun, 06 Nov 1994 08:49:38 GMT',        304, 200, 'a second later'],
        ['Sunday, 06-Nov-94 08:49:38 GMT',       304, 200],
        ['Sun Nov  6 08:49:38 1994',             304, 200],
        ['Tue, 29 Feb 2000 00:00:00 GMT',        304, 200, 'a leap day'],
        ['Sat, 31 Dec 2005 23:59:60 GMT',        304, 200, 'a leap second (5.6.7)'],
        ['Fri, 31 Dec 9999 23:59:59 GMT',        304, 200, 'the last valid second'],
        ['Thu, 01 Jan 1970 00:00:00 GMT',        200, 412, 'the epoch'],
        ['Sun, 06 Nov 1960 08:49:37 GMT',        200, 412, 'before the epoch'],
        ['Mon, 01 Jan 0001 00:00:00 GMT',        200, 412, 'the first valid second'],
        [http_date(time + 86_400),               304, 200, 'tomorrow'],
        [$ahead,                                 304, 200, 'less than 50 years ahead'],
        [" \tSun, 06 Nov 1994 08:49:36 GMT\t ",  200, 412, 'spaces and tabs around it'],
    );
    # Invalid dates are ignored. A valid date in 2005 would give 304, one in 1988 412; November 6 is a Sunday in both
    # years.
    my @invalid = ('', 'x', '0', '-1', '1131266977', 'YYYY', 'Sun, 06 Nov YYYY 08:49:37', 'Sun, 06 Nov YYYY 08:49:37 UTC',
        'Sun, 06 Nov YYYY 08:49:37 +0000',
        'Sun, 06 Nov YYYY 08:49:37 gmt', 'Sun, 06 Nov YYYY 08:49:37 GMT+1', 'Sun, 06 Nov YYYY 08:49:37 GMTx',
            'Sun, 06 Nov YYYY 08:49:37 GMT; length=5', 'Sun, 06 Nov YYYY 08:49:37 GMT, x',
        '"Sun, 06 Nov YYYY 08:49:37 GMT"', 'sun, 06 Nov YYYY 08:49:37 GMT', 'Sun, 06 nov YYYY 08:49:37 GMT',
            'SUN, 06 NOV YYYY 08:49:37 GMT', 'Sun 06 Nov YYYY 08:49:37 GMT',
        'Sun,06 Nov YYYY 08:49:37 GMT', 'Sun,  06 Nov YYYY 08:49:37 GMT', 'Sun, 6 Nov YYYY 08:49:37 GMT',
            'Sun,  6 Nov YYYY 08:49:37 GMT', 'Sun, 006 Nov YYYY 08:49:37 GMT', 'Sun, 06-Nov-YYYY 08:49:37 GMT',
            'Sun, 06 Nov YY 08:49:37 GMT',
        'Sun, 06 November YYYY 08:49:37 GMT', 'Sun, 06 11 YYYY 08:49:37 GMT', 'Sunday, 06 Nov YYYY 08:49:37 GMT',
            'Xyz, 06 Nov YYYY 08:49:37 GMT', '06 Nov YYYY 08:49:37 GMT',
        'Sun, 06 Xyz YYYY 08:49:37 GMT', 'Sun, 00 Nov YYYY 08:49:37 GMT', 'Sun, 32 Nov YYYY 08:49:37 GMT',
            'Sun, 99 Nov YYYY 08:49:37 GMT', 'Sun, -6 Nov YYYY 08:49:37 GMT',
        'Sun, 06 Nov YYYY 24:00:00 GMT', 'Sun, 06 Nov YYYY 08:60:37 GMT', 'Sun, 06 Nov YYYY 08:49:61 GMT',
            'Sun, 06 Nov YYYY 8:49:37 GMT', 'Sun, 06 Nov YYYY 08:49 GMT', 'Sun, 06 Nov YYYY 08.49.37 GMT',
        'Sun, 06 Nov YYYY 08:49:37.5 GMT', 'Sun, 06 Nov YYYY GMT', 'Sun, 06 Nov 0YYYY 08:49:37 GMT',
            'Sunday, 06-Nov-YYYY 08:49:37 GMT', 'Sunday, 06 Nov YY 08:49:37 GMT',
        'Sun, 06-Nov-YY 08:49:37 GMT', 'sunday, 06-Nov-YY 08:49:37 GMT', 'Sunday, 6-Nov-YY 08:49:37 GMT',
            'Sunday, 06-Nov-YY 08:49:37', 'Sun Nov 6 08:49:37 YYYY', 'Sun Nov  6 08:49:37 YYYY GMT',
        'Sun Nov  6 08:49:37 YY', 'Sun, Nov  6 08:49:37 YYYY', 'Nov  6 08:49:37 YYYY', 'Sunday Nov  6 08:49:37 YYYY',
            'YYYY-11-06T08:49:37Z', 'YYYY-11-06', '06 Nov YYYY', '*', '"x"');
    for my $form (@invalid) {
        push @dates, [$form =~ s/YYYY/2005/r =~ s/YY/05/r, 200, undef, 'invalid'], [$form =~ s/YYYY/1988/r =~ s/YY/88/r, undef, 200,
            'invalid'];
    }
    my (@asked, @requests);
    for my $date (@dates) {
        my ($value, $modified, $unmodified, $why) = @$date;
        push @asked, ["If-Modified-Since: $value", $modified, $why] if $modified;
        push @asked, ["If-Unmodified-Since: $value", $unmodified, $why] if $unmodified;
    }
    for my $name ('If-Modified-Since', 'If-Unmodified-Since') {
        for my $date ('Sun, 06 Nov 1988 08:49:37 GMT', 'Sun, 06 Nov 2005 08:49:37 GMT') {
            push @asked, ["$name: $date\r\n$name: $date", 200, 'on two lines (13.1.3, 13.1.4)'];
        }
    }
    @requests = map { get_request('/small.txt', $_->[0]) } @asked;
    my @answers = $server->pipeline(\@requests);
    my @each    = $server->exchange_each(\@requests, count => 1);
    my @differ  = grep { ($each[$_]{responses}[0] || { status => 'none' })->{status} ne $answers[$_]{status} } 0 .. $#asked;
    for my $n (0 .. $#asked) {
        is($answers[$n]{status}, $asked[$n][1], told($asked[$n][0]) . ($asked[$n][2] ? ", $asked[$n][2]" : '') . ": $asked[$n][1] (5.6.7)");
    }
    is(join("\n", map { told($asked[$_][0]) } @differ), '', 'all of these dates byte by byte: the same responses');
    is($server->get('/canary', "If-Modified-Since: $past")->{status}, 200,
        'a two-digit year more than 50 years ahead is in the past (5.6.7)');
}

# ---------------------------------------------------------------------------------------------------------
# If-Range (13.1.5): strong comparison, one validator, the exact date in any of its formats
{
    my $e = $etag{'large.bin'};
    for my $case (
        [[$e], 206], [["W/$e"], 200], [['"other"'], 200], [["$e, $e"], 200], [["\"other\", $e"], 200], [[$e, $e], 200], [['*'], 200],
            [[''], 200], [[$e =~ s/"//gr], 200], [["w/$e"], 200], [["$e x"], 200],
        [['Sun, 06 Nov 1994 08:49:37 GMT'], 206], [['Sunday, 06-Nov-94 08:49:37 GMT'], 206], [['Sun Nov  6 08:49:37 1994'], 206],
            [['Sun, 06 Nov 1994 08:49:38 GMT'], 200],
        [['Sun, 06 Nov 1994 08:49:36 GMT'], 200], [['Fri, 31 Dec 9999 23:59:59 GMT'], 200], [['Sun, 06 Nov 1994 08:49:37'], 200],
            [['Sun, 06 Nov 1994 08:49:37 GMT, x'], 200],
        [[('Sun, 06 Nov 1994 08:49:37 GMT') x 2], 200],
        ) {
        my ($lines, $status) = @$case;
        my $response = $server->get('/large.bin', 'Range: bytes=10-19', map { "If-Range: $_" } @$lines);
        is($response->{status}, $status, 'If-Range: ' . told(join ' | ', @$lines) . ": $status (13.1.5)");
        is($response->{body}, $status == 206 ? substr($bytes{'large.bin'}, 10, 10) : $bytes{'large.bin'},
            'If-Range: ' . told(join ' | ', @$lines) . ": the body of the $status");
    }
    is($server->get('/large.bin', 'If-Range: "other"')->{status}, 200, 'If-Range without Range is ignored (13.1.5)');

    # A date is a strong validator only once its second is over (8.8.2.2): until then the file may change again.
    my @wrong;
    for my $round (1 .. 5) {
        put_file($root, 'fresh.txt', "version $round");
        my $date = http_date((stat "$root/fresh.txt")[9]);
        my $part = $server->get('/fresh.txt', 'Range: bytes=0-0', "If-Range: $date");
        push @wrong, $date if $part->{status} == 206 && $part->{field}{date} eq $date;
    }
    is("@wrong", '', 'If-Range with a date of the current second does not match (13.1.5, 8.8.2.2)');
}

# ---------------------------------------------------------------------------------------------------------
# 304 and 412
for my $name (sort keys %bytes) {
    my $whole = $server->get("/$name");
    for my $method ('GET', 'HEAD') {
        my $response = $server->exchange(request_of($method, "/$name", "If-None-Match: $etag{$name}"), count => 1)->{responses}[0];
        is($response->{status}, 304, "$method $name: 304");
        is($response->{reason}, 'Not Modified', "$method $name: its reason phrase");
        is($response->{field}{$_}, $whole->{field}{$_}, "$method $name: 304 has the $_ of the 200 (15.4.5)") for 'etag', 'cache-control';
        ok(!exists $response->{field}{$_}, "$method $name: 304 has no $_ (15.4.5)") for 'content-length', 'content-type',
            'last-modified', 'accept-ranges', 'content-range';
        my $date = $server->exchange(request_of($method, "/$name", 'If-Modified-Since: ' . http_date($mtime)), count => 1)->{responses}[0];
        is("$date->{status} " . ($date->{field}{etag} || ''), "304 $etag{$name}",
            "$method $name: 304 by date has the ETag as well (15.4.5)");
    }
    my $failed = $server->get("/$name", 'If-Match: "other"');
    is("$failed->{status} $failed->{reason}", '412 Precondition Failed', "$name: 412 (15.5.13)");
    like($failed->{body}, qr/412/, "$name: 412 names its status in the page");
    cmp_ok(length $failed->{body}, '<', 4096, "$name: 412 is a small page");
    ok(!exists $failed->{field}{$_}, "$name: 412 has no $_ of the file") for 'etag', 'last-modified', 'accept-ranges';
    my $head = $server->exchange(request_of('HEAD', "/$name", 'If-Match: "other"', 'Connection: close'));
    is("$head->{responses}[0]{field}{'content-length'} $head->{rest}", length($failed->{body}) . ' ',
        "$name: HEAD of a 412 has its Content-Length and no body");
}

# A file that has just changed may change again and keep its times, even if they were set to an old date: neither a tag
# nor a date identifies its bytes yet, nor does any date from a client (8.8.1, 8.8.2.2).
{
    my ($without, @wrong) = (0);
    for my $round (1 .. 30) {
        put_file($root, 'racy.bin', noise(200_000, $round));
        utime $mtime, $mtime, "$root/racy.bin";
        my ($head, $star, $date, $match, $tag, $if_range) = $server->pipeline([request_of('HEAD', '/racy.bin'),
            (map { get_request('/racy.bin', $_, 'Range: bytes=0-0') } 'If-None-Match: *',
                'If-Modified-Since: ' . http_date($mtime), 'If-Match: *', 'If-Match: "x"', 'If-Range: ' . http_date($mtime))]);
        next if exists $head->{field}{etag}; # on a slow machine its times are old enough
        $without++;
        push @wrong, 'dated' if exists $head->{field}{'last-modified'};
        my $status = join ' ', map { $_->{status} } $star, $date, $match, $tag, $if_range;
        push @wrong, $status if $status ne '304 206 206 412 200';
    }
    is("@wrong", '', "a file that was written just now ($without of 30 without validators): no date matches, * matches (13.1.1)");
}

# Dates that identify nothing: of the current or a future second, or the epoch of reproducible builds. They are not sent
# as Last-Modified (8.8.2.1), so no date matches the file, but its ETag does.
for my $case (['the epoch', 0], ['a second later', 1], ['tomorrow', time + 86_400]) {
    my ($when, $seconds) = @$case;
    my $name = $when eq 'tomorrow' ? 'undated.bin' : 'undated.txt';
    put_file($root, $name, $name eq 'undated.bin' ? noise(200_000, $when) : $when);
    utime $seconds, $seconds, "$root/$name";
    my $whole = $server->settled("/$name");
    my $tag   = $whole->{field}{etag};
    ok(!exists $whole->{field}{'last-modified'}, "a file of $when: no Last-Modified");
    is($server->get("/$name", "If-Modified-Since: $_")->{status}, 200, "a file of $when: If-Modified-Since: $_ is ignored (13.1.3)")
        for map { http_date($_) } $seconds, time, time + 200_000;
    is($server->get("/$name", "If-Unmodified-Since: $_")->{status}, 200,
        "a file of $when: If-Unmodified-Since: $_ is passed (13.1.4)") for map { http_date($_) } $seconds, time + 200_000;
    # The server still knows the date: a file newer than the client's date is not the client's.
    is($server->get("/$name", 'If-Unmodified-Since: ' . http_date(-86_400), 'Range: bytes=0-0')->{status}, 412,
        "a file of $when: If-Unmodified-Since of long ago fails (13.1.4)");
    is($server->get("/$name", 'Range: bytes=0-0', 'If-Range: ' . http_date($seconds))->{status}, 200,
        "a file of $when: If-Range with its date is no match (13.1.5)");
    my $fresh = $server->get("/$name", "If-None-Match: $tag");
    is("$fresh->{status} $fresh->{field}{etag}", "304 $tag", "a file of $when: its ETag matches");
}
{
    my @wrong;
    for my $round (1 .. 20) {
        put_file($root, 'second.txt', "first $round");
        my $date = $server->get('/second.txt')->{field}{date};
        put_file($root, 'second.txt', "later $round");
        my $response = $server->get('/second.txt', "If-Modified-Since: $date");
        push @wrong, "round $round: $response->{status}" if $response->{body} ne "later $round" && $response->{field}{date} eq $date;
    }
    is("@wrong", '', 'a file that is written twice in a second: never 304 for the earlier bytes (8.8.2.2)');
}

# Conditions apply only if the response would be a 200 (13.2.1).
{
    my @fields = ('If-Match: *', 'If-Match: "x"', 'If-None-Match: *', 'If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT',
        'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT');
    for my $case (['GET /none', 404], ['GET /dir', 302], ['GET /dir/', 404], ['POST /small.txt', 405], ['OPTIONS /small.txt', 204]) {
        my ($asked, $status) = @$case;
        my ($method, $target) = split ' ', $asked;
        my @answers = $server->pipeline([map { request_of($method, $target, $_) } @fields]);
        is(join(' ', map { $_->{status} } @answers), join(' ', ($status) x @fields), "$asked: $status whatever the conditions (13.2.1)");
    }
}

# ---------------------------------------------------------------------------------------------------------
# Never a stale 304: the very next request sees the change.
{
    my $socket = $server->connection;
    my $ask = sub { return $server->exchange(get_request('/changing.txt', @_), socket => $socket, count => 1)->{responses}[0] };
    my @wrong;
    for my $round (1 .. 40) {
        # Same size, same time
        put_file($root, 'changing.txt', sprintf 'version %04d', $round);
        utime $mtime, $mtime, "$root/changing.txt";
        my $response = $ask->();
        my $tag = $response->{field}{etag} // next;
        push @wrong, "round $round: no 304" if $ask->("If-None-Match: $tag")->{status} != 304;
        put_file($root, 'changing.txt', sprintf 'changed %04d', $round);
        utime $mtime, $mtime, "$root/changing.txt";
        $response = $ask->("If-None-Match: $tag", 'If-Modified-Since: ' . http_date($mtime));
        push @wrong, "round $round: $response->{status}" if $response->{status} != 200 || $response->{body} ne sprintf 'changed %04d',
            $round;
        push @wrong, "round $round: If-Match" if $ask->("If-Match: $tag")->{status} != 412;
        push @wrong, "round $round: If-Range" if $ask->("If-Range: $tag", 'Range: bytes=0-0')->{status} != 200;
    }
    is(join("\n", @wrong), '', 'a file that changes with the same size and time: never 304 for other bytes (8.8.1)');
    put_file($root, 'changing.txt', 'version 0001');
    my $tag = $ask->()->{field}{etag};
    utime $mtime, $mtime, "$root/changing.txt";
    is($ask->("If-None-Match: $tag")->{status}, 304, 'the same bytes with another time: the same ETag');
    is($server->get('/', "If-None-Match: " . $server->settled('/')->{field}{etag})->{status}, 304, 'a directory\'s index: 304');
}

# An older file is put back: its date is earlier than the client's, so by dates alone it is not modified (13.1.3).
{
    put_file($root, 'rolled.txt', 'new');
    put_file($root, 'earlier.txt', 'old');
    utime 1_700_000_000, 1_700_000_000, "$root/rolled.txt";
    utime 1_600_000_000, 1_600_000_000, "$root/earlier.txt";
    my $field = $server->dated('/rolled.txt')->{field};
    rename "$root/earlier.txt", "$root/rolled.txt" or die;
    $server->dated('/rolled.txt');
    is($server->get('/rolled.txt', "If-Modified-Since: $field->{'last-modified'}")->{status}, 304, 'an older file is put back: 304 by the date alone');
    is($server->get('/rolled.txt', "If-None-Match: $field->{etag}", "If-Modified-Since: $field->{'last-modified'}")->{body}, 'old',
        'an older file is put back: by its ETag, the file');
}

# curl
SKIP: {
    have('curl') or skip 'no curl', 5;
    my $url = $server->url('/small.txt');
    my $code = "-o /dev/null -w '%{http_code}'";
    is(`curl -s $code -z 'Sun, 06 Nov 1994 08:49:37 GMT' $url`, '304', 'curl -z: not modified');
    is(`curl -s $code -z 'Sun, 06 Nov 1994 08:49:36 GMT' $url`, '200', 'curl -z: modified');
    is(`curl -s $code -z '-Sun, 06 Nov 1994 08:49:36 GMT' $url`, '412', 'curl -z with a minus: If-Unmodified-Since');
    my $saved = "$root/saved-etag";
    is(`curl -s $code --etag-save $saved $url`, '200', 'curl --etag-save');
    is(`curl -s $code --etag-compare $saved $url`, '304', 'curl --etag-compare: not modified');
}

responses_framed();
$server->stop;
done_testing();
