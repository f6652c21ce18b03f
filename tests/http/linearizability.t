# Linearizability: random programs change files and send requests, and a model (FileModel.pm) knows the response at each
# moment. A response is right if the model has it for a moment between these two (share/doc/guarantees.md, "Never stale",
# "One version"): the last byte of the request is about to be sent; the last byte of the response has been read. Changes
# before or after are made while no byte is on its way, so only those between the two give a choice. Otherwise it is an
# older version, a mixture of two, or another file's.
#
# These are right besides, each as documented:
# - 503 for a file that changes while it is read, while the root is missing, and after it was replaced
# - a response from names that are each looked up at another moment in between (FileModel.pm, answers_over): the original
#   without its encoded file, or the encoded file of an original that was missing
# - a file over 128 KiB, overwritten in place or cut short while it is sent: a mixture, or a closed connection
# - the ETag of a file over 128 KiB, for another one of the same size and mtime
# - 500, 503 and a closed connection if a system call fails or a worker is killed
#
# SEED=7 ROUNDS=1 repeats a program, ROUNDS=1000 runs as many in each world, WORLDS=tmpfs,ext4 chooses these, and
# TRACE=200 prints more of the steps before a wrong response.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256_hex);
use Errno qw(:POSIX);
use File::Glob qw(bsd_glob);
use File::Path qw(remove_tree);
use FileModel;
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);

# The mounts are in a mount namespace of this process, which ends with it.
if (!$ENV{TEST_OWN_MOUNTS} && $> == 0 && system('unshare --mount true 2>/dev/null') == 0) {
    $ENV{TEST_OWN_MOUNTS} = 1;
    exec 'unshare', '--mount', $^X, "-I$FindBin::Bin/lib", $0;
}

my $seed   = $ENV{SEED} // int(time * 1000) % 1_000_000_000;
my $rounds = $ENV{ROUNDS} // (is_sanitized() ? 6 : 20);
BAIL_OUT("SEED is '$seed'; give a number") if $seed !~ /\A[0-9]+\z/;
BAIL_OUT("ROUNDS is '$rounds'; give a number from 1") if $rounds !~ /\A[1-9][0-9]*\z/;

use constant {
    LIVE    => 24,      # programs of a world at a time
    BURSTS  => 3,       # of steps, with a rest between them
    STEPS   => 14,      # in each burst
    REST    => 3.3,     # seconds: files become settled
    SMALL   => 131_072, # up to this size a file is sent as it was at one moment
};

# ---------------------------------------------------------------------------------------------------------
# Random numbers of a program: a linear congruential generator, so that other programs do not change them.

sub random {
    my ($program, $below) = @_;
    $program->{random} = ($program->{random} * 1_103_515_245 + 12_345) & 0x7FFFFFFF;
    return ($program->{random} >> 8) % $below;
}

sub pick { my ($program, @from) = @_; return $from[random($program, scalar @from)] }
sub chance { my ($program, $percent) = @_; return random($program, 100) < $percent }

# ---------------------------------------------------------------------------------------------------------
# Changes: each system call that succeeds changes the model, which tells the requests that are on their way.

sub tree    { my ($program) = @_; return $program->{trees}[ $program->{side} ] }
sub on_disk { my ($program, $name) = @_; return tree($program)->{base} . "/$name" }

sub trace {
    my ($program, $line) = @_;
    push @{ $program->{trace} }, sprintf '%3d %s', $program->{step}, $line;
    return;
}

# The mtime of a node, which is asked for only where it matters: the kernel gives a file finer timestamps after a stat.
sub modified_of {
    my ($program, $tree, $node, $path) = @_;
    $node->{modified} //= (Time::HiRes::stat("$tree->{base}/$path"))[9] // 0;
    my $grain = $program->{world}{grain};
    return $grain ? int($node->{modified} / $grain) * $grain : $node->{modified};
}

# The response to the request as things are now.
sub current_answer {
    my ($program, $request) = @_;
    my $world = $program->{world};
    my $tree  = $program->{trees}[ $world->{current} ];
    return { status => 503 } if $world->{missing};
    my $answer =
        answer_to($tree->{root}, $request->{path}, $request->{coding}, sub { modified_of($program, $tree, @_) });
    # A large file's ETag is made of its time.
    modified_of($program, $tree, $answer->{node}, $answer->{path}) if $answer->{node} && is_large($answer);
    $answer->{modified} = $answer->{node}{modified} if $answer->{node};
    return $answer;
}

# Things as they are now, for lookups of other names at other moments.
sub take_snapshot {
    my ($program) = @_;
    my $world = $program->{world};
    my @sites = map { $_->{root} } @{ $program->{trees} };
    return snapshot($world->{missing} ? undef : $sites[ $world->{current} ], @sites);
}

# The responses to these requests may be as things are now. The snapshot comes last, as it has the mtimes that were asked
# for.
sub add_moment {
    my ($program, @requests) = @_;
    push @{ $_->{right} }, current_answer($program, $_) for @requests;
    my $snapshot = take_snapshot($program);
    push @{ $_->{moments} }, $snapshot for @requests;
    return;
}

sub note_state {
    my ($program) = @_;
    for my $request (@{ $program->{pending} }) {
        # A large file that is being sent changes in the response, also under another name.
        push @{ $request->{sent} }, map { $_->{node}{bytes} } grep { $_->{node} && is_large($_) } @{ $request->{right} }
            if $program->{in_place};
    }
    add_moment($program, @{ $program->{pending} }) if @{ $program->{pending} };
    return;
}

# The file when this was written into it from there on.
sub written_until {
    my ($before, $from, $part) = @_;
    my $end = $from + length $part;
    return substr($before, 0, $from) . $part . (length $before > $end ? substr $before, $end : '');
}

# A write(2) is about to begin. While it goes on, the file has its first bytes only, and the mtime from before or after.
sub note_writing {
    my ($program, $node, $from, $part) = @_;
    return if !@{ $program->{pending} };
    my $snapshot = take_snapshot($program);
    $snapshot->{nodes}{ $node->{number} } = { %$node, modified => undef, written => [$from, $part] }
        if $snapshot->{nodes}{ $node->{number} };
    for my $request (@{ $program->{pending} }) {
        my $answer = current_answer($program, $request);
        push @{ $request->{right} }, { %$answer, written => [$from, $part] }
            if $answer->{node} && $answer->{node} == $node;
        push @{ $request->{moments} }, $snapshot;
    }
    return;
}

my %calls; # how many of each succeeded and failed

# Makes a system call, and changes the model if it succeeds.
sub act {
    my ($program, $about, $call, $change) = @_;
    my $done = $call->();
    my ($name) = $about =~ /\A(\w+)/;
    $calls{$name}[$done ? 0 : 1]++;
    my $side  = $program->{trees}[1] ? "$program->{side}: " : '';
    my $error = $done ? '' : " fails: $!";
    trace($program, "$side$about$error" . (@{ $program->{pending} } ? ' (meanwhile)' : ''));
    return 0 if !$done;
    $change->();
    $program->{changes}++;
    note_state($program);
    return 1;
}

# Bytes that tell the version: "12.0034\n" over and over is version 34 of program 12.
sub new_version {
    my ($program, $size) = @_;
    my $line = sprintf "%x.%04x\n", $program->{number}, ++$program->{versions};
    return substr $line x (1 + $size / length $line), 0, $size;
}

sub a_size {
    my ($program) = @_;
    return pick($program, 9, 300, 300, 300, 4096, 5000, 20_000, 70_000, SMALL, SMALL + 1, 140_000, 140_000,
        chance($program, 5) ? (0, 1_200_000) : 300);
}

# open(2) with O_TRUNC or without, write(2), at once or in parts, close(2)
sub write_file {
    my ($program, $name, $how, $bytes, $about, $parts) = @_;
    my $root = tree($program)->{root};
    my $handle;
    my $mode = $how eq 'new' ? '>' : $how eq 'append' ? '>>' : '+<';
    my $node = child($root, $name);
    return 0 if $how ne 'new' && !$node || $node && $node->{kind} ne 'file';
    $program->{in_place} = 1 if $node && @{ $program->{pending} };
    act($program, "open $name $how", sub { open $handle, "$mode:raw", on_disk($program, $name) }, sub {
        return if $how ne 'new';
        $node ? @$node{ 'bytes', 'modified', 'dated' } = '' : ($node = set_child($root, $name, new_file('')));
    }) or return 0;
    my $start = $how eq 'append' ? length $node->{bytes} : 0;
    my $in_parts = !$parts && length $bytes >= 20_000 && @{ $program->{pending} } && chance($program, 50);
    my $pieces = $parts // ($in_parts ? 2 + random($program, 12) : 1);
    my @piece = map { [map { int(length($bytes) * $_ / $pieces) } $_ - 1, $_] } 1 .. $pieces;
    @piece = map { splice @piece, random($program, scalar @piece), 1 } 1 .. $pieces if $how eq 'over';
    for my $piece (length $bytes ? @piece : ()) {
        my ($from, $end) = @$piece;
        my $part = substr $bytes, $from, $end - $from;
        sleep 1e-5 if $pieces > 1 && chance($program, 15); # lets the worker run
        note_writing($program, $node, $start + $from, $part);
        act($program, "write $name $about" . ($pieces > 1 ? ", from $from" : ''),
            sub { sysseek($handle, $start + $from, 0) && (syswrite($handle, $part) // -1) == length $part },
            sub { @$node{ 'bytes', 'modified', 'dated' } = written_until($node->{bytes}, $start + $from, $part) });
    }
    close $handle;
    return 1;
}

# "9 bytes (12.0034)"
sub described_version {
    my ($bytes) = @_;
    return length($bytes) . ' bytes ' . (length $bytes ? '(' . substr($bytes, 0, index("$bytes\n", "\n")) . ')' : '');
}

sub write_version {
    my ($program, $name, $how, $size) = @_;
    my $bytes = new_version($program, $size);
    return write_file($program, $name, $how, $bytes, described_version($bytes));
}

sub move {
    my ($program, $from, $to) = @_;
    my $root = tree($program)->{root};
    my ($node, $over) = (child($root, $from), child($root, $to));
    return 0 if !$node || $over && $over == $node; # rename(2) does nothing if both are links to the same file
    return act($program, "rename $from $to", sub { rename on_disk($program, $from), on_disk($program, $to) },
        sub { set_child($root, $to, take_child($root, $from)) });
}

sub swap {
    my ($program, $one, $two) = @_;
    return move($program, $one, 'aside') + move($program, $two, $one) + move($program, 'aside', $two);
}

sub remove {
    my ($program, $name) = @_;
    my $root = tree($program)->{root};
    my $node = child($root, $name) or return 0;
    my $is_directory = $node->{kind} eq 'directory';
    return act($program, ($is_directory ? 'rmdir' : 'unlink') . " $name",
        sub { $is_directory ? rmdir on_disk($program, $name) : unlink on_disk($program, $name) },
        sub { take_child($root, $name) });
}

sub make_directory {
    my ($program, $name) = @_;
    my $root = tree($program)->{root};
    return act($program, "mkdir $name", sub { mkdir on_disk($program, $name), 0755 },
        sub { set_child($root, $name, new_directory()) });
}

sub make_link {
    my ($program, $name, $to) = @_;
    my $root = tree($program)->{root};
    return act($program, "symlink $to $name", sub { symlink $to, on_disk($program, $name) },
        sub { set_child($root, $name, new_link($to)) });
}

sub set_mode {
    my ($program, $name) = @_;
    my $node = child(tree($program)->{root}, $name) or return 0;
    return 0 if $node->{kind} eq 'link';
    my $mode = $node->{mode} & 0444 ? 0 : $node->{kind} eq 'file' ? 0644 : 0755;
    return act($program, sprintf("chmod %o %s", $mode, $name), sub { chmod $mode, on_disk($program, $name) },
        sub { $node->{mode} = $mode });
}

sub set_time {
    my ($program, $name, $time) = @_;
    my $node = child(tree($program)->{root}, $name) or return 0;
    return 0 if $node->{kind} ne 'file';
    return act($program, "utime $time $name", sub { utime $time, $time, on_disk($program, $name) },
        sub { $node->{modified} = $time; $node->{dated} = 1 });
}

my @files   = qw(a.css a.css a.css page page.html d/index.html d/b.txt d/b.txt e/b.txt big.bin);
my @encoded = qw(a.css.gz a.css.gz a.css.br page.html.gz d/b.txt.gz d/index.html.gz);
my @links   = (['l.css', 'a.css'], ['l.css', 'd/b.txt'], ['l.css', 'none'], ['l.css', '/etc/hostname'], ['ld', 'd'],
    ['ld', 'e'], ['d/b.txt', '../a.css'], ['a.css', 'd/b.txt']);

my @changes = (
    sub { my ($program, $name) = @_; return write_version($program, $name, 'new', a_size($program)) },
    (sub {
        my ($program, $name) = @_;
        my $node = child(tree($program)->{root}, $name) or return 0;
        return $node->{kind} eq 'file' && write_version($program, $name, 'over', length $node->{bytes});
    }) x 3,
    sub { my ($program, $name) = @_; return write_version($program, $name, 'append', 90) },
    sub { # rename over
        my ($program, $name) = @_;
        return write_version($program, 'next', 'new', a_size($program)) && move($program, 'next', $name);
    },
    sub { # a copy of the same size and mtime is moved over
        my ($program, $name) = @_;
        my $node = child(tree($program)->{root}, $name) or return 0;
        return 0 if $node->{kind} ne 'file' || length $node->{bytes} > SMALL;
        return set_time($program, $name, 1_000_000_000) && write_version($program, 'next', 'new', length $node->{bytes})
            && set_time($program, 'next', 1_000_000_000) && move($program, 'next', $name);
    },
    sub { my ($program, $name) = @_; return remove($program, $name) },
    sub { my ($program) = @_; return swap($program, 'a.css', 'other.css') },
    sub { my ($program) = @_; return swap($program, 'd', 'e') },
    sub { my ($program) = @_; return move($program, 'd', 'gone') && make_directory($program, 'd') },
    sub {
        my ($program) = @_;
        return move($program, pick($program, qw(gone e)), 'd') || move($program, 'd', pick($program, qw(e gone)));
    },
    sub {
        my ($program) = @_;
        my $name = pick($program, qw(d e gone));
        return remove($program, $name) || make_directory($program, $name);
    },
    sub { # a link is made, or pointed elsewhere
        my ($program) = @_;
        my ($name, $to) = @{ pick($program, @links) };
        return chance($program, 30) && remove($program, $name) && make_link($program, $name, $to)
            || make_link($program, 'next', $to) && move($program, 'next', $name) || remove($program, 'next');
    },
    sub { # a second name
        my ($program, $name) = @_;
        my $root = tree($program)->{root};
        my $node = child($root, $name) or return 0;
        return 0 if $node->{kind} ne 'file' || child($root, 'other.css');
        return act($program, "link $name other.css",
            sub { link on_disk($program, $name), on_disk($program, 'other.css') },
            sub { set_child($root, 'other.css', $node) });
    },
    sub { my ($program, $name) = @_; return set_mode($program, chance($program, 75) ? $name : pick($program, qw(d e))) },
    sub { my ($program, $name) = @_; return set_time($program, $name, 1_000_000_000 + 2 * random($program, 4)) },
    (sub { # an encoded file
        my ($program) = @_;
        my $name = pick($program, @encoded);
        return remove($program, $name) if chance($program, 35);
        my $made = write_version($program, 'next', 'new', a_size($program));
        set_time($program, 'next', 1_000_000_000 + 2 * random($program, 4)) if chance($program, 40);
        return $made && move($program, 'next', $name);
    }) x 2,
    sub { my ($program, $name) = @_; # truncate(2)
        my $node = child(tree($program)->{root}, $name) or return 0;
        return 0 if $node->{kind} ne 'file';
        my $size = pick($program, 0, 100, 5000, length($node->{bytes}) >> 1);
        $program->{in_place} = 1 if @{ $program->{pending} };
        return act($program, "truncate $name $size", sub { truncate on_disk($program, $name), $size }, sub {
            $node->{bytes} .= "\0" x ($size - length $node->{bytes}) if length $node->{bytes} < $size;
            $node->{bytes} = substr $node->{bytes}, 0, $size;
            @$node{ 'modified', 'dated' } = ();
        });
    },
);

# Points the root elsewhere: for all programs of the world, of which only this one has requests on their way.
sub replace_root {
    my ($program) = @_;
    my $world  = $program->{world};
    my $folder = $world->{folder};
    my $next   = 1 - $world->{current};
    return act($program, "replace root by $next",
        sub { symlink("release-$next", "$folder/next") && rename "$folder/next", "$folder/current" },
        sub { $world->{current} = $next; $world->{swapped} = time }) if chance($program, 70);
    act($program, 'remove root', sub { unlink "$folder/current" },
        sub { $world->{missing} = 1; $world->{swapped} = time });
    return act($program, "make root $next", sub { symlink "release-$next", "$folder/current" },
        sub { $world->{missing} = 0; $world->{current} = $next; $world->{swapped} = time });
}

sub kill_worker {
    my ($program) = @_;
    my $world   = $program->{world};
    my @workers = $world->{server}->workers or return 0;
    trace($program, 'a worker is killed');
    kill 'KILL', pick($program, @workers);
    $world->{killed} = time;
    $calls{kill}[0]++;
    return 1;
}

sub reload {
    my ($program) = @_;
    trace($program, 'SIGHUP');
    kill 'HUP', $program->{world}{server}->pid;
    $program->{world}{reloaded} = time;
    $calls{reload}[0]++;
    return 1;
}

# Brings back something that earlier changes have taken away, as otherwise most responses would be 404.
sub mend {
    my ($program) = @_;
    my $root = tree($program)->{root};
    for my $name (qw(d e), @files) {
        my $node = child($root, $name);
        return set_mode($program, $name) if $node && !$node->{mode} && $node->{kind} ne 'link';
    }
    return move($program, 'gone', 'd') || make_directory($program, 'd') if !child($root, 'd');
    my @missing = grep { !child($root, $_) } @files;
    return @missing && $changes[0]->($program, pick($program, @missing));
}

# A file that the request may lead to
my %behind = ('l.css' => 'a.css', 'ld/b.txt' => 'd/b.txt', 'd/' => 'd/index.html', 'ld/' => 'd/index.html',
    'd' => 'd/index.html', 'none' => 'a.css', 'a.css.gz' => 'a.css');

# One change, of many kinds, some of several system calls; most of them concern the request, if there is one.
sub change {
    my ($program, $request) = @_;
    my $about = $request && $behind{ $request->{path} } // ($request || {})->{path};
    my $world = $program->{world};
    $program->{side} = chance($program, 75) ? $world->{current} : 1 - $world->{current} if $program->{trees}[1];
    my $disturb = random($program, 1000);
    return replace_root($program) if $program->{trees}[1] && $disturb < 40;
    return kill_worker($program)  if $world->{crashes} && $disturb < 20 && time - ($world->{killed} // 0) > 4;
    return reload($program)       if $world->{crashes} && $disturb > 980 && time - ($world->{reloaded} // 0) > 4;
    return 1 if chance($program, 30) && mend($program);
    for (1 .. 8) {
        my $change = pick($program, @changes);
        return 1 if $change->($program, defined $about && chance($program, 65) ? $about : pick($program, @files));
    }
    return 0;
}

# ---------------------------------------------------------------------------------------------------------
# Requests

my @targets = qw(a.css a.css a.css a.css.gz l.css page page page.html d d/ d/ d/b.txt d/b.txt e/b.txt ld/b.txt ld/
    big.bin other.css none);

# A GET of the path without conditions; coding: 'gzip', or ''.
sub simple_request {
    my ($program, $path, $coding) = @_;
    my @fields = $coding ? "Accept-Encoding: $coding" : ();
    return { path => $path, coding => $coding, method => 'GET', right => [],
        bytes => get_request("/p$program->{number}/$path", @fields), description => join(', ', "GET /$path", @fields) };
}

sub new_request {
    my ($program) = @_;
    my $path    = pick($program, @targets);
    my $coding  = pick($program, '', '', 'gzip', 'br');
    my $request = { path => $path, coding => $coding, method => chance($program, 10) ? 'HEAD' : 'GET', right => [] };
    my $known   = $program->{tags}{"$path $coding"} || [];
    my @fields  = $coding ? "Accept-Encoding: $coding" : ();
    if (@$known && chance($program, 45)) {
        $request->{none_match} = [map { pick($program, @$known) } 0 .. random($program, 2)];
        push @fields, 'If-None-Match: ' . join ', ', @{ $request->{none_match} };
    }
    elsif (@$known && chance($program, 10)) {
        $request->{match} = pick($program, @$known);
        push @fields, "If-Match: $request->{match}";
    }
    if ($request->{method} eq 'GET' && chance($program, 25)) {
        my $from = pick($program, 0, 7, 4000, 90_000);
        $request->{range} = [$from, $from + pick($program, 0, 99, 30_000)];
        push @fields, "Range: bytes=$request->{range}[0]-$request->{range}[1]";
        if (@$known && chance($program, 60)) {
            $request->{if_range} = pick($program, @$known);
            push @fields, "If-Range: $request->{if_range}";
        }
    }
    $request->{bytes} = get_request("/p$program->{number}/$path", @fields) =~ s/\AGET/$request->{method}/r;
    $request->{description} = join ', ', "$request->{method} /$path", @fields;
    return $request;
}

# The requests of which no byte may be late are on their way from here.
sub begin_request {
    my ($program, @requests) = @_;
    push @{ $program->{pending} }, @requests;
    add_moment($program, @requests);
    return;
}

# One of the program's two persistent connections; fresh: a connection for one request.
sub kept {
    my ($program) = @_;
    my $server = $program->{world}{server};
    my $kept = $program->{kept}[random($program, 2)] //= {};
    delete $kept->{socket} if $kept->{socket} && time - $kept->{used} > 60; # it may be closed after 75 s
    ($kept->{socket}, $kept->{since}) = ($server->connection, time) if !$kept->{socket};
    $kept->{used} = time;
    return $kept;
}

sub fresh {
    my ($program) = @_;
    return { socket => $program->{world}{server}->connection, since => time, once => 1 };
}

sub spin { my ($until) = time + $_[0]; 1 while time < $until; return }

# Reads the responses of these requests and checks them.
sub receive {
    my ($program, $connection, @requests) = @_;
    my $world = $program->{world};
    my $may_break = $world->{faults} || $world->{killed} && ($connection->{since} <= $world->{killed} + 2);
    my $result = $world->{server}->exchange('', socket => $connection->{socket}, count => scalar @requests,
        methods => [map { $_->{method} } @requests],
        lenient => $may_break || $program->{in_place} ? 1 : 0);
    for my $n (0 .. $#requests) {
        my $response = $result->{responses}[$n];
        $may_break ||= !$response && may_be_cut($program, $requests[$n]);
        my $problem = $response ? problem_of($program, $requests[$n], $response)
            : $result->{timeout} ? 'no response in time'
            : $may_break ? '' : 'the connection is closed';
        $world->{answered}++;
        if ($response) { $world->{status}{ $response->{status} }++ } else { $world->{status}{cut}++ }
        report($program, $requests[$n], $response, $problem) if $problem;
        trace($program, "$requests[$n]{description}: " . described($response));
    }
    if ($connection->{once} || $result->{closed}) {
        close $connection->{socket};
        delete $connection->{socket};
    }
    return;
}

sub described {
    my ($response) = @_;
    return 'closed' if !$response;
    my $etag = $response->{field}{etag} // 'no ETag';
    my $has_file = $response->{body} ne '' && $response->{status} =~ /\A20/;
    return "$response->{status} $etag" . ($has_file ? ', ' . described_version($response->{body}) : '');
}

# A connection may end in the middle of a large file that shrinks while it is sent.
sub may_be_cut {
    my ($program, $request) = @_;
    my @answers = (@{ $request->{right} }, answers_at_moments($program, $request));
    return $program->{in_place} && grep { $_->{status} == 200 && is_large($_) } @answers;
}

# The answers if each name is looked up at any of the request's moments.
sub answers_at_moments {
    my ($program, $request) = @_;
    return answers_over($request->{moments}, @$request{ 'path', 'coding' }, $program->{world}{grain});
}

# ---------------------------------------------------------------------------------------------------------
# Checks

my %version_of_tag; # world, program and path, ETag => [{ coding, digest, large, size, modified }]
my %count;

# The time as this file system has it.
sub rounded {
    my ($program, $answer) = @_;
    my $grain    = $program->{world}{grain};
    my $modified = $answer->{modified} // 0;
    return $grain ? int($modified / $grain) * $grain : $modified;
}

sub is_large { return length $_[0]{bytes} > SMALL }

# An ETag belongs to one address (RFC 9110 8.8.3).
sub known_tags {
    my ($program, $request) = @_;
    return $version_of_tag{"$program->{world}{name} $program->{number} $request->{path}"} //= {};
}

# True if the tag is one that the server gave to this version.
sub tag_is_of {
    my ($program, $request, $tag, $answer) = @_;
    my $digest = md5_hex($answer->{bytes});
    return scalar grep {
        $_->{coding} eq $answer->{coding} && ($_->{digest} eq $digest
            || $_->{large} && is_large($answer) && $_->{size} == length $answer->{bytes}
            && (!defined $answer->{modified} || $_->{modified} == rounded($program, $answer)) && may_share_time($_, $answer))
    } @{ known_tags($program, $request)->{$tag} || [] };
}

# A large file that is replaced by another of the same size and mtime keeps its ETag, one that is written to does not,
# unless its mtime is set back.
sub may_share_time {
    my ($known, $answer) = @_;
    return $known->{number} != $answer->{node}{number} || $known->{dated} && $answer->{node}{dated};
}

# True for a large file whose state at the moment of the response is not known.
sub is_uncertain {
    my ($program, $answer) = @_;
    return is_large($answer) && ($program->{in_place} || !defined $answer->{modified});
}

# Remembers the tag; false if it is another version's.
sub learn_tag {
    my ($program, $request, $tag, $answer) = @_;
    return 1 if tag_is_of($program, $request, $tag, $answer) || is_uncertain($program, $answer);
    my $tags = known_tags($program, $request);
    return 0 if $tags->{$tag};
    push @{ $tags->{$tag} }, { coding => $answer->{coding}, digest => md5_hex($answer->{bytes}),
        large => is_large($answer), size => length $answer->{bytes},
        modified => is_large($answer) ? rounded($program, $answer) : 0,
        number => $answer->{node}{number}, dated => $answer->{node}{dated} };
    return 1;
}

# The bytes of the file when as much of a write was done as the response tells; undef if it is no such moment. Of a
# response without all bytes it is only known that it may be one.
sub moment_of_write {
    my ($request, $response, $answer) = @_;
    my ($before, $body, $start, $part) = ($answer->{bytes}, $response->{body}, @{ $answer->{written} });
    return if is_large($answer);
    my $is_part = $response->{status} == 206;
    my $total = $is_part ? ($response->{field}{'content-range'} =~ m{/(\d+)\z})[0] : $response->{field}{'content-length'};
    my $from  = $is_part ? $request->{range}[0] : 0;
    # The first byte that was not written yet
    my $differs = $body ^ substr written_until($before, $start, $part) . "\0" x $total, $from, length $body;
    my $length  = $total > length $before ? $total - $start : $differs =~ /[^\0]/ ? $from + $-[0] - $start : length $part;
    return if $length < 0 || $length > length $part;
    my $bytes = written_until($before, $start, substr $part, 0, $length);
    return if length $bytes != $total || $body ne substr $bytes, $from, length $body;
    $count{written}++ if $response->{status} == 200 && $bytes ne $before;
    return $bytes;
}

# What is wrong with a response if this was the answer of its moment; '' if nothing is.
sub mismatch {
    my ($program, $request, $response, $answer) = @_;
    my $status = $response->{status};
    my $field  = $response->{field};
    if (defined $answer->{written} && $status =~ /\A20[06]\z/) {
        my $bytes = moment_of_write($request, $response, $answer) // return 'not a moment of a write';
        $answer = { %$answer, bytes => $bytes, modified => undef };
    }
    return $status == 503 ? '' : "not 503, as the root is missing" if $answer->{status} == 503;
    return $status == 404 ? '' : 'there is no such file' if $answer->{status} == 404;
    if ($answer->{status} == 307) {
        my $leads_there = $status =~ /\A30[1278]\z/ && $field->{location} =~ m{(?:\A|/)\Q$request->{path}\E/\z};
        return $leads_there ? '' : 'it is a directory';
    }
    my ($bytes, $size) = ($answer->{bytes}, length $answer->{bytes});
    my $unsure = is_large($answer); # may have no ETag

    if ($request->{match}) {
        my $holds = tag_is_of($program, $request, $request->{match}, $answer);
        return $holds && !$unsure ? 'If-Match holds' : '' if $status == 412;
        return 'If-Match does not hold' if !$holds;
    }
    if ($request->{none_match}) {
        my $holds = grep { tag_is_of($program, $request, $_, $answer) } @{ $request->{none_match} };
        if ($status == 304) {
            return 'it is another version than the client has' if !$holds;
            return defined $field->{etag} && tag_is_of($program, $request, $field->{etag}, $answer) ? ''
                : 'the ETag of a 304 is another version\'s';
        }
        return 'the client has this version' if $holds && !$unsure;
    }
    return 'nothing asked for that status' if $status !~ /\A(?:200|206|416)\z/;
    if ($status == 416) {
        return $request->{range} && $request->{range}[0] >= $size && $field->{'content-range'} eq "bytes */$size" ? ''
            : 'the range can be satisfied';
    }
    return 'Content-Encoding' if ($field->{'content-encoding'} // '') ne $answer->{coding};
    if ($status == 206) {
        return 'no range was requested' if !$request->{range};
        return 'If-Range does not hold'
            if $request->{if_range} && !tag_is_of($program, $request, $request->{if_range}, $answer);
        my ($wrong, @slices) = slices_of($response);
        return $wrong if $wrong;
        my ($from, $last) = @{ $request->{range} };
        my $end = $last + 1 < $size ? $last + 1 : $size;
        return 'another slice' if $slices[0]{from} != $from || $slices[0]{total} != $size
            || $slices[0]{bytes} ne substr $bytes, $from, $end - $from;
    }
    elsif ($request->{method} eq 'HEAD') {
        return 'Content-Length' if $field->{'content-length'} != $size;
    }
    else {
        return 'other bytes' if $response->{body} ne $bytes;
        return 'a range was requested' if $request->{range} && !$request->{if_range} && $size > 0;
        return 'If-Range holds' if $request->{range} && $request->{if_range} && $request->{range}[0] < $size && !$unsure
            && tag_is_of($program, $request, $request->{if_range}, $answer);
    }
    return problem_of_validators($program, $request, $response, $answer);
}

# The file's date now; the model's may be older, as it is asked for only where it matters.
sub date_on_disk {
    my ($program, $answer) = @_;
    my $time = (stat "$program->{trees}[ $program->{world}{current} ]{base}/$answer->{path}")[9] // 0;
    my $grain = $program->{world}{grain} || 1;
    return http_date($time - $time % $grain);
}

# A response to HEAD whose ETag is new proves nothing of it: another moment may have the same length.
sub problem_of_validators {
    my ($program, $request, $response, $answer) = @_;
    my ($etag, $date) = @{ $response->{field} }{ 'etag', 'last-modified' };
    return 'no ETag' if !defined $etag && !is_large($answer);
    my $is_whole = $response->{status} == 200 && $request->{method} eq 'GET';
    return 'the ETag is not of these bytes' if $is_whole && !is_large($answer)
        && substr($etag, 1, 32) ne substr sha256_hex($response->{body}), 0, 32;
    if (defined $etag) {
        return 'the ETag of another version' if $is_whole ? !learn_tag($program, $request, $etag, $answer)
            : known_tags($program, $request)->{$etag} && !$answer->{written} && !is_uncertain($program, $answer)
                && !tag_is_of($program, $request, $etag, $answer);
        my $known = $program->{tags}{"$request->{path} $request->{coding}"} //= [];
        push @$known, $etag if known_tags($program, $request)->{$etag} && !grep { $_ eq $etag } @$known;
    }
    return "Last-Modified is not $answer->{modified}" if defined $date && defined $answer->{modified}
        && $date ne http_date(int rounded($program, $answer)) && $date ne date_on_disk($program, $answer);
    return '';
}

# True if each byte is that of one of the versions, or NUL: a file over 128 KiB that is overwritten in place while it is
# sent ("Limits").
sub is_overwritten {
    my ($request, $response, @answers) = @_;
    my @large = grep { $_->{status} == 200 } @answers;
    return 0 if $response->{status} !~ /\A20[06]\z/ || !grep { is_large($_) } @large;
    my $from = $response->{status} == 206 && ($response->{field}{'content-range'} // '') =~ /bytes (\d+)/ ? $1 : 0;
    my $left = $response->{body};
    for my $version (map({ $_->{bytes} } @large), @{ $request->{sent} || [] }) {
        my $differs = $left ^ substr $version, $from < length $version ? $from : length $version, length $left;
        $differs .= "\xFF" x (length($left) - length $differs);
        # What this version explains becomes NUL.
        my $keep = $differs =~ tr/\0/\xFF/cr;
        $left &= $keep;
    }
    return $left !~ /[^\0]/;
}

sub problem_of {
    my ($program, $request, $response) = @_;
    my $world  = $program->{world};
    my $status = $response->{status};
    return "broken: @{ $response->{problems} }" if @{ $response->{problems} };
    return '' if $status =~ /\A50[03]\z/ && $world->{faults};
    # A file that changes while it is read; a root whose new workers are late
    return '' if $status == 503 && (@{ $request->{right} } > 1 || $world->{swapped} && time - $world->{swapped} < 5);
    my %wrong;
    for my $answer (@{ $request->{right} }) {
        my $wrong = mismatch($program, $request, $response, $answer);
        return '' if $wrong eq '';
        $wrong{$wrong} = 1;
    }
    my @others = $world->{faults} || @{ $request->{moments} } > 1 ? answers_at_moments($program, $request) : ();
    if (grep { mismatch($program, $request, $response, $_) eq '' } @others) {
        $count{moments}++;
        return '';
    }
    if ($program->{in_place} && is_overwritten($request, $response, @{ $request->{right} }, @others)) {
        $count{overwritten}++;
        return '';
    }
    return join '; ', sort keys %wrong;
}

my @problems;

# Tells the version that a wrong response has, and the steps of the program that bear on it.
sub report {
    my ($program, $request, $response, $problem) = @_;
    return if @problems > 8;
    my $world = $program->{world};
    my ($first) = $request->{path} =~ m{\A([^/.]+)};
    my @trace = @{ $program->{trace} };
    splice @trace, 0, @trace - ($ENV{TRACE} // 45) if @trace > ($ENV{TRACE} // 45);
    my @right = map { $_->{status} == 200 ? "$_->{coding} " . described_version($_->{bytes}) : $_->{status} }
        @{ $request->{right} };
    my @fields = map { "$_->[0]: $_->[1]" } grep { $_->[0] =~ /encod|Length|Range|Location|Modified/i }
        @{ $response ? $response->{fields} : [] };
    push @problems, join "\n",
        "$world->{name}, SEED=$program->{seed} ROUNDS=1 WORLDS=$world->{name}: step $program->{step}: "
            . $request->{description},
        '  got ' . join(', ', described($response), @fields),
        '  right: ' . join(' | ', @right), "  $problem", map { "    $_" } @trace;
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Steps

# tests/http/preload/faults.c: struct control.
use constant CONTROL => 'Z24 l<6';
my @faults = ([openat => qw(EIO EMFILE ENOMEM EINTR)], [fstat => qw(EIO ENOMEM)], [fstatat => qw(EIO ENOMEM)],
    [pread => qw(EIO EINTR), 0, 1], [pread => 100],
    [malloc => qw(ENOMEM)], [sendfile => qw(EIO), 0, 1], [send => qw(ENOBUFS), 1], [writev => 1],
    [recv => qw(EINTR ENOMEM)]);

sub set_fault {
    my ($program, $world, $how) = @_;
    my ($function, @kinds) = @{ $how || pick($program, @faults) };
    my $fault = pick($program, @kinds);
    my $error = $fault =~ /^\d+$/ ? 0 : Errno->can($fault)->();
    my $countdown = 1 + random($program, $how ? 1 : 6);
    my $repeats = $fault eq '100' ? 5000 : pick($program, 0, 0, 1, 30); # many short reads take long
    write_control($world, pack CONTROL, $function, $countdown, $error, $error ? 0 : $fault, 0, 0, $repeats);
    trace($program, "fault: call $countdown of $function: $fault");
    return;
}

sub end_fault {
    my ($world) = @_;
    $count{faults} += (unpack CONTROL, slurp($world->{faults}))[5];
    write_control($world, pack CONTROL, '', (0) x 6);
    return;
}

sub write_control {
    my ($world, $bytes) = @_;
    open my $file, '+<:raw', $world->{faults} or die $!;
    syswrite $file, $bytes;
    close $file;
    return;
}

sub send_bytes {
    my ($connection, $bytes) = @_;
    Harness::blocking($connection->{socket}, 1);
    syswrite $connection->{socket}, $bytes;
    return;
}

# Ways to request, some with a change at a certain time: here while the requests are on their way.
sub in_flight {
    my ($program, $changes, @requests) = @_;
    my $connection = @requests > 1 || chance($program, 75) ? kept($program) : fresh($program);
    begin_request($program, @requests);
    send_bytes($connection, join '', map { $_->{bytes} } @requests);
    for (1 .. $changes) {
        spin(random($program, 100) / 1e6) if chance($program, 70);
        change($program, $requests[-1]);
    }
    receive($program, $connection, @requests);
    return;
}

# The change is between the first bytes of the request and its last.
sub in_part {
    my ($program) = @_;
    my $request    = new_request($program);
    my $connection = kept($program);
    my $cut = 1 + random($program, length($request->{bytes}) - 1);
    $cut = length($request->{bytes}) - 1 if chance($program, 30);
    my $before = chance($program, 50) ? new_request($program) : undef;
    begin_request($program, $before) if $before;
    send_bytes($connection, ($before ? $before->{bytes} : '') . substr $request->{bytes}, 0, $cut);
    receive($program, $connection, $before) if $before;
    @{ $program->{pending} } = ();
    return if !$connection->{socket};
    change($program, $request);
    begin_request($program, $request);
    send_bytes($connection, substr $request->{bytes}, $cut);
    receive($program, $connection, $request);
    return;
}

# One request on several connections at once, with a change among them.
sub crowd {
    my ($program) = @_;
    my $request = new_request($program);
    my @connections = map { { %{ fresh($program) }, request => { %$request, right => [] } } } 1 .. 3;
    for my $n (0 .. $#connections) {
        change($program, $request) if $n == 2 && chance($program, 60);
        begin_request($program, $connections[$n]{request});
        send_bytes($connections[$n], $connections[$n]{request}{bytes});
    }
    receive($program, $_, $_->{request}) for @connections;
    return;
}

# A client that reads slowly: the change is made when it has a part of the response.
sub slowly {
    my ($program) = @_;
    my $request = new_request($program);
    my $connection = { socket => $program->{world}{server}->connection(receive => 4096), since => time, once => 1 };
    begin_request($program, $request);
    send_bytes($connection, $request->{bytes});
    IO::Select->new($connection->{socket})->can_read(1);
    change($program, $request);
    receive($program, $connection, $request);
    return;
}

# A file is overwritten from its beginning to its end, in parts, while it is read.
sub overwritten {
    my ($program) = @_;
    my $name    = pick($program, 'a.css', 'page.html', 'd/b.txt');
    my $request = new_request($program);
    my ($bytes, @next) = map { new_version($program, 120_000) } 1 .. 2 + random($program, 2);
    return if !write_file($program, $name, 'new', $bytes, described_version($bytes));
    my $connection = kept($program);
    set_fault($program, $program->{world}, [pread => 100]) if $program->{world}{faults}; # reads take longer
    %$request = (%{ new_request($program) }, right => [])
        until $request->{path} eq $name && $request->{method} eq 'GET' && !$request->{range};
    begin_request($program, $request);
    send_bytes($connection, $request->{bytes});
    spin(random($program, 200) / 1e6);
    write_file($program, $name, 'over', $_, described_version($_), 12) for @next;
    receive($program, $connection, $request);
    return;
}

# An encoded file comes or goes between two requests.
sub negotiated {
    my ($program) = @_;
    my $name = pick($program, 'a.css', 'd/b.txt');
    for (1 .. 3) {
        @{ $program->{pending} } = ();
        in_flight($program, 0, simple_request($program, $name, 'gzip'));
        remove($program, "$name.gz") || write_version($program, "$name.gz", 'new', 300);
    }
    return;
}

# A file is overwritten between two requests, with the same size and within a tick of the clock.
sub rewritten {
    my ($program) = @_;
    my $name = pick($program, 'big.bin', 'a.css', 'd/b.txt');
    my $size = pick($program, 300, 140_000);
    for my $round (0 .. 3) {
        @{ $program->{pending} } = ();
        write_version($program, $name, $round ? 'over' : 'new', $size);
        in_flight($program, 0, simple_request($program, $name, ''));
    }
    return;
}

sub step {
    my ($program) = @_;
    my $world = $program->{world};
    my $kind  = random($program, 100);
    $program->{step}++;
    $program->{in_place} = 0;
    @{ $program->{pending} } = ();
    set_fault($program, $world) if $world->{faults} && chance($program, 50);
    if ($kind < 25) {
        my $request = new_request($program);
        change($program, $request);
        in_flight($program, 0, $request);
    }
    elsif ($kind < 40) { in_flight($program, 0, new_request($program)) }
    elsif ($kind < 62) { in_flight($program, 1 + random($program, 2), new_request($program)) }
    elsif ($kind < 75) { in_part($program) }
    elsif ($kind < 85) { in_flight($program, random($program, 2), new_request($program), new_request($program)) }
    elsif ($kind < 90) { crowd($program) }
    elsif ($kind < 92) { slowly($program) }
    elsif ($kind < 94) { rewritten($program) }
    elsif ($kind < 97) { negotiated($program) }
    else               { overwritten($program) }
    end_fault($world) if $world->{faults};
    return;
}

# The program's names are requested before a rest and after it, so that the workers know them, and as settled.
sub request_all {
    my ($program) = @_;
    $program->{in_place} = 0;
    for my $path (qw(a.css d/b.txt page d/ ld/b.txt l.css big.bin)) {
        @{ $program->{pending} } = ();
        my $request = simple_request($program, $path, 'gzip');
        begin_request($program, $request);
        my $connection = kept($program);
        send_bytes($connection, $request->{bytes});
        receive($program, $connection, $request);
    }
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Programs and worlds

sub new_program {
    my ($world, $seed_of, $number) = @_;
    my $program = { world => $world, number => $number, seed => $seed_of, random => $seed_of & 0x7FFFFFFF, step => 0,
        versions => 0, trace => [], pending => [], kept => [], side => 0, ready => 0, burst => 0 };
    random($program, 2) for 1 .. 10;
    for my $site (@{ $world->{sites} }) {
        push @{ $program->{trees} }, { base => "$site/p$number", root => new_directory() };
        $program->{side} = $#{ $program->{trees} };
        mkdir "$site/p$number" or die "$site/p$number: $!";
        make_directory($program, 'd');
        make_directory($program, 'e') if chance($program, 60);
        make_link($program, 'ld', 'd') if chance($program, 60);
        make_link($program, 'l.css', 'a.css') if chance($program, 60);
        for my $name (qw(a.css d/b.txt page.html), (map { pick($program, @files) } 1 .. 3), pick($program, @encoded)) {
            write_version($program, $name, 'new', a_size($program));
            set_time($program, $name, 1_000_000_000) if chance($program, 30);
        }
    }
    return $program;
}

# Only root can remove directories that may not be entered.
sub make_removable { my ($site) = @_; chmod 0755, grep { -d && !-l } bsd_glob("$site/*"); return }

sub end_program {
    my ($program) = @_;
    for my $tree (@{ $program->{trees} }) {
        make_removable($tree->{base});
        remove_tree($tree->{base});
    }
    $_->{socket} and close $_->{socket} for @{ $program->{kept} };
    return;
}

# A part of a burst. False at the program's end.
sub run_some {
    my ($program) = @_;
    $program->{left} //= STEPS;
    request_all($program) if $program->{left} == STEPS && $program->{burst} > 0 && chance($program, 60);
    for (1 .. 7) {
        step($program) if $program->{left}-- > 0;
    }
    return 1 if $program->{left} > 0;
    return 0 if ++$program->{burst} == BURSTS;
    request_all($program);
    $program->{left}  = undef;
    $program->{ready} = time + REST;
    return 1;
}

my (@mounted, @sites);
my $owner = $$;
END {
    if ($owner && $owner == $$) {
        my $status = $?;
        make_removable($_) for map { bsd_glob("$_/p*") } @sites;
        system 'umount', '-l', $_ for reverse @mounted;
        $? = $status;
    }
}

sub mounted {
    my ($at, $command) = @_;
    return if system("PATH=\$PATH:/sbin:/usr/sbin; $command '$at' 2>/dev/null") != 0;
    push @mounted, $at;
    return $at;
}

# A new folder on the file system of that name, if it is one; undef if it can't be mounted.
sub folder_on {
    my ($name) = @_;
    my $folder = new_root() . "/$name";
    mkdir $folder or die $!;
    return $folder if $name !~ /\A(?:tmpfs|ramfs|overlay|ext4)\z/;
    return if !$ENV{TEST_OWN_MOUNTS};
    return mounted($folder, "mount -t $name -o mode=755 none") if $name =~ /mpfs|ramfs/;
    my $below = new_root() . '/below';
    mkdir $below or die $!;
    mounted($below, 'mount -t tmpfs -o mode=755 none') or return;
    mkdir "$below/$_", 0755 for qw(lower upper work);
    my $layers = "lowerdir='$below/lower',upperdir='$below/upper',workdir='$below/work'";
    return mounted($folder, "mount -t overlay -o $layers none") if $name eq 'overlay';
    my $image = "'$below/image'";
    mounted($folder, "truncate -s 400M $image && mkfs.ext4 -q $image && mount -o loop $image") or return;
    chmod 0755, $folder;
    return $folder;
}

# Each world is a server and its file system, with what happens there: [name, arguments and further members].
my @worlds = (
    ['here', args => ['-j', 2]],
    ['crashes', args => ['-j', 2], crashes => 1],
    ['roots', args => ['-j', 2], releases => 1],
    ['vfat', args => ['-j', 1], grain => 2, environment => [preload('times'), TIMES_GRAIN => 2]],
    ['slow-clock', args => ['-j', 1], grain => 1,
        environment => [preload('times', 'clock'), TIMES_GRAIN => 1, CLOCK_AHEAD => 5]],
    ['ramfs', args => ['-j', 1]],
    ['tmpfs', args => ['-j', 1]],
    ['overlay', args => ['-j', 1]],
    ['ext4', args => ['-j', 1]],
    ['faults', args => ['-j', 1], grain => 2, fault => 1],
);

sub begin_world {
    my ($name, %how) = @_;
    my $folder = folder_on($name) or return;
    my $world = { name => $name, folder => $folder, sites => [$folder], current => 0, %how, answered => 0 };
    my $root = $folder;
    my %environment = @{ $how{environment} || [] };
    if ($how{releases}) {
        @{ $world->{sites} } = map { "$folder/release-$_" } 0, 1;
        mkdir $_ or die $! for @{ $world->{sites} };
        symlink 'release-0', "$folder/current" or die $!;
        $root = "$folder/current";
    }
    if ($how{fault}) {
        $world->{faults} = put_file(new_root(), 'control', pack CONTROL, '', (0) x 6);
        chmod 0666, $world->{faults};
        # With coarse timestamps, and many short reads, mixtures of versions show.
        %environment = (preload('faults', 'times'), FAULTS => $world->{faults}, TIMES_GRAIN => $how{grain});
    }
    push @sites, @{ $world->{sites} };
    $world->{server} = Harness->start(root => $root, quiet => 0, args => $how{args},
        environment => \%environment);
    $world->{server}->expect_stderr($_) for qr/can't read '.*': (?:Device or r|R)esource busy$/m, qr/lines? of the access log/;
    $world->{server}->expect_stderr(qr/./) if $how{crashes} || $how{fault} || $how{releases};
    return $world;
}

# The model itself: `mv d e` between two lookups
{
    my $root = new_directory();
    my $answers = sub {
        my ($path, @moments) = @_;
        my %answers = map { ("$_->{status} " . ($_->{bytes} // '')) => 1 } answers_over(\@moments, $path, 'gzip', 0);
        return join ', ', sort keys %answers;
    };
    set_child($root, $_, new_directory()) for 'd', 'e';
    set_child($root, 'd/b.txt', new_file('original'))->{modified} = 2;
    set_child($root, 'd/b.txt.gz', new_file('encoded'))->{modified} = 1;
    my $before = snapshot($root, $root);
    set_child($root, 'e', take_child($root, 'd'));
    my $after = snapshot($root, $root);
    is($answers->('e/b.txt', $before), '404 ', 'model: before');
    is($answers->('e/b.txt', $after), '200 original', 'model: after: the encoded file is older');
    is($answers->('e/b.txt', $before, $after), '200 encoded, 200 original, 404 ',
        'model: in between: the original may have been missing');
    is($answers->('d/b.txt', $before, $after), '200 encoded, 200 original, 404 ', 'model: in between, in any order');
}

my @names  = map { $_->[0] } @worlds;
my %wanted = map { $_ => 1 } $ENV{WORLDS} ? split /,/, $ENV{WORLDS} : @names;
for my $name (sort keys %wanted) {
    BAIL_OUT("WORLDS: no world is called '$name'; there are: @names") if !grep { $_ eq $name } @names;
}
my @live;
my @running;
for my $world (grep { $wanted{ $_->[0] } } @worlds) {
    my $begun = begin_world(@$world);
    if (!$begun) {
        SKIP: { skip "$world->[0]: needs root, a mount namespace and this file system", 1 }
        next;
    }
    push @running, $begun;
}
my %number = map { $_->{name} => 0 } @running;
my $began = time;
my $programs = 0;
while (1) {
    for my $world (@running) {
        while ($number{ $world->{name} } < $rounds && grep({ $_->{world} == $world } @live) < LIVE) {
            my $number = $number{ $world->{name} }++;
            push @live, new_program($world, $seed + $number, $number);
            $programs++;
        }
    }
    last if !@live || @problems > 8;
    @live = sort { $a->{ready} <=> $b->{ready} } @live;
    my $program = shift @live;
    sleep $program->{ready} - time if $program->{ready} > time;
    if (run_some($program)) {
        $program->{ready} = time if $program->{ready} < time;
        push @live, $program;
    }
    else { end_program($program) }
}
for my $world (@running) {
    my @wrong = grep { /\A\Q$world->{name}\E, / } @problems;
    is(join("\n", @wrong), '', "$world->{name}: SEED=$seed, $number{ $world->{name} } programs: "
        . 'each response is right for a moment between its request and its end');
    my $unavailable = ($world->{status}{503} || 0) + ($world->{status}{500} || 0) + ($world->{status}{cut} || 0);
    cmp_ok($unavailable, '<', 20 + $world->{answered} / 20,
        "$world->{name}: $unavailable of $world->{answered} responses are missing or errors")
        if !$world->{faults} && !$world->{releases} && !$world->{crashes};
    diag("$world->{name}: " . join ' ', map { "$_ $world->{status}{$_}" } sort keys %{ $world->{status} })
        if $ENV{ROUNDS};
    $world->{server}->stop(lost => $world->{crashes} || $world->{releases} || $world->{faults} ? 1 : 0);
}
if ($ENV{ROUNDS}) {
    diag(sprintf '%d programs in %.1f s, %.1f s of CPU time', $programs, time - $began, (times)[0] + (times)[1]);
    diag(join ' ', map { "$_ " . ($calls{$_}[0] // 0) . '/' . ($calls{$_}[1] // 0) } sort keys %calls);
    diag(join ' ', map { "$_ $count{$_}" } sort keys %count);
}
responses_framed();
done_testing();
