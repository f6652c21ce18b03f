# Prints figures: each workload's own table, and the rows of README.md.
package Tables;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(sum0);

use Machine;
use Measure;
use Servers;

our @EXPORT = qw(print_workload print_summary print_markdown);

sub ratios {
    my ($rounds, $server, $figure) = @_;
    return map { $_->[1] ? $_->[0] / $_->[1] : () } grep { defined $_->[0] }
        map { [$_->{of}{$server}{$figure}, $_->{base}{$server}{$figure}] } @$rounds;
}

# Prints a workload's table, and returns its line of the summary.
sub print_workload {
    my $measured = shift;
    my ($workload, $rounds) = @$measured{qw(workload rounds)};
    printf "\n%s: %s; %d connections\n", $workload->{name}, $workload->{title}, $workload->{connections} // 64;
    my ($first, @others) = map { $_->{head} } @figures;
    printf "  %-17s %14s %19s %19s %19s %19s\n", '', $first, '(lowest-highest)', @others;
    my %line = (workload => $workload);
    for my $name (map { $_->{name} } @{$measured->{servers}}) {
        printf '  %-17s', $name;
        for my $figure (@figures) {
            my @ratios = sort { $a <=> $b } ratios($rounds, $name, $figure->{name});
            my $value  = median(map { $_->{of}{$name}{$figure->{name}} } @$rounds);
            my $ratio  = median(@ratios);
            printf $figure->{name} eq 'cpu' ? ' %8s %5s' : ' %12s %6s',
                defined $value ? sprintf($figure->{format}, $value) : '-',
                defined $ratio ? sprintf('%.2f', $ratio)            : '-';
            next unless $figure->{name} eq 'cpu';
            printf ' %19s', @ratios ? sprintf '(%.2f-%.2f)', @ratios[0, -1] : '';
            $line{$name} = $ratio;
        }
        my $errors = sum0 map { $_->{of}{$name}{errors} } @$rounds;
        print $errors ? "  $errors errors\n" : "\n";
    }
    return \%line;
}

# Prints a table as README.md has it.
sub print_markdown {
    my ($head, @rows) = @_;
    printf "\n| %s |\n|%s\n", join(' | ', @$head), '---|' x @$head;
    print '| ', join(' | ', @$_), " |\n" for @rows;
    return;
}

sub print_rows {
    my ($title, $lines, $goals, @servers) = @_;
    return unless @$lines;
    print "\n$title\n";
    print_markdown(['workload', @servers, $goals ? 'goal' : ()], map {
        my $line = $_;
        [$line->{workload}{title}, (map { defined $line->{$_} ? sprintf '%.2f', $line->{$_} : '–' } @servers),
            $goals ? $line->{workload}{goal} // '–' : ()];
    } @$lines);
    return;
}

sub print_summary {
    my @lines  = @_;
    my @logged = grep { $_->{workload}{logged} } @lines;
    my @relative = grep { $_->{workload}{base} } @lines;
    my @plain  = grep { !$_->{workload}{logged} && !$_->{workload}{base} } @lines;
    my @others = others();
    print_rows("CPU time per request, as a ratio to the better ceiling's (median over the rounds)",
        \@plain, 1, 'tinyhttpd', @others);
    print_rows("CPU time per request, as a ratio to nginx's", \@relative, 0, 'tinyhttpd', @others);
    print_rows("CPU time per request, as a ratio to the same server's without a log",
        \@logged, 1, 'tinyhttpd', grep { $_ ne 'lwan' } @others);
    return;
}

1;
