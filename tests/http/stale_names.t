# Never stale: settled files, directories and links: those that have not changed for so long that the server trusts
# their times. All are created first and settle together. Then each is requested until the store has it, changed, and
# requested at once. A server with one worker and one with two share the disk.
#
# Each version of a file is one byte repeated, so that a body made of two versions shows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(basename);
use File::Path qw(make_path remove_tree);
use Fresh;
use Harness;
use POSIX qw(mkfifo);
use Test::More;


my $root    = new_root();
my $outside = new_root();
my $as      = without_privileges(); # the superuser may read everything
# Their connections are idle while all cases settle, however long that takes.
my @servers = map { Harness->start(root => $root, args => ['-j', $_, '--keep-alive', '3600'], as => $as || []) } 1, 2;
my $up      = '../../../' . basename($outside); # from a case's folder out of the root

# Small files are held as bytes, large ones as descriptors.
sub size_of { return ($_[0] ^ $_[0] >> 2) & 1 ? 140_000 : 700 }

sub file { my ($byte) = @_; return sub { my ($dir, $copy) = @_; put_file($dir, 'file', $byte x size_of($copy)); return } }

sub is_file { my ($byte) = @_; return sub { return "$byte x " . size_of($_[1]) } }

sub switch_link {
    my ($target, $path) = @_;
    symlink $target, "$path.next" or die "$path: $!";
    rename "$path.next", $path or die "$path: $!";
    return;
}

sub move { my ($from, $to) = @_; rename $from, $to or die "$from: $!"; return }

# A change with one expected answer for all cases: [what it does, the answer].
sub then_is {
    my ($byte, $code) = @_;
    return sub {
        my ($dir, $copy) = @_;
        $code->($dir, $copy, $byte x size_of($copy));
        return $byte =~ /\A[a-z]\z/ ? "$byte x " . size_of($copy) : $byte;
    };
}

# [about, make, response before, byte or response after the change, change, target]
my @cases = (
    # The file itself
    ['rewritten in place', file('a'), 'a', 'b', sub { overwrite("$_[0]/file", $_[2]) }],
    ['rewritten in place, with the same mtime again', sub { file('a')->(@_); utime 1_100_000_000, 1_100_000_000, "$_[0]/file" }, 'a', 'b', sub {
        overwrite("$_[0]/file", $_[2]);
        utime 1_100_000_000, 1_100_000_000, "$_[0]/file";
    }],
    ['rewritten in place, with the mtime of long ago', file('a'), 'a', 'b', sub { overwrite("$_[0]/file", $_[2]); utime 500, 500, "$_[0]/file" }],
    ['renamed over', file('a'), 'a', 'b', sub { replace("$_[0]/file", $_[2]) }],
    ['renamed over by one that was settled as well', sub { file('a')->(@_); put_file($_[0], 'other', 'b' x size_of($_[1])) }, 'a', 'b',
        sub { move("$_[0]/other", "$_[0]/file") }],
    ['renamed over by one with the same size and mtime', sub {
        file('a')->(@_);
        put_file($_[0], 'other', 'b' x size_of($_[1]));
        utime 1_100_000_000, 1_100_000_000, "$_[0]/other", "$_[0]/file";
    }, 'a', 'b', sub { move("$_[0]/other", "$_[0]/file") }],
    ['exchanged with another', sub { file('a')->(@_); put_file($_[0], 'other', 'b' x size_of($_[1])) }, 'a', 'b',
        sub { move("$_[0]/file", "$_[0]/third"); move("$_[0]/other", "$_[0]/file"); move("$_[0]/third", "$_[0]/other") }],
    ['renamed over by one from another directory', sub { file('a')->(@_); put_file($_[0], 'there/file', 'b' x size_of($_[1])) }, 'a', 'b',
        sub { move("$_[0]/there/file", "$_[0]/file") }],
    ['deleted', file('a'), 'a', 404, sub { unlink "$_[0]/file" or die $! }],
    ['created', sub { }, 404, 'b', sub { put_file($_[0], 'file', $_[2]) }],
    ['created by a rename of one that was settled', sub { put_file($_[0], 'other', 'b' x size_of($_[1])) }, 404, 'b',
        sub { move("$_[0]/other", "$_[0]/file") }],
    ['created by a link to one that was settled', sub { put_file($_[0], 'there/file', 'b' x size_of($_[1])) }, 404, 'b',
        sub { link "$_[0]/there/file", "$_[0]/file" or die $! }],
    ['emptied', file('a'), 'a', 'empty', sub { truncate "$_[0]/file", 0 or die $! }],
    ['made shorter', file('a'), 'a', 'a x 99', sub { truncate "$_[0]/file", 99 or die $! }],
    ['made longer', sub { put_file($_[0], 'file', 'b') }, 'b x 1', 'b', sub { overwrite("$_[0]/file", $_[2]) }],
    ['written through another name', sub { file('a')->(@_); make_path("$_[0]/there"); link "$_[0]/file", "$_[0]/there/name" or die $! },
        'a', 'b', sub { overwrite("$_[0]/there/name", $_[2]) }],
    ['a file becomes a directory', file('a'), 'a', 'redirected', sub { unlink "$_[0]/file"; mkdir "$_[0]/file" or die $! }],
    ['a directory becomes a file', sub { mkdir "$_[0]/file" }, 'redirected', 'b', sub { rmdir "$_[0]/file"; put_file($_[0], 'file', $_[2]) }],
    ['a file becomes a FIFO', file('a'), 'a', 404, sub { unlink "$_[0]/file"; mkfifo("$_[0]/file", 0644) or die $! }],
    ['a file becomes a link', sub { file('a')->(@_); put_file($_[0], 'there/file', 'b' x size_of($_[1])) }, 'a', 'b',
        sub { switch_link('there/file', "$_[0]/file") }],
    ['a file becomes a link to the outside', file('a'), 'a', 404, sub {
        put_file($outside, 'secret', $_[2]);
        switch_link($_[1] % 2 ? "$outside/secret" : "$up/secret", "$_[0]/file");
    }],
    ['a file becomes a link to nothing', file('a'), 'a', 404, sub { switch_link('nothing', "$_[0]/file") }],

    # A link that stays the same while its target changes
    (map {
        my ($about, $before, $byte, $change) = @$_;
        ["a link's target $about", sub {
            put_file($_[0], 'there/file', 'a' x size_of($_[1])) if $before ne 404;
            make_path("$_[0]/there") if $before eq 404;
            symlink 'there/file', "$_[0]/file" or die $!;
        }, $before, $byte, $change],
        ["the target of a link's link $about", sub {
            put_file($_[0], 'there/file', 'a' x size_of($_[1])) if $before ne 404;
            make_path("$_[0]/there", "$_[0]/on/the/way");
            symlink '../../../there/file', "$_[0]/on/the/way/link" or die $!;
            symlink 'on/the/way/link', "$_[0]/file" or die $!;
        }, $before, $byte, $change],
    } ['rewritten in place', 'a', 'b', sub { overwrite("$_[0]/there/file", $_[2]) }],
      ['renamed over', 'a', 'b', sub { replace("$_[0]/there/file", $_[2]) }],
      ['deleted', 'a', 404, sub { unlink "$_[0]/there/file" or die $! }],
      ['created', 404, 'b', sub { put_file($_[0], 'there/file', $_[2]) }],
      ['moved with its directory', 'a', 404, sub { move("$_[0]/there", "$_[0]/elsewhere") }],
      ['replaced with its directory', 'a', 'b', sub { put_file($_[0], 'new/file', $_[2]); move("$_[0]/there", "$_[0]/old"); move("$_[0]/new", "$_[0]/there") }],
      ['replaced by a link to the outside', 'a', 404, sub { put_file($outside, 'secret', $_[2]); switch_link("$outside/secret", "$_[0]/there/file") }]),
    ['the middle of a chain of links switched', sub {
        put_file($_[0], 'a/file', 'a' x size_of($_[1]));
        put_file($_[0], 'b/file', 'b' x size_of($_[1]));
        make_path("$_[0]/way");
        symlink '../a/file', "$_[0]/way/link" or die $!;
        symlink 'way/link', "$_[0]/file" or die $!;
    }, 'a', 'b', sub { switch_link('../b/file', "$_[0]/way/link") }],
    ['a link switched inside', sub {
        put_file($_[0], "$_/file", $_ x size_of($_[1])) for 'a', 'b';
        symlink 'a/file', "$_[0]/file" or die $!;
    }, 'a', 'b', sub { switch_link('b/file', "$_[0]/file") }],
    ['a link that led out is switched inside', sub {
        put_file($outside, 'secret', 's');
        file('b')->("$_[0]/b", $_[1]);
        symlink "$outside/secret", "$_[0]/file" or die $!;
    }, 404, 'b', sub { switch_link('b/file', "$_[0]/file") }],
    ['an absolute link switched inside', sub {
        put_file($_[0], "$_/file", $_ x size_of($_[1])) for 'a', 'b';
        symlink "$_[0]/a/file", "$_[0]/file" or die $!;
    }, 'a', 'b', sub { switch_link("$_[0]/b/file", "$_[0]/file") }],
    ['an absolute link switched to the outside', sub {
        put_file($_[0], 'a/file', 'a' x size_of($_[1]));
        put_file($outside, 'secret', 's' x size_of($_[1]));
        symlink "$_[0]/a/file", "$_[0]/file" or die $!;
    }, 'a', 404, sub { switch_link("$outside/secret", "$_[0]/file") }],
    ['a link becomes a file', sub { put_file($_[0], 'a/file', 'a' x size_of($_[1])); symlink 'a/file', "$_[0]/file" or die $! }, 'a', 'b',
        sub { replace("$_[0]/file", $_[2]) }],
);
push @$_, 'file' for @cases;

push @$_, 8 for @cases;

# Directories: each change is made 1, 2 and 3 levels above the file.
for my $levels (1 .. 3) {
    my $below = join '/', ('sub') x ($levels - 1), 'file';
    my $made  = sub { my ($byte, $name) = @_; return sub { put_file($_[0], "$name/$below", $byte x size_of($_[1])); return } };
    my $make  = $made->('a', 'place');
    my $other = $made->('b', 'other');
    my $both  = sub { $make->(@_); $other->(@_); return };
    my $above = "$levels above";
    push @cases, map { [@$_, "place/$below", $levels == 1 ? 8 : 4] } (
        ["the directory $above renamed", $make, 'a', 404, sub { move("$_[0]/place", "$_[0]/gone") }],
        ["the directory $above renamed, and another put in its place", $both, 'a', 'b',
            sub { move("$_[0]/place", "$_[0]/gone"); move("$_[0]/other", "$_[0]/place") }],
        ["the directory $above renamed to where none was", $other, 404, 'b', sub { move("$_[0]/other", "$_[0]/place") }],
        ["the directory $above made, with all beneath it", sub { }, 404, 'b', sub { put_file($_[0], "place/$below", $_[2]) }],
        ["the directory $above removed, with all beneath it", $make, 'a', 404, sub { remove_tree("$_[0]/place") }],
        ["the directory $above becomes a file", $make, 'a', 404, sub { move("$_[0]/place", "$_[0]/gone"); put_file($_[0], 'place', 'f') }],
        ["the directory $above moved out", $make, 'a', 404, sub { move("$_[0]/place", "$outside/" . join '-', 'moved', $levels, $_[1], basename($_[0] =~ s{/\d+\z}{}r)) }],
        ["the directory $above moved out, with a link to it in its place", $make, 'a', 404, sub {
            my $name = join '-', 'linked', $levels, $_[1];
            move("$_[0]/place", "$outside/$name");
            symlink $_[1] % 2 ? "$outside/$name" : "$up/$name", "$_[0]/place" or die $!;
        }],
        ["the directory $above replaced by a link to another", $both, 'a', 'b', sub { move("$_[0]/place", "$_[0]/gone"); symlink 'other', "$_[0]/place" or die $! }],
        ["the directory $above replaced by a link to where it is now", $make, 'a', 'a', sub { move("$_[0]/place", "$_[0]/gone"); symlink 'gone', "$_[0]/place" or die $! }],
        ["the link $above switched inside", sub { $both->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 'b',
            sub { switch_link('other', "$_[0]/place") }],
        ["the link $above switched to the outside", sub { $both->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 404, sub {
            put_file($outside, $below, 'x' x size_of($_[1]));
            switch_link($_[1] % 2 ? $outside : $up, "$_[0]/place");
        }],
        ["the link $above becomes a directory", sub { $both->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 'b',
            sub { unlink "$_[0]/place"; move("$_[0]/other", "$_[0]/place") }],
        ["the target of the link $above replaced", sub { $both->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 'b',
            sub { move("$_[0]/first", "$_[0]/gone"); move("$_[0]/other", "$_[0]/first") }],
        ["the target of the link $above moved out", sub { $make->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 404,
            sub { move("$_[0]/first", "$outside/" . join '-', 'target', $levels, $_[1]) }],
        ["a file deleted in a directory $above that is a link", sub { $make->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 404,
            sub { unlink "$_[0]/first/$below" or die $! }],
    );
    push @cases, map { [@$_, "place/$below", $levels == 1 ? 8 : 4] } (
        ["the directory $above made unsearchable", $make, 'a', 404, sub { chmod 0, "$_[0]/place" }],
        ["the directory $above made searchable", sub { $make->(@_); chmod 0, "$_[0]/place" }, 404, 'a', sub { chmod 0755, "$_[0]/place" }],
        ["the directory $above made unreadable, but not unsearchable", $make, 'a', 'a', sub { chmod 0711, "$_[0]/place" }],
        ["the target of the link $above made unsearchable", sub { $make->(@_); move("$_[0]/place", "$_[0]/first"); symlink 'first', "$_[0]/place" or die $! }, 'a', 404,
            sub { chmod 0, "$_[0]/first" }],
    ) if $as;
}
push @cases, map { [@$_, 'file', 8] } (
    ['a file made unreadable', file('a'), 'a', 404, sub { chmod 0, "$_[0]/file" }],
    ['a file made readable', sub { file('a')->(@_); chmod 0, "$_[0]/file" }, 404, 'a', sub { chmod 0644, "$_[0]/file" }],
    ['a link\'s target made unreadable', sub { put_file($_[0], 'there/file', 'a' x size_of($_[1])); symlink 'there/file', "$_[0]/file" or die $! }, 'a', 404,
        sub { chmod 0, "$_[0]/there/file" }],
) if $as;

# Index pages, and directories without the final slash
push @cases, map { [@$_[0 .. 4], $_->[5] // 'place/', 8] } (
    ['an index page added', sub { make_path("$_[0]/place") }, 404, 'b', sub { put_file($_[0], 'place/index.html', $_[2]) }],
    ['an index page removed', sub { put_file($_[0], 'place/index.html', 'a' x size_of($_[1])) }, 'a', 404, sub { unlink "$_[0]/place/index.html" or die $! }],
    ['an index page replaced', sub { put_file($_[0], 'place/index.html', 'a' x size_of($_[1])) }, 'a', 'b', sub { replace("$_[0]/place/index.html", $_[2]) }],
    ['an index page becomes a directory', sub { put_file($_[0], 'place/index.html', 'a' x size_of($_[1])) }, 'a', 404,
        sub { unlink "$_[0]/place/index.html"; mkdir "$_[0]/place/index.html" }],
    ['an index page comes with its directory', sub { put_file($_[0], 'other/index.html', 'b' x size_of($_[1])); make_path("$_[0]/place") }, 404, 'b',
        sub { rmdir "$_[0]/place"; move("$_[0]/other", "$_[0]/place") }],
    ['the target of an index page that is a link appears', sub { make_path("$_[0]/place", "$_[0]/there"); symlink '../there/page', "$_[0]/place/index.html" or die $! },
        404, 'b', sub { put_file($_[0], 'there/page', $_[2]) }],
    ['a directory removed', sub { make_path("$_[0]/place") }, 'redirected', 404, sub { rmdir "$_[0]/place" or die $! }, 'place'],
    ['a directory made', sub { }, 404, 'redirected', sub { mkdir "$_[0]/place" or die $! }, 'place'],
    ['a directory becomes a link to the outside', sub { make_path("$_[0]/place") }, 'redirected', 404, sub { rmdir "$_[0]/place"; symlink $outside, "$_[0]/place" or die $! }, 'place'],
);

# A touch changes only Last-Modified.
sub dated {
    my ($response) = @_;
    return described($response) . ' of ' . ($response->{field}{'last-modified'} // 'no date');
}

@cases = map {
    my ($about, $make, $before, $byte, $change, $target, $copies) = @$_;
    { copies => $copies, about => $about, make => $make, before => $before =~ /\A[a-z]\z/ ? is_file($before) : $before, change => then_is($byte, $change), target => $target }
} @cases;

# The files for busy_rounds, in a root of their own
my $busy = Harness->start(root => my $other = new_root(), args => ['-j', '1']);
put_file($other, "$_/sub/file", substr($_, 0, 1) x 500) for 'l', 'r';
put_file($other, 'folder/file', 'f');
put_file($outside, 'sub/file', 'secret');
for my $name ('touched', 'touched-large') { put_file($root, "touch/$name", 't' x ($name eq 'touched' ? 100 : 140_000)); utime 1_200_000_000, 1_200_000_000, "$root/touch/$name" }

Fresh::settled_changes({ root => $root, servers => \@servers, describe => \&described }, @cases);

for my $name ('touched', 'touched-large') {
    $servers[0]->dated("/touch/$name");
    my @described = map { dated($servers[0]->get("/touch/$name")) } 1, 2;
    my $size = -s "$root/touch/$name";
    is($described[1], "t x $size of " . http_date(1_200_000_000), "$name: has a date");
    utime 1_000_000_000, 1_000_000_000, "$root/touch/$name";
    isnt(dated($servers[0]->get("/touch/$name")), $described[1], "$name: the first response after a touch does not have the old date");
}

# One lookup may serve all requests that waited together, but none that was sent after a response arrived; this holds
# for directories and for missing files, too.
Fresh::busy_rounds($busy, $other, 4, \&described,
    ['a link to a directory switched',
        sub { switch_link('l', "$other/place") }, sub { switch_link('r', "$other/place") }, 'l x 500', 'r x 500', '/place/sub/file'],
    ['a link to a directory switched to the outside',
        sub { switch_link('l', "$other/place") }, sub { switch_link($outside, "$other/place") }, 'l x 500', 404, '/place/sub/file'],
    ['a directory replaced', sub {
        rename "$other/dir", "$other/second" if -e "$other/dir";
        put_file($other, 'first/file', 'p' x 500) if !-e "$other/first";
        put_file($other, 'second/file', 'q' x 500) if !-e "$other/second";
        move("$other/first", "$other/dir");
    }, sub { move("$other/dir", "$other/first"); move("$other/second", "$other/dir") }, 'p x 500', 'q x 500', '/dir/file'],
    ['a file created', sub { unlink "$other/folder/new" }, sub { put_file($other, 'folder/new', 'n' x 500) }, 404, 'n x 500', '/folder/new'],
    ['an index page created', sub { unlink "$other/folder/index.html" }, sub { put_file($other, 'folder/index.html', 'n' x 500) }, 404, 'n x 500', '/folder/'],
);

for my $name ('touched', 'touched-large') {
    my $size = -s "$root/touch/$name";
    ok(eventually(sub { dated($servers[0]->get("/touch/$name")) eq "t x $size of " . http_date(1_000_000_000) }), "$name: Last-Modified is the touch's time once the file has settled");
}

chmod 0755, glob "$root/case-*/*/place $root/case-*/*/first"; # so that all can be removed
responses_framed();
$_->stop for @servers, $busy;
done_testing();
