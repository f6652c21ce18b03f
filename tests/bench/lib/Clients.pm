# The clients: wrk, and the connections that load a server in the background.
package Clients;

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(F_SETFL O_NONBLOCK);
use POSIX qw(nice);
use Socket qw(SOL_SOCKET SO_RCVBUF INADDR_LOOPBACK MSG_TRUNC pack_sockaddr_in);
use Time::HiRes qw(sleep time);

use Machine;
use Workloads;

our @EXPORT = qw(load start_background start_reader start_downloads stop_downloads DOWNLOADS);

use constant {
    SLOW_BYTES      => 20_480,  # a slow reader reads so much ...
    SLOW_PAUSE      => 0.02,    # ... and then waits: 1 MB/s, which costs little of the CPU that wrk has, too
    TRICKLE_PAUSE   => 0.5,     # seconds between two bytes of a request that trickles
    DOWNLOADS       => 1000,
    WINDOW          => 4 << 20, # of each download
    HEAD_START      => 0.3,     # seconds for which the open-loop client runs before the downloads begin
    NICE            => 19,
    SO_RCVBUFFORCE  => 33,      # Linux: for root, above net.core.rmem_max
    DISCARDED_BYTES => 1 << 20,
};

# Runs wrk and returns the figures of the script's done(). wrk takes whole seconds only, so SIGINT ends it. On a busy
# machine that may be before wrk handles it: then it prints nothing, and no request was answered.
sub load {
    my ($limit, $workload, $instance) = @_;
    my @command = ($bench{program}{wrk}, '-t1', '-c', $workload->{connections} // 64, '-d', int(3 * $limit) + 60,
        '--timeout', '60s', '-s', "$bench{folder}/$instance->{script}", (map { ('-H', $_) } @{$instance->{fields}}),
        "http://127.0.0.1:$instance->{port}/$workload->{file}", '--', ++$instance->{loads});
    if ($workload->{both_cpus}) {
        $command[1] = '-t2';
        unshift @command, $bench{program}{taskset}, '-c', "$bench{server_cpu},$bench{client_cpu}";
    }
    my $wrk = start('wrk', \@command);
    sleep $limit;
    my $name = $instance->{server}{name};
    my $end  = time + START_SECONDS;
    do {
        fail("$name: wrk does not end") if time > $end;
        kill 'INT', $wrk->{pid}; # repeatedly: wrk misses a signal that comes just before it sleeps
    } until wait_for($wrk, 0.5);
    my $output = slurp($wrk->{log}) || 'figures 0 0 1 0 0';
    my ($line) = $output =~ /^figures (.*)$/m or fail("$name: wrk printed: $output", slurp($instance->{log}));
    my %figures;
    @figures{qw(requests bytes duration p99 errors)} = split ' ', $line;
    return \%figures;
}

# Starts the background load of a workload, and returns its process, if any.
sub start_background {
    my ($workload, $instance) = @_;
    my ($port, $file) = ($instance->{port}, $workload->{file});
    my $big_port = $instance->{big_port};
    return start('readers', sub { slow_readers($big_port) })               if $workload->{slow};
    return start_connected('idle', sub { idle_connections($port, $file) }) if $workload->{idle};
    return;
}

# Starts clients and waits until the server has accepted all of them.
sub start_connected {
    my ($name, $clients) = @_;
    my $process = start($name, sub { $| = 1; $clients->() });
    my $end = time + 3 * START_SECONDS;
    until (slurp($process->{log}) =~ /^ready/m) {
        fail("$name: not all are connected: ", slurp($process->{log})) if time > $end || ended($process);
        sleep 0.02;
    }
    return $process;
}

# The receive window must be set before connect(2): the handshake offers it.
sub connection {
    my ($port, $option, $bytes) = @_;
    socket my $socket, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die "socket: $!\n";
    setsockopt $socket, SOL_SOCKET, $option, $bytes if $option;
    connect $socket, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "connect: $!\n";
    return $socket;
}

sub request_1g {
    my ($socket, $port) = @_;
    syswrite $socket, "GET /1g.txt HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n\r\n";
    fcntl $socket, F_SETFL, O_NONBLOCK;
    return;
}

# Clients that read slowly until the benchmark ends. A small window, or the kernel would take many megabytes at once.
sub slow_readers {
    my $port    = shift;
    my @sockets = map { connection($port, SO_RCVBUF, 65_536) } 1 .. SLOW_READERS;
    request_1g($_, $port) for @sockets;
    while (getppid == $bench{owner}) {
        for my $socket (@sockets) {
            my $bytes = sysread $socket, my $buffer, SLOW_BYTES;
            die "a slow reader's connection ended\n" if defined $bytes ? $bytes == 0 : !$!{EAGAIN};
        }
        sleep SLOW_PAUSE;
    }
    return;
}

# Starts clients that read all that a server sends, and returns when they are connected; they send their requests
# HEAD_START later.
sub start_downloads {
    my $port = shift;
    return start_connected('downloads', sub { downloads($port) });
}

# Ends the downloads, and returns how many bytes they took.
sub stop_downloads {
    my $process = shift;
    stop($process);
    my ($bytes) = slurp($process->{log}) =~ /^taken (\d+)$/m;
    return $bytes // 0;
}

# Runs with a low priority, as the open-loop client has the same CPU. TCP drops the bytes instead of copying them
# (MSG_TRUNC, tcp(7)). A connection that ends is not replaced.
sub downloads {
    my $port    = shift;
    my @sockets = map { connection($port, $> == 0 ? SO_RCVBUFFORCE : SO_RCVBUF, WINDOW) } 1 .. DOWNLOADS;
    my ($taken, $buffer, $over) = (0);
    local $SIG{TERM} = sub { $over = 1 };
    print "ready\n";
    sleep HEAD_START;
    request_1g($_, $port) for @sockets;
    nice(NICE);
    until ($over || getppid != $bench{owner}) {
        my $before = $taken;
        for my $socket (@sockets) {
            $taken += length $buffer if defined recv $socket, $buffer, DISCARDED_BYTES, MSG_TRUNC;
            last if $over;
        }
        sleep 0.001 if $taken == $before;
    }
    print "taken $taken\n";
    return;
}

# Connections that cost a server memory and events: most are idle, some send an endless request byte by byte.
sub idle_connections {
    my ($port, $file) = @_;
    my @idle = map {
        my ($socket, $buffer) = (connection($port), '');
        syswrite $socket, "GET /$file HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n\r\n";
        sysread $socket, $buffer, 65_536 or die "an idle connection ended\n";
        $socket;
    } 1 .. IDLE_CONNECTIONS;
    my @trickles = map { connection($port) } 1 .. TRICKLING_CONNECTIONS;
    syswrite $_, "GET /$file HTTP/1.1\r\nX: " for @trickles;
    print "ready\n";
    while (getppid == $bench{owner}) {
        for my $socket (@trickles) { # a connection that the server closes is replaced
            defined syswrite $socket, 'x' or $socket = connection($port);
        }
        sleep TRICKLE_PAUSE;
    }
    return @idle;
}

# Starts a process that reads a server's log to its end, on the clients' CPU. Returns it and the end to write to.
sub start_reader {
    pipe my $log, my $sink or fail("pipe: $!");
    my $reader = start('reader', sub { close $sink; 1 while sysread $log, my $bytes, 1 << 16 });
    return ($reader, $sink);
}

1;
