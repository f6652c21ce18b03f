# Never stale: a response shows the disk at some moment after its request was sent. Files change without pauses, because
# a change within one tick of the clock is easily missed.
#
# Each version of a file is one byte repeated, so that a body made of two versions shows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fresh;
use Harness;
use POSIX ();
use Test::More;


my $root   = new_root();
my $server = Harness->start(root => $root, args => ['-j', '1']); # one worker, so that its store is always the one in use

# A connection that is kept as long as it is used; the server closes idle ones after 75 s.
my ($kept, $used);

sub kept {
    $kept = $server->connection if !defined $used || time - $used > 50;
    $used = time;
    return $kept;
}

# Created now, so that they are settled at the end of this file
my @year_sizes = (100, 200_000);
my %year       = (2400 => 13_569_465_600, 2262 => 9_223_372_037, 1901 => -2_147_400_000, 1969 => -1);
for my $size (@year_sizes) {
    for my $year (keys %year) { utime $year{$year}, $year{$year}, put_file($root, "year-$year-$size", 'y' x $size) }
}

sub on_kept_connection { return $server->exchange(get_request($_[0]), socket => kept(), count => 1)->{responses}[0] }
sub on_new_connection  { return $server->get($_[0]) }

sub pipelined {
    my $both = $server->exchange(get_request($_[0]) x 2, socket => kept(), count => 2)->{responses};
    return described($both->[0]) eq described($both->[1]) ? $both->[1] : { status => 'two that differ' };
}

# The second of two requests is cut in the middle; the file changes when the first is answered.
sub rewritten_between {
    my ($name, $change) = @_;
    my $request = get_request("/$name");
    my $cut     = 3 + int rand length($request) - 4;
    my $first   = $server->exchange($request . substr($request, 0, $cut), socket => kept(), count => 1);
    $change->();
    my $second = $server->exchange(substr($request, $cut), socket => $kept, count => 1);
    return $second->{responses}[0];
}

# The same size and inode: only the timestamps show the change.
for my $size (2000, 200_000) {
    my $name = "same-$size";
    put_file($root, $name, 'z' x $size);
    my $change = sub { overwrite("$root/$name", byte_of($_[0]) x $size); return byte_of($_[0]) . " x $size" };
    my $few    = $size > 100_000;
    rounds("rewritten in place, $size bytes, one connection",  $few ? 60 : 400, sub { on_kept_connection("/$name") }, $change);
    rounds("rewritten in place, $size bytes, new connections", $few ? 20 : 60,  sub { on_new_connection("/$name") },  $change);
    rounds("rewritten in place, $size bytes, two pipelined",   $few ? 30 : 200, sub { pipelined("/$name") },          $change);
    my $round = 0;
    rounds("rewritten in place, $size bytes, while a request is on its way", $few ? 30 : 200,
        sub { rewritten_between($name, sub { $change->($round) }) },
        sub { $round = $_[0]; return byte_of($round) . " x $size" });
}

# The mtime is set back each time, as rsync and reproducible builds do.
{
    put_file($root, 'set-back', 'z' x 1000);
    rounds('rewritten in place, with the same mtime again', 200, sub { on_kept_connection('/set-back') }, sub {
        overwrite("$root/set-back", byte_of($_[0]) x 1000);
        utime 1_000_000_000, 1_000_000_000, "$root/set-back";
        return byte_of($_[0]) . ' x 1000';
    });
}

# Replaced, as editors and build tools do
rounds('renamed over', 300, sub { on_kept_connection('/renamed') }, sub {
    put_file($root, 'next', byte_of($_[0]) x 1000);
    rename "$root/next", "$root/renamed" or die $!;
    return byte_of($_[0]) . ' x 1000';
});
rounds('renamed to and fro', 200, sub { on_kept_connection('/here') }, sub {
    my ($round) = @_;
    put_file($root, 'odd',  'o' x 1000) if $round == 1;
    put_file($root, 'even', 'e' x 1000) if $round == 1;
    rename "$root/here", $round % 2 ? "$root/even" : "$root/odd" if $round > 1;
    rename $round % 2 ? "$root/odd" : "$root/even", "$root/here" or die $!;
    return $round % 2 ? 'o x 1000' : 'e x 1000';
});

# 32 connections send a request right after the change: each gets the new version.
{
    my $reader = Fresh->reader($server);
    for my $size (2000, 150_000) {
        put_file($root, "crowd-$size", 'z' x $size);
        rounds("rewritten in place, $size bytes, 32 connections", 40, sub { $reader->crowd("/crowd-$size") }, sub {
            overwrite("$root/crowd-$size", byte_of($_[0]) x $size);
            return byte_of($_[0]) . " x $size";
        });
    }
    rounds('renamed over, 32 connections', 60, sub { $reader->crowd('/crowd') }, sub {
        replace("$root/crowd", byte_of($_[0]) x 1000);
        return byte_of($_[0]) . ' x 1000';
    });
    rounds('deleted and created, 32 connections', 60, sub { $reader->crowd('/crowd') }, sub {
        put_file($root, 'crowd', byte_of($_[0]) x 1000) if $_[0] % 2;
        unlink "$root/crowd" if !($_[0] % 2);
        return $_[0] % 2 ? byte_of($_[0]) . ' x 1000' : 404;
    });
}

# Created and deleted
for my $size (1000, 200_000) {
    rounds("deleted and created, $size bytes", 200, sub { on_kept_connection('/comes') }, sub {
        my ($round) = @_;
        if ($round % 2) {
            put_file($root, 'comes', byte_of($round) x $size);
            return byte_of($round) . " x $size";
        }
        unlink "$root/comes" or die $!;
        return 404;
    });
    unlink "$root/comes";
}

# Shorter, longer, and across the size up to which the store keeps bytes
rounds('truncated and grown', 200, sub { on_kept_connection('/size') }, sub {
    my ($round) = @_;
    my $size = (1000, 999, 1, 0, 1001, 100_000, 140_000, 300_000, 131_072, 131_073)[$round % 10];
    put_file($root, 'size', byte_of($round) x $size);
    return $size ? byte_of($round) . " x $size" : 'empty';
});
rounds('truncated in place', 200, sub { on_kept_connection('/cut') }, sub {
    my ($round) = @_;
    put_file($root, 'cut', 'c' x 1000) if $round == 1;
    my $size = 1000 - 4 * $round;
    truncate "$root/cut", $size or die $!;
    return "c x $size";
});
rounds('grown in place', 200, sub { on_kept_connection('/grown') }, sub {
    open my $file, '>>:raw', "$root/grown" or die $!;
    syswrite $file, 'g' x 10;
    return 'g x ' . 10 * $_[0];
});

# Symbolic links: a target inside the root is served, one outside is 404
{
    my $outside = new_root();
    put_file($root,    'inside/one', 'i' x 500);
    put_file($root,    'inside/two', 'j' x 500);
    put_file($outside, 'one',        's' x 500);
    my @target = (['inside/one', 'i x 500'], ["$outside/one", 404], ['inside/two', 'j x 500'], ['nowhere', 404]);
    rounds('a symbolic link switched inside and out', 200, sub { on_kept_connection('/link') }, sub {
        my ($target, $expected) = @{ $target[$_[0] % @target] };
        symlink $target, "$root/next-link" or die $!;
        rename "$root/next-link", "$root/link" or die $!;
        return $expected;
    });
    rounds('a symbolic link to a directory, switched inside and out', 200, sub { on_kept_connection('/folder/one') }, sub {
        my ($round) = @_;
        symlink $round % 2 ? 'inside' : $outside, "$root/next-link" or die $!;
        rename "$root/next-link", "$root/folder" or die $!;
        return $round % 2 ? 'i x 500' : 404;
    });
}

# A directory renamed
put_file($root, 'left/file',  'l' x 700);
put_file($root, 'right/file', 'r' x 700);
rounds('a directory renamed', 201, sub { on_kept_connection('/place/file') }, sub {
    my @renames = ([['place', 'right']], [['left', 'place']], [['place', 'left'], ['right', 'place']]);
    for my $pair (@{ $renames[$_[0] % 3] }) {
        next if !-e "$root/$pair->[0]"; # in the very first rounds
        rename "$root/$pair->[0]", "$root/$pair->[1]" or die $!;
    }
    return (404, 'l x 700', 'r x 700')[$_[0] % 3];
});

# A file that becomes a directory, and one that appears where a listing or a redirect was
rounds('a file, then a directory, then a file', 100, sub { on_kept_connection('/kind') }, sub {
    my ($round) = @_;
    if ($round % 2) {
        rmdir "$root/kind";
        put_file($root, 'kind', byte_of($round) x 100);
        return byte_of($round) . ' x 100';
    }
    unlink "$root/kind";
    mkdir "$root/kind" or die $!;
    return 'redirected';
});
rounds('an index page comes and goes', 100, sub { on_kept_connection('/pages/') }, sub {
    my ($round) = @_;
    put_file($root, 'pages/index.html', byte_of($round) x 100) if $round % 2;
    unlink "$root/pages/index.html" if !($round % 2);
    return $round % 2 ? byte_of($round) . ' x 100' : 404;
});

# One stat may serve all requests that waited together, but none that was sent after a response arrived.
put_file($root, 'turn', 'z' x 1000);
Fresh::busy_rounds($server, $root, 12, \&described, ['a file changed', sub { overwrite("$root/turn", 'y' x 1000) },
    sub { overwrite("$root/turn", 'n' x 1000) }, 'y x 1000', 'n x 1000', '/turn']);

# Several requests wait when the worker wakes, one of them without its last bytes. These arrive after the response to
# another one and after a change. Downloads between the two keep the worker busy.
{
    my ($worker) = $server->workers;
    put_file($root, 'between', noise(1 << 20, 'between'));
    my ($first, $late, @others) = map { $server->connection(receive => 4 << 20) } 1 .. 150;
    my $request = get_request('/late');
    my @answers;
    for my $round (1 .. 5) {
        my ($old, $new) = map { byte_of(2 * $round + $_) } 0, 1;
        replace("$root/late", $old x 1000);
        $server->exchange($request, socket => $_, count => 1) for $first, $late, @others;
        kill 'STOP', $worker;
        syswrite $first, $request;
        syswrite $_, get_request('/between') for @others;
        syswrite $late, substr $request, 0, -3;
        kill 'CONT', $worker;
        $server->exchange('', socket => $first, count => 1);
        replace("$root/late", $new x 1000);
        my $answer = $server->exchange(substr($request, -3), socket => $late, count => 1)->{responses}[0];
        push @answers, described($answer) eq "$new x 1000" ? 'new' : described($answer);
        $server->exchange('', socket => $_, count => 1) for @others;
    }
    is("@answers", join(' ', ('new') x 5), 'a request that is completed after a change gets the new file, although others got the old one in the same turn');
}

# Permissions: root may read everything, so the server runs as another user.
SKIP: {
    my $as = without_privileges();
    skip 'no setpriv, or the program is out of another user\'s reach', 7 if !$as;
    my $other  = Harness->start(root => $root, quiet => 1, args => ['-j', '1'], as => $as);
    my $socket = $other->connection;
    put_file($root, 'mode', 'm' x 1000);
    put_file($root, 'locked/file', 'f' x 1000);
    my $ask = sub { return $other->exchange(get_request($_[0]), socket => $socket, count => 1)->{responses}[0] };
    rounds('a file\'s permission taken and given', 200, sub { $ask->('/mode') }, sub {
        chmod $_[0] % 2 ? 0644 : 0, "$root/mode";
        return $_[0] % 2 ? 'm x 1000' : 404;
    });
    rounds('a directory\'s permission taken and given', 200, sub { $ask->('/locked/file') }, sub {
        chmod $_[0] % 2 ? 0755 : 0, "$root/locked";
        return $_[0] % 2 ? 'f x 1000' : 404;
    });
    chmod 0755, "$root/locked";
    $other->stop;
}

# While another process replaces a file without a pause, every response is one whole version.
{
    my @versions = map { [byte_of($_), (1000, 20_000, 150_000, 70_000)[$_ % 4]] } 0 .. 7;
    put_file($root, "version-$_", $versions[$_][0] x $versions[$_][1]) for 0 .. $#versions;
    link "$root/version-0", "$root/racing" or die $!;
    my $parent = $$;
    my $pid = fork // die $!;
    if (!$pid) {
        for (my $round = 0; getppid() == $parent; $round++) {
            my $number = $round % @versions;
            link "$root/version-$number", "$root/racing-next";
            rename "$root/racing-next", "$root/racing";
            unlink "$root/racing-next"; # rename(2) does nothing if both names are links to the same file
        }
        POSIX::_exit(0);
    }
    my %known = map { ("$_->[0] x $_->[1]" => 1) } @versions;
    $server->expect_stderr(qr{\Atinyhttpd: can't read '/racing': (?:Device or r|R)esource busy$}m); # a 503
    my @wrong = grep { !$known{$_} } map { described(on_kept_connection('/racing')) } 1 .. 300;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    # The server answers 503 if the file changed during every attempt to read it.
    is(join(' ', grep { $_ ne '503' } @wrong), '', 'replaced without a pause: each of 300 responses is one whole version, or a 503');
    cmp_ok(scalar @wrong, '<', 150, 'replaced without a pause: fewer than half are a 503');
}

# Times that do not fit into 64 bits of nanoseconds, or are before 1970. The ETag of a large file is made of its times,
# once they are old enough to be trusted.
for my $size (@year_sizes) {
    for my $year (sort keys %year) {
        SKIP: {
            my $name = "year-$year-$size";
            skip "this file system has no $year", 3 if (stat "$root/$name")[9] != $year{$year};
            my $response = on_kept_connection("/$name");
            is(described($response), "y x $size", "a file of $year, $size bytes: served");
            is($response->{field}{'last-modified'}, undef,
                "a file of $year, $size bytes: no Last-Modified in the future or out of range (RFC 9110 8.8.2.1)");
            ok(eventually(sub { defined on_new_connection("/$name")->{field}{etag} }), "a file of $year, $size bytes: an ETag");
        }
    }
}

responses_framed();
$server->stop;
done_testing();
