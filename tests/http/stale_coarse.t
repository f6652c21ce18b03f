# Never stale where two changes may have the same time: ramfs, whose timestamps have the resolution of the kernel's
# tick. (Newer kernels give the usual file systems finer timestamps after a stat, which would hide timestamps that the
# server trusts too early.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";

use Fresh;
use Harness;
use Test::More;

# The mount is in a mount namespace of this process, which ends with it.
if (!$ENV{TEST_OWN_MOUNTS} && $> == 0 && system('unshare --mount true 2>/dev/null') == 0) {
    $ENV{TEST_OWN_MOUNTS} = 1;
    exec 'unshare', '--mount', $^X, "-I$FindBin::Bin/lib", $0;
}

my $root = new_root() . '/ramfs';
mkdir $root or die $!;
if (!$ENV{TEST_OWN_MOUNTS} || system("mount -t ramfs -o mode=755 none '$root' 2>/dev/null") != 0) {
    rmdir $root;
    plan skip_all => 'needs root, a mount namespace and ramfs';
}
my $owner = $$;
END {
    if ($owner && $owner == $$) {
        my $status = $?;
        system "umount -l '$root' 2>/dev/null";
        $? = $status;
    }
}

# A crowd is idle while the other ways are tried.
my $server = Harness->start(root => $root, args => ['-j', '1', '--keep-alive', '3600']);
my $reader = Fresh->reader($server, crowd => 4);
my @ways   = qw(kept pipelined crowd);

# "gzip g x 500 varies"
sub variant {
    my ($response) = @_;
    return join ' ', $response->{field}{'content-encoding'} // 'identity', described($response), $response->{field}{vary} ? 'varies' : ();
}

# The store may remember missing siblings with a file that is settled already while its directory is not.
put_file($root, 'sub/file.css', 'o' x 500);
utime 1_000_000_000, 1_000_000_000, "$root/sub/file.css";
$reader->$_('/sub/file.css', 'Accept-Encoding: gzip') for @ways;
settle($server, $root);

for my $way (@ways) {
    for my $size (500, 140_000) {
        my $count = $size == 500 ? 300 : 60;
        put_file($root, 'file', 'z' x $size);
        rounds("rewritten in place, $size bytes, $way", $count, sub { $reader->$way('/file') },
            sub { overwrite("$root/file", byte_of($_[0]) x $size); return byte_of($_[0]) . " x $size" });
        # Two files are exchanged: the same inodes return.
        put_file($root, $_, $_ x $size) for 'a', 'b';
        rounds("exchanged, $size bytes, $way", $count, sub { $reader->$way('/a') }, sub {
            rename "$root/a", "$root/c" or die $!;
            rename "$root/b", "$root/a" or die $!;
            rename "$root/c", "$root/b" or die $!;
            return $_[0] % 2 ? "b x $size" : "a x $size";
        });
    }
    rounds("deleted and created, $way", 300, sub { $reader->$way('/comes') }, sub {
        put_file($root, 'comes', byte_of($_[0]) x 500) if $_[0] % 2;
        unlink "$root/comes" if !($_[0] % 2);
        return $_[0] % 2 ? byte_of($_[0]) . ' x 500' : 404;
    });
    unlink "$root/comes";
    for my $kind (['gz', 'gzip'], ['zst', 'zstd'], ['br', 'br']) {
        my ($suffix, $coding) = @$kind;
        rounds("a .$suffix comes and goes, $way", 200, sub { $reader->$way('/sub/file.css', "Accept-Encoding: $coding") }, sub {
            put_file($root, "sub/file.css.$suffix", 'g' x 500) if $_[0] % 2;
            unlink "$root/sub/file.css.$suffix" if !($_[0] % 2);
            return $_[0] % 2 ? "$coding g x 500 varies" : 'identity o x 500';
        }, \&variant);
        unlink "$root/sub/file.css.$suffix";
    }
    put_file($root, "$_/file", substr($_, 0, 1) x 500) for 'left', 'right';
    rounds("a directory replaced, $way", 200, sub { $reader->$way('/place/file') }, sub {
        my ($round) = @_;
        rename "$root/place", $round % 2 ? "$root/right" : "$root/left" if -e "$root/place";
        rename $round % 2 ? "$root/left" : "$root/right", "$root/place" or die $!;
        return $round % 2 ? 'l x 500' : 'r x 500';
    });
    rename "$root/place", "$root/right";
    rounds("an index page comes and goes, $way", 200, sub { $reader->$way('/left/') }, sub {
        put_file($root, 'left/index.html', byte_of($_[0]) x 500) if $_[0] % 2;
        unlink "$root/left/index.html" if !($_[0] % 2);
        return $_[0] % 2 ? byte_of($_[0]) . ' x 500' : 404;
    });
    unlink "$root/left/index.html";
}

responses_framed();
$server->stop;
done_testing();
