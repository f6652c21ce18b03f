# Programs that load files and trees: curl, wget and their like, and those that load parts of a file.
use strict;
use warnings;

use Client;

my @small = map { "small/$_.txt" } 10 .. 39;

client curl => [['curl', 'curl']], sub {
    run('curl', '-sSf', '--parallel', '--create-dirs', map { ('-o', "got/$_", url("/files/$_")) } @small, 'large.bin');
    same("got/$_", "files/$_") for @small, 'large.bin';
    write_file('part', substr bytes_of('got/large.bin'), 0, 1_234_567);
    run('curl', '-sSf', '-C', '-', '-o', 'part', url('/files/large.bin'));
    same('part', 'files/large.bin');
    requests(qr{large\.bin HTTP/1.1" 206 ${\((3 << 20) - 1_234_567)} }, 1);
    run('curl', '-sSf', '-o', 'named', url('/files/na%20me%20%C3%A9%2050%25.txt'));
    same('named', "files/na me \xc3\xa9 50%.txt");
    run('curl', '-sSf', '--etag-save', 'etag', '-o', 'text', url('/files/text.txt'));
    equal(run('curl', '-sSf', '--etag-compare', 'etag', '-o', 'none', '-w', '%{http_code}', url('/files/text.txt')),
        '304', 'with the ETag');
    equal(run('curl', '-sSf', '-z', 'text', '-R', '-o', 'none', '-w', '%{http_code}', url('/files/text.txt')), '304',
        'with the date');
    same('text', 'files/text.txt');
};

client wget => [['wget', 'wget']], sub {
    run('wget', '-q', '-N', url('/files/text.txt')) for 1 .. 2;
    same('text.txt', 'files/text.txt');
    requests(qr{text\.txt HTTP/1.1" 304 }, 1);
    write_file('large.bin', substr Harness::slurp_raw(served('files/large.bin')), 0, 777_777);
    run('wget', '-q', '-c', url('/files/large.bin'));
    same('large.bin', 'files/large.bin');
    requests(qr{large\.bin HTTP/1.1" 206 ${\((3 << 20) - 777_777)} }, 1);
    run('wget', '-q', '-r', '-np', '-nH', '--restrict-file-names=nocontrol', url('/tree/'));
    same_tree('tree', 'tree', qr{(?:\A|/)index\.html\z});
};

client wget2 => [['wget2', 'wget2']], sub {
    run('wget2', '-q', '-N', url('/files/text.txt')) for 1 .. 2;
    same('text.txt', 'files/text.txt');
    requests(qr{text\.txt HTTP/1.1" 304 }, 1);
    run('wget2', '-q', '--chunk-size=500K', '--max-threads=4', url('/files/large.bin'));
    same('large.bin', 'files/large.bin');
    requests(qr{large\.bin HTTP/1.1" 206 }, 2);
};

client 'busybox-wget' => [['busybox', 'busybox', 'wget', '--help']], sub {
    run('busybox', 'wget', '-q', '-O', 'named', url("/files/na%20me%20\xc3\xa9%2050%25.txt"));
    same('named', "files/na me \xc3\xa9 50%.txt");
    write_file('large.bin', substr Harness::slurp_raw(served('files/large.bin')), 0, 555_555);
    run('busybox', 'wget', '-q', '-c', url('/files/large.bin'));
    same('large.bin', 'files/large.bin');
};

client aria2 => [['aria2', 'aria2c']], sub {
    run('aria2c', '-q', '--no-conf', '-x8', '-s8', '-k1M', '--file-allocation=none', url('/files/large.bin'));
    same('large.bin', 'files/large.bin');
    requests(qr{large\.bin HTTP/1.1" 206 }, 2);
    write_file('again/large.bin', substr bytes_of('large.bin'), 0, 1 << 20);
    run('aria2c', '-q', '--no-conf', '-c', '-d', 'again', '--file-allocation=none', url('/files/large.bin'));
    same('again/large.bin', 'files/large.bin');
};

client axel => [['axel', 'axel']], sub {
    run('axel', '-q', '-n', '4', '-o', 'large.bin', url('/files/large.bin'));
    same('large.bin', 'files/large.bin');
    requests(qr{large\.bin HTTP/1\.." 206 }, 4);
};

client lftp => [['lftp', 'lftp']], sub {
    run('lftp', '-c', 'set cmd:fail-exit true; mirror ' . url('/tree/') . ' got; pget -n 4 ' . url('/files/large.bin')
        . ' -o large.bin');
    same_tree('got', 'tree');
    same('large.bin', 'files/large.bin');
    requests(qr{large\.bin HTTP/1.1" 206 }, 2);
};

client rclone => [['rclone', 'rclone']], sub {
    my @rclone = ('rclone', '--config', '/dev/null', '--http-url', url('/'));
    run(@rclone, 'copy', ':http:tree', 'got');
    same_tree('got', 'tree');
    run(@rclone, 'check', '--download', ':http:tree', 'got');
    run(@rclone, 'copy', '--multi-thread-streams', '4', '--multi-thread-cutoff', '1M', ':http:files/large.bin', '.');
    same('large.bin', 'files/large.bin');
    equal(run(@rclone, 'cat', '--offset', '1000', '--count', '99', ':http:files/large.bin'),
        substr(bytes_of('large.bin'), 1000, 99), 'a part');
};

client httrack => [['httrack', 'httrack']], sub {
    serve('mirror/index.html',
        '<!doctype html><title>A</title><link rel="stylesheet" href="a.css"><a href="b/">b</a><img src="a%20b.png">');
    serve('mirror/a.css', 'body { background: url(c.png) }');
    serve('mirror/b/index.html',
        '<!doctype html><title>B</title><a href="../index.html">a</a><a href="../d.bin">d</a>');
    serve("mirror/$_", noise(70_000, $_)) for 'a b.png', 'c.png', 'd.bin';
    run('httrack', '-q', '-s0', '-O', 'got', url('/mirror/'));
    my ($host) = url('/') =~ m{//(.*)/} or die;
    $host =~ tr/:/_/;
    same("got/$host/mirror/$_", "mirror/$_") for 'a b.png', 'c.png', 'd.bin';
};

client lynx => [['lynx', 'lynx']], sub {
    write_file('got', run('lynx', '-cfg=/dev/null', '-source', url('/files/text.txt')));
    same('got', 'files/text.txt');
};

client w3m => [['w3m', 'w3m']], sub {
    write_file('got', run('w3m', '-dump_source', url('/files/folder')));
    same('got', 'files/folder/index.html');
};

# ---- parts of a file ----

# Changes a block of 2 KiB in each 16 KiB, `count` of them: zsync asks for 20 ranges in a request.
sub changed {
    my ($bytes, $count) = @_;
    substr $bytes, 16_384 * $_ + 5000, 2000, '.' x 2000 for 0 .. $count - 1;
    return $bytes;
}

# Whether the blocks differ, are those of a compressed file (Z-URL), or there is nothing to begin with.
client zsync => [['zsync', 'zsync'], ['zsync', 'zsyncmake']], sub {
    my $image = serve('zsync/image.bin', my $bytes = noise(3 << 20, 'zsync'));
    my $text = serve('zsync/text', my $lines = join '', map { "line $_ " . $_ * 7919 % 104_729 . "\n" } 1 .. 150_000);
    run({ in => served('zsync') }, 'zsyncmake', '-u', 'image.bin', '-o', 'image.zsync', $image);
    run({ in => served('zsync') }, 'zsyncmake', '-z', '-u', 'text.gz', '-o', 'text.zsync', $text);
    for my $count (0, 10, 120) {
        write_file("old-$count", changed($bytes, $count));
        run('zsync', '-q', '-i', "old-$count", '-o', "image-$count", url('/zsync/image.zsync'));
        same("image-$count", 'zsync/image.bin');
        write_file("lines-$count", changed($lines, $count));
        run('zsync', '-q', '-i', "lines-$count", '-o', "text-$count", url('/zsync/text.zsync'));
        same("text-$count", 'zsync/text');
    }
    run('zsync', '-q', '-o', 'all', url('/zsync/image.zsync'));
    same('all', 'zsync/image.bin');
    my @parts = requests(qr{image\.bin HTTP/1.1" 206 }, 7);
    true((grep { $_->{bytes} < 100_000 } @parts) >= 7, 'updates that load the whole file');
};

client zchunk => [['zchunk', 'zck'], ['zchunk', 'zckdl']], sub {
    my @lines = map { unpack('H*', noise(3000, "chunk $_")) . "\n" } 1 .. 200;
    write_file('old', join '', @lines);
    write_file('new', join '', map { $_ % 2 ? $lines[$_] : unpack('H*', noise(3000, "other $_")) . "\n" } 0 .. $#lines);
    run('zck', '-s', "\n", $_) for 'old', 'new';
    serve('zchunk/index.zck', bytes_of('new.zck'));
    run('zckdl', '-s', 'old.zck', url('/zchunk/index.zck'));
    same('index.zck', 'zchunk/index.zck');
    my $loaded = 0;
    $loaded += $_->{bytes} for requests(qr{index\.zck HTTP/1.1" 20[06] }, 2);
    true($loaded < 0.7 * -s 'index.zck', "zckdl loads $loaded bytes of a file of which half differs");
    run('unzck', 'index.zck');
    equal(bytes_of('index'), bytes_of('new'), 'unpacked');
};

client casync => [['casync', 'casync']], sub {
    write_file('image', noise(3 << 20, 'casync'));
    write_file('old', changed(bytes_of('image'), 60));
    run('casync', 'make', '--store=' . served('casync/store.castr'), served('casync/image.caibx'), 'image');
    run('chmod', '-R', 'a+rX', served('casync'));
    run('casync', 'extract', '--store=' . url('/casync/store.castr'), url('/casync/image.caibx'), 'got');
    equal(bytes_of('got'), bytes_of('image'), 'the image');
    run('casync', 'extract', '--seed=old', '--store=' . url('/casync/store.castr'), url('/casync/image.caibx'),
        'again');
    equal(bytes_of('again'), bytes_of('image'), 'the image, from an old one');
};

1;
