# Output on a pseudo-terminal: the banner, an access line, the summary after Ctrl-C, and colours unless they are
# disabled.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode ();
use Errno ();
use Fcntl qw(O_RDWR O_NOCTTY);
use File::Temp qw(tempdir);
use Harness;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

my $root = new_root();
put_file($root, 'index.html', 'page');
my @running;
END { kill 'KILL', $_ for @running }

# Starts the program on a pseudo-terminal. Returns { pid, pty, seen }.
sub start {
    my ($environment, @arguments) = @_;
    my ($pid, $pty, $name) = on_terminal({ TERM => 'xterm', %$environment }, program(), @arguments)
        or plan(skip_all => "no pseudo-terminal: $!");
    push @running, $pid;
    return { pid => $pid, pty => $pty, name => $name, seen => '' };
}

# Waits for a text on the terminal. Returns everything so far, with plain line ends.
sub sees {
    my ($self, $pattern) = @_;
    eventually { 1 while sysread $self->{pty}, $self->{seen}, 65536, length $self->{seen}; $self->{seen} =~ $pattern };
    (my $text = $self->{seen}) =~ s/\r\n/\n/g;
    return $text;
}

# Stops the terminal's output or starts it again (Ctrl-S, Ctrl-Q); the line discipline acts a moment later.
sub flow {
    my ($self, $action) = @_;
    sysopen my $tty, $self->{name}, O_RDWR | O_NOCTTY or die $!;
    POSIX::tcflow(fileno $tty, $action) or die "tcflow: $!";
    return;
}

# The output so far.
sub sees_now { my ($self) = @_; 1 while sysread $self->{pty}, $self->{seen}, 65536, length $self->{seen}; return $self->{seen} }

# Types Ctrl-C. Returns the later output and the status.
sub interrupt {
    my ($self) = @_;
    $self->{seen} = '';
    syswrite $self->{pty}, "\x03";
    my $status = Harness::reap($self->{pid});
    @running = grep { $_ != $self->{pid} } @running;
    1 while sysread $self->{pty}, $self->{seen}, 65536, length $self->{seen};
    (my $text = $self->{seen}) =~ s/\r\n/\n/g;
    return ($text, $status);
}

sub port_in { my ($text) = @_; return $text =~ m{http://[^\s/]+:(\d+)/} ? $1 : 0 }

sub fetch {
    my ($port, $target) = @_;
    my $socket = connect_to('127.0.0.1', $port) or return '';
    syswrite $socket, "GET $target HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    my $answer = '';
    1 while sysread $socket, $answer, 65536, length $answer;
    return $answer;
}

{
    my $terminal = start({ NO_COLOR => 1 }, '-p', '0', '-j', '2', $root);
    my $banner   = sees($terminal, qr/Ctrl-C/);
    my $port     = port_in($banner);
    my ($version) = run_program('-V')->{out} =~ /(\S+)$/;
    like($banner, qr{\A\n  tinyhttpd \Q$version\E\n\n  Serving   \Q$root\E\n  Local     http://localhost:$port/\n(?: {12}http://[^\n]*\n)?  Network   this machine only; --lan opens it to the local network\n  Stop      Ctrl-C\n\n}, 'the banner: version, root, URL, network, how to stop');
    unlike($banner, qr/\e/, 'NO_COLOR: no colours');

    fetch($port, '/');
    fetch($port, "/none?a=b") for 1 .. 3;
    fetch($port, "/other\e[31m"); # malformed: counted as a request, but not as a missing path
    fetch($port, '/wrong"name');
    my $log = sees($terminal, qr/wrong.*ms\r\n/);
    like($log, qr{^\d\d:\d\d:\d\d  GET /  200  4 B  \d+\.\d ms$}m, 'an access line: time, method, path, status, size, milliseconds');
    like($log, qr{^\d\d:\d\d:\d\d  GET /none\?a=b  404  \d\.\d kB  \d+\.\d ms$}m, 'an access line of a missing path');
    unlike($log, qr/\e/, 'clients can\'t send control sequences to the terminal');
    my ($end, $status) = interrupt($terminal);
    is($status, 0, 'Ctrl-C: status 0');
    like($end, qr{\n  Served    6 requests, of which 5 failed; \d\.\d kB\n  Missed    3 times  /none\n            1 time   /wrong"name\n\n\z}, 'the summary: requests, bytes, the most frequent missing paths');
}

{
    my $terminal = start({}, '-p', '0', '-b', '127.0.0.1', $root);
    my $banner   = sees($terminal, qr/Ctrl-C/);
    like($banner, qr{\e\[36mhttp://localhost:\d+/\e\[0m}, 'a terminal with colours: the URL is coloured');
    (my $plain = $banner) =~ s/\e\[[0-9;]*m//g;
    my $port = port_in($plain);
    fetch($port, '/');
    fetch($port, '/none');
    my $log = sees($terminal, qr{/none.* ms\r\n});
    like($log, qr{GET /  \e\[32m200\e\[0m  4 B}, '200 is green');
    like($log, qr{GET /none  \e\[33m404\e\[0m  }, '404 is yellow');
    like((interrupt($terminal))[0], qr{Served.*2 requests, of which 1 failed}, 'the summary');
}

{
    my $terminal = start({ NO_COLOR => 1 }, '-p', '0', '-b', '127.0.0.1', '--base', '/repo/', $root);
    my $banner   = sees($terminal, qr/Ctrl-C/);
    like($banner, qr{^  Local     http://localhost:\d+/repo/$}m, '--base: the URL has it');
    fetch(port_in($banner), '/img/a.png');
    like(sees($terminal, qr/Did you.*\n/), qr{GET /img/a\.png  404  .*\n          The site is below '/repo/' \(--base\)\. Did you mean '/repo/img/a\.png'\?\n}, '--base: the log has the address below it');
    interrupt($terminal);
}

for my $case ([{ TERM => 'dumb' }, 'TERM=dumb'], [{ TERM => undef }, 'without TERM'], [{ NO_COLOR => '1' }, 'NO_COLOR']) {
    my $terminal = start($case->[0], '-p', '0', '-b', '127.0.0.1', $root);
    my $banner   = sees($terminal, qr/Ctrl-C/);
    fetch(port_in($banner), '/none');
    unlike(sees($terminal, qr{/none.* ms}), qr/\e/, "$case->[1]: no colours");
    unlike((interrupt($terminal))[0], qr/\e/, "$case->[1]: no colours in the summary");
}

# A terminal that is stopped, as by Ctrl-S, delays neither responses nor the end of the server.
{
    my $terminal = start({ NO_COLOR => 1 }, '-p', '0', '-b', '127.0.0.1', '-j', '1', $root);
    my $port     = port_in(sees($terminal, qr/Ctrl-C/));
    flow($terminal, POSIX::TCOOFF());
    my $answered = grep { fetch($port, "/$_" . 'x' x 200) =~ /^HTTP\/1\.1 404 / } 1 .. 100;
    is($answered, 100, 'stopped: 100 requests are answered');
    unlike(sees_now($terminal), qr/ 404 /, 'stopped: no line arrives');
    flow($terminal, POSIX::TCOON());
    my $log = sees($terminal, qr{ /100x[^\n]* ms\r\n});
    is(join(' ', $log =~ m{^\S+  GET /(\d+)x+  404  }mg), join(' ', 1 .. 100), 'started again: all lines arrive, whole and in order');
    flow($terminal, POSIX::TCOOFF());
    fetch($port, '/last') for 1 .. 300;
    kill 'TERM', $terminal->{pid};
    is(Harness::reap($terminal->{pid}), 0, 'stopped, then SIGTERM: the server ends');
    @running = grep { $_ != $terminal->{pid} } @running;
}

# If the master is killed while the terminal is stopped, the log writer ends as well.
{
    my $terminal = start({ NO_COLOR => 1 }, '-p', '0', '-b', '127.0.0.1', '-j', '1', $root);
    my $port     = port_in(sees($terminal, qr/Ctrl-C/));
    flow($terminal, POSIX::TCOOFF());
    fetch($port, '/' . 'x' x 200) for 1 .. 100;
    kill 'KILL', $terminal->{pid};
    Harness::reap($terminal->{pid});
    @running = grep { $_ != $terminal->{pid} } @running;
    ok(eventually { !Harness::processes_of_group($terminal->{pid}) }, 'stopped, then SIGKILL: no process is left behind');
}

sub children_and_log_writers { return (Harness::children_of($_[0]), Harness::log_writers_of($_[0])) }

# Workers can't read the keyboard; after a reload the lines have the same form.
{
    my $terminal = start({}, '-p', '0', '-b', '127.0.0.1', '-j', '2', $root);
    (my $plain = sees($terminal, qr/Ctrl-C/)) =~ s/\e\[[0-9;]*m//g;
    my $port = port_in($plain);
    for my $round (0, 1) {
        my (@piped, @terminals);
        eventually { # a new process replaces its standard output a moment after its start
            my @leads = map { my $pid = $_; [map { readlink("/proc/$pid/fd/$_") // '' } 1, 2] } children_and_log_writers($terminal->{pid});
            @piped     = grep { $_->[0] =~ /^pipe:/ && $_->[0] eq $_->[1] } @leads;
            @terminals = grep { $_->[0] =~ m{^/dev/pts/} } @leads;
            @piped == 2 && @terminals == 1;
        };
        is(scalar @piped, 2, 'both workers write to one pipe');
        is(scalar @terminals, 1, 'only the log writer has the terminal');
        $terminal->{seen} = '';
        fetch($port, "/none$round");
        like(sees($terminal, qr{/none$round.* ms\r\n}), qr{GET /none$round  \e\[33m404\e\[0m  }, 'the lines have the form for terminals');
        next if $round;
        my %before = map { $_ => 1 } children_and_log_writers($terminal->{pid});
        kill 'HUP', $terminal->{pid};
        sees($terminal, qr/reloaded/);
        ok(eventually { my @now = children_and_log_writers($terminal->{pid}); @now == 3 && !grep { $before{$_} } @now }, 'a reload replaces both workers and the log writer');
    }
    like((interrupt($terminal))[0], qr{Served.*1 request, }, 'the summary');
}

# If the child that tries the sandbox or the log writer can't be started, the server exits with a message.
for my $case ([1, qr/can't start a process: /], [2, qr/can't start a process that writes the log: /]) {
    my ($fork, $pattern) = @$case;
    my $control = put_file(new_root(), 'control', pack 'Z24 l<6', 'fork', $fork, Errno::EAGAIN(), 0, 1, 0, 0);
    my $terminal = start({ preload('faults'), FAULTS => $control }, '-p', '0', '-b', '127.0.0.1', $root);
    like(sees($terminal, qr/tinyhttpd: .*\n/), qr/${pattern}Resource temporarily unavailable; 'ulimit -a'/, "process $fork can't be started: the message");
    is(Harness::reap($terminal->{pid}) >> 8, 71, "process $fork can't be started: EX_OSERR");
    @running = grep { $_ != $terminal->{pid} } @running;
}

# -q prints no banner; --log is still written.
{
    my $port     = Harness::free_port();
    my $terminal = start({ NO_COLOR => 1 }, '-q', '--log', 'errors', '-p', $port, '-b', '127.0.0.1', $root);
    eventually { fetch($port, '/') =~ /200/ };
    fetch($port, '/none');
    like(sees($terminal, qr/ms\r\n/), qr{\A\S+  GET /none  404  [^\n]* ms\n +There is no 'none' in the root\.\n\z}, '-q --log errors: no banner, and a line for each failed request only');
    fetch($port, '/%E2%80%AEgpj.%E6%97%A5%E2%80%A8%F3%A0%81%81'); # U+202E and U+2028, and a tag character
    like(sees($terminal, qr/gpj[^\n]*\n[^\n]*gpj[^\n]*\n/), qr{^ +There is no '\\xE2\\x80\\xAEgpj\.\xE6\x97\xA5\\xE2\\x80\\xA8\\xF3\\xA0\\x81\\x81' in the root\.$}m, 'clients can\'t send invisible or reordering characters to the terminal');
    my ($end) = interrupt($terminal);
    unlike($end, qr/Served/, '-q: no summary');
}

# One file.
{
    my $terminal = start({ NO_COLOR => 1 }, '-p', '0', '-b', '127.0.0.1', "$root/index.html");
    my $banner   = sees($terminal, qr/Ctrl-C/);
    like($banner, qr{^  Serving   \Q$root\E/index\.html, only this file$}m, 'one file: the banner names it');
    like(fetch(port_in($banner), '/'), qr{page\z}, 'one file: served at the root');
    interrupt($terminal);
}

# A name of the project's own, where it resolves.
SKIP: {
    my $site   = tempdir(CLEANUP => 1) . '/My-Site2';
    my $hosts  = put_file(new_root(), 'hosts', "127.0.0.1 localhost my-site2.localhost\n192.0.2.1 away.localhost\n127.0.0.1 under_score.localhost\n");
    my $set_up = "mount --bind '$hosts' /etc/hosts";
    skip 'needs root and unshare', 4 if $> != 0 || system("unshare --mount sh -c '$set_up' 2>/dev/null") != 0;
    my $banner_of = sub {
        my ($root) = @_;
        mkdir $root;
        my $script = qq(unshare --mount sh -c "$set_up && exec script -qec '${\program()} -p 0 $root -- true' /dev/null");
        return scalar qx($script </dev/null 2>&1);
    };
    skip 'needs script(1)', 4 if !have('script');
    my $banner; # without that address if the machine takes longer than LIMIT_RESOLVE_MS
    eventually { ($banner = $banner_of->($site)) =~ /my-site2/ };
    like($banner, qr{Local[^\n]*http://localhost:(\d+)/[^\n]*\n[^\n]*http://my-site2\.localhost:\1/[^\n]* \(storage and cookies of its own\)}, 'a folder whose name resolves: its own address as well');
    (my $folder = $site) =~ s{/[^/]*\z}{};
    for my $case (['away', 'a name of another machine'], ['under_score', 'a name that is no host name'], ['none', 'a name that does not resolve']) {
        unlike($banner_of->("$folder/$case->[0]"), qr/\Q$case->[0]\E\.localhost/, "$case->[1]: is not shown");
    }
}

# With --lan, a program built with libqrencode shows the network's URL as a QR code. Compared with qrencode's own.
SKIP: {
    skip 'needs root, ip, stty and unshare', 4 if $> != 0 || !have('ip') || !have('stty') || system('unshare -n ip link set lo up 2>/dev/null') != 0;
    my $script = <<'END';
        ip link set lo up && ip link add left type veth && ip link set left up && ip address add 192.0.2.9/24 dev left || exit 3
        stty cols "$1"; shift
        exec "$@"
END
    my $banner_of = sub {
        my ($locale, $columns) = @_;
        my ($pid, $pty) = on_terminal({ TERM => 'xterm', NO_COLOR => 1, LC_ALL => $locale }, 'unshare', '-n', 'sh', '-c', $script, 'sh', $columns, program(), '--lan', '-p', '0', $root);
        my $terminal = { pid => $pid, pty => $pty, seen => '' };
        push @running, $pid;
        my $banner = Encode::decode('UTF-8', sees($terminal, qr/Ctrl-C/));
        interrupt($terminal);
        return $banner;
    };
    my $code_of = sub { return join "\n", $_[0] =~ /^  ([ \x{2580}\x{2584}\x{2588}]{20,})$/mg };
    my $banner = $banner_of->('C.UTF-8', 80);
    my ($url) = $banner =~ m{Network   (http://192\.0\.2\.9:\d+/)} or skip 'no address', 4;
    my $with = slurp(program()) =~ /libqrencode/;
    SKIP: {
        skip 'needs qrencode', 1 if $with && !have('qrencode');
        my @rows = $with ? split /\n/, qx(qrencode -8 -l L -m 4 -t ASCII -o - '$url') : ();
        push @rows, ' ' x length $rows[0] if @rows % 2;
        my @lines;
        while (my ($upper, $lower) = splice @rows, 0, 2) {
            push @lines, join '', map { ("\x{2588}", "\x{2580}", "\x{2584}", ' ')[2 * (substr($upper, $_, 1) eq '#') + (substr($lower, $_, 1) eq '#')] } map { 2 * $_ } 0 .. length($upper) / 2 - 1;
        }
        is($code_of->($banner), join("\n", @lines), $with ? '--lan: the QR code of the first URL' : '--lan, without libqrencode: no QR code');
    }
    like($banner, qr/Stop      Ctrl-C\n\n\z/, 'the banner ends as without it');
    is($code_of->($banner_of->('C', 80)), '', 'a terminal without UTF-8: no QR code');
    is($code_of->($banner_of->('C.UTF-8', 30)), '', 'a narrow terminal: no QR code');
}

# Without a terminal, the banner is one line.
{
    my $server = Harness->start(root => $root);
    like($server->banner, qr{\Atinyhttpd \S+: serving \Q$root\E at http://127\.0\.0\.1:\d+/\n\z}, 'no terminal: the banner is one line');
    $server->stop;
    unlike($server->stderr, qr/Served/, 'no terminal: no summary');
}

done_testing();
