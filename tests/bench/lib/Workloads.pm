# The workloads: requests, numbers of connections, and the files and scripts that they need.
package Workloads;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(sleep);

use Machine;

our @EXPORT = qw(@workloads %size SLOW_READERS IDLE_CONNECTIONS TRICKLING_CONNECTIONS SITE_FILES
    write_files write_numbered script_for size_of_site_file site_file);

use constant {
    MANY                  => 10_000,
    AGE                   => 3,    # seconds: a server may not cache a new file
    SLOW_READERS          => 16,
    IDLE_CONNECTIONS      => 8000, # kept open after one response ...
    TRICKLING_CONNECTIONS => 100,  # ... and these send their request byte by byte
    PIPELINE              => 8,
    SITE_FILES            => 300,
    NUMBERED_SIZE         => 1024,
};

# A browser's own, about 600 bytes.
my @browser_fields = (
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-GB,en;q=0.9,fr;q=0.8',
    'Cache-Control: max-age=0',
    'Sec-CH-UA: "Chromium";v="126", "Not/A)Brand";v="8"',
    'Sec-CH-UA-Mobile: ?0',
    'Sec-CH-UA-Platform: "Linux"',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Site: same-origin',
    'Upgrade-Insecure-Requests: 1',
);

our %size = ('1k.txt' => 1 << 10, '10k.txt' => 10 << 10, '100k.txt' => 100 << 10, '1m.txt' => 1 << 20,
    '1g.txt' => 1 << 30, 'many/0.txt' => 4 << 10);

# The sizes of the 217 files of npm's tinymce 6.8.3 (JavaScript and CSS): [part of the files, bytes].
my @site_sizes = ([0, 189], [0.1, 211], [0.2, 608], [0.3, 1592], [0.4, 3938], [0.5, 4931], [0.6, 7162], [0.7, 19_747],
    [0.8, 26_031], [0.9, 78_029], [0.95, 119_706], [0.97, 263_268], [0.99, 416_095], [1, 1_190_948]);

# file and fields are the request; goal is the ratio to reach, or the server to be ahead of.
#   by_bytes      count long responses by their bytes, as many are cut off at the end
#   ceilings      [name, way, options]; without these, both ways from ceiling_file or file. None: [], with a base
#   base          the server whose figures the ratios are of, where there is no ceiling
#   alone         start each server for its own measurement only: the others do not stay
#   long          a factor for the duration
#   warm_up       seconds
#   expect        the status
#   no_latency    wrk's percentiles are wrong: it takes pipelined requests for as many round trips
our @workloads = (
    {name => '1k', file => '1k.txt', goal => '1.06', title => '1 KiB'},
    {name => '10k', file => '10k.txt', goal => '1.06', title => '10 KiB'},
    {name => '100k', file => '100k.txt', goal => '1.03', title => '100 KiB'},
    {name => '1m', file => '1m.txt', goal => '1.05', by_bytes => 1, title => '1 MiB'},
    {name => 'browser', file => '1k.txt', goal => '1.15', fields => \@browser_fields,
        title => "1 KiB, a browser's fields"},
    {name => 'close', file => '1k.txt', goal => '0.90', fields => ['Connection: close'], options => ['-c'],
        title => '1 KiB, a new connection each request'},
    # A 304 is compared with the response that it saves; the ceiling of its own head is listed as well.
    {name => '304', file => '1k.txt', goal => '1.06', unmodified => 1, title => '304, beside the 1 KiB ceiling',
        ceilings => [['ceiling 1 KiB', 'send'], ['(304, head only)', 'send', '-n']]},
    {name => 'range', file => '1m.txt', ceiling_file => '10k.txt', fields => ['Range: bytes=65536-75775'],
        expect => 206, title => '10 KiB of 1 MiB, by Range'},
    {name => 'pipeline', file => '1k.txt', script => 'pipeline', no_latency => 1,
        ceilings => [['ceiling send', 'send', '-p', PIPELINE]],
        title => '1 KiB, ' . PIPELINE . ' requests pipelined'},
    {name => 'many', file => 'many/0.txt', goal => '1.20', script => 'many', warm_up => 1.5,
        title => grouped(MANY) . ' files of 4 KiB in random order'},
    {name => '1g', file => '1g.txt', goal => '1.10', by_bytes => 1, connections => 4, title => '1 GiB, 4 connections',
        ceilings => [['ceiling sendfile', 'sendfile']]},
    {name => '256', file => '1k.txt', connections => 256, title => '1 KiB, 256 active connections'},
    # All connections are opened during the measurement, so it is longer.
    {name => '4000', file => '1k.txt', connections => 4000, long => 2,
        title => '1 KiB, 4,000 active connections'},
    {name => 'workers', file => '1k.txt', workers => 2, both_cpus => 1,
        title => '1 KiB, two workers and wrk share two CPUs'},
    {name => 'slow', file => '1k.txt', connections => 16, slow => 1, alone => 1,
        title => '1 KiB while ' . SLOW_READERS . ' slow readers pull 1 GiB'},
    {name => 'idle', file => '1k.txt', idle => 1, alone => 1, goal => '1.06',
        title => '1 KiB while ' . grouped(IDLE_CONNECTIONS) . ' connections are idle and '
            . TRICKLING_CONNECTIONS . ' trickle'},
    # The ceiling knows one response, so the figures are compared with nginx's.
    {name => 'site', file => '1k.txt', script => 'site', fields => \@browser_fields, base => 'nginx', ceilings => [],
        title => SITE_FILES . " files of a site, a browser's fields, a third conditional"},
    # Each server with and without a log: the cost of a log that a process reads.
    {name => 'log', file => '1k.txt', goal => '1.10', logged => ['--log', 'combined'],
        title => '1 KiB, access log to a pipe'},
    {name => 'metrics', file => '1k.txt', goal => '1.08', logged => ['--log', 'json', '--metrics', '/metrics'],
        title => '1 KiB, JSON log to a pipe and metrics (the others: the access log)'},
);

# ---- Files ----

# Writes the files of some workloads. 1g.txt is sparse.
sub write_files {
    my @chosen = @_;
    mkdir "$bench{folder}/$_" or fail("$bench{folder}/$_: $!") for qw(www www/many www/site nginx);
    my %wanted = map { $_ => 1 } '1k.txt', map { ($_->{file}, $_->{ceiling_file} // ()) } @chosen;
    $wanted{'1g.txt'} = 1 if grep { $_->{slow} } @chosen;
    put("www/$_", content($_, $size{$_})) for grep { !m{^(?:many/|1g)} } keys %wanted;
    if ($wanted{'many/0.txt'}) {
        put("www/many/$_.txt", content($_, $size{'many/0.txt'})) for 0 .. MANY - 1;
    }
    if (grep { ($_->{script} // '') eq 'site' } @chosen) {
        put('www/' . site_file($_), content($_, size_of_site_file($_))) for 0 .. SITE_FILES - 1;
    }
    if ($wanted{'1g.txt'}) {
        put('www/1g.txt', '');
        truncate "$bench{folder}/www/1g.txt", $size{'1g.txt'} or fail("truncate: $!");
        read_through("$bench{folder}/www/1g.txt"); # so that the first server does not pay for the page cache
    }
    sleep AGE;
    return;
}

# Writes files for the workloads of Scale, a thousand in each folder. Those of a smaller count are the first of them.
sub write_numbered {
    my $count = shift;
    mkdir "$bench{folder}/www/n";
    for my $i (0 .. $count - 1) {
        mkdir "$bench{folder}/www/n/" . int($i / 1000) if $i % 1000 == 0;
        put('www/n/' . int($i / 1000) . "/$i.txt", content($i, NUMBERED_SIZE));
    }
    system 'sync', '-f', $bench{folder}; # or the servers wait for the disk as well
    sleep AGE;
    return;
}

sub content {
    my ($name, $size) = @_;
    return substr "$name\n" . "0123456789abcde\n" x ($size / 16 + 1), 0, $size;
}

sub read_through {
    open my $file, '<:raw', shift or return;
    1 while sysread $file, my $bytes, 1 << 20;
    return;
}

sub site_file { my $i = shift; return "site/$i." . ($i % 4 == 0 ? 'css' : 'js') }

# Between two known points of the distribution, the logarithm of the size grows evenly.
sub size_of_site_file {
    my $i     = shift;
    my $part  = $i / (SITE_FILES - 1);
    my $upper = 1;
    $upper++ while $upper < $#site_sizes && $site_sizes[$upper][0] < $part;
    my ($from, $to) = @site_sizes[$upper - 1, $upper];
    return int($from->[1] * ($to->[1] / $from->[1])**(($part - $from->[0]) / ($to->[0] - $from->[0])));
}

# ---- wrk's scripts ----

# Writes the script of a workload for one server, and returns its name. $validators has those of each file of the site.
sub script_for {
    my ($workload, $name, $validators) = @_;
    my $kind = $workload->{script} // 'once';
    my $text = lua_report();
    $text .= lua_many() if $kind eq 'many';
    $text .= lua_pipeline() if $kind eq 'pipeline';
    $text .= lua_numbered($workload->{files}) if $kind eq 'numbered';
    $text .= lua_site($validators) if $kind eq 'site';
    my $file = $name =~ s/\W+/-/gr . "-$workload->{name}.lua";
    put($file, $text);
    return $file;
}

# A script without request() costs wrk no time for each request.
sub lua_report {
    return <<'LUA';
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.bytes, summary.duration,
        latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
LUA
}

# The seed is how often wrk has been run for this server: all get the same order, and a new one each time.
sub lua_many {
    return sprintf <<'LUA', MANY, MANY;
local asked = {}
function init(arguments)
    math.randomseed(tonumber(arguments[1]))
    for i = 1, %d do asked[i] = wrk.format("GET", "/many/" .. (i - 1) .. ".txt") end
end
function request() return asked[math.random(%d)] end
LUA
}

# Builds each request, as a million prepared ones would need too much memory.
sub lua_numbered {
    return sprintf <<'LUA', shift;
local tail
function init(arguments)
    math.randomseed(tonumber(arguments[1]))
    tail = ".txt HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
end
function request()
    local i = math.random(%d) - 1
    return "GET /n/" .. math.floor(i / 1000) .. "/" .. i .. tail
end
LUA
}

sub lua_pipeline {
    return sprintf <<'LUA', PIPELINE;
local asked
function init(arguments) asked = string.rep(wrk.format(), %d) end
function request() return asked end
LUA
}

# Each file is asked for three times: twice in full, once with its validators, as a browser does that has it.
sub lua_site {
    my @validators = @{shift()};
    my $files = '';
    for my $i (0 .. $#validators) {
        my $fields = '';
        for my $field (@{$validators[$i]}) {
            my ($name, $value) = $field =~ /^(\S+): (.*)$/;
            $fields .= sprintf '["%s"] = "%s", ', $name, $value =~ s/(["\\])/\\$1/gr;
        }
        $files .= sprintf qq{    {"/%s", {%s}},\n}, site_file($i), $fields;
    }
    return "local files = {\n$files}\n" . <<'LUA';
local asked = {}
function init(arguments)
    math.randomseed(tonumber(arguments[1]))
    for _, file in ipairs(files) do
        local plain = wrk.format("GET", file[1])
        local fields = {}
        for name, value in pairs(wrk.headers) do fields[name] = value end
        for name, value in pairs(file[2]) do fields[name] = value end
        asked[#asked + 1] = plain
        asked[#asked + 1] = plain
        asked[#asked + 1] = wrk.format("GET", file[1], fields)
    end
end
function request() return asked[math.random(#asked)] end
LUA
}

1;
