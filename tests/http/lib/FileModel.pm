# For linearizability.t: a site as a tree in memory, and the response that a request has to get from it. It knows which
# file a path names from share/doc/options.md, and nothing of the program.
package FileModel;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(new_directory new_file new_link child set_child take_child node_at answer_to);

my $files = 0;

# A name of a directory leads to a node. Two names of one file (link(2)) share it.
sub new_directory { return { kind => 'directory', names => {}, mode => 0755 } }
sub new_file      { my $number = ++$files; return { kind => 'file', number => $number, bytes => $_[0], mode => 0644 } }
sub new_link      { return { kind => 'link', to => $_[0] } }

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

1;
