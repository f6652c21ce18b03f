# The units of share/systemd: systemd-analyze reports no error and a low exposure, and the program serves on the
# inherited socket without any other network.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Socket::INET;
use POSIX ();
use Test::More;

my $top    = abs_path("$FindBin::Bin/../..");
my $prefix = tempdir(CLEANUP => 1);
my $units  = "$prefix/lib/systemd/system";
put_file($prefix, 'bin/tinyhttpd', "#!/bin/sh\n");
chmod 0755, "$prefix/bin/tinyhttpd";

# Installed by make, without the flags of a make that runs this test.
my $install = run_program({ command => ['env', '-u', 'MAKEFLAGS', '-u', 'MFLAGS', '-u', 'MAKELEVEL',
    'make', '-s', '-C', $top, 'install-units', "PREFIX=$prefix"] });
is($install->{status}, 0, 'make installs the units') or BAIL_OUT($install->{err});
my $service = slurp("$units/tinyhttpd.service");
my @command = split ' ', ($service =~ /^ExecStart=(.*)$/m)[0] // '';
is($command[0], "$prefix/bin/tinyhttpd", 'the service has PREFIX');

SKIP: {
    skip 'no systemd-analyze here', 2 if !have('systemd-analyze');
    my $verified = run_program({ command => ['systemd-analyze', 'verify', '--man=no', map { "$units/tinyhttpd.$_" } qw(service socket)] });
    skip 'systemd-analyze does not run here: ' . told($verified->{err}), 2 if $verified->{err} =~ /^Failed to initialize manager/m;
    is($verified->{status} . $verified->{err}, 0, 'systemd-analyze verify: no message');

    # In tenths of the exposure: below 10 is SAFE.
    my $secure = run_program({ command => ['systemd-analyze', 'security', '--offline=true', '--threshold=10', '--no-pager',
        "$units/tinyhttpd.service"] });
    skip 'this systemd-analyze looks at running units only', 1 if $secure->{err} =~ /unrecognized option/;
    is($secure->{status}, 0, 'systemd-analyze security: exposure under 1.0') or diag($secure->{out});
}

SKIP: {
    skip 'no systemd-socket-activate here', 5 if !have('systemd-socket-activate');
    my $alone = $> == 0 && system('unshare -n true 2>/dev/null') == 0;
    my ($root, $folder) = (new_root(), tempdir(CLEANUP => 1));
    put_file($root, 'index.html', 'activated');
    put_file($root, 'large.bin', noise(3_000_000, 'large'));
    my $port = free_port();

    # The variables of the service but its root; PrivateNetwork= if possible.
    my @environment = grep { !/^TINYHTTPD_ROOT=/ } $service =~ /^Environment=(.*)$/mg;
    my $server = bless { out => "$folder/out", err => "$folder/err", bind => '127.0.0.1', port => $port, expect => [qr/./],
        workers => [] }, 'Harness';
    $server->{pid} = Harness::spawn($server->{out}, $server->{err}, undef, 'systemd-socket-activate', '-l', "127.0.0.1:$port",
        map({ ('-E', $_) } "PATH=$ENV{PATH}", "TINYHTTPD_ROOT=$root", @environment), $alone ? ('unshare', '-n') : (),
        program(), '-r', $root, @command[1 .. $#command]);
    my $socket = eventually { connect_to('127.0.0.1', $port) };
    close $socket if $socket;
    is($server->get('/')->{body}, 'activated', 'serves on the inherited socket'
        . ($alone ? ', in a network without another' : ''));
    ok($server->get('/large.bin')->{body} eq slurp("$root/large.bin"), 'serves a file of 3 MB');
    is(slurp("/proc/$server->{pid}/comm"), "tinyhttpd\n", 'the process that systemd-socket-activate started is the master');
    $server->{banner} = $server->stderr;
    $server->stop(lost => 1);
}

# A service that gives up, or whose mount fails, would take the socket unit with it: the port is refused for good.
like($service, qr/^StartLimitIntervalSec=0$/m, 'the service is started again without limit');
unlike($service, qr/^(?:RestartPreventExitStatus|RequiresMountsFor|BindsTo)=/m, 'no failure of the server or of a mount stops the socket unit');

# A root that is late: missing, then unreadable, then there. The user is given, as root could read any directory.
for my $sign ('NOTIFY_SOCKET', 'LISTEN_FDS') {
    my $folder = new_root();
    my $port   = free_port();
    my @user   = $> == 0 ? ('--user', '65534') : ();
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1) or die $!;
    my $before = $sign eq 'NOTIFY_SOCKET' ? sub { $ENV{NOTIFY_SOCKET} = "$folder/notify" } : sub {
        POSIX::dup2(POSIX::dup(fileno $socket), 3); # the copy stays open over exec
        @ENV{ 'LISTEN_PID', 'LISTEN_FDS' } = ($$, 1);
    };
    close $socket if $sign eq 'NOTIFY_SOCKET';
    my $server = Harness->start(root => "$folder/above/site", args => ['-j', '2', @user], before => $before, port => $port);
    close $socket;
    is($server->get('/')->{status}, 503, "$sign, the root is missing at the start: 503");
    like($server->get('/', 'Accept: text/html')->{body}, qr/is missing \(No such file or directory\)/, "$sign, the root is missing at the start: the page says so");
    is($server->get('/.well-known/tinyhttpd/health')->{status}, 503, "$sign, the root is missing at the start: the health check");
    $server->expect_stderr(qr/\Atinyhttpd: root '.*above\/site' is missing: No such file or directory; responses are 503 meanwhile\n\z/);
    $server->expect_stderr(qr/\Atinyhttpd: root '.*above\/site' is there again\n\z/);
    put_file("$folder/above/new", 'index.html', 'late');
    put_file("$folder/above/new", 'file.txt', 'linked');
    symlink 'file.txt', "$folder/above/new/link.txt";
    chmod 0, "$folder/above/new";
    rename "$folder/above/new", "$folder/above/site" or die $!; # at no moment readable
    is($server->get('/')->{status}, 503, "$sign, then unreadable: 503");
    chmod 0755, "$folder/above/site";
    ok(eventually { $server->get('/')->{body} eq 'late' }, "$sign, then readable: served");
    ok(eventually { $server->get('/link.txt')->{body} eq 'linked' }, "$sign, then readable: a link is followed");
    is($server->get('/.well-known/tinyhttpd/health')->{status}, 200, "$sign, then readable: healthy");
    my $lines;
    eventually { ($lines = () = $server->stderr =~ /^tinyhttpd: root/mg) >= 2 };
    is($lines, 2, "$sign, a root that is late: one line when it is missing, one when it is there");
    $server->stop(lost => 1);
}

# The calls of a set of SystemCallFilter= (systemd.exec(5)).
sub calls_of {
    my ($set) = @_;
    my $told = run_program({ command => ['systemd-analyze', '--no-pager', 'syscall-filter', $set] })->{out};
    return map { /\A@/ ? calls_of($_) : $_ } $told =~ /^    ([@\w-]+)$/mg;
}

# Only systemd enforces SystemCallFilter=, so this test compares it with the calls that strace sees.
SKIP: {
    skip 'no strace, or no systemd-analyze', 2 if !have('strace') || !have('systemd-analyze');
    skip "a sanitizer's calls are not the program's", 2 if is_sanitized();
    my %allowed;
    for my $line ($service =~ /^SystemCallFilter=(.*)$/mg) {
        my $refused = $line =~ s/\A~//;
        for my $call (map { /\A@/ ? calls_of($_) : $_ } split ' ', $line) {
            $refused ? delete $allowed{$call} : ($allowed{$call} = 1);
        }
    }
    my ($root, $folder) = (new_root(), tempdir(CLEANUP => 1));
    put_file($root, 'index.html', 'page');
    put_file($root, 'picture', "\x89PNG\r\n\x1a\n" . "\0" x 100);
    put_file($root, 'large.bin', noise(3_000_000, 'large'));
    my $by_strace = ['strace', '-D', '-f', '-qq', '-e', 'signal=none', '-o', "$folder/calls"];
    skip 'strace may trace nothing here', 2 if system("@$by_strace true 2>/dev/null") != 0;
    my $server = Harness->start(root => $root, args => ['-j', '2'], as => $by_strace);
    $server->get($_) for '/', '/picture', '/large.bin', '/none';
    $server->expect_stderr(qr/reload/);
    kill 'HUP', $server->pid;
    ok(eventually { $server->stderr =~ /reloaded/ }, 'reloads under strace');
    $server->get('/');
    $server->stop(lost => 1);
    # Calls from execve on, without bind(2) and listen(2), which systemd makes.
    my ($calls) = slurp("$folder/calls") =~ /(^\d+ +execve\([^\n]*tinyhttpd.*)/ms;
    my %used = map { $_ => 1 } ($calls // '') =~ /^\d+ +(\w+)\(/mg;
    cmp_ok(scalar keys %used, '>', 20, 'strace sees more than 20 different calls');
    is(join(' ', grep { !$allowed{$_} } sort keys %used), '', 'SystemCallFilter= allows each of them');
}

responses_framed();
done_testing();
