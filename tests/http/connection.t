# Connections: persistence, pipelining, closing (RFC 9112 2.2 and 9). bodies.t tests half-closed clients that read
# slowly, timeout.t the deadlines.
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
my %bytes;
for my $name (keys %size) {
    $bytes{$name} = join '', map { chr(33 + ($_ * 7 + ord $name) % 90) } 1 .. $size{$name};
    put_file($root, "$name.txt", $bytes{$name});
}
my $server = Harness->start(root => $root);

# Whether the connection persists, by version and Connection field (RFC 9112 9.3): a second request is answered or not.
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
    # The same, byte by byte. A client that sends on after Connection: close may be reset, but gets its response.
    my @wrong;
    my @requests = map { join("\r\n", "GET /a.txt HTTP/$_->[0]", 'Host: localhost', @{ $_->[1] }) . "\r\n\r\n" . get_request('/a.txt',
        'Connection: close') } @cases;
    my @results = $server->exchange_each(\@requests);
    for my $n (0 .. $#cases) {
        push @wrong, told("HTTP/$cases[$n][0] @{ $cases[$n][1] }")
            if @{ $results[$n]{responses} } != 1 + $cases[$n][2] || ($cases[$n][2] && !$results[$n]{eof});
    }
    is(join("\n", @wrong), '', 'byte by byte: each persists or closes as in one piece (RFC 9112 9.3)');
}
for my $case (@cases) {
    my ($version, $fields, $stays) = @$case;
    my $name = told("HTTP/$version " . join ' | ', @$fields);
    my $first = join("\r\n", "GET /b.txt HTTP/$version", 'Host: localhost', @$fields) . "\r\n\r\n";
    my $last  = get_request('/a.txt', 'Connection: close');
    my $result = $server->exchange($first . $last);
    my @responses = @{ $result->{responses} };
    is($responses[0]{body}, $bytes{b}, "$name: answered");
    is(scalar @responses, $stays ? 2 : 1, "$name: " . ($stays ? 'persists' : 'closes') . ' (RFC 9112 9.3)');
    ok($result->{eof}, "$name: ends without a reset") or diag("timeout $result->{timeout} reset $result->{reset}");
    my $connection = $responses[0]{field}{connection};
    if (!$stays) {
        is(lc($connection || ''), 'close', "$name: says Connection: close (RFC 9112 9.6)");
    }
    elsif ($version eq '1.0') {
        is(lc($connection || ''), 'keep-alive', "$name: says Connection: keep-alive (RFC 9112 C.2.2)");
    }
    else {
        unlike($connection || '', qr/close/i, "$name: no Connection: close");
    }
}

# The response has the server's own version (RFC 9110 2.5); parse_response accepts only HTTP/1.1.
{
    my $result = $server->exchange("GET /a.txt HTTP/1.0\r\n\r\n");
    is($result->{responses}[0]{status}, 200, 'HTTP/1.0 needs no Host');
    is($result->{responses}[0]{version}, 'HTTP/1.1', 'HTTP/1.0 is answered as HTTP/1.1');
}

# Sequential requests on one connection
{
    my $socket = $server->connection;
    my @wrong;
    for my $round (1 .. 50) {
        my $name = (qw(a b c d e))[$round % 5];
        my $result = $server->exchange(get_request("/$name.txt"), socket => $socket, count => 1);
        push @wrong, $round if ($result->{responses}[0]{body} || '') ne $bytes{$name} || $result->{rest} ne '';
    }
    is("@wrong", '', '50 sequential requests on one connection');
}

# Pipelining: answers in the order of the requests (RFC 9112 9.3.2)
for my $way ([], ['bytewise'], ['split']) {
    my @plan = map { my $n = $_; { method => $n % 7 == 3 ? 'HEAD' : 'GET', name => (qw(a b c d e))[$n * 3 % 5],
        none => $n % 11 == 5 } } 1 .. 200;
    @plan = @plan[0 .. 19] if @$way && $way->[0] eq 'bytewise';
    my $bytes = join '', map {
        my $target = $_->{none} ? '/none' : "/$_->{name}.txt";
        "$_->{method} $target HTTP/1.1\r\nHost: localhost\r\n\r\n"
    } @plan;
    my %how = !@$way ? () : $way->[0] eq 'bytewise' ? (bytewise => 1) : (split => [map { $_ * 37 } 1 .. length($bytes) / 37]);
    my $result = $server->exchange($bytes, %how, count => scalar @plan, methods => [map { $_->{method} } @plan]);
    my $name = @plan . ' pipelined requests' . (@$way ? " ($way->[0])" : '');
    is(scalar @{ $result->{responses} }, scalar @plan, "$name: as many responses (RFC 9112 9.3.2)");
    my @wrong = grep {
        my ($plan, $response) = ($plan[$_], $result->{responses}[$_] || { status => 0, body => '', field => {} });
        $plan->{none} ? $response->{status} != 404
            : $plan->{method} eq 'HEAD'
            ? $response->{status} != 200 || $response->{field}{'content-length'} != $size{ $plan->{name} }
            : $response->{status} != 200 || md5_hex($response->{body}) ne md5_hex($bytes{ $plan->{name} });
    } 0 .. $#plan;
    is("@wrong", '', "$name: in the order of the requests");
    is($result->{rest}, '', "$name: no bytes after the last response");
}

# Thousands of requests in one write: no recursion, no full buffer
{
    my $many   = 5000;
    my $result = $server->exchange(get_request('/a.txt') x $many, count => $many);
    is(scalar @{ $result->{responses} }, $many, "$many pipelined requests at once");
}

# Errors that keep the connection in step: the next request is answered
{
    my $result = $server->exchange(
        get_request('/a.txt') . get_request('/none') . "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nGET /"
            . get_request('/%00') . "HEAD /b.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" . get_request('/c.txt', 'Connection: close'),
        methods => [qw(GET GET POST GET HEAD GET)]);
    my @status = map { $_->{status} } @{ $result->{responses} };
    is("@status[0 .. 2]", '200 404 405', 'a 404 and a 405 with a body leave the connection in step');
    # A 400 may close the connection or keep it, as its Connection field says.
    if (($result->{responses}[3]{field}{connection} || '') =~ /close/) {
        is("@status", '200 404 405 400', 'a 400 with Connection: close is the last response');
    }
    else {
        is("@status", '200 404 405 400 200 200', 'a 400 without Connection: close leaves the connection in step');
    }
}

# A malformed request in a pipeline: the ones before it are answered, the bytes after it ignored
{
    my $result = $server->exchange(get_request('/b.txt') . get_request('/e.txt') . "GET /c.txt HTTP/1.1\r\nHost : x\r\n\r\n" . get_request('/a.txt'));
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), '200 200 400',
        'a malformed request in a pipeline: 400 after the responses before it');
    is(md5_hex($result->{responses}[1]{body}), md5_hex($bytes{e}), 'a malformed request in a pipeline: the response before the 400 is whole');
    ok($result->{eof}, 'a malformed request in a pipeline: the connection ends without a reset');
}

# A half-closed client still gets its responses
for my $name (qw(a e)) {
    my $result = $server->exchange(get_request("/$name.txt"), half_close => 1);
    is(md5_hex($result->{responses}[0]{body} || ''), md5_hex($bytes{$name}), "half-close after the request: $name.txt is whole");
    ok($result->{eof}, 'half-close: then the server closes too');
}
{
    my $result = $server->exchange(get_request('/d.txt') x 20, half_close => 1);
    is(scalar @{ $result->{responses} }, 20, 'half-close after 20 pipelined requests: 20 answers');
    $result = $server->exchange("GET /a.txt HTTP/1.1\r\nHost: local", half_close => 1, lenient => 1);
    ok($result->{closed}, 'half-close inside a head: the server closes (RFC 9112 8)');
    ok(!grep({ $_->{status} !~ /\A4/ } @{ $result->{responses} }), 'half-close inside a head: not answered as a request');
}

# Connection: close is answered and obeyed with every status (RFC 9112 9.6).
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
        is(join(' ', map { $_->{status} } @{ $closes->{responses} }), $status, "$asked with Connection: close: $status is the last response (RFC 9112 9.6)");
        is($closes->{responses}[0]{field}{connection}, 'close', "$asked with Connection: close: $status has Connection: close");
        ok($closes->{eof}, "$asked with Connection: close: $status, then the end of the stream");
    }
}

# Empty lines before a request line are ignored (RFC 9112 2.2).
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

# A client that sends on without reading must still be able to read the refusal (RFC 9112 9.6).
for my $case (['a malformed head', "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400], ['a body that is too large',
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", 413],
    ['an answer that closes', get_request('/b.txt', 'Connection: close'), 200]) {
    my ($name, $bytes, $status) = @$case;
    my $socket;
    eventually { # The server reads on for two seconds (LIMIT_LINGER_MS), in which this client must have its say.
        my $began = time;
        $socket = $server->connection;
        syswrite $socket, $bytes;
        for (1 .. 20) { # for half a second
            syswrite $socket, 'GET /a.txt ' x 900;
            sleep 0.025;
        }
        time - $began < 1.5;
    };
    my $result = $server->exchange('', socket => $socket);
    is(join(' ', map { $_->{status} } @{ $result->{responses} }), $status, "$name, and the client sends on: $status can still be read");
    # After Connection: close and a whole response, the server may reset bytes that the client still sends.
    ok($result->{eof} && !$result->{reset}, "$name: ends without a reset") if $status != 200;
}

# Clients that leave at any moment do not disturb others
{
    for my $round (1 .. 50) {
        my $socket = $server->connection;
        syswrite $socket, get_request('/e.txt') x 5;
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0) if $round % 2; # a reset
        close $socket;
    }
    is($server->get('/a.txt')->{body}, $bytes{a}, 'after 50 clients that left in the middle: another one is served');
}

# A read stops before urgent data, although more has arrived (tcp(7)). A worker that takes a short read for the last one
# would wait until the head's deadline.
{
    my $alone  = Harness->start(root => $root, args => ['-j', 1]);
    my ($worker) = $alone->workers;
    my $socket = $alone->connection;
    syswrite $socket, 'GET /a.txt HT';
    eventually { grep { (readlink // '') =~ /^socket:/ } glob "/proc/$worker/fd/*" };
    at_rest($alone->pid);
    kill 'STOP', $worker; # so that all of it is there when the worker looks
    eventually { slurp("/proc/$worker/stat") =~ /\) T / };
    syswrite $socket, "TP/1.1\r\nHost: localhost\r\nX: a";
    send $socket, 'b', Socket::MSG_OOB();
    syswrite $socket, "c\r\n\r\n";
    kill 'CONT', $worker;
    my $result = $alone->exchange('', socket => $socket, count => 1);
    is($result->{responses}[0]{status}, 200, 'urgent data in a head: answered') or diag($result->{raw});
    is($result->{responses}[0]{body}, $bytes{a}, 'urgent data in a head: the body is the file');
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
