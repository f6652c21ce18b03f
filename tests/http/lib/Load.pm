# Clients that request files without a pause, keep their connections as long as possible, and check every byte.
package Load;

use strict;
use warnings;

use Harness ();
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use POSIX ();
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_ERROR IPPROTO_TCP TCP_NODELAY INADDR_LOOPBACK pack_sockaddr_in);
use Time::HiRes qw(sleep time);

# Load->start(port => PORT, clients => N, files => { target => bytes }) runs them in a process of its own.
sub start {
    my ($class, %how) = @_;
    pipe my $stop_in, my $stop_out or die $!;
    pipe my $in, my $out or die $!;
    my $pid = fork;
    die $! if !defined $pid;
    if (!$pid) {
        close $stop_out;
        $SIG{PIPE} = 'IGNORE';
        alarm 7000;
        my $found = run($stop_in, %how);
        print {$out} map { "$_\n" } @$found;
        close $out;
        POSIX::_exit(0);
    }
    close $out;
    return bless { pid => $pid, stop => $stop_out, in => $in }, $class;
}

# Ends it after the responses in flight: (count of responses, descriptions of failures).
sub stop {
    my ($self) = @_;
    close $self->{stop};
    my @found = readline $self->{in};
    waitpid $self->{pid}, 0;
    chomp @found;
    my $answers = shift @found;
    return (defined $answers ? $answers : 'none', @found);
}

sub run {
    my ($stop, %how) = @_;
    my @targets = sort keys %{ $how{files} };
    my ($answers, $stopping, @failures) = (0, 0);
    my $turn    = 0;
    my @clients = map { { number => $_ } } 1 .. $how{clients};
    my $since = time;
    while (1) {
        my ($read, $write) = ('', '');
        vec($read, fileno $stop, 1) = 1 if !$stopping;
        my $busy = 0;
        for my $client (@clients) {
            ask($client, $targets[$turn++ % @targets], \%how) if !$client->{target} && !$stopping;
            next if !$client->{target};
            $busy++;
            vec($read,  fileno $client->{socket}, 1) = 1 if $client->{unsent} eq '';
            vec($write, fileno $client->{socket}, 1) = 1 if $client->{unsent} ne '';
        }
        last if $stopping && (!$busy || time > $since + Harness::PATIENCE());
        select my $can_read = $read, my $can_write = $write, undef, 1;
        for my $client (@clients) {
            next if !$client->{target};
            my $failure;
            if (vec $can_write, fileno $client->{socket}, 1) { $failure = send_on($client) }
            elsif (vec $can_read, fileno $client->{socket}, 1) {
                $failure = receive_on($client, $how{files});
                $answers++ if !defined $failure && !$client->{target};
            }
            next if !defined $failure;
            push @failures, "$failure ($client->{target}, after $client->{got} bytes)";
            delete @$client{qw(socket target)};
        }
        if (!$stopping && vec $can_read, fileno $stop, 1) { ($stopping, $since) = (1, time) }
    }
    push @failures, map { "no answer ($_->{target}, after $_->{got} bytes)" } grep { $_->{target} } @clients;
    return [$answers, @failures];
}

sub ask {
    my ($client, $target, $how) = @_;
    if (!$client->{socket}) {
        socket my $socket, AF_INET, SOCK_STREAM, 0 or die $!;
        my $flags = fcntl $socket, POSIX::F_GETFL(), 0;
        fcntl $socket, POSIX::F_SETFL(), $flags | POSIX::O_NONBLOCK();
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
        connect $socket, pack_sockaddr_in($how->{port}, INADDR_LOOPBACK) or $!{EINPROGRESS} or die $!;
        $client->{socket} = $socket;
    }
    @$client{qw(target unsent head got left last)} = ($target, "GET $target HTTP/1.1\r\nHost: localhost\r\n\r\n", '', 0, undef, 0);
    return;
}

# Each of these two returns what failed, or undef.
sub send_on {
    my ($client) = @_;
    my $sent = syswrite $client->{socket}, $client->{unsent};
    return $!{EAGAIN} || $!{EINTR} ? undef : "not sent: $!" if !defined $sent;
    substr $client->{unsent}, 0, $sent, '';
    return;
}

sub receive_on {
    my ($client, $files) = @_;
    my $bytes = '';
    my $got = sysread $client->{socket}, $bytes, 1 << 18;
    return $!{EAGAIN} || $!{EINTR} ? undef : "cut: $!" if !defined $got;
    return 'cut: end of the stream' if !$got;
    if (!defined $client->{left}) {
        $client->{head} .= $bytes;
        $client->{head} =~ s/\A(.*?\r\n)\r\n//s or return;
        ($bytes, $client->{head}) = ($client->{head}, $1);
        $client->{head} =~ m{\AHTTP/1\.1 200 } or return 'answered ' . substr $client->{head}, 0, 30;
        ($client->{left}) = $client->{head} =~ /^Content-Length: (\d+)\r$/mi or return 'no length';
        $client->{last} = $client->{head} =~ /^Connection: close\r$/mi;
    }
    return 'wrong bytes'
        if substr($files->{ $client->{target} }, $client->{got}, length $bytes) ne $bytes || length $bytes > $client->{left};
    $client->{got}  += length $bytes;
    $client->{left} -= length $bytes;
    if ($client->{left} == 0) {
        delete $client->{target};
        delete $client->{socket} if $client->{last};
    }
    return;
}

1;
