# How the cost of a request grows with the number of connections, files and workers.
package Scale;

use strict;
use warnings;

use Exporter qw(import);

use Machine;
use Measure;
use Plot;
use Servers;
use Workloads;

our @EXPORT = qw(measure_scale);

use constant {
    DURATION_FACTOR => 0.4, # times SECONDS, as there are many points
    FILE_KIB        => 4,   # on the disk
    WARM_SECONDS    => 1.5,
};

my @compared = qw(tinyhttpd lighttpd nginx);

# Returns each quantity that grows, its values, and the one that the ratios refer to.
sub axes {
    my @files = (10, 100, 1000, 10_000, $bench{scale} ? (100_000, 1_000_000) : ());
    @files = grep { has_room($_) } @files;
    return (
        {name => 'connections', base => 64, numbers => [1, 16, 64, 256, 1024, 4000],
            workload => sub { {connections => $_[0], long => 1 + $_[0] / 1000} }},
        {name => 'files', base => 10, numbers => \@files,
            workload => sub { {script => 'numbered', files => shift, warm_up => WARM_SECONDS} }},
        {name => 'workers', base => 1, numbers => [1, 2, 4, 8], workload => sub { {workers => shift} }},
    );
}

# Files take an inode and a block each; a quarter more than that must be free.
sub has_room {
    my $count = shift;
    my ($inodes, $kib) = `df --output=iavail,avail -k '$bench{folder}'` =~ /(\d+)\s+(\d+)\s*$/;
    return 1 if !defined $inodes || $inodes == 0 && $count <= 10_000; # some file systems do not count inodes
    return 1 if $inodes > 1.25 * $count && $kib > 1.25 * $count * FILE_KIB;
    notice('scale: ' . grouped($count) . " files are left out: $bench{folder} has no room for them");
    return 0;
}

# Returns the points of an axis: {number, workload, instances}. Each has servers of its own, as memory depends on what a
# server has seen.
sub points {
    my $axis = shift;
    my @points;
    for my $number (@{$axis->{numbers}}) {
        my $workload  = {name => "$axis->{name}-$number", file => '1k.txt', %{$axis->{workload}->($number)}};
        my @instances = map { launch({name => $_}, $workload) } @compared;
        push @points, {number => $number, workload => $workload, instances => \@instances};
    }
    settle();
    return @points;
}

# Measures an axis: {name, points => [{number, of => {server => {cpu, ratio, memory}}}]}.
sub measure_axis {
    my $axis = shift;
    notice("scale: $axis->{name}");
    my @points = points($axis);
    my %rounds; # server, number: figures
    for my $round (1 .. $bench{rounds}) {
        print STDERR "\rscale: $axis->{name}: round $round of $bench{rounds} \r" if -t STDERR;
        for my $point (in_turn($round, @points)) {
            for my $instance (in_turn($round, @{$point->{instances}})) {
                push @{$rounds{$instance->{server}{name}}{$point->{number}}},
                    turn($instance, $point->{workload}, $bench{seconds} * DURATION_FACTOR);
            }
        }
    }
    dismiss($_) for map { @{$_->{instances}} } @points;
    return {name => $axis->{name}, points => [map { medians($axis, $_, \%rounds) } @{$axis->{numbers}}]};
}

sub medians {
    my ($axis, $number, $rounds) = @_;
    my %of;
    for my $name (@compared) {
        my ($figures, $base) = @{$rounds->{$name}}{$number, $axis->{base}};
        $of{$name} = {
            cpu    => median(map { $_->{cpu} } @$figures),
            memory => median(map { $_->{memory} } @$figures),
            ratio  => median(map { $figures->[$_]{cpu} / $base->[$_]{cpu} } 0 .. $#$figures),
        };
    }
    return {number => $number, of => \%of};
}

# Draws $path, and returns [title, head, rows] for the summary.
sub measure_scale {
    my $path = shift;
    my @axes = axes();
    my ($files) = map { $_->{numbers}[-1] } grep { $_->{name} eq 'files' } @axes;
    print "\nscale: 1 KiB; the cost as connections, files and workers grow\n";
    print STDERR 'bench: scale: writing ' . grouped($files) . " files\n";
    write_numbered($files);
    my @measured = map { measure_axis($_) } @axes;
    plot($path, 'CPU time of a request, in microseconds', [map { panel($_) } @measured], \@compared);
    my @rows;
    for my $axis (@measured) {
        for my $point (@{$axis->{points}}) {
            push @rows, [label($axis->{name}, $point->{number}), map { cell($point->{of}{$_}) } @compared];
        }
    }
    return ['CPU time of a request in us, as a ratio to 64 connections, 10 files or 1 worker, and the memory',
        ['', @compared], @rows];
}

sub cell { my $of = shift; return sprintf '%.2f (%.2f), %.1f MiB', @$of{qw(cpu ratio)}, $of->{memory} / 1024 }

sub label {
    my ($name, $number) = @_;
    return grouped($number) . ' ' . ($number == 1 ? $name =~ s/s$//r : $name);
}

sub panel {
    my $axis = shift;
    my %lines;
    for my $name (@compared) { $lines{$name} = [map { [$_->{number}, $_->{of}{$name}{cpu}] } @{$axis->{points}}] }
    return {title => $axis->{name}, lines => \%lines};
}

1;
