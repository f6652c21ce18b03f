# The servers that are compared: their configurations, how each is started, and one plain request.
package Servers;

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use Machine;

our @EXPORT = qw(others is_optional start_server ask);

use constant {
    BACKLOG           => 4096,   # connections that wait to be accepted: 4,000 of one workload come at once
    CONNECTIONS       => 16_384, # the most that any workload opens
    LIGHTTPD_REQUESTS => 65_535, # for a connection, the most that its configuration allows
};

my %config = (nginx => \&nginx_config, lighttpd => \&lighttpd_config, h2o => \&h2o_config, lwan => \&lwan_config);

# These are compared only where they are installed, and only in what they can do.
sub is_optional { return $_[0] =~ /^(?:h2o|lwan)\b/ }

# The servers beside ours, in the order of the tables.
sub others { return grep { $bench{program}{$_} } qw(lwan h2o lighttpd nginx) }

# All have the distribution's settings, but no log unless it is measured, and no limit of requests for a connection.
# nginx has its file cache.
sub nginx_config {
    my ($port, $workers, $log) = @_;
    $log = $log ? '/dev/stdout combined' : 'off';
    my ($folder, $descriptors, $temp_paths) = ($bench{folder}, descriptors(), '');
    $temp_paths .= "    ${_}_temp_path $folder/nginx/$_;\n" for qw(client_body proxy fastcgi uwsgi scgi);
    my $user = $> == 0 ? 'user root;' : ''; # only this user may read the temporary folder
    return <<"CONFIG";
$user
daemon off;
worker_processes $workers;
worker_rlimit_nofile $descriptors;
pid $folder/nginx/pid-$port;
error_log stderr;
events { worker_connections ${\CONNECTIONS}; }
http {
$temp_paths    types { text/plain txt; text/css css; text/javascript js; }
    access_log $log;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=11000 inactive=60s; # each is a descriptor
    server {
        listen 127.0.0.1:$port backlog=${\BACKLOG};
        root $folder/www;
    }
}
CONFIG
}

sub lighttpd_config {
    my ($port, $workers, $log) = @_;
    my ($folder, $descriptors) = ($bench{folder}, descriptors());
    $log     = $log         ? qq{server.modules = ("mod_accesslog")\naccesslog.filename = "/dev/stdout"} : '';
    $workers = $workers > 1 ? "server.max-worker = $workers" : ''; # its default is one process without a parent
    return <<"CONFIG";
$log
$workers
server.document-root = "$folder/www"
server.bind = "127.0.0.1"
server.port = $port
server.listen-backlog = ${\BACKLOG}
server.max-fds = $descriptors
server.max-keep-alive-requests = ${\LIGHTTPD_REQUESTS}
server.upload-dirs = ("$folder")
mimetype.assign = (".txt" => "text/plain", ".css" => "text/css", ".js" => "text/javascript")
CONFIG
}

# h2o has threads, not workers.
sub h2o_config {
    my ($port, $workers, $log) = @_;
    my $user = $> == 0 ? 'user: root' : '';
    $log = $log ? 'access-log: /dev/stdout' : '';
    return <<"CONFIG";
$user
$log
num-threads: $workers
max-connections: ${\CONNECTIONS}
http1-request-timeout: 60
listen:
  host: 127.0.0.1
  port: $port
hosts:
  default:
    paths:
      /:
        file.dir: $bench{folder}/www
CONFIG
}

# A release build of lwan writes no access log, so it is not in the workloads of logs.
sub lwan_config {
    my ($port, $workers) = @_;
    return <<"CONFIG";
threads = $workers
quiet = true
keep_alive_timeout = 60
listener 127.0.0.1:$port
site {
    serve_files / {
        path = $bench{folder}/www
    }
}
CONFIG
}

# $big_port is the ceiling's second port, for a file of 1 GiB.
sub command {
    my ($server, $workload, $port, $big_port) = @_;
    my ($root, $name) = ("$bench{folder}/www", $server->{program} // $server->{name});
    my ($program, $workers) = ($bench{program}{$server->{ceiling} ? 'ceiling' : $name}, $workload->{workers} // 1);
    if ($server->{ceiling}) {
        my @big  = $workload->{slow} ? ('sendfile', $big_port, "$root/1g.txt") : ();
        my $file = $workload->{ceiling_file} // $workload->{file};
        return ($program, '-j', $workers, @{$server->{options}}, @$server{qw(head way)}, $port, "$root/$file", @big);
    }
    return ($program, '-q', '-j', $workers, qw(-b 127.0.0.1 -p), $port, '-r', $root, @{$server->{logged} // []})
        if $name eq 'tinyhttpd';
    my $file = "$name-$port.conf";
    put($file, $config{$name}->($port, $workers, $server->{logged}));
    my $path = "$bench{folder}/$file";
    return ($program, '-p', "$bench{folder}/nginx", '-e', 'stderr', '-c', $path) if $name eq 'nginx';
    return ($program, '-D', '-f', $path)                                        if $name eq 'lighttpd';
    return ($program, '-c', $path);
}

# Retries with another port if another process takes the first one.
sub start_server {
    my ($server, $workload, $output) = @_;
    my $cpus = $workload->{both_cpus} ? "$bench{server_cpu},$bench{client_cpu}" : $bench{server_cpu};
    my $process;
    for (1 .. 3) {
        my ($port, $big_port) = (free_port(), free_port());
        $process = start($server->{name} =~ s/\W+/-/gr,
            [$bench{program}{taskset}, '-c', $cpus, command($server, $workload, $port, $big_port)], $output);
        @$process{qw(port big_port)} = ($port, $server->{ceiling} ? $big_port : $port);
        my $end = time + START_SECONDS;
        until (ended($process)) {
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
            return $process if $socket && !ended($process);
            last if time > $end;
            sleep 0.01;
        }
        stop($process);
    }
    fail("$server->{name} does not start: ", slurp($process->{log}));
}

# Makes one request. Returns the status, the sizes of head, body and whole response, and the fields of a conditional
# request for it.
sub ask {
    my ($port, $file, @fields) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or fail("connect: $@");
    print {$socket} join "\r\n", "GET /$file HTTP/1.1", "Host: 127.0.0.1:$port", @fields, '', '';
    my $got = '';
    while ($got !~ /\r\n\r\n/) { sysread $socket, $got, 4096, length $got or fail("no answer: $got") }
    my ($head)     = $got =~ /^(.*?\r\n\r\n)/s;
    my ($status)   = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($body)     = $head =~ /^Content-Length: *(\d+)/im;
    my ($etag)     = $head =~ /^ETag: *(.*?)\r/im;
    my ($modified) = $head =~ /^Last-Modified: *(.*?)\r/im;
    $body //= 0;
    my @validators = defined $etag ? "If-None-Match: $etag" : ();
    push @validators, "If-Modified-Since: $modified" if defined $modified;
    return {status => $status, head => length $head, length => length($head) + $body, body => $body,
        validators => \@validators};
}

1;
