# Files that a worker keeps open between requests: a large file stays open only for some seconds after its last
# response, so that the space of a deleted one is freed and a file system beneath the root can be unmounted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";

use Harness;
use Test::More;

# The mount is in a mount namespace of this process, which ends with it.
if (!$ENV{TEST_OWN_MOUNTS} && $> == 0 && system('unshare --mount true 2>/dev/null') == 0) {
    $ENV{TEST_OWN_MOUNTS} = 1;
    exec 'unshare', '--mount', $^X, "-I$FindBin::Bin/lib", $0;
}

my $root = new_root();
my $size = 200_000;
put_file($root, $_, noise($size, $_)) for qw(kept.bin deleted.bin unlinked.bin replaced.bin);

my $server  = Harness->start(root => $root, args => ['-j', '2']);
my @workers = $server->workers;

# The files beneath the root that workers have open.
sub held {
    my @open = grep { defined } map { readlink } map { glob "/proc/$_/fd/*" } @workers;
    my @held = map { m{\A\Q$root\E/(.*)\z}s ? $1 : () } @open;
    return join ', ', sort @held;
}

sub is_whole { my ($name) = @_; return is($server->get("/$name")->{body}, noise($size, $name), "$name is served") }

sub nothing_is_held {
    my ($about) = @_;
    ok(eventually(sub { held() eq '' }), $about) or diag(held());
    return;
}

# The files are closed without another request.
is_whole($_) for qw(kept.bin deleted.bin replaced.bin);
unlink "$root/deleted.bin" or die $!;
rename "$root/unlinked.bin", "$root/replaced.bin" or die $!;
nothing_is_held('deleted, replaced and unused files are closed');
is_whole('kept.bin');
is($server->get('/deleted.bin')->{status}, 404, 'the deleted file is 404');
is($server->get('/replaced.bin')->{body}, noise($size, 'unlinked.bin'), 'the replaced file is the new one');
nothing_is_held('after these requests the files are closed again');

SKIP: {
    my $place = "$root/mounted";
    mkdir $place or die $!;
    skip 'needs root and a mount namespace', 5
        if !$ENV{TEST_OWN_MOUNTS} || system("mount -t tmpfs -o mode=755 none '$place' 2>/dev/null") != 0;
    # The server runs in this mount namespace and sees the mount.
    my $used = sub { return (split ' ', (`df -P '$place'`)[1])[2] };
    put_file($place, 'film.mp4', noise($size, 'film'));
    my $before = $used->();
    put_file($place, 'deleted.mp4', noise($size, 'film'));
    is($server->get("/mounted/$_")->{body}, noise($size, 'film'), "$_ of another file system is served") for 'deleted.mp4', 'film.mp4';
    cmp_ok($used->(), '>', $before, 'df counts a file');
    unlink "$place/deleted.mp4" or die $!;
    ok(eventually(sub { $used->() == $before }), 'df shows the space of a deleted file as free');
    ok(eventually(sub { system("umount '$place' 2>/dev/null") == 0 }), 'the file system can be unmounted');
    system "umount -l '$place' 2>/dev/null";
}

responses_framed();
$server->stop;
done_testing();
