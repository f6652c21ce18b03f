# The program, the man page, the changelog and the recipes for packages have the version of the Makefile.
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
is($manual, $version, 'the man page (run make share to update it)');

for my $recipe ('alpine/APKBUILD', 'arch/PKGBUILD', 'fedora/tinyhttpd.spec') {
    my ($packed) = slurp("$top/share/packaging/$recipe") =~ /^(?:pkgver=|Version: +)(\S+)$/m;
    is($packed, $version, "share/packaging/$recipe");
}
like(slurp("$top/Dockerfile"), qr/^ARG VERSION=\Q$version\E /m, "the image's label");

my $changes = slurp("$top/CHANGELOG.md");
my ($newest, $date) = $changes =~ /^## \[([^\]]+)\] - (.*)$/m;
is($newest, $version, 'the newest heading of CHANGELOG.md');
like($date, qr/\A(?:unreleased|\d{4}-\d\d-\d\d)\z/, 'the newest heading has its release date, or unreleased');
my %kind = map { $_ => 1 } qw(Added Changed Deprecated Removed Fixed Security);
is(join(' ', grep { !$kind{$_} } $changes =~ /^### (.*)$/mg), '', 'CHANGELOG.md has only the kinds of changes of Keep a Changelog');

done_testing();
