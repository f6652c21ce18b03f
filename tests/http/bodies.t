# Response bodies of every size: exact to the byte, to slow and fast readers, while files change (RFC 9110 8.6, RFC 9112
# 6.2 and 8).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5;
use File::Basename qw(dirname);
use Fcntl qw(SEEK_SET);
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);


my $root   = new_root();
my $server = Harness->start(root => $root, args => ['-j', '1']); # one worker: a client that blocks it delays all

# Reads one response from a socket without keeping its body: (head, bytes of body read, MD5 of them, first 16
# bytes, last 16 bytes). Stops when the body is whole or the connection ends.
sub read_body {
    my ($socket) = @_;
    my ($head, $digest, $count, $length, $tail) = ('', Digest::MD5->new, 0, undef, '');
    my $buffer;
    while (!defined $length || $count < $length) {
        my $got = sysread $socket, $buffer, 1 << 20;
        last if !$got;
        if (!defined $length) {
            $head .= $buffer;
            my $end = index $head, "\r\n\r\n";
            next if $end < 0;
            $buffer = substr $head, $end + 4;
            substr $head, $end + 4, length($head), '';
            ($length) = $head =~ /^Content-Length: (\d+)\r$/mi;
            last if !defined $length;
        }
        $count += length $buffer;
        $digest->add($buffer) if $length < 1 << 30;
        $tail = substr $tail . $buffer, -16;
    }
    return { head => $head, length => $length, count => $count, digest => $digest->hexdigest, tail => $tail };
}

# Sizes around the likely bounds of a server: buffers, the store's limit, pages, windows
{
    my @sizes = (0, 1, 2, 15, 4095, 4096, 4097);
    push @sizes, map { ($_ * 1024 - 1, $_ * 1024, $_ * 1024 + 1) } 8, 16, 32, 64, 128, 256, 512, 1024;
    push @sizes, 5_000_011, 20_000_003;
    my %digest;
    for my $size (@sizes) {
        my $bytes = noise($size, $size);
        $digest{$size} = Digest::MD5::md5_hex($bytes);
        put_file($root, "size-$size.bin", $bytes);
    }
    my (@wrong, @wrong_again);
    for my $size (@sizes) {
        my $response = $server->get("/size-$size.bin");
        push @wrong, $size
            if $response->{status} != 200 || $response->{field}{'content-length'} != $size
            || Digest::MD5::md5_hex($response->{body}) ne $digest{$size};
    }
    is("@wrong", '', 'each size on a connection of its own');

    # All of them in one pipeline: a wrong length would break the next head.
    my $result = $server->exchange(join('', map { get_request("/size-$_.bin") } @sizes), count => scalar @sizes);
    for my $n (0 .. $#sizes) {
        my $response = $result->{responses}[$n];
        push @wrong_again, $sizes[$n] if !$response || Digest::MD5::md5_hex($response->{body}) ne $digest{ $sizes[$n] };
    }
    is("@wrong_again", '', 'each size in one pipeline');
    is($result->{rest}, '', 'one pipeline: no bytes after the last response');

    # A reader with a small window that reads a little at a time
    my $socket = $server->connection(receive => 4096);
    syswrite $socket, get_request('/size-1048577.bin');
    my ($raw, $buffer) = ('', '');
    while (length $raw < 1_048_577) {
        my $got = sysread $socket, $buffer, 3001 or last;
        $raw .= $buffer;
    }
    like($raw, qr/\AHTTP\/1\.1 200 /, 'a reader with a small window: 200');
    $raw =~ s/\A.*?\r\n\r\n//s;
    my $rest = read_rest($socket, 1_048_577 - length $raw);
    is(Digest::MD5::md5_hex($raw . $rest), $digest{1_048_577}, 'a reader with a small window gets the same bytes');
}

sub read_rest {
    my ($socket, $size) = @_;
    my $bytes = '';
    while (length $bytes < $size) {
        sysread $socket, $bytes, $size - length $bytes, length $bytes or last;
    }
    return $bytes;
}

# Sparse files over 2 and 4 GiB, with known first and last bytes.
my $large_size = 2_362_232_012; # 2.2 GiB and a little, no multiple of anything
my $huge_size  = 5 * 1024**3 + 1;
my $last_bytes = '-last bytes';
for my $file (['large.bin', $large_size], ['huge.bin', $huge_size]) {
    open my $handle, '>:raw', "$root/$file->[0]" or die $!;
    print {$handle} 'first bytes';
    seek $handle, $file->[1] - length $last_bytes, SEEK_SET;
    print {$handle} $last_bytes;
    close $handle or die $!;
}
{
    my $head = $server->exchange("HEAD /huge.bin HTTP/1.1\r\nHost: localhost\r\n\r\n", count => 1)->{responses}[0];
    is($head->{field}{'content-length'}, $huge_size, 'HEAD of a file over 4 GiB: its exact length');
    my $socket = $server->connection;
    syswrite $socket, get_request('/huge.bin');
    my $start = read_rest($socket, 1000);
    like($start, qr/\r\nContent-Length: $huge_size\r\n/i, 'GET of a file over 4 GiB: its exact length');
    like($start, qr/\r\n\r\nfirst bytes\0/, 'GET of a file over 4 GiB: its first bytes');
    close $socket;

    $socket = $server->connection;
    syswrite $socket, get_request('/large.bin') . get_request('/size-15.bin', 'Connection: close');
    my ($head_bytes, $count, $tail, $buffer) = ('', 0, '', '');
    my $wanted;
    while (sysread $socket, $buffer, 1 << 20) {
        if (!defined $wanted) {
            $head_bytes .= $buffer;
            my $end = index $head_bytes, "\r\n\r\n";
            next if $end < 0;
            ($wanted) = $head_bytes =~ /^Content-Length: (\d+)\r$/mi;
            $buffer = substr $head_bytes, $end + 4;
        }
        $count += length $buffer;
        $tail = substr $tail . $buffer, -2000;
    }
    is($wanted, $large_size, 'a file over 2 GiB: its exact length');
    cmp_ok($count, '>', $large_size, 'a file over 2 GiB: all of it, then the next response');
    my $next_at = index $tail, "${last_bytes}HTTP/1.1 200 OK";
    cmp_ok($next_at, '>=', 0, 'a file over 2 GiB: the next response follows its last byte');
    is($count - length($tail) + $next_at + length($last_bytes), $large_size, 'a file over 2 GiB: exact to the byte');
}

# A file that shrinks while it is sent: the connection must end before Content-Length is reached (RFC 9112 8). No bytes
# of another response may fill the gap, and the worker must not spin.
{
    my $size = 64 * 1024 * 1024;
    for my $way ('truncated', 'emptied', 'truncated, client waits') {
        put_file($root, 'shrinking.bin', '');
        truncate "$root/shrinking.bin", $size or die $!;
        my $socket = $server->connection(receive => 65_536);
        syswrite $socket, get_request('/shrinking.bin') . get_request('/size-15.bin');
        my $start = read_rest($socket, 100_000); # the response is in flight
        truncate "$root/shrinking.bin", $way eq 'emptied' ? 0 : 20_000_000;
        my $before = cpu_seconds($server->pid);
        sleep 2 if $way =~ /waits/;
        my $result = read_until_end($socket);
        my $total = length($start) + $result->{count};
        ok($result->{ended}, "$way: the connection ends");
        cmp_ok($total, '<', $size, "$way: the body is cut off");
        unlike($result->{tail}, qr/HTTP\/1\.1/, "$way: no other response in the gap");
        sleep 2;
        cmp_ok(cpu_seconds($server->pid) - $before, '<', 1.5, "$way: the server does not spin");
        is($server->get('/size-15.bin')->{status}, 200, "$way: other clients are served");
    }
}

sub read_until_end {
    my ($socket) = @_;
    my ($count, $tail, $buffer, $ended) = (0, '', '', 0);
    local $SIG{ALRM} = sub { die "time\n" };
    my $left = alarm Harness::PATIENCE();
    eval {
        while (1) {
            my $got = sysread $socket, $buffer, 1 << 20;
            if (!$got) { $ended = 1; last }
            $count += $got;
            $tail = substr $tail . $buffer, -100_000;
        }
    };
    alarm($left || 0);
    return { count => $count, tail => $tail, ended => $ended };
}

# A file that grows while it is sent: as many bytes as Content-Length says, then the next response.
{
    my $size = 16 * 1024 * 1024;
    put_file($root, 'growing.bin', '');
    truncate "$root/growing.bin", $size;
    my $socket = $server->connection(receive => 65_536);
    syswrite $socket, get_request('/growing.bin');
    my $start = read_rest($socket, 100_000);
    open my $handle, '>>:raw', "$root/growing.bin" or die $!;
    print {$handle} 'more' x 100_000;
    close $handle;
    syswrite $socket, get_request('/size-15.bin', 'Connection: close');
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    my $result = read_until_end($socket);
    my ($next) = $result->{tail} =~ /(HTTP\/1\.1 200 .*)\z/s;
    ok(defined $next, 'a file that grows: the next response follows');
    is(length($start) + $result->{count} - length($head) - length($next || ''), $size, 'a file that grows: exactly Content-Length bytes');
}

# A file that is replaced while it is sent: the response is the old file to its end
{
    my $bytes = noise(8_000_000, 'old');
    put_file($root, 'replaced.bin', $bytes);
    my $socket = $server->connection(receive => 65_536);
    syswrite $socket, get_request('/replaced.bin');
    my $start = read_rest($socket, 50_000);
    put_file($root, 'replacement.bin', noise(8_000_000, 'new'));
    rename "$root/replacement.bin", "$root/replaced.bin" or die $!;
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    my $all = $start . read_rest($socket, 8_000_000 + length($head) - length $start);
    is(Digest::MD5::md5_hex(substr $all, length $head), Digest::MD5::md5_hex($bytes), 'a file that is replaced: the old one to its end');
}

# The digests of bodies of this size, which are read in turns: a reader that waited for all of the others could reach the
# server's limit for the slow.
sub digests_of {
    my ($size, @sockets) = @_;
    my %reading = map { $_ => { socket => $sockets[$_], head => '', left => $size, digest => Digest::MD5->new } } 0 .. $#sockets;
    my @digests;
    while (%reading) {
        for my $n (keys %reading) {
            my $reader = $reading{$n};
            my $got = sysread $reader->{socket}, my $bytes, 1 << 20;
            if ($reader->{head} !~ /\r\n\r\n\z/) {
                ($reader->{head}, $bytes) = "$reader->{head}$bytes" =~ /\A(.*?(?:\r\n\r\n|\z))(.*)/s;
            }
            $reader->{digest}->add($bytes);
            $reader->{left} -= length $bytes;
            next if $got && $reader->{left} > 0;
            $digests[$n] = $reader->{digest}->hexdigest;
            delete $reading{$n};
        }
    }
    return @digests;
}

# Many stalled readers cost no memory and no CPU time and delay no other client; when they read on, each gets its bytes.
{
    my $bytes = noise(6_000_000, 'slow');
    put_file($root, 'slow.bin', $bytes);
    my $digest = Digest::MD5::md5_hex($bytes);
    my $server = Harness->start(root => $root, args => ['-j', '1'], environment => { slow_clock() }); # the readers stand still for as long as all of this takes
    $server->get('/slow.bin');
    my $memory = resident_bytes($server->pid);
    my @readers = map { my $socket = $server->connection(receive => 16_384); syswrite $socket, get_request('/slow.bin'); $socket } 1 .. 60;
    my @slow;
    for (1 .. 20) {
        my $response = $server->get('/size-16385.bin');
        push @slow, $response->{slept} if $response->{status} != 200 || $response->{slept} > 5;
    }
    is("@slow", '', '60 stalled readers delay no other client');
    my $before = cpu_seconds($server->pid);
    sleep 3;
    cmp_ok(cpu_seconds($server->pid) - $before, '<', 1, '60 stalled readers cost no CPU time');
    cmp_ok(resident_bytes($server->pid) - $memory, '<', 16 * 1024 * 1024, '60 stalled readers cost no memory');
    my @wrong = grep { $_ ne $digest } digests_of(6_000_000, @readers);
    is(scalar @wrong, 0, '60 stalled readers read on: each gets the whole file');
    $server->stop;
}

# One fast reader does not delay others, as the bytes for a connection in each turn are bounded.
{
    my $whole = put_file(new_root(), 'whole', '');
    my $pid = fork;
    if (!$pid) {
        for (my $socket = $server->connection;; ) {
            syswrite $socket, get_request('/huge.bin');
            rest_of_download($socket, '', $huge_size) == $huge_size or POSIX::_exit(1);
            put_file(dirname($whole), 'whole', 'w' x (1 + -s $whole));
        }
    }
    my $answered = grep { $server->get('/size-15.bin')->{status} == 200 } 1 .. 50;
    is(waitpid($pid, POSIX::WNOHANG()), 0, 'a client downloads 5 GiB, again and again');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    is($answered, 50, '... other clients are answered meanwhile');
    cmp_ok(-s $whole, '<', 10, '... more than five of them during each download');
}

# A client that sends requests and does not read: the server must stop reading, too, instead of queueing responses.
{
    my $memory = resident_bytes($server->pid);
    my $socket = $server->connection(receive => 16_384);
    Harness::blocking($socket, 0);
    my ($sent, $request) = (0, get_request('/size-16385.bin') x 100);
    my $deadline = time + 5;
    while (time < $deadline && $sent < 100_000_000) {
        my $wrote = syswrite $socket, $request;
        if (defined $wrote) { $sent += $wrote } else { sleep 0.05 }
    }
    cmp_ok($sent, '<', 100_000_000, 'a client that never reads: the server stops reading its requests (flow control)');
    cmp_ok(resident_bytes($server->pid) - $memory, '<', 16 * 1024 * 1024, 'a client that never reads costs no memory');
    my $before = cpu_seconds($server->pid);
    sleep 2;
    cmp_ok(cpu_seconds($server->pid) - $before, '<', 0.7, 'a client that never reads costs no CPU time');
    is($server->get('/size-15.bin')->{status}, 200, 'a client that never reads: other clients are served');
    close $socket;
}

# A half-closed client that reads slowly: not an abort, and EPOLLRDHUP must not make the worker spin
{
    my $socket = $server->connection(receive => 16_384);
    syswrite $socket, get_request('/slow.bin');
    shutdown $socket, 1;
    my $start = read_rest($socket, 1000);
    my $before = cpu_seconds($server->pid);
    sleep 2;
    cmp_ok(cpu_seconds($server->pid) - $before, '<', 0.7, 'a half-closed client that does not read: the worker does not spin');
    my ($head) = $start =~ /\A(.*?\r\n\r\n)/s;
    my $all = $start . read_rest($socket, 6_000_000 + length($head) - length $start);
    is(length($all) - length $head, 6_000_000, 'a half-closed client that reads on: the response is whole');
}

# Idle connections cost little memory.
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--keep-alive', '3600']);
    $server->get('/size-15.bin');
    my $memory = resident_bytes($server->pid);
    my @idle = map { my $result = $server->exchange(get_request('/size-15.bin'), count => 1); $result->{socket} } 1 .. 300;
    cmp_ok(resident_bytes($server->pid) - $memory, '<', 2 * 1024 * 1024, '300 idle connections cost less than 2 MiB') if !is_sanitized();
    is(scalar(grep { $server->exchange(get_request('/size-15.bin'), socket => $_, count => 1)->{responses}[0]{status} == 200 } @idle),
        300, '300 idle connections: each still serves a request');
    $server->stop;
}

# curl, complete and aborted
SKIP: {
    have('curl') or skip 'no curl', 2;
    my $url = $server->url('/size-20000003.bin');
    is(`curl -s $url | md5sum | cut -c1-32`, `md5sum < $root/size-20000003.bin | cut -c1-32`, 'curl: 20 MB');
    like(`curl -s --limit-rate 200k $url | head -c 10000 | md5sum`, qr/\A[0-9a-f]{32}/, 'curl, aborted');
    is($server->get('/size-15.bin')->{status}, 200, 'curl, aborted: other clients are served');
}

responses_framed();
$server->stop;
done_testing();
