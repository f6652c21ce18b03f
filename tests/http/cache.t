# Cache-Control (RFC 9111 5.2.2): --cache applies to files, never to errors and redirects.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use Test::More;

my $root = new_root();
my %file = (
    'index.html' => 'page', 'index-3f9c2a1b4d5e6f70.html' => 'page', 'assets/index-3f9c2a1b4d5e6f70.js' => '1;', 'other/app.js' => '2;', 'dir/x' => 'x',
    'app.3f9c2a1b4d5e6f708192.css' => 'p {}', 'app.3f9c2a1b4d5e6f708192.css.gz' => "\x1f\x8bgz", 'app.3f9c2a1b4d5e6f708192.js' => 'j' x 200_000, '404.html' => 'missing',
);
put_file($root, $_, $file{$_}) for keys %file;
utime 1_600_000_000, 1_600_000_000, map { "$root/$_" } keys %file;
sleep 4; # until all files are settled

my $long = 'public, max-age=31536000, immutable';
my @rows = (
    # options, Cache-Control of files, of hashed names, of errors
    [[], 'no-cache', 'no-cache', 'no-cache'],
    [['--cache=off'], 'no-store', 'no-store', 'no-store'],
    [['--cache=0'], 'public, max-age=0', 'public, max-age=0', 'no-cache'],
    [['--cache=3600'], 'public, max-age=3600', 'public, max-age=3600', 'no-cache'],
    [['--cache=auto'], 'no-cache', $long, 'no-cache'],
    [['--cache=/assets/=immutable', '--cache=/app.3f9c2a1b4d5e6f708192.js=immutable', '--cache=/app.3f9c2a1b4d5e6f708192.css=immutable'], 'no-cache', $long, 'no-cache'],
    [['--cache=auto', '--header=cache-control: max-age=5'], 'max-age=5', 'max-age=5', 'no-cache'],
    [['--cache=3600', '--header=Cache-Control:'], undef, undef, 'no-cache'],
);

for my $row (@rows) {
    my ($options, $files, $hashed, $errors) = @$row;
    my $server = Harness->start(root => $root, args => ['-j', '1', @$options]);
    my $about = join(' ', @$options) || 'no option';
    my $cache = sub { return [$_[0]{status}, $_[0]{field}{'cache-control'}] };
    for my $round (1, 2) { # the second with the cached head
        my $times = $round == 1 ? '' : ', again';
        is_deeply($cache->($server->get('/')), [200, $files], "$about: a page$times");
        is_deeply($cache->($server->get('/index-3f9c2a1b4d5e6f70.html')), [200, $files], "$about: HTML with a hash in its name$times");
        is_deeply($cache->($server->get('/other/app.js')), [200, $files], "$about: a script$times");
        is_deeply($cache->($server->get('/assets/index-3f9c2a1b4d5e6f70.js')), [200, $hashed], "$about: a script with a hash in its name$times");
        is_deeply($cache->($server->get('/app.3f9c2a1b4d5e6f708192.js')), [200, $hashed], "$about: a large file with a hash in its name$times");
        is_deeply($cache->($server->get('/assets/index-3f9c2a1b4d5e6f70.js', 'Range: bytes=0-0')), [206, $hashed], "$about: a range of a file with a hash in its name$times");
        is_deeply($cache->($server->get('/app.3f9c2a1b4d5e6f708192.css', 'Accept-Encoding: gzip')), [200, $hashed], "$about: an encoded form$times");
        is_deeply($cache->($server->get('/404.html')), [200, $files], "$about: 404.html by its own name$times");
        is_deeply($cache->($server->get('/missing.js')), [404, $errors], "$about: 404.html as an error page$times");
        is_deeply($cache->($server->get('/missing-3f9c2a1b4d5e6f70.js')), [404, $errors], "$about: an error for a name with a hash$times");
        is_deeply($cache->($server->get('/dir')), [302, $errors], "$about: a redirect$times");
        is_deeply($cache->($server->get('/app.3f9c2a1b4d5e6f708192.js', 'Range: bytes=900000-')), [416, $errors], "$about: an unsatisfiable range$times");
        is_deeply($cache->($server->get('/app.3f9c2a1b4d5e6f708192.js', 'If-Match: "x"')), [412, $errors], "$about: a condition that fails$times");
        my $etag = $server->get('/assets/index-3f9c2a1b4d5e6f70.js')->{field}{etag};
        is_deeply($cache->($server->get('/assets/index-3f9c2a1b4d5e6f70.js', "If-None-Match: $etag")), [304, $hashed], "$about: 304 (RFC 9110 15.4.5)$times");
    }
    responses_framed();
    $server->stop;
}
# Names that people write are no hashes, and prefixes are whole names.
{
    put_file($root, $_, 'x') for 'hero-iPadPro2.png', 'chapter-facade01.js', 'x.decade12.js', 'assets/hero-iPadPro2.png', 'assets/page.html', 'assets-old/x.js';
    my $server = Harness->start(root => $root, args => ['-j', '1', '--cache=auto', '--cache=/assets/=immutable', '--cache=/assets/page.html=60']);
    is($server->get("/$_")->{field}{'cache-control'}, 'no-cache', "$_: no-cache") for 'hero-iPadPro2.png', 'chapter-facade01.js', 'x.decade12.js', 'assets-old/x.js';
    is($server->get('/assets/hero-iPadPro2.png')->{field}{'cache-control'}, $long, 'beneath a prefix: immutable');
    is($server->get('/assets/page.html')->{field}{'cache-control'}, 'public, max-age=60', 'the longest prefix decides');
    $server->stop;
}

# HTML as the media type of another extension
my $other = Harness->start(root => $root, args => ['-j', '1', '--cache=auto', '--mime=css=text/html', '--spa=assets/index-3f9c2a1b4d5e6f70.js']);
is($other->get('/app.3f9c2a1b4d5e6f708192.css')->{field}{'cache-control'}, 'no-cache', 'HTML is never immutable, whatever its name');
is($other->get('/assets/index-3f9c2a1b4d5e6f70.js')->{field}{'cache-control'}, $long, '... other types with a hash in the name are');
$other->stop;
done_testing();
