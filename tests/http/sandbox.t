# The sandbox from outside: /proc/PID/status of a worker, every kind of file served inside it, and the messages where
# parts of it are missing. hostile.t tries from inside what it denies.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw(abs_path);
use Config;
use Harness;
use Test::More;
use Time::HiRes qw(sleep);

use constant { EX_USAGE => 64, EX_NOINPUT => 66, EX_OSERR => 71, EX_NOPERM => 77, NOBODY => 65534 };
use constant { FAIL => 0x00050000, KILL => 0x80000000, EPERM => 1, ENOSYS => 38 };

my $sanitized = slurp(program()) =~ /__asan_init/;

# The numbers of the calls, for filters like a container's; other architectures skip those tests.
my ($arm64) = ($Config{archname} =~ /aarch64/);
my %call = $arm64 ? (prctl => 167, seccomp => 277, setgroups => 159, setresuid => 147)
    : $Config{archname} =~ /x86_64/ ? (prctl => 157, seccomp => 317, setgroups => 116, setresuid => 117) : ();
%call = (%call, landlock => 444, faccessat2 => 439) if %call;

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'style.css', 'css');
put_file($root, 'style.css.gz', 'compressed');
put_file($root, 'dir/index.html', 'dir');
put_file($root, 'notes', "caf\xc3\xa9\n");
put_file($root, 'picture', "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\6\0\0\0\x1f\x15\xc4\x89");
put_file($root, 'archive', "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00");
put_file($root, 'stream.ts', "\x47\x40\x00\x10" . "\0" x 184);
put_file($root, 'large.bin', noise(3_000_000, 'large'));
symlink 'dir/index.html', "$root/inner" or die $!;
symlink '/etc/passwd', "$root/outer" or die $!;
symlink '../../../../etc/passwd', "$root/upward" or die $!;
POSIX::mkfifo("$root/fifo", 0644);

# A field of /proc/PID/status.
sub status_of {
    my ($pid, $field) = @_;
    my ($value) = slurp("/proc/$pid/status") =~ /^\Q$field\E:[ \t]*(.*?)\s*$/m;
    return $value;
}

# The hard limit of its descriptors.
sub descriptors_of { my ($pid) = @_; return slurp("/proc/$pid/limits") =~ /^Max open files +\d+ +(\d+) /m ? $1 : 0 }

# Makes a worker do everything that it does, once.
sub serves_all {
    my ($server, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @cases = (
        ['/', 200, 'text/html; charset=utf-8', 'page'],
        ['/style.css', 200, 'text/css; charset=utf-8', 'css'],
        ['/notes', 200, 'text/plain; charset=utf-8', "caf\xc3\xa9\n"],
        ['/picture', 200, 'image/png', undef],
        ['/archive', 200, 'application/gzip', undef],
        ['/stream.ts', 200, 'video/mp2t', undef],
        ['/large.bin', 200, 'application/octet-stream', slurp("$root/large.bin")],
        ['/dir', 302, undef, undef],
        ['/dir/', 200, 'text/html; charset=utf-8', 'dir'],
        ['/outer', 404, undef, undef],
        ['/upward', 404, undef, undef],
        ['/fifo', 404, undef, undef],
        ['/none', 404, undef, undef],
    );
    my @wrong;
    for my $case (@cases) {
        my ($target, $status, $type, $body) = @$case;
        my $response = $server->get($target);
        push @wrong, "$target: status $response->{status}" if $response->{status} ne $status;
        push @wrong, "$target: type " . ($response->{field}{'content-type'} // 'none')
            if defined $type && ($response->{field}{'content-type'} // '') !~ /\A\Q$type\E\z/i;
        push @wrong, "$target: body" if defined $body && $response->{body} ne $body;
    }
    my $coded = $server->get('/style.css', 'Accept-Encoding: gzip');
    push @wrong, 'encoded sibling' if $coded->{body} ne 'compressed';
    my $ranges = $server->get('/large.bin', 'Range: bytes=0-1,100-199,2999990-');
    push @wrong, 'ranges' if (slices_of($ranges))[0] ne '';
    my @pipelined = $server->pipeline([map { get_request($_) } ('/', '/large.bin', '/style.css') x 5]);
    push @wrong, 'pipeline' if grep { $_->{status} ne '200' } @pipelined;
    my $closed = $server->exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" . 'x' x 70_000);
    push @wrong, 'a refused body' if !$closed->{closed} || ($closed->{responses}[0]{status} // '') !~ /\A4/;
    is(join(', ', @wrong), '', "$name: serves every kind of file");
    return;
}

# ---- started by root and by an ordinary user: only the user of the workers differs

for my $starter ('root', 'an ordinary user') {
    SKIP: {
        skip "$starter can't be tried by user $>", 1 if $starter eq 'root' ? $> != 0 : $> == 0 && !have('setpriv');
        my @by = $starter eq 'root' || $> != 0 ? () : ('setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--inh-caps=-all', '--');
        my $server = Harness->start(root => $root, args => ['-v', '-j', '2'], as => \@by);
        eventually { scalar(my @now = $server->workers) == 2 };
        my ($worker) = $server->workers;
        serves_all($server, "started by $starter");

        my ($line, @more) = $server->banner =~ /^tinyhttpd: sandbox: (.*)$/mg;
        is(scalar @more, 0, "$starter: -v describes the sandbox in one line");
        my $id = $starter eq 'root' ? NOBODY : status_of($server->pid, 'Uid') =~ /(\d+)/ ? $1 : '';
        like($line, qr/\Auid $id, gid \d+, no capabilities, no new privileges, /, "$starter: the line names the workers' user");
        is(status_of($worker, 'Uid'), join("\t", ($id) x 4), "$starter: all four user ids of a worker are $id");
        is(status_of($worker, 'Groups'), '', "$starter: no supplementary groups") if $starter eq 'root';
        is(status_of($worker, "Cap$_"), '0' x 16, "$starter: no capability in Cap$_") for qw(Inh Prm Eff Amb);
        is(status_of($worker, 'CapBnd'), '0' x 16, "$starter: an empty bounding set") if $starter eq 'root';
        is(status_of($worker, 'NoNewPrivs'), 1, "$starter: no_new_privs");
        SKIP: {
            my ($most, $enough) = (descriptors_of('self'), 2 * 65536 + 32 + 16);
            skip "the hard limit of descriptors, $most, is low", 1 if $most <= $enough;
            is(descriptors_of($worker), $enough, "$starter: a worker opens no more descriptors than it can use");
        }
        SKIP: {
            skip 'no seccomp here', 1 if $line !~ /, seccomp \(\d+ calls\)/;
            is(status_of($worker, 'Seccomp'), 2, "$starter: seccomp filters the worker's calls");
        }
        my @user = split ' ', status_of($server->pid, 'Uid');
        is($user[1], $starter eq 'root' ? 0 : $id, "$starter: the master keeps its user");

        # A worker that replaces a dead one has the same sandbox.
        $server->expect_stderr(qr/worker/);
        my %dead = map { $_ => 1 } $server->workers;
        kill 'KILL', keys %dead;
        my @after;
        # Waits until both workers are new and have set up the sandbox, whose last step is `$last`.
        my $last = $line =~ /, seccomp \(\d+ calls\)/ ? ['Seccomp', 2] : ['NoNewPrivs', 1];
        eventually {
            @after = $server->workers;
            @after == 2 && !grep({ $dead{$_} } @after) && !grep { (status_of($_, $last->[0]) // '') ne $last->[1] } @after;
        };
        is(scalar @after, 2, "$starter: dead workers are replaced");
        is($server->get('/')->{status}, 200, "$starter: the new workers serve");
        is(status_of($after[0], $_), status_of($after[1], $_), "$starter: the new workers have the same $_") for qw(Uid NoNewPrivs Seccomp CapEff);
        is(status_of($after[0], 'Uid'), join("\t", ($id) x 4), "$starter: the new workers have user $id");
        $server->stop(lost => 1);
    }
}

# ---- --user

SKIP: {
    skip 'needs root', 61 if $> != 0;
    for my $case (['65533', 65533, 65533], ['65533:4', 65533, 4], ['root', 0, 0], ['nobody', scalar getpwnam 'nobody', (getpwnam 'nobody')[3]]) {
        my ($typed, $user, $group) = @$case;
        my $server = Harness->start(root => $root, args => ['--user', $typed, '-j', '1']);
        my ($worker) = $server->workers;
        is(status_of($worker, 'Uid'), join("\t", ($user) x 4), "--user $typed: user $user");
        is(status_of($worker, 'Gid'), join("\t", ($group) x 4), "--user $typed: group $group");
        my $groups = $typed =~ /\A[a-z]/ ? join ' ', sort { $a <=> $b } split ' ', `id -G '$typed'` : '';
        is(status_of($worker, 'Groups') =~ s/ +\z//r, $groups, "--user $typed: the groups of a name, no others of a number");
        is(status_of($worker, 'CapEff'), '0' x 16, "--user $typed: no capability");
        is($server->get('/')->{status}, 200, "--user $typed: serves");
        $server->stop;
    }

    # A file that only root may read is 404, like a missing one.
    put_file($root, 'secret', 'secret');
    chmod 0600, "$root/secret";
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    is($server->get('/secret')->{status}, 404, 'a file that only root may read: 404');
    $server->stop;
    $server = Harness->start(root => $root, args => ['-j', '1', '--user', 'root']);
    is($server->get('/secret')->{body}, 'secret', '--user root: served');
    chown NOBODY, NOBODY, "$root/secret";
    is($server->get('/secret')->{status}, 404, '--user root: without capabilities, a file of another user with mode 0600 is 404');
    $server->stop;
    unlink "$root/secret";

    # A root that nobody can't read: its owner serves it, also if that is root.
    my $closed = new_root();
    put_file($closed, 'index.html', 'page');
    for my $case ([1000, 1001, 1001], [1000, 0, NOBODY], [0, 0, 0]) {
        my ($user, $group, $as) = @$case;
        chown $user, $group, $closed, "$closed/index.html";
        chmod 0700, $closed;
        chmod 0600, "$closed/index.html";
        $server = Harness->start(root => $closed, args => ['-j', '1']);
        my ($worker) = $server->workers;
        is($server->get('/')->{body}, 'page', "a root that only user $user can read: served");
        is(status_of($worker, 'Uid'), join("\t", ($user) x 4), "a root that only user $user can read: by that user");
        is(status_of($worker, 'Gid'), join("\t", ($as) x 4), "a root of group $group that only user $user can read: by group $as");
        is(status_of($worker, 'Groups') . status_of($worker, 'CapPrm'), '0' x 16, "a root that only user $user can read: no groups and no capability");
        my $lines = () = $server->banner =~ /^tinyhttpd: user nobody can't read root '.*', which root owns; the workers stay root, [^\n]*$/mg;
        is($lines, $user == 0 ? 1 : 0, "a root that only user $user can read: " . ($user == 0 ? 'one line says who serves' : 'no warning'));
        $server->stop;
    }
    refused('a root that --user can not read', EX_NOINPUT, qr/user 1000 with group 1000 can't read/, { command => [program(), '-r', $closed, '-p', '0', '--user', '1000'] });
    refused('a root that only root can read, with links that lead anywhere', EX_NOINPUT, qr/nobody.*--user/,
        { command => [program(), '-r', $closed, '-p', '0', '--symlinks', 'all'] });
    refused("a root that only root can read, without $_", EX_NOINPUT, qr/nobody.*--user/,
        { command => [program(), '-r', $closed, '-p', '0'], before => do { my $call = $_; sub { filtered(FAIL | EPERM, $call) } } })
        for %call ? ('landlock', 'seccomp') : ();

    # The master binds a privileged port before the workers drop privileges.
    my $port = 1023;
    $port-- while $port > 1 && !IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Listen => 1);
    $server = Harness->start(root => $root, port => $port, args => ['-j', '1']);
    is($server->get('/')->{status}, 200, "port $port: bound by root, served by nobody");
    $server->stop;
}

sub refused {
    my ($name, $status, $pattern, $how, @arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $run = run_program({ seconds => 10, %$how }, '-r', $root, '-p', '0', @arguments);
    is($run->{status}, $status, "$name: status $status") or diag("signal $run->{signal}: $run->{err}");
    like($run->{err}, qr/\Atinyhttpd: [^\n]+\n\z/, "$name: one line on stderr");
    like($run->{err}, $pattern, "$name: the line says what is wrong");
    return;
}

refused('an unknown user', EX_USAGE, qr/no-such-user/, {}, '--user', 'no-such-user');
refused('an unknown group', EX_USAGE, qr/no-such-group/, {}, '--user', 'root:no-such-group');
refused('an empty user', EX_USAGE, qr/user ''/, {}, '--user=');
SKIP: {
    skip 'needs root and setpriv', 8 if $> != 0 || !have('setpriv');
    my @bare = ('setpriv', '--bounding-set=-all', '--inh-caps=-all');
    my @nobody = (@bare, '--reuid=65534', '--regid=65534', '--clear-groups', '--');
    my @serve = (program(), '-r', $root, '-p', '0');
    refused('another user, by nobody', EX_USAGE, qr/only root/, { command => [@nobody, @serve, '--user', '1'] });
    refused('another user, by root without capabilities', EX_NOPERM, qr/CAP_SETUID.*--user 1:\d+/,
        { command => [@bare, '--', @serve, '--user', '1'] });

    # The kernel lets only CAP_SETGID change the groups.
    {
        my @user = ('setpriv', '--reuid=1000', '--regid=1000', '--groups=' . join(',', 1000, 2001 .. 2299), '--inh-caps=-all', '--');
        my $server = Harness->start(root => $root, args => ['-v', '-j', '1'], as => \@user);
        my ($worker) = $server->workers;
        my $kept = () = status_of($worker, 'Groups') =~ /\d+/g;
        is($kept, 300, 'an ordinary user: its workers keep its groups');
        like($server->banner, qr/^tinyhttpd: sandbox: uid 1000, gid 1000, other groups: 299, /m, 'an ordinary user: -v tells the groups that stay');
        $server->stop;
    }

    # The sandbox holds one thread.
    {
        local %ENV = (%ENV, preload('host'), HOST_THREAD => 1);
        my $server = Harness->start(root => $root, args => ['-v', '-j', '1']);
        like($server->banner, qr/^tinyhttpd: sandbox: .*; threads of a preloaded library outside the sandbox: 1$/m, 'a library with a thread: -v says so');
        $server->stop;
    }

    # As in a container with '--cap-drop all', as root and as another user.
    for my $user (0, NOBODY) {
        my $server = Harness->start(root => $root, args => ['-v'], as => [@bare, "--reuid=$user", '--clear-groups', '--no-new-privs', '--']);
        serves_all($server, "user $user without capabilities");
        like($server->banner, qr/^tinyhttpd: sandbox: uid $user, .*no capabilities/m, "user $user without capabilities: -v names the user");
        $server->stop;
    }
}

# ---- where the kernel or a container lacks a feature

# Installs a filter as a container's runtime does: the calls end in `action` (seccomp(2)). For `before`, in the child.
sub filtered {
    my ($action, @calls) = @_;
    my @code = (pack('SCCL', 0x20, 0, 0, 0)); # the call's number
    for my $at (0 .. $#calls) {
        push @code, pack 'SCCL', 0x15, $#calls - $at + 1, 0, $call{ $calls[$at] };
    }
    push @code, pack('SCCL', 0x06, 0, 0, 0x7fff0000), pack('SCCL', 0x06, 0, 0, $action);
    my $code = join '', @code;
    my $program = pack 'Sx![P]P', scalar @code, $code;
    syscall($call{prctl}, 38, 1, 0, 0, 0) == 0 or POSIX::_exit(125);    # PR_SET_NO_NEW_PRIVS
    syscall($call{seccomp}, 1, 0, $program) == 0 or POSIX::_exit(125);
    return;
}

SKIP: {
    skip 'calls have other numbers here', 20 if !%call;
    skip 'no filters here', 20 if system($^X, '-e', "exit(syscall($call{prctl}, 21, 0, 0, 0, 0) < 0)") != 0;

    my $server = Harness->start(root => $root, args => ['-v'], before => sub { filtered(FAIL | ENOSYS, 'landlock') });
    like($server->banner, qr/^tinyhttpd: sandbox: .*no Landlock \(Function not implemented\), seccomp \(\d+ calls\)$/m, 'without Landlock: -v says so');
    unlike($server->banner, qr/no Landlock and no seccomp/, 'without Landlock: no warning, as seccomp is there');
    serves_all($server, 'without Landlock');
    $server->stop;

    my $nothing = qr/^tinyhttpd: no Landlock and no seccomp: [^\n]+$/m;
    $server = Harness->start(root => $root, before => sub { filtered(FAIL | EPERM, 'landlock', 'seccomp') });
    my @lines = $server->banner =~ /$nothing/g;
    is(scalar @lines, 1, 'without Landlock and seccomp: one line of warning, even without -v');
    serves_all($server, 'without Landlock and seccomp');
    $server->stop;
    $server = Harness->start(root => $root, quiet => 1, before => sub { filtered(FAIL | EPERM, 'landlock', 'seccomp') });
    is($server->get('/')->{status}, 200, 'without Landlock and seccomp, -q: serves');
    $server->stop; # fails if anything is on stderr

    $server = Harness->start(root => $root, args => ['-v'], before => sub { filtered(FAIL | EPERM, 'faccessat2', 'landlock') });
    is($server->get('/dir/')->{body}, 'dir', 'without faccessat2, as in an old container runtime: serves');
    is($server->get('/picture')->{field}{'content-type'}, 'image/png', 'without faccessat2: libmagic works');
    is($server->get('/inner')->{body}, 'dir', 'without faccessat2: follows a link that stays inside the root');
    is($server->get("/$_")->{status}, 404, "without faccessat2: /$_ leaves the root") for 'outer', 'upward';
    $server->stop;

    SKIP: {
        skip 'needs root', 6 if $> != 0;
        $server = Harness->start(root => $root, args => ['-v'], before => sub { filtered(FAIL | EPERM, 'setgroups', 'setresuid') });
        like($server->banner, qr/^tinyhttpd: sandbox: uid 0, gid \d+ as nobody is refused \(Operation not permitted\)(?:, other groups: \d+)?, no capabilities/m,
            'root that can\'t become nobody: -v says so');
        is($server->get('/')->{status}, 200, 'root that can\'t become nobody: serves');
        $server->stop;
        refused('--user that is refused', EX_NOPERM, qr/65533.*not permitted/, { before => sub { filtered(FAIL | EPERM, 'setgroups', 'setresuid') } },
            '--user', '65533');
    }
    refused('a filter that kills', EX_OSERR, qr/SystemCallErrorNumber/, { before => sub { filtered(KILL, 'landlock') } });
}

# A core dump would have the requests in it.
{
    my $server = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my ($limit) = slurp("/proc/$worker/limits") =~ /^Max core file size +(\S+ +\S+)/m;
    like($limit, qr/\A(?:1 +1|0 +0)\z/, 'the limit of core dumps is one byte, or was 0 before');
    SKIP: {
        skip 'this user may not read it', 1 if !-r "/proc/$worker/coredump_filter";
        is(slurp("/proc/$worker/coredump_filter"), "00000000\n", 'a core dump leaves out all memory');
    }
    $server->stop;
}

# ---- the sandbox allows every call that a worker makes

SKIP: {
    skip 'needs strace', 1 if !have('strace');
    skip 'the sanitizers trace the process themselves', 1 if $sanitized;
    my $trace  = new_root();
    my $server = Harness->start(root => $root, args => ['-j', '1', '-v']);
    my ($worker) = $server->workers;
    my $tracer = Harness::spawn("$trace/out", "$trace/err", undef, 'strace', '-f', '-o', "$trace/calls", '-p', $worker);
    SKIP: {
        my $attached = eventually { slurp("$trace/err") =~ /attached/ || slurp("$trace/err") =~ /not permitted/ };
        skip 'strace is not permitted', 2 if slurp("$trace/err") !~ /attached/;
        serves_all($server, 'under strace');
        $server->log_lines(10);
        my $before = $server->stderr;
        kill 'TERM', $server->pid;
        eventually { waitpid($tracer, POSIX::WNOHANG()) == $tracer };
        $server->ended(stderr => $before);
        my @refused = grep { /= -1 EPERM/ } split /^/, slurp("$trace/calls");
        is(join('', @refused), '', 'no call of a worker is denied');
        like(slurp("$trace/calls"), qr/exit_group/, 'the trace reaches the end of the worker');
    }
    kill 'KILL', $tracer;
}

responses_framed();
done_testing();
