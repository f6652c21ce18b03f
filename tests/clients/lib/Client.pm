# For the trials of tests/clients: the table of clients, and what a trial may call. A trial runs in a process of its
# own, in an empty folder, with an environment and a HOME of its own. It dies with the reason if the client fails.
package Client;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Path qw(make_path);
use Fresh ();
use Harness;
use POSIX ();

our @EXPORT = qw(client run serve served url settle requests same same_tree equal true bytes_of write_file noise
    http_date program_file);

# Seconds, enough for a loaded machine; only failing trials take that long.
use constant PATIENCE => 180;

my @clients;
my ($server, $root, $work, $first_line, $checks);

# Adds a client to the table. Each need is [Debian package, command in PATH] or, with arguments, a command that succeeds
# if the package is there.
sub client {
    my ($name, $needs, $trial) = @_;
    push @clients, { name => $name, needs => $needs, trial => $trial };
    return;
}

sub all { return @clients }

# Names the server that all trials use.
sub use_server { ($server) = @_; return }

# Returns the needs that this machine lacks.
sub missing {
    my ($client) = @_;
    return grep {
        my (undef, $command, @arguments) = @$_;
        my $there = $command =~ m{/} ? -x $command : have($command);
        !$there || @arguments && system("'$command' @arguments >/dev/null 2>&1") != 0;
    } @{ $client->{needs} };
}

# Runs a trial. Returns '' or why it failed, and the client's last lines.
sub try {
    my ($client, $folder) = @_;
    ($root, $work) = ($server->{root}, $folder);
    $first_line = () = $server->log =~ /\n/g;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP ALRM);
        alarm 0;
        begin();
        $checks = 0;
        my $why = eval { $client->{trial}->(); 1 } ? $checks ? '' : 'nothing was compared' : "$@";
        write_file('verdict', $why =~ s/\s+/ /gr);
        POSIX::_exit($why ? 1 : 0);
    }
    setpgrp $pid, $pid;
    local @SIG{qw(INT TERM HUP)} = (sub { kill 'KILL', -$pid; exit 1 }) x 3;
    my $status = Harness::reap($pid, PATIENCE);
    kill 'KILL', -$pid;
    waitpid $pid, 0 if !defined $status;
    my $why = bytes_of('verdict');
    $why = "not at its end after ${\PATIENCE} s" if !defined $status;
    $why ||= "status $status" if $status;
    return ($why, $why ? bytes_of('stdout') . bytes_of('stderr') : '');
}

# An environment without the user's settings and proxies.
sub begin {
    %ENV = (PATH => "$ENV{PATH}:/usr/sbin:/sbin", HOME => "$work/home", TMPDIR => "$work/tmp", LANG => 'C.UTF-8',
        TERM => 'dumb');
    make_path($ENV{HOME}, $ENV{TMPDIR});
    chdir $work or die "$work: $!";
    umask 022;
    return;
}

# Runs a command in the trial's folder and returns its output; dies if its exit status is not 0. A hash in front may
# have `in`, another folder, and `status`, another exit status.
sub run {
    my $how = ref $_[0] ? shift : {};
    my @command = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        chdir $how->{in} or POSIX::_exit(126) if $how->{in};
        open STDIN,  '<', '/dev/null'    or POSIX::_exit(126);
        open STDOUT, '>', "$work/stdout" or POSIX::_exit(126);
        open STDERR, '>', "$work/stderr" or POSIX::_exit(126);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $out = bytes_of('stdout');
    return $out if $? == ($how->{status} || 0) << 8;
    my ($last) = grep { /\S/ } reverse split /[\r\n]+/, bytes_of('stdout') . "\n" . bytes_of('stderr');
    die "'$command[0]' ended with status ${\($? >> 8)}, signal ${\($? & 127)}: " . ($last // 'no message') . "\n";
}

sub url { return $server->url($_[0]) }

# The path of a file or folder beneath the root; makes the folder.
sub served {
    my ($name) = @_;
    make_path(dirname("$root/$name"));
    return "$root/$name";
}

# Writes a file beneath the root.
sub serve { return put_file($root, @_) }

# Waits until responses for these files have Last-Modified and ETag, from all workers: each omits them until it has
# known the file for some seconds.
sub settle {
    my $reader = Fresh->reader($server, crowd => scalar(my @workers = $server->workers));
    for my $path (@_) {
        my $request = "HEAD $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
        eventually {
            my @results   = map { $server->exchange($request, socket => $_, count => 1) } @{ $reader->{crowd} };
            my @responses = map { $_->{responses}[0] } @results;
            !grep { !defined $_->{field}{'last-modified'} } @responses;
        } or die "$path does not settle\n";
    }
    return;
}

# Returns this trial's requests whose log line matches, once there are `count` of them, each { status, bytes }.
sub requests {
    my ($pattern, $count) = @_;
    my @found;
    eventually {
        my @lines = split /^/, $server->log;
        @found = grep { /\n\z/ && $_ =~ $pattern } @lines[$first_line .. $#lines];
        @found >= $count;
    } or die 'only ' . @found . " requests, not $count, like $pattern\n";
    return map { m{" (\d+) (\d+) } ? { status => $1, bytes => $2 } : () } @found;
}

# ---------------------------------------------------------------------------------------------------------
# Checks

sub true {
    my ($is, $what) = @_;
    $checks++;
    $is or die "$what\n";
    return;
}

sub equal {
    my ($got, $expected, $what) = @_;
    true($got eq $expected, "$what: '$got', not '$expected'");
    return;
}

# Compares a file of the trial's folder with one beneath the root; both may be absolute.
sub same {
    my ($got, $original) = map { $_->[1] =~ m{\A/} ? $_->[1] : "$_->[0]/$_->[1]" } [$work, $_[0]], [$root, $_[1]];
    -f $got or true(0, "there is no $_[0]");
    my ($its, $ours) = map { Harness::slurp_raw($_) } $got, $original;
    true($its eq $ours && length $ours, "$_[0] differs from $_[1]: " . length($its) . ' bytes, not ' . length $ours);
    return;
}

# Compares all files of two folders; names that match `but` may be in the first one alone.
sub same_tree {
    my ($got, $original, $but) = @_;
    my ($its, $ours) = ({}, {});
    for ([$its, "$work/$got"], [$ours, "$root/$original"]) {
        my ($files, $folder) = @$_;
        my $wanted = sub { $files->{ substr $_, length($folder) + 1 } = 1 if -f };
        find({ no_chdir => 1, wanted => $wanted }, $folder) if -d $folder;
    }
    delete @$its{ grep { $but && /$but/ && !$ours->{$_} } keys %$its };
    equal(join("\n", sort keys %$its), join("\n", sort keys %$ours), "files of $got");
    same("$got/$_", "$original/$_") for sort keys %$ours;
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Files of the trial

sub write_file { return put_file($work, @_) }
sub bytes_of   { return Harness::slurp_raw("$work/$_[0]") }

# A program in tests/clients/programs.
sub program_file { return dirname(__FILE__) . "/../programs/$_[0]" }

1;
