# IPv6 zones (RFC 4007 11): the banner, the log, --check and messages have the interface of a link-local address.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

# A network of its own, with such an address on one end of a cable.
if (!$ENV{TINYHTTPD_TEST_ZONE}) {
    my @alone = ('unshare', $> == 0 ? '-n' : '-rn');
    my $made  = join ' && ', 'ip link set lo up', 'ip link add left type veth peer name right', 'ip link set left up', 'ip link set right up',
        'ip address add fe80::1:7/64 dev left nodad';
    plan skip_all => 'needs ip, and unshare(1) with a network' if system("@alone sh -c '$made' 2>/dev/null") != 0;
    $ENV{TINYHTTPD_TEST_ZONE} = 1;
    exec @alone, 'sh', '-c', "$made && exec \"\$@\"", 'sh', $^X, "-I$FindBin::Bin/lib", $0 or die $!;
}

require Harness;
Harness->import;

my $root = new_root();
put_file($root, 'index.html', 'page');
my ($number) = `ip -o link show left` =~ /\A(\d+):/ or die 'no interface';

my $server = Harness->start(root => $root, bind => 'fe80::1:7%left', args => ['--log', 'json', '-j', '1', '--trust-proxy', 'fe80::/10']);
my $port   = $server->port;
is($server->get('/')->{body}, 'page', 'serves at an address with its zone');
like($server->banner, qr{ http://\[fe80::1:7%left\]:$port/$}m, 'the banner has the zone');
like(($server->log_lines(1))[0], qr/"client":"fe80::1:7%$number"/, 'the log has the number of the interface');
$server->get('/', 'X-Forwarded-For: 192.0.2.1');
like(($server->log_lines(2))[1], qr/"client":"192\.0\.2\.1"/, '--trust-proxy takes a network of link-local addresses');

for my $url ("http://[fe80::1:7%25left]:$port/", "http://[fe80::1:7%left]:$port/", "http://[fe80::1:7%25$number]:$port/") {
    my $run = run_program("--check=$url");
    is($run->{status}, 0, "--check=$url: healthy") or diag($run->{err});
}
is(run_program('--check', '-b', 'fe80::1:7%left', '-p', $port)->{status}, 0, '--check by the address: healthy');

my $used = run_program({ seconds => 10 }, '-r', $root, '-b', 'fe80::1:7%left', '-p', $port);
is($used->{status}, 69, 'a port in use: 69');
like($used->{err}, qr/\[fe80::1:7%left\]:$port is in use by /, 'the message has the zone');
my $bare = run_program({ seconds => 10 }, '-r', $root, '-b', 'fe80::1:7', '-p', '0');
is($bare->{status}, 64, 'no zone: 64');
like($bare->{err}, qr/'fe80::1:7' needs the interface .*'fe80::1:7%eth0'/, 'the message says what is missing');

$server->expect_stderr(qr/reloaded/);
kill 'HUP', $server->pid;
ok(eventually(sub { $server->stderr =~ /reloaded/ }), 'a reload');
is($server->get('/')->{body}, 'page', 'serves after it');
$server->stop(lost => 1);

done_testing();
