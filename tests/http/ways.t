# A response does not depend on how its request arrives, nor on which way through the program is the short one: a whole
# request in one packet, in two pieces, behind others in one packet, and one that ends the connection, whose head is
# built and not taken from memory. WAYS_REQUESTS random requests (2,000); WAYS_SEED chooses others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use RandomRequest;
use Test::More;

my $seed  = $ENV{WAYS_SEED}     // 1;
my $total = $ENV{WAYS_REQUESTS} // 2000;
srand $seed;
note("WAYS_SEED=$seed WAYS_REQUESTS=$total");

my $root = new_site();
my @common = ('--log', 'off', '-j', '1', SITE_ARGUMENTS);
my %server = (
    plain => Harness->start(root => $root, list => 1, args => \@common),
    base  => Harness->start(root => $root, list => 1, args => [@common, '--base', '/repo/']),
    rules => Harness->start(root => $root, list => 1, args => [@common, '--rules']),
    watch => Harness->start(root => $root, list => 1, args => [@common, '--watch']),
);

sub one_by_one {
    my ($server, @requests) = @_;
    my $socket = $server->connection;
    my @responses;
    for my $request (@requests) {
        $socket = $server->connection if !$socket->opened;
        my $result = $server->exchange("$request->{bytes}\r\n", socket => $socket, count => 1, methods => [$request->{method}]);
        push @responses, $result->{responses}[0];
        close $socket if $result->{closed} && $socket->opened;
    }
    return @responses;
}

sub in_two_pieces {
    my ($server, @requests) = @_;
    my $socket = $server->connection;
    my @responses;
    for my $request (@requests) {
        my $bytes = "$request->{bytes}\r\n";
        my $at    = 1 + int rand(length($bytes) - 1);
        $socket = $server->connection if !$socket->opened;
        syswrite $socket, substr $bytes, 0, $at;
        select undef, undef, undef, 0.001; # usually, the server reads the pieces apart
        my $result = $server->exchange(substr($bytes, $at), socket => $socket, count => 1, methods => [$request->{method}]);
        push @responses, $result->{responses}[0];
        close $socket if $result->{closed} && $socket->opened;
    }
    return @responses;
}

sub in_one_packet { my ($server, @requests) = @_; return $server->pipeline([map {"$_->{bytes}\r\n"} @requests]) }

sub as_the_last {
    my ($server, @requests) = @_;
    return map { $server->exchange("$_->{bytes}Connection: close\r\n\r\n", methods => [$_->{method}])->{responses}[0] } @requests;
}

# Without the line that tells a connection's end, and what a 404 says to a person: a worker gives 20 reasons a second.
sub text_of {
    my ($request, $response) = @_;
    my $reasons = $response->{status} eq '404' && $request->{bytes} =~ /^Accept:/m;
    my $head = normal("$response->{status} $response->{reason}", map {"$_->[0]: $_->[1]"}
            grep { $_->[0] ne 'Connection' && !($reasons && $_->[0] eq 'Content-Length') } @{ $response->{fields} });
    return $head if $reasons;
    my ($boundary) = map { $_->[1] =~ /boundary=(\S+)/ } @{ $response->{fields} };
    my $body = $response->{body};
    $body =~ s/--\Q$boundary\E/--B/g if defined $boundary;
    return "$head\n\n$body";
}

my %way = ('in two pieces' => \&in_two_pieces, 'in one packet' => \&in_one_packet, 'as the last' => \&as_the_last);
for my $name (sort keys %server) {
    my ($server, $prefix) = ($server{$name}, $name eq 'base' ? '/repo' : '');
    settle_site($server, $prefix);
    my @requests = grep { $_->{target} !~ m{/(?:metrics|health)} } map { random_request($prefix) } 1 .. $total / keys %server;
    my %wrong    = map { $_ => [] } keys %way;
    while (my @some = splice @requests, 0, 50) {
        my @responses = one_by_one($server, @some);
        my @usual     = map { text_of($some[$_], $responses[$_]) } 0 .. $#some;
        for my $how (sort keys %way) {
            @responses = $way{$how}->($server, @some);
            my @other = map { text_of($some[$_], $responses[$_]) } 0 .. $#some;
            push @{ $wrong{$how} }, map { "$some[$_]{bytes}one by one:\n$usual[$_]\n$how:\n$other[$_]" } grep { $usual[$_] ne $other[$_] } 0 .. $#some;
        }
    }
    is(scalar @{ $wrong{$_} }, 0, "$name: requests one by one and $_ get the same responses") or diag("seed $seed: $wrong{$_}[0]") for sort keys %way;
}

$_->stop for values %server;
responses_framed();
done_testing();
