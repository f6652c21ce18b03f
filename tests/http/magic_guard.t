# A file that makes libmagic crash or loop ends one worker, no more, and the server still serves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);


# The markers of tests/http/preload/magic.c. They are not UTF-8, so the worker asks libmagic.
my %marker = (crash => "\x80CRASH", loop => "\x80LOOP");

my $root = new_root();
put_file($root, 'index.html', 'page');
put_file($root, 'plain', "\x89PNG\r\n\x1a\n" . "\0\0\0\rIHDR" . "\0" x 40);

my %environment = preload('magic');
my $server = Harness->start(root => $root, args => ['-j', 2],
    environment => \%environment);
$server->expect_stderr(qr/worker/);

# The client may see the end of a worker before the master does.
sub blamed {
    my ($name) = @_;
    return eventually { $server->stderr =~ /crashed in libmagic on '\Q$name\E'/ };
}

sub workers_settle {
    my @workers;
    eventually { @workers = $server->workers; @workers == 2 };
    return join ' ', @workers;
}

sub deaths { return scalar(() = $server->stderr =~ /^tinyhttpd: worker \d+ (?:was killed|exited with)/mg) }

is($server->get('/plain')->{field}{'content-type'}, 'image/png', 'libmagic is called through the preloaded library');

for my $kind (sort keys %marker) {
    my $content = $marker{$kind} . ' 1';
    put_file($root, "dir/$kind", $content);
    my $before = deaths();

    # Sequential clients: the first one's worker dies, all others get a response.
    my $first = $server->exchange(get_request("/dir/$kind"), count => 1, seconds => 20);
    ok(!@{ $first->{responses} } && !$first->{timeout}, "$kind: the first client's connection is closed in time");
    ok(blamed("dir/$kind"), "$kind: the message names the file");
    my @wrong = grep {
        $_->{status} ne '200' || $_->{body} ne $content || $_->{field}{'content-type'} ne 'application/octet-stream'
    } map { $server->get("/dir/$kind") } 1 .. 20;
    is(scalar @wrong, 0, "$kind: from then on served as application/octet-stream, by every worker");
    is(deaths() - $before, 1, "$kind: one worker died");
    is($server->get('/')->{status}, 200, "$kind: other files are served");
    is($server->get('/plain')->{field}{'content-type'}, 'image/png', "$kind: other files are examined");

    # A file that has changed counts as another one.
    put_file($root, "dir/$kind", "\x89PNG\r\n\x1a\n" . "\0\0\0\rIHDR" . "\0" x 40);
    is($server->get("/dir/$kind")->{field}{'content-type'}, 'image/png', "$kind: examined again after a change");
}

# A name with a terminal's control sequence.
put_file($root, "a\e[31mred", $marker{crash});
$server->exchange(get_request('/a%1B[31mred'), count => 1, seconds => 20);
ok(blamed('a\x1B[31mred'), 'a name with an escape sequence: escaped in the diagnostic');
is($server->get('/a%1B[31mred')->{status}, 200, 'a name with an escape sequence: served after a death');

# Workers that die young: each file crashes one, so the next starts without a pause.
{
    my $young = Harness->start(root => $root, args => ['-j', 1], environment => \%environment);
    $young->expect_stderr(qr/worker/);
    put_file($root, "young/$_", "$marker{crash} young $_") for 1 .. 12;
    for my $n (1 .. 12) {
        $young->exchange(get_request("/young/$n"), count => 1, seconds => 20);
        eventually { $young->stderr =~ m{crashed in libmagic on 'young/$n'} };
    }
    my @replaced = $young->stderr =~ /^tinyhttpd: worker \d+ was killed by signal .*; replaced (.*)$/mg;
    is(join(', ', @replaced), join(', ', ('at once') x 12), 'twelve files: each worker is replaced at once');
    is($young->get('/')->{status}, 200, 'twelve files: served');
    $young->stop(lost => 1);
}

# Without shared memory the master could not learn which file crashed a worker, so no file is given to libmagic.
# The limit leaves room for the log, which is a file here.
SKIP: {
    have('prlimit') or skip 'no prlimit', 8;
    skip 'a build that writes counts is ended by it', 8 if slurp(program()) =~ /\.gcda/;
    my $unguarded = Harness->start(root => $root, args => ['-j', 1], as => ['prlimit', '--fsize=4000:4000', 'env', map { "$_=$environment{$_}" } keys %environment]);
    put_file($root, 'unguarded', "$marker{crash} unguarded");
    like($unguarded->banner, qr/^tinyhttpd: can't create shared memory: File too large; without it libmagic is not used, .*octet-stream$/m,
        'RLIMIT_FSIZE below a page: a warning');
    is($unguarded->get("/$_")->{field}{'content-type'}, 'application/octet-stream', "RLIMIT_FSIZE below a page: $_ is not given to libmagic") for qw(plain unguarded);
    $unguarded->stop;
}

# A worker that dies while it examines no file blames none.
my $before = () = $server->stderr =~ /crashed in libmagic/g;
$server->get('/plain');
workers_settle();
my $deaths = deaths();
kill 'KILL', $server->workers;
eventually { deaths() >= $deaths + 2 };
workers_settle();
is(scalar(() = $server->stderr =~ /crashed in libmagic/g), $before, 'killed while idle: no file is blamed');
is($server->get('/plain')->{field}{'content-type'}, 'image/png', 'killed while idle: the last file is still examined');

# A hostile worker can't make the master forget a file that crashes workers.
SKIP: {
    my ($hostile) = $server->workers;
    overwrite_shared_memory($hostile) or skip 'the memory of a worker can not be written', 3;
    put_file($root, 'dir/next', "$marker{crash} 2");
    my $deaths = deaths();
    $server->exchange(get_request('/dir/next'), count => 1, seconds => 20);
    ok(blamed('dir/next'), 'one worker has overwritten all the memory that it can: the message names the file that crashes another one');
    my @statuses = map { $server->get('/dir/next')->{status} // 'none' } 1 .. 20;
    is("@statuses", join(' ', ('200') x 20), 'one worker has overwritten all the memory that it can: the file is served from then on');
    is(deaths() - $deaths, 1, 'one worker has overwritten all the memory that it can: one worker died');
}

# A worker that is stopped in libmagic uses no CPU time, so the timer does not end it.
my @workers = $server->workers;
kill 'STOP', @workers;
sleep 1.5;
kill 'CONT', @workers;
is($server->get('/plain')->{field}{'content-type'}, 'image/png', 'stopped and continued: served');
is(join(' ', $server->workers), join(' ', @workers), 'stopped and continued: by the same workers');

responses_framed();
$server->stop(lost => 1);
done_testing();
