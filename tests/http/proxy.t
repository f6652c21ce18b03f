# Behind nginx, Caddy and HAProxy with the configurations of share/proxy: over TLS, HTTP/1.1 and HTTP/2, each response
# is the same as the server's own, and the proxies keep their connections to it. Missing proxies are skipped.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;
use Time::HiRes qw(sleep);

# Debian installs the proxies outside the PATH of ordinary users.
local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/usr/local/sbin";
plan skip_all => 'no openssl(1) to make a certificate with' if !have('openssl');

use constant NAME => 'example.org';

my $examples = abs_path("$FindBin::Bin/../../share/proxy");
my $owner    = $$;
my @engines;
END { if ($$ == $owner) { my $status = $?; end_engine($_) for @engines; $? = $status } }

my $root = new_root();
put_file($root, 'index.html', "<!doctype html><title>front</title>\n");
put_file($root, 'dir/index.html', 'directory');
put_file($root, 'folder/secret.txt', 'not listed');
put_file($root, 'style.css', "body { color: teal }\n" x 100);
put_file($root, 'style.css.gz', 'not gzip, so that a proxy which decodes it would fail');
put_file($root, 'empty.txt', '');
put_file($root, "caf\xc3\xa9 %.txt", 'name');
put_file($root, 'medium.bin', noise(100_000, 'medium'));
put_file($root, 'large.bin', noise(5_000_000, 'large'));
utime 1_600_000_000, 1_600_000_000, glob("$root/*"), "$root/dir/index.html";

# The same files with other inodes and devices, as on another machine.
my $copy = new_root();
system('cp', '-a', "$root/.", "$copy/") == 0 or die "cp: $?";

my $folder = tempdir(CLEANUP => 1);
my $tls    = "$folder/tls.pem";
my $quiet  = "2>$folder/openssl.err";
my $made   = system("cd $folder && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    . " -subj /CN=${\NAME} -addext subjectAltName=DNS:${\NAME} -keyout key.pem -out cert.pem $quiet"
    . " && cat cert.pem key.pem >tls.pem");
plan skip_all => 'openssl(1) makes no certificate: ' . told(slurp("$folder/openssl.err")) if $made != 0;

# Servers that allow the name, as the proxies forward Host.
sub start_server {
    my ($from) = @_;
    return Harness->start(root => $from, list => 1, args => ['-j', '1'], environment => { TINYHTTPD_ALLOW_HOST => NAME });
}

my @server = map { start_server($_) } $root, $copy;

# A configuration of share/proxy with the test's addresses and certificate. Each replacement must match.
sub example {
    my ($name, @replacements) = @_;
    my $text = slurp("$examples/$name");
    while (my ($from, $to) = splice @replacements, 0, 2) {
        $text =~ s/\Q$from\E/$to/ or die "share/proxy/$name: no '$from'\n";
    }
    return $text;
}

my %engine = (
    nginx => sub {
        my ($port) = @_;
        my $site = example('nginx.conf', '127.0.0.1:8080', '127.0.0.1:' . $server[0]->port,
            'listen 443', "listen 127.0.0.1:$port",
            '/etc/ssl/example.org.pem', "$folder/cert.pem", '/etc/ssl/private/example.org.key', "$folder/key.pem");
        my $temporary = join '', map { "${_}_temp_path $folder/nginx-$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
        put_file($folder, 'nginx.conf', "daemon off;\nmaster_process off;\npid $folder/nginx.pid;\n"
            . "error_log stderr;\nevents {}\nhttp {\naccess_log off;\n$temporary$site}\n");
        return ('nginx', '-e', 'stderr', '-p', $folder, '-c', "$folder/nginx.conf");
    },
    caddy => sub {
        my ($port) = @_;
        my $site = example('Caddyfile', '127.0.0.1:8080', '127.0.0.1:' . $server[0]->port,
            "\nexample.org {\n", "\nhttps://${\NAME}:$port {\nbind 127.0.0.1\ntls $folder/cert.pem $folder/key.pem\n");
        put_file($folder, 'Caddyfile', "{\nadmin off\nauto_https off\n}\n$site");
        return ('env', "HOME=$folder", "XDG_DATA_HOME=$folder", "XDG_CONFIG_HOME=$folder",
            'caddy', 'run', '--config', "$folder/Caddyfile", '--adapter', 'caddyfile');
    },
    haproxy => sub {
        my ($port) = @_;
        put_file($folder, 'haproxy.cfg', example('haproxy.cfg', 'bind :443', "bind 127.0.0.1:$port",
            '/etc/ssl/private/example.org.pem', $tls,
            map { '127.0.0.1:808' . ($_ + 1), '127.0.0.1:' . $server[$_]->port } 0 .. 1));
        return ('haproxy', '-db', '-f', "$folder/haproxy.cfg");
    },
);

sub start_engine {
    my ($name) = @_;
    my $port    = free_port();
    my @command = $engine{$name}->($port);
    my $log     = "$folder/$name.log";
    my $self    = { name => $name, port => $port, log => $log, pid => Harness::spawn($log, $log, undef, @command) };
    push @engines, $self;
    $self->{ready} = eventually {
        waitpid($self->{pid}, POSIX::WNOHANG()) == 0 or return 'dead';
        my $socket = connect_to('127.0.0.1', $port) or return 0;
        close $socket;
        return (ask($self, '/')->{status} // '') eq '200' ? 'ready' : 0;
    };
    return $self;
}

sub end_engine {
    my ($self) = @_;
    return if !$self->{pid};
    kill 'KILL', -$self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
    return;
}

# curl's options to resolve the proxy's name and to trust its certificate.
sub trusting {
    my ($engine) = @_;
    return ('--cacert', "$folder/cert.pem", '--resolve', "${\NAME}:$engine->{port}:127.0.0.1");
}

# curl's response from a proxy, or from a server directly: { status, field, body, version }.
sub ask {
    my ($self, $target, @options) = @_;
    my @to = ref $self eq 'HASH'
        ? (trusting($self), "https://${\NAME}:$self->{port}$target")
        : ('--http1.1', '-H', "Host: ${\NAME}", $self->url($target));
    unlink "$folder/head", "$folder/body";
    my $result = run_program({ command => ['curl', '-sS', '-m', '20', '--path-as-is',
        '-D', "$folder/head", '-o', "$folder/body", @options, @to] });
    my ($line, @lines) = split /\r\n/, slurp("$folder/head") =~ s/\AHTTP\S+ 1\d\d.*?\r\n\r\n//sr;
    my ($version, $status) = ($line // '') =~ m{\AHTTP/([\d.]+) (\d+)};
    my %field;
    for (@lines) { $field{ lc $1 } = $2 if /\A([^:]+):\s*(.*)\z/ }
    # With --head, curl writes the head there.
    my $body = grep({ $_ eq '--head' } @options) ? '' : slurp("$folder/body");
    return { status => $status, version => $version, field => \%field, body => $body, said => $result->{err} };
}

# The number of the server's connections in proc(5), with those in TIME_WAIT.
sub connections {
    my %seen;
    my %port = map { $_->port => 1 } @server;
    for (split /\n/, slurp('/proc/net/tcp')) {
        my ($local, $remote, $state) = /\A\s*\d+: \w{8}:(\w{4}) \w{8}:(\w{4}) (\w\w) / or next;
        next if $state eq '0A'; # listens
        ($local, $remote) = (hex $local, hex $remote);
        $seen{"$local-$remote"} = 1 if $port{$remote};
        $seen{"$remote-$local"} = 1 if $port{$local};
    }
    return scalar keys %seen;
}

# A file that has just been written has no validators yet.
my ($etag) = map { $_->settled('/large.bin'); $_->settled('/medium.bin')->{field}{etag} } @server;
put_file($folder, 'upload', noise(200_000, 'upload'));

my @cases = (
    ['/'],
    ['/dir/'],
    ['/dir'],
    ['/empty.txt'],
    ['/caf%C3%A9%20%25.txt'],
    ['/medium.bin'],
    ['/large.bin'],
    ['/style.css'],
    ['/style.css', '-H', 'Accept-Encoding: gzip, br'],
    ['/style.css', '-H', 'Accept-Encoding: identity'],
    ['/medium.bin', '-H', "If-None-Match: $etag"],
    ['/medium.bin', '-H', 'If-None-Match: "other"'],
    ['/medium.bin', '-H', 'Range: bytes=10-99999'],
    ['/large.bin', '-H', 'Range: bytes=-1'],
    ['/large.bin', '-H', 'Range: bytes=0-9,100000-2000000,4999990-'],
    ['/medium.bin', '-H', 'Range: bytes=100000-'],
    ['/medium.bin', '-H', "If-Range: $etag", '-H', 'Range: bytes=5-9'],
    ['/medium.bin', '--head'],
    ['/none'],
    ['/.hidden'],
    ['/?query=a%20b'],
    ['/', '-d', 'x=1'],
    ['/', '-H', 'Transfer-Encoding: chunked', '--data-binary', "\@$folder/upload"],
    ['/', '-X', 'OPTIONS'],
    ['/folder/'],
);
my @compared = qw(content-type content-length content-encoding content-range etag last-modified location vary
    cache-control allow x-content-type-options accept-ranges);

# The differences between a response through a proxy and the server's own; none if they are equal.
sub difference {
    my ($direct, $through) = @_;
    my @wrong;
    push @wrong, "status @{[$through->{status} // 'none']}, not $direct->{status} $through->{said}"
        if ($through->{status} // '') ne $direct->{status};
    push @wrong, 'body of ' . length($through->{body}) . ' bytes, not ' . length $direct->{body}
        if without_boundary($through) ne without_boundary($direct);
    for my $name (@compared) {
        # Each multipart response has another boundary, and so another length.
        next if $name eq 'content-length' && ($direct->{field}{'content-type'} // '') =~ /boundary=/;
        my ($is, $should) = map { my $value = $_->{field}{$name} // 'none'; $value =~ s/boundary=.*//r } $through, $direct;
        # A worker omits Last-Modified until it trusts the file's times.
        next if $name eq 'last-modified' && ($is eq 'none' || $should eq 'none');
        push @wrong, "$name: $is, not $should" if $is ne $should;
    }
    return join ', ', @wrong;
}

sub without_boundary {
    my ($answer) = @_;
    my ($boundary) = ($answer->{field}{'content-type'} // '') =~ /boundary="?([^"]+)/ or return $answer->{body};
    return $answer->{body} =~ s/\Q$boundary\E/boundary/gr;
}

my @direct = map { ask($server[0], @$_) } @cases;
is($direct[0]{status}, 200, 'the server accepts the name');
is(join(' ', map { $_->{status} } @direct[10, 12, 15, 21, 22, 24]), '304 206 416 405 405 404', 'the cases have the intended statuses');

for my $name (qw(nginx caddy haproxy)) {
    SKIP: {
        skip "$name is not installed (Debian: apt-get install $name)", 1 if !have($name);
        subtest $name => sub { behind($name) };
    }
}

sub behind {
    my ($name) = @_;
    my $engine = start_engine($name);
    is($engine->{ready}, 'ready', 'starts with the configuration of share/proxy') or do { diag(slurp($engine->{log})); return };
    for my $one (@server) { $one->settled($_) for '/large.bin', '/medium.bin' } # again, after a reload

    for my $version ('1.1', '2') {
        my (@wrong, %version);
        for my $n (0 .. $#cases) {
            my ($target, @options) = @{ $cases[$n] };
            next if $version eq '2' && grep { /Transfer-Encoding/ } @options; # HTTP/2 has no Transfer-Encoding
            my $answer     = ask($engine, $target, $version eq '2' ? '--http2' : '--http1.1', @options);
            my $difference = difference($direct[$n], $answer);
            push @wrong, "@{ $cases[$n] }: $difference" if $difference ne '';
            $version{ $answer->{version} // 'none' } = 1;
        }
        is(join("\n", @wrong), '', "HTTP/$version: each response is the server's own");
        is(join(' ', keys %version), $version, "HTTP/$version: the version in use");
    }

    ok(eventually { defined ask($engine, '/medium.bin')->{field}{'last-modified'} }, 'Last-Modified arrives');

    # A client behind the proxy is not local, even with Host: localhost: no listing, no reason.
    my $told = join ' ', map { ask($engine, $_, '-H', 'Host: localhost', '-H', 'Accept: text/html')->{body} } '/folder/', '/.hidden', '/folder/secrets.txt';
    unlike($told, qr/secret\.txt|dotfiles/, 'Host: localhost through the proxy: no listing, no reason');

    my $before = connections();
    my $many   = many($engine, '/medium.bin?[1-100]');
    ok($many eq slurp("$root/medium.bin") x 100, '100 sequential requests: each body is complete');
    # HAProxy makes health checks on connections of their own.
    cmp_ok(connections() - $before, '<', 30, '100 sequential requests: the proxy keeps its connections');

    my @at_once = map { "$folder/large.$_" } 1 .. 8;
    many($engine, '/large.bin?[1-8]', '--parallel', '--parallel-immediate', '--http1.1', '-o', "$folder/large.#1");
    is(scalar(grep { slurp($_) ne slurp("$root/large.bin") } @at_once), 0, '8 downloads of 5 MB at once: each complete');
    unlink @at_once;

    reloaded($engine);

    end_engine($engine);
}

# SIGHUP during requests: the proxy's kept connections end, none with a request in flight.
sub reloaded {
    my ($engine) = @_;
    my $child = fork // die "fork: $!";
    if (!$child) {
        for (1 .. 3) {
            sleep 0.15;
            kill 'HUP', map { $_->pid } @server;
        }
        POSIX::_exit(0);
    }
    my ($rounds, $wrong) = (0, 0);
    do {
        my $many = many($engine, '/style.css?[1-50]');
        $wrong++ if $many ne slurp("$root/style.css") x 50;
        $rounds++;
    } until waitpid($child, POSIX::WNOHANG()) == $child || $rounds > 200;
    waitpid $child, 0 if $rounds > 200;
    ok(eventually { !grep { $_->stderr !~ /reload/ } @server }, 'reloads during requests: each server was reloaded');
    is($wrong, 0, 'reloads during requests: none fails');
    return;
}

# The output of one curl for many URLs.
sub many {
    my ($engine, $target, @options) = @_;
    my $result = run_program({ command => ['curl', '-sS', '-m', Harness::PATIENCE(), trusting($engine), @options,
        "https://${\NAME}:$engine->{port}$target"] });
    diag($result->{err}) if $result->{err} =~ /^curl:/m;
    return $result->{out};
}

$_->expect_stderr(qr/reload/), $_->stop(lost => 1) for @server;
responses_framed();
done_testing();
