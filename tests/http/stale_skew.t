# Never stale where several changes have the same time: on a file server whose clock is slow and counts whole seconds,
# and on a file system like vfat, which counts two seconds at a time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";

use Fresh;
use Harness;
use Test::More;
use Time::HiRes qw(sleep time);


# "gzip g x 500 varies"
sub variant {
    my ($response) = @_;
    return join ' ', $response->{field}{'content-encoding'} // 'identity', described($response), $response->{field}{vary} ? 'varies' : ();
}

for my $case (['a file server', TIMES_GRAIN => 1, CLOCK_AHEAD => 5], ['vfat', TIMES_GRAIN => 2, CLOCK_AHEAD => 0]) {
    my ($file_system, %environment) = (@$case, preload('times', 'clock'));
    my $root   = new_root();
    my $server = Harness->start(root => $root, args => ['-j', '1'], environment => \%environment);
    my $reader = Fresh->reader($server, crowd => 4);

    my $changed = sub {
        my ($about, $count, @sizes) = @_;
        for my $size (@sizes) {
            my $asked = sub { $reader->kept("/file-$size") };
            put_file($root, "file-$size", 'z' x $size);
            rounds("$file_system: rewritten in place, $size bytes, $about", $count, $asked,
                sub { overwrite("$root/file-$size", byte_of($_[0]) x $size); return byte_of($_[0]) . " x $size" });
            rounds("$file_system: renamed over, $size bytes, $about", $count, $asked,
                sub { replace("$root/file-$size", byte_of($_[0]) x $size); return byte_of($_[0]) . " x $size" });
            # The same inodes return.
            put_file($root, $_, $_ x $size) for 'a', 'b';
            rounds("$file_system: exchanged, $size bytes, $about", $count, sub { $reader->kept('/a') }, sub {
                rename "$root/a", "$root/c" or die $!;
                rename "$root/b", "$root/a" or die $!;
                rename "$root/c", "$root/b" or die $!;
                return $_[0] % 2 ? "b x $size" : "a x $size";
            });
        }
        return;
    };

    $changed->('at once', 200, 500, 140_000);
    rounds("$file_system: deleted and created", 200, sub { $reader->kept('/comes') }, sub {
        put_file($root, 'comes', byte_of($_[0]) x 500) if $_[0] % 2;
        unlink "$root/comes" if !($_[0] % 2);
        return $_[0] % 2 ? byte_of($_[0]) . ' x 500' : 404;
    });
    put_file($root, 'sub/file.css', 'o' x 500);
    utime 1_000_000_000, 1_000_000_000, "$root/sub/file.css";
    rounds("$file_system: a .gz comes and goes", 200, sub { $reader->kept('/sub/file.css', 'Accept-Encoding: gzip') }, sub {
        put_file($root, 'sub/file.css.gz', 'g' x 500) if $_[0] % 2;
        unlink "$root/sub/file.css.gz" if !($_[0] % 2);
        return $_[0] % 2 ? 'gzip g x 500 varies' : 'identity o x 500';
    }, \&variant);

    # Two changes as far apart as one timestamp allows, with requests meanwhile
    my $grain = $environment{TIMES_GRAIN};
    my $until = sub { my ($part) = @_; eventually { $reader->kept("/long-$_") for 500, 140_000; (time / $grain - int time / $grain) >= $part } };
    put_file($root, "long-$_", 'o' x $_) for 500, 140_000;
    $until->(0.95);
    sleep 0.1 * $grain;
    overwrite("$root/long-$_", 'p' x $_) for 500, 140_000;
    $until->(0.9);
    for my $size (500, 140_000) {
        overwrite("$root/long-$size", 'q' x $size);
        is(described($reader->kept("/long-$size")), "q x $size", "$file_system: $size bytes, changed again at the end of a timestamp");
    }

    # Once it has been seen unchanged for long enough it is trusted, and a change after that has another time.
    for my $size (500, 140_000) {
        put_file($root, "late-$size", 'o' x $size);
        utime 1_000_000_000, 1_000_000_000, "$root/late-$size";
        $reader->kept("/late-$size");
    }
    settle($server, $root);
    $changed->('after others were trusted', 50, 500, 140_000);
    for my $size (500, 140_000) {
        ok(defined $server->dated("/late-$size")->{field}{'last-modified'}, "$file_system: $size bytes are trusted after a while");
        overwrite("$root/late-$size", 'n' x $size);
        is(described($reader->kept("/late-$size")), "n x $size", "$file_system: $size bytes that were trusted, changed");
    }
    $server->stop;
}

responses_framed();
done_testing();
