# Files with times before 1970, before year 0, after 9999, and up to the bounds of 64 bits. The server sends them like
# any other, with dates that HTTP can write (RFC 9110 5.6.7, 8.8.2).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Harness;
use Test::More;

my %times = (
    'a second before 1970'     => -1,
    '1901'                     => -2_147_483_648,
    'year 1'                   => -62_135_596_800,
    'before year 0'            => -62_167_219_201,
    'the least of 64 bits'     => -9_223_372_036_854_775_807 - 1,
    'the last second of 9999'  => 253_402_300_799,
    'year 10000'               => 253_402_300_800,
    'more than 32 bits'        => 2**33,
    'the greatest of 64 bits'  => 9_223_372_036_854_775_807,
    'epoch'                    => 0,
);
my @sizes = (100, 200_000); # in memory, and from the file

# Few file systems can store all of them; tmpfs can.
my $root = -w '/dev/shm' ? tempdir('tinyhttpd-test-XXXXXX', DIR => '/dev/shm', CLEANUP => 1) : new_root();
chmod 0755, $root;
my ($kept, $number, %file) = (0, 0);
for my $name (sort keys %times) {
    for my $size (@sizes) {
        my $file = 'file' . ++$number;
        utime $times{$name}, $times{$name}, put_file($root, $file, noise($size, $file));
        $file{"$name, $size bytes"} = [$file, $size];
        $kept++ if (stat "$root/$file")[9] == $times{$name};
    }
}
diag("only $kept of $number times are kept by the file system here") if $kept < $number;

my $server = Harness->start(root => $root, args => ['-j', 1]);
my @dates = map { http_date($_) } 0, 1_000_000_000, 253_402_300_799;
$server->get("/file$_") for 1 .. $number; # they settle some seconds after their first request
for my $case (sort keys %file) {
    my ($file, $size) = @{ $file{$case} };
    my $content  = noise($size, $file);
    my $response = $server->settled("/$file");
    is($response->{status}, 200, "$case: served");
    ok($response->{body} eq $content, "$case: whole");
    like($response->{field}{etag}, qr/\A"[0-9a-f-]+"\z/, "$case: an ETag");
    my $said = $response->{field}{'last-modified'};
    ok(!defined $said || $said =~ Harness::date_pattern(), "$case: Last-Modified, if any, is a date") or diag($said);
    is($server->get("/$file", "If-None-Match: $response->{field}{etag}")->{status}, 304, "$case: If-None-Match with the ETag: 304");
    my @wrong = grep { $_->{status} != 304 && !($_->{status} == 200 && $_->{body} eq $content) }
        map { $server->get("/$file", "If-Modified-Since: $_") } @dates;
    is(scalar @wrong, 0, "$case: If-Modified-Since: 200 or 304");
    my $ranged = $server->get("/$file", 'Range: bytes=1-2', "If-Range: $dates[1]");
    ok($ranged->{status} == 200 || $ranged->{body} eq substr($content, 1, 2), "$case: If-Range with a date");
}
responses_framed();
$server->stop;
done_testing();
