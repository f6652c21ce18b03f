# Measures workloads in rounds. The servers of a workload keep running, each idle while another is measured. Within a
# round each has a short turn, in reversed order every other round, and ratios are taken within the round, so that other
# load of the machine changes both sides of a ratio.
package Measure;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max min);
use Time::HiRes qw(sleep time);

use Clients;
use Machine;
use Servers;
use Workloads;

our @EXPORT = qw(measure_workload launch dismiss turn in_turn settle @figures);

use constant {
    WARM_UP    => 0.3, # seconds: fills the caches and wakes the CPU
    WARM_AGAIN => 0.1, # the same, before each further measurement
};

# The figures: their names, and whether more is better.
our @figures = (
    {name => 'cpu', head => 'CPU us/request', format => '%.2f'},
    {name => 'rate', head => 'requests/s', format => '%.0f', more => 1},
    {name => 'p99', head => '99% within ms', format => '%.3f'},
    {name => 'memory', head => 'memory KiB', format => '%.0f'},
);

my $first_served = 0; # when a tinyhttpd had served the files for the first time

my @both = (['ceiling send', 'send'], ['ceiling sendfile', 'sendfile']);

# Returns the servers of a workload in the order of a round: ours between the ceilings, or each without and with a log.
sub servers {
    my ($workload, $head) = @_;
    if (my $logged = $workload->{logged}) {
        return map { ({name => "$_ without", program => $_}, {name => $_, base => "$_ without", logged => $logged}) }
            'tinyhttpd', grep { $_ ne 'lwan' } others();
    }
    my @ceilings;
    for my $ceiling (@{$workload->{ceilings} // \@both}) {
        my ($name, $way, @options) = @$ceiling;
        my $listed_only = $name =~ /^\(/ ? 1 : 0;
        push @ceilings, {name => $name, ceiling => 1, way => $way, listed_only => $listed_only,
            head => $listed_only ? $head->{unmodified} : $head->{ok},
            options => [@{$workload->{options} // []}, @options]};
    }
    my @servers = ({name => 'tinyhttpd'}, map { {name => $_} } others());
    $_->{base} = $workload->{base} for @servers;
    return (@ceilings ? shift @ceilings : (), shift @servers, @ceilings, @servers);
}

# Returns the sizes of our server's heads, as the ceilings send heads of the same size.
sub head_lengths {
    my $workload = shift;
    my $process  = start_server({name => 'tinyhttpd'}, $workload);
    my $ok       = ask($process->{port}, $workload->{file}, @{$workload->{fields} // []});
    my %head     = (ok => $ok->{head});
    $head{unmodified} = ask($process->{port}, $workload->{file}, $ok->{validators}[0])->{head}
        if $workload->{unmodified};
    stop($process);
    return \%head;
}

# ---- One server ----

# Starts a server, checks its responses, and warms it up. Returns undef if it is optional and can't serve this workload.
sub launch {
    my ($server, $workload) = @_;
    my ($reader, $sink) = $server->{logged} ? start_reader() : ();
    my $process = start_server($server, $workload, $sink);
    close $sink if $sink; # so that only the server writes to the pipe
    my $instance = {%$process, server => $server, reader => $reader};
    my $fault = check_responses($instance, $workload);
    if ($fault) {
        leave_out($server, $workload, $fault);
        dismiss($instance);
        return;
    }
    $instance->{script} = script_for($workload, $server->{name}, $instance->{validators});
    load($workload->{warm_up} // WARM_UP, $workload, $instance);
    $first_served = time if $server->{name} =~ /^tinyhttpd/;
    return $instance;
}

# Leaves out an optional server. If another one fails, the benchmark ends.
sub leave_out {
    my ($server, $workload, $fault) = @_;
    fail("$server->{name} $fault") unless is_optional($server->{name});
    notice("$workload->{name}: $server->{name} is left out: it $fault");
    return;
}

sub dismiss { my $instance = shift; stop($_) for grep { defined } $instance, $instance->{reader}; return }

# Sets the instance's fields, validators and length of a response. Returns how the responses are wrong, or nothing.
sub check_responses {
    my ($instance, $workload) = @_;
    my ($server, $port) = @$instance{qw(server port)};
    my ($status, $bytes) = ($workload->{expect} // 200, $size{$workload->{ceiling_file} // $workload->{file}});
    $status = 200 if $server->{ceiling};
    my @fields = @{$workload->{fields} // []};
    my $answer = ask($port, $workload->{file}, @fields);
    my @validators;
    if ($workload->{unmodified} && !$server->{ceiling}) {
        @fields = $answer->{validators}[0] // ();
        my $again = ask($port, $workload->{file}, @fields);
        return "answers $again->{status} where 304 is due" if $again->{status} != 304;
    } elsif (($workload->{script} // '') eq 'site') {
        my $fault = check_site($port, \@validators, @fields);
        return $fault if $fault;
    } elsif (!$server->{listed_only}) {
        return "answers $answer->{status} with $answer->{body} bytes, not $status with $bytes"
            if $answer->{status} != $status || $answer->{body} != $bytes;
    }
    $instance->{fields} = \@fields;
    $instance->{length} = $answer->{length};
    $instance->{validators} = \@validators;
    return;
}

# Requests each file of the site, and again with its validators, which it collects. First waits until tinyhttpd sends
# validators: it sends none of a file that changed a moment ago.
sub check_site {
    my ($port, $validators, @fields) = @_;
    ask($port, site_file($_), @fields) for 0 .. SITE_FILES - 1;
    sleep SETTLED;
    for my $i (0 .. SITE_FILES - 1) {
        my $answer = ask($port, site_file($i), @fields);
        return "answers $answer->{status} with $answer->{body} bytes of " . site_file($i)
            if $answer->{status} != 200 || $answer->{body} != size_of_site_file($i);
        my $again = ask($port, site_file($i), @fields, @{$answer->{validators}});
        return "answers $again->{status} where 304 is due for " . site_file($i) if $again->{status} != 304;
        push @$validators, $answer->{validators};
    }
    return;
}

# Waits until tinyhttpd trusts the files' times.
sub settle { sleep max(0, $first_served + SETTLED - time); return }

# Measures one server: its figures, or undef if it is left out.
sub turn {
    my ($instance, $workload, $duration) = @_;
    my $background = start_background($workload, $instance);
    load(WARM_AGAIN, $workload, $instance);
    my $name = $instance->{server}{name};
    my @tree = tree($instance->{pid});
    my ($measured, $spent, $requests);
    for my $factor (1, 4, 16) { # on a busy machine thousands of connections may not get an answer in a second
        my $before = cpu_nanoseconds(@tree);
        $measured  = load($duration * $factor * ($workload->{long} // 1), $workload, $instance);
        $spent = cpu_nanoseconds(@tree) - $before;
        $requests = $workload->{by_bytes} ? $measured->{bytes} / $instance->{length} : $measured->{requests};
        last if $requests > 0;
    }
    my $memory = memory(@tree);
    fail("$name ended: ", slurp($instance->{log})) if ended($instance);
    if ($background) {
        fail("$name: ", slurp($background->{log})) if ended($background);
        stop($background);
    }
    return leave_out($instance->{server}, $workload, 'answered nothing') unless $requests > 0;
    return {
        cpu    => $spent / 1000 / $requests,
        rate   => $requests / ($measured->{duration} / 1e6),
        p99    => $measured->{requests} && !$workload->{no_latency} ? $measured->{p99} / 1000 : undef,
        memory => $memory,
        errors => $measured->{errors},
    };
}

# ---- Rounds ----

# The list in the order of a round.
sub in_turn {
    my ($round, @all) = @_;
    return $round % 2 ? @all : reverse @all;
}

# Starts a server for one turn only.
sub turn_alone {
    my ($server, $workload) = @_;
    my $instance = launch($server, $workload) or return;
    settle() if $server->{name} =~ /^tinyhttpd/;
    my $figures = turn($instance, $workload, $bench{seconds});
    dismiss($instance);
    return $figures;
}

# Returns {servers, rounds}: each round has the figures of each server, and the figures that its ratios are of.
sub measure_workload {
    my $workload = shift;
    my @servers  = servers($workload, head_lengths($workload));
    my %instance;
    if (!$workload->{alone}) {
        $instance{$_->{name}} = launch($_, $workload) for @servers;
        @servers = grep { $instance{$_->{name}} } @servers;
        settle();
    }
    my @rounds;
    for my $round (1 .. $bench{rounds}) {
        print STDERR "\r$workload->{name}: round $round of $bench{rounds} \r" if -t STDERR;
        my %of;
        for my $server (in_turn($round, @servers)) {
            my $name = $server->{name};
            $of{$name} = $workload->{alone} ? turn_alone($server, $workload)
                : turn($instance{$name}, $workload, $bench{seconds});
        }
        @servers = grep { $of{$_->{name}} } @servers;
        my @ceilings = grep { $_->{ceiling} && !$_->{listed_only} } @servers;
        my $ceiling  = @ceilings ? better_ceiling(\%of, @ceilings) : undef;
        push @rounds, {of => \%of, base => {map { $_->{name} => $_->{base} ? $of{$_->{base}} : $ceiling } @servers}};
    }
    dismiss($_) for grep { defined } values %instance;
    return {workload => $workload, rounds => \@rounds, servers => \@servers};
}

sub better_ceiling {
    my ($of, @ceilings) = @_;
    my %better;
    for my $figure (@figures) {
        my @values = grep { defined } map { $of->{$_->{name}}{$figure->{name}} } @ceilings;
        $better{$figure->{name}} = $figure->{more} ? max(@values) : min(@values);
    }
    return \%better;
}

1;
