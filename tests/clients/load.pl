# Load generators: every request must have its response, of status 200 and with all bytes, by the client's count and
# by the server's log.
use strict;
use warnings;

use Client;

use constant { COUNT => 600, SIZE => 20_000, CONNECTIONS => 10 };

# Serves a file of SIZE bytes for this client. Returns its path.
sub target {
    my ($name) = @_;
    serve("load/$name.bin", noise(SIZE, $name));
    return "/load/$name.bin";
}

# The log has this many requests for the path, and at most `cut` more, whose responses the client cut at its end.
sub logged {
    my ($path, $count, $cut) = @_;
    my @all = requests(qr{\Q$path\E HTTP}, $count);
    true(@all <= $count + $cut, "$count responses of " . @all);
    my @wrong = grep { $_->{status} != 200 || $_->{bytes} != SIZE } @all;
    true(@wrong <= $cut, @wrong . " responses were not 200 with ${\SIZE} bytes");
    return;
}

# A line of the output with a number.
sub number {
    my ($output, $pattern, $expected) = @_;
    my ($number) = $output =~ $pattern or die "no $pattern in the output\n";
    equal($number, $expected, "$pattern");
    return;
}

client wrk => [['wrk', 'wrk']], sub {
    my $path = target('wrk');
    # With a pause of 2 ms, as the log loses lines that its writer gets no CPU time for.
    write_file('count.lua', <<'END');
delay = function() return 2 end
done = function(summary)
    local errors = summary.errors
    io.write(string.format("count %d %d %d\n", summary.requests, summary.bytes,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
END
    my $head = length run('curl', '-sI', '-H', 'Accept:', '-H', 'User-Agent:', url($path));
    my $output = run('wrk', '-d1s', '-t1', '-c' . CONNECTIONS, '-s', 'count.lua', url($path));
    my ($count, $bytes, $errors) = $output =~ /^count (\d+) (\d+) (\d+)$/m or die "no count in the output\n";
    true($count > 0 && $errors == 0, "$count requests, $errors errors");
    # wrk counts whole responses, and the bytes of those that it cut at the end, too.
    my $rest = $bytes - $count * ($head + SIZE);
    true($rest >= 0 && $rest <= CONNECTIONS * ($head + SIZE), "$bytes bytes of $count responses");
    logged($path, $count, 2 * CONNECTIONS);
};

client ab => [['apache2-utils', 'ab']], sub {
    my $path = target('ab');
    for my $keep ('', '-k') {
        my $output = run('ab', '-q', ($keep || ()), '-n', COUNT, '-c', CONNECTIONS, url($path));
        number($output, qr/^Complete requests: +(\d+)/m, COUNT);
        number($output, qr/^Failed requests: +(\d+)/m, 0);
        number($output, qr/^HTML transferred: +(\d+) bytes/m, COUNT * SIZE);
        true($output !~ /^Non-2xx/m, 'responses that are not 2xx');
    }
    logged($path, 2 * COUNT, 0);
};

client hey => [['hey', 'hey']], sub {
    my $path = target('hey');
    for my $keep ('', '-disable-keepalive') {
        my $output = run('hey', ($keep || ()), '-n', COUNT, '-c', CONNECTIONS, url($path));
        number($output, qr/^ *Total data:\s+(\d+) bytes/m, COUNT * SIZE);
        number($output, qr/^ *\[200\]\s+(\d+) responses/m, COUNT);
        true($output !~ /^ *\[(?!200)\d+\]|Error distribution/m, 'errors');
    }
    logged($path, 2 * COUNT, 0);
};

# Ten requests in flight on each connection.
client h2load => [['nghttp2-client', 'h2load']], sub {
    my $path = target('h2load');
    my $output = run('h2load', '--h1', '-m', '10', '-n', COUNT, '-c', CONNECTIONS, url($path));
    number($output, qr/^requests: .* (\d+) succeeded, 0 failed, 0 errored, 0 timeout$/m, COUNT);
    number($output, qr/^status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx$/m, COUNT);
    number($output, qr/^traffic: .*\((\d+)\) data$/m, COUNT * SIZE);
    logged($path, COUNT, 0);
};

client siege => [['siege', 'siege']], sub {
    my $path = target('siege');
    my $output = run('siege', '-q', '-b', '--json-output', '-c', CONNECTIONS, '-r', COUNT / CONNECTIONS, url($path));
    number($output, qr/"transactions":\s*(\d+)/, COUNT);
    number($output, qr/"successful_transactions":\s*(\d+)/, COUNT);
    number($output, qr/"failed_transactions":\s*(\d+)/, 0);
    number($output, qr/"data_transferred":\s*([\d.]+)/, sprintf '%.2f', COUNT * SIZE / 2**20);
    logged($path, COUNT, 0);
};

1;
