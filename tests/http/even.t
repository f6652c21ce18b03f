# Kept connections that are opened one after the other are spread over the workers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


my $root = new_root();
put_file($root, 'index.html', 'page');

sub sockets_of {
    my ($pid) = @_;
    return map { $_ => 1 } grep { defined && /^socket:/ } map { readlink } glob "/proc/$pid/fd/*";
}

# The number of a worker's connections: its sockets but those that the master has as well.
sub connections_of {
    my ($worker, $master) = @_;
    my %shared = sockets_of($master);
    my %own    = sockets_of($worker);
    return scalar grep { !$shared{$_} } keys %own;
}

# True once a worker's epoll instance has a listener: it takes part from then on.
sub watches {
    my ($worker) = @_;
    return scalar grep { slurp($_) =~ /^tfd:/m } glob "/proc/$worker/fdinfo/*";
}

for my $case ([ 2, 25 ], [ 4, 10 ]) {
    my ($count, $least) = @$case;
    my $server = Harness->start(root => $root, args => [ '-j', $count ]);
    my @workers;
    eventually { (@workers = $server->workers) == $count && !grep { !watches($_) } @workers };
    my @kept;
    for (1 .. 100) {
        my $connection = $server->connection;
        syswrite $connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" or die $!;
        sysread $connection, my $response, 4096 or die $!;
        push @kept, $connection;
    }
    my @shares = sort { $a <=> $b } map { connections_of($_, $server->pid) } @workers;
    note("shares of $count workers: @shares");
    cmp_ok($shares[0], '>=', $least, "each of $count workers has at least $least of 100 kept connections");
    $server->stop;
}

done_testing();
