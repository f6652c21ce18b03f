# Bounds: files that change while they are read, endless missing paths, more files than the store holds, few
# descriptors, thousands of connections. No unbounded growth, no stale response, no crash.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fresh;
use Harness;
use POSIX ();
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_LINGER INADDR_LOOPBACK pack_sockaddr_in);
use Test::More;
use Time::HiRes qw(time sleep);


use constant MIB => 1 << 20;

my $told = is_sanitized() ? 'memory is not told under a sanitizer' : '';

# The private anonymous memory of a process in bytes, without the pages that it shares with its master since the fork.
sub own_memory {
    my ($pid) = @_;
    my $rollup = slurp("/proc/$pid/smaps_rollup");
    my ($dirty) = $rollup =~ /^Private_Dirty:\s+(\d+) kB/m;
    return defined $dirty ? $dirty * 1024 : resident_bytes($pid);
}

sub memory_grows_by_less {
    my ($before, $after, $most, $about) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    SKIP: {
        skip $told, 1 if $told;
        note(sprintf '%s: from %.2f to %.2f MiB', $about, $before / MIB, $after / MIB);
        cmp_ok($after - $before, '<', $most, sprintf "$about: memory grows by less than %s", $most < MIB ? "$most bytes" : $most / MIB . ' MiB');
    }
    return;
}

# Requests in pipelines of a hundred, without the harness's checks, for speed: calls the code with the status and the
# body of each.
sub ask_for_all {
    my ($server, $targets, $code, @fields) = @_;
    my $socket = $server->connection;
    my $buffer = '';
    for (my $at = 0; $at < @$targets; $at += 100) {
        my @some = grep { defined } @$targets[$at .. $at + 99];
        syswrite $socket, join '', map { get_request($_, @fields) } @some;
        for my $target (@some) {
            my $end;
            while (($end = index $buffer, "\r\n\r\n") < 0) { sysread $socket, $buffer, 1 << 18, length $buffer or return $code->($target, 'closed', '') }
            my $head = substr $buffer, 0, $end + 4, '';
            my ($status, $length) = $head =~ m{\AHTTP/1\.1 (\d{3}) .*\r\ncontent-length: (\d+)\r\n}si or return $code->($target, 'no head', '');
            while (length $buffer < $length) { sysread $socket, $buffer, 1 << 18, length $buffer or return $code->($target, 'closed', '') }
            $code->($target, $status, substr $buffer, 0, $length, '');
        }
    }
    close $socket;
    return;
}

# Sets the limit of descriptors of a process, or of this one. Returns the old limit; undef if it can't be set.
sub limit_descriptors {
    my ($limit, $hard) = @_;
    return if !have('prlimit');
    my $before = `prlimit --nofile --noheadings --raw --output=SOFT --pid $$`;
    chomp $before;
    return system("prlimit --nofile=$limit:@{[$hard // '']} --pid $$ 2>/dev/null") == 0 ? $before : undef;
}

# The number of a worker's descriptors of a kind
sub descriptors_of {
    my ($pid, $kind) = @_;
    opendir my $folder, "/proc/$pid/fd" or return -1;
    return scalar grep { (readlink("/proc/$pid/fd/$_") // '') =~ $kind } readdir $folder;
}

# A connection that costs the client little and leaves no TIME_WAIT when it is closed.
sub light_connection {
    my ($port) = @_;
    socket my $socket, AF_INET, SOCK_STREAM, 0 or return;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    connect $socket, pack_sockaddr_in($port, INADDR_LOOPBACK) or return;
    return $socket;
}

# Missing paths: in the root, in missing and in existing directories, below a file, very long ones, and with
# Accept-Encoding.
{
    my $root = new_root();
    put_file($root, 'file.txt', 'f');
    put_file($root, "there/$_/file.txt", 't') for 1 .. 50;
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    SKIP: {
        skip $told, 1 if $told;
        cmp_ok(own_memory($worker), '<', 2 * MIB, 'a new worker has less than 2 MiB of private memory');
    }
    my @forms = (
        sub { "/missing-$_[0]" },
        sub { "/directory-$_[0]/file.txt" },
        sub { "/directory-$_[0]/a/b/c/" },
        sub { '/there/' . ($_[0] % 50 + 1) . "/missing-$_[0].css" },
        sub { "/file.txt/under-$_[0]" },
        sub { '/' . join '/', ('long' x 50 . $_[0]) x 10 },
        sub { "/there/directory-$_[0]" },
        sub { "/missing-$_[0].css.gz" },
    );
    my (%status, %memory);
    for my $stage ([1, 3000], [3001, 10_000], [10_001, 30_000]) {
        my ($first, $last) = @$stage;
        for my $coding ('gzip', 'gzip, br, zstd;q=0.5') {
            my @targets = map { $forms[$_ % @forms]->($_) } grep { $_ % 2 == length($coding) % 2 } $first .. $last;
            ask_for_all($server, \@targets, sub { $status{ $_[1] }++ }, "Accept-Encoding: $coding");
        }
        $memory{$last} = own_memory($worker);
    }
    is(join(' ', map { "$status{$_} x $_" } sort keys %status), '30000 x 404', '30,000 missing paths: 404');
    memory_grows_by_less($memory{3000}, $memory{10_000}, MIB, 'missing paths, the 3,001st to the 10,000th');
    memory_grows_by_less($memory{3000}, $memory{30_000}, MIB, 'missing paths, the 3,001st to the 30,000th');

    # The server must not remember any of them as missing.
    my @wrong;
    for my $number (29_900 .. 29_999) {
        my $name = $forms[0]->($number);
        put_file($root, $name, $number);
        push @wrong, $name if $server->get($name)->{body} ne $number;
    }
    is("@wrong", '', 'missing paths that are created then: served');
    $server->stop;
}

# More small files than the store holds, in many directories. Hard links are enough, as the store keeps paths.
{
    my $root = new_root();
    my ($count, $folders, $kinds, $began) = (20_000, 500, 17, time);
    my $name_of = sub { my ($number) = @_; return sprintf '%d/%d.txt', $number % $folders, $number };
    mkdir "$root/$_" or die $! for 0 .. $folders - 1;
    for my $number (0 .. $count - 1) {
        my $kind = $number % $kinds;
        put_file($root, "kind-$kind", "file $kind") if $number < $kinds;
        link "$root/kind-$kind", "$root/" . $name_of->($number) or die $!;
    }
    note(sprintf '%d links made in %.1f s', $count, time - $began);
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my $start = own_memory($worker);
    my (@wrong, @memory);
    for my $stage ([0, 16_999], [17_000, $count - 1], [0, $count - 1]) {
        my @targets = map { '/' . $name_of->($_) } $stage->[0] .. $stage->[1];
        ask_for_all($server, \@targets, sub {
            my ($target, $status, $body) = @_;
            my ($number) = $target =~ /(\d+)\.txt/;
            push @wrong, "$target: $status" if $status ne '200' || $body ne 'file ' . $number % $kinds;
        });
        push @memory, own_memory($worker);
    }
    is(join("\n", splice @wrong, 0, 5), '', "$count small files, each requested twice: each body is right");
    memory_grows_by_less($start, $memory[0], 40 * MIB, 'the first 17,000 small files');
    memory_grows_by_less($memory[0], $memory[2], MIB, 'the later small files, and all a second time');
    for my $number (0, 9, 16_999, $count - 1) {
        replace("$root/" . $name_of->($number), "new $number"); # this one, and not the other links
        is($server->get('/' . $name_of->($number))->{body}, "new $number", "small file $number is replaced: the next response has it");
    }
    $server->stop;
}

# More bytes than the store holds: 120 KiB a file
{
    my $root = new_root();
    my ($count, $bytes) = (1000, 120 * 1024);
    my @letter = 'a' .. 'j';
    put_file($root, $_, $_ x $bytes) for @letter;
    for my $number (1 .. $count) { link "$root/$letter[$number % 10]", "$root/$number.txt" or die $! }
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my $start = own_memory($worker);
    my @wrong;
    ask_for_all($server, [map { "/$_.txt" } 1 .. $count], sub {
        my ($target, $status, $body) = @_;
        my ($number) = $target =~ /(\d+)\.txt/;
        push @wrong, "$target: $status" if $status ne '200' || $body ne $letter[$number % 10] x $bytes;
    });
    is(join("\n", splice @wrong, 0, 5), '', "$count files of 120 KiB: each is whole");
    memory_grows_by_less($start, own_memory($worker), (64 + 8) * MIB, "$count files of 120 KiB");
    $server->stop;
}

# Few descriptors: the store keeps large files open, connections and directories need descriptors as well
SKIP: {
    have('prlimit') or skip 'no prlimit', 1;
    my $limit = 64;
    my $root  = new_root();
    my $size  = 140_000;
    for my $number (1 .. 300) {
        my $path = put_file($root, "$number/large.bin", sprintf 'large %08d', $number);
        truncate $path, $size or die $!;
        put_file($root, "$number/small.txt", "small $number");
        put_file($root, "$number/small.txt.gz", "coded $number");
    }
    my $server = Harness->start(root => $root, args => ['-j', '1'], before => sub {
        system('prlimit', "--nofile=$limit:$limit", '--pid', $$) == 0 or POSIX::_exit(125);
    });
    my ($worker) = $server->workers;
    my @wrong;
    my $judge = sub {
        my ($target, $status, $body) = @_;
        my ($number) = $target =~ m{\A/(\d+)/};
        my $right = $target =~ /small/ ? "coded $number" : sprintf('large %08d', $number) . "\0" x ($size - 14);
        push @wrong, "$target: $status" if $status ne '200' || $body ne $right;
    };
    my @targets = map { ("/$_/large.bin", "/$_/small.txt") } 1 .. 300;
    for my $pass (1, 2) { ask_for_all($server, \@targets, $judge, 'Accept-Encoding: gzip') }
    is(join("\n", splice @wrong, 0, 5), '', "300 large files on $limit descriptors, twice: each body is right");

    # More idle connections than descriptors: the server closes files, then idle connections, for new ones.
    my (@sockets, @refused);
    for my $number (1 .. 200) {
        my $socket = connect_to('127.0.0.1', $server->port);
        my $result = $socket && $server->exchange(get_request("/$number/large.bin"), socket => $socket, count => 1);
        my $body   = $result && $result->{responses}[0] ? $result->{responses}[0]{body} : '';
        push @refused, $number if $body ne sprintf('large %08d', $number) . "\0" x ($size - 14);
        push @sockets, $socket;
    }
    is("@refused", '', "200 connections on $limit descriptors, opened one after the other and never closed: each is served");
    my @late;
    for (1 .. 150) {
        my $socket = connect_to('127.0.0.1', $server->port) or next;
        syswrite $socket, get_request('/7/small.txt', 'Connection: close');
        push @late, $socket;
    }
    my $served = grep { my $result = $server->exchange('', socket => $_); ($result->{responses}[0] || { body => '' })->{body} eq 'small 7' } @late;
    is($served, 150, "150 more connections at once on $limit descriptors: each is served");
    close $_ for grep { $_ && $_->opened } @sockets, @late;
    # And the four channels to other workers.
    ok(eventually(sub { descriptors_of($worker, qr/\Asocket:/) <= 6 }), 'after the clients have left: only the listening socket stays open, and the five to other processes');
    ask_for_all($server, \@targets, $judge, 'Accept-Encoding: gzip');
    is(join("\n", splice @wrong, 0, 5), '', 'after the clients have left: each body is right');
    replace("$root/9/large.bin", 'n' x $size);
    is(described($server->get('/9/large.bin')), "n x $size", 'after the clients have left: a change is in the next response');
    is(descriptors_of($worker, qr{\A\Q$root\E/.*\(deleted\)\z}), 0, 'the worker does not keep replaced files open');
    $server->expect_stderr(qr/descriptor|files|connections/i);
    $server->stop;
}

# A file that grows and shrinks while the server reads it, also across the size up to which the store keeps bytes. Each
# byte shows its offset, so any body must be the beginning of the whole content. (A body above that size may have zeros,
# as the kernel clears the rest of a page when a file is truncated.)
{
    my $root   = new_root();
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    $server->expect_stderr(qr{\Atinyhttpd: can't read '/restless\.bin': (?:Device or r|R)esource busy$}m); # a 503
    my $all    = noise(300_000, 'all');
    put_file($root, 'restless.bin', '');
    put_file($root, 'calm.txt', 'calm');
    my $parent = $$;
    my $writer = fork // die $!;
    if (!$writer) {
        open my $file, '+<:raw', "$root/restless.bin" or POSIX::_exit(1);
        for (my $round = 0; getppid() == $parent; $round++) {
            # At times it is emptied and filled without a pause, so that it ends before Content-Length is reached.
            my $size = $round % 200 < 100 ? ($round % 2 ? 131_072 : 0) : (131_072, 131_073, 1000, 300_000, 0, 100_000, 131_071)[$round % 7];
            my $now  = -s $file;
            truncate $file, $size if $size < $now;
            sysseek $file, $now, 0;
            syswrite $file, substr $all, $now, $size - $now if $size > $now;
            sleep 0.0005 if $round % 200 >= 100 && $round % 5 == 0;
        }
        POSIX::_exit(0);
    }
    my (@wrong, %outcome, %length);
    my $socket;
    for my $round (1 .. 3000) {
        $socket = $server->connection if !$socket;
        my $result = $server->exchange(get_request('/restless.bin'), socket => $socket, count => 1, lenient => 1);
        undef $socket if $result->{closed};
        my $response = $result->{responses}[0];
        my $outcome  = $response ? $response->{status} : $result->{closed} ? 'cut' : 'hangs';
        $outcome{$outcome}++;
        push @wrong, $outcome if $outcome !~ /\A(?:200|503|cut)\z/;
        next if $outcome ne '200';
        my $length = length $response->{body};
        $length{$length} = 1;
        push @wrong, "$length bytes that are not the first" if $length <= 131_072 && $response->{body} ne substr $all, 0, $length;
        push @wrong, "$outcome of the other file" if $round % 100 == 0 && $server->get('/calm.txt')->{body} ne 'calm';
    }
    kill 'KILL', $writer;
    waitpid $writer, 0;
    note(join ', ', map { "$_: $outcome{$_}" } sort keys %outcome);
    is(join("\n", splice @wrong, 0, 5), '', 'a file that changes while it is read: whole, refused or cut off, never with other bytes');
    cmp_ok($outcome{200} || 0, '>', 300, 'a file that changes while it is read: more than 300 responses are whole');
    cmp_ok(scalar keys %length, '>', 2, 'a file that changes while it is read: responses of more than two lengths');
    replace("$root/restless.bin", 'r' x 131_072);
    is(described($server->get('/restless.bin')), 'r x 131072', 'a file that no longer changes: its last version');
    $server->stop;
}

# Thousands of idle connections
SKIP: {
    my $count  = 8000;
    my $before = limit_descriptors($count + 500);
    skip "descriptors are too few for $count connections", 1 if !defined $before;
    my $root = new_root();
    put_file($root, 'file.txt', 'f' x 100);
    my $server  = Harness->start(root => $root, args => ['-j', '1', '--log', 'off', '--keep-alive', '3600']);
    my ($worker) = $server->workers;
    my $request = get_request('/file.txt');
    my $ask     = sub {
        my ($socket) = @_;
        syswrite $socket, $request or return 0;
        my $raw = '';
        1 while $raw !~ /\r\n\r\nf{100}\z/ && sysread $socket, $raw, 4096, length $raw;
        return $raw =~ m{\AHTTP/1\.1 200 } && $raw =~ /\r\n\r\nf{100}\z/;
    };
    $ask->(light_connection($server->port)) for 1 .. 50;
    my $start   = own_memory($worker);
    my @sockets = map { light_connection($server->port) // () } 1 .. $count;
    my $served  = grep { $ask->($_) } @sockets;
    is($served, $count, "$count connections: each is served");
    my $bytes = own_memory($worker) - $start;
    note(sprintf '%.0f bytes each', $bytes / $count);
    memory_grows_by_less($start, $start + $bytes, 256 * $count, "$count idle connections, 256 bytes each");
    is(scalar(grep { $ask->($_) } @sockets[0, $count / 2, $count - 1]), 3, "$count idle connections: the first, the last and one between are served again");
    close $_ for @sockets;
    @sockets = map { light_connection($server->port) // () } 1 .. $count;
    is(scalar(grep { $ask->($_) } @sockets), $count, "$count more connections after these are closed: each is served");
    memory_grows_by_less($start, own_memory($worker), 256 * $count, "$count more idle connections, 256 bytes each");
    close $_ for @sockets;
    $server->stop;
    limit_descriptors($before);
}

responses_framed();
done_testing();
