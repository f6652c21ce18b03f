# The units of share/systemd under a systemd of their own, which is process 1 of namespaces: a late root, links, reloads,
# and a server that can't start. Its file system is an overlay in memory over this machine's, and it knows no other unit.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;
use Time::HiRes qw(sleep);


my $top = abs_path("$FindBin::Bin/../..");
my ($manager) = grep { -x } '/lib/systemd/systemd', '/usr/lib/systemd/systemd';
my ($cgroups) = grep { $_ } map { (split)[2] eq 'cgroup2' ? (split)[1] : () } split /\n/, slurp('/proc/mounts');
plan skip_all => 'needs root, systemd, unshare, nsenter and cgroup2' if $> != 0 || !$manager || !$cgroups || grep { !have($_) } qw(unshare nsenter systemctl);
plan skip_all => 'a sanitizer maps writable and executable memory' if is_sanitized();
plan skip_all => 'the service may not see the folder of the libmagic for musl' if is_musl();

my $folder = tempdir(CLEANUP => 1);
my $group  = "$cgroups/tinyhttpd-test-$$";
my $owner  = $$;
my $pid;
END {
    if ($pid && $$ == $owner) {
        my $status = $?;
        kill 'KILL', -$pid;
        waitpid $pid, 0;
        eventually(sub { system("find '$group' -depth -type d -exec rmdir {} + 2>/dev/null"); !-d $group });
        $? = $status;
    }
}

my $prepare = <<'END';
    install -D "$2" usr/local/bin/tinyhttpd
    rm -rf srv/www etc/default/tinyhttpd
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$1" install-units DESTDIR="$PWD/units" PREFIX=/usr/local
    mkdir run/units; mv units/usr/local/lib/systemd/system/* run/units
    for target in sysinit sockets basic shutdown umount final; do printf "[Unit]\nDefaultDependencies=no\n" >run/units/$target.target; done
    printf "[Unit]\nRequires=tinyhttpd.socket\nAfter=tinyhttpd.socket\n" >run/units/test.target
    : >etc/machine-id
END
$pid = Harness::spawn("$folder/out", "$folder/err", undef, "$top/.ci/boot-systemd", '/', tempdir(CLEANUP => 1), $group, $prepare, $top, program(), '--',
    qw(container=test SYSTEMD_UNIT_PATH=/run/units), $manager, '--unit=test.target');

# Runs a command beside that systemd.
my $first;
sub inside {
    my (@command) = @_;
    my $run = run_program({ command => ['nsenter', '-t', $first, '-m', '-p', '-n', '-u', '-i', '-C', '-r', '-w', 'env', '-i', "PATH=$ENV{PATH}", @command] });
    return $run->{out} . $run->{err};
}
sub property { my ($name, $unit) = @_; my $value = inside('systemctl', 'show', '-p', $name, '--value', "tinyhttpd.$unit"); chomp $value; return $value }

# A request may wait for a new root as long as --check does, so one without a response is repeated.
sub status {
    my ($path) = @_;
    return eventually { inside('tinyhttpd', "--check=http://127.0.0.1:8080$path") =~ /port 8080: (\d+)/ ? $1 : 0 } || 'none';
}

my $booted = eventually(sub {
    waitpid($pid, POSIX::WNOHANG()) == 0 or return 'ended';
    ($first) = map { Harness::children_named($_, sub { 1 }) } grep { slurp("/proc/$_/comm") =~ /\Aunshare$/ } $pid;
    $first && slurp("/proc/$first/comm") =~ /\Asystemd$/ && property('ActiveState', 'socket') eq 'active';
});
plan skip_all => 'systemd does not start in namespaces here: ' . told(slurp("$folder/err")) if !$booted || $booted eq 'ended';

is(status('/'), 503, 'the root is missing at the first connection: 503');
is(property('ActiveState', 'service'), 'active', 'the service runs');
my $master = property('MainPID', 'service');
inside('sh', '-c', 'mkdir -m 700 /srv/www && cd /srv/www && echo page >index.html && echo file >file.txt && ln -s file.txt link.txt && ln -s /srv/www/file.txt absolute.txt && ln -s /etc/passwd outside.txt');
is(status('/'), 503, 'a root that the service may not read: 503');
inside('chmod', '755', '/srv/www');
ok(eventually { status('/') eq '200' }, 'a root that it may read: 200');
is(status("/$_.txt"), 200, "a link is followed: $_") for qw(link absolute);
is(status('/outside.txt'), 404, 'a link that leaves the root: 404');
is(property('MainPID', 'service'), $master, 'all by the same process');

inside('systemctl', 'reload', 'tinyhttpd.service');
is(status('/link.txt'), 200, 'a reload: serves');
is(property('MainPID', 'service'), $master, 'a reload: the same process');

inside('sh', '-c', 'echo TINYHTTPD_CACHE=wrong >/etc/default/tinyhttpd; systemctl restart --no-block tinyhttpd.service');
ok(eventually(sub { property('NRestarts', 'service') > 6 }), 'an invalid option: started again more often than the default limit');
is(property('ActiveState', 'socket'), 'active', 'an invalid option: the socket still listens');
inside('rm', '/etc/default/tinyhttpd');
ok(eventually(sub { status('/') eq '200' }), 'the option is mended: serves');

# Longer than the unit's time to stop, which the server extends.
inside('sh', '-c', 'mkdir /run/units/tinyhttpd.service.d; printf "[Service]\nTimeoutStopSec=1\n" >/run/units/tinyhttpd.service.d/time.conf; '
    . 'echo TINYHTTPD_SHUTDOWN_DELAY=15 >/etc/default/tinyhttpd; systemctl daemon-reload; systemctl restart tinyhttpd.service');
is(status('/'), 200, '--shutdown-delay: serves');
$master = property('MainPID', 'service');
inside('systemctl', 'stop', '--no-block', 'tinyhttpd.service');
ok(eventually { status('/.well-known/tinyhttpd/health') eq '503' }, '--shutdown-delay: unhealthy after the stop began');
is(status('/'), 200, '--shutdown-delay: served meanwhile');
is(property('MainPID', 'service'), $master, '--shutdown-delay: by the same process');
ok(eventually { property('ActiveState', 'service') ne 'deactivating' }, '--shutdown-delay: ends');
is(property('Result', 'service'), 'success', '--shutdown-delay: without a kill');

done_testing();
