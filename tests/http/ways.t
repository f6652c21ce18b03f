# A response does not depend on how its request arrives: whole in one packet, in two pieces, behind others in one
# packet, or as the last of its connection, whose header is built and not taken from the cache. WAYS_REQUESTS random
# requests (2,000); WAYS_SEED chooses others.
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

# Sends requests on one connection, each after the response to the one before. split returns the pieces of a request.
sub in_sequence {
    my ($server, $split, @requests) = @_;
    my $socket = $server->connection;
    my @responses;
    for my $request (@requests) {
        my ($first, $last) = $split->("$request->{bytes}\r\n");
        $socket = $server->connection if !$socket->opened;
        if (defined $last) {
            syswrite $socket, $first;
            select undef, undef, undef, 0.001; # usually, the server reads the pieces apart
        }
        my $result = $server->exchange($last // $first, socket => $socket, count => 1, methods => [$request->{method}]);
        push @responses, $result->{responses}[0];
        close $socket if $result->{closed} && $socket->opened;
    }
    return @responses;
}

sub one_by_one { my ($server, @requests) = @_; return in_sequence($server, sub { shift }, @requests) }

sub in_two_pieces {
    my ($server, @requests) = @_;
    my $split = sub {
        my $bytes = shift;
        my $at    = 1 + int rand(length($bytes) - 1);
        return (substr($bytes, 0, $at), substr $bytes, $at);
    };
    return in_sequence($server, $split, @requests);
}

sub in_one_packet { my ($server, @requests) = @_; return $server->pipeline([map {"$_->{bytes}\r\n"} @requests]) }

sub as_the_last {
    my ($server, @requests) = @_;
    return map {
        $server->exchange("$_->{bytes}Connection: close\r\n\r\n", methods => [$_->{method}])->{responses}[0]
    } @requests;
}

# Leaves out the Connection field, and the explanation of a 404: a worker explains only 20 a second.
sub text_of {
    my ($request, $response) = @_;
    my $explained = $response->{status} eq '404' && $request->{bytes} =~ /^Accept:/m;
    my $head = normalized("$response->{status} $response->{reason}", map {"$_->[0]: $_->[1]"}
            grep { $_->[0] ne 'Connection' && !($explained && $_->[0] eq 'Content-Length') } @{ $response->{fields} });
    return $head if $explained;
    my ($boundary) = map { $_->[1] =~ /boundary=(\S+)/ } @{ $response->{fields} };
    my $body = $response->{body};
    $body =~ s/--\Q$boundary\E/--B/g if defined $boundary;
    return "$head\n\n$body";
}

my %way = ('in two pieces' => \&in_two_pieces, 'in one packet' => \&in_one_packet, 'as the last' => \&as_the_last);
for my $name (sort keys %server) {
    my ($server, $prefix) = ($server{$name}, $name eq 'base' ? '/repo' : '');
    settle_site($server, $prefix);
    my @requests = grep { $_->{target} !~ m{/metrics} } # it counts each response
        map { random_request($prefix) } 1 .. $total / keys %server;
    my %wrong = map { $_ => [] } keys %way;
    while (my @some = splice @requests, 0, 50) {
        my @responses = one_by_one($server, @some);
        my @usual     = map { text_of($some[$_], $responses[$_]) } 0 .. $#some;
        for my $how (sort keys %way) {
            @responses = $way{$how}->($server, @some);
            my @other = map { text_of($some[$_], $responses[$_]) } 0 .. $#some;
            push @{ $wrong{$how} }, map { "$some[$_]{bytes}one by one:\n$usual[$_]\n$how:\n$other[$_]" }
                grep { $usual[$_] ne $other[$_] } 0 .. $#some;
        }
    }
    for my $how (sort keys %way) {
        is(scalar @{ $wrong{$how} }, 0, "$name: requests one by one and $how get the same responses")
            or diag("seed $seed: $wrong{$how}[0]");
    }
}

$_->stop for values %server;
responses_framed();
done_testing();
