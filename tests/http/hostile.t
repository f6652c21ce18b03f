# Hostile workers: a worker that an attacker controls makes system calls inside the sandbox, with each version of
# Landlock that kernels in use have. The tables have the expected results; afterwards no file has changed and the server
# still serves. The server is tests/hostile/worker.c.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/lib";

# The server of this test is built beside the program.
BEGIN {
    my $program = $ENV{TINYHTTPD} || "$FindBin::Bin/../../build/release/tinyhttpd";
    $ENV{TINYHTTPD} = dirname($program) . '/hostile/tinyhttpd';
}
use Errno;
use Fcntl;
use Harness;
use POSIX ();
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;
use Test::More;

use constant { ROOT => 0, NOBODY => 65534, ORDINARY => 1000 };
use constant { FASTOPEN => 0x20000000, TMPFILE => O_DIRECTORY | 020000000, CWD => -100 };
use constant { READ => O_RDONLY | O_NONBLOCK | O_NOCTTY, HOLD => 010000000 }; # O_PATH of open(2)
use constant { GROWSDOWN => 0x100, LOCKED => 0x2000, POPULATE => 0x8000, HUGETLB => 0x40000 }; # of mmap(2)
use constant { SIGCONT => 18, SIGCHLD => 17, SIGSTOP => 19, PROT_READ => 1, PROT_WRITE => 2, PROT_EXEC => 4, MAP_SHARED => 1, MAP_PRIVATE => 2,
    MAP_ANONYMOUS => 32 };

# The versions of Landlock, with a kernel of each: none (5.10), 1 (5.15), 2 (6.1), 4 (6.7), and this kernel's own.
my @versions = (0, 1, 2, 4, undef);

# A worker does not see the processes of others (proc(5), hidepid).
my $is_hidden = slurp('/proc/mounts') =~ m{ /proc proc \S*hidepid=(?:invisible|ptraceable|2|4)};

# ---- files that the workers' user could write without the sandbox

# The names and contents of a folder's files.
sub content_of {
    my ($folder) = @_;
    return join ' ', map { my $name = s{.*/}{}r; -d $_ ? "$name/" : -l $_ ? "$name->" : "$name=" . slurp($_) } sort glob "$folder/*";
}

sub make_site {
    my ($user) = @_;
    my $folder = new_root();
    put_file($folder, 'site/mine', 'mine');
    put_file($folder, 'site/other', 'other');
    put_file($folder, 'outside/secret', 'secret');
    symlink '../outside/secret', "$folder/site/leads-out" or die $!;
    chown $user, $user, $folder, glob("$folder/*"), grep { !-l } glob "$folder/*/*";
    chmod 0700, "$folder/site" if $user == ROOT; # else root's workers become nobody
    return $folder;
}

# ---- attempts

# A connection to one worker.
sub client_of {
    my ($path) = @_;
    return { path => $path, socket => IO::Socket::UNIX->new(Peer => $path) };
}

# Makes the worker call a system call. Returns its result or -errno; 'ended' if the connection ends, which is then
# opened again.
sub attempt {
    my ($client, @words) = @_;
    my $answer = '';
    syswrite $client->{socket}, get_request('/__hostile?' . join ',', @words) if $client->{socket};
    while ($answer !~ m{HTTP/1\.1 200 .*\r\n\r\n(-?\d+)\n\z}s) {
        my $came = $client->{socket} && IO::Select->new($client->{socket})->can_read(Harness::PATIENCE());
        next if $came && sysread $client->{socket}, $answer, 4096, length $answer;
        %$client = %{ client_of($client->{path}) };
        return 'ended';
    }
    my ($result) = $answer =~ m{\r\n\r\n(-?\d+)\n\z};
    return $result;
}

my %name_of = map { Errno->can($_)->() => $_ } grep { /\AE[A-Z0-9]+\z/ && !/\A(?:EWOULDBLOCK|EDEADLOCK|EOPNOTSUPP)\z/ } keys %!;

# The name of a call's result: 'done' or the error.
sub outcome {
    my ($result) = @_;
    return $result if $result eq 'ended';
    return $result >= 0 ? 'done' : $name_of{ -$result } || "errno @{[-$result]}";
}

sub bytes { return '$' . unpack 'H*', shift }

# struct open_how of openat2(2).
sub how { my ($flags, $mode) = @_; return (bytes(pack 'QQQ', $flags, $mode || 0, 0), 24) }

# The expected outcome with a version of Landlock: the one for all, or that of the highest key not above the version.
# undef allows any.
sub expected {
    my ($expected, $version) = @_;
    return $expected if !ref $expected;
    my ($last) = grep { $_ <= $version } sort { $b <=> $a } keys %$expected;
    return $expected->{$last};
}

sub try_all {
    my ($client, $name, $version, @rows) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @wrong;
    for my $row (@rows) {
        my ($what, $expected, @words) = @$row;
        my $wanted = expected($expected, $version);
        my $found  = outcome(attempt($client, @words));
        $found = 'EACCES' if $is_hidden && $found eq 'ENOENT' && $what =~ /of process \d/;
        next if $found =~ /\AE(?:OP)?NOTSUPP?\z/ && (POSIX::uname())[4] ne 'x86_64'; # a call that this architecture never had
        push @wrong, "$what: $found, not $wanted" if defined $wanted && $found ne $wanted;
    }
    is(join("\n", @wrong), '', $name);
    return;
}

# ---- the tables: [what, outcome, call, arguments...]

sub denied { return map { [join(' ', @$_), 'EPERM', @$_] } @_ }

# `everywhere`: with --symlinks all, every file may be read.
sub files {
    my ($folder, $everywhere) = @_;
    my $landlock = $everywhere ? 'done' : 'EACCES';
    my $outside  = { 0 => 'done', 1 => $landlock }; # without Landlock, files outside can be read
    my %writing = (
        'to empty' => O_RDONLY | O_TRUNC, 'to write' => O_WRONLY, 'to read and write' => O_RDWR,
        'to write and empty' => O_WRONLY | O_TRUNC, 'to append' => O_WRONLY | O_APPEND,
        'to control' => O_ACCMODE, 'to make an unnamed file' => O_ACCMODE | TMPFILE, # Landlock asks for no right (open(2))
    );
    my @rows;
    for my $how (sort keys %writing) {
        push @rows,
            ["openat2 $how, beneath the root", 'EPERM', 'openat2', 'root', '@mine', how($writing{$how})],
            ["openat2 $how, outside", 'EPERM', 'openat2', CWD, "\@$folder/outside/secret", how($writing{$how})],
            ["openat $how, beneath the root", 'EPERM', 'openat', 'root', '@mine', $writing{$how}],
            ["openat $how, outside", 'EPERM', 'openat', CWD, "\@$folder/outside/secret", $writing{$how}],
            ["openat2 of the log $how", 'EPERM', 'openat2', CWD, '@/proc/self/fd/1', how($writing{$how})],
            ["openat of the log $how", 'EPERM', 'openat', CWD, '@/proc/self/fd/1', $writing{$how}];
    }
    return (
        @rows,
        ['openat to read, beneath the root', 'done', 'openat', 'root', '@mine', READ],
        ['openat that may block', 'EPERM', 'openat', 'root', '@mine', O_RDONLY],
        ['openat that may take a terminal', 'EPERM', 'openat', 'root', '@mine', O_RDONLY | O_NONBLOCK],
        ['openat2 to read, beneath the root', 'EPERM', 'openat2', 'root', '@mine', how(O_RDONLY)],
        ['openat2 to create', 'EPERM', 'openat2', 'root', '@new', how(O_RDONLY | O_CREAT, 0644)],
        ['openat2 to create outside', 'EPERM', 'openat2', CWD, "\@$folder/outside/new", how(O_RDONLY | O_CREAT, 0644)],
        ['openat2 of an unnamed file', 'EPERM', 'openat2', 'root', '@.', how(O_RDWR | TMPFILE, 0644)],
        ['openat to create', 'EPERM', 'openat', 'root', '@new', O_RDONLY | O_CREAT, 0644],
        ['openat of an unnamed file', 'EPERM', 'openat', 'root', '@.', O_RDWR | TMPFILE, 0644],
        (map { my ($where, @name) = @$_; map { ["openat to hold a file $where, flags $_", 'EPERM', 'openat', @name, $_] } HOLD, HOLD | O_NOFOLLOW, HOLD | READ }
            ['beneath the root', 'root', '@mine'], ['outside', CWD, "\@$folder/outside/secret"]),
        ['openat to hold a folder outside', 'done', 'openat', CWD, "\@$folder/outside", HOLD | O_DIRECTORY],
        ['openat with a signal at input', 'EPERM', 'openat', 'root', '@mine', O_RDONLY | O_ASYNC],

        ['an absolute path', $outside, 'openat', CWD, "\@$folder/outside/secret", READ],
        ['a path upward', $outside, 'openat', 'root', '@../outside/secret', READ],
        ['a link that leads out', $outside, 'openat', 'root', '@leads-out', READ],
        ['a folder outside', $outside, 'openat', CWD, "\@$folder/outside", O_RDONLY | O_DIRECTORY],
        ['/etc/passwd', $outside, 'openat', CWD, '@/etc/passwd', READ],
        ['the log by /proc', { 0 => undef, 1 => $everywhere ? undef : 'EACCES' }, 'openat', CWD, '@/proc/self/fd/1', READ],
        (map { my ($name, @how) = @$_; ["$name, by openat2", 'EPERM', 'openat2', @how, how(O_RDONLY)] }
            ['an absolute path', CWD, "\@$folder/outside/secret"], ['a path upward', 'root', '@../outside/secret'],
            ['a link that leads out', 'root', '@leads-out']),

        denied(
            ['truncate', "\@$folder/site/mine", 0], ['ftruncate', 1, 0], ['fallocate', 1, 0, 0, 10],
            ['copy_file_range', 1, 0, 1, 0, 10], ['splice', 1, 0, 1, 0, 10], ['tee', 1, 1, 10], ['vmsplice', 1, 'room', 0],
            ['unlinkat', 'root', '@mine'], ['renameat2', 'root', '@mine', 'root', '@new'], ['linkat', 'root', '@mine', 'root', '@new'],
            ['symlinkat', '@mine', 'root', '@new'], ['mkdirat', 'root', '@new', 0755], ['mknodat', 'root', '@new', 0010644],
            ['creat', "\@$folder/site/new", 0644], ['unlink', "\@$folder/site/mine"], ['rmdir', "\@$folder/site"],
            ['rename', "\@$folder/site/mine", "\@$folder/site/new"], ['link', "\@$folder/site/mine", "\@$folder/site/new"],
            ['symlink', '@mine', "\@$folder/site/new"], ['mkdir', "\@$folder/site/new"], ['open', "\@$folder/site/mine", O_RDONLY],
            ['chmod', "\@$folder/site/mine", 0], ['fchmod', 'root', 0], ['fchmodat', 'root', '@mine', 0],
            ['fchownat', 'root', '@mine', 1, 1], ['utimensat', 'root', '@mine', 0],
            ['setxattr', "\@$folder/site/mine", '@user.a', '@b', 1], ['fsetxattr', 'root', '@user.a', '@b', 1],
            ['flock', 1, 2], ['name_to_handle_at', 'root', '@mine', 'room', 'room'], ['open_by_handle_at', 'root', 'room', 0],
            ['chdir', '@/'], ['inotify_init1', 0], ['fanotify_init', 0, 0],
        ),
    );
}

# The standard streams: a terminal's input, the log's old lines.
sub streams {
    return denied(
        (map { (['read', $_, 'room', 0], ['lseek', $_, 0, 0], ['shutdown', $_, SHUT_WR], ['shutdown', $_, SHUT_RD]) } 0 .. 2),
        (map { (['pread64', $_, 'room', 1, 0], ['sendfile', 'peer', $_, 0, 1]) } 0 .. 2),
        (map { ['mmap', 0, 4096, PROT_READ, MAP_PRIVATE, $_] } 0 .. 2), (map { ['epoll_ctl', 3, 1, $_, 'room'] } 0 .. 2),
        (map { ['sendfile', $_, 'root', 0, 1] } 0 .. 2),
        ['readv', 0, 'room', 0], ['pwrite64', 1, '@forged', 6, 0], ['pwritev', 1, 'room', 0, 0],
        ['mmap', 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 1], ['mmap', 0, 4096, PROT_READ, MAP_SHARED, 1],
        ['mmap', 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1],
        (map { ['ioctl', 0, $_, 'room'] } 0x5412, 0x5421, 0x541B, 0x5452), # TIOCSTI, FIONBIO, FIONREAD, FIOASYNC
        # F_DUPFD, F_SETFL, F_SETLK, F_SETOWN, F_SETSIG, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_ADD_SEALS
        (map { ['fcntl', 1, $_, 0] } 0, 4, 6, 8, 10, 1024, 1026, 1031, 1033),
        ['dup', 1], ['dup3', 1, 9, 0],
    );
}

# A pipe or a terminal, opened anew by the name that /proc has of it: no Landlock handles pipes.
sub streams_by_name {
    my @rows;
    for my $name ('self/fd/1', 'thread-self/fd/1') {
        for my $flags (O_RDONLY, O_RDWR, O_WRONLY, READ) {
            push @rows,
                ["openat of $name, flags $flags", $flags == READ ? 'EACCES' : 'EPERM', 'openat', CWD, "\@/proc/$name", $flags],
                ["openat2 of $name, flags $flags", 'EPERM', 'openat2', CWD, "\@/proc/$name", how($flags)];
        }
    }
    return @rows;
}

sub network {
    my ($inner) = @_;
    my $address = bytes(pack_sockaddr_in($inner->sockport, INADDR_LOOPBACK));
    return (
        denied(
            (map { (['shutdown', $_, SHUT_RD], ['shutdown', $_, SHUT_RDWR]) } 'tcp', 'unix'),
            ['sendto', 'tcp', '@stolen', 6, FASTOPEN, $address, 16], ['sendto', 'tcp', '@stolen', 6, 0, $address, 16],
            ['sendto', 'peer', '@stolen', 6, 1],
            ['sendmsg', 'peer', 'rights', 0], ['sendmmsg', 'peer', 'rights', 0, 0], ['recvmsg', 'peer', 'rights', 0x40],
            ['recvmmsg', 'peer', 'rights', 0, 0], ['socket', AF_INET, SOCK_STREAM, 0], ['socket', AF_UNIX, SOCK_STREAM, 0],
            ['socket', 16, SOCK_RAW, 0], ['socketpair', AF_UNIX, SOCK_STREAM, 0, 'room'], ['connect', 'tcp', $address, 16],
            ['shutdown', 'peer', SHUT_RD], ['shutdown', 'peer', SHUT_RDWR], ['bind', 'tcp', $address, 16], ['listen', 'tcp', 0], ['getsockopt', 'tcp', SOL_SOCKET, SO_TYPE, 'room', 'room'],
        ),
        # SO_REUSEPORT, SO_RCVBUF, SO_ATTACH_FILTER; TCP_NODELAY, TCP_FASTOPEN, TCP_REPAIR, TCP_ULP
        (map { ["setsockopt SOL_SOCKET $_", 'EPERM', 'setsockopt', 'tcp', SOL_SOCKET, $_, bytes("\1\0\0\0"), 4] } 15, 8, 26),
        (map { ["setsockopt TCP $_", 'EPERM', 'setsockopt', 'tcp', 6, $_, bytes("\1\0\0\0"), 4] } 1, 23, 19, 31),
        # Allowed, as the end of a response needs it; without effect on a listening socket.
        ['shutdown of a TCP listener for writing', undef, 'shutdown', 'tcp', SHUT_WR],
        ['shutdown of a Unix listener for writing', undef, 'shutdown', 'unix', SHUT_WR],
    );
}

# The channels to the other workers and the master: nothing else can get their numbers, and nothing else passes descriptors.
sub channels {
    return denied(
        (map { (['close', $_], ['shutdown', $_, SHUT_WR], ['shutdown', $_, SHUT_RD]) } 3 .. 7),
        (map { (['sendmsg', $_, 'rights', 0]) } 4, 6 .. 12), (map { ['recvmsg', $_, 'rights', 0x40] } 3, 5, 7 .. 12),
        ['sendmsg', 3, 'rights', 1], ['sendmsg', 5, 'rights', FASTOPEN], ['recvmsg', 4, 'rights', 2], ['recvmsg', 6, 'rights', 2],
        (map { (['dup', $_], ['fcntl', $_, 0, 20], ['fcntl', $_, 4, 0]) } 3 .. 7), # F_DUPFD, F_SETFL
    );
}

sub processes {
    my ($master, $worker, $sibling) = @_;
    return (
        denied(
            (map { (['kill', $_, SIGCONT], ['tgkill', $_, $_, SIGCONT], ['tkill', $_, SIGCONT], ['rt_sigqueueinfo', $_, SIGCONT, 'room'],
                    ['pidfd_open', $_, 0], ['ptrace', 0x4206, $_, 0, 0], ['kcmp', $worker, $_, 0, 0, 0],
                    ['process_vm_readv', $_, 'room', 0, 'room', 0, 0], ['process_vm_writev', $_, 'room', 0, 'room', 0, 0],
                    ['prlimit64', $_, 7, 0, 'room'], ['setpriority', 0, $_, 0]) } $master, $sibling),
            ['tkill', $worker, SIGSTOP], ['tgkill', $worker, $worker, SIGSTOP], ['futex', 'room', 6, 0, 0, 0, 0],
            ['kill', 0, SIGCONT], ['kill', -1, 0], ['ptrace', 0, 0, 0, 0], ['pidfd_send_signal', 1, SIGCONT, 0, 0], ['pidfd_getfd', 1, 0, 0],
            ['clone', SIGCHLD, 0, 0, 0, 0], ['clone3', 'room', 64], ['fork'], ['vfork'],
            ['execve', '@/bin/true', 'room', 'room'], ['execveat', 'root', '@mine', 'room', 'room', 0],
            ['prlimit64', 0, 7, 'room', 0], ['prlimit64', $worker, 7, 'room', 0], ['prlimit64', 0, 7, '0x100000000', 0],
            ['setrlimit', 7, 'room'], ['prctl', 4, 1, 0, 0, 0], ['prctl', 1, 0, 0, 0, 0], ['personality', 0x0400000],
            ['seccomp', 2, 0, 'room'], ['setpgid', 0, 0], ['setsid'], ['setresuid', 0, 0, 0], ['setgroups', 0, 'room'], ['capset', 'room', 'room'],
            ['sched_setaffinity', 0, 8, 'room'], ['shmget', 0, 4096, 01600], ['msgget', 0, 01600], ['semget', 0, 1, 01600],
            ['mq_open', '@a', 0], ['pipe2', 'room', 0], ['setitimer', 0, 'room', 0],
        ),
        ['asking for its own limit', 'done', 'prlimit64', 0, 7, 0, 'room'],
        (map { my $pid = $_; map { ["where $_ of process $pid leads", { 0 => undef, 1 => 'EACCES' }, 'readlinkat', CWD, "\@/proc/$pid/$_", 'room', 4096] } 'exe', 'cwd', 'fd/1' } $master, $sibling),
        (map { my $pid = $_; map { ["$_ of process $pid", 'EACCES', 'openat', CWD, "\@/proc/$pid/$_", READ] } 'mem', 'environ', 'auxv', 'fd', 'fd/1' } $master, $sibling),
    );
}

# Memory that another process writes to. EFAULT: the kernel could not write there for the worker.
sub other_workers {
    my @rows;
    for my $memory ('counters', 'guard') {
        push @rows,
            ["writing to the $memory", 'EFAULT', 'clock_gettime', 0, $memory],
            ["reading a file into the $memory", 'EFAULT', 'fstat', 'root', $memory],
            ["making the $memory writable", 'EACCES', 'mprotect', $memory, 4096, PROT_READ | PROT_WRITE],
            ["moving a mapping over the $memory", 'EPERM', 'mremap', 'room', 4096, 4096, 3, $memory];
    }
    return (['writing to its own memory', 'done', 'clock_gettime', 0, 'room'], @rows);
}

# An abstract address, of a socket that listens: the kernel asks for no file's permission.
sub abstract_sockets {
    my ($name) = @_;
    my $address = bytes(pack_sockaddr_un("\0$name"));
    my $length  = 3 + length $name; # sun_family, NUL, name
    return denied(
        (map { (['connect', $_, $address, $length], ['bind', $_, $address, $length], ['sendto', $_, '@stolen', 6, 0, $address, $length]) } 'unix', 'tcp', 'peer', 3, 5, 7),
        ['socket', AF_UNIX, SOCK_STREAM, 0], ['socket', AF_UNIX, SOCK_DGRAM, 0], ['socketpair', AF_UNIX, SOCK_DGRAM, 0, 'room'],
    );
}

sub kernel {
    return denied(
        (map { ['mmap', 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | $_, -1] } HUGETLB, LOCKED, POPULATE, GROWSDOWN),
        ['memfd_create', '@a', 0], ['mmap', 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1],
        ['mprotect', 'room', 4096, PROT_READ | PROT_EXEC], ['pkey_mprotect', 'room', 4096, PROT_READ | PROT_EXEC, -1],
        ['io_uring_setup', 1, 'room'], ['io_uring_enter', 1, 0, 0, 0, 0, 0], ['io_uring_register', 1, 0, 0, 0], ['bpf', 0, 'room', 0],
        ['perf_event_open', 'room', 0, -1, -1, 0], ['userfaultfd', 0], ['unshare', 0x10000000], ['setns', 1, 0],
        ['mount', '@none', '@/', '@tmpfs', 0, 0], ['umount2', '@/', 0], ['pivot_root', '@/', '@/'], ['chroot', '@/'],
        ['keyctl', 0, 0, 0, 0, 0], ['add_key', '@user', '@a', '@b', 1, -3], ['eventfd2', 0, 0], ['timerfd_create', 0, 0],
        ['modify_ldt', 0, 'room', 16], ['arch_prctl', 0x1003, 'room'], ['iopl', 0], ['ioperm', 0, 1, 0], ['acct', 0],
        ['reboot', 0, 0, 0, 0], ['sethostname', '@a', 1], ['swapon', '@a', 0], ['init_module', 'room', 0, '@'], ['kexec_load', 0, 0, 0, 0],
        ['syslog', 9, 0, 0], ['getrandom', 'room', 1, 0], ['sched_yield'], [444, 'room', 24, 0], [100000],
        [0x40000000 + 39], # getpid of x32; no call at all on arm64
    );
}

# ---- one server

sub try_server {
    my ($started, $user, $as, $limit, @arguments) = @_;
    my $everywhere = grep { $_ eq 'all' } @arguments;
    my $folder = make_site($user);
    my $inner  = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, Blocking => 0) or die $!;
    my $path   = "$folder/socket";
    my $abstract = IO::Socket::UNIX->new(Local => "\0tinyhttpd-hostile-$$", Listen => 5, Blocking => 0) or die $!;
    local $ENV{HOSTILE_LANDLOCK_ABI} = $limit;
    delete $ENV{HOSTILE_LANDLOCK_ABI} if !defined $limit;
    my $server = Harness->start(root => "$folder/site", args => ['-v', '-j', '2', '-b', "unix:$path", @arguments], as => $as);
    my ($version) = $server->banner =~ /Landlock \(ABI (\d+)/;
    $version //= 0;
    my $name = join ' ', "$started, Landlock", $version || 'missing', @arguments;
    like($server->banner, qr/^tinyhttpd: sandbox: uid $user, .*, files read-only, .*seccomp \(\d+ calls\)$/m, "$name: -v says that files are read-only");
    my @workers = $server->workers;
    $server->get('/mine');
    my ($first) = $server->log_lines(1);
    my $before = content_of("$folder/site") . content_of("$folder/outside");

    my $client = client_of($path);
    try_all($client, "$name: files", $version, files($folder, $everywhere));
    try_all($client, "$name: standard streams", $version, streams());
    try_all($client, "$name: channels", $version, channels());
    my $self = attempt($client, 'getpid');
    my ($sibling) = grep { $_ != $self } @workers;
    try_all($client, "$name: processes", $version, processes($server->pid, $self, $sibling));
    try_all($client, "$name: the kernel", $version, kernel());
    try_all($client, "$name: other workers", $version, other_workers());
    try_all($client, "$name: network", $version, network($inner));
    try_all($client, "$name: abstract sockets", $version, abstract_sockets("tinyhttpd-hostile-$$"));
    my $i386 = outcome(attempt($client, 'i386'));
    ok($i386 eq 'EPERM' || $i386 eq 'ENOSYS', "$name: i386 calls are denied") or diag($i386);
    close $client->{socket} if $client->{socket};

    is(content_of("$folder/site") . content_of("$folder/outside"), $before, "$name: no file has changed");
    is(scalar($_->accept), undef, "$name: no connection was opened") for $inner, $abstract;
    is("@{[$server->workers]}", "@workers", "$name: the workers are the same");
    is(($server->log_lines(1))[0], $first, "$name: the log's first line is unchanged");
    is($server->get('/mine')->{body}, 'mine', "$name: the TCP socket still serves") for 1 .. 4;
    for (1 .. 4) {
        is(outcome(attempt(client_of($path), 'openat', 'root', '@mine', READ)), 'done', "$name: the Unix socket still serves");
    }
    $server->stop;
    return;
}

# The workers of a new root can't read the old one.
sub try_new_root {
    my ($started, $user, $as, $limit) = @_;
    my $folder = make_site($user);
    my $path   = "$folder/socket";
    local $ENV{HOSTILE_LANDLOCK_ABI} = $limit;
    delete $ENV{HOSTILE_LANDLOCK_ABI} if !defined $limit;
    my $server = Harness->start(root => "$folder/site", args => ['-v', '-j', '2', '-b', "unix:$path"], as => $as);
    my ($version) = $server->banner =~ /Landlock \(ABI (\d+)/ or return $server->stop;
    my @old = $server->workers;
    is($server->get('/mine')->{body}, 'mine', "$started: the root");
    rename "$folder/site", "$folder/old" or die $!;
    mkdir "$folder/site" or die $!;
    put_file("$folder/site", 'mine', 'new');
    is($server->get('/mine')->{body}, 'new', "$started: the new root");
    ok(eventually { my @now = $server->workers; my %old = map { $_ => 1 } @old; @now == 2 && !grep { $old{$_} } @now }, "$started: its workers");
    my $client = client_of($path);
    is(outcome(attempt($client, 'openat', 'root', '@mine', READ)), 'done', "$started: a worker of the new root reads that");
    is(outcome(attempt($client, 'openat', CWD, "\@$folder/old/mine", READ)), 'EACCES', "$started: a worker of the new root can't read the old one");
    is(outcome(attempt($client, 'openat', 'root', '@../old/mine', READ)), 'EACCES', "$started: a worker of the new root can't read the old one beside it");
    close $client->{socket} if $client->{socket};
    $server->stop(lost => 1);
    return;
}

# A worker must not open a log's pipe or terminal again: it could read the lines of others.
sub try_log {
    my ($started, $user, $as, $limit, $log_kind, $reader, $writer) = @_;
    my $folder = make_site($user);
    my $path   = "$folder/socket";
    local $ENV{HOSTILE_LANDLOCK_ABI} = $limit;
    delete $ENV{HOSTILE_LANDLOCK_ABI} if !defined $limit;
    fchown($user, $writer);
    my $server = Harness->start(root => "$folder/site", args => ['-v', '-j', '2', '-b', "unix:$path"], as => $as, stdout => $writer);
    close $writer;
    my ($version) = $server->banner =~ /Landlock \(ABI (\d+)/;
    $version //= 0;
    my $name = "$started, Landlock " . ($version || 'missing') . ", the log on $log_kind";
    my $client = client_of($path);
    try_all($client, "$name: standard streams", $version, streams());
    try_all($client, "$name: standard streams by name", $version, streams_by_name());
    $server->get("/last$_") for 1 .. 50;
    my $log = '';
    eventually {
        sysread $reader, $log, 65_536, length $log if IO::Select->new($reader)->can_read(0);
        50 == (() = $log =~ m{GET /last}g);
    };
    is(scalar(() = $log =~ m{GET /last}g), 50, "$name: each line arrives");
    close $client->{socket} if $client->{socket};
    $server->stop;
    return;
}

# An old worker that keeps a listening socket in its channel while that is emptied slowly, and takes it out after the
# master has looked, is killed. One that an earlier reload replaced, which still sends a response, is not: its checks do
# not wait for what is in the channel.
sub try_to_hide {
    my ($what, $kills) = @_;
    my $slow = put_file(new_root(), 'slow', '');
    my $root = new_root();
    open my $file, '>', "$root/large" or die $!;
    truncate $file, 20_000_000;
    local $ENV{HOSTILE_SLOW} = $slow;
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($honest) = $server->workers;
    my $download = $server->connection(receive => 32_768);
    syswrite $download, get_request('/large');
    sysread $download, my $start, 1000;
    my $reload = sub {
        my ($times) = @_;
        kill 'HUP', $server->pid;
        return eventually { $times == (() = $server->stderr =~ /^tinyhttpd: reloaded/mg) };
    };
    ok($reload->(1), "$what: reloaded");
    my ($client, $hostile);
    eventually {
        $client = { socket => $server->connection };
        $hostile = attempt($client, 'getpid');
        $hostile ne 'ended' && $hostile != $honest;
    };
    $server->expect_stderr($_) for qr/reloaded/, qr/old worker $hostile (?:still accepts|was killed by signal 9)/;
    syswrite $client->{socket}, get_request('/__hostile?hide');
    my $hears = sub { # what the worker says before it spins
        my ($word) = @_;
        IO::Select->new($client->{socket})->can_read(Harness::PATIENCE());
        $client->{socket}->blocking(0);
        sysread $client->{socket}, my $heard, length $word;
        kill 'STOP', $hostile;
        return ($heard // '') eq $word;
    };
    ok($hears->('hidden'), "$what: it is in the channel");
    $start = sip($download, $start);
    ok($reload->(2), "$what: reloaded again");
    my $dropping = sub { grep { slurp("/proc/$_/status") =~ /^Seccomp:\s+0$/m } children_of($server->pid) };
    ok(defined(asleep_until { 1 == $dropping->() && at_rest($server->pid) && 1 == $dropping->() } $server->pid, 15),
        "$what: the master has looked while the channel is emptied");
    $start = sip($download, $start);
    if ($kills) {
        my ($killed) = $dropping->();
        kill 'KILL', $killed;
        my $next = $killed; # a look at a worker is such a process, too, but ends at once
        ok(defined(asleep_until {
            my ($before, $now) = ($next, $dropping->());
            $next = $now // $killed;
            $next != $killed && $next == $before && at_rest($server->pid) && $next == (($dropping->())[0] // 0);
        } $server->pid, 15), "$what: another process goes on");
    }
    $start = sip($download, $start);
    syswrite $client->{socket}, 'x';
    kill 'CONT', $hostile;
    $hears->('taken'); # or it is killed by then
    my $told = qr/^tinyhttpd: old worker $hostile still accepts connections after it was replaced; killed$/m;
    ok(defined(asleep_until { $server->stderr =~ $told && !-e "/proc/$hostile" } $server->pid, 15), "$what: the worker is killed");
    kill 'KILL', $hostile if -e "/proc/$hostile";
    ok(-e "/proc/$honest", "$what: another old worker lives");
    unlink $slow;
    is(rest_of_download($download, $start, 20_000_000), 20_000_000, "$what: it finishes its response");
    $server->stop(lost => 1);
    return;
}

sub fchown { my ($user, $handle) = @_; chown $user, $user, $handle if -p $handle || -c $handle; return }

# ---- the servers to try

my $probe = Harness->start(root => new_root(), args => ['-v']);
my $instrumented = attempt({ socket => $probe->connection }, 'instrumented');
my $has_seccomp  = $probe->banner =~ /, seccomp \(\d+ calls\)$/m;
$probe->stop;

my @setpriv = ('setpriv', '--reuid=' . ORDINARY, '--regid=' . ORDINARY, '--clear-groups', '--inh-caps=-all', '--');
my @own     = ('as root, whose root only root can read', ROOT, []);
my @users   = $> != 0 ? (['as an ordinary user', $>, []]) : (['as root', NOBODY, []],
    have('setpriv') ? ['as an ordinary user', ORDINARY, \@setpriv] : ());
for my $limit ($instrumented || !$has_seccomp ? () : @versions) {
    try_server(@$_, $limit) for @users;
    try_server(@{ $users[0] }, $limit, '--symlinks', 'all');
    my $stays_root = $> == 0 && ($limit // 1) > 0; # only with Landlock
    try_server(@own, $limit) if $stays_root;
    for my $user (@users, $stays_root ? \@own : ()) {
        try_new_root(@$user, $limit);
        try_log(@$user, $limit, 'a pipe', a_pipe());
        my @terminal = a_terminal() or next;
        try_log(@$user, $limit, 'a terminal', @terminal);
    }
}
if ($has_seccomp) {
    try_to_hide('hiding a socket');
    try_to_hide('hiding a socket, and the process that empties the channel is killed', 1);
    local $ENV{HOSTILE_VERSION} = 1;
    try_to_hide('hiding a socket from a program of another version');
}
SKIP: {
    skip 'a build that observes itself allows more', 1 if $instrumented;
    skip 'no seccomp here', 1 if !$has_seccomp;
}
done_testing();
