# For the tests of "Never stale": ways to request a file, versions that show when they are mixed, and changes with the
# response that must follow them.
package Fresh;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use Harness;
use Test::More;
use Time::HiRes qw(sleep);

our @EXPORT = qw(described byte_of overwrite replace rounds settle);

# Describes a response: "c x 12" for a body of twelve times c, "mixed" for a body of more than one version.
sub described {
    my ($response) = @_;
    return 'no answer' if !$response;
    return 'redirected' if $response->{status} =~ /\A30[1278]\z/;
    return $response->{status} if $response->{status} ne '200';
    my $body = $response->{body};
    return 'empty' if $body eq '';
    my $byte = substr $body, 0, 1;
    return $body eq $byte x length $body ? "$byte x " . length $body : 'mixed';
}

sub byte_of { return chr(ord('a') + $_[0] % 26) }

# Overwrites a file in place: the same inode, the same size.
sub overwrite {
    my ($path, $bytes) = @_;
    open my $file, '+<:raw', $path or die "$path: $!";
    syswrite($file, $bytes) == length $bytes or die "$path: $!";
    close $file or die "$path: $!";
    return;
}

# Replaces a file by rename(2).
sub replace {
    my ($path, $bytes) = @_;
    my ($folder, $name) = $path =~ m{\A(.*)/([^/]*)\z}s;
    put_file($folder, "$name.next", $bytes);
    rename "$path.next", $path or die "$path: $!";
    return;
}

# Waits until everything that was requested before is settled: the file that is requested last shows it. A file settles
# only some seconds after its first request. `meanwhile` is work that changes no file.
sub settle {
    my ($server, $root, $meanwhile) = @_;
    put_file($root, 'settled/last.txt', 'l');
    utime 1_000_000_000, 1_000_000_000, "$root/settled/last.txt";
    $meanwhile->() if $meanwhile;
    ok(defined $server->dated('/settled/last.txt')->{field}{'last-modified'}, 'all files are settled');
    sleep 0.3; # some ticks more
    return;
}

# Makes a change and a request right after it, in many rounds. `change` returns the expected description.
sub rounds {
    my ($about, $count, $ask, $change, $describe) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $describe ||= \&described;
    my @wrong;
    my %etag;
    for my $round (1 .. $count) {
        my $expected = $change->($round);
        my $response = $ask->();
        my $got      = $describe->($response);
        push @wrong, "round $round: $got, not $expected" if $got ne $expected;
        # A strong validator never belongs to two versions (RFC 9110 8.8.1).
        my $etag = ($response || {})->{field}{etag};
        next if !defined $etag || $etag =~ m{\AW/};
        $got =~ s/ varies\z//;
        push @wrong, "round $round: $etag was that of $etag{$etag}" if ($etag{$etag} // $got) ne $got;
        $etag{$etag} = $got;
    }
    is(join("\n", splice @wrong, 0, 5), '', "$about: $count rounds, each response is the version of its time");
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Ways to request. Each returns one response; if several connections get different ones, one that describes the
# difference.

# A reader has one kept connection and `crowd` more, the same number from each of the server's workers.
sub reader {
    my ($class, $server, %how) = @_;
    my $self = bless { server => $server, crowd => [] }, $class;
    my @workers = $server->workers;
    for my $worker (@workers) {
        my @others = grep { $_ != $worker } @workers;
        kill 'STOP', @others;
        for my $other (@others) {
            eventually { slurp("/proc/$other/stat") =~ /\) T / };
        }
        my @sockets = map { $server->connection } 1 .. ($how{crowd} || 32) / @workers;
        for (@sockets) { $server->exchange(get_request('/'), socket => $_, count => 1) }
        push @{ $self->{crowd} }, @sockets;
        kill 'CONT', @others;
    }
    $self->{kept} = $server->connection;
    return $self;
}

sub kept {
    my ($self, @request) = @_;
    return $self->{server}->exchange(get_request(@request), socket => $self->{kept}, count => 1)->{responses}[0];
}

sub alone {
    my ($self, @request) = @_;
    return $self->{server}->get(@request);
}

sub one_of {
    my @responses = @_;
    my @told = map { !$_ ? 'no answer' : join ' ', $_->{status}, map { $_ // '-' } @{ $_->{field} }{qw(content-encoding vary)}, $_->{body} } @responses;
    my @other = grep { $told[$_] ne $told[0] } 0 .. $#told;
    return @other ? { status => 'one is ' . described($responses[0]) . ', another ' . described($responses[ $other[0] ]), field => {}, body => '' } : $responses[0];
}

sub pipelined {
    my ($self, @request) = @_;
    return one_of(@{ $self->{server}->exchange(get_request(@request) x 3, socket => $self->{kept}, count => 3)->{responses} }[0 .. 2]);
}

# All connections send before the first one reads.
sub crowd {
    my ($self, @request) = @_;
    my $request = get_request(@request);
    syswrite $_, $request for @{ $self->{crowd} };
    return one_of(map { $self->{server}->exchange('', socket => $_, count => 1)->{responses}[0] } @{ $self->{crowd} });
}

sub ask {
    my ($self, $round, @request) = @_;
    my $way = (qw(kept crowd pipelined alone))[$round % 4];
    return $self->$way(@request);
}

# Sends these requests twice on some of the connections, so that the store has everything. Returns the last responses.
sub prime {
    my ($self, @requests) = @_;
    my @last;
    for my $pass (1 .. 2) {
        for my $socket (@{ $self->{crowd} }[0, -1], $self->{kept}) {
            @last = ();
            for (my $at = 0; $at < @requests; $at += 50) {
                my @some = grep { defined } @requests[$at .. $at + 49];
                push @last, @{ $self->{server}->exchange(join('', @some), socket => $socket, count => scalar @some)->{responses} };
            }
        }
    }
    return @last;
}

# ---------------------------------------------------------------------------------------------------------
# Each change and its request come in the middle of a worker's turn, in which the worker has used the target before: it
# must not reuse that stat for a request that was sent after a response arrived. The worker is stopped while a whole
# turn's work piles up behind one request; after the response to that one the change is made, and the next request is
# sent while the worker is still busy with the others.
sub busy_rounds {
    my ($server, $root, $count, $describe, @changes) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    if (!-d "$root/busy") { put_file($root, "busy/$_", 'b' x 100_000) for 1 .. 100 }
    my ($worker) = $server->workers;
    my ($first, $late, @others) = map { $server->connection } 1 .. 102;
    my ($other, @unknown) = (0, @others);
    my %waiting = (
        'on a new connection'                                  => undef,
        'on a connection where nothing was waiting'            => '',
        'on a connection where an empty line was waiting'      => "\r\n",
        'on a connection where two empty lines were waiting'   => "\r\n\r\n",
        'on a connection where half an empty line was waiting' => "\r",
        'on a connection where another request was waiting'    => get_request('/busy/1'),
    );
    for my $change (@changes) {
        my ($about, $to_old, $to_new, $old, $new, $target, @fields) = @$change;
        my $request = get_request($target, @fields);
        for my $where (sort keys %waiting) {
            my $before = $waiting{$where};
            my $seen = '';
            rounds("$about while the worker is busy, asked $where", $count, sub {
                # Each connection is accepted, and none of the files is in the store.
                $server->exchange($request, socket => $_, count => 1) for $first, $late, splice @unknown;
                my $number = 0;
                utime 1 + $other, 1 + $other++, map { "$root/busy/$_" } 1 .. 100;
                kill 'STOP', $worker;
                eventually { slurp("/proc/$worker/stat") =~ /\) T / };
                syswrite $first, $request;
                syswrite $_, get_request('/busy/' . ++$number) for @others;
                my $knocking = defined $before ? undef : $server->connection; # an event of the listening socket as well
                syswrite $late, $before if defined $before;
                kill 'CONT', $worker;
                $seen = $describe->($server->exchange('', socket => $first, count => 1)->{responses}[0]);
                $to_new->();
                my $socket = defined $before ? $late : $server->connection;
                my $rest   = ($before // '') eq "\r" ? "\n" : '';
                my $answers  = ($before // '') =~ /GET/ ? 2 : 1;
                my $response = $server->exchange($rest . $request, socket => $socket, count => $answers)->{responses}[-1];
                for (@others) { $server->exchange('', socket => $_, count => 1) }
                return $response;
            }, sub {
                $to_old->();
                return "$old, then $new";
            }, sub { return "$seen, then " . $describe->($_[0]) });
        }
    }
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Changes of settled files. A case is { about, make => code that makes its files in a folder of its own, before => the
# description before the change, change => code that makes the change and returns the description after it, target =>
# the path to request there, fields => further field lines, copies }. All are made, settle, are requested, then changed
# one by one.
sub settled_changes {
    my ($how, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($root, $servers, $describe) = @$how{qw(root servers describe)};
    my @all;
    for my $number (0 .. $#cases) {
        my $case = $cases[$number];
        for my $copy (0 .. ($case->{copies} || 8) - 1) {
            my $one = { case => $case, copy => $copy, folder => "case-$number/$copy", dir => "$root/case-$number/$copy" };
            make_path($one->{dir});
            $case->{make}->($one->{dir}, $copy);
            $one->{before}  = ref $case->{before} ? $case->{before}->($one->{dir}, $copy) : $case->{before};
            $one->{request} = ["/$one->{folder}/$case->{target}", ref $case->{fields} ? $case->{fields}->($copy) : ()];
            push @all, $one;
        }
    }
    # The first server gets requests in all ways, the others on two connections to each of their workers.
    my ($first, @others) = @$servers;
    my @readers = (Fresh->reader($first), map { Fresh->reader($_, crowd => 2 * (my @workers = $_->workers)) } @others);
    my @requests = map { get_request(@{ $_->{request} }) } @all;
    $_->prime(@requests) for @readers;
    settle($servers->[0], $root, $how->{meanwhile});
    my @wrong;
    for my $reader (@readers) {
        my @primed = $reader->prime(@requests);
        for my $n (0 .. $#all) {
            my $got = $describe->($primed[$n]);
            push @wrong, "$all[$n]{case}{about}: $got, not $all[$n]{before}" if $got ne $all[$n]{before};
        }
    }
    is(join("\n", splice @wrong, 0, 5), '', scalar(@all) . ' settled cases: the responses before the changes');

    for my $case (@cases) {
        my @copies = grep { $_->{case} == $case } @all;
        my @wrong;
        for my $one (@copies) {
            my ($reader, @others) = @readers;
            my @request = @{ $one->{request} };
            # The latest request stays in the store, even if that is small.
            $reader->kept(@request);
            $_->crowd(@request) for @others;
            my $expected = $case->{change}->($one->{dir}, $one->{copy});
            my @got = ($reader->ask($one->{copy}, @request), map { $_->crowd(@request) } @others);
            push @got, $reader->kept(@request), map { $_->crowd(@request) } @others; # once more
            push @wrong, "copy $one->{copy}, " . (qw(kept crowd pipelined alone))[ $one->{copy} % 4 ] . ": $_, not $expected"
                for grep { $_ ne $expected } map { $describe->($_) } @got;
        }
        is(join("\n", splice @wrong, 0, 5), '', "$case->{about}: @{[scalar @copies]} settled copies, each response is the version of its time");
    }
    return;
}

1;
