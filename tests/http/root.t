# The root is a name: what it leads to is removed, made anew, swapped, or a link that is pointed elsewhere. The next
# request gets the new site, on a kept connection as on a new one, and no connection is lost. ROUNDS=200 makes each
# change as many times.
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Fresh;
use Harness;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

if (!$ENV{TEST_OWN_MOUNTS} && $> == 0 && system('unshare --mount true 2>/dev/null') == 0) {
    $ENV{TEST_OWN_MOUNTS} = 1;
    exec 'unshare', '--mount', $^X, "-I$FindBin::Bin/lib", $0;
}

my $slow   = is_sanitized() ? 4 : 1;
my $rounds = int(($ENV{ROUNDS} // 30) / $slow);

# A request waits for the workers of a new root for two seconds (LIMIT_ROOT_MS), which a sanitizer on a busy machine may
# need. Files settle later by this clock, too: stale*.t tests those.
my %slow_if_sanitized = is_sanitized() ? slow_clock() : ();

# Where roots follow each other faster than old workers end, as on a busy machine
my $many_old = qr/\Atinyhttpd: \d+ old workers still finish their responses; until one has ended, a new worker counts nothing /;

# Every file of a version says which it is, over and over, so that a mixture shows.
sub content { my ($version, $bytes) = @_; return substr "$version\n" x ($bytes / 2), 0, $bytes }

my %size = ('index.html' => 1_000, 'dir/page.txt' => 3_000, 'large.bin' => 300_000);

sub make_version {
    my ($folder, $version) = @_;
    put_file($folder, $_, content($version, $size{$_})) for sort keys %size;
    return;
}

# Points the link "current" elsewhere, at once.
sub point_at {
    my ($folder, $target) = @_;
    symlink $target, "$folder/link" or die $!;
    rename "$folder/link", "$folder/current" or die $!;
    return;
}

# The ways to replace a site at $path; each is called with a version, once before the server starts.
my %change = (
    'removed and made anew' => sub {
        my ($folder, $version) = @_;
        remove_tree("$folder/site");
        make_version("$folder/site", $version);
        return 'site';
    },
    'swapped by rename' => sub {
        my ($folder, $version) = @_;
        make_version("$folder/next", $version);
        remove_tree("$folder/last");
        rename "$folder/site", "$folder/last";
        rename "$folder/next", "$folder/site" or die $!;
        return 'site';
    },
    'a link pointed elsewhere' => sub {
        my ($folder, $version) = @_;
        make_version("$folder/release-$version", $version);
        point_at($folder, "release-$version");
        return 'current';
    },
    'a link pointed elsewhere, and its target removed' => sub {
        my ($folder, $version) = @_;
        my $old = readlink "$folder/current";
        make_version("$folder/release-$version", $version);
        point_at($folder, "release-$version");
        remove_tree("$folder/$old") if defined $old;
        return 'current';
    },
    'a link above the root pointed elsewhere' => sub {
        my ($folder, $version) = @_;
        make_version("$folder/release-$version/public", $version);
        point_at($folder, "release-$version");
        return 'current/public';
    },
    'its parent removed and made anew' => sub {
        my ($folder, $version) = @_;
        remove_tree("$folder/above");
        make_version("$folder/above/site", $version);
        return 'above/site';
    },
);

# The ways to replace one file; each is called with a version and its size.
my %file_change = (
    'replaced by rename'   => sub { my ($folder, $version, $bytes) = @_; return replace("$folder/report", content($version, $bytes)) },
    'overwritten in place' => sub { my ($folder, $version, $bytes) = @_; return overwrite("$folder/report", content($version, $bytes)) },
    'removed and made anew' => sub {
        my ($folder, $version, $bytes) = @_;
        unlink "$folder/report" or die $!;
        return put_file($folder, 'report', content($version, $bytes));
    },
    'a link pointed elsewhere' => sub {
        my ($folder, $version, $bytes) = @_;
        put_file($folder, "to-$version", content($version, $bytes));
        symlink "to-$version", "$folder/link" or die $!;
        rename "$folder/link", "$folder/report" or die $!;
        return;
    },
    'a link pointed elsewhere, and its target removed' => sub {
        my ($folder, $version, $bytes) = @_;
        my $old = readlink "$folder/report";
        put_file($folder, "to-$version", content($version, $bytes));
        symlink "to-$version", "$folder/link" or die $!;
        rename "$folder/link", "$folder/report" or die $!;
        return unlink "$folder/$old" if defined $old;
    },
);

# A download of huge.bin that holds its worker until the client reads on; its socket and first bytes.
sub slow_download {
    my ($server) = @_;
    my $socket = $server->connection(receive => 32_768);
    syswrite $socket, get_request('/huge.bin');
    sysread $socket, my $start, 1_000 or die;
    return ($socket, $start);
}

sub worker_count { my @now = $_[0]->workers; return scalar @now }

# The next body on the connection, after these bytes of a request.
sub body_after { my ($server, $socket, $bytes) = @_; return $server->exchange($bytes // '', socket => $socket, count => 1)->{responses}[0]{body} // 'none' }

sub body_on { my ($server, $socket, $path) = @_; return body_after($server, $socket, get_request($path)) }

# "v7 x 1000" for a body that is the whole of version 7
sub version_in {
    my ($response) = @_;
    my ($version) = ($response->{body} // '') =~ /\A(\w+)\n/ or return described($response);
    return $response->{body} eq content($version, length $response->{body}) ? "$version x " . length $response->{body} : 'mixed';
}

# Makes a change and a request for one of the paths, on a kept connection or on a new one, in many rounds.
sub follows {
    my ($server, $about, $folder, $change, %size_of) = @_;
    my @kept  = map { $server->connection } 1 .. 3;
    my @paths = sort keys %size_of;
    my $round = 0;
    body_on($server, $_, '/') for @kept;
    my $ask = sub {
        my $path = $paths[$round / 2 % @paths];
        return $round % 2 ? $server->get($path) : $server->exchange(get_request($path), socket => $kept[$round % 3], count => 1)->{responses}[0];
    };
    return rounds($about, $rounds, $ask, sub {
        ($round) = @_;
        $change->($folder, "v$round");
        return "v$round x $size_of{ $paths[$round / 2 % @paths] }";
    }, \&version_in);
}

sub start_on {
    my ($path, %environment) = @_;
    my $server = Harness->start(bare => 1, args => ['--no-list', qw(-p 0 -b 127.0.0.1 -j 2), $path], environment => \%environment);
    $server->expect_stderr($_) for $many_old, qr/\Atinyhttpd: (?:root|file) '.*' (is missing|is there again)/; # seen between two steps
    return $server;
}

my %vfat = (%slow_if_sanitized, preload('times', %slow_if_sanitized ? 'clock' : ()), TIMES_GRAIN => 2);
for my $times ('', ', timestamps of two seconds') {
    my @environment = $times ? %vfat : %slow_if_sanitized;
    for my $name (sort keys %change) {
        for my $kind ('a directory', 'one file') {
            my $folder = new_root();
            my $root   = $folder . '/' . $change{$name}->($folder, 'a');
            my $server = start_on($kind eq 'one file' ? "$root/dir/page.txt" : $root, @environment);
            my $about  = "$kind$times: $name";
            my %size_of = $kind eq 'one file' ? ('/' => $size{'dir/page.txt'}) : ('/' => $size{'index.html'}, map { ("/$_" => $size{$_}) } 'dir/page.txt', 'large.bin');
            follows($server, $about, $folder, $change{$name}, %size_of);
            ok(eventually { worker_count($server) == 2 }, "$about: the old workers end") or diag(join ' ', $server->workers);
            $server->stop(lost => 1);
        }
    }
    for my $bytes (3_000, 300_000) {
        my $folder = new_root();
        put_file($folder, 'site/report', content('a', $bytes));
        my $server = start_on("$folder/site/report", @environment);
        for my $name (sort keys %file_change) {
            my $change = sub { my ($above, $version) = @_; return $file_change{$name}->("$above/site", $version, $bytes) };
            follows($server, "one file$times, $bytes bytes: $name", $folder, $change, '/' => $bytes, '/report' => $bytes);
        }
        $server->stop;
    }
}

# A file system that is mounted over the root, and one that holds the root, each unmounted again. The mounts are in a mount
# namespace of this process, which ends with it.
SKIP: {
    skip 'needs root and a mount namespace', 12 if !$ENV{TEST_OWN_MOUNTS};
    for my $where ('site', '.') {
        my $folder = new_root() . '/mounts';
        make_version("$folder/site", 'under');
        my $mount  = sub { return system(@_) == 0 || die "@_: $?" };
        my $server = Harness->start(root => "$folder/site", args => ['-j', '2'], environment => \%slow_if_sanitized);
        my @kept   = map { $server->connection } 1 .. 3;
        my $wrong  = '';
        my $what   = $where eq '.' ? 'a mount that holds the root' : 'a mount over the root';
        for my $round (1 .. $rounds / 3) {
            $mount->('mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', "$folder/$where");
            make_version("$folder/site", "v$round");
            my $over = body_on($server, $kept[$round % 3], '/dir/page.txt');
            $wrong ||= "round $round, mounted: " . substr $over, 0, 40 if $over ne content("v$round", 3_000);
            # The workers hold a file system that is the root, or holds it.
            $wrong ||= "round $round: umount does not say that it is busy" if $round == 1 && system("umount '$folder/$where' 2>/dev/null") == 0;
            $mount->('umount', '-l', "$folder/$where");
            my $under = body_on($server, $kept[$round % 2], '/dir/page.txt');
            $wrong ||= "round $round, unmounted: " . substr $under, 0, 40 if $under ne content('under', 3_000);
        }
        is($wrong, '', "$what, and is unmounted: the next request gets what the name leads to");
        ok(eventually { worker_count($server) == 2 }, "$what: the old workers end");
        $server->expect_stderr($_) for $many_old, qr/\Atinyhttpd: root '.*' (is missing|is there again)/;
        $server->stop(lost => 1);
    }
}

# The root is a file system, and its name then leads elsewhere: once the responses in flight have ended, it can be unmounted.
SKIP: {
    skip 'needs root and a mount namespace', 4 if !$ENV{TEST_OWN_MOUNTS};
    my $folder = new_root();
    make_version("$folder/release-b", 'b');
    mkdir "$folder/release-a" or die $!;
    system('mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', "$folder/release-a") == 0 or die $!;
    make_version("$folder/release-a", 'a');
    point_at($folder, 'release-a');
    my $server = start_on("$folder/current");
    is($server->get('/large.bin')->{body}, content('a', 300_000), 'a root that is a file system: served');
    point_at($folder, 'release-b');
    is($server->get('/')->{body}, content('b', 1_000), 'a root that was a file system: the new root is served');
    ok(eventually { system("umount '$folder/release-a' 2>/dev/null") == 0 }, 'a root that was a file system: can be unmounted');
    $server->stop(lost => 1);
    system "umount -l '$folder/release-a' 2>/dev/null";
}

# While the root is missing
{
    my $folder = new_root();
    make_version("$folder/site", 'a');
    my $server = Harness->start(root => "$folder/site", args => ['-j', '2']);
    my $kept   = $server->connection;
    body_on($server, $kept, '/');
    $server->expect_stderr(qr/\Atinyhttpd: root '.*' (is missing|is there again)/);
    for my $how ('moved away', 'removed') {
        my $before = $server->stderr;
        $how eq 'removed' ? remove_tree("$folder/site") : rename "$folder/site", "$folder/away";
        for my $socket ($kept, $server->connection) {
            my $answer = $server->exchange(get_request('/', 'Accept: text/html'), socket => $socket, count => 1)->{responses}[0];
            is($answer->{status}, 503, "the root is $how: 503");
            is($answer->{field}{'retry-after'}, '1', "the root is $how: Retry-After");
            like($answer->{body}, qr/is missing \(No such file or directory\)/, "the root is $how: the page says why");
        }
        is($server->get('/.well-known/tinyhttpd/health')->{status}, 503, "the root is $how: the health check");
        ok(eventually { substr($server->stderr, length $before) =~ /\Atinyhttpd: root '.*site' is missing: No such file or directory; responses are 503 meanwhile\n\z/ }, "the root is $how: one line");
        $how eq 'removed' ? make_version("$folder/site", 'b') : rename "$folder/away", "$folder/site";
        is(body_on($server, $kept, '/'), content($how eq 'removed' ? 'b' : 'a', 1_000), "the root was $how: served again");
        is($server->get('/.well-known/tinyhttpd/health')->{status}, 200, "the root was $how: healthy again");
        ok(eventually { substr($server->stderr, length $before) =~ /\A[^\n]*\ntinyhttpd: root '.*site' is there again\n\z/ }, "the root was $how: one line when it is back");
    }
    # What is not a directory, and a link that loops
    my %not = (
        'a file'           => [sub { put_file($folder, 'site', 'x') }, qr/Not a directory/],
        'a link that loops' => [sub { symlink 'site', "$folder/site" }, qr/Too many levels of symbolic links|Symbolic link loop/],
    );
    for my $what (sort keys %not) {
        rename "$folder/site", "$folder/away" or die $!;
        $not{$what}[0]->();
        like($server->get('/', 'Accept: text/html')->{body}, qr/is missing \((?:$not{$what}[1])\)/, "the root is $what: the page says so");
        unlink "$folder/site";
        rename "$folder/away", "$folder/site" or die $!;
        is($server->get('/')->{status}, 200, "the root was $what: served again");
    }
    $server->stop(lost => 1);
}

# A connection that has sent a request in part, cut at each byte, with another one before it or not
{
    my $folder  = new_root();
    my $name    = 'a link pointed elsewhere';
    my $root    = $change{$name}->($folder, 'a');
    local %ENV = (%ENV, slow_clock()); # each of the beginnings has ten seconds
    my $server  = Harness->start(root => "$folder/$root", args => ['-j', '2']);
    my $request = get_request('/dir/page.txt', 'X-Padding: ' . 'p' x 40);
    my @cuts    = map { my $at = $_; map { { at => $at, before => $_, socket => $server->connection } } '', get_request('/') } 0 .. length($request) - 1;
    syswrite $_->{socket}, $_->{before} . substr $request, 0, $_->{at} for @cuts;
    my @before = grep { $_->{before} && body_after($server, $_->{socket}) ne content('a', 1_000) } @cuts;
    is(scalar @before, 0, 'requests before the ones in part are answered');
    my $first = $server->connection;
    at_rest($server->pid);
    $change{$name}->($folder, 'b');
    is(body_on($server, $first, '/dir/page.txt'), content('b', 3_000), 'the request that finds the new root');
    my @wrong = grep { body_after($server, $_->{socket}, substr $request, $_->{at}) ne content('b', 3_000) } @cuts;
    @wrong = map { $_->{before} ? "$_->{at} after another" : $_->{at} } @wrong;
    is("@wrong", '', 'a request that was cut at any byte when the root was replaced is answered from the new one');

    # A request whose body is under way stays with its worker, whose root is not the current one any more.
    my $body = $server->connection;
    syswrite $body, "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbo";
    at_rest($server->pid);
    $change{$name}->($folder, 'bb');
    is($server->get('/')->{body}, content('bb', 1_000), 'a body under way: others get the new root');
    my $bodied = $server->exchange('dy', socket => $body, count => 1)->{responses}[0];
    is("$bodied->{status} $bodied->{field}{'retry-after'}", '503 1', 'a body under way: 503 with Retry-After, not the old root');
    is(body_on($server, $body, '/'), content('bb', 1_000), 'a body under way: the next request gets the new root');

    # Two requests at once: both from the new root, in order
    $change{$name}->($folder, 'c');
    my $both = $server->exchange(get_request('/') . get_request('/dir/page.txt'), socket => $first, count => 2)->{responses};
    is(join(' ', map { $_->{body} eq content('c', length $_->{body}) ? length $_->{body} : 'old' } @$both), '1000 3000', 'two pipelined requests');

    # A download in flight is finished from the old root; its connection is kept.
    truncate put_file("$folder/release-c", 'huge.bin', ''), 30_000_000;
    my ($slow_one, $start) = slow_download($server);
    $change{$name}->($folder, 'd');
    is($server->get('/')->{body}, content('d', 1_000), 'with a download in flight: the new root is served');
    ok(eventually { worker_count($server) == 3 }, 'with a download in flight: its worker stays');
    is(rest_of_download($slow_one, $start, 30_000_000), 30_000_000, 'the download is whole');
    is(body_on($server, $slow_one, '/'), content('d', 1_000), 'its connection gets the new root next');
    ok(eventually { worker_count($server) == 2 }, 'its worker ends');
    $server->stop(lost => 1);
}

# Many switches under load
{
    my $folder = new_root();
    my $server_root = "$folder/current";
    my $versions = 1_000 / $slow;
    my $point = sub { return point_at($folder, "release-$_[0]") };
    my $publish = sub { put_file("$folder/release-$_[0]", 'index.html', content(sprintf('%05d', $_[0]), 600)); return $point->($_[0]) };
    $publish->(0);
    # Also without a sanitizer: with forty processes that want a CPU, requests waited for more than two seconds.
    my %environment = (slow_clock(), is_sanitized() ? () : (CLOCK_SLOWER => 4));
    my $server = Harness->start(root => $server_root, args => ['-j', '2'], environment => \%environment);
    $server->expect_stderr($many_old);
    my $descriptors = sub { my @open = glob "/proc/$_[0]/fd/*"; return scalar @open };
    my $before = $descriptors->($server->pid);
    pipe my $in, my $out or die $!;
    my $stop = "$folder/stop";
    my $pid = fork // die $!;
    if (!$pid) {
        my @sockets = map { connect_to('127.0.0.1', $server->port) } 1 .. 64;
        my ($answers, %fault) = (0);
        my $now = sub { return readlink($server_root) =~ /(\d+)/ ? $1 : die };
        for (my $round = 1; !-e $stop; $round++) {
            put_file($folder, 'rounds', 'r' x $round);
            my @asked = map { my $at = $now->(); syswrite $_, get_request('/'); $at } @sockets;
            for my $i (0 .. $#sockets) {
                my $answer = '';
                while ($answer !~ /\r\n\r\n.{600}\z/s) {
                    last if !sysread $sockets[$i], $answer, 65_536, length $answer;
                }
                my ($status, $version, $rest) = $answer =~ m{\AHTTP/1\.1 (\d+).*?\r\n\r\n(\d{5})\n(.*)\z}s;
                if (!defined $status) { $fault{'no answer: ' . substr $answer, 0, 30}++; next }
                $fault{"status $status"}++ if $status != 200;
                $fault{"older: $version, asked at $asked[$i]"}++ if $version < $asked[$i];
                $fault{"from the future: $version"}++ if $version > $now->();
                $fault{mixed}++ if "$version\n$rest" ne content($version, 600);
                $answers++;
            }
        }
        print {$out} join "\n", $answers, map { "$_ ($fault{$_} times)" } sort keys %fault;
        close $out;
        POSIX::_exit(0);
    }
    close $out;
    sleep 0.3;
    my $last = 0;
    # Each switch makes the requests wait for other workers: the last ones leave these the time to start on a busy machine.
    while ($last < $versions || (-s "$folder/rounds" || 0) < 12) { $publish->(++$last); sleep($last < $versions ? 0.003 : 0.3) }
    sleep 0.2;
    put_file($folder, 'stop', '');
    my ($answers, @faults) = split /\n/, join '', readline $in;
    waitpid $pid, 0;
    cmp_ok($answers, '>', 640, "$versions switches or more under load: more than 640 responses");
    is(join('; ', @faults[0 .. ($#faults < 4 ? $#faults : 4)]), '', 'each is whole, of one version, and not older than its request; no connection is lost');
    is($server->get('/')->{body}, content(sprintf('%05d', $last), 600), 'after all switches: the last version');
    ok(eventually { worker_count($server) == 2 }, 'after all switches: two workers are left');
    ok(eventually { $descriptors->($server->pid) == $before }, 'after all switches: the master has as many descriptors as before');
    $server->stop(lost => 1);
}

# Workers of another user that can't search the directory above the root: the master looks.
SKIP: {
    skip 'only root can be another user', 4 if $> != 0;
    my $folder = new_root();
    make_version("$folder/hidden/site", 'a');
    chmod 0700, "$folder/hidden";
    my $server = Harness->start(root => "$folder/hidden/site", args => ['-j', '2', '-v']);
    like($server->banner, qr/the workers' user can't look up the root's name; the master looks every 100 ms$/m, 'a directory above that workers can not search: -v says so');
    my $kept = $server->connection;
    is(body_on($server, $kept, '/'), content('a', 1_000), 'a directory above that workers can not search: served');
    rename "$folder/hidden/site", "$folder/hidden/old";
    make_version("$folder/hidden/site", 'b');
    $server->expect_stderr(qr/\Atinyhttpd: root '.*' (is missing|is there again)/);
    ok(eventually { body_on($server, $kept, '/') eq content('b', 1_000) }, 'a directory above that workers can not search: the new root is served');
    remove_tree("$folder/hidden/site");
    is($server->get('/')->{status}, 503, 'a directory above that workers can not search: a removed root is 503 at once');
    $server->stop(lost => 1);
}

# A new root that becomes unreadable while new workers take connections over: one that could not look for a free
# descriptor there left the connections in the channel.
SKIP: {
    skip 'root reads any directory, so its workers are to be another user', 2 if $> != 0;
    my $folder = new_root();
    make_version("$folder/site", 'a');
    my $server = Harness->start(root => "$folder/site", args => ['-j', '1', '--user', '65534']);
    $server->expect_stderr(qr/\Atinyhttpd: (root|user 65534 with group 65534 can't read root) /);
    my (@unanswered, @unserved);
    for my $round (1 .. 40) {
        my $kept = $server->connection;
        eventually { body_on($server, $kept, '/') =~ /\A[ab]/ } or push @unserved, $round;
        rename "$folder/site", "$folder/old.$round";
        make_version("$folder/site", 'b');
        syswrite $kept, get_request('/');
        sleep $round / 1000;
        chmod 0, "$folder/site";
        IO::Select->new($kept)->can_read(Harness::PATIENCE()) or push @unanswered, $round;
        chmod 0755, "$folder/site";
    }
    is("@unanswered", '', 'unreadable while connections are taken over: each request is answered');
    is("@unserved",   '', 'readable again: served');
    $server->stop(lost => 1);
}

# A root that the workers' user may not enter any more: a worker that dies is replaced, and serves it once it may. The
# master looks as that user, also where its own may.
SKIP: for my $as ([], [as => without_privileges()]) {
    skip 'another user can not execute the program', 12 if @$as && !$as->[1];
    my $folder = new_root();
    make_version("$folder/site", 'a');
    my $server = Harness->start(root => "$folder/site", args => ['-j', '1'], @$as);
    $server->expect_stderr(qr/\Atinyhttpd: (worker \d+ was killed|root '.*' is (missing: Permission denied; responses are 503 meanwhile|there again)$)/);
    chmod 0, "$folder/site";
    my $before = $server->get('/');
    is($before->{status}, 503, 'a root that may not be entered any more: 503');
    like($before->{body}, qr/Permission denied/, 'a root that may not be entered any more: the page says why');
    is($server->get('/.well-known/tinyhttpd/health')->{status}, 503, 'a root that may not be entered any more: so is the health check');
    my ($worker) = $server->workers;
    kill 'KILL', $worker;
    ok(eventually { grep { $_ != $worker } $server->workers }, 'a root that may not be entered any more: a worker that dies is replaced');
    is($server->get('/')->{status}, 503, 'a root that may not be entered any more: 503 by the new worker, too');
    ok(eventually { $server->stderr =~ /is missing: Permission denied/ }, 'a root that may not be entered any more: the log says why');
    chmod 0755, "$folder/site";
    is($server->get('/')->{body}, content('a', 1_000), 'a root that may be entered again: served');
    ok(eventually { $server->stderr =~ /is there again/ }, 'a root that may be entered again: the log says so');
    $server->stop(lost => 1);
}

# Workers with room for all connections together, but not each for all of them; a full one closes none for nothing.
SKIP: {
    system('prlimit --version >/dev/null 2>&1') == 0 or skip 'no prlimit', 12;
    for my $workers (1, 2) {
        my $folder = new_root();
        my $name   = 'a link pointed elsewhere';
        my $root   = $change{$name}->($folder, 'a');
        my $server = Harness->start(root => "$folder/$root", args => ['-j', $workers], environment => \%slow_if_sanitized,
            before => sub { system('prlimit', '--nofile=200:200', '--pid', $$) == 0 or POSIX::_exit(125) });
        my @kept = map { my $socket = $server->connection; body_on($server, $socket, '/'); $socket } 1 .. 130;
        # A worker that accepts more than its share closes idle ones for the last.
        @kept = grep { body_on($server, $_, '/') eq content('a', 1_000) } @kept;
        cmp_ok(scalar @kept, $workers == 1 ? '<' : '>', 100, "$workers workers: full, or with room for fewer each than there are");
        $change{$name}->($folder, 'b');
        my @got   = map { body_on($server, $_, '/') } @kept;
        my @wrong = map { "$_: " . substr $got[$_], 0, 60 } grep { $got[$_] ne content('b', 1_000) } 0 .. $#kept;
        is(join('; ', @wrong), '', "$workers workers: all connections are handed over");
        $server->stop(lost => 1);
    }
}

# More old workers than slots of shared memory: a new one has none, and uses no libmagic.
{
    my $folder = new_root();
    my $roots  = sub { my ($n) = @_; put_file("$folder/$n", 'plain', "GIF89a" . "\0" x 20); truncate put_file("$folder/$n", 'huge.bin', ''), 30_000_000; return point_at($folder, $n) };
    $roots->(0);
    local %ENV = (%ENV, slow_clock()); # the downloads have thirty seconds
    my $server = Harness->start(root => "$folder/current", args => ['-j', '1']);
    my @slow;
    for my $n (1 .. 35) { # one more than there are slots
        push @slow, (slow_download($server))[0];
        is($server->get('/plain')->{field}{'content-type'}, 'image/gif', 'many old workers: the type by libmagic before') if $n == 1;
        $roots->($n);
        $server->expect_stderr($many_old);
        ok(eventually { $server->get('/plain')->{status} == 200 }, "many old workers: root $n is served");
    }
    is($server->get('/plain')->{field}{'content-type'}, 'application/octet-stream', 'many old workers: a worker without a slot does not use libmagic');
    close $_ for @slow;
    ok(eventually { worker_count($server) == 1 }, 'many old workers: they end');
    ok(eventually { $server->get('/plain')->{field}{'content-type'} eq 'image/gif' }, 'many old workers: when one has ended, a worker with a slot serves');
    $server->stop(lost => 1);
}

# More old workers than a quarter of the descriptors: the oldest is told to stop, and killed if it does not.
SKIP: {
    system('prlimit --version >/dev/null 2>&1') == 0 or skip 'no prlimit', 2;
    my $folder = new_root();
    my $roots  = sub { my ($n) = @_; truncate put_file("$folder/$n", 'huge.bin', ''), 30_000_000; put_file("$folder/$n", 'n', $n); return point_at($folder, $n) };
    $roots->(0);
    my $server = Harness->start(root => "$folder/current", args => ['-j', '1', '--drain', '1'], before => sub {
        system('prlimit', '--nofile=64:64', '--pid', $$) == 0 or POSIX::_exit(125);
    });
    $server->expect_stderr(qr/\Atinyhttpd: (root '.*' was replaced, but \d+ old workers still finish|root '.*' is there again|old worker \d+ was killed by signal 9|\d+ old workers still finish)/);
    my (@slow, %stopped, $got);
    for my $n (1 .. 20) {
        my ($worker) = grep { !$stopped{$_} } $server->workers;
        push @slow, (slow_download($server))[0];
        $roots->($n);
        last if !eventually { $got = $server->get('/n'); $got->{body} eq $n };
        kill 'STOP', $worker;
        $stopped{$worker} = 1;
    }
    is($got->{body}, 20, 'stopped old workers: the newest root is served');
    ok(eventually { worker_count($server) <= 17 }, 'stopped old workers: no more than their maximum');
    close $_ for @slow;
    $server->stop(lost => 1);
}

# More workers that leave than a quarter of the descriptors: the oldest is told to stop, and each is replaced at last.
SKIP: {
    system('prlimit --version >/dev/null 2>&1') == 0 or skip 'no prlimit', 2;
    my $folder = new_root();
    put_file($folder, 'n', 'n');
    truncate put_file($folder, 'huge.bin', ''), 30_000_000;
    my $server = Harness->start(root => $folder, args => ['-j', '1', '--drain', '1'], before => sub {
        system('prlimit', '--nofile=64:64', '--pid', $$) == 0 or POSIX::_exit(125);
    });
    # One that has no CPU when it is told to stop is killed.
    $server->expect_stderr(qr/\Atinyhttpd: (worker \d+ leaves, but \d+ old workers still finish their responses; it is replaced when one has ended$|old worker \d+ was killed by signal 9)/m);
    my (@slow, %left, $got);
    for my $n (1 .. 20) {
        my $worker = eventually { my ($one) = grep { !$left{$_} } $server->workers; $one } or last;
        push @slow, (slow_download($server))[0];
        kill 'USR2', $worker;
        $left{$worker} = 1;
        $got = $n;
    }
    is($got, 20, 'many workers that leave: each is replaced');
    is($server->get('/n')->{body}, 'n', 'many workers that leave: the last one serves');
    close $_ for @slow;
    $server->stop(lost => 1);
}

# A new root that the workers may not read: one request waits for its workers, the others get 503 at once.
SKIP: {
    skip 'only root can have other workers', 4 if $> != 0;
    my $folder = new_root();
    make_version("$folder/site", 'a');
    my $server = Harness->start(root => "$folder/site", args => ['-j', '1']);
    is($server->get('/')->{status}, 200, 'a new root that workers may not read: before');
    rename "$folder/site", "$folder/old";
    make_version("$folder/site", 'b');
    chmod 0, "$folder/site";
    $server->expect_stderr(qr/\Atinyhttpd: (the workers' user .* can't read root|root '.*' is there again)/);
    my $ask    = sub { my $began = time; my $status = $server->get('/')->{status}; return { status => $status, waited => time - $began } };
    my ($first, @others) = map { $ask->() } 0 .. 10;
    is(join(' ', map { $_->{status} } $first, @others), join(' ', (503) x 11), 'a new root that workers may not read: 503');
    my ($median) = (sort { $a <=> $b } map { $_->{waited} } @others)[4];
    cmp_ok($median, '<', $first->{waited} / 2, 'a new root that workers may not read: ten requests do not wait as one did');
    chmod 0755, "$folder/site";
    ok(eventually { my $got = $server->get('/'); $got->{status} == 200 && $got->{body} eq content('b', 1_000) }, 'a new root that workers may read again: served');
    $server->stop(lost => 1);
}

# A worker that leaves is replaced at once, not when its last response ends.
for my $signal ('USR2', 'TERM') {
    my $folder = new_root();
    truncate put_file($folder, 'huge.bin', ''), 30_000_000;
    my $server = Harness->start(root => $folder, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my ($slow_one) = slow_download($server);
    my $kept = $server->connection;
    $server->exchange(get_request('/huge.bin', 'Range: bytes=0-0'), socket => $kept, count => 1);
    kill $signal, $worker;
    ok(eventually { grep { $_ != $worker } $server->workers }, "a worker that leaves by SIG$signal is replaced");
    is(kill(0, $worker), 1, "a worker that leaves by SIG$signal: while it finishes");
    is($server->get('/huge.bin', 'Range: bytes=0-0')->{status}, 206, "a worker that leaves by SIG$signal: the other serves");
    if ($signal eq 'USR2') {
        my $answer = $server->exchange(get_request('/huge.bin', 'Range: bytes=0-0'), socket => $kept, count => 1)->{responses}[0];
        is($answer->{status}, 206, 'a worker that leaves by SIGUSR2: its idle connection is kept');
    }
    close $slow_one;
    ok(eventually { worker_count($server) == 1 }, "a worker that leaves by SIG$signal: ends");
    $server->stop(lost => 1);
}

responses_framed();
done_testing();
