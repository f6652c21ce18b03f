# Programs that read parts of media and maps: ffmpeg, GDAL.
use strict;
use warnings;

use Client;

my @ffmpeg = ('ffmpeg', '-v', 'error', '-nostdin', '-y');

# Makes a video of 60 s, with a picture every 2 s to begin at.
sub make_video {
    my (@output) = @_;
    run(@ffmpeg, '-f', 'lavfi', '-i', 'testsrc2=duration=60:size=320x240:rate=25',
        '-f', 'lavfi', '-i', 'sine=duration=60', '-map', '0', '-map', '1',
        '-c:v', 'mpeg2video', '-g', '50', '-b:v', '600k', '-c:a', 'aac', @output);
    return;
}

# The digests of all packets must be those of the file on disk.
sub same_packets {
    my ($path, @options) = @_;
    my @as_digests = ('-map', '0', '-c', 'copy', '-f', 'framehash', '-');
    my ($its, $ours) = map { run(@ffmpeg, @options, '-i', $_, @as_digests) } url("/$path"), served($path);
    true($ours =~ /^0,.*^1,/ms, "no packets of $path");
    equal($its, $ours, "packets of $path @options");
    return;
}

# The index (moov) is at the end of the file: ffmpeg reads the start, the end, then the part to show.
client 'ffmpeg-mp4' => [['ffmpeg', 'ffmpeg']], sub {
    make_video(served('media/video.mp4'));
    my $bytes = Harness::slurp_raw(served('media/video.mp4'));
    true(index($bytes, 'moov') > index($bytes, 'mdat'), 'the index is not at the end');
    same_packets('media/video.mp4');
    same_packets('media/video.mp4', '-ss', '50');
    requests(qr{video\.mp4 HTTP/1.1" 206 }, 4);
};

client 'ffmpeg-hls' => [['ffmpeg', 'ffmpeg']], sub {
    make_video('-f', 'hls', '-hls_time', '4', '-hls_list_size', '0', served('hls/index.m3u8'));
    same_packets('hls/index.m3u8');
    requests(qr{/hls/index\d+\.ts HTTP/1.1" 20[06] }, 15);
};

my $has_dash = q('ffmpeg -hide_banner -demuxers | grep -q " dash "');
client 'ffmpeg-dash' => [['ffmpeg', 'ffmpeg'], ['ffmpeg', 'sh', '-c', $has_dash]], sub {
    make_video('-f', 'dash', '-seg_duration', '4', served('dash/index.mpd'));
    same_packets('dash/index.mpd');
    requests(qr{/dash/chunk-stream\S+ HTTP/1.1" 20[06] }, 30);
};

# A window of a tiled picture of 4 MiB.
client gdal => [['gdal-bin', 'gdal_translate']], sub {
    my ($size, $from, $part) = (2048, 700, 256);
    my $pixels = noise($size * $size, 'gdal');
    write_file('map.pgm', "P5\n$size $size\n255\n$pixels");
    run('gdal_translate', '-q', '-co', 'TILED=YES', 'map.pgm', served('map/map.tif'));
    run('gdal_translate', '-q', '-of', 'PNM', '-srcwin', $from, $from, $part, $part, '/vsicurl/' . url('/map/map.tif'),
        'part.pgm');
    my $window = join '', map { substr $pixels, $_ * $size + $from, $part } $from .. $from + $part - 1;
    equal(bytes_of('part.pgm'), "P5\n$part $part\n255\n$window", 'the window');
    my $loaded = 0;
    $loaded += $_->{bytes} for requests(qr{"GET /map/map\.tif HTTP/1.1" 206 }, 2);
    true($loaded < $size * $size / 4, "GDAL loads $loaded bytes of the file");
    run('gdal_translate', '-q', '-of', 'PNM', '/vsicurl/' . url('/map/map.tif'), 'all.pgm');
    equal(bytes_of('all.pgm'), bytes_of('map.pgm'), 'the whole map');
};

1;
