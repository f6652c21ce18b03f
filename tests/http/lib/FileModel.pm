# For linearizability.t: a site as a tree in memory, and the response that a request has to get from it. It knows which
# file a path names from share/doc/options.md, and nothing of the program.
package FileModel;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(new_directory new_file new_link child set_child take_child node_at answer_to snapshot answers_over);

my $nodes = 0;

# A name of a directory leads to a node. Two names of one file (link(2)) share it.
sub new_directory { return { kind => 'directory', number => ++$nodes, names => {}, mode => 0755 } }
sub new_file      { return { kind => 'file', number => ++$nodes, bytes => $_[0], mode => 0644 } }
sub new_link      { return { kind => 'link', number => ++$nodes, to => $_[0] } }

sub parent_of {
    my ($root, $path) = @_;
    my @names = split m{/}, $path;
    my $last  = pop @names;
    my $directory = $root;
    $directory = $directory->{names}{$_} for @names;
    return ($directory, $last);
}

# The node at this path itself, or undef. Names of directories are no links here.
sub child {
    my ($root, $path) = @_;
    my ($directory, $name) = parent_of($root, $path);
    return $directory && $directory->{kind} eq 'directory' ? $directory->{names}{$name} : undef;
}

sub set_child {
    my ($root, $path, $node) = @_;
    my ($directory, $name) = parent_of($root, $path);
    $directory->{names}{$name} = $node;
    return $node;
}

sub take_child {
    my ($root, $path) = @_;
    my ($directory, $name) = parent_of($root, $path);
    return delete $directory->{names}{$name};
}

# What the path leads to, through links (path_resolution(7)); undef if that is nothing, or behind a directory that may
# not be searched. An absolute link leads out of the site.
sub node_at {
    my ($root, $path) = @_;
    my @names = split m{/}, $path;
    my @above = ($root);
    my $links = 0;
    while (@names) {
        my $name = shift @names;
        next if $name eq '' || $name eq '.';
        if ($name eq '..') { pop @above; return if !@above; next }
        return if !($above[-1]{mode} & 0111);
        my $node = $above[-1]{names}{$name} or return;
        if ($node->{kind} eq 'link') {
            return if $node->{to} =~ m{\A/} || ++$links > 40;
            unshift @names, split m{/}, $node->{to};
        }
        elsif ($node->{kind} eq 'directory') { push @above, $node }
        else { return @names ? undef : $node }
    }
    return $above[-1];
}

my %suffix = (gzip => '.gz', br => '.br', zstd => '.zst');

sub readable_file {
    my ($root, $path) = @_;
    my $node = node_at($root, $path);
    return $node && $node->{kind} eq 'file' && $node->{mode} & 0444 ? $node : undef;
}

# The file at this very path for a client that accepts this coding, or undef. An encoded file is used if it is not older
# than its original, or if there is no original.
sub form_of {
    my ($root, $path, $coding, $modified) = @_;
    my $file = readable_file($root, $path);
    my $encoded = $coding ? readable_file($root, $path . $suffix{$coding}) : undef;
    my $node = $file || node_at($root, $path);
    my $is_usable = $encoded && ($file ? $modified->($encoded, $path . $suffix{$coding}) >= $modified->($file, $path) : !$node || $node->{kind} eq 'file');
    return { status => 200, node => $encoded, path => $path . $suffix{$coding}, bytes => $encoded->{bytes}, coding => $coding } if $is_usable;
    return $file ? { status => 200, node => $file, path => $path, bytes => $file->{bytes}, coding => '' } : undef;
}

# The response to a GET of this path, which may end in a slash. `modified` returns the mtime of a node at a path.
sub answer_to {
    my ($root, $path, $coding, $modified) = @_;
    if ($path =~ m{/\z}) {
        return form_of($root, $path . 'index.html', $coding, $modified) || { status => 404 };
    }
    my $form = form_of($root, $path, $coding, $modified);
    return $form if $form;
    $form = $path =~ m{\.[^/]*\z} ? undef : form_of($root, "$path.html", $coding, $modified);
    return $form if $form;
    my $node = node_at($root, $path);
    return { status => $node && $node->{kind} eq 'directory' ? 307 : 404 };
}

# ---------------------------------------------------------------------------------------------------------
# Requests during changes: each name is looked up at a moment of its own (share/doc/guarantees.md), in any order, as
# requests that arrive together share lookups.

# The sites as they are now: the number of the root, undef if it is missing, and copies of all nodes by their numbers.
sub snapshot {
    my ($root, @sites) = @_;
    my %copies;
    my @left = @sites;
    while (my $node = pop @left) {
        $copies{ $node->{number} } = {%$node};
        next if $node->{kind} ne 'directory';
        $copies{ $node->{number} }{names} = { map { $_ => $node->{names}{$_}{number} } keys %{ $node->{names} } };
        push @left, values %{ $node->{names} };
    }
    return { root => $root && $root->{number}, nodes => \%copies };
}

# What the path may lead to if each name in it is looked up at one of these moments (snapshots), none before that of the
# name before it: { missing, directory, unreadable, files }, where `files` has the files as they are then or later.
sub found_over {
    my ($moments, $path) = @_;
    my %found = (files => []);
    my (%walked, %since, %begun);
    my @left = map { [$_, [$moments->[$_]{root}], 0, split m{/}, $path] }
        grep { defined $moments->[$_]{root} && !$begun{ $moments->[$_]{root} }++ } 0 .. $#$moments;
    while (my $walk = pop @left) {
        my ($from, $above, $links, @names) = @$walk;
        next if $walked{"$from @$above $links @names"}++;
        my $name = shift @names;
        if (!defined $name) { $found{directory} = 1; next }
        if ($name eq '' || $name eq '.') { push @left, [$from, $above, $links, @names]; next }
        if ($name eq '..') {
            my @upper = @$above[0 .. $#$above - 1];
            @upper ? push @left, [$from, \@upper, $links, @names] : ($found{missing} = 1);
            next;
        }
        for my $moment ($from .. $#$moments) {
            my $copies    = $moments->[$moment]{nodes};
            my $directory = $copies->{ $above->[-1] };
            my $number    = $directory && $directory->{mode} & 0111 ? $directory->{names}{$name} : undef;
            my $node      = defined $number ? $copies->{$number} : undef;
            if ($node && $node->{kind} eq 'directory') { push @left, [$moment, [@$above, $number], $links, @names] }
            elsif ($node && $node->{kind} eq 'link' && $node->{to} !~ m{\A/} && $links < 40) {
                push @left, [$moment, $above, $links + 1, split(m{/}, $node->{to}), @names];
            }
            elsif ($node && $node->{kind} eq 'file' && !@names) {
                $since{$number} = $moment if !defined $since{$number} || $since{$number} > $moment;
            }
            else { $found{missing} = 1 }
        }
    }
    for my $number (keys %since) {
        my $is_open = 0;
        for my $file (grep { defined } map { $_->{nodes}{$number} } @$moments[$since{$number} .. $#$moments]) {
            $file->{mode} & 0444 ? ($is_open = 1) : ($found{unreadable} = 1);
            push @{ $found{files} }, $file if $is_open;
        }
    }
    return \%found;
}

sub response_of { my ($file, $path, $coding) = @_; return { status => 200, node => $file, path => $path, coding => $coding, map { $_ => $file->{$_} } qw(bytes modified written) } }

# The responses from files at this very path, and true if there may be none. The encoded file may be missing at its
# moment, or change while it is read. If one mtime is not known, it may be usable.
sub forms_over {
    my ($moments, $path, $coding, $grain) = @_;
    my $original = found_over($moments, $path);
    my $encoded  = $coding ? found_over($moments, $path . $suffix{$coding}) : { files => [], missing => 1 };
    my $is_alone = $original->{missing} || $original->{unreadable};
    my $is_older = sub {
        my @times = map { $_->{modified} } @_;
        return 0 if grep { !defined } @times;
        @times = map { int($_ / $grain) } @times if $grain;
        return $times[0] < $times[1];
    };
    my @answers = map { response_of($_, $path, '') } @{ $original->{files} };
    for my $file (@{ $encoded->{files} }) {
        push @answers, response_of($file, $path . $suffix{$coding}, $coding) if $is_alone || grep { !$is_older->($file, $_) } @{ $original->{files} };
    }
    my $is_absent = $is_alone && grep { $encoded->{$_} } qw(missing unreadable directory);
    return (\@answers, $is_absent, $original->{directory});
}

# The responses to a GET of this path if each name is looked up at any one of these moments.
sub answers_over {
    my ($moments, $path, $coding, $grain) = @_;
    my ($forms, $is_absent, $is_directory) = forms_over($moments, $path =~ m{/\z} ? $path . 'index.html' : $path, $coding, $grain);
    my @answers = @$forms;
    if ($path =~ m{/\z}) {
        push @answers, { status => 404 } if $is_absent || $is_directory;
        return @answers;
    }
    return @answers if !$is_absent && !$is_directory;
    if ($path !~ m{\.[^/]*\z}) {
        my ($pages, @none) = forms_over($moments, "$path.html", $coding, $grain);
        push @answers, @$pages;
        return @answers if !grep { $_ } @none;
    }
    push @answers, { status => 307 } if $is_directory;
    push @answers, { status => 404 } if $is_absent;
    return @answers;
}

1;
