# HAProxy and nginx as senders of the PROXY protocol: the log has their clients. Missing ones are skipped.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Socket::INET;
use Test::More;


# Debian installs them outside the PATH of ordinary users.
local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/usr/local/sbin";

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'large.bin', noise(3_000_000, 'large'));
my $folder = new_root();
my $server = Harness->start(root => $root, args => ['-j', '2', '--proxy-protocol', '--trust-proxy', '127.0.0.1', '--trust-proxy', 'unix',
    '-b', "unix:$folder/socket", '--log', 'json', '--metrics', '/metrics']);
my $logged = 0;

# The sender connects from 127.0.0.1, its client from 127.0.0.2.
sub serves {
    my ($name, $port) = @_;
    my $from = sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, LocalAddr => '127.0.0.2') };
    my $socket = eventually { $from->() } or return fail("$name: listens");
    my $pages = $server->exchange(get_request('/') x 3, socket => $socket, count => 3);
    is(join(' ', map { $_->{body} } @{ $pages->{responses} }), 'page page page', "$name: three requests on a connection");
    my $large = $server->exchange(get_request('/large.bin'), socket => $from->(), count => 1);
    ok(($large->{responses}[0]{body} // '') eq slurp("$root/large.bin"), "$name: a file of 3 MB");
    my @clients = map { /"client":"([^"]*)"/ } ($server->log_lines($logged += 4))[-4 .. -1];
    is("@clients", '127.0.0.2 ' x 3 . '127.0.0.2', "$name: the log has the client");
    return;
}

sub with_sender {
    my ($ports, @command) = @_;
    my $pid = Harness::spawn("$folder/out", "$folder/err", undef, @command);
    serves($_, $ports->{$_}) for sort keys %$ports;
    kill 'TERM', $pid;
    defined Harness::reap($pid, 20) or kill('KILL', -$pid) && waitpid $pid, 0;
    return;
}

SKIP: {
    skip 'no haproxy here', 1 if !have('haproxy');
    my $at     = '127.0.0.1:' . $server->port;
    my %server = (
        'HAProxy, version 1'            => "$at send-proxy check inter 100ms",
        'HAProxy, version 2'            => "$at send-proxy-v2 check check-send-proxy inter 100ms",
        'HAProxy, version 2 with TLVs'  => "$at send-proxy-v2 proxy-v2-options unique-id,crc32c",
        'HAProxy, to a Unix socket'     => "unix\@$folder/socket send-proxy-v2",
    );
    my %port = map { $_ => free_port() } keys %server;
    my $number = 0;
    put_file($folder, 'haproxy.cfg', "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n"
        . join '', map { $number++; "listen l$number\n    bind 127.0.0.1:$port{$_}\n    unique-id-format %Ts-%pid-%rt\n    server s $server{$_}\n" } sort keys %server);
    with_sender(\%port, 'haproxy', '-db', '-f', "$folder/haproxy.cfg");
}

SKIP: {
    my ($module) = glob '/usr/lib{,64}/nginx/modules/ngx_stream_module.so';
    my $built_in = have('nginx') && `nginx -V 2>&1` =~ /--with-stream(?: |$)/;
    skip 'no nginx with stream here', 1 if !have('nginx') || !($built_in || ($module && -e $module));
    my $port = free_port();
    put_file($folder, 'nginx.conf', ($built_in ? '' : "load_module $module;\n") . "daemon off;\nmaster_process off;\npid $folder/nginx.pid;\n"
        . "events {}\nstream { server { listen 127.0.0.1:$port; proxy_pass 127.0.0.1:@{[$server->port]}; proxy_protocol on; } }\n");
    with_sender({ 'nginx, version 1' => $port }, 'nginx', '-e', 'stderr', '-p', $folder, '-c', "$folder/nginx.conf");
}

my $metrics = $server->exchange("PROXY UNKNOWN\r\n" . get_request('/metrics'), count => 1)->{responses}[0]{body};
like($metrics, qr/^tinyhttpd_proxy_header_errors_total 0$/m, 'no header was refused');
$server->stop;
done_testing();
