# The command line: each error is one line on stderr and a status of sysexits.h; help and version go to stdout.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd qw(getcwd);
use Harness;
use IO::Socket::IP;
use Test::More;

use constant { EX_USAGE => 64, EX_NOINPUT => 66, EX_UNAVAILABLE => 69, EX_NOPERM => 77 };

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'file.txt',   'file');
my $other = new_root();
put_file($other, 'index.html', 'other');

# Asserts that a command line fails with this status and one line that matches the pattern.
sub fails {
    my ($name, $arguments, $status, $pattern, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $run = run_program({ seconds => 10, %how }, @$arguments);
    is($run->{status}, $status, "$name: status $status") or diag("signal $run->{signal} timeout $run->{timeout} stderr: $run->{err}");
    like($run->{err}, qr/\Atinyhttpd: [^\n]+\n\z/, "$name: one line with the program's name");
    like($run->{err}, $pattern, "$name: the message explains the error") if $pattern;
    unlike($run->{err}, qr/[^\x20-\x7e\n]|Success/, "$name: plain text");
    is($run->{out}, '', "$name: nothing on stdout");
    return $run->{err};
}

# Options
fails('an unknown long option',   ['--prot', '8080', '-r', $root],      EX_USAGE, qr/--prot\b.*--port/);
like(fails('a mistyped option',   ['--rot', $root],                     EX_USAGE, qr/--rot\b/), qr/did you mean.*--root/i, 'a mistyped option: did you mean --root');
fails('another mistyped option',  ['--wrokers', '2', $root],            EX_USAGE, qr{--wrokers.*--workers});
fails('an unknown option that resembles none',  ['--xyzzyxyzzy', $root],              EX_USAGE, qr/--xyzzyxyzzy/);
fails('an unknown letter',        ['-Z', $root],                        EX_USAGE, qr/-Z/);
fails('an unknown letter among known ones', ['-qZ', $root],             EX_USAGE, qr/Z/);
fails('-r without its value',     ['-r'],                               EX_USAGE, qr/-r|--root/);
fails('--port without its value', ['-r', $root, '--port'],              EX_USAGE, qr/--port|-p/);
fails('-p without its value',     [$root, '-p'],                        EX_USAGE, qr/--port|-p/);
fails('-b without its value',     [$root, '-b'],                        EX_USAGE, qr/--bind|-b/);
fails('a value for --quiet',      ["--quiet=yes", '-r', $root],         EX_USAGE, qr/quiet/);
fails('an ambiguous abbreviation', ['--ver', $root],                   EX_USAGE, qr/--ver\b.*--(?:verbose\b.*--version|version\b.*--verbose)\b/);
fails('an option with control characters', ["--\e[31mred\n", $root],        EX_USAGE);
fails('a number that is no port',            ['99999'],                            EX_NOINPUT, qr/does not exist(?!.*port)/);
fails('two roots',                [$root, $other],                      EX_USAGE);
like(fails('a value after an option that takes it after "="', ['-s', 'app.html', $root], EX_USAGE), qr/; did you mean '--spa=app\.html'\?$/, 'the message has the right form');
like(fails('the same with -r', ['-r', $root, '--cors', 'https://a'], EX_USAGE), qr/; did you mean '--cors=https:\/\/a'\?$/, 'the message has the right form');
unlike(fails('an empty root after it', ['-s', $root, ''], EX_USAGE), qr/did you mean/, 'an empty root: no suggestion');
fails('-r and another DIR',       ['-r', $root, $other],                EX_USAGE);

# The ten most common mistakes, with their exact messages.
{
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1);
    my $port   = $holder->sockport;
    my $next   = $port < 65535 ? $port + 1 : 8080;
    my $name   = slurp("/proc/$$/comm");
    chomp $name;
    my $site = new_root();
    put_file($site, 'dist/index.html', 'built');
    put_file($site, 'build/main.o',    'no site');
    put_file($site, 'page.html',       'page');
    put_file($site, '_headers',        '');
    put_file(my $elsewhere = new_root(), 'page.html', 'page');
    symlink "$elsewhere/page.html", "$site/out.html" or die $!;
    symlink 'page.html', "$site/in.html" or die $!;
    for my $case (
        [['-r', "$site/dits"],           EX_NOINPUT,     "root '$site/dits' does not exist; did you mean '$site/dist'?"],
        [['-r', "$site/page.html"],      EX_NOINPUT,     "root '$site/page.html' is not a directory; type 'tinyhttpd $site/page.html' to serve only this file"],
        [["$site/out.html"],             EX_NOINPUT,     "root '$site/out.html' is a symbolic link; type '$elsewhere/page.html', or add '--symlinks all'"],
        [['--symlinks', 'none', "$site/in.html"], EX_NOINPUT, "root '$site/in.html' is a symbolic link; type '$site/page.html', or add '--symlinks all'"],
        [["$site/_headers"],             EX_NOINPUT,     "root '$site/_headers' is a file of rules, which is never served; give it another name"],
        [['-p', $port, '-b', '127.0.0.1', $site], EX_UNAVAILABLE, "127.0.0.1:$port is in use by $name (process $$); try '-p $next', or '-p 0' for any port that is free"],
        [['-p', '70000'],                EX_USAGE,       "--port '70000': give a number from 0 to 65535"],
        [['--prot', '80'],               EX_USAGE,       "unknown option '--prot'; did you mean '--port'?"],
        [['--host', '0.0.0.0'],          EX_USAGE,       "option '--host' is called '--bind ADDRESS' here"],
        [[$site, '-p'],                  EX_USAGE,       "option '-p' needs a value; see 'tinyhttpd --help'"],
        [[$site, $root],                 EX_USAGE,       "two roots, '$site' and '$root'; give only one"],
        [[$site, '8000'],                EX_USAGE,       "two roots, '$site' and '8000'; for a port, type '-p 8000'"],
        [['8000'],                       EX_NOINPUT,     "root '8000' does not exist; for a port, type '-p 8000'"],
        [['help'],                       EX_NOINPUT,     "root 'help' does not exist; for the option, type '--help'"],
        [['-p=8080', $site],             EX_USAGE,       "'=' is for long options, such as '--port=8080'; a letter has none: '-p 8080'"],
        [['-s=index.html', $site],       EX_USAGE,       "'=' is for long options, such as '--port=8080'; a letter has none: '-p 8080'"],
        [['-b', '127.0.0.1:8080', $site], EX_USAGE,      "--bind '127.0.0.1:8080': give only the address here, and the port with '--port'"],
        [['-b', '198.51.100.1', '-p', '0', $site], EX_UNAVAILABLE, "'198.51.100.1' is not an address of this machine; 'ip address' lists them"],
        ) {
        my ($arguments, $status, $message) = @$case;
        my $run = run_program({ seconds => 10 }, @$arguments);
        is($run->{status}, $status, "$message: status $status");
        is($run->{err}, "tinyhttpd: $message\n", "$message: exact message");
    }
    my $here = getcwd();
    chdir $site or die $!;
    is(run_program('-r', 'nowhere')->{err}, "tinyhttpd: root 'nowhere' does not exist; did you mean './dist'?\n", 'a root that resembles no directory: an output directory is suggested');
    is(run_program('-r', '/nowhere/www')->{err}, "tinyhttpd: root '/nowhere/www' does not exist; give an existing directory, such as '.'\n", 'an absolute root: no output directory of the current one is suggested');
    is(run_program('-r', 'dits/')->{err}, "tinyhttpd: root 'dits/' does not exist; did you mean './dist'?\n", 'a mistyped root in the current directory: the similar name is suggested');
    unlink "$site/dist/index.html" or die $!;
    is(run_program('-r', 'nowhere')->{err}, "tinyhttpd: root 'nowhere' does not exist; give an existing directory, such as '.'\n", 'an output directory without an index is not suggested');
    chdir $here;
}

# The environment
for my $case (['TINYHTTPD_PORT', '', qr/TINYHTTPD_PORT is empty/], ['PORT', '', qr/ PORT is empty/], ['TINYHTTPD_BIND', ', ', qr/TINYHTTPD_BIND is empty/],
    ['TINYHTTPD_PORT', '70000', qr/TINYHTTPD_PORT '70000'/], ['PORT', 'x', qr/PORT 'x'/], ['TINYHTTPD_HEADER', "A: b\nDate: c", qr/TINYHTTPD_HEADER 'Date: c'/]) {
    my ($name, $value, $pattern) = @$case;
    fails("invalid value in $name", [$root], EX_USAGE, $pattern, environment => { $name => $value });
}
{
    my $port   = free_port();
    my $server = Harness->start(bare => 1, environment => { PORT => $port, TINYHTTPD_ROOT => $root, TINYHTTPD_BIND => '127.0.0.1' });
    is($server->port, $port, 'PORT sets the port');
    unlike($server->banner, qr/did you mean/, 'PORT is not a misspelt name');
    is($server->get('/')->{body}, 'page', 'TINYHTTPD_ROOT sets the root');
    my $run = run_program({ environment => { PORT => $port } }, '--check');
    is($run->{status}, 0, '--check reads the same environment');
    like($run->{err}, qr/\Atinyhttpd: healthy at 127\.0\.0\.1 port $port: 200 OK\n\z/, '--check prints one line');
    my $name = gethostbyname('localhost') ? 'localhost' : '127.0.0.1'; # a chroot may have no hosts(5)
    is(run_program("--check=http://$name:$port/")->{status}, 0, '--check=URL: 0 for a 200');
    my $missing = run_program("--check=http://127.0.0.1:$port/none");
    is($missing->{status}, 1, '--check of a missing path: 1');
    like($missing->{err}, qr/\Atinyhttpd: unhealthy at 127\.0\.0\.1 port $port: 404 [^\n]+\n\z/, '--check of a missing path: prints the status');
    my $health = $server->get('/.well-known/tinyhttpd/health');
    is("$health->{status} $health->{body}", "200 ok\n", 'the health path');
    like($health->{field}{'cache-control'}, qr/\bno-(?:store|cache)\b/, 'the health path is not cached');
    at_rest($server->pid);
    unlike($server->log, qr/health/, 'the health path is not logged');
    $server->stop;
    is(run_program('--check', '-p', $port)->{status}, 1, '--check without a server: 1');
}
{
    # A server that accepts the connection and sends nothing.
    my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1);
    my $run = run_program({ seconds => 10 }, '--check', '-p', $silent->sockport);
    is($run->{status}, 1, '--check of a silent server: 1');
    like($run->{err}, qr/no response in time/, '--check of a silent server: prints the reason');
}
# A server that sends this answer.
for my $case (
    ["HTTP/1.1 200 OK\r\n\r\n",                  0, 'healthy',   '200 OK'],
    ["HTTP/1.0 200\r\n\r\n",                     0, 'healthy',   '200'],
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", 1, 'unhealthy', '503 Service Unavailable'],
    ["HTTP/1.1 2000\r\n\r\n",                    1, 'unhealthy', '2000'],
    ["SSH-2.0-x\r\n",                             1, 'unhealthy', 'the response is not HTTP'],
    ['',                                          1, 'unhealthy', 'the response is not HTTP'],
) {
    my ($answer, $status, $health, $words) = @$case;
    my $server = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1) or die $@;
    my $port   = $server->sockport;
    my $pid    = fork // die $!;
    if (!$pid) {
        my $socket = $server->accept;
        sysread $socket, my $request, 1000;
        syswrite $socket, $answer;
        POSIX::_exit(0);
    }
    my $run = run_program({ seconds => 10 }, '--check', '-b', '127.0.0.1', '-p', $port);
    is($run->{status}, $status, '--check: ' . told($answer || 'nothing'));
    is($run->{err}, "tinyhttpd: $health at 127.0.0.1 port $port: $words\n", '--check: prints the result');
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
for my $url ('https://localhost/', 'localhost', 'http://', 'http://localhost:x/', 'http://localhost:0/', "http://a/\r\nX: y", 'http://[::1', 'http://a:1:2/') {
    fails('--check=' . told($url), ["--check=$url"], EX_USAGE, qr/--check/);
}
fails('--check with port 0', ['--check', '-p', '0'], EX_USAGE, qr/--check/);
fails('--check with the URL as an operand', ['--check', 'http://127.0.0.1:1/'], EX_USAGE, qr{type '--check=http://127\.0\.0\.1:1/'});

# If the machine lacks IPv4 or IPv6, the server listens on the other. The Host of --check has no zone.
SKIP: {
    skip 'needs root, ip and unshare', 6 if $> != 0 || !have('ip') || system('unshare -n ip link set lo up 2>/dev/null') != 0;
    my $script = <<'END';
        program=$0 root=$1 set_up=$2; shift 2
        ip link set lo up && eval "$set_up" || exit 3
        "$program" -q -r "$root" -p 8080 -j 1 "$@" & server=$!
        until told=$("$program" --check -p 8080 "$@" 2>&1); do
            kill -0 $server || break
            sleep 0.02
        done
        kill $server; wait $server; echo "$told"
END
    my $no_v4 = 'ip address del 127.0.0.1/8 dev lo';
    my $no_v6 = 'ip address del ::1/128 dev lo';
    my $link  = 'ip link add left type veth && ip link set left up && ip address add fe80::1:1/64 dev left nodad';
    for my $case (
        ['neither missing: both',        'true', '127.0.0.1'],
        ['all, without IPv4',            $no_v4, '::1', '-b', '*'],
        ['the loopback, without IPv4',   $no_v4, '::1'],
        ['all, without IPv6',            $no_v6, '127.0.0.1', '-b', '*'],
        ['the loopback, without IPv6',   $no_v6, '127.0.0.1'],
        ['an address with its zone',     $link,  'fe80::1:1%left', '-b', 'fe80::1:1%left'],
    ) {
        my ($name, $set_up, $at, @where) = @$case;
        my $run = run_program({ command => ['unshare', '-n', 'sh', '-c', $script, program(), $root, $set_up, @where] });
        SKIP: {
            skip "$name: not available here", 1 if $run->{status} == 3;
            is($run->{out}, "tinyhttpd: healthy at $at port 8080: 200 OK\n", "--check: $name") or diag($run->{err});
        }
    }
}

{
    my $server = Harness->start(bare => 1, args => ['-b', '127.0.0.1', '-p', free_port(), $root], environment => { TINYHTTPD_CAHCE => 'auto' });
    $server->expect_stderr(my $hint = qr/^tinyhttpd: environment variable 'TINYHTTPD_CAHCE' is unknown; did you mean 'TINYHTTPD_CACHE'\?$/m);
    ok(eventually(sub { $server->stderr =~ $hint }), 'a misspelt variable prints a hint');
    $server->stop;
}

# If the default port is in use, the server takes the next free port and prints it. A given port is never replaced.
SKIP: {
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 8080, Listen => 1);
    skip 'port 8080 is in use', 2 if !$holder && !connect_to('127.0.0.1', 8080);
    my $server = Harness->start(bare => 1, args => ['-b', '127.0.0.1', $root]);
    cmp_ok($server->port, '>', 8080, 'the default port in use: the next free port');
    like($server->banner, qr/^tinyhttpd: 127\.0\.0\.1:8080 is in use.*: listening on port @{[$server->port]} instead$/m, 'the default port in use: the banner has the port');
    $server->expect_stderr(qr/listening on port/);
    $server->stop;
    fails('port 8080 from -p in use', ['-p', '8080', '-b', '127.0.0.1', $root], EX_UNAVAILABLE, qr/8080 is in use/);
    fails('port 8080 from PORT in use', ['-b', '127.0.0.1', $root], EX_UNAVAILABLE, qr/8080 is in use/, environment => { PORT => 8080 });
}

# A root without an index, if one of its directories has it.
{
    my $project = new_root();
    put_file($project, 'build/index.html', 'built');
    my $server = Harness->start(root => $project);
    like($server->banner, qr{^tinyhttpd: the root has no 'index\.html', but '\Q$project\E/build' has one; did you mean 'tinyhttpd \Q$project\E/build'\?$}m, 'a root without an index: the directory with one is suggested');
    $server->stop;
    put_file($project, 'index.html', 'own');
    $server = Harness->start(root => $project);
    unlike($server->banner, qr/did you mean/, 'a root with an index: no hint');
    $server->stop;
    $server = Harness->start(root => $project, args => ['--spa=app.html']);
    like($server->banner, qr/^tinyhttpd: --spa: the root has no 'app\.html', so unknown page URLs are 404$/m, 'a missing file of --spa: a hint');
    $server->stop;
    $server = Harness->start(root => $project, args => ['--spa=/build/index.html']);
    unlike($server->banner, qr/--spa/, 'an existing file of --spa: no hint');
    $server->stop;
}

# One file
{
    put_file($root, '.hidden', 'hidden');
    for my $case (["$root/file.txt", 'file', 'file.txt'], ["$root/.hidden", 'hidden', '.hidden']) {
        my ($path, $bytes, $name) = @$case;
        my $server = Harness->start(bare => 1, args => ['-p', '0', '-b', '127.0.0.1', $path]);
        is($server->get($_)->{body}, $bytes, "$name: $_") for '/', "/$name", '/?a';
        is($server->get($_)->{status}, 404, "$name: $_ is 404") for '/index.html', "/$name/", '/none', '/./index.html';
        $server->stop;
    }
}

# Values that are too long or invalid
for my $case (
    ['--index=' . 'a' x 65, 'a long index name'],
    ['--index=a/b',         'an index in a directory'],
    ['--charset=' . 'a' x 41, 'a long charset'],
    ['--charset=utf-8; a',  'a charset with a parameter'],
    ['--cors=https://' . 'a' x 265, 'a long origin'],
    ['--cors=https://example.org/app', 'an origin with a path'],
    ["--cors=https://example.org\r\nX: y", 'an origin of two lines'],
    ['--mime=md=text/' . 'a' x 75, 'a long type'],
    ['--mime=md=text',      'a type without a subtype'],
    ['--mime=a/b=text/css', 'an extension that no file can have'],
    ['--mime==text/css',    'an empty extension'],
    ["--header=X-Long: " . 'a' x 4096, 'a long header field'],
    ['--spa=../outside.html', 'a path out of the root'],
    ['--spa=' . 'a/' x 2048 . 'a', 'a long path'],
) {
    my ($argument, $name) = @$case;
    my ($option) = $argument =~ /\A(--\w+)/;
    fails($name, [$argument, '-p', '0', '-b', '127.0.0.1', $root], EX_USAGE, qr/\Atinyhttpd: $option '/);
}
fails('many header fields', [(map { "--header=X-$_: " . 'a' x 500 } 1 .. 9), '-p', '0', '-b', '127.0.0.1', $root], EX_USAGE, qr/too long together/);

# Unix sockets
{
    my $folder = new_root();
    my $path   = "$folder/a.sock";
    my $server = Harness->start(root => $root, args => ['-b', "unix:$path"]);
    like($server->banner, qr/ unix:\Q$path\E(?: |$)/m, 'a Unix socket: the banner has its path');
    my $run = run_program('--check', '-b', "unix:$path");
    is($run->{status}, 0, 'a Unix socket: healthy') or diag($run->{err});
    require IO::Socket::UNIX;
    my $socket = IO::Socket::UNIX->new(Peer => $path);
    syswrite $socket, "GET /file.txt HTTP/1.0\r\n\r\n";
    my $answer = join '', <$socket>;
    like($answer, qr/\AHTTP\/1\.1 200 .*\r\n\r\nfile\z/s, 'a Unix socket: sends the file');
    fails('a Unix socket in use', ['-p', '0', '-b', "unix:$path", $root], EX_UNAVAILABLE, qr/in use/);
    ok(-S $path, 'a Unix socket in use is not removed');
    $server->stop;
    ok(!-e $path, 'a Unix socket is removed at the end');
    # A stale socket is replaced; another kind of file is not.
    close(IO::Socket::UNIX->new(Local => $path, Listen => 1));
    ok(-S $path, 'a stale socket exists');
    $server = Harness->start(root => $root, args => ['-b', "unix:$path"]);
    is(run_program('--check', '-b', "unix:$path")->{status}, 0, 'a stale socket is replaced');
    $server->stop;
    put_file($folder, 'a.sock', 'precious');
    fails('a file at the path of the socket', ['-p', '0', '-b', "unix:$path", $root], EX_UNAVAILABLE, qr/there is another file/);
    is(slurp($path), 'precious', 'a file at the path of the socket is not changed');
    fails('a Unix socket in a missing directory', ['-p', '0', '-b', "unix:$folder/none/a", $root], EX_UNAVAILABLE, qr{\Q$folder\E/none/a});
}

# --open: xdg-open gets the URL once the server listens
{
    my $bin = new_root();
    put_file($bin, 'xdg-open', <<"PERL"); # a shell might unblock signals
#!$^X
print "noise\\n";
open my \$status, '<', '/proc/self/status';
open my \$opened, '>', '$bin/opened';
print {\$opened} "\$ARGV[0]\\n", grep { /^SigBlk/ } <\$status>;
close \$opened;
exit 3;
PERL
    chmod 0755, "$bin/xdg-open";
    my $server = Harness->start(root => $root, args => ["--open=/file\xC3\xA9.txt?a"], before => sub { $ENV{PATH} = "$bin:$ENV{PATH}"; delete $ENV{BROWSER} });
    $server->expect_stderr(qr/--open/);
    eventually { -s "$bin/opened" };
    my ($url, $blocked) = split /^/, slurp("$bin/opened");
    is($url, 'http://localhost:' . $server->port . "/file%C3%A9.txt?a\n", '--open: xdg-open gets the URL');
    like($blocked, qr/\ASigBlk:\s*0+\n\z/, '--open: xdg-open has no blocked signals');
    is($server->log, '', '--open: the output of xdg-open is discarded');
    eventually { !grep { slurp("/proc/$_->[0]/comm") =~ /xdg-open/ } Harness::process_table() };
    is(scalar(grep { $_->[2] == $server->pid && $_->[1] eq 'Z' } Harness::process_table()), 0, '--open: xdg-open is reaped');
    $server->stop;
    $server = Harness->start(root => $root, args => ['-o'], before => sub { $ENV{PATH} = '/nonexistent'; delete $ENV{BROWSER} });
    $server->expect_stderr(qr/--open/);
    ok(eventually(sub { $server->stderr =~ m{^tinyhttpd: --open: .*open http://localhost:\d+/ }m }), 'without a browser: the message has the URL');
    $server->stop;
    for my $case (
        ['a command that does not exist', 'firefoxx', qr{^tinyhttpd: --open: can't run 'firefoxx' of \$BROWSER; open http://localhost:\d+/ yourself$}m],
        ['more than 2048 bytes', 'x' x 2049, qr{^tinyhttpd: --open: ignoring \$BROWSER, which has more than 2048 bytes\ntinyhttpd: --open: .*open http://localhost:\d+/ }m],
    ) {
        my ($name, $browser, $told) = @$case;
        $server = Harness->start(root => $root, args => ['-o'], environment => { PATH => '/nonexistent', BROWSER => $browser });
        $server->expect_stderr(qr/--open/);
        ok(eventually(sub { $server->stderr =~ $told }), "\$BROWSER has $name: the message says so");
        $server->stop;
    }
}

# --open: the commands of $BROWSER come first, then xdg-open and wslview; each is tried only if those before it fail.
for my $case (
    ['all commands fail',                'first:second %s', [qw(first second xdg-open wslview)], 'first:1 URL|second:URL|xdg-open:URL|wslview:URL', 3],
    ['the second command succeeds',      'first a b:second --app=%s c', [qw(first xdg-open wslview)], 'first:a b URL|second:--app=URL c', undef],
    ['a command is not installed',       'none %s::second', [], 'second:URL', undef],
    ['without $BROWSER',                 undef, [], 'xdg-open:URL', undef],
    ['xdg-open fails, as in WSL',        undef, ['xdg-open'], 'xdg-open:URL|wslview:URL', undef],
    ['a command is not read by a shell', 'first;second $HOME', [], 'xdg-open:URL', undef],
) {
    my ($name, $browser, $failing, $expected, $status) = @$case;
    my $bin = new_root();
    $browser =~ s/\Afirst:/first 1:/ if defined $browser;
    for my $command (qw(first second xdg-open wslview)) {
        my $exit = grep({ $_ eq $command } @$failing) ? 3 : 0;
        put_file($bin, $command, "#!/bin/sh\necho \"$command:\$*\" >>'$bin/opened'\necho noise\nexit $exit\n");
        chmod 0755, "$bin/$command";
    }
    my $server = Harness->start(root => $root, args => ['-o'], before => sub {
        $ENV{PATH} = "$bin:$ENV{PATH}";
        delete $ENV{BROWSER};
        $ENV{BROWSER} = $browser if defined $browser;
    });
    my $url = 'http://localhost:' . $server->port . '/';
    my $tried = join '', map { s/URL/$url/r . "\n" } split /\|/, $expected;
    ok(eventually(sub { -e "$bin/opened" && slurp("$bin/opened") eq $tried }), "--open: $name") or diag(slurp("$bin/opened"));
    $server->expect_stderr(qr/--open/);
    my $told = defined $status ? qr/^tinyhttpd: --open: 'first 1' failed with status $status; open \Q$url\E yourself$/m : qr/\A(?!.*--open)/s;
    ok(eventually(sub { my @trying = grep { slurp("/proc/$_->[0]/comm") =~ /-open$/ } Harness::process_table(); !@trying }), "--open: $name: no process is left");
    ok(eventually(sub { $server->stderr =~ $told }), "--open: $name: what is logged");
    at_rest($server->pid);
    is(scalar(() = $server->stderr =~ /--open/g), defined $status ? 1 : 0, "--open: $name: logged once or never");
    $server->stop;
}

# --open: a browser that stays in the foreground holds neither the port nor the log, and the server ends without it.
{
    my $bin = new_root();
    put_file($bin, 'stays', "#!/bin/sh\nls -l /proc/self/fd >'$bin/fds'\nexec sleep 1001\n");
    chmod 0755, "$bin/stays";
    my $server = Harness->start(root => $root, args => ['-o'], before => sub { $ENV{PATH} = "$bin:$ENV{PATH}"; $ENV{BROWSER} = 'stays' });
    ok(eventually(sub { -s "$bin/fds" }), '--open: a browser in the foreground is started');
    my $browser; # it is a shell until it calls exec
    eventually { ($browser) = map { $_->[0] } grep { slurp("/proc/$_->[0]/cmdline") =~ /\Asleep\0001001/ } Harness::process_table() };
    unlike(slurp("$bin/fds"), qr/socket:|pipe:/, '--open: the browser has no socket and no pipe of the server');
    $server->stop;
    ok(defined $browser && -e "/proc/$browser", '--open: the browser stays when the server ends');
    ok(!connect_to('127.0.0.1', $server->port), '--open: the port is free again');
    kill 'KILL', $browser if defined $browser;
}

# --open under sudo: the browser is not started as root.
SKIP: {
    my $user = getpwuid 65534;
    skip 'needs root and a user 65534', 2 if $> != 0 || !defined $user;
    my $bin = new_root();
    chmod 0777, $bin;
    put_file($bin, 'xdg-open', "#!/bin/sh\necho \"\$(id -u) \$(id -G) \$USER\" >'$bin/opened'\n");
    chmod 0755, "$bin/xdg-open";
    my $server = Harness->start(root => $root, args => ['-o'], before => sub {
        $ENV{PATH} = "$bin:$ENV{PATH}";
        delete $ENV{BROWSER};
        $ENV{SUDO_UID} = 65534;
    });
    ok(eventually(sub { -s "$bin/opened" }), '--open under sudo: the browser is started');
    like(slurp("$bin/opened"), qr/\A65534 [1-9]\d*(?: [1-9]\d*)* \Q$user\E\n\z/, '--open under sudo: as the user that typed the command');
    $server->stop;
}

# Ports that browsers refuse: the server starts and says so.
{
    my ($bad) = grep { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $_, Listen => 1, ReuseAddr => 1) } 6000, 6566, 10080;
    my $hint = qr/^tinyhttpd: browsers refuse port \d+, as another protocol uses it; try '-p 8080'$/m;
    my $server = Harness->start(root => $root, port => $bad);
    like($server->banner, qr/^tinyhttpd: browsers refuse port $bad,/m, "port $bad: a hint that browsers refuse it");
    is(scalar(() = $server->stderr =~ /$hint/g), 1, "port $bad: one line");
    is($server->get('/file.txt')->{status}, 200, "port $bad: serves");
    $server->stop;
    unlike(Harness->start(root => $root)->banner, $hint, 'any other port: no hint');
}

# Ports
for my $port ('70000', '65536', '-1', 'abc', '', '80x', 'x80', '8080 ', '8 0', '1e3', '0x50', '99999999999999999999', '4294975376', '+80', '80.5', '--') {
    fails("port '$port'", ['-r', $root, "--port=$port"], EX_USAGE, qr/port/i);
}
fails("-p 70000",  ['-p', '70000', '-r', $root], EX_USAGE, qr/70000/);
fails("-p70000",   ['-p70000', '-r', $root],     EX_USAGE, qr/70000/);
fails("-p -1",     ['-p', '-1', '-r', $root],    EX_USAGE, qr/-1/);

# Workers
for my $count ('0', '-1', 'abc', '', '2x', '99999999999', '1.5') {
    fails("workers '$count'", ['-r', $root, '-p', '0', "--workers=$count"], EX_USAGE, qr/worker|-j/i);
}
fails('-j 0', ['-r', $root, '-j', '0'], EX_USAGE);

# The root
fails('a missing root', ['-r', "$root/none", '-p', '0'],      EX_NOINPUT, qr{\Q$root/none\E});
fails('a missing DIR',    ["$root/none", '-p', '0'],            EX_NOINPUT, qr{\Q$root/none\E});
fails('a root that is a file',    ['-r', "$root/file.txt", '-p', '0'],  EX_NOINPUT, qr{file\.txt.*director}i);
fails('a root below a file',    ['-r', "$root/file.txt/x", '-p', '0'], EX_NOINPUT, qr{file\.txt});
fails('a root that is a dangling link', do { symlink 'nowhere', "$root/dangling"; ['-r', "$root/dangling", '-p', '0'] }, EX_NOINPUT, qr/dangling/);
fails('a root with control characters', ['-r', "$root/a\e[31m\nb", '-p', '0'], EX_NOINPUT);
fails('a root of 5000 bytes',    ['-r', '/' . 'r' x 5000, '-p', '0'],  EX_NOINPUT);

# Missing permissions; as root, tested through another user.
{
    my $closed = new_root();
    put_file($closed, 'index.html', 'closed');
    my @as;
    SKIP: {
        if ($> == 0) {
            @as = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--');
            skip 'no setpriv', 10 if system("@as true 2>/dev/null") != 0;
            skip 'others cannot reach the program', 10 if system(@as, 'test', '-x', program()) != 0;
        }
        for my $mode (0, 0444) {
            chmod $mode, $closed;
            fails(sprintf('a root of mode %04o', $mode), [], EX_NOINPUT, qr{\Q$closed\E}, command => [@as, program(), '-r', $closed, '-p', '0']);
        }
        chmod 0755, $closed;

        my $first = slurp('/proc/sys/net/ipv4/ip_unprivileged_port_start') || 1024;
        chomp $first;
        skip 'no port needs a privilege here', 5 if $first < 2;
        my $port = $first - 1;
        $port = 81 if $port > 81;
        fails("port $port without privilege", [], EX_NOPERM, qr/\b$port\b/, command => [@as, program(), '-r', $root, '-p', $port, '-b', '127.0.0.1']);
    }
    chmod 0755, $closed;
}

# Addresses of other machines, and ports in use
{
    my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1);
    my $port   = $holder->sockport;
    fails('a port in use', ['-r', $root, '-p', $port, '-b', '127.0.0.1'], EX_UNAVAILABLE, qr/\b$port\b/);
    fails('a port in use at one of two addresses', ['-r', $root, '-p', $port, '-b', '127.0.0.2', '-b', '127.0.0.1'], EX_UNAVAILABLE, qr/\b$port\b/);
    fails('a port in use at a default address', ['-r', $root, '-p', $port], EX_UNAVAILABLE, qr/\b$port\b/);
    fails('an address of another machine', ['-r', $root, '-p', '0', '-b', '198.51.100.1'], EX_UNAVAILABLE, qr/198\.51\.100\.1/);
    fails('an IPv6 address of another machine', ['-r', $root, '-p', '0', '-b', '2001:db8::1'], EX_UNAVAILABLE, qr/2001:db8::1/);
}
for my $address ('300.0.0.1', 'no such host', '127.0.0.1:80', '', '::1::2', 'host.invalid') {
    # An invalid address is wrong usage, an unknown host or an unavailable address.
    my $run = run_program({ seconds => 20 }, '-r', $root, '-p', '0', '-b', $address);
    like($run->{status}, qr/\A(?:64|68|69)\z/, "-b '$address': an error");
    like($run->{err}, qr/\Atinyhttpd: [^\n]+\n\z/, "-b '$address': one line");
}

# Help and version
for my $option ('-h', '--help') {
    my $run = run_program($option);
    is($run->{status}, 0, "$option: status 0");
    is($run->{err}, '', "$option: nothing on stderr");
    for my $name (qw(-r --root -p --port -b --bind -j --workers -u --user -q --quiet -v --verbose -h --help -V --version)) {
        like($run->{out}, qr/(?<![\w-])\Q$name\E(?![\w-])/, "$option: lists $name");
    }
    ok(!grep({ length > 80 } split /\n/, $run->{out}), "$option: fits a terminal of 80 columns");
    unlike($run->{out}, qr/[^\x20-\x7e\n]/, "$option: plain text if stdout is not a terminal");
}
for my $option ('-V', '--version') {
    my $run = run_program($option);
    is($run->{status}, 0, "$option: status 0");
    like($run->{out}, qr/\Atinyhttpd \d\S*(?: [^\n]*)?\n/, "$option: the name and the version");
    is($run->{err}, '', "$option: nothing on stderr");
}
{
    # A failed write to stdout is an error.
    SKIP: {
        skip 'no /dev/full', 1 if !-c '/dev/full';
        my $status = system("exec " . program() . " --help >/dev/full 2>/dev/null") >> 8;
        isnt($status, 0, '--help that cannot be written fails');
    }
}

# Every spelling of the same options starts the server
my $port = free_port();
for my $arguments (
    ['-r', $root, '-p', $port],
    ["-r$root", "-p$port"],
    ['--root', $root, '--port', $port],
    ["--root=$root", "--port=$port"],
    [$root, '-p', $port],
    ['-p', $port, $root],
    ['-r', $root, $root, '-p', $port],
    ['-p', $port, '-r', "$root/"],
    ['-j', '1', '-v', '-p', $port, $root],
    ['-vj1', '-p', $port, $root],
    ['--workers=2', '--verbose', '-p', $port, $root],
    ) {
    (my $spelling = "@$arguments") =~ s/\Q$root\E/ROOT/g;
    $spelling =~ s/\b$port\b/PORT/g;
    my $server = eval { Harness->start(bare => 1, args => ['-b', '127.0.0.1', @$arguments]) };
    ok($server, "$spelling: starts") or next;
    is($server->port, $port, "$spelling: the given port");
    is($server->get('/')->{body}, 'page', "$spelling: the given root");
    $server->stop;
}

# The current directory, and a relative one
{
    my $here = getcwd();
    for my $case ([$root, '.'], [$root, './'], ["$root/..", $root =~ m{([^/]+)\z}]) {
        my ($from, $name) = @$case;
        chdir $from or die $!;
        my $server = Harness->start(root => $name);
        is($server->get('/')->{body}, 'page', "a relative root: $name") ;
        $server->stop;
        chdir $here;
    }
}

# The banner
{
    my $server = Harness->start(root => $root);
    like($server->banner, qr{http://127\.0\.0\.1:\d+/}, 'the banner has a URL');
    cmp_ok($server->port, '>', 0, '-p 0: the banner has the port');
    unlike($server->banner, qr/\e/, 'no terminal: the banner has no colours');
    is($server->log, '', 'the banner is not on stdout');
    $server->stop;
}

# Two names of one address: it is bound once, and all addresses share the first one's port.
for my $binds (['127.0.0.1', 'localhost'], ['localhost', '127.0.0.1'], ['127.0.0.1', '127.0.0.1'], ['localhost', '127.0.0.2', 'localhost']) {
    SKIP: {
        my ($error, @found) = Socket::getaddrinfo('localhost', undef, { socktype => Socket::SOCK_STREAM() });
        my @addresses = map { (Socket::getnameinfo($_->{addr}, Socket::NI_NUMERICHOST()))[1] } @found;
        skip 'localhost is not 127.0.0.1 here', 1 if !grep { $_ eq '127.0.0.1' } @addresses;
        my $server = eval { Harness->start(bare => 1, args => ['-r', $root, '-p', '0', map { ('-b', $_) } @$binds]) };
        ok($server, "-b @$binds -p 0: starts") or next;
        is($server->get('/')->{body}, 'page', "-b @$binds: serves");
        my @urls = $server->banner =~ m{http://([^\s/]+)/}g;
        is(scalar(grep { $_ eq '127.0.0.1:' . $server->port } @urls), 1, "-b @$binds: 127.0.0.1 is bound once");
        my %port = map { /:(\d+)\z/ ? ($1 => 1) : () } @urls;
        is(join(' ', keys %port), $server->port, "-b @$binds: one port for all");
        # The kernel has as many listening sockets as the banner has URLs
        my $hex = sprintf ':%04X', $server->port;
        my $sockets = () = join('', map { slurp($_) } '/proc/net/tcp', '/proc/net/tcp6') =~ /^\s*\d+: [0-9A-F]+$hex [0-9A-F:]+ 0A /mg;
        is($sockets, scalar @urls, "-b @$binds: one socket for each address");
        $server->stop;
    }
}

# A closed standard descriptor must not be reused for a socket: messages would be written to it.
{
    my $server = Harness->start(root => $root, quiet => 1, before => sub { close STDIN });
    is($server->get('/')->{status}, 200, 'serves if stdin is closed');
    $server->stop;
}

done_testing();
