# Package managers and repositories: apt, git, ostree, pip, npm, Go's and Ruby's.
use strict;
use warnings;

use Client;
use Digest::SHA qw(sha256_hex);

# ---- apt ----

# Makes the package NAME with a file of these bytes.
sub make_deb {
    my ($name, $bytes) = @_;
    write_file("build/$name/DEBIAN/control",
        "Package: $name\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a\@example.org>\nDescription: a\n");
    write_file("build/$name/usr/share/$name/data", $bytes);
    run('dpkg-deb', '-Znone', '--root-owner-group', '-b', "build/$name", served("apt/pool/${name}_1.0_all.deb"));
    return;
}

# Writes the indices anew, with by-hash. Returns the address of the compressed one.
sub make_index {
    my ($architecture) = @_;
    my $folder = "apt/dists/stable/main/binary-$architecture";
    my $packages = run({ in => served('apt') }, 'apt-ftparchive', 'packages', 'pool');
    serve("$folder/Packages", $packages);
    run('gzip', '-9nkf', served("$folder/Packages"));
    my @files = map { [$_, Harness::slurp_raw(served("$folder/$_"))] } 'Packages', 'Packages.gz';
    serve("$folder/by-hash/SHA256/" . sha256_hex($_->[1]), $_->[1]) for @files;
    serve('apt/dists/stable/Release', join "\n", 'Origin: A', 'Suite: stable', 'Codename: stable', 'Components: main',
        "Architectures: $architecture",
        'Acquire-By-Hash: yes', 'Date: ' . http_date(time) =~ s/GMT/UTC/r, 'SHA256:',
        map { ' ' . sha256_hex($_->[1]) . ' ' . length($_->[1]) . " main/binary-$architecture/$_->[0]" } @files);
    settle('/apt/dists/stable/Release');
    return "by-hash/SHA256/" . sha256_hex($files[1][1]);
}

# Nothing of the system's own apt is read or changed.
sub configure_apt {
    my ($architecture) = @_;
    write_file('apt/sources', "deb [trusted=yes] ${\url('/apt')} stable main\n");
    write_file("apt/$_", '') for 'status', 'state/lists/partial/.keep', 'cache/archives/partial/.keep';
    my $here = $ENV{HOME} =~ s{/home\z}{/apt}r;
    write_file('apt/conf', <<"END");
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::Etc "$here/etc";
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::SourceList "$here/sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$here/state";
Dir::State::status "$here/status";
Dir::Cache "$here/cache";
Dir::Log "$here";
Debug::NoLocking "true";
END
    $ENV{APT_CONFIG} = "$here/conf";
    return;
}

client apt => [['apt', 'apt-get'], ['apt-utils', 'apt-ftparchive'], ['dpkg', 'dpkg-deb']], sub {
    my $architecture = run('dpkg', '--print-architecture') =~ s/\n//r;
    my @names = map { "small-$_" } 1 .. 20;
    make_deb($_, "$_\n" x 99) for @names;
    make_deb('large', noise(2 << 20, 'deb'));
    my $index = make_index($architecture);
    configure_apt($architecture);
    run('apt-get', 'update');
    requests(qr{/\Q$index\E HTTP/1.1" 200 }, 1);
    run('apt-get', 'update');
    requests(qr{stable/Release HTTP/1.1" 304 }, 1);

    settle('/apt/pool/large_1.0_all.deb');
    my $large = 'apt/pool/large_1.0_all.deb';
    write_file('apt/cache/archives/partial/large_1.0_all.deb', substr Harness::slurp_raw(served($large)), 0, 999_999);
    utime((stat served($large))[9, 9], 'apt/cache/archives/partial/large_1.0_all.deb');
    run('apt-get', 'install', '-y', '--download-only', '-o', 'Debug::Acquire::http=true', 'large', @names);
    my @sent = map { scalar(() = /^GET /mg) } split /^Answer for/m, bytes_of('stderr');
    true((grep { $_ > 1 } @sent), 'apt sends no request before it has the response to the one before');
    same("apt/cache/archives/${_}_1.0_all.deb", "apt/pool/${_}_1.0_all.deb") for 'large', @names;
    requests(qr{/large_1\.0_all\.deb HTTP/1.1" 206 }, 1);

    make_deb('later', 'x' x 999);
    $index = make_index($architecture);
    run('apt-get', 'update');
    requests(qr{/\Q$index\E HTTP/1.1" 200 }, 1);
    run('apt-get', 'install', '-y', '--download-only', 'later');
    same('apt/cache/archives/later_1.0_all.deb', 'apt/pool/later_1.0_all.deb');
};

# ---- git ----

client git => [['git', 'git']], sub {
    my %person = map { ("GIT_${_}_NAME" => 'A', "GIT_${_}_EMAIL" => 'a@example.org') } qw(AUTHOR COMMITTER);
    %ENV = (%ENV, %person, GIT_CONFIG_NOSYSTEM => 1, GIT_TERMINAL_PROMPT => 0);
    my $bare = served('git/project.git');
    my $commit = sub {
        my ($name, $bytes) = @_;
        write_file("source/$name", $bytes);
        run({ in => 'source' }, 'git', @$_)
            for ['add', '.'], ['commit', '-q', '-m', $name], ['push', '-q', $bare, 'HEAD:main'];
        run({ in => $bare }, 'git', 'update-server-info');
        run('chmod', '-R', 'a+rX', $bare);
        return;
    };
    my $compare = sub {
        run({ in => 'clone' }, 'git', 'fsck', '--strict');
        equal(run({ in => 'clone' }, 'git', 'rev-parse', 'HEAD'), run({ in => $bare }, 'git', 'rev-parse', 'main'),
            'the commit');
        equal(bytes_of("clone/$_"), bytes_of("source/$_"), $_) for @_;
        return;
    };
    run('git', 'init', '-q', '-b', 'main', 'source');
    run('git', 'init', '-q', '--bare', '-b', 'main', $bare);
    $commit->('a/large.bin', noise(1 << 20, 'git'));
    $commit->("text $_", "line $_\n" x 999) for 1 .. 5;
    run({ in => $bare }, 'git', 'gc', '-q');
    run({ in => $bare }, 'git', 'update-server-info');
    $commit->('loose', noise(99_999, 'loose'));
    run('git', 'clone', '-q', url('/git/project.git'), 'clone');
    $compare->('a/large.bin', 'text 3', 'loose');
    $commit->('later', noise(9_999, 'later'));
    run({ in => 'clone' }, 'git', 'pull', '-q', '--ff-only');
    $compare->('later');
};

# ---- ostree ----

client ostree => [['ostree', 'ostree']], sub {
    my @served = ('ostree', '--repo=' . served('ostree'));
    my $commit = sub {
        run(@served, 'commit', '-b', 'main', '--no-xattrs', '--owner-uid=0', '--owner-gid=0', '--tree=dir=tree');
        run(@served, @_) if @_;
        run(@served, 'summary', '-u');
        run('chmod', '-R', 'a+rX', served('ostree'));
    };
    my $pull = sub {
        run('ostree', '--repo=clone', 'pull', 'origin', 'main');
        run('ostree', '--repo=clone', 'checkout', '-U', 'origin:main', "got-$_[0]");
        equal(bytes_of("got-$_[0]/$_"), bytes_of("tree/$_"), $_) for 'a.bin', 'b/c.txt', "b/\xc3\xa9 d";
    };
    write_file('tree/a.bin', my $bytes = noise(2 << 20, 'ostree'));
    write_file("tree/b/$_", "text\n" x 99) for 'c.txt', "\xc3\xa9 d";
    run(@served, 'init', '--mode=archive');
    $commit->();
    run('ostree', '--repo=clone', 'init', '--mode=bare-user-only');
    run('ostree', '--repo=clone', 'remote', 'add', '--no-gpg-verify', 'origin', url('/ostree'));
    $pull->('first');
    write_file('tree/a.bin', $bytes . 'more');
    $commit->('static-delta', 'generate', '--max-bsdiff-size=0', 'main');
    $pull->('second');
    requests(qr{/ostree/deltas/\S+ HTTP/\S+" 200 }, 1);
};

# ---- language package managers ----

my @python = ('/usr/bin/python3');

client pip => [['python3-pip', @python, '-m', 'pip', '--version']], sub {
    my %file = ('hello/__init__.py' => "print('hello')\n", 'hello/data.bin' => noise(300_000, 'pip'),
        'hello-1.0.dist-info/METADATA' => "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
        'hello-1.0.dist-info/WHEEL' => "Wheel-Version: 1.0\nGenerator: a\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
    $file{'hello-1.0.dist-info/RECORD'} = join '', map { "$_,,\n" } sort(keys %file), 'hello-1.0.dist-info/RECORD';
    write_file("wheel/$_", $file{$_}) for sort keys %file;
    my $wheel = 'hello-1.0-py3-none-any.whl';
    run({ in => 'wheel' }, @python, '-m', 'zipfile', '-c', served("pip/files/$wheel"), 'hello', 'hello-1.0.dist-info');
    my $digest = sha256_hex(Harness::slurp_raw(served("pip/files/$wheel")));
    serve('pip/simple/hello/index.html',
        "<!doctype html><title>hello</title><a href='../../files/$wheel#sha256=$digest'>$wheel</a>\n");
    my @pip = (@python, '-m', 'pip', '--isolated', '--disable-pip-version-check', '--no-cache-dir');
    run(@pip, 'download', '-q', '--no-deps', '--index-url', url('/pip/simple/'), 'hello');
    same($wheel, "pip/files/$wheel");
    run(@pip, 'install', '-q', '--no-deps', '--target', 'got', '--index-url', url('/pip/simple/'), 'hello==1.0');
    equal(bytes_of("got/$_"), $file{$_}, $_) for 'hello/__init__.py', 'hello/data.bin';
};

client npm => [['npm', 'npm']], sub {
    my %file = ('package.json' => '{"name":"hello","version":"1.0.0","main":"index.js"}',
        'index.js' => "console.log('hello')\n", 'data.bin' => noise(300_000, 'npm'));
    write_file("package/$_", $file{$_}) for sort keys %file;
    run('tar', '-czf', served('npm/files/hello-1.0.0.tgz'), 'package');
    my $digest = Digest::SHA->new(512)->addfile(served('npm/files/hello-1.0.0.tgz'))->b64digest;
    $digest .= '=' while length($digest) % 4;
    serve('npm/hello', qq({"name":"hello","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"hello",)
        . qq("version":"1.0.0","dist":{"tarball":"${\url('/npm/files/hello-1.0.0.tgz')}",)
        . qq("integrity":"sha512-$digest"}}}}));
    write_file('project/package.json', '{"name":"project","version":"1.0.0","private":true}');
    my @npm = ('npm', '--registry', url('/npm/'), '--no-audit', '--no-fund', '--no-update-notifier');
    for my $round (1 .. 2) {
        run({ in => 'project' }, @npm, $round == 1 ? ('install', 'hello') : 'ci');
        equal(bytes_of("project/node_modules/hello/$_"), $file{$_}, $_) for 'index.js', 'data.bin';
    }
};

client 'go-modules' => [['golang-go', 'go'], ['python3', @python]], sub {
    %ENV = (%ENV, GOPATH => "$ENV{HOME}/go", GOFLAGS => '-mod=mod', GOPROXY => url('/go'), GONOSUMDB => '*',
        GONOSUMCHECK => 1, GOSUMDB => 'off', GOTOOLCHAIN => 'local');
    my %file = ('go.mod' => "module example.org/hello\n\ngo 1.16\n",
        'hello.go' => "package hello\n\nconst Word = \"hello\"\n", 'data.bin' => noise(300_000, 'go'));
    write_file("example.org/hello\@v1.0.0/$_", $file{$_}) for sort keys %file;
    my $served = 'go/example.org/hello/@v';
    serve("$served/list", "v1.0.0\n");
    serve("$served/v1.0.0.info", '{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}');
    serve("$served/v1.0.0.mod", $file{'go.mod'});
    run(@python, '-c', <<'END', served("$served/v1.0.0.zip"), map { "example.org/hello\@v1.0.0/$_" } sort keys %file);
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as zip:
    for name in sys.argv[2:]:
        zip.write(name)
END
    write_file('project/go.mod', "module example.org/project\n\ngo 1.16\n");
    write_file('project/main.go',
        "package main\n\nimport \"example.org/hello\"\n\nfunc main() { print(hello.Word) }\n");
    run({ in => 'project' }, 'go', 'get', 'example.org/hello@latest');
    equal(bytes_of("home/go/pkg/mod/example.org/hello\@v1.0.0/$_"), $file{$_}, $_) for 'hello.go', 'data.bin';
    run('chmod', '-R', 'u+w', $ENV{GOPATH});
};

client gem => [['ruby', 'gem']], sub {
    write_file('gem/hello.gemspec',
        "Gem::Specification.new { |s| s.name = 'hello'; s.version = '1.0'; s.summary = s.author = 'a'; "
        . "s.files = ['lib/hello.rb', 'lib/data.bin'] }\n");
    my %file = ('lib/hello.rb' => "puts 'hello'\n", 'lib/data.bin' => noise(300_000, 'gem'));
    write_file("gem/$_", $file{$_}) for sort keys %file;
    serve('gem/gems/.keep', '');
    run({ in => 'gem' }, 'gem', 'build', '--silent', '-o', served('gem/gems/hello-1.0.gem'), 'hello.gemspec');
    run('gem', 'generate_index', '--silent', '-d', served('gem'));
    run('chmod', '-R', 'a+rX', served('gem'));
    run('gem', 'install', '--norc', '--no-document', '--clear-sources', '-s', url('/gem/'), '-i', 'got', 'hello');
    equal(bytes_of("got/gems/hello-1.0/$_"), $file{$_}, $_) for sort keys %file;
};

1;
