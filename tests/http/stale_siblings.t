# Never stale: settled encoded siblings, and files in the root itself. The store may remember that a sibling is missing,
# but a link's target, a permission or a time changes without a new timestamp of the directory.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Basename qw(basename);
use File::Path qw(make_path);
use Fresh;
use Harness;
use POSIX qw(mkfifo);
use Test::More;


my $root    = new_root();
my $outside = new_root();
my $as      = without_privileges();
# Their connections are idle while all cases settle, however long that takes.
my @servers = map { Harness->start(root => $root, args => ['-j', $_, '--keep-alive', '3600'], as => $as || []) } 1, 2;
my $up      = '../../../../' . basename($outside); # from a case's folder out of the root

use constant { OLD => 900_000_000, THEN => 1_000_000_000, NEW => 1_100_000_000 }; # THEN is the time of the original

my @codings = (['gz', 'gzip'], ['zst', 'zstd'], ['br', 'br']);

# The request of each copy: every coding, small and large files.
sub suffix_of { return $codings[$_[0] % 3][0] }
sub accepts   { return $_[0] % 4 != 3 }
sub size_of   { my ($copy, $byte) = @_; return $byte eq 'o' ? ($copy % 8 < 4 ? 600 : 140_000) : ($copy % 5 < 3 ? 500 : 139_000) }

sub fields_of { my ($copy) = @_; return accepts($copy) ? "Accept-Encoding: $codings[$copy % 3][1]" : () }

# "gzip g x 500 varies"
sub variant {
    my ($response) = @_;
    return join ' ', $response->{field}{'content-encoding'} // 'identity', described($response), ($response->{field}{vary} // '') =~ /Accept-Encoding/ ? 'varies' : ();
}

# The expected response with this original and this sibling, if one is to be used.
sub expected {
    my ($copy, $original, $sibling) = @_;
    return 'identity 404' . ($sibling ? ' varies' : '') if $original eq '404' && !($sibling && accepts($copy));
    my $byte = $sibling && accepts($copy) ? $sibling : $original;
    return join ' ', $byte eq $original ? 'identity' : $codings[$copy % 3][1], "$byte x " . size_of($copy, $byte), $sibling ? 'varies' : ();
}

sub make {
    my ($dir, $name, $byte, $copy, $time) = @_;
    put_file($dir, $name, $byte x size_of($copy, $byte));
    utime $time, $time, "$dir/$name";
    return;
}

sub move { my ($from, $to) = @_; rename $from, $to or die "$from: $!"; return }

sub switch_link {
    my ($target, $path) = @_;
    symlink $target, "$path.next" or die "$path: $!";
    rename "$path.next", $path or die "$path: $!";
    return;
}

# [about, make, sibling in use before, sibling in use after, change, the original after]. The arguments of the code are
# the folder, the name of the sibling and the copy's number. The original exists already.
my @cases = (
    ['a sibling added', sub { }, '', 'g', sub { make($_[0], $_[1], 'g', $_[2], NEW) }],
    ['a settled sibling moved in', sub { make("$_[0]/there", $_[1], 'g', $_[2], NEW) }, '', 'g', sub { move("$_[0]/there/$_[1]", "$_[0]/$_[1]") }],
    ['a settled sibling linked in', sub { make("$_[0]/there", $_[1], 'g', $_[2], NEW) }, '', 'g', sub { link "$_[0]/there/$_[1]", "$_[0]/$_[1]" or die $! }],
    ['a link added as a sibling', sub { make("$_[0]/there", 'file', 'g', $_[2], NEW) }, '', 'g', sub { symlink 'there/file', "$_[0]/$_[1]" or die $! }],
    ['a sibling of the same time added', sub { }, '', 'g', sub { make($_[0], $_[1], 'g', $_[2], THEN) }],
    ['a sibling that is older added', sub { }, '', '', sub { make($_[0], $_[1], 'g', $_[2], OLD) }],
);
push @cases, (
    ['a sibling removed', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { unlink "$_[0]/$_[1]" or die $! }],
    ['a sibling moved away', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { move("$_[0]/$_[1]", "$_[0]/other") }],
    ['a sibling rewritten in place', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', 'h', sub {
        overwrite("$_[0]/$_[1]", 'h' x size_of($_[2], 'h'));
        utime NEW, NEW, "$_[0]/$_[1]" if $_[2] % 2;
    }],
    ['a sibling replaced', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', 'h', sub { replace("$_[0]/$_[1]", 'h' x size_of($_[2], 'h')) }],
    ['a sibling made older', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { utime OLD, OLD, "$_[0]/$_[1]" }],
    ['a sibling that was older made newer', sub { make($_[0], $_[1], 'g', $_[2], OLD) }, '', 'g', sub { utime NEW, NEW, "$_[0]/$_[1]" }],
    ['a sibling that was older written to', sub { make($_[0], $_[1], 'g', $_[2], OLD) }, '', 'h', sub { overwrite("$_[0]/$_[1]", 'h' x size_of($_[2], 'h')) }],
    ['the original made newer', sub { make($_[0], $_[1], 'g', $_[2], THEN) }, 'g', '', sub { utime NEW, NEW, "$_[0]/file.css" }],
    ['the original made as old as its sibling', sub { make($_[0], $_[1], 'g', $_[2], OLD) }, '', 'g', sub { utime OLD, OLD, "$_[0]/file.css" }],
    ['the original written to', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { overwrite("$_[0]/file.css", 'p' x size_of($_[2], 'o')) }, 'p'],
    ['the original removed', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', 'g', sub { unlink "$_[0]/file.css" or die $! }, 404],
    ['a sibling becomes a directory', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { unlink "$_[0]/$_[1]"; mkdir "$_[0]/$_[1]" or die $! }],
    ['a sibling becomes a FIFO', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { unlink "$_[0]/$_[1]"; mkfifo("$_[0]/$_[1]", 0644) or die $! }],
    ['a sibling becomes a link to nothing', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { switch_link('none', "$_[0]/$_[1]") }],
    ['a sibling becomes a link to the outside', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub {
        make($outside, 'secret', 's', $_[2], NEW);
        switch_link($_[2] % 2 ? "$outside/secret" : "$up/secret", "$_[0]/$_[1]");
    }],
    ['a directory becomes a sibling', sub { mkdir "$_[0]/$_[1]" or die $! }, '', 'g', sub { rmdir "$_[0]/$_[1]"; make($_[0], $_[1], 'g', $_[2], NEW) }],
    ['a FIFO becomes a sibling', sub { mkfifo("$_[0]/$_[1]", 0644) or die $! }, '', 'g', sub { unlink "$_[0]/$_[1]"; make($_[0], $_[1], 'g', $_[2], NEW) }],
    ['a link to nothing becomes a sibling', sub { symlink 'none', "$_[0]/$_[1]" or die $! }, '', 'g', sub { replace("$_[0]/$_[1]", 'g' x size_of($_[2], 'g')) }],

    # The directory does not change: a link's target appears, disappears and changes elsewhere.
    ['the target of a sibling that is a link appears', sub { make_path("$_[0]/there"); symlink 'there/file', "$_[0]/$_[1]" or die $! }, '', 'g',
        sub { make("$_[0]/there", 'file', 'g', $_[2], NEW) }],
    ['the target of a sibling that is a link to a link appears', sub {
        make_path("$_[0]/there");
        symlink 'there/link', "$_[0]/$_[1]" or die $!;
        symlink 'file', "$_[0]/there/link" or die $!;
    }, '', 'g', sub { make("$_[0]/there", 'file', 'g', $_[2], NEW) }],
    ['the directory of the target of a sibling that is a link appears', sub { make_path("$_[0]/here"); symlink 'here/there/file', "$_[0]/$_[1]" or die $! }, '', 'g',
        sub { make("$_[0]/here/there", 'file', 'g', $_[2], NEW) }],
    (map {
        my ($about, $time, $before, $after, $change) = @$_;
        ["the target of a sibling that is a link $about", sub { make("$_[0]/there", 'file', 'g', $_[2], $time); symlink 'there/file', "$_[0]/$_[1]" or die $! },
            $before, $after, $change]
    } ['goes', NEW, 'g', '', sub { unlink "$_[0]/there/file" or die $! }],
      ['is made newer', OLD, '', 'g', sub { utime NEW, NEW, "$_[0]/there/file" }],
      ['is made older', NEW, 'g', '', sub { utime OLD, OLD, "$_[0]/there/file" }],
      ['is replaced', NEW, 'g', 'h', sub { replace("$_[0]/there/file", 'h' x size_of($_[2], 'h')) }],
      ['becomes a directory', NEW, 'g', '', sub { unlink "$_[0]/there/file"; mkdir "$_[0]/there/file" or die $! }],
      ['moves with its directory', NEW, 'g', '', sub { move("$_[0]/there", "$_[0]/gone") }]),
    ['a sibling that is a link out of the root is switched to inside', sub {
        make($outside, 'file', 's', $_[2], NEW);
        make("$_[0]/here/inside", 'file', 'g', $_[2], NEW);
        symlink $outside, "$_[0]/here/there" or die $!;
        symlink 'here/there/file', "$_[0]/$_[1]" or die $!;
    }, '', 'g', sub { switch_link('inside', "$_[0]/here/there") }],

    # The file is the same, by a hard link; only its directory is another.
    ['a link to a directory switched to one with a sibling', sub { both($_[0], '', $_[1], @_[2 .. $#_]) }, '', 'g', sub { switch_link('second', "$_[0]/place") }, 'o', 'place/file.css'],
    ['a link to a directory switched to one without a sibling', sub { both($_[0], $_[1], '', @_[2 .. $#_]) }, 'g', '', sub { switch_link('second', "$_[0]/place") }, 'o', 'place/file.css'],
    ['a directory replaced by one with a sibling', sub { both($_[0], '', $_[1], $_[2], 'place') }, '', 'g',
        sub { move("$_[0]/place", "$_[0]/gone"); move("$_[0]/second", "$_[0]/place") }, 'o', 'place/file.css'],
    ['a directory replaced by one without a sibling', sub { both($_[0], $_[1], '', $_[2], 'place') }, 'g', '',
        sub { move("$_[0]/place", "$_[0]/gone"); move("$_[0]/second", "$_[0]/place") }, 'o', 'place/file.css'],
    ['a directory two levels above replaced by one with a sibling', sub { both($_[0], '', $_[1], $_[2], 'top/place', 'other/place') }, '', 'g',
        sub { move("$_[0]/top", "$_[0]/gone"); move("$_[0]/other", "$_[0]/top") }, 'o', 'top/place/file.css'],
    ['a directory two levels above replaced by a link to one with a sibling', sub { both($_[0], '', $_[1], $_[2], 'top/place', 'other/place') }, '', 'g',
        sub { move("$_[0]/top", "$_[0]/gone"); symlink 'other', "$_[0]/top" or die $! }, 'o', 'top/place/file.css'],

    # An original that is a link: its siblings are those beside the link.
    ['a sibling added beside a link', sub { make("$_[0]/there", 'file.css', 'o', $_[2], THEN); symlink 'there/file.css', "$_[0]/link.css" or die $! }, '', 'g',
        sub { make($_[0], 'link.css.' . suffix_of($_[2]), 'g', $_[2], NEW) }, 'o', 'link.css'],
    ['a sibling added beside a link\'s target only', sub { make("$_[0]/there", 'file.css', 'o', $_[2], THEN); symlink 'there/file.css', "$_[0]/link.css" or die $! }, '', '',
        sub { make("$_[0]/there", $_[1], 'g', $_[2], NEW) }, 'o', 'link.css'],
    ['a sibling of an index page added', sub { make("$_[0]/place", 'index.html', 'o', $_[2], THEN) }, '', 'g',
        sub { make("$_[0]/place", 'index.html.' . suffix_of($_[2]), 'g', $_[2], NEW) }, 'o', 'place/'],
    ['a sibling of an index page removed', sub {
        make("$_[0]/place", 'index.html', 'o', $_[2], THEN);
        make("$_[0]/place", 'index.html.' . suffix_of($_[2]), 'g', $_[2], NEW);
    }, 'g', '', sub { unlink "$_[0]/place/index.html." . suffix_of($_[2]) or die $! }, 'o', 'place/'],
);
push @cases, (
    ['a sibling made unreadable', sub { make($_[0], $_[1], 'g', $_[2], NEW) }, 'g', '', sub { chmod 0, "$_[0]/$_[1]" }],
    ['a sibling made readable', sub { make($_[0], $_[1], 'g', $_[2], NEW); chmod 0, "$_[0]/$_[1]" }, '', 'g', sub { chmod 0644, "$_[0]/$_[1]" }],
    ['the target of a sibling that is a link made readable', sub { make("$_[0]/there", 'file', 'g', $_[2], NEW); symlink 'there/file', "$_[0]/$_[1]" or die $!; chmod 0, "$_[0]/there/file" },
        '', 'g', sub { chmod 0644, "$_[0]/there/file" }],
    ['the directory of the target of a sibling that is a link made searchable',
        sub { make("$_[0]/there", 'file', 'g', $_[2], NEW); symlink 'there/file', "$_[0]/$_[1]" or die $!; chmod 0, "$_[0]/there" },
        '', 'g', sub { chmod 0755, "$_[0]/there" }],
    ['the directory of the target of a sibling that is a link made unsearchable',
        sub { make("$_[0]/there", 'file', 'g', $_[2], NEW); symlink 'there/file', "$_[0]/$_[1]" or die $! }, 'g', '', sub { chmod 0, "$_[0]/there" }],
) if $as;

# Two directories with the same file, one of them with a sibling; `place` leads to the first.
sub both {
    my ($dir, $first, $second, $copy, $place, $other) = @_;
    $other ||= 'second';
    symlink 'first', "$dir/place" or die $! if !$place;
    $place ||= 'first';
    make("$dir/$place", 'file.css', 'o', $copy, THEN);
    make_path("$dir/$other");
    link "$dir/$place/file.css", "$dir/$other/file.css" or die $!;
    make("$dir/$place", $first,  'g', $copy, NEW) if $first;
    make("$dir/$other", $second, 'g', $copy, NEW) if $second;
    return;
}

@cases = map {
    my ($about, $make, $before, $after, $change, $original, $target) = @$_;
    {
        about  => $about,
        target => 'nested/' . ($target // 'file.css'),
        copies => 12,
        fields => \&fields_of,
        make   => sub {
            my ($dir, $copy) = @_;
            make("$dir/nested", 'file.css', 'o', $copy, THEN);
            $make->("$dir/nested", 'file.css.' . suffix_of($copy), $copy);
        },
        before => sub { return expected($_[1], 'o', $before) },
        change => sub {
            my ($dir, $copy) = @_;
            $change->("$dir/nested", 'file.css.' . suffix_of($copy), $copy);
            my $byte = $original // 'o';
            return expected($copy, $byte, $after) if $byte ne 'p';
            return expected($copy, 'o', $after) =~ s/ o x / p x /r;
        },
    }
} @cases;

# Files in the root itself: a change there unsettles the root, so each case has a root and a server of its own.
# [about, make, target, response before, change, response after]
my $gzip = 'Accept-Encoding: gzip, br, zstd';
my @roots = (
    ['a sibling added', sub { make($_[0], 'file.css', 'o', 0, THEN) }, '/file.css', 'identity o x 600', sub { make($_[0], 'file.css.gz', 'g', 0, NEW) }, 'gzip g x 500 varies'],
    ['a sibling removed', sub { make($_[0], 'file.css', 'o', 0, THEN); make($_[0], 'file.css.br', 'g', 0, NEW) }, '/file.css', 'br g x 500 varies',
        sub { unlink "$_[0]/file.css.br" or die $! }, 'identity o x 600'],
    ['a sibling made newer', sub { make($_[0], 'file.css', 'o', 0, THEN); make($_[0], 'file.css.zst', 'g', 0, OLD) }, '/file.css', 'identity o x 600',
        sub { utime NEW, NEW, "$_[0]/file.css.zst" }, 'zstd g x 500 varies'],
    ['the target of a sibling that is a link appears', sub { make($_[0], 'file.css', 'o', 0, THEN); make_path("$_[0]/sub"); symlink 'sub/file', "$_[0]/file.css.gz" or die $! },
        '/file.css', 'identity o x 600', sub { make("$_[0]/sub", 'file', 'g', 0, NEW) }, 'gzip g x 500 varies'],
    ['404.html added', sub { }, '/none', 'identity 404', sub { make($_[0], '404.html', 'm', 0, NEW) }, 'identity 404 m x 500'],
    ['404.html removed', sub { make($_[0], '404.html', 'm', 0, NEW) }, '/none', 'identity 404 m x 500', sub { unlink "$_[0]/404.html" or die $! }, 'identity 404'],
    ['404.html replaced', sub { make($_[0], '404.html', 'm', 0, NEW) }, '/none', 'identity 404 m x 500', sub { replace("$_[0]/404.html", 'n' x 500) }, 'identity 404 n x 500'],
    ['404.html rewritten in place', sub { make($_[0], '404.html', 'm', 0, NEW) }, '/none', 'identity 404 m x 500', sub { overwrite("$_[0]/404.html", 'n' x 500) }, 'identity 404 n x 500'],
    ['the target of a 404.html that is a link appears', sub { make_path("$_[0]/sub"); symlink 'sub/file', "$_[0]/404.html" or die $! }, '/none', 'identity 404',
        sub { make("$_[0]/sub", 'file', 'm', 0, NEW) }, 'identity 404 m x 500'],
    ['index.html added', sub { }, '/', 'identity 404', sub { make($_[0], 'index.html', 'i', 0, NEW) }, 'identity i x 500'],
    ['index.html removed', sub { make($_[0], 'index.html', 'i', 0, NEW) }, '/', 'identity i x 500', sub { unlink "$_[0]/index.html" or die $! }, 'identity 404'],
    ['a sibling of index.html added', sub { make($_[0], 'index.html', 'o', 0, THEN) }, '/', 'identity o x 600', sub { make($_[0], 'index.html.gz', 'g', 0, NEW) }, 'gzip g x 500 varies'],
    ['a file replaced', sub { make($_[0], 'file', 'o', 0, THEN) }, '/file', 'identity o x 600', sub { replace("$_[0]/file", 'p' x 600) }, 'identity p x 600'],
    ['a link switched to the outside', sub { make("$_[0]/sub", 'file', 'o', 0, THEN); symlink 'sub/file', "$_[0]/file" or die $! }, '/file', 'identity o x 600',
        sub { switch_link('../' . basename($outside) . '/is-here', "$_[0]/file") }, 'identity 404'],
    ['a directory replaced by a link to the outside', sub { make("$_[0]/sub", 'is-here', 'o', 0, THEN) }, '/sub/is-here', 'identity o x 600',
        sub { move("$_[0]/sub", "$_[0]/gone"); symlink $outside, "$_[0]/sub" or die $! }, 'identity 404'],
);
put_file($outside, 'is-here', 'secret');

# A 404 with the root's own 404.html has the file's bytes.
sub variant_in_root {
    my ($response) = @_;
    return variant($response) if $response->{status} != 404 || $response->{body} =~ /</;
    return 'identity 404 ' . described({ %$response, status => 200 });
}

make("$root/fast", 'file.css', 'o', 0, THEN);
my @own = map { { case => $_, root => new_root() } } @roots;
$_->{case}[1]->($_->{root}) for @own;
Fresh::settled_changes({
    root => $root, servers => \@servers, describe => \&variant,
    meanwhile => sub { $_->{server} = Harness->start(root => $_->{root}, args => ['-j', '1']) for @own },
}, @cases);

for my $own (@own) {
    my ($about, undef, $target, $before, $change, $after) = @{ $own->{case} };
    my $reader = Fresh->reader($own->{server});
    my @primed = $reader->prime(get_request($target, $gzip), get_request('/none'), get_request($target));
    is(variant_in_root($primed[0]), $before, "in the root: $about: before the change");
    $change->($own->{root});
    my @got = map { variant_in_root($reader->crowd($target, $gzip)) } 1, 2;
    is("$got[0], $got[1]", "$after, $after", "in the root: $about: in the next two responses");
    $own->{server}->stop;
}

# The same changes without pauses, in a directory of their own: the store must not reuse its list of missing siblings.
{
    my $server = $servers[0];
    my $reader = Fresh->reader($server);
    my @ways = qw(kept pipelined crowd alone);
    for my $n (0 .. 2) {
        my ($suffix, $coding) = @{ $codings[$n] };
        my $asked;
        for my $way (@ways) {
            rounds("a .$suffix comes and goes, $way", $way eq 'crowd' ? 40 : 100, sub { $reader->$way('/fast/file.css', @$asked) }, sub {
                my ($round) = @_;
                $asked = $round % 3 ? ["Accept-Encoding: $coding"] : [];
                my $there = $round % 2;
                make("$root/fast", "file.css.$suffix", 'g', 0, NEW) if $there;
                unlink "$root/fast/file.css.$suffix" if !$there;
                return $there ? ($round % 3 ? "$coding g x 500 varies" : 'identity o x 600 varies') : 'identity o x 600';
            }, \&variant);
            unlink "$root/fast/file.css.$suffix";
        }
    }
    Fresh::busy_rounds($server, $root, 4, \&variant,
        ['a sibling created', sub { unlink "$root/fast/file.css.gz" }, sub { make("$root/fast", 'file.css.gz', 'g', 0, NEW) },
            'identity o x 600', 'gzip g x 500 varies', '/fast/file.css', $gzip],
        ['a sibling made older', sub { make("$root/fast", 'file.css.gz', 'g', 0, NEW) }, sub { utime OLD, OLD, "$root/fast/file.css.gz" },
            'gzip g x 500 varies', 'identity o x 600', '/fast/file.css', $gzip],
    );
    rounds('404.html comes and goes', 200, sub { $reader->kept('/fast/none') }, sub {
        my ($round) = @_;
        make($root, '404.html', 'm', 0, NEW) if $round % 2;
        unlink "$root/404.html" if !($round % 2);
        return $round % 2 ? 'identity 404 m x 500' : 'identity 404';
    }, \&variant_in_root);
}

chmod 0755, glob "$root/case-*/*/nested/there"; # so that all can be removed
responses_framed();
$_->stop for @servers;
done_testing();
