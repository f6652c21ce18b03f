# The version stands in one place, the Makefile; the program, the man page and the changelog agree with it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $top = "$FindBin::Bin/../..";
my ($version) = slurp("$top/Makefile") =~ /^VERSION := (\S+)$/m;
like($version, qr/\A\d+\.\d+\.\d+\z/, 'the Makefile has a version');

is(run_program({}, '--version')->{out}, "tinyhttpd $version\n", '--version');

my ($manual) = slurp("$top/share/man/tinyhttpd.1") =~ /^\.Os "?tinyhttpd ([^"\n]*)/m;
is($manual, $version, 'the man page (make share makes it anew)');

my $changes = slurp("$top/CHANGELOG.md");
my ($newest, $date) = $changes =~ /^## \[([^\]]+)\] - (.*)$/m;
is($newest, $version, 'the newest heading of CHANGELOG.md');
like($date, qr/\A(?:unreleased|\d{4}-\d\d-\d\d)\z/, 'with the day of its release, or unreleased');
my %kind = map { $_ => 1 } qw(Added Changed Deprecated Removed Fixed Security);
is(join(' ', grep { !$kind{$_} } $changes =~ /^### (.*)$/mg), '', 'and the kinds of changes that Keep a Changelog has');

done_testing();
