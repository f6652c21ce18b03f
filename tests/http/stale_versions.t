# Never stale: a body is one version, with the length and the ETag of that version; no ETag belongs to two versions; a
# client that has got a version never gets an older one. Each response has a head for its own request with the current
# date, however often the file was sent before.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fresh;
use Harness;
use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);


my $root = new_root();

# Version 12 is "000000000012\n" many times.
sub version_of {
    my ($bytes) = @_;
    my $first = substr $bytes, 0, 13;
    return $first =~ /\A([0-9]{12})\n\z/ && length($bytes) % 13 == 0 && $bytes eq $first x (length($bytes) / 13) ? $1 + 0 : undef;
}

sub version_on_disk {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    sysread $file, my $bytes, 13;
    return $bytes + 0;
}

# Replaces a file and its encoded sibling without a pause. Each pair has a time of its own, so that a sibling is used
# only with its original.
sub write_versions {
    my ($folder, $parent) = @_;
    for (my $version = 2; getppid() == $parent; $version++) {
        my $count = (1, 40, 700, 5000, 10_082)[$version % 5]; # the last is 131,066 bytes
        my $line  = sprintf "%012d\n", $version;
        for my $name ('page.css', 'page.css.gz') {
            put_file($folder, 'next', $line x ($name =~ /gz/ ? ($count + 1) >> 1 : $count));
            utime 1_000_000_000 + $version, 1_000_000_000 + $version, "$folder/next";
            rename "$folder/next", "$folder/$name" or die $!;
        }
        sleep 0.002;
    }
    return;
}

# Clients that send requests without a pause while the writer writes. At each request they know the newest version that
# any client has received, and the one on disk.
for my $workers (1, 2) {
    my $server = Harness->start(root => $root, args => ['-j', $workers]);
    $server->expect_stderr(qr{\Atinyhttpd: can't read '/[^']*': (?:Device or r|R)esource busy$}m); # a 503
    my $reader = Fresh->reader($server, crowd => 16);
    my $folder = "$root/written-$workers";
    for my $name ('page.css', 'page.css.gz') { put_file($folder, $name, sprintf "%012d\n", 1); utime 1_000_000_001, 1_000_000_001, "$folder/$name" }
    my $parent = $$;
    my $writer = fork // die $!;
    if (!$writer) {
        write_versions($folder, $parent);
        POSIX::_exit(0);
    }
    my ($newest, %version_of_tag, @wrong, %count) = (0);
    my $total  = 3000;
    my $target = "/written-$workers/page.css";
    my @forms = ([], ['Accept-Encoding: gzip'], ['Range: bytes=0-12'], 'condition');
    my ($asked, $answered, $last_tag, %floor, %result) = (0, 0, '"none"');
    my $ask = sub {
        my ($socket) = @_;
        my $form   = $forms[$asked++ % @forms];
        my @fields = ref $form ? @$form : "If-None-Match: $last_tag";
        my $disk   = version_on_disk("$folder/page.css");
        $floor{$socket}  = $disk > $newest ? $disk : $newest;
        $result{$socket} = $server->begin('', socket => $socket, count => 1);
        syswrite $socket, get_request($target, @fields);
    };
    my $select = IO::Select->new(@{ $reader->{crowd} });
    $ask->($_) for @{ $reader->{crowd} };
    my $deadline = time + Harness::PATIENCE();
    while (($answered < $total || $newest < 100) && time < $deadline) {
        for my $socket ($select->can_read(1)) {
            my $result = $result{$socket};
            Harness::receive($result);
            next if !$result->{over};
            Harness::finish($result, '');
            my $response = $result->{responses}[0];
            $answered++;
            if (!$response) {
                push @wrong, 'closed';
                $select->remove($socket);
                next;
            }
            my ($status, $tag, $coding) = ($response->{status}, @{ $response->{field} }{qw(etag content-encoding)});
            $count{$status}++;
            $count{coded}++ if $coding;
            my $version = $status == 304 ? $version_of_tag{$tag} : version_of($response->{body});
            if ($status !~ /\A(?:200|206|304|503)\z/ || $status != 503 && !defined $version) {
                push @wrong, "$status: a mix of " . length($response->{body}) . ' bytes';
            }
            elsif ($status != 503) {
                push @wrong, "$status: version $version after $floor{$socket}" if $version < $floor{$socket};
                $newest = $version if $version > $newest;
            }
            if (defined $tag && defined $version) {
                push @wrong, "$status: $tag is that of $version_of_tag{$tag} and $version" if ($version_of_tag{$tag} // $version) != $version;
                $version_of_tag{$tag} = $version;
                $last_tag = $tag if !$coding;
            }
            $ask->($socket);
        }
    }
    kill 'KILL', $writer;
    waitpid $writer, 0;
    is(join("\n", splice @wrong, 0, 5), '', "-j $workers, while a writer replaces a file: each response is one version, none older than the known one");
    cmp_ok($answered, '>=', $total, "-j $workers, while a writer replaces a file: all are answered");
    cmp_ok($newest, '>=', 100, "-j $workers, while a writer replaces a file: at least 100 versions");
    ok($count{200} && $count{206} && $count{304} && $count{coded}, "-j $workers, while a writer replaces a file: responses of all kinds")
        or diag(join ' ', %count);
    cmp_ok($count{503} || 0, '<', $answered / 10, "-j $workers, while a writer replaces a file: fewer than a tenth are 503");
    $server->stop;
}

# ---------------------------------------------------------------------------------------------------------
# A cached head must not be used for another form of the request. Each form is requested once of a file of its own,
# which shows the right response, then of one file in every order.
my $server = Harness->start(root => $root, args => ['-j', '1']);
my @sizes = (300, 140_000);
my @forms = (
    ['GET', '1.1'], ['HEAD', '1.1'], ['GET', '1.0', 'Connection: keep-alive'], ['HEAD', '1.0', 'Connection: keep-alive'],
    (map { ['GET', '1.1', $_] } 'Accept-Encoding: gzip', 'Accept-Encoding: br', 'Accept-Encoding: identity;q=0', 'Accept-Encoding: identity;q=0, br',
        'Range: bytes=0-9', 'Range: bytes=5-', 'Range: bytes=999999999-', 'Range: bytes=0-0,9-9', 'If-None-Match: *', 'If-None-Match: "x"', 'If-Match: "x"',
        'If-Modified-Since: ' . http_date(2_000_000_000), 'If-Modified-Since: ' . http_date(500_000_000), 'If-Unmodified-Since: ' . http_date(500_000_000)),
    ['HEAD', '1.1', 'Accept-Encoding: gzip'], ['GET', '1.1', 'Accept-Encoding: gzip', 'Range: bytes=0-9'], ['GET', '1.1', 'Accept-Encoding: gzip', 'If-None-Match: *'],
    ['OPTIONS', '1.1'], ['POST', '1.1', 'Content-Length: 0'], ['GET', '1.1', '.gz'], ['HEAD', '1.1', '.gz'], ['GET', '1.1', '.gz', 'Accept-Encoding: gzip'], ['GET', '1.1', '.none'],
);

sub in_form {
    my ($path, $form, $last) = @_;
    my ($method, $version, @fields) = @$form;
    $path .= shift @fields if @fields && $fields[0] =~ /\A\./;
    @fields = ((grep { !/\AConnection/ } @fields), 'Connection: close') if $last;
    return join("\r\n", "$method $path HTTP/$version", 'Host: localhost', @fields) . "\r\n\r\n";
}

# A response without the date and the boundary, which differ each time
sub timeless {
    my ($response) = @_;
    return 'no answer' if !$response;
    my $boundary = ($response->{field}{'content-type'} // '') =~ /boundary=(\S+)/ ? $1 : 'no boundary';
    my $left = $boundary eq 'no boundary' ? qr/\Adate\z/i : qr/\A(?:date|content-length)\z/i; # a boundary may be shorter
    my $all  = join "\n", $response->{status}, (map { "$_->[0]: $_->[1]" } grep { $_->[0] !~ $left } @{ $response->{fields} }), $response->{body};
    return $all =~ s/\Q$boundary\E/BOUNDARY/gr;
}

for my $size (@sizes) {
    my $bytes = join '', map { sprintf "%09d\n", $_ } 1 .. $size / 10;
    for my $copy (0 .. 2 * @forms) {
        put_file($root, "forms-$size/$copy.css", $bytes);
        put_file($root, "forms-$size/$copy.css.gz", reverse $bytes);
        utime 1_000_000_000, 1_000_000_000, "$root/forms-$size/$copy.css", "$root/forms-$size/$copy.css.gz";
    }
}
put_file($root, '404.html', 'a page of its own');
put_file($root, "hot/$_", $_ x 500) for 'a' .. 'j';
put_file($root, 'hot/tiny.txt', 't');
my $tomorrow = int(time) + 6; # an mtime in the future; the file settles before that time
utime $tomorrow, $tomorrow, put_file($root, 'hot/soon.txt', 'soon');
$server->get("/hot/$_") for 'a' .. 'j', 'tiny.txt', 'soon.txt';
$server->get('/missing'); # the page has Last-Modified when the worker has known it for three seconds, too
# A large file has validators when the worker has known it for three seconds. A response with a part caches no head.
for my $size (@sizes) {
    for my $copy (0 .. 2 * @forms) {
        $server->get("/forms-$size/$copy.css$_", 'Range: bytes=0-0') for '', '.gz';
    }
}
settle($server, $root);

my $soon = $server->get('/hot/soon.txt');
SKIP: {
    skip 'too slow a machine to ask before that time comes', 1 if time >= $tomorrow;
    is($soon->{field}{'last-modified'}, undef, 'a file with a time in the future: no Last-Modified (RFC 9110 8.8.2.1)');
}

srand 1;
for my $size (@sizes) {
    my $methods = [map { $_->[0] } @forms];
    for my $last (0, 1) {
        my @cold;
        for my $n (0 .. $#forms) {
            my $result = $server->exchange(in_form("/forms-$size/" . ($n + $last * @forms) . '.css', $forms[$n], $last), count => $last ? 0 : 1, methods => [$forms[$n][0]]);
            push @cold, timeless($result->{responses}[0]);
        }
        my @order = map { int rand @forms } 1 .. 600;
        my $hot = "/forms-$size/" . 2 * @forms . '.css';
        my @got;
        if ($last) {
            @order = @order[0 .. 99];
            for my $n (@order) {
                push @got, $server->exchange(in_form($hot, $forms[$n], 1), methods => [$forms[$n][0]], seconds => 10)->{responses}[0];
                last if timeless($got[-1]) ne $cold[$n]; # a connection that does not close costs a timeout
            }
        }
        else {
            my $socket = $server->connection;
            while (@got < @order) {
                my @some = @order[@got .. $#order];
                $#some = 29 if @some > 30;
                my $result = $server->exchange(join('', map { in_form($hot, $forms[$_], 0) } @some), socket => $socket, count => scalar @some,
                    methods => [map { $forms[$_][0] } @some]);
                push @got, @{ $result->{responses} }[0 .. $#some];
                last if $result->{closed} || $result->{timeout};
            }
        }
        my @wrong = grep { timeless($got[$_]) ne $cold[ $order[$_] ] } 0 .. $#got;
        my $told  = @wrong ? join ' ', "$wrong[0]:", @{ $forms[ $order[ $wrong[0] ] ] } : '';
        is($told, '', "$size bytes, every form in every order, " . ($last ? 'on connections that end' : 'pipelined') . ': each has the head for its form');
    }
}

# The same file is the body of a 200 and of a 404, and Range does not apply to the 404.
{
    my $socket = $server->connection;
    my @targets = map { ('/404.html', '/hot/none', '/hot/', '/404.html')[int rand 4] } 1 .. 200;
    my $result  = $server->exchange(join('', map { get_request($_) } @targets), socket => $socket, count => scalar @targets);
    my @wrong = grep { $result->{responses}[$_]{status} ne ($targets[$_] eq '/404.html' ? 200 : 404) || $result->{responses}[$_]{body} ne 'a page of its own' } 0 .. $#targets;
    is("@wrong", '', '404.html is 200 by its own name and 404 for missing paths, in every order');
}

# ---------------------------------------------------------------------------------------------------------
# Date is current and well-formed, for a file that is requested all the time and for one that is not for a while. Some
# clients send their requests before the second changes and read the responses after it.
{
    my @waiting = map { $server->connection(receive => 4096) } 1 .. 8;
    my $many = get_request('/hot/tiny.txt') x 400;
    for (@waiting) {
        Harness::blocking($_, 0);
        syswrite $_, $many;
    }
    my $asked = int time;
    my (@wrong, %seen);
    my $kept  = $server->connection;
    my $until = $asked + 2.4;
    for (my $round = 0; time < $until || keys %seen < 2; $round++) {
        my @targets = map { get_request($_) } '/hot/a', '/hot/tiny.txt', $round % 40 ? () : (map { "/hot/$_" } 'b' .. 'i', 'none'), $round % 150 ? () : '/hot/j';
        push @targets, get_request('/hot/a', 'If-None-Match: *'), get_request('/hot/a', 'Range: bytes=0-9'), "HEAD /hot/a HTTP/1.1\r\nHost: localhost\r\n\r\n", get_request('/hot/a', 'If-Match: "x"');
        my @methods = map { /\A(\w+)/ } @targets;
        my $sent    = int time;
        my $result  = $server->exchange(join('', @targets), socket => $kept, count => scalar @targets, methods => \@methods);
        my %right   = map { http_date($_) => 1 } $sent - 1 .. int time;
        for my $n (0 .. $#targets) {
            my $date = ($result->{responses}[$n] || { field => {} })->{field}{date} // 'none';
            $seen{$date} = 1;
            push @wrong, (split /\r\n/, $targets[$n])[0] . ": $date in the second of " . http_date($sent) if !$right{$date};
        }
        sleep 0.005;
    }
    is(join("\n", splice @wrong, 0, 5), '', 'Date is current');
    cmp_ok(scalar keys %seen, '>=', 2, 'the second has changed during the test');

    my %right = map { http_date($_) => $_ } $asked - 1 .. time + 60;
    for my $socket (@waiting) {
        my $result = $server->exchange('', socket => $socket, count => 400);
        push @wrong, @{ $result->{responses} } . ' answers' if @{ $result->{responses} } != 400;
        my $before = 0;
        for my $response (@{ $result->{responses} }) {
            my $date = $right{ $response->{field}{date} // 'none' };
            push @wrong, "$response->{field}{date} after " . http_date($before) if !$date || $date < $before;
            push @wrong, described($response) if described($response) ne 't x 1';
            $before = $date || $before;
        }
    }
    is(join("\n", splice @wrong, 0, 5), '', 'responses that are read seconds later: each Date is well-formed and not before the previous one');
}

# The server was idle while the second changed.
{
    my $kept = $server->connection;
    sleep 1.2;
    my $sent = int time;
    my $date = $server->exchange(get_request('/hot/a'), socket => $kept, count => 1)->{responses}[0]{field}{date};
    is(scalar(grep { $date eq http_date($_) } $sent - 1 .. int time), 1, 'after an idle time Date is current');
}

# A file is replaced while responses with it are queued: each is whole.
{
    my @versions = map { sprintf("%012d\n", $_) x (7, 5000, 10_000)[$_ % 3] } 1 .. 12;
    put_file($root, 'waiting/file.txt', $versions[0]);
    my (@sockets, @wrong, %by_tag);
    for my $n (0 .. $#versions) {
        replace("$root/waiting/file.txt", $versions[$n]);
        my $socket = $server->connection(receive => 2048);
        syswrite $socket, get_request('/waiting/file.txt') x 40;
        sysread $socket, my $first, 1; # the first response is in flight, some others are not made yet
        push @sockets, [$socket, $first, $n + 1];
    }
    unlink "$root/waiting/file.txt";
    for (@sockets) {
        my ($socket, $first, $version) = @$_;
        my $result = $server->begin('', socket => $socket, count => 40);
        $result->{raw} = $first;
        my $deadline = time + Harness::PATIENCE();
        while (!$result->{over} && time < $deadline) {
            Harness::receive($result) if IO::Select->new($socket)->can_read(1);
        }
        Harness::finish($result, '');
        my $before = $version;
        for my $response (@{ $result->{responses} }) {
            next if $response->{status} eq '404';
            my $got = version_of($response->{body}) // 'a mix';
            my $tag = $response->{field}{etag} // 'none';
            push @wrong, "$got after $before" if $got eq 'a mix' || $got < $before;
            push @wrong, "$tag of $got and $by_tag{$tag}" if ($by_tag{$tag} //= $got) ne $got;
            $before = $got;
        }
        push @wrong, @{ $result->{responses} } . ' answers' if @{ $result->{responses} } != 40;
    }
    is(join("\n", splice @wrong, 0, 5), '', 'a file that is replaced while responses are queued: each is whole and one version');
}

ok(eventually(sub { time > $tomorrow + 1 && defined $server->get('/hot/soon.txt')->{field}{'last-modified'} }), 'a file with a time in the future: Last-Modified once that time has passed');

responses_framed();
$server->stop;
done_testing();
