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
    DURATION_FACTOR => 2,   # times SECONDS: a thousandth of the requests must be many
    LOW_RATE        => 200, # requests/s, so few that no server has a queue
};

my @compared = qw(tinyhttpd lighttpd nginx);
my $workload = {name => 'latency', file => '1k.txt'};
my $beside   = 'while ' . grouped(DOWNLOADS) . ' downloads run';

# connections: as many as wrk has, at half of the saturation rate; with LOW_RATE one for each request of limit seconds,
# so that none waits for a connection. limit: seconds after the last request in which responses may still come.
my @cases = (
    {title => '1 KiB, half of the saturation rate', connections => 64, limit => 5},
    {title => "the same $beside", connections => 64, limit => 5, downloads => 1},
    {title => '1 KiB, ' . LOW_RATE . " requests/s, $beside", rate => LOW_RATE, connections => 2048, limit => 10,
        downloads => 1},
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

# Returns the command that gives the client a real-time priority, or nothing, as only root may. Without it the latency
# includes the client's own delay.
sub realtime_command {
    my @command = ($bench{program}{chrt}, '--fifo', 1);
    return system("@command true 2>/dev/null") == 0 ? @command : ();
}

# Returns the figures of the open-loop client, in milliseconds.
sub open_loop {
    my ($instance, $case, $rate) = @_;
    my $seconds = $bench{seconds} * DURATION_FACTOR;
    my $client  = start('open-loop', [realtime_command(), $bench{program}{open_loop}, $instance->{port},
        "/$workload->{file}", $rate, $seconds, @$case{qw(connections limit)}]);
    wait_for($client, $seconds + $case->{limit} + START_SECONDS) or fail('the open-loop client does not end');
    my @values = slurp($client->{log}) =~ /^latency (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or fail("$instance->{server}{name}: ", slurp($client->{log}), slurp($instance->{log}));
    my %figures;
    @figures{qw(due p50 p99 p999 max unanswered errors)} = @values;
    $figures{$_} /= 1000 for qw(p50 p99 p999 max);
    return \%figures;
}

sub measure_case {
    my ($instance, $case, $rate) = @_;
    return open_loop($instance, $case, $rate) unless $case->{downloads};
    my $downloads = start_downloads($instance->{port});
    my $figures      = open_loop($instance, $case, $rate);
    fail("$instance->{server}{name}: ", slurp($downloads->{log})) if ended($downloads);
    $figures->{taken} = stop_downloads($downloads) / 1e6;
    notice("latency: $instance->{server}{name}: the downloads received nothing; try more SECONDS")
        if !$figures->{taken};
    return $figures;
}

# Prints the figures of a case, and returns its row of the summary.
sub report {
    my ($title, $rounds) = @_;
    print "\n  $title: ms, median over the rounds\n";
    printf "  %-12s %10s %10s %10s %10s %12s %8s %16s\n", '', qw(50% 99% 99.9% most unanswered errors), 'MB downloaded';
    my @row = $title;
    for my $name (@compared) {
        my @each = map { $_->{$name} } @$rounds;
        my (%of, %sum);
        for my $figure (qw(p50 p99 p999 max taken)) { $of{$figure} = median(map { $_->{$figure} } @each) }
        for my $figure (qw(due unanswered errors)) { $sum{$figure} = sum0 map { $_->{$figure} } @each }
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
    my %figures; # title: [{server: figures}, ...]
    for my $round (1 .. $bench{rounds}) {
        print STDERR "\rlatency: round $round of $bench{rounds} \r" if -t STDERR;
        for my $case (@cases) {
            push @{$figures{$case->{title}}},
                {map { $_->{server}{name} => measure_case($_, $case, $case->{rate} // $rate) }
                    in_turn($round, @instances)};
        }
    }
    dismiss($_) for @instances;
    my @rows = map { report($_->{title}, $figures{$_->{title}}) } @cases;
    return ['Milliseconds within which 99.9 % of the requests are answered; half of the saturation rate is '
            . grouped($rate) . ' requests/s', ['requests', @compared], @rows];
}

1;
