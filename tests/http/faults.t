# Every call can fail: each call that a worker or the master makes fails once, with each error that its man page gives, or
# does less than it was asked for. Each request of a script is then answered rightly, or refused with 500 or 503, or its
# connection is closed; never with a wrong body, never too late; and the next script's requests are all answered rightly.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Errno qw(:POSIX);
use File::Temp qw(tempdir);
use Harness;
use Test::More;
use Time::HiRes qw(time sleep);

bound_seconds(170);

# What a call gives that fails; numbers are of octets, for a call that takes fewer than it was given.
my @worker_faults = (
    [accept4       => qw(ECONNABORTED EINTR EMFILE ENFILE ENOBUFS ENOMEM EPROTO EPERM)],
    [openat2       => qw(EACCES EAGAIN EINTR EIO ELOOP EMFILE ENFILE ENOENT ENOMEM EXDEV)],
    [fstat         => qw(EIO ENOMEM EOVERFLOW)],
    [fstatat       => qw(EACCES EIO ELOOP ENOENT ENOMEM)],
    [pread         => qw(EINTR EIO EISDIR), 0, 1],
    [malloc        => qw(ENOMEM)],
    [realloc       => qw(ENOMEM)],
    [calloc        => qw(ENOMEM)],
    [epoll_ctl     => qw(ENOMEM ENOSPC)],
    [epoll_pwait   => qw(EINTR)],
    [recv          => qw(ECONNRESET EINTR ENOMEM), 1],
    [send          => qw(ECONNRESET EINTR EAGAIN ENOBUFS ENOMEM EPIPE), 1],
    [sendmsg       => qw(ECONNRESET EINTR EAGAIN ENOBUFS ENOMEM EPIPE), 1],
    [sendfile      => qw(EAGAIN EINTR EIO ENOMEM EPIPE ECONNRESET), 0, 1],
    [shutdown      => qw(ENOTCONN)],
    [ioctl         => qw(EINVAL)],
    [close         => qw(EINTR EIO)],
    [writev        => qw(EAGAIN EINTR EIO ENOSPC EPIPE)],
    [poll          => qw(EINTR ENOMEM)],
);

# Where a call's error says something of the file, the answer is that of such a file.
my %also = (openat2 => { map { $_ => [404] } qw(EACCES ELOOP ENOENT EXDEV) });

# tests/http/preload/faults.c: struct control.
use constant CONTROL => 'Z24 l<5';
my ($control_path) = map { put_file($_, 'control', pack CONTROL, '', (0) x 5) } tempdir(CLEANUP => 1);
chmod 0666, $control_path;

sub set_fault {
    my ($function, $countdown, $fault, $in_master) = @_;
    my $error = $fault =~ /^\d+$/ ? 0 : Errno->can($fault)->();
    write_control(pack CONTROL, $function, $countdown, $error, $error ? 0 : $fault, $in_master ? 1 : 0, 0);
    return;
}

sub end_fault {
    my $fired = (unpack CONTROL, slurp($control_path))[5];
    write_control(pack CONTROL, '', (0) x 5);
    return $fired;
}

sub write_control {
    my ($octets) = @_;
    open my $file, '+<:raw', $control_path or die $!;
    syswrite $file, $octets;
    close $file;
    return;
}

# ---- the site ----

my $root  = new_root();
my $small = noise(700, 'small');
my $large = noise(300_000, 'large'); # more than is held in memory
my $guess = "\x89PNG\r\n\x1a\n" . "\0\0\0\rIHDR" . "\0" x 40;
put_file($root, 'small.html', $small);
put_file($root, 'old.txt', 'an old file');
put_file($root, 'large.bin', $large);
put_file($root, 'guess', $guess);
put_file($root, 'dir/index.html', 'index');

# Read anew in each round: what has just changed is not kept.
sub touch_all { utime undef, undef, map { "$root/$_" } qw(small.html large.bin guess dir/index.html); return }

# ---- the script: [name, octets, [expected status, body]...] ----

my $head = "HEAD /small.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
my @script = (
    ['small, a browser\'s fields', get_request('/small.html', 'Accept-Encoding: gzip, br'), [200, $small]],
    ['large',               get_request('/large.bin'), [200, $large]],
    ['a range of large',    get_request('/large.bin', 'Range: bytes=1000-1999'), [206, substr $large, 1000, 1000]],
    ['a directory',         get_request('/dir'), [307, undef]],
    ['a directory\'s file', get_request('/dir/'), [200, 'index']],
    ['not there',           get_request('/none'), [404, undef]],
    ['guessed by libmagic', get_request('/guess'), [200, $guess]],
    ['old',                 get_request('/old.txt'), [200, 'an old file']],
    ['pipelined, closing',  get_request('/small.html') . get_request('/old.txt', 'Connection: close'),
        [200, $small], [200, 'an old file']],
    ['HEAD',                $head, [200, '']],
    ['in two pieces',       get_request('/old.txt'), [200, 'an old file']],
    ['a body',              "GET /old.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde", [200, 'an old file']],
);

# The first response's status, as a redirect may be any of the kind.
sub same_status { my ($got, $expected) = @_; return $expected == 307 ? $got =~ /^30[1278]$/ : $got == $expected }

# What is wrong with the answers to one request, or ''. `refusals` are the statuses that are right besides.
sub fault_of {
    my ($expected, $result, $refusals) = @_;
    my @responses = @{ $result->{responses} };
    return 'no answer and no end in time' if $result->{timeout};
    return 'more answers than requests' if @responses > @$expected;
    for my $n (0 .. $#responses) {
        my ($response, $status, $body) = ($responses[$n], @{ $expected->[$n] });
        next if $refusals && grep { $response->{status} == $_ } @$refusals;
        return "answer $n is $response->{status}" if !same_status($response->{status}, $status);
        return "answer $n has a wrong body" if defined $body && $response->{body} ne $body;
    }
    return '' if @responses == @$expected || ($refusals && $result->{closed});
    return 'the connection is closed';
}

# Most on one connection as long as there is one, so that some requests are a connection's first and others are not.
sub run_script {
    my ($server, $refusals, @steps) = @_;
    my ($socket, @wrong);
    touch_all();
    for my $step (@steps ? @steps : @script) {
        my ($name, $octets, @expected) = @$step;
        $socket = undef if $socket && !$socket->opened;
        my $result = $server->exchange($octets, count => scalar @expected, seconds => 10, lenient => 1,
            methods => [$octets =~ /\AHEAD/ ? 'HEAD' : ('GET') x @expected], ($socket ? (socket => $socket) : ()),
            ($name eq 'in two pieces' ? (split => [20]) : ()));
        my $wrong = fault_of(\@expected, $result, $refusals);
        push @wrong, "$name: $wrong" if $wrong;
        $socket = $result->{socket};
        close $socket if $wrong || $octets =~ /^Connection: close/m && $socket->opened;
    }
    close $socket if $socket && $socket->opened;
    return join '; ', @wrong;
}

# ---- a server whose calls can be made to fail ----

my %environment = (preload('faults'), FAULTS => $control_path);
sub start {
    my (@arguments) = @_;
    return Harness->start(root => $root, args => [@arguments], before => sub { @ENV{ keys %environment } = values %environment });
}

sub descriptors { return scalar map { glob "/proc/$_/fd/*" } @_ }

# Those of connections that are closed take a moment.
sub settled_descriptors {
    my @workers = @_;
    my $last = -1;
    eventually { my $before = $last; $last = descriptors(@workers); $before == $last };
    return $last;
}

# ---- in a worker ----
{
    my $server = start('-j', 1);
    $server->expect_stderr(qr/./) if is_sanitized(); # that malloc may fail is nothing that it takes for granted
    $server->expect_stderr(qr/lines of the access log/);
    is(run_script($server), '', 'the script, without a fault');
    is(run_script($server), '', 'and once more');
    my ($worker)    = $server->workers;
    my $descriptors = settled_descriptors($worker);
    my $memory      = resident_octets($server->pid);

    for my $row (@worker_faults) {
        my ($function, @faults) = @$row;
        my ($cases, @wrong) = (0);
        for my $fault (@faults) {
            for my $n (1 .. 40) {
                set_fault($function, $n, $fault);
                my $with = run_script($server, [500, 503, @{ $also{$function}{$fault} || [] }]);
                my $fired = end_fault();
                # What failed in the script's last call, such as the log's, still has to show.
                my $after = $fired ? run_script($server) : '';
                $cases += $fired;
                push @wrong, "$fault in call $n: $with" if $with;
                push @wrong, "after $fault in call $n: $after" if $after;
                last if !$fired || @wrong;
                # Each call of the first dozen, then one of each few: later ones are of the same kinds.
            }
        }
        is(join(', ', @wrong), '', "$function: $cases calls failed with @faults, and all goes on");
        cmp_ok($cases, '>', 0, "$function: some calls failed") if !is_sanitized() && $function !~ /^(?:calloc|realloc)$/;
    }
    is(join(' ', $server->workers), $worker, 'one and the same worker has lived through all of it');
    is(settled_descriptors($worker), $descriptors, 'no descriptor was lost');
    cmp_ok(resident_octets($server->pid) - $memory, '<', 4_000_000, 'and no memory') if !is_sanitized();
    $server->stop;
}
responses_framed();
done_testing();
