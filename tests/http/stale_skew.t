# Freshness on a file server whose clock is slow and counts whole seconds: several changes have the same, old time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";

use Fresh;
use Harness;
use Test::More;

bound_seconds(120);

my $root   = new_root();
my %skewed = preload('skew');
my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub { @ENV{ keys %skewed } = values %skewed });
my $reader = Fresh->reader($server, crowd => 4);

# "gzip g x 500 varies"
sub variant {
    my ($response) = @_;
    return join ' ', $response->{field}{'content-encoding'} // 'identity', described($response), $response->{field}{vary} ? 'varies' : ();
}

sub rewritten {
    my ($about, $count, @sizes) = @_;
    for my $size (@sizes) {
        put_file($root, "file-$size", 'z' x $size);
        rounds("rewritten in place, $size bytes, $about", $count, sub { $reader->kept("/file-$size") },
            sub { overwrite("$root/file-$size", byte_of($_[0]) x $size); return byte_of($_[0]) . " x $size" });
    }
    return;
}

rewritten('at once', 200, 500, 140_000);
put_file($root, 'a', 'a' x 500);
rounds('deleted and created', 200, sub { $reader->kept('/comes') }, sub {
    put_file($root, 'comes', byte_of($_[0]) x 500) if $_[0] % 2;
    unlink "$root/comes" if !($_[0] % 2);
    return $_[0] % 2 ? byte_of($_[0]) . ' x 500' : 404;
});
put_file($root, 'sub/file.css', 'o' x 500);
utime 1_000_000_000, 1_000_000_000, "$root/sub/file.css";
rounds('a .gz comes and goes', 200, sub { $reader->kept('/sub/file.css', 'Accept-Encoding: gzip') }, sub {
    put_file($root, 'sub/file.css.gz', 'g' x 500) if $_[0] % 2;
    unlink "$root/sub/file.css.gz" if !($_[0] % 2);
    return $_[0] % 2 ? 'gzip g x 500 varies' : 'identity o x 500';
}, \&variant);

# Once it has been seen unchanged for long enough it is trusted, and a change after that has another time.
settle($server, $root);
rewritten('after others were trusted', 50, 500, 140_000);
for my $size (500, 140_000) {
    put_file($root, "late-$size", 'o' x $size);
    utime 1_000_000_000, 1_000_000_000, "$root/late-$size";
    ok(defined $server->dated("/late-$size")->{field}{'last-modified'}, "$size bytes are trusted after a while");
    overwrite("$root/late-$size", 'n' x $size);
    is(described($reader->kept("/late-$size")), "n x $size", "$size bytes that were trusted, changed");
}

responses_framed();
$server->stop;
done_testing();
