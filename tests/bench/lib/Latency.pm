# The 99.9th percentile of the latency of small files under a fixed load, with and without many downloads beside them.
package Latency;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(min sum0);

use Clients;
use Machine;
use Measure;
use Servers;
use Tables;
use Workloads;

our @EXPORT = qw(measure_latency);

use constant {
    LONGER => 2,   # times SECONDS: a thousandth of the requests must be many
    FEW    => 200, # requests a second that no server has to queue
};

my @compared = qw(tinyhttpd lighttpd nginx);
my $workload = {name => 'latency', file => '1k.txt'};
my $beside   = 'while ' . grouped(DOWNLOADS) . ' downloads run';

# connections: wrk's number with half of the saturation rate; with FEW so many that no request must wait for one while a
# server takes limit seconds for a turn. limit is in seconds, for answers that are still due at the end.
my @trials = (
    {title => '1 KiB, half of the saturation rate', connections => 64, limit => 5},
    {title => "the same $beside", connections => 64, limit => 5, downloads => 1},
    {title => '1 KiB, ' . FEW . " requests/s, $beside", rate => FEW, connections => 2048, limit => 10, downloads => 1},
);

# Half of the rate at which the slowest server is saturated, so that each has the same load.
sub half_rate {
    my @instances = @_;
    my %rates;
    for my $round (1 .. min(3, $bench{rounds})) {
        for my $instance (in_turn($round, @instances)) {
            push @{$rates{$instance->{server}{name}}}, turn($instance, $workload, $bench{seconds})->{rate};
        }
    }
    my %rate = map { $_ => median(@{$rates{$_}}) } keys %rates;
    printf "  saturated: %s requests/s\n", join ', ', map { sprintf '%s at %s', $_, grouped(int $rate{$_}) } @compared;
    return int(min(values %rate) / 2);
}

# The client must run when a request is due or an answer arrives, or its own delay is measured. Only root may demand
# that.
sub real_time {
    my @command = ($bench{program}{chrt}, '--fifo', 1);
    return system("@command true 2>/dev/null") == 0 ? @command : ();
}

# Returns what the open-loop client tells, in milliseconds.
sub open_loop {
    my ($instance, $trial, $rate) = @_;
    my $seconds = $bench{seconds} * LONGER;
    my $client  = start('open-loop', [real_time(), $bench{program}{open_loop}, $instance->{port}, "/$workload->{file}",
        $rate, $seconds, @$trial{qw(connections limit)}]);
    wait_for($client, $seconds + $trial->{limit} + START_SECONDS) or fail('the open-loop client does not end');
    my @told = slurp($client->{log}) =~ /^latency (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or fail("$instance->{server}{name}: ", slurp($client->{log}), slurp($instance->{log}));
    my %told;
    @told{qw(due p50 p99 p999 max unanswered errors)} = @told;
    $told{$_} /= 1000 for qw(p50 p99 p999 max);
    return \%told;
}

sub try {
    my ($instance, $trial, $rate) = @_;
    return open_loop($instance, $trial, $rate) unless $trial->{downloads};
    my $downloads = start_downloads($instance->{port});
    my $told      = open_loop($instance, $trial, $rate);
    fail("$instance->{server}{name}: ", slurp($downloads->{log})) if ended($downloads);
    $told->{taken} = stop_downloads($downloads) / 1e6;
    return $told;
}

# Prints the figures of a trial, and returns its row of the summary.
sub report {
    my ($title, $rounds) = @_;
    print "\n  $title: ms, median over the rounds\n";
    printf "  %-12s %10s %10s %10s %10s %12s %8s %16s\n", '', qw(50% 99% 99.9% most unanswered errors), 'MB downloaded';
    my @row = $title;
    for my $name (@compared) {
        my @told = map { $_->{$name} } @$rounds;
        my (%of, %sum);
        for my $figure (qw(p50 p99 p999 max taken)) { $of{$figure} = median(map { $_->{$figure} } @told) }
        for my $figure (qw(due unanswered errors)) { $sum{$figure} = sum0 map { $_->{$figure} } @told }
        printf "  %-12s %10.3f %10.3f %10.3f %10.3f %12d %8d %16s\n", $name, @of{qw(p50 p99 p999 max)},
            @sum{qw(unanswered errors)}, defined $of{taken} ? sprintf '%.0f', $of{taken} : '-';
        my $at_least = $sum{unanswered} > $sum{due} / 1000 ? 'over ' : ''; # as far as the limit tells
        push @row, $at_least . ($of{p999} < 10 ? sprintf '%.2f', $of{p999} : grouped(sprintf '%.0f', $of{p999}));
    }
    return \@row;
}

# Prints the tables, and returns [title, head, rows] for the summary.
sub measure_latency {
    print "\nlatency: 1 KiB at a fixed rate, from the time at which each request is due\n";
    my @instances = map { launch({name => $_}, $workload) } @compared;
    ask($_->{port}, '1g.txt')->{body} == $size{'1g.txt'} or fail("$_->{server}{name} has no 1g.txt") for @instances;
    settle();
    my $rate = half_rate(@instances);
    my %told; # title: [{server: figures}, ...]
    for my $round (1 .. $bench{rounds}) {
        print STDERR "\rlatency: round $round of $bench{rounds} \r" if -t STDERR;
        for my $trial (@trials) {
            push @{$told{$trial->{title}}},
                {map { $_->{server}{name} => try($_, $trial, $trial->{rate} // $rate) } in_turn($round, @instances)};
        }
    }
    dismiss($_) for @instances;
    my @rows = map { report($_->{title}, $told{$_->{title}}) } @trials;
    return ['Milliseconds within which 99.9 % of the requests are answered; half of the saturation rate is '
            . grouped($rate) . ' requests/s', ['requests', @compared], @rows];
}

1;
