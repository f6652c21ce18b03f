# The image's part of libmagic's database (share/magic_subset.c) gives the types of the complete one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;
use File::Find;
use File::Temp qw(tempdir);

my $complete = (grep { -r } qw(/usr/share/misc/magic.mgc /usr/lib/file/magic.mgc /usr/share/file/magic.mgc))[0];
plan skip_all => 'no compiled database of libmagic' if !$complete;
my $folder = tempdir(CLEANUP => 1);
chmod 0755, $folder;
sub sh { return run_program({ command => ['sh', '-c', $_[0]] }) }
plan skip_all => "no compiler with libmagic's file/file.h"
    if sh("printf '#define HAVE_STDINT_H\\n#include <file/file.h>\\n' | cc -E - >/dev/null")->{status} != 0;
my $built = sh("cc -o $folder/magic_subset $FindBin::Bin/../../share/magic_subset.c");
is($built->{err}, '', 'it compiles without a warning');
is(sh("$folder/magic_subset $complete >$folder/subset.mgc")->{err}, '', 'it takes the part');
cmp_ok(-s "$folder/subset.mgc", '<', (-s $complete) / 4, 'which is less than a quarter');

sub refused {
    my ($what, $made) = @_;
    my $result = sh("$made >$folder/bad; $folder/magic_subset $folder/bad");
    is($result->{status}, 1, "$what is refused");
    like($result->{err}, qr/\Amagic_subset: [^\n]+\n\z/, "$what: one line says why");
    is($result->{out}, '', "$what gives no database");
}
refused('a truncated database', "head -c 100000 $complete");
refused('a longer database', "cat $complete $complete");
refused('an empty file', ':');
refused('another file', "cat $folder/magic_subset");

# The start of up to three binary files of each extension, and of a hundred without one, under names that say nothing.
my ($root, %taken, @files) = (new_root());
find({
    preprocess => sub { sort @_ },
    wanted     => sub {
        return if -l || !-f _ || -s _ == 0 || !-r _;
        my $extension = /\A[^.].*\.([^.]{1,12})\z/ ? lc $1 : '';
        return if ($taken{$extension} || 0) >= ($extension eq '' ? 100 : 3) || !-B;
        $taken{$extension}++;
        open my $file, '<:raw', $_ or return;
        read $file, my $start, 65536;
        push @files, $File::Find::name;
        put_file($root, scalar @files, $start);
    },
}, grep { -d } qw(/usr/share /usr/lib /usr/bin), "$FindBin::Bin/../../www");

sub types_by {
    local $ENV{MAGIC} = $_[0];
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my @types;
    for (my $at = 1; $at <= @files; $at += 20) {
        my $last = $at + 19 < @files ? $at + 19 : @files;
        push @types, map { $_->{field}{'content-type'} }
            $server->pipeline([map { get_request("/$_") =~ s/^GET/HEAD/r } $at .. $last]);
    }
    $server->stop;
    return @types;
}
my @wanted = types_by($complete);
my %kinds  = map { $_ => 1 } @wanted;
SKIP: {
    skip 'the program does not read the database of this system', 1 if keys %kinds < 4;
    my @got = types_by("$folder/subset.mgc");
    # Without the lines that give no type, a later line may match: a type is gained, and none is lost.
    my @lost = grep { $got[$_] ne $wanted[$_] && $wanted[$_] ne 'application/octet-stream' } 0 .. $#files;
    is(join('', map { "$files[$_]: $wanted[$_], not $got[$_]\n" } @lost), '',
        'no type is lost of ' . @files . ' files of ' . keys(%kinds) . ' types');
}

done_testing();
