# For the black-box tests: document roots, running servers, raw exchanges and a strict parser of responses. It knows
# HTTP from RFC 9110 and RFC 9112, and the program only by its command line.
package Harness;

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::MD5;
use Errno qw(EAGAIN EINTR ENOENT EPIPE ECONNRESET);
use Exporter qw(import);
use Fcntl qw(F_GETFL F_SETFL O_NOCTTY O_NONBLOCK O_RDWR);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::IP;
use POSIX qw(:sys_wait_h);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_RCVBUF SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time sleep);

our @EXPORT = qw(new_root put_file get_request run_program program eventually at_rest asleep_until slurp bound_seconds
    processes_of_group cpu_seconds resident_bytes resident_bytes_of free_port responses_framed connect_to rest_of_download sip children_of
    log_writers_of have slices_of http_date noise told put_canary without_privileges is_sanitized is_musl preload slow_clock overwrite_shared_memory
    a_pipe a_terminal on_terminal);

# Seconds, enough for a loaded machine under ASan; only tests that hang wait that long.
use constant PATIENCE => $ENV{TEST_PATIENCE} || 300;

# The workers may run as another user, who must be able to read what the tests write.
umask(umask() & 022);

# Serve every site below this path (--base), and request it there: below_base.t runs other files again so.
use constant BASE => $ENV{TEST_BASE} || '';

# Variables that the server reads.
delete @ENV{ grep { /\A(?:TINYHTTPD_.*|PORT|NO_COLOR)\z/ } keys %ENV };

my $program = $ENV{TINYHTTPD} || dirname(abs_path(__FILE__)) . '/../../../tinyhttpd';
my @running;    # servers to kill at the end
my @problems;   # every response that broke the framing rules
my $owner = $$; # forked children must not run the END block

BAIL_OUT("no program at $program: build it, or name it in TINYHTTPD") if !-x $program;
$program = abs_path($program);

$SIG{PIPE} = 'IGNORE';
$SIG{$_}   = sub { exit 1 } for qw(INT TERM HUP);
$SIG{ALRM} = sub { diag('the time for this file is over'); exit 1 };
alarm 7000;

END {
    if ($$ == $owner) {
        my $status = $?;
        for my $server (@running) {
            kill 'KILL', -$server->{pid};
            waitpid $server->{pid}, 0;
        }
        $? = $status;
    }
}

# The time of a file that takes longer than the default above.
sub bound_seconds { alarm shift; return }

sub program { return $program }

# True if the program is built with ASan, whose own memory spoils figures of memory.
sub is_sanitized { return slurp($program) =~ /__asan_init/ }

# 1 if the C library is musl, else 0.
sub is_musl { return slurp($program) =~ m{/ld-musl-} ? 1 : 0 }

# The environment in which the program loads these libraries of tests/http/preload before all but ASan's, if that is a
# library: it must come first, and has functions for memory of its own.
sub preload {
    my (@names) = @_;
    my @libraries = map { dirname($program) . "/preload/$_.so" } @names;
    -r or BAIL_OUT("no library at $_: make tests builds it") for @libraries;
    my ($asan) = is_sanitized() ? `ldd '$program'` =~ m{^\s*libasan\S* => (\S+)}m : ();
    return (LD_PRELOAD => join ' ', $asan || (), @libraries);
}

# The environment that makes the server's monotonic clock ten times as slow, so that its deadlines do not expire on a busy
# machine. Not for tests of deadlines.
sub slow_clock { return (preload('clock'), CLOCK_SLOWER => 10) }

# True if a command is in PATH.
sub have {
    my ($name) = @_;
    return scalar grep { -x "$_/$name" } split /:/, $ENV{PATH} || '';
}

# A file's bytes. The server's own lines are without their time, which log_files.t tests.
sub slurp { return undated(slurp_raw(@_)) }

sub slurp_raw {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    my $bytes = <$file>;
    return defined $bytes ? $bytes : '';
}

sub undated { return $_[0] =~ s/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?=tinyhttpd[ :])//mgr }

# Seconds between two polls.
use constant STEP => 0.02;

# Polls until the condition holds. Returns its value; false if it does not hold in time.
sub eventually(&) {
    my ($condition) = @_;
    my $deadline = time + PATIENCE;
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return $value if time > $deadline;
        sleep STEP;
    }
}

# Polls until the condition holds. Returns for how many seconds all processes of the group slept meanwhile, so what the
# server waited for, whatever a busy machine made of it: processes that lack a CPU are runnable, those that lack memory
# or a disk are in an uninterruptible sleep. Undef if they slept for `seconds`, or if the condition does not hold in time.
sub asleep_until(&$;$) {
    my ($condition, $group, $seconds) = @_;
    my ($now, $slept, $last) = (time, 0, 0);
    my $deadline = $now + PATIENCE;
    until ($condition->()) {
        $slept += $last; # only now: a server that sleeps when the condition holds has done what there was to do
        return if $now > $deadline || defined $seconds && $slept >= $seconds;
        sleep STEP;
        (my $before, $now) = ($now, time);
        $last = slept_since($before, $group, 2 * STEP);
    }
    return $slept;
}

# Waits until all processes of the group sleep: they have done what there was to do. True unless that takes too long.
sub at_rest {
    my ($group) = @_;
    my $looks = 0;
    return eventually { ($looks = is_asleep($group) ? $looks + 1 : 0) >= 3 };
}

# ---------------------------------------------------------------------------------------------------------
# Files

# Makes an empty document root; other users may enter it, as the server may run as another user.
sub new_root {
    my $directory = tempdir('tinyhttpd-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $directory;
    return $directory;
}

# Writes a file beneath the root and the folders above it. Names are bytes.
sub put_file {
    my ($root, $name, $bytes) = @_;
    my $path = "$root/$name";
    my $folder = $path =~ s{/[^/]*\z}{}r;
    make_path($folder, { mode => 0755 }) if !-d $folder;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} defined $bytes ? $bytes : '' or die "$path: $!";
    close $file or die "$path: $!";
    chmod 0644, $path;
    return $path;
}

# The ioctls of pts(4) and ioctl_tty(2), the same on x86-64 and arm64.
use constant { TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430, TIOCSCTTY => 0x540E };

# Destinations of a log: (the end to read, the end to write to); empty where there is no pseudo-terminal.
sub a_pipe { pipe my $reader, my $writer or die $!; return ($reader, $writer) }

sub a_terminal {
    sysopen my $pty, '/dev/ptmx', O_RDWR | O_NOCTTY or return;
    my $number = pack 'i', 0;
    ioctl $pty, TIOCSPTLCK, $number or return;
    ioctl $pty, TIOCGPTN, $number or return;
    my $name = '/dev/pts/' . unpack 'i', $number;
    sysopen my $tty, $name, O_RDWR | O_NOCTTY or return;
    return ($pty, $tty, $name);
}

# Runs a command on a pseudo-terminal that controls it. Variables of the environment that are undef are removed. Returns
# (pid, the end to read and type, the terminal's name), or nothing where there is no pseudo-terminal.
sub on_terminal {
    my ($environment, @command) = @_;
    my ($pty, $tty, $name) = a_terminal() or return;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        POSIX::setsid();
        ioctl $tty, TIOCSCTTY, my $none = 0;
        %ENV = (%ENV, %$environment);
        delete @ENV{ grep { !defined $ENV{$_} } keys %ENV };
        open STDIN,  '<&', $tty or POSIX::_exit(126);
        open STDOUT, '>&', $tty or POSIX::_exit(126);
        open STDERR, '>&', $tty or POSIX::_exit(126);
        $SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP ALRM);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    close $tty;
    blocking($pty, 0);
    return ($pid, $pty, $name);
}

# Bytes that no shift or repetition reproduces.
sub noise {
    my ($size, $seed) = @_;
    my ($bytes, $block) = ('', Digest::MD5::md5($seed));
    while (length $bytes < $size) {
        $block = Digest::MD5::md5($block);
        $bytes .= $block;
    }
    return substr $bytes, 0, $size;
}

# The preferred form of a date (RFC 9110 5.6.7).
sub http_date {
    my ($seconds) = @_;
    return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $seconds);
}

# Escapes and shortens bytes for a test's name.
sub told {
    my ($bytes) = @_;
    $bytes =~ s/([^\x20-\x7e])/sprintf '<%02X>', ord $1/ge;
    return length $bytes > 90 ? substr($bytes, 0, 84) . '...' : $bytes;
}

# ---------------------------------------------------------------------------------------------------------
# Processes, from /proc

# [pid, state, ppid, pgrp, utime + stime in ticks, name] of each process. A name may hold blanks and brackets.
sub process_table {
    my @table;
    for my $path (glob '/proc/[0-9]*/stat') {
        my ($pid, $name, $rest) = slurp($path) =~ /\A(\d+) \((.*)\) (.*)/s or next;
        my @field = split ' ', $rest;
        push @table, [$pid, $field[0], $field[1], $field[2], $field[11] + $field[12], $name];
    }
    return @table;
}

sub children_named {
    my ($parent, $is_named) = @_;
    return sort { $a <=> $b } map { $_->[0] } grep { $_->[2] == $parent && $_->[1] ne 'Z' && $is_named->($_->[5]) } process_table();
}

# Without the log writers and the browser's process.
sub children_of    { return children_named($_[0], sub { $_[0] !~ /\Atinyhttpd-(?:log|open)\z/ }) }
sub log_writers_of { return children_named($_[0], sub { $_[0] eq 'tinyhttpd-log' }) }

sub processes_of_group {
    my ($group) = @_;
    return map { $_->[0] } grep { $_->[3] == $group && $_->[1] ne 'Z' } process_table();
}

# True if neither the leader of a group nor a process below it is runnable, or waits for memory or a disk.
sub is_asleep {
    my ($group) = @_;
    return !grep { $_->[3] == $group && $_->[1] =~ /[RD]/ } process_table() if !-e "/proc/$$/task/$$/children";
    my @pids = ($group);
    while (defined(my $pid = shift @pids)) {
        return 0 if slurp("/proc/$pid/stat") =~ /\) [RD] /;
        push @pids, split ' ', slurp("/proc/$pid/task/$pid/children");
    }
    return 1;
}

# The seconds since this time if the group sleeps now; not more than `most`, as this process may have lacked a CPU.
sub slept_since {
    my ($before, $group, $most) = @_;
    return 0 if !is_asleep($group);
    my $passed = time - $before;
    return $passed < $most ? $passed : $most;
}

# Overwrites all the writable shared memory of a process, as a hostile worker could. Returns the number of bytes; 0 if
# this user may not do that (ptrace(2), PTRACE_MODE_ATTACH).
sub overwrite_shared_memory {
    my ($pid) = @_;
    my $bytes = 0;
    no warnings 'portable'; # addresses have 64 bits
    open my $memory, '+<:raw', "/proc/$pid/mem" or return 0;
    for my $line (split /^/, slurp("/proc/$pid/maps")) {
        my ($from, $to) = map { hex } $line =~ /\A([0-9a-f]+)-([0-9a-f]+) rw-s / or next;
        sysseek $memory, $from, 0 or return 0;
        $bytes += syswrite($memory, 'A' x ($to - $from)) || 0;
    }
    return $bytes;
}

# The CPU time that a group has used, in seconds.
sub cpu_seconds {
    my ($group) = @_;
    my $ticks = 0;
    $ticks += $_->[4] for grep { $_->[3] == $group } process_table();
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# The memory that a group or processes hold for themselves, in bytes: anonymous pages, so that the page cache does not
# count.
sub resident_bytes { return resident_bytes_of(processes_of_group($_[0])) }

sub resident_bytes_of {
    my $kibibytes = 0;
    for my $pid (@_) {
        $kibibytes += $1 if slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
    }
    return $kibibytes * 1024;
}

# A free TCP port.
sub free_port {
    my ($address) = @_;
    my $socket = IO::Socket::IP->new(LocalHost => $address || '127.0.0.1', LocalPort => 0, Listen => 1)
        or die "no free port: $@";
    my $port = $socket->sockport;
    close $socket;
    return $port;
}

# Starts the program in a process group of its own.
sub spawn {
    my ($out, $err, $before, @command) = @_;
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP ALRM);
        $before->() if $before;
        open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
        open STDOUT, ref $out ? '>&' : '>>', $out or POSIX::_exit(126);
        open STDERR, '>>', $err        or POSIX::_exit(126);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    setpgrp $pid, $pid;
    return $pid;
}

# A misspelt key would have no effect.
sub refuse_unknown {
    my ($how, @known) = @_;
    my %is_known = map { $_ => 1 } @known;
    my @unknown  = grep { !$is_known{$_} } sort keys %$how;
    die "unknown: @unknown\n" if @unknown;
    return;
}

# Code to call in the child, which sets the environment first.
sub before_of {
    my ($how) = @_;
    my ($environment, $before) = @$how{qw(environment before)};
    return sub {
        @ENV{ keys %$environment } = values %$environment if $environment;
        $before->() if $before;
    };
}

# Waits for a child to exit, the leader of its group. Returns its status; undef if the group has slept for `seconds`.
sub reap {
    my ($pid, $seconds) = @_;
    my $status;
    asleep_until { waitpid($pid, WNOHANG) == $pid ? do { $status = $?; 1 } : 0 } $pid, $seconds;
    return $status;
}

# Runs the program until it exits: { status, signal, out, err, timeout }. If the first argument is a hash, it may have
# `environment`, variables to set in the child, `before`, code to call there, `command`, another command line, and
# `seconds`, for which it may sleep.
sub run_program {
    my $how = ref $_[0] ? shift : {};
    my @arguments = @_;
    refuse_unknown($how, qw(environment before command seconds));
    my $folder = tempdir(CLEANUP => 1);
    my ($out, $err) = ("$folder/out", "$folder/err");
    my $pid = spawn($out, $err, before_of($how), $how->{command} ? @{ $how->{command} } : ($program, @arguments));
    my $status = reap($pid, $how->{seconds});
    my $timeout = !defined $status;
    if ($timeout) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
        $status = 0;
    }
    return {
        status  => $timeout ? -1 : $status >> 8,
        signal  => $status & 127,
        out     => slurp($out),
        err     => slurp($err),
        timeout => $timeout,
    };
}

# ---------------------------------------------------------------------------------------------------------
# A server

# The words to put before the program's name to run it as another user than root: none if this is not root, undef if
# there is no way.
sub without_privileges {
    return [] if $> != 0;
    my @as = qw(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --);
    return system("@as test -x '$program' 2>/dev/null") == 0 ? \@as : undef;
}

# The workers of a server that has started, without the children of the master that end by themselves, such as one that
# looks at the root: those never enter the sandbox. Without seccomp they can't be told apart.
sub lasting_workers {
    my ($master) = @_;
    at_rest($master);
    my @children = children_of($master);
    my @confined = grep { slurp("/proc/$_/status") =~ /^Seccomp:\s+2$/m } @children;
    return @confined ? @confined : @children;
}

# Harness->start(root => DIR, args => [...], quiet => bool, bind => ADDRESS, environment => variables to set in the child,
# before => code run there, as => [words to put before the program's name]).
# Passes --no-list, unless `list` is true.
# `bare` leaves -r, -p and -b to the caller's args; `stdout` is a handle to take for the access log's file.
sub start {
    my ($class, %how) = @_;
    refuse_unknown(\%how, qw(root args quiet bind port bare list environment before as stdout));
    my $bind = $how{bind} || '127.0.0.1';
    my $port = $how{port} || ($how{quiet} ? free_port($bind) : 0);
    my @arguments = $how{bare} ? () : ('-r', $how{root}, '-p', $port, '-b', $bind);
    push @arguments, '-q' if $how{quiet};
    push @arguments, '--no-list' if !$how{bare} && !$how{list};
    push @arguments, '--base', BASE if BASE;
    push @arguments, @{ $how{args} || [] };

    my $folder = tempdir(CLEANUP => 1);
    my $self = bless {
        out    => "$folder/out",
        err    => "$folder/err",
        bind   => $bind,
        port   => $port,
        quiet  => $how{quiet},
        expect => [],
    }, $class;
    $self->{pid} = spawn($how{stdout} || $self->{out}, $self->{err}, before_of(\%how), @{ $how{as} || [] }, $program, @arguments);
    push @running, $self;

    my $ready = eventually {
        waitpid($self->{pid}, WNOHANG) == 0 or return 'dead';
        if (!$how{quiet}) {
            # The banner may have a name instead of the address.
            my ($found) = slurp($self->{err}) =~ m{http://[^\s/]+:(\d+)/} or return 0;
            $self->{port} = $found;
        }
        my $socket = connect_to($bind, $self->{port}) or return 0;
        close $socket;
        return 'ready';
    };
    if (!$ready || $ready ne 'ready') {
        diag("the server did not start: @arguments\n" . slurp($self->{err}));
        die "the server did not start\n";
    }
    $self->{workers} = [lasting_workers($self->{pid})];
    $self->{banner} = slurp($self->{err}); # written in pieces, and complete once all processes are at rest
    return $self;
}

sub port    { return $_[0]{port} }
sub pid     { return $_[0]{pid} }
sub banner  { return $_[0]{banner} }
sub log     { return slurp($_[0]{out}) }
sub stderr  { return slurp($_[0]{err}) }
sub workers { return children_of($_[0]{pid}) }
sub url     { return "http://$_[0]{bind}:$_[0]{port}" . BASE . ($_[1] || '') }

# Whether the log writer keeps up with a flood of requests is a question of time: no verdict. The log's own tests count
# its lines.
our $LOST_LINES = qr/\Atinyhttpd: (?:the access log loses lines|\d+ lines? of the access log w(?:as|ere) dropped): its reader or its disk does not keep up/;

# Allows a line on stderr that the test provokes.
sub expect_stderr { my ($self, $pattern) = @_; push @{ $self->{expect} }, $pattern; return }

# The log's lines, once there are `count` of them: a worker writes a line after the response.
sub log_lines {
    my ($self, $count) = @_;
    my @lines;
    eventually { @lines = split /^/, $self->log; @lines >= $count && $lines[-1] =~ /\n\z/ };
    return @lines;
}

# Ends the server by a signal and checks its end. `lost` allows that workers were replaced; `seconds` is for how long all
# processes may sleep meanwhile.
sub stop {
    my ($self, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @gone = grep { !-d "/proc/$_" } @{ $self->{workers} };
    is("@gone", '', 'no worker died') if !$how{lost};
    my $before = slurp($self->{err});
    kill $how{signal} || 'TERM', $self->{pid};
    $self->ended(%how, stderr => $before);
    return;
}

# Checks the end of a server that has received its signal.
sub ended {
    my ($self, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $pid = $self->{pid};
    my $status;
    my $slept = asleep_until { waitpid($pid, WNOHANG) == $pid ? do { $status = $?; 1 } : 0 } $pid;
    if (!defined $status) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }
    @running = grep { $_ != $self } @running;
    is($status, 0, 'SIGTERM: exit status 0');
    cmp_ok($slept // PATIENCE, '<', $how{seconds} || 10, 'SIGTERM: ends before the 10 s after which a container is killed');
    my @left;
    eventually { @left = processes_of_group($pid); !@left };
    is("@left", '', 'no process is left behind');
    kill 'KILL', -$pid if @left;

    # Before the signal only expected lines are allowed on stderr; at the end also a summary, but no report of a
    # sanitizer or of a failed assertion.
    my $during = substr(defined $how{stderr} ? $how{stderr} : slurp($self->{err}), length $self->{banner});
    my @unexpected = grep {
        my $line = $_;
        !grep { $line =~ $_ } $LOST_LINES, @{ $self->{expect} }
    } split /^/, $during;
    push @unexpected, grep { /Sanitizer|runtime error|[Aa]ssert|SUMMARY:|core dumped/ } split /^/, $self->stderr;
    is(join('', @unexpected), '', 'nothing unexpected on stderr');
    is(join('', grep { $_ !~ $LOST_LINES } split /^/, $self->stderr), '', '-q: nothing on stderr') if $self->{quiet} && !@{ $self->{expect} };
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Raw exchanges

# A GET request; further field lines without CRLF.
sub get_request {
    my ($target, @fields) = @_;
    return below_base(join("\r\n", "GET $target HTTP/1.1", 'Host: localhost', @fields) . "\r\n\r\n");
}

# A connection without Nagle's delay; `receive` bounds the client's receive buffer.
sub connect_to {
    my ($address, $port, %how) = @_;
    my $socket;
    if ($how{receive}) {
        # Set before connect(2), as the size decides the window scale.
        my ($error, $info) = Socket::getaddrinfo($address, $port,
            { socktype => SOCK_STREAM, flags => Socket::AI_NUMERICHOST() });
        $info or return;
        socket $socket, $info->{family}, $info->{socktype}, $info->{protocol} or return;
        setsockopt $socket, SOL_SOCKET, SO_RCVBUF, $how{receive};
        connect $socket, $info->{addr} or return;
    }
    else {
        $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Type => SOCK_STREAM, Timeout => PATIENCE)
            or return;
    }
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    return $socket;
}

sub connection {
    my ($self, %how) = @_;
    my $socket = connect_to($self->{bind}, $self->{port}, %how);
    die "no connection: $!" if !$socket;
    return $socket;
}

# Reads the rest of a response whose body has `size` bytes, and no more; `start` is what was read of it. Returns how many
# bytes of the body there were.
sub rest_of_download {
    my ($socket, $start, $size) = @_;
    my $head_end = index $start, "\r\n\r\n";
    my $bytes = $head_end < 0 ? 0 : length($start) - $head_end - 4;
    while ($head_end < 0 || $bytes < $size) {
        my $room = $head_end < 0 ? 1 : $size - $bytes < 1 << 18 ? $size - $bytes : 1 << 18;
        my $got = sysread $socket, my $more, $room or last;
        if ($head_end < 0) { $start .= $more; $head_end = index $start, "\r\n\r\n" }
        else { $bytes += $got }
    }
    return $bytes;
}

# Reads 128 KiB more of a paused download, so that the server does not close it (LIMIT_WRITE_MS). Returns what was read
# before and now.
sub sip {
    my ($socket, $start) = @_;
    my $size = length($start) + (1 << 17);
    while (length $start < $size) { sysread $socket, $start, $size - length $start, length $start or last }
    return $start;
}

sub blocking {
    my ($socket, $on) = @_;
    my $flags = fcntl $socket, F_GETFL, 0;
    fcntl $socket, F_SETFL, $on ? $flags & ~O_NONBLOCK : $flags | O_NONBLOCK;
    return;
}

# Sends the bytes and reads until the end, or until `count` responses are there.
#   socket     an open connection to go on with (else a new one)
#   bytewise   each byte in a write of its own; in larger pieces if the machine is too slow for that
#   split      [positions] at which the bytes are cut into writes; fewer of them if the machine is too slow
#   half_close shuts the sending side once all is sent
#   count      stop after so many responses (the connection stays open, in `socket`)
#   methods    [method of each request], for HEAD; by default the first word of the bytes
#   seconds    for how long all processes of the server may sleep meanwhile
#   lenient    the rules of every response are not checked
# Gives { responses, eof, reset, closed, timeout, rest, raw, unsent, socket, slept }; `slept` is as of asleep_until.
sub exchange {
    my ($self, $bytes, %how) = @_;
    if ($how{socket} && !$how{socket}->opened) { # an exchange has seen the end of it
        return { responses => [], raw => '', rest => '', eof => 0, reset => 1, closed => 1, timeout => 0, slept => 0,
            unsent => length $bytes, socket => $how{socket} };
    }
    return $self->exchange_pieces($bytes, %how) if !($how{bytewise} || $how{split}) || $how{socket};
    for (my $size = 1;; $size *= 2) {
        my $result = $self->exchange_pieces($bytes, %how, size => $size);
        return $result if !is_late($result) || $size >= length $bytes;
        note('this machine is slow: the same request in fewer pieces');
    }
}

sub exchange_pieces {
    my ($self, $bytes, %how) = @_;
    $bytes = below_base($bytes);
    my $result  = $self->begin($bytes, %how);
    my $socket  = $result->{socket};
    my @pieces  = pieces($bytes, %how);
    my ($shut, $turn) = (0, 0);

    while (1) {
        # A short pause between pieces, so that the server reads each alone.
        my $wait = @pieces && $turn++ ? 0.0002 : @pieces ? 0 : 0.1;
        my $before = time;
        my ($can_read) = IO::Select->new($socket)->can_read($wait);
        receive($result) if $can_read;
        if (!$can_read && !@pieces) {
            my $slept = slept_since($before, $self->{pid}, 0.2);
            $result->{slept} += $slept if !IO::Select->new($socket)->can_read(0);
        }
        last if $result->{over};
        if (@pieces) {
            my $sent = syswrite $socket, $pieces[0];
            if (defined $sent) {
                substr $pieces[0], 0, $sent, '';
                shift @pieces if $pieces[0] eq '';
                $result->{sent} = time if !@pieces;
            }
            elsif ($! == EPIPE || $! == ECONNRESET) {
                @pieces = (); # the server has closed the connection; its response may still be readable
            }
        }
        elsif ($how{half_close} && !$shut++) {
            shutdown $socket, 1;
        }
        if (time > $result->{deadline} || $result->{slept} > $result->{seconds}) {
            $result->{timeout} = 1;
            last;
        }
    }
    $result->{unsent} = length join '', @pieces;
    return finish($result, $bytes, %how);
}

# Sends each of the requests byte by byte, on up to AT_A_TIME connections at the same time: the server reads each byte
# alone while the others get theirs. Returns the results in the order of the requests; `count` as for exchange,
# `methods` has a list for each request. On a machine that is too slow for that, the server ends the wait for a head
# (408): these requests are sent again, on ever fewer connections at the same time, then in ever larger pieces.
use constant AT_A_TIME => 64;

sub exchange_each {
    my ($self, $requests, %how) = @_;
    $requests = [map { below_base($_) } @$requests];
    my @results;
    my ($at_a_time, $size) = (AT_A_TIME, 1);
    for (my @left = 0 .. $#$requests; @left;) {
        my @batch = splice @left, 0, $at_a_time;
        @results[@batch] = $self->exchange_together([@$requests[@batch]],
            %how, size => $size, methods => $how{methods} && [@{ $how{methods} }[@batch]]);
        my @late = grep { is_late($results[$_]) && $size < length $requests->[$_] } @batch or next;
        push @left, @late;
        if ($at_a_time > 1) { $at_a_time /= 2 }
        else                { $size *= 2 }
        note("this machine is slow: from now on $at_a_time requests at a time, in pieces of $size bytes");
    }
    return @results;
}

# The server waits 10 s for a head (LIMIT_HEAD_MS).
use constant HEAD_SECONDS => 10;

# True if the server has ended the wait for a head, as it should after that time, because this process was slow to send it.
sub is_late {
    my ($result) = @_;
    return if defined $result->{sent} && $result->{sent} - $result->{began} < HEAD_SECONDS / 2;
    return grep { $_->{status} eq '408' && $_->{seconds} >= HEAD_SECONDS } @{ $result->{responses} };
}

sub exchange_together {
    my ($self, $requests, %how) = @_;
    my @batch     = map { $self->begin($requests->[$_], %how, methods => $how{methods} && $how{methods}[$_]) } 0 .. $#$requests;
    my %by_fileno = map { fileno($_->{socket}) => $_ } @batch;
    my $select    = IO::Select->new(map { $_->{socket} } @batch);
    for (my $at = 0; $select->count; $at += $how{size}) {
        my $sending = 0;
        for my $n (0 .. $#batch) {
            my $result = $batch[$n];
            next if $result->{over} || $at >= length $requests->[$n];
            syswrite $result->{socket}, $requests->[$n], $how{size}, $at;
            $result->{sent} = time if $at + $how{size} >= length $requests->[$n];
            $sending++;
        }
        for my $socket ($select->can_read($sending ? 0.001 : 0.25)) {
            my $result = $by_fileno{ fileno $socket };
            receive($result);
            $select->remove($socket) if $result->{over};
        }
        next if time < $batch[0]{deadline};
        $_->{timeout} = 1 for grep { !$_->{over} } @batch;
        last;
    }
    return map { finish($batch[$_], $requests->[$_], %how) } 0 .. $#batch;
}

# The requests, for the same files below the base, if they are not there already; the server's own paths stay.
sub below_base {
    my ($bytes) = @_;
    return $bytes if !BASE;
    my $others = qr{(?!\Q${\BASE}\E/|/\.well-known/tinyhttpd/health)};
    return $bytes =~ s{(?:\A|\r\n\r\n)(?:\r\n)*[A-Z]+ (?i:(?:http://[^/ ?]*)?(?:/(?:\.\.)?(?=/))*+)\K(?=/[^\r\n]* HTTP/1)$others}{BASE}ger;
}

sub begin {
    my ($self, $bytes, %how) = @_;
    my $result = {
        responses => [], raw => '', eof => 0, reset => 0, timeout => 0, unsent => 0, at => 0, over => 0,
        socket    => $how{socket} || $self->connection,
        methods   => $how{methods} || [$bytes =~ /\AHEAD / ? 'HEAD' : 'GET'],
        count     => $how{count},
        began     => time,
        deadline  => time + PATIENCE,
        seconds   => $how{seconds} || PATIENCE,
        slept     => 0,
    };
    blocking($result->{socket}, 0);
    return $result;
}

# Reads what has arrived; sets `over` at the end of the stream or after `count` responses.
sub receive {
    my ($result) = @_;
    my $got = sysread $result->{socket}, $result->{raw}, 1 << 20, length $result->{raw};
    if (!defined $got) {
        $result->{reset} = 1 if $! != EAGAIN && $! != EINTR;
    }
    elsif ($got == 0) {
        $result->{eof} = 1;
    }
    my $responses = $result->{responses};
    while (my $response = parse_response(\$result->{raw}, $result->{at}, $result->{methods}[@$responses])) {
        push @$responses, $response;
        $response->{seconds} = time - $result->{began};
        $result->{at} = $response->{end};
        last if $response->{broken};
    }
    $result->{over} = $result->{eof} || $result->{reset} || ($result->{count} && @$responses >= $result->{count});
    return;
}

sub finish {
    my ($result, $bytes, %how) = @_;
    my $socket = $result->{socket};
    blocking($socket, 1);
    $result->{closed}  = $result->{eof} || $result->{reset} ? 1 : 0;
    $result->{rest}    = substr $result->{raw}, $result->{at};
    check_rules($result, $bytes, $how{half_close}) if !$how{lenient};
    close $socket if $result->{closed};
    return $result;
}

sub pieces {
    my ($bytes, %how) = @_;
    my $size = $how{size} || 1;
    return unpack "(a$size)*", $bytes if $how{bytewise};
    my @cuts = @{ $how{split} || [] };
    my @at   = (0, @cuts[grep { $_ % $size == 0 } 0 .. $#cuts], length $bytes);
    return grep { length } map { substr $bytes, $at[$_], $at[$_ + 1] - $at[$_] } 0 .. $#at - 1;
}

# One GET on a connection of its own. The response has `slept` of the exchange.
sub get {
    my ($self, $target, @fields) = @_;
    my $result = $self->exchange(get_request($target, @fields), count => 1);
    my $response = $result->{responses}[0] || { status => 'none', fields => [], body => '', field => {} };
    $response->{slept} = $result->{slept};
    close $result->{socket} if $result->{socket}->opened;
    return $response;
}

# Sends the requests in one pipeline. Returns as many responses.
sub pipeline {
    my ($self, $requests, %how) = @_;
    my @methods = map { /\A(\S+)/ ? $1 : 'GET' } @$requests;
    my $result = $self->exchange(join('', @$requests), count => scalar @$requests, methods => \@methods, %how);
    close $result->{socket} if $result->{socket}->opened;
    return map { $result->{responses}[$_] || { status => 'none', fields => [], body => '', field => {} } } 0 .. $#$requests;
}

# Repeats a GET until the response has an ETag: a file above LIMIT_STORE_FILE that has just been written has none, as it
# may change again without a new timestamp.
sub settled {
    my ($self, $target, @fields) = @_;
    my $response;
    eventually { $response = $self->get($target, @fields); defined $response->{field}{etag} };
    return $response;
}

# Repeats a GET until the response has Last-Modified, which the server omits until the file is settled.
sub dated {
    my ($self, $target, @fields) = @_;
    my $response;
    eventually { $response = $self->get($target, @fields); defined $response->{field}{'last-modified'} };
    return $response;
}

# ---------------------------------------------------------------------------------------------------------
# Tables of requests, each on a new connection, in one piece and again byte by byte: the response must not depend on how
# the bytes arrive. A request for the canary after each shows whether the connection is closed or in step.
use constant CANARY => "canary\n";

sub put_canary { my ($root) = @_; return put_file($root, 'canary', CANARY) }

# Invalid requests: [name, bytes, status or list of them, 'may stay']. The response has Connection: close, no reset
# overtakes it (RFC 9112 9.6), and the bytes after the request are not taken for a request. With 'may stay', the
# connection may persist and must then be in step.
sub refuses {
    my ($self, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->both_ways(get_request('/canary'), 2, \@cases, sub {
        my ($case, $result) = @_;
        my (undef, undef, $status, $may_stay) = @$case;
        my @status = map { $_->{status} } @{ $result->{responses} };
        my $said   = @status ? $result->{responses}[0]{field}{connection} || '' : '';
        return 'no answer in time' if $result->{timeout} && !@status;
        return "got: @status" if !@status || !grep { $status[0] == $_ } ref $status ? @$status : $status;
        return ($result->{responses}[1] || { body => 'no answer' })->{body} eq CANARY ? '' : 'not in step'
            if $may_stay && $said !~ /close/i;
        return "what follows was taken for a request: @status" if @status > 1;
        return 'it does not say Connection: close' if lc $said ne 'close';
        return $result->{reset} ? 'a reset' : $result->{eof} ? '' : 'the connection does not end';
    });
    return;
}

# Requests whose body the server must discard to its last byte: [name, bytes, status].
sub keeps_step {
    my ($self, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->both_ways(get_request('/canary', 'Connection: close'), 0, \@cases, sub {
        my ($case, $result) = @_;
        my $got = join ' ', map { $_->{status} } @{ $result->{responses} };
        return 'no answer in time' if $result->{timeout};
        return "got: $got" if $got ne "$case->[2] 200";
        return $result->{responses}[-1]{body} eq CANARY ? '' : 'the next request is not itself';
    });
    return;
}

sub both_ways {
    my ($self, $canary, $count, $cases, $problem) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @bytes  = map { $_->[1] . $canary } @$cases;
    my @methods = map { [$_->[1] =~ /\A(?:\r\n)*HEAD / ? 'HEAD' : 'GET'] } @$cases;
    my @once    = map { $self->exchange($bytes[$_], count => $count, methods => $methods[$_]) } 0 .. $#bytes;
    my @short   = grep { length $bytes[$_] < 1000 } 0 .. $#bytes;
    my @each    = $self->exchange_each([@bytes[@short]], count => $count, methods => [@methods[@short]]);
    my %each    = map { $short[$_] => $each[$_] } 0 .. $#short;
    for my $n (0 .. $#$cases) {
        my $status = ref $cases->[$n][2] ? join ' or ', @{ $cases->[$n][2] } : $cases->[$n][2];
        is($problem->($cases->[$n], $once[$n]), '', "$cases->[$n][0]: $status");
        is($problem->($cases->[$n], $each{$n}), '', "$cases->[$n][0]: $status, byte by byte") if $each{$n};
    }
    $_->{socket}->opened and close $_->{socket} for @once, @each;
    return;
}

# ---------------------------------------------------------------------------------------------------------
# Responses

# Parses a 206: (problem, slices), each slice { from, to, total, bytes, type, coding }. The problem is empty if the 206
# is as RFC 9110 14.4, 14.6, 15.3.7 and RFC 2046 5.1 demand.
sub slices_of {
    my ($response) = @_;
    return ("status $response->{status}") if $response->{status} ne '206';
    my $type = $response->{field}{'content-type'} || '';
    if ($type !~ m{\Amultipart/byteranges}i) {
        my $slice = slice_of($response->{field}, $response->{body});
        return ref $slice ? ('', $slice) : ($slice);
    }
    return ('Content-Range beside multipart (15.3.7.2)') if exists $response->{field}{'content-range'};
    my $boundary = $type =~ m{\Amultipart/byteranges; *boundary=(?|"([^"]+)"|([!#\$%&'*+\-.^_`|~0-9A-Za-z]+))\z}i ? $1 : '';
    return ("boundary: $type") if $boundary !~ m{\A[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]\z};
    my $body = "\r\n$response->{body}"; # the first delimiter's CRLF may be the head's own
    my @parts = split /\r\n--\Q$boundary\E/, $body, -1;
    return ('bytes before the first part') if (shift @parts) !~ /\A(?:\r\n)?\z/;
    return ('no end of the parts') if !@parts || (pop @parts) !~ /\A--(?:\r\n)?\z/;
    my @slices;
    for my $part (@parts) {
        my ($head, $bytes) = $part =~ /\A\r\n(.*?\r\n)\r\n(.*)\z/s or return ('a part without a head');
        my %field;
        for my $line (split /\r\n/, $head) {
            $line =~ /\A([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\z/ or return ("a part's field: $line");
            return ("$1 twice in a part") if exists $field{ lc $1 };
            $field{ lc $1 } = $2;
        }
        my $slice = slice_of(\%field, $bytes);
        return ("in a part: $slice") if !ref $slice;
        push @slices, $slice;
    }
    return ('', @slices);
}

sub slice_of {
    my ($field, $bytes) = @_;
    my $range = $field->{'content-range'} // 'none';
    my ($from, $to, $total) = $range =~ m{\Abytes (\d+)-(\d+)/(\d+)\z} or return "Content-Range: $range";
    return "Content-Range: $range with " . length($bytes) . ' bytes'
        if $from > $to || $to >= $total || length $bytes != $to - $from + 1;
    return { from => $from, to => $to, total => $total, bytes => $bytes, type => $field->{'content-type'} || '',
        coding => $field->{'content-encoding'} };
}

# The response that begins at `at`: { status, reason, version, fields [[name, value]...], field {lower-case name
# => value, several joined by ", "}, body, end, broken }. Undef while it is incomplete. Strict: what RFC 9112
# forbids a server to send makes it broken.
sub parse_response {
    my ($raw, $at, $method) = @_;
    return if length $$raw <= $at;
    my $head_end = index $$raw, "\r\n\r\n", $at;
    return if $head_end < 0;
    my $head = substr $$raw, $at, $head_end - $at;
    my $response = { fields => [], field => {}, body => '', problems => [] };
    my @lines = split /\r\n/, $head, -1;

    my $status_line = shift @lines;
    if ($status_line !~ m{\A(HTTP/1\.1) ([1-5][0-9][0-9]) ([\t\x20-\x7e]*)\z}) {
        push @{ $response->{problems} }, "status line (RFC 9112 4): $status_line";
        @$response{qw(status reason version end broken)} = (0, '', '', length $$raw, 1);
        return $response;
    }
    @$response{qw(version status reason)} = ($1, $2, $3);
    for my $line (@lines) {
        if ($line !~ /\A([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\z/s || $2 =~ /[^\t\x20-\x7e]/) {
            push @{ $response->{problems} }, "field line (RFC 9112 5): $line";
            next;
        }
        push @{ $response->{fields} }, [$1, $2];
        my $name = lc $1;
        $response->{field}{$name} = defined $response->{field}{$name} ? "$response->{field}{$name}, $2" : $2;
    }

    my $body_at = $head_end + 4;
    my $length  = $response->{field}{'content-length'};
    my $none    = $response->{status} =~ /\A(?:1..|204|304)\z/;
    if ($none || (defined $method && $method eq 'HEAD')) {
        $response->{end} = $body_at;
        return $response;
    }
    if (!defined $length && ($response->{field}{'transfer-encoding'} || '') eq 'chunked') {
        my $end = decode_chunks($raw, $body_at, $response);
        $response->{end} = $end if defined $end;
        return defined $end ? $response : undef;
    }
    if (!defined $length || $length !~ /\A[0-9]+\z/) {
        push @{ $response->{problems} }, 'Content-Length (RFC 9110 8.6): ' . (defined $length ? $length : 'none');
        @$response{qw(end broken)} = (length $$raw, 1);
        return $response;
    }
    return if length($$raw) - $body_at < $length;
    $response->{body} = substr $$raw, $body_at, $length;
    $response->{end}  = $body_at + $length;
    return $response;
}

# RFC 9112 7.1, without extensions or trailers, which this server does not send. Where the response ends, or undef.
sub decode_chunks {
    my ($raw, $at, $response) = @_;
    while (1) {
        pos($$raw) = $at;
        return if $$raw !~ /\G([0-9a-fA-F]*)(\r?\n?)/g || length $2 < 2 && $at + 10 > length $$raw;
        my $size = hex $1;
        if ($1 eq '' || $2 ne "\r\n") {
            push @{ $response->{problems} }, 'a malformed chunk (RFC 9112 7.1)';
            $response->{broken} = 1;
            return length $$raw;
        }
        my $data = $at + length($1) + 2;
        return if length $$raw < $data + $size + 2;
        push @{ $response->{problems} }, 'a chunk without its end (RFC 9112 7.1)' if substr($$raw, $data + $size, 2) ne "\r\n";
        $response->{chunks}++;
        $response->{body} .= substr $$raw, $data, $size;
        $at = $data + $size + 2;
        return $at if $size == 0;
    }
}

# Checks the rules of every response of this server; responses_framed reports the broken ones.
sub check_rules {
    my ($result, $bytes, $client_ends) = @_;
    my ($about) = $bytes =~ /\A([^\r\n]{0,60})/;
    for my $response (@{ $result->{responses} }) {
        my %count;
        $count{ lc $_->[0] }++ for @{ $response->{fields} };
        my @wrong = @{ $response->{problems} };
        if (!$response->{broken}) {
            my $field = $response->{field};
            for my $name (qw(date server content-length content-type connection location etag last-modified)) {
                push @wrong, "$name more than once" if ($count{$name} || 0) > 1;
            }
            push @wrong, 'no Date in RFC 9110 5.6.7 form' if ($field->{date} || '') !~ date_pattern();
            push @wrong, 'no Server: tinyhttpd' if ($field->{server} || '') ne 'tinyhttpd';
            push @wrong, 'no nosniff' if ($field->{'x-content-type-options'} || '') ne 'nosniff';
            my $chunked = ($field->{'transfer-encoding'} || '') eq 'chunked' && !$count{'content-length'};
            push @wrong, 'no Content-Length' if !$chunked && ($field->{'content-length'} // '') !~ /\A[0-9]+\z/
                && $response->{status} !~ /\A(?:1..|204|304)\z/;
            push @wrong, 'Content-Length on 204 (RFC 9110 8.6)' if $response->{status} == 204 && $count{'content-length'};
            push @wrong, 'the fields of a body on 304 (RFC 9110 15.4.5)' if $response->{status} == 304
                && grep { $count{$_} } qw(content-length content-type content-encoding content-range);
            push @wrong, 'Transfer-Encoding' if $count{'transfer-encoding'} && !$chunked;
            push @wrong, 'an error body that is neither HTML nor plain text in UTF-8'
                if $response->{status} >= 400 && ($field->{'content-type'} || '') !~ m{\Atext/(?:html|plain); *charset=utf-8\z}i;
            push @wrong, 'an error page without a policy' # the root's own 404.html has none
                if $response->{status} >= 400 && $response->{status} != 404 && !$count{'content-security-policy'} && $about !~ m{/health }; # a word for machines
        }
        push @problems, map { "$about: $response->{status}: $_" } @wrong;
    }
    push @problems, "$about: bytes that are no response: " . substr($result->{rest}, 0, 60)
        if $result->{eof} && $result->{rest} ne '';
    my $last = $result->{responses}[-1];
    push @problems, "$about: closed without saying so (RFC 9112 9.6)"
        if $last && $result->{eof} && !$last->{broken} && ($last->{field}{connection} || '') !~ /\bclose\b/
        && $bytes !~ m{ HTTP/1\.0\r} && !$client_ends;
    return;
}

sub date_pattern {
    my $day = qr/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;
    my $month = qr/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/;
    return qr/\A$day, [0-3][0-9] $month [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT\z/;
}

# The test of all responses of this file.
sub responses_framed {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join("\n", @problems), '', 'every response keeps the rules of every response (RFC 9112 4 to 6, RFC 9110 6.6.1)');
    @problems = ();
    return;
}

1;
