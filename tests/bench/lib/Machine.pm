# The machine of a benchmark: files, CPUs, processes and what they cost.
package Machine;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use List::Util qw(first min sum0);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(EX_USAGE EX_UNAVAILABLE START_SECONDS SETTLED %bench fail notice slurp put make_folder find_program
    two_cpus start stop ended wait_for tree cpu_nanoseconds memory free_port descriptors median grouped);

use constant { EX_USAGE => 64, EX_UNAVAILABLE => 69, EX_SOFTWARE => 70 };

use constant {
    START_SECONDS => 10,     # limit for the start and the end of a process
    SETTLED       => 4,      # seconds from tinyhttpd's first stat of a file until it trusts its times (LIMIT_RACY_MS)
    DESCRIPTORS   => 32_768, # for servers that keep a descriptor for each of many files
};

# What the modules share: folder, rounds, seconds, program (a hash), server_cpu, client_cpu, owner (this process).
our %bench = (owner => $$);
my @running;

$SIG{$_} = sub { exit 128 + 15 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { fail('a program hangs') };

END {
    if ($$ == $bench{owner}) {
        my $status = $?;
        stop($_) for my @all = @running;
        system 'rm', '-rf', "$bench{folder}/www/n" if $bench{folder}; # a million files: Perl takes minutes
        $? = $status;
    }
}

sub fail { print STDERR "bench: @_\n"; exit EX_SOFTWARE }

sub notice { print STDERR "bench: @_\n"; return }

# ---- Files ----

sub make_folder {
    $bench{folder} = tempdir('tinyhttpd-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    return;
}

sub slurp {
    my $path = shift;
    open my $file, '<', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub put {
    my ($path, $bytes) = @_;
    open my $file, '>', "$bench{folder}/$path" or fail("$bench{folder}/$path: $!");
    print {$file} $bytes;
    close $file or fail("$bench{folder}/$path: $!");
    return;
}

# Servers may be outside the PATH of ordinary users.
sub find_program {
    my $name = shift;
    return first { -x } map {"$_/$name"} split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
}

# ---- CPUs ----

# The first CPU that this process may use, and another one, on another core if possible.
sub two_cpus {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m or fail('/proc/self/status has no CPUs');
    my ($one, @others) = numbers($list);
    my $topology = "/sys/devices/system/cpu/cpu$one/topology/thread_siblings_list";
    my %sibling  = map { $_ => 1 } -r $topology ? numbers(slurp($topology)) : ();
    return ($one, (grep { !$sibling{$_} } @others), @others);
}

# "0-2,5" is 0, 1, 2, 5.
sub numbers { return map { /^(\d+)-(\d+)$/ ? ($1 .. $2) : /(\d+)/ } split /,/, shift }

# ---- Processes ----

# Starts a command (an array) or a function. Its output goes to a file of its name, or to the handle $output. Each
# process leads a process group, so that its workers can be ended with it.
sub start {
    my ($name, $what, $output) = @_;
    my $log = "$bench{folder}/$name.log";
    my $pid = fork // fail("fork: $!");
    if ($pid == 0) {
        setpgrp;
        @SIG{qw(INT TERM HUP ALRM PIPE)} = ('DEFAULT') x 5;
        open STDIN,  '<', '/dev/null';
        open STDERR, '>', $log;
        open STDOUT, '>&', $output // \*STDERR;
        ref $what eq 'CODE' ? eval { $what->(); 1 } || print STDERR $@ : exec @$what;
        POSIX::_exit(127);
    }
    push @running, $pid;
    return {name => $name, pid => $pid, log => $log};
}

sub ended { my $process = shift; return waitpid($process->{pid}, WNOHANG) != 0 }

# Returns whether the process ended within the limit.
sub wait_for {
    my ($process, $limit) = @_;
    my $end = time + $limit;
    while (!ended($process)) {
        return 0 if time > $end;
        sleep 0.005;
    }
    @running = grep { $_ != $process->{pid} } @running;
    return 1;
}

sub stop {
    my $pid = ref $_[0] ? $_[0]{pid} : $_[0];
    return unless grep { $_ == $pid } @running;
    kill 'TERM', -$pid, $pid; # the pid too: it may not have called setpgrp yet
    my $gone = wait_for({pid => $pid}, START_SECONDS);
    kill 'KILL', -$pid, $gone ? () : $pid;
    waitpid $pid, 0 unless $gone;
    @running = grep { $_ != $pid } @running;
    return;
}

# The pids of a process and its descendants.
sub tree {
    my $root = shift;
    my %children;
    for my $path (glob '/proc/[0-9]*/stat') {
        push @{$children{$2}}, $1 if slurp($path) =~ /^(\d+) \(.*\) \S (\d+)/s;
    }
    my @tree = ($root);
    for (my $i = 0; $i < @tree; $i++) { push @tree, @{$children{$tree[$i]} // []} }
    return @tree;
}

sub cpu_nanoseconds {
    return sum0 map { (split ' ', slurp($_))[0] // 0 } map { glob "/proc/$_/task/*/schedstat" } @_;
}

# KiB: the proportional set size, or the resident set if that can't be read.
sub memory {
    return sum0 map {
        slurp("/proc/$_/smaps_rollup") =~ /^Pss:\s+(\d+)/m || slurp("/proc/$_/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0
    } @_;
}

# A port below the ephemeral range: in it, an outgoing connection could take the port before the server does, or connect
# to itself.
sub free_port {
    for (1 .. 100) {
        my $port = 10_000 + int rand 20_000;
        return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1);
    }
    fail("no free port: $@");
}

sub descriptors {
    my ($hard) = slurp('/proc/self/limits') =~ /^Max open files\s+\d+\s+(\d+)/m;
    return min($hard // DESCRIPTORS, DESCRIPTORS);
}

# ---- Numbers ----

sub median {
    my @values = sort { $a <=> $b } grep { defined } @_;
    return @values ? ($values[$#values / 2] + $values[@values / 2]) / 2 : undef;
}

# 10000 is 10,000.
sub grouped {
    my $number = reverse shift;
    return scalar reverse $number =~ s/(\d{3})(?=\d)/$1,/gr;
}

1;
