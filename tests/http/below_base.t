# Other subjects once more, each of their sites below a path (--base). Not the subjects whose addresses leave the root by
# dot segments, or that read the log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


for my $subject (qw(cache encoding range spa)) {
    my $output = `TEST_BASE='/a%20b/r%C3%A9po' '$^X' '$FindBin::Bin/$subject.t' 2>&1`;
    is($?, 0, "$subject.t below a base") or diag($output);
}
done_testing();
