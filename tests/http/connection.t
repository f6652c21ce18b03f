# Connections: how long they last, pipelining, their ends (RFC 9112 2.2 and 9). A half-closed client whose answer is
# held back is in bodies.t, time limits are in timeout.t.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Harness;
use Socket ();
use Test::More;
use Time::HiRes qw(sleep);

my $root  = new_root();
my %size  = (a => 1, b => 1000, c => 16_385, d => 70_000, e => 200_000);
my %octets;
for my $name (keys %size) {
    $octets{$name} = join '', map { chr(33 + ($_ * 7 + ord $name) % 90) } 1 .. $size{$name};
    put_file($root, "$name.txt", $octets{$name});
}
my $server = Harness->start(root => $root);

# Whether the connection stays, by version and by the Connection field (RFC 9112 9.3). The second request shows
# it: it is answered or it is not.
my @cases = (
    # version, field lines, stays
    ['1.1', [],                                              1],
    ['1.1', ['Connection: keep-alive'],                      1],
    ['1.1', ['Connection: Keep-Alive, Upgrade'],             1],
    ['1.1', ['Connection: '],                                1],
    ['1.1', ['Connection: ,,'],                              1],
    ['1.1', ['Connection: closed'],                          1],
    ['1.1', ['Connection: xclose'],                          1],
    ['1.1', ['Connection: foo, bar'],                        1],
    ['1.1', ['Connection: close'],                           0],
    ['1.1', ['connection: CLOSE'],                           0],
    ['1.1', ['Connection: Close'],                           0],
    ['1.1', ["Connection: close\t"],                         0],
    ['1.1', ["Connection:\tclose"],                          0],
    ['1.1', ["Connection: close \t "],                       0],
    ['1.1', ['Connection:close'],                            0],
    ['1.1', ['Connection: foo, close'],                      0],
    ['1.1', ['Connection: foo,close'],                       0],
    ['1.1', ['Connection: close, foo'],                      0],
    ['1.1', ["Connection: foo\t,\tclose\t,\tbar"],           0],
    ['1.1', ['Connection: ,close,'],                         0],
    ['1.1', ['Connection: keep-alive, close'],               0],
    ['1.1', ['Connection: close, keep-alive'],               0],
    ['1.1', ['Connection: keep-alive', 'Connection: close'], 0],
    ['1.1', ['Connection: close', 'Connection: keep-alive'], 0],
    ['1.1', ['Connection: close', 'Connection: foo'],        0],
    ['1.0', [],                                              0],
    ['1.0', ['Connection: close'],                           0],
    ['1.0', ['Connection: foo'],                             0],
    ['1.0', ['Connection: keep-alive, close'],               0],
    ['1.0', ['Connection: keep-alive'],                      1],
    ['1.0', ['Connection: Keep-Alive'],                      1],
    ['1.0', ["Connection: keep-alive\t"],                    1],
    ['1.0', ['Connection: foo, keep-alive'],                 1],
    ['1.0', ['Connection: ,KEEP-ALIVE,'],                    1],
    ['1.0', ['Connection: foo', 'Connection: keep-alive'],   1],
    ['1.0', ['Connection: keep-alivex'],                     0],
    ['1.1', ['Proxy-Connection: close'],                     1],
    ['1.1', ['Keep-Alive: timeout=0'],                       1],
    ['1.1', ['Connection: "close"'],                         1],
);
put_canary($root);
{
    # The same, octet by octet. Who asks to close and then sends on may meet a reset, but has its answer.
    my @wrong;
    my @requests = map { join("\r\n", "GET /a.txt HTTP/$_->[0]", 'Host: localhost', @{ $_->[1] }) . "\r\n\r\n" . get_request('/a.txt',
        'Connection: close') } @cases;
    my @results = $server->exchange_each(\@requests);
    for my $n (0 .. $#cases) {
        push @wrong, told("HTTP/$cases[$n][0] @{ $cases[$n][1] }")
            if @{ $results[$n]{responses} } != 1 + $cases[$n][2] || ($cases[$n][2] && !$results[$n]{eof});
    }
    is(join("\n", @wrong), '', 'octet by octet: each persists or closes as it does at once (RFC 9112 9.3)');
}
for my $case (@cases) {
    my ($version, $fields, $stays) = @$case;
    my $name = told("HTTP/$version " . join ' | ', @$fields);
    my $first = join("\r\n", "GET /b.txt HTTP/$version", 'Host: localhost', @$fields) . "\r\n\r\n";
    my $last  = get_request('/a.txt', 'Connection: close');
    my $result = $server->exchange($first . $last);
    my @responses = @{ $result->{responses} };
    is($responses[0]{body}, $octets{b}, "$name: answered");
    is(scalar @responses, $stays ? 2 : 1, "$name: " . ($stays ? 'persists' : 'closes') . ' (RFC 9112 9.3)');
    ok($result->{eof}, "$name: ends in order, not by reset") or diag("timeout $result->{timeout} reset $result->{reset}");
    my $connection = $responses[0]{field}{connection};
    if (!$stays) {
        is(lc($connection || ''), 'close', "$name: says Connection: close (RFC 9112 9.6)");
    }
    elsif ($version eq '1.0') {
        is(lc($connection || ''), 'keep-alive', "$name: says Connection: keep-alive (RFC 9112 C.2.2)");
    }
    else {
        unlike($connection || '', qr/close/i, "$name: does not say close");
    }
}

# The version of the answer is the server's own (RFC 9110 2.5): parse_response accepts only HTTP/1.1.
{
    my $result = $server->exchange("GET /a.txt HTTP/1.0\r\n\r\n");
    is($result->{responses}[0]{status}, 200, 'HTTP/1.0 needs no Host');
    is($result->{responses}[0]{version}, 'HTTP/1.1', 'HTTP/1.0 is answered as HTTP/1.1');
}

# One after the other on one connection
{
    my $socket = $server->connection;
    my @wrong;
    for my $round (1 .. 50) {
        my $name = (qw(a b c d e))[$round % 5];
        my $result = $server->exchange(get_request("/$name.txt"), socket => $socket, count => 1);
        push @wrong, $round if ($result->{responses}[0]{body} || '') ne $octets{$name} || $result->{rest} ne '';
    }
    is("@wrong", '', '50 requests one after the other on one connection');
}

# Pipelining: answers in the order of the requests (RFC 9112 9.3.2)
for my $way ([], ['bytewise'], ['split']) {
    my @plan = map { my $n = $_; { method => $n % 7 == 3 ? 'HEAD' : 'GET', name => (qw(a b c d e))[$n * 3 % 5],
        none => $n % 11 == 5 } } 1 .. 200;
    @plan = @plan[0 .. 19] if @$way && $way->[0] eq 'bytewise';
    my $octets = join '', map {
        my $target = $_->{none} ? '/none' : "/$_->{name}.txt";
        "$_->{method} $target HTTP/1.1\r\nHost: localhost\r\n\r\n"
    } @plan;
    my %how = !@$way ? () : $way->[0] eq 'bytewise' ? (bytewise => 1) : (split => [map { $_ * 37 } 1 .. length($octets) / 37]);
    my $result = $server->exchange($octets, %how, count => scalar @plan, methods => [map { $_->{method} } @plan], seconds => 60);
    my $name = @plan . ' pipelined requests' . (@$way ? " ($way->[0])" : '');
    is(scalar @{ $result->{responses} }, scalar @plan, "$name: as many answers (RFC 9112 9.3.2)");
    my @wrong = grep {
        my ($plan, $response) = ($plan[$_], $result->{responses}[$_] || { status => 0, body => '', field => {} });
        $plan->{none} ? $response->{status} != 404
            : $plan->{method} eq 'HEAD'
            ? $response->{status} != 200 || $response->{field}{'content-length'} != $size{ $plan->{name} }
            : $response->{status} != 200 || md5_hex($response->{body}) ne md5_hex($octets{ $plan->{name} });
    } 0 .. $#plan;
    is("@wrong", '', "$name: each its own, in order");
    is($result->{rest}, '', "$name: nothing more");
}

# Thousands of tiny ones in one write: no recursion, no buffer that runs out
{
    my $many   = 5000;
    my $result = $server->exchange(get_request('/a.txt') x $many, count => $many, seconds => 60);
    is(scalar @{ $result->{responses} }, $many, "$many pipelined requests at once");
}

# An answer that fails in step: what follows is answered
{
    my $result = $server->exchange(
        get_request('/a.txt') . get_request('/none') . "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nGET /"
            . get_request('/%00') . "HEAD /b.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" . get_request('/c.txt', 'Connection: close'),
        methods => [qw(GET GET POST GET HEAD GET)]);
    my @status = map { $_->{status} } @{ $result->{responses} };
    is("@status[0 .. 2]", '200 404 405', 'a 404 and a 405 with a body leave the connection in step');
    # A 400 may close or go on, but it must do what it says.
    if (($result->{responses}[3]{field}{connection} || '') =~ /close/) {
        is("@status", '200 404 405 400', 'a 400 that says close is the last answer');
    }
    else {
        is("@status", '200 404 405 400 200 200', 'a 400 that does not say close leaves the connection in step');
    }
}

# A malformed request in the middle: the ones before it are answered, nothing after it is taken for a request
{
    my $result = $server->exchange(get_request('/b.txt') . get_request('/e.txt') . "GET /c.txt HTTP/1.1\r\nHost : x\r\n\r\n" . get_request('/a.txt'));
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), '200 200 400',
        'a malformed request in the middle: 400 after the answers before it, and the end');
    is(md5_hex($result->{responses}[1]{body}), md5_hex($octets{e}), 'the answer before the 400 is whole');
    ok($result->{eof}, 'then the end');
}

# A client that has said all it will say still gets its answers (half-close)
for my $name (qw(a e)) {
    my $result = $server->exchange(get_request("/$name.txt"), half_close => 1);
    is(md5_hex($result->{responses}[0]{body} || ''), md5_hex($octets{$name}), "half-close after the request: $name.txt comes whole");
    ok($result->{eof}, 'half-close: then the server closes too');
}
{
    my $result = $server->exchange(get_request('/d.txt') x 20, half_close => 1);
    is(scalar @{ $result->{responses} }, 20, 'half-close after 20 pipelined requests: 20 answers');
    $result = $server->exchange("GET /a.txt HTTP/1.1\r\nHost: local", half_close => 1, lenient => 1);
    ok($result->{closed}, 'half-close inside a head: the server closes (RFC 9112 8)');
    ok(!grep({ $_->{status} !~ /\A4/ } @{ $result->{responses} }), 'half-close inside a head: not answered as a request');
}

# `close` is echoed and kept whatever the answer is (RFC 9112 9.6).
{
    my $tag = $server->settled('/b.txt')->{field}{etag};
    for my $case (['GET /b.txt', 200], ['HEAD /b.txt', 200], ['OPTIONS *', 204], ['GET /b.txt', 206, 'Range: bytes=0-0'],
        ['GET /b.txt', 304, "If-None-Match: $tag"], ['GET /none', 404], ['POST /b.txt', 405], ['GET /b.txt', 406, 'Accept-Encoding: *;q=0'],
        ['GET /b.txt', 412, 'If-Match: "x"'], ['GET /b.txt', 416, 'Range: bytes=1000-']) {
        my ($asked, $status, @fields) = @$case;
        my $head   = "$asked HTTP/1.1\r\n" . join '', map { "$_\r\n" } 'Host: localhost', @fields;
        my $stays  = $server->exchange("$head\r\n" . get_request('/a.txt', 'Connection: close'), methods => [$asked =~ /\A(\S+)/, 'GET']);
        is(join(' ', map { $_->{status} } @{ $stays->{responses} }), "$status 200", "$asked: $status, in step");
        my $closes = $server->exchange("${head}Connection: close\r\n\r\n" . get_request('/a.txt'), methods => [$asked =~ /\A(\S+)/, 'GET']);
        is(join(' ', map { $_->{status} } @{ $closes->{responses} }), $status, "$asked: $status, and the last with close (RFC 9112 9.6)");
        is($closes->{responses}[0]{field}{connection}, 'close', "$asked: $status says close");
        ok($closes->{eof}, "$asked: $status, then the end");
    }
}

# Empty lines before a request line are passed over (RFC 9112 2.2).
$server->keeps_step(
    ['an empty line before the request (2.2)',      "\r\n" . get_request('/b.txt'),         200],
    ['several empty lines before the request',      "\r\n\r\n\r\n" . get_request('/b.txt'), 200],
    ['an empty line after the request',             get_request('/b.txt') . "\r\n",         200],
    ['an empty line after a body (2.2)',            "POST /b.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello\r\n", 405],
);
$server->refuses(
    ['an empty line, then a blank (2.2)',           "\r\n " . get_request('/b.txt'),        400],
    ['a bare CR before the request (2.2)',          "\r" . get_request('/b.txt'),           400],
    ['an empty line, then a field (2.2)',           "\r\nHost: localhost\r\n\r\n",          400],
);

# A client that sends on without reading must find the refusal whole, not a reset (RFC 9112 9.6).
for my $case (['a malformed head', "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400], ['a body that is too large',
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", 413],
    ['an answer that closes', get_request('/b.txt', 'Connection: close'), 200]) {
    my ($name, $octets, $status) = @$case;
    my $socket = $server->connection;
    syswrite $socket, $octets;
    for (1 .. 20) { # for half a second, whatever comes back
        syswrite $socket, 'GET /a.txt ' x 900;
        sleep 0.025;
    }
    my $result = $server->exchange('', socket => $socket);
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), $status, "$name, and the client sends on: $status can still be read");
    # Where the client asked to close and the answer has arrived, what it sends on may be reset.
    ok($result->{eof} && !$result->{reset}, "$name: the end in order") if $status != 200;
}

# Leaving at any moment harms nobody
{
    for my $round (1 .. 50) {
        my $socket = $server->connection;
        syswrite $socket, get_request('/e.txt') x 5;
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0) if $round % 2; # a reset
        close $socket;
    }
    is($server->get('/a.txt')->{body}, $octets{a}, 'after 50 clients that left in the middle');
}

# An octet that is urgent is not part of the stream, and a read stops short of it (tcp(7)) though there is more: a worker
# that takes this for the end of what has come waits until the head's deadline.
{
    my $alone  = Harness->start(root => $root, args => ['-j', 1]);
    my ($worker) = $alone->workers;
    my $socket = $alone->connection;
    syswrite $socket, 'GET /a.txt HT';
    eventually { grep { (readlink // '') =~ /^socket:/ } glob "/proc/$worker/fd/*" };
    sleep 0.2;
    kill 'STOP', $worker; # so that all of it is there when the worker looks
    eventually { slurp("/proc/$worker/stat") =~ /\) T / };
    syswrite $socket, "TP/1.1\r\nHost: localhost\r\nX: a";
    send $socket, 'b', Socket::MSG_OOB();
    syswrite $socket, "c\r\n\r\n";
    kill 'CONT', $worker;
    my $result = $alone->exchange('', socket => $socket, count => 1, seconds => 30);
    is($result->{responses}[0]{status}, 200, 'urgent data in a head: answered') or diag($result->{raw});
    is($result->{responses}[0]{body}, $octets{a}, 'urgent data in a head: with the file');
    close $socket;
    $alone->stop;
}

# curl keeps one connection for several requests
SKIP: {
    have('curl') or skip 'no curl', 1;
    my $urls = join ' ', map { $server->url("/$_.txt") } qw(a b c d e);
    my $told = `curl -s -o /dev/null -o /dev/null -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}' $urls`;
    is($told, '10000', 'curl: five requests, one connection');
}

responses_framed();
$server->stop;
done_testing();
