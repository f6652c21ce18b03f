# The memory limit of a cgroup: the workers cache so much less that the kernel kills none, and every response is right.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;


use constant { MIB => 1 << 20, LIMIT => 64 << 20, AT_ONCE => 25 };

# Under a sanitizer, which is slow, only the responses are checked.
my $files = is_sanitized() ? 150 : 1500;
my $told = is_sanitized() ? 'memory is not told under a sanitizer' : '';
my $root = new_root();

sub content { return sprintf('%08d', $_[0]) x 12_800 }

put_file($root, "file-$_.txt", content($_)) for 1 .. $files;

# Asks for all files twice, half of them from each worker. Returns the number of wrong responses.
sub wrong_responses {
    my ($server, @workers) = @_;
    my @sockets = map { connection_of($server, $_, @workers) } @workers;
    my ($turn, $wrong) = (0, 0);
    for (1 .. 2) {
        my @left = 1 .. $files;
        while (my @some = splice @left, 0, AT_ONCE) {
            my $socket = $sockets[$turn++ % @sockets];
            syswrite $socket, join '', map { get_request("/file-$_.txt") } @some;
            $wrong += grep { body_of_next($socket) ne content($_) } @some;
        }
    }
    return $wrong;
}

# A connection that this worker has accepted, as the others are stopped meanwhile.
sub connection_of {
    my ($server, $worker, @workers) = @_;
    my @others = grep { $_ != $worker } @workers;
    kill 'STOP', @others;
    eventually { !grep { slurp("/proc/$_/stat") !~ /\) T / } @others };
    my $socket = $server->connection;
    syswrite $socket, get_request('/file-1.txt');
    my $body = body_of_next($socket);
    kill 'CONT', @others;
    return $body eq content(1) ? $socket : die 'a worker does not serve';
}

# The body of the next response; empty if it is not a complete 200.
my %rest;
sub body_of_next {
    my ($socket) = @_;
    my $buffer = \($rest{$socket} //= '');
    my $end;
    while (($end = index $$buffer, "\r\n\r\n") < 0) { sysread $socket, $$buffer, MIB, length $$buffer or return '' }
    my $head = substr $$buffer, 0, $end + 4, '';
    my ($length) = $head =~ m{\AHTTP/1\.1 200 .*\r\ncontent-length: (\d+)\r\n}si or return '';
    while (length $$buffer < $length) { sysread $socket, $$buffer, MIB, length $$buffer or return '' }
    return substr $$buffer, 0, $length, '';
}

# Checks that files fill the workers' share of a limit and no more: a quarter, and less than an eighth for entries and gaps.
sub caches_a_quarter {
    my ($server, $limit, $about) = @_;
    my @workers = $server->workers;
    my $before = resident_bytes_of(@workers);
    is(wrong_responses($server, @workers), 0, "$about: every response is right");
    SKIP: {
        skip $told, 2 if $told;
        my $grown = resident_bytes_of(@workers) - $before;
        note(sprintf '%s: memory grows by %.1f MiB', $about, $grown / MIB);
        cmp_ok($grown, '>', $limit * 3 / 16, "$about: both workers cache files");
        cmp_ok($grown, '<', $limit * 3 / 8, "$about: the files take a quarter of it");
    }
    return;
}

# A made-up limit: a file system over /sys/fs/cgroup that only the server sees.
SKIP: {
    my $set_up = 'mount -t tmpfs none /sys/fs/cgroup && echo ' . LIMIT . ' >/sys/fs/cgroup/memory.max';
    skip 'needs root and unshare', 6 if $> != 0 || system("unshare --mount sh -c '$set_up' 2>/dev/null") != 0;
    my @as = ('unshare', '--mount', 'sh', '-c', "$set_up && exec \"\$@\"", 'sh');
    my $server = Harness->start(root => $root, args => ['-j', '2'], as => \@as);
    caches_a_quarter($server, LIMIT, 'a limit of 64 MiB');

    my @old = $server->workers;
    write_limit('/proc/' . $server->pid . '/root/sys/fs/cgroup/memory.max', LIMIT / 2) or die "memory.max: $!";
    $server->expect_stderr(qr/reload/);
    kill 'HUP', $server->pid;
    eventually { my %is_old = map { $_ => 1 } @old; my @now = $server->workers; @now == 2 && !grep { $is_old{$_} } @now };
    caches_a_quarter($server, LIMIT / 2, 'a limit that became 32 MiB before a reload');
    $server->stop(lost => 1); # the workers are new
}

# ---- a real limit ----

# A cgroup in which this test may make another: that of TEST_CGROUP, or its own if that is the topmost one. Any other
# belongs to the manager that started this test. Returns its directory, or why there is none.
sub parent_cgroup {
    return (undef, 'needs root') if $> != 0;
    return ($ENV{TEST_CGROUP}) if defined $ENV{TEST_CGROUP};
    my $own = slurp('/proc/self/cgroup');
    my ($parent, $path) = $own =~ /^\d+:(?:\w+,)*memory(?:,\w+)*:(.*)$/m ? ('/sys/fs/cgroup/memory', $1)
        : ('/sys/fs/cgroup', $own =~ /^0::(.*)$/m ? $1 : '');
    return (undef, "this cgroup is its manager's: name one with a memory controller in TEST_CGROUP") if $path ne '/';
    return ($parent);
}

sub write_limit {
    my ($file, $value) = @_;
    open my $out, '>', $file or return 0;
    print {$out} "$value\n";
    return close $out;
}

# Makes a cgroup with the limit, and without swap if it can be bounded. Returns its directory, or why there is none.
sub limited_cgroup {
    my ($parent, $reason) = parent_cgroup();
    return (undef, $reason) if !defined $parent;
    my $made = "$parent/tinyhttpd-test-$$";
    mkdir $made or return (undef, "can't make a cgroup in $parent: $!");
    my $is_limited = write_limit("$made/memory.max", LIMIT) || write_limit("$made/memory.limit_in_bytes", LIMIT);
    return ($made) if $is_limited && (write_limit("$made/memory.swap.max", 0) || write_limit("$made/memory.memsw.limit_in_bytes", LIMIT) || 1);
    rmdir $made;
    return (undef, "no memory controller in $parent");
}

# Kills by the kernel in a cgroup; undef if it does not count them.
sub kills_in {
    my ($cgroup) = @_;
    my $file = -e "$cgroup/memory.events" ? 'memory.events' : 'memory.oom_control';
    return slurp("$cgroup/$file") =~ /^oom_kill (\d+)$/m ? $1 : undef;
}

SKIP: {
    skip $told, 3 if $told;
    my ($cgroup, $reason) = limited_cgroup();
    skip $reason, 3 if !defined $cgroup;
    my $server = Harness->start(root => $root, args => ['-j', '2'], before => sub { write_limit("$cgroup/cgroup.procs", $$) or die "cgroup.procs: $!" });
    my @workers = sort $server->workers;
    is(wrong_responses($server, @workers), 0, 'in a cgroup of 64 MiB: every response is right');
    is(kills_in($cgroup) // 0, 0, 'in a cgroup of 64 MiB: the kernel kills no process');
    is_deeply([sort $server->workers], \@workers, 'in a cgroup of 64 MiB: no worker was replaced');
    $server->stop;
    eventually { rmdir $cgroup };
}

done_testing;
