# Unix sockets: the mode and group of --bind unix:PATH,mode=MODE,group=GROUP, and abstract ones (unix(7)).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Harness;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

use constant { EX_USAGE => 64, EX_UNAVAILABLE => 69, EX_NOPERM => 77 };


my $root = new_root();
put_file($root, 'index.html', 'page');
my $folder = new_root();
my $path   = "$folder/socket";

sub body_at {
    my ($server, $name) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $name) or return "$!";
    return $server->exchange(get_request('/'), socket => $socket, count => 1)->{responses}[0]{body};
}

sub mode_of { return sprintf '%o', (stat $_[0])[2] & 07777 }

# ---- mode and group ----

for my $case (['mode=660', 0, '660'], ['mode=666', 077, '666'], ['mode=600', 0, '600'], ['mode=0640', 022, '640'], ['', 027, '750']) {
    my ($option, $umask, $mode) = @$case;
    my $server = Harness->start(root => $root, args => ['-j', '1', '-b', "unix:$path" . ($option && ",$option")], before => sub { umask $umask });
    my $name   = sprintf '%s, umask %03o', $option || 'no mode', $umask;
    is(mode_of($path), $mode, "$name: mode $mode");
    is(body_at($server, $path), 'page', "$name: serves");
    like($server->banner, qr/ unix:\Q$path\E$/m, "$name: the banner has the path alone");
    my $check = run_program('--check', '-b', "unix:$path" . ($option && ",$option"));
    is($check->{status}, 0, "$name: --check with the same option");
    $server->stop;
    ok(!-e $path, "$name: removed at the end");
}

{
    my $odd    = "$folder/a,b mode=x";
    my $server = Harness->start(root => $root, args => ['-j', '1', '-b', "unix:$odd,mode=600"]);
    is(mode_of($odd), '600', 'a path with a comma');
    $server->expect_stderr(qr/reloaded/);
    kill 'HUP', $server->pid;
    ok(eventually { $server->stderr =~ /reloaded/ }, 'a reload');
    is(mode_of($odd), '600', 'a reload keeps the mode');
    is(body_at($server, $odd), 'page', 'and the socket');
    $server->stop(lost => 1);
    ok(!-e $odd, 'after a reload it is removed at the end');
}
{
    my $server = Harness->start(root => $root, args => ['-j', '1'], bare => 1, before => sub {
        @ENV{qw(TINYHTTPD_BIND TINYHTTPD_PORT TINYHTTPD_ROOT)} = ("unix:$path,mode=622,127.0.0.1", 0, $root);
    });
    is(mode_of($path), '622', 'the environment, whose list has the same separator');
    is($server->get('/')->{body}, 'page', 'and the next address of the list');
    $server->stop;
}

SKIP: {
    skip 'needs root', 8 if $> != 0;
    my $group  = (getgrnam 'daemon')[2] // skip 'no group daemon', 8;
    my $server = Harness->start(root => $root, args => ['-j', '1', '-b', "unix:$path,group=daemon,mode=660", '-b', "unix:$path.number,group=4711"]);
    is((stat $path)[5], $group, 'the group by name');
    is(mode_of($path), '660', 'and the mode');
    is((stat "$path.number")[5], 4711, 'the group by number');
    for my $case ([$group, 'page'], [65534, 'Permission denied']) {
        my ($own, $expected) = @$case;
        pipe my $reader, my $writer or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            $) = "$own $own";
            $> = 65534;
            syswrite $writer, body_at($server, $path);
            POSIX::_exit(0);
        }
        close $writer;
        waitpid $pid, 0;
        is(join('', <$reader>), $expected, "a client of group $own: $expected");
    }
    $server->stop;

    skip 'needs setpriv', 3 if !have('setpriv');
    chmod 0777, $folder;
    my $run = run_program({ command => ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', program(), '-r', $root, '-b', "unix:$path,group=daemon"] });
    is($run->{status}, EX_NOPERM, 'a group of which the user is no member: 77');
    like($run->{err}, qr/\Atinyhttpd: socket '\Q$path\E' can't have group 'daemon': [^\n]+\n\z/, 'the line names the group');
    ok(!-e $path, 'and no socket stays');
}

sub fails {
    my ($name, $bind, $status, $pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $run = run_program({ seconds => 10 }, '-r', $root, '-p', '0', '-b', $bind);
    is($run->{status}, $status, "$name: status $status");
    like($run->{err}, $pattern, "$name: the reason");
    return;
}

fails("mode=$_", "unix:$path,mode=$_", EX_USAGE, qr/mode in octal/) for '0', '66', '888', '1777', '', '66x';
fails("misspelt: $_", "unix:$path,$_", EX_USAGE, qr/mode=660,group=NAME/) for 'mod=660', 'Mode=660', 'groups=x';
fails('an unknown group', "unix:$path,group=no-such-group", EX_USAGE, qr/no-such-group/);
fails('an empty group',   "unix:$path,group=",              EX_USAGE, qr/group=NAME/);
fails('an unknown part',  "unix:$path,mode=660,user=x",     EX_USAGE, qr/mode=660,group=NAME/);
fails('a mode alone',     'mode=660',                       EX_USAGE, qr/with a path before/);
fails('a long path', 'unix:/' . 'x' x 107, EX_USAGE, qr/107 bytes/);
symlink "$folder/nothing", "$folder/link" or die $!;
put_file($folder, 'file', 'kept');
fails("a $_ at the path", "unix:$folder/$_,mode=600", EX_UNAVAILABLE, qr/there is another file/) for 'link', 'file';
ok(-l "$folder/link" && !-e "$folder/nothing" && slurp("$folder/file") eq 'kept', 'a file at the path stays as it is');

# ---- abstract sockets ----

{
    my $name   = "tinyhttpd-test-$$";
    my $server = Harness->start(root => $root, args => ['-j', '1', '-b', "unix:\@$name"]);
    is(body_at($server, "\0$name"), 'page', 'an abstract socket: serves');
    isnt(body_at($server, "\0$name\0"), 'page', 'an abstract socket: no NUL follows its name');
    like($server->banner, qr/ unix:\@$name$/m, 'an abstract socket: the banner has its name');
    ok(!-e "\@$name" && !-e "$root/\@$name", 'an abstract socket: no file');
    is(run_program('--check', '-b', "unix:\@$name")->{status}, 0, 'an abstract socket: --check');
    fails('an abstract socket in use', "unix:\@$name", EX_UNAVAILABLE, qr/'\@$name' is in use/);
    $server->expect_stderr(qr/reloaded/);
    kill 'HUP', $server->pid;
    ok(eventually { $server->stderr =~ /reloaded/ }, 'an abstract socket: a reload');
    is(body_at($server, "\0$name"), 'page', 'an abstract socket: serves after it');
    $server->stop(lost => 1);
    isnt(body_at($server, "\0$name"), 'page', 'an abstract socket: gone at the end');
}
fails('an abstract socket with a mode', 'unix:@name,mode=660', EX_USAGE, qr/with a path before/);
fails('an abstract socket without a name', 'unix:@', EX_USAGE, qr/path/);
fails('an abstract socket with a long name', 'unix:@' . 'x' x 107, EX_USAGE, qr/107 bytes/);
{
    my $name   = 'x' x (106 - length $$) . $$;
    my $server = Harness->start(root => $root, args => ['-j', '1', '-b', "unix:\@$name"]);
    is(body_at($server, "\0$name"), 'page', 'an abstract socket: a name of 106 bytes');
    $server->stop;
}

done_testing();
