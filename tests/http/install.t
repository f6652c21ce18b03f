# `make install`, `make uninstall` and `make dist`.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find qw(find);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

plan skip_all => 'with sanitizers it is the same Makefile' if is_sanitized();

my $top   = abs_path("$FindBin::Bin/../..");
my $build = tempdir(CLEANUP => 1);
put_file("$build/release", 'tinyhttpd', slurp(program()));
plan skip_all => 'make, or what it compiles with, is missing' if system("make -s -n -C '$top' BUILD_ROOT='$build' >/dev/null 2>&1") != 0;

# Runs this folder's Makefile in another folder, without the flags of a make that runs this test. It takes the program
# as it is (-o), whatever its sources are.
sub made {
    my ($folder, @words) = @_;
    my $run = run_program({ command => ['env', '-u', 'MAKEFLAGS', '-u', 'MFLAGS', '-u', 'MAKELEVEL', 'make', '-s', '-C', $folder,
        '-f', "$top/Makefile", "BUILD_ROOT=$build", '-o', "$build/release/tinyhttpd", @words] });
    is($run->{status}, 0, "make @words") or diag($run->{err});
    return $run->{out};
}

# What is below a folder: "MODE PATH", with a slash behind folders.
sub tree_of {
    my ($folder) = @_;
    my @found;
    find({ no_chdir => 1, wanted => sub {
        push @found, sprintf '%03o %s%s', (lstat)[2] & 07777, substr($_, 1 + length $folder), -d _ ? '/' : '' if $_ ne $folder;
    } }, $folder);
    return sort @found;
}

# A strict umask, as root may have one.
my $stage = tempdir(CLEANUP => 1);
my $umask = umask 077;
made($top, 'install', "DESTDIR=$stage", 'PREFIX=/usr');
umask $umask;
is(run_program({ command => ["$stage/usr/bin/tinyhttpd", '--version'] })->{out}, run_program({}, '--version')->{out}, 'the installed program runs');
is(join("\n", grep { !m{^(?:755 (?:.*/|usr/bin/tinyhttpd)|644 .*[^/])\z} } tree_of($stage)), '', 'modes do not depend on the umask');
my @missing = grep { !-s "$stage/usr/$_" } map({ "share/$_" } 'man/man1/tinyhttpd.1', 'bash-completion/completions/tinyhttpd',
    'zsh/site-functions/_tinyhttpd', 'fish/vendor_completions.d/tinyhttpd.fish', 'doc/tinyhttpd/deploy.md', 'doc/tinyhttpd/options.md'),
    map { "lib/systemd/system/tinyhttpd.$_" } qw(service socket);
is("@missing", '', 'man page, completions, documents and units are where they are looked for');
like(slurp("$stage/usr/lib/systemd/system/tinyhttpd.service"), qr{^ExecStart=/usr/bin/tinyhttpd$}m, 'the service has PREFIX');

made($top, 'uninstall', "DESTDIR=$stage", 'PREFIX=/usr');
is(join("\n", tree_of($stage)), '', 'uninstall leaves nothing in a stage');
made($top, 'uninstall', "DESTDIR=$stage", 'PREFIX=/usr');

put_file($stage, $_, 'of another') for qw(usr/bin/other usr/share/doc/tinyhttpd/other usr/lib/systemd/system/other.service);
my @before = tree_of($stage);
made($top, $_, "DESTDIR=$stage", 'PREFIX=/usr') for qw(install uninstall);
is_deeply([tree_of($stage)], \@before, 'files of others stay');

# PREFIX may be empty, and a stage have any name.
for my $case (["$build/stage", ''], ["$build/stage", '/'], ["$build/a stage %", '//usr/']) {
    my ($folder, $prefix) = @$case;
    made($top, $_, "DESTDIR=$folder", "PREFIX=$prefix") for qw(install uninstall);
    is(join("\n", tree_of($folder)), '', "uninstall leaves nothing with PREFIX '$prefix' in $folder");
}

# The unit could not hold it.
for my $bad ('/opt/my programs', '/opt/a&b', 'usr') {
    for my $goal ('install', 'uninstall') {
        my $run = run_program({ command => ['env', '-u', 'MAKEFLAGS', '-u', 'MFLAGS', '-u', 'MAKELEVEL', 'make', '-s', '-C', $top, "BUILD_ROOT=$build",
            '-o', "$build/release/tinyhttpd", $goal, "DESTDIR=$build/none", "PREFIX=$bad"] });
        like($run->{err}, qr/^make: PREFIX '\Q$bad\E': give an absolute path of letters/m, "$goal: PREFIX '$bad' is refused");
    }
    ok(!-e "$build/none", "PREFIX '$bad': nothing is installed");
}

# Without DESTDIR the folders are the system's.
my $prefix = tempdir(CLEANUP => 1);
made($top, $_, "PREFIX=$prefix/local") for qw(install uninstall);
is(join("\n", grep { !m{/\z} || m{/tinyhttpd/} } tree_of($prefix)), '', 'without DESTDIR, uninstall leaves no file, and no folder of its own');
ok(-d "$prefix/local/bin" && -d "$prefix/local/share/man/man1", "without DESTDIR, the system's folders stay");

SKIP: {
    skip 'no git, or no repository', 6 if system("git -C '$top' rev-parse -q --verify HEAD >/dev/null 2>&1") != 0;
    my ($name) = map { "tinyhttpd-$_" } slurp("$top/Makefile") =~ /^VERSION := (\S+)$/m;
    my @packed;
    for my $mask (022, 077) {
        my $clone = "$build/clone-$mask";
        umask $mask;
        is(system("git clone -q --shared '$top' '$clone' && git -C '$clone' config tar.umask user"), 0, 'a clone');
        system("git -C '$clone' config core.autocrlf true") if $mask == 077;
        system("find '$clone' -path '*/.git' -prune -o -exec touch -d '\@$mask' {} +");
        put_file($clone, 'untracked', 'x');
        made($clone, 'dist', "BUILD_ROOT=$clone/build");
        umask $umask;
        push @packed, slurp("$clone/build/$name.tar.gz");
    }
    ok($packed[0] eq $packed[1], 'two clones with other times and modes give the same tarball');
    my $listed = run_program({ command => ['tar', '-tzf', "$build/clone-18/build/$name.tar.gz"] })->{out};
    is(join("\n", sort grep { !m{/\z} } split /\n/, $listed), join("\n", sort map { "$name/$_" } split /\n/, `git -C '$top' ls-tree -r --name-only HEAD`),
        'the tarball has what git has, in one folder');
}

done_testing();
