# SIGTERM: requests that have arrived are answered, whatever the worker is doing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Select;
use POSIX ();
use Test::More;

my $root = new_root();
put_file($root, 'small.txt', 'small');

# A program that reads the banner may stop the server at once.
{
    my $socket = new_root() . '/socket';
    my @ends;
    for (1 .. 30) {
        my ($reader, $writer) = a_pipe();
        my $pid = Harness::spawn('/dev/null', "/proc/$$/fd/" . fileno $writer, undef, program(), '-b', "unix:$socket", '-j', '1', $root);
        my $line = readline $reader;
        close $writer;
        kill 'TERM', $pid;
        my $status = Harness::reap($pid);
        push @ends, ($status // 'hangs') . " $line" if ($status // 1) != 0 || -e $socket;
    }
    is("@ends", '', 'SIGTERM right after the banner: status 0, and no socket is left, 30 times');
}

# The worker is stopped while bytes and the signal arrive, so that it has seen no event for them.
{
    my $server   = Harness->start(root => $root, args => ['-j', '1']);
    my ($worker) = $server->workers;
    my @kept     = map { $server->exchange(get_request('/small.txt'), count => 1)->{socket} } 1 .. 30;
    my ($half, $body) = map { $server->connection } 1 .. 2;
    syswrite $half, "GET /small.txt HTTP/1.1\r\n";
    syswrite $body, "GET /small.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n";
    $server->get('/small.txt'); # the worker has read these by now
    my $before = $server->stderr;
    kill 'STOP', $worker;
    syswrite $_, get_request('/small.txt') for @kept;
    syswrite $half, "Host: localhost\r\n\r\n";
    syswrite $body, '12345';
    kill 'TERM', $server->pid;
    kill 'TERM', $worker; # the master's own signal may still be on its way
    kill 'CONT', $worker;
    # The worker may see the signal or the bytes first: the connection ends either way.
    my $answered = grep { answer_on($_) =~ m{\AHTTP/1\.1 200 .*small\z}s } @kept;
    is($answered, 30, 'requests on kept connections are answered, and the connections end');
    like(answer_on($half), qr{\AHTTP/1\.1 200 }, 'a request with its second half of the head is answered');
    like(answer_on($body), qr{\AHTTP/1\.1 200 }, 'a request with its body is answered');
    $server->ended(stderr => $before);
}

# A worker that never waits, as there is always a next request, still handles SIGTERM.
{
    my $server = Harness->start(root => $root, args => ['-j', '1', '--drain', '3600'], quiet => 1);
    my $idle   = $server->exchange(get_request('/small.txt'), count => 1)->{socket};
    my $client = fork // die "fork: $!";
    if ($client == 0) {
        setpgrp 0, 0;
        pipeline_for_ever($server->connection);
        POSIX::_exit(0);
    }
    my $busy = eventually { cpu_seconds($server->pid) > 0.2 };
    ok($busy, 'a client that pipelines without a pause keeps the worker busy');
    my $before = $server->stderr;
    kill 'TERM', $server->pid;
    ok(IO::Select->new($idle)->can_read(Harness::PATIENCE()), 'a busy worker turns to an idle connection at SIGTERM, long before the deadline of the drain');
    is(sysread($idle, my $nothing, 1), 0, '... and closes it');
    kill 'KILL', -$client;
    waitpid $client, 0;
    $server->ended(stderr => $before);
}

done_testing();

# All bytes up to the end of the stream.
sub answer_on {
    my ($socket) = @_;
    my $all = '';
    1 while sysread $socket, $all, 65_536, length $all;
    return $all;
}

# Writes requests as fast as the server takes them.
sub pipeline_for_ever {
    my ($socket) = @_;
    my $requests = get_request('/small.txt') x 200;
    my $reader   = fork // return;
    if ($reader == 0) {
        1 while sysread $socket, my $bytes, 1 << 20;
        POSIX::_exit(0);
    }
    1 while syswrite $socket, $requests;
    kill 'KILL', $reader;
    waitpid $reader, 0;
    return;
}
