# The HTTP clients of languages. Each program in programs/ loads, with a URL and a folder: the large file; 1000 bytes
# of it (Range); once more with its ETag; a name that does not exist; 30 small files, on kept connections if the client
# keeps them; a name with escapes; a folder, whose redirect it follows. It prints the first four statuses.
use strict;
use warnings;

use Client;

sub language {
    my ($name, $needs, @command) = @_;
    client $name => $needs, sub {
        %ENV = (%ENV, GOPATH => "$ENV{HOME}/go", GOTOOLCHAIN => 'local', GOFLAGS => '-mod=mod', GOPROXY => 'off');
        write_file('got/.keep', '');
        equal(run(@command, url('/files'), 'got'), "200 206 304 404\n", 'statuses');
        same('got/whole', 'files/large.bin');
        equal(bytes_of('got/part'), substr(bytes_of('got/whole'), 1000, 1000), 'the part');
        equal(bytes_of('got/small'), join('', map { Harness::slurp_raw(served("files/small/$_.txt")) } 10 .. 39),
            'the small files');
        same('got/named', "files/na me \xc3\xa9 50%.txt");
        same('got/redirected', 'files/folder/index.html');
    };
    return;
}

my @python = ('/usr/bin/python3');
language("python-$_", [['python3', @python]], @python, program_file('get.py'), $_) for qw(http.client urllib);
language("python-$_", [["python3-$_", @python, '-c', "'import $_'"]], @python, program_file('get.py'), $_)
    for qw(requests httpx aiohttp);
language("node-$_", [['nodejs', 'node', '-e', "'fetch'"]], 'node', program_file('get.mjs'), $_) for qw(fetch http);
language('go-net-http', [['golang-go', 'go']], 'go', 'run', program_file('get.go'));
language("java-$_", [['default-jdk-headless', 'javac']], 'java', program_file('Get.java'), $_)
    for qw(HttpClient HttpURLConnection);
language('ruby-net-http', [['ruby', 'ruby']], 'ruby', program_file('get.rb'));
language('perl-LWP', [['libwww-perl', 'perl', '-MLWP::UserAgent', '-e', '1']], 'perl', program_file('get.perl'), 'LWP');
language('perl-HTTP::Tiny', [['perl', 'perl', '-MHTTP::Tiny', '-e', '1']], 'perl', program_file('get.perl'),
    'HTTP::Tiny');
language('php-streams', [['php-cli', 'php']], 'php', program_file('get.php'), 'streams');
language('php-curl', [['php-curl', 'php', '-r', q('exit(extension_loaded("curl") ? 0 : 1);')]], 'php',
    program_file('get.php'), 'curl');

1;
