# get.perl LWP|HTTP::Tiny URL FOLDER: see ../languages.pl
use strict;
use warnings;

my ($library, $url, $folder) = @ARGV;
my $agent;
if ($library eq 'LWP') { require LWP::UserAgent; $agent = LWP::UserAgent->new(keep_alive => 2) }
else                   { require HTTP::Tiny;     $agent = HTTP::Tiny->new(max_redirect => 0) }

# Returns (body, status, ETag).
sub get {
    my ($path, %fields) = @_;
    if ($library eq 'LWP') {
        my $response = $agent->get($url . $path, %fields);
        return ($response->content, $response->code, $response->header('ETag'));
    }
    my $response = $agent->get($url . $path, { headers => \%fields });
    # HTTP::Tiny itself follows no relative Location but one that begins with a slash (RFC 9110 10.2.2 allows all).
    return get($path =~ s{[^/]*\z}{$response->{headers}{location}}r, %fields) if $response->{status} =~ /\A30[128]\z/;
    return ($response->{content}, $response->{status}, $response->{headers}{etag});
}

sub save {
    my ($name, $body) = @_;
    open my $file, '>>:raw', "$folder/$name" or die "$name: $!";
    print {$file} $body or die "$name: $!";
    close $file or die "$name: $!";
    return;
}

my ($whole, $status, $etag) = get('/large.bin');
save('whole', $whole);
my ($part, $partial) = get('/large.bin', Range => 'bytes=1000-1999');
save('part', $part);
my (undef, $same) = get('/large.bin', 'If-None-Match' => $etag);
my (undef, $none) = get('/none');
save('small', (get("/small/$_.txt"))[0]) for 10 .. 39;
save('named', (get('/na%20me%20%C3%A9%2050%25.txt'))[0]);
save('redirected', (get('/folder'))[0]);
print "$status $partial $same $none\n";
