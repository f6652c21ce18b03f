/* Landlock, alone: what is beneath the root can be read, and nothing else opened, by landlock(7). What needs a later
   version of the kernel's interface is looked at where there is one. */
#include "sandbox/landlock.h"

#include "inside.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char folder[] = "/tmp/tinyhttpd-unit-XXXXXX"; /* holds root/ and outside */
static int root = -1, tcp = -1, unix_socket = -1, outside = -1, pair[2] = {-1, -1};
static int version;
static pid_t parent;

/* A socket whose name has no file and is nobody else's: who binds to none is given one by the kernel (unix(7),
   Autobind). */
static struct sockaddr_un name = {.sun_family = AF_UNIX};
static socklen_t name_length = sizeof name;

static bool enter(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && landlock_restrict(root) > 0;
}

static int ask_version(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int found = landlock_restrict(root);
    return found > 0 ? found : 0;
}

static bool be_as_started(void)
{
    return true;
}

static bool put(int directory, const char *path)
{
    int fd = openat(directory, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, "content", 7) == 7;
    close(fd);
    return written;
}

static int open_all(void **state)
{
    (void)state;
    parent = getpid();
    if (mkdtemp(folder) == NULL || chdir(folder) < 0 || mkdir("root", 0755) < 0 || mkdir("root/sub", 0755) < 0)
        return -1;
    root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool made = put(root, "file") && put(root, "sub/file") && put(AT_FDCWD, "outside") &&
                symlinkat("../outside", root, "link") == 0 && symlinkat("sub/file", root, "inner") == 0;
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unix_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int listening = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    made = made && bind(listening, (const struct sockaddr *)&name, sizeof name.sun_family) == 0 &&
           getsockname(listening, (struct sockaddr *)&name, &name_length) == 0;
    outside = open("outside", O_RDWR | O_CLOEXEC);
    made = made && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
    version = inside(be_as_started, ask_version);
    return made && root >= 0 && tcp >= 0 && outside >= 0 ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    static const char *const files[] = {"root/sub/file", "root/file", "root/link", "root/inner", "outside"};
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(files[i]);
    return rmdir("root/sub") == 0 && rmdir("root") == 0 && chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* ---- what is refused, with EACCES ---- */

static int open_outside(void)
{
    return error_of(open("outside", O_RDONLY));
}

static int open_upward(void)
{
    return error_of(openat(root, "../outside", O_RDONLY));
}

static int open_link_out(void)
{
    return error_of(openat(root, "link", O_RDONLY));
}

static int open_passwd(void)
{
    return error_of(open("/etc/passwd", O_RDONLY));
}

static int list_outside(void)
{
    return error_of(open("/", O_RDONLY | O_DIRECTORY));
}

static int write_beneath(void)
{
    return error_of(openat(root, "file", O_WRONLY));
}

static int read_and_write_beneath(void)
{
    return error_of(openat(root, "file", O_RDWR));
}

static int empty_beneath(void)
{
    return error_of(openat(root, "file", O_WRONLY | O_TRUNC));
}

static int create_beneath(void)
{
    return error_of(openat(root, "new", O_RDONLY | O_CREAT, 0600));
}

static int remove_beneath(void)
{
    return error_of(unlinkat(root, "file", 0));
}

static int make_directory_beneath(void)
{
    return error_of(mkdirat(root, "new", 0700));
}

static int make_link_beneath(void)
{
    return error_of(symlinkat("file", root, "new"));
}

static int make_fifo_beneath(void)
{
    return error_of(mkfifoat(root, "new", 0600));
}

static int execute(void)
{
    char *arguments[] = {"true", NULL}, *none[] = {NULL};
    execve("/bin/true", arguments, none);
    return errno;
}

static const struct {
    const char *name;
    attempt_function *attempt;
} refused[] = {
    {"opening outside", open_outside},
    {"opening upward", open_upward},
    {"opening a link that leads out", open_link_out},
    {"opening /etc/passwd", open_passwd},
    {"listing /", list_outside},
    {"writing", write_beneath},
    {"reading and writing", read_and_write_beneath},
    {"emptying", empty_beneath},
    {"creating", create_beneath},
    {"removing", remove_beneath},
    {"making a directory", make_directory_beneath},
    {"making a link", make_link_beneath},
    {"making a FIFO", make_fifo_beneath},
    {"executing", execute},
};

static void all_but_reading_beneath_the_root_is_refused(void **state)
{
    (void)state;
    if (version == 0)
        skip();
    for (size_t i = 0; i < COUNT(refused); i++) {
        int result = inside(enter, refused[i].attempt);
        if (result != EACCES)
            fail_msg("%s: %d, not EACCES", refused[i].name, result);
    }
}

static int bind_tcp(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    return error_of(bind(tcp, (const struct sockaddr *)&any, sizeof any));
}

static int connect_tcp(void)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = htons(9)};
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return error_of(connect(tcp, (const struct sockaddr *)&loopback, sizeof loopback));
}

static void sockets_are_not_bound_nor_connected(void **state)
{
    (void)state;
    if (version < LANDLOCK_ABI_NETWORK)
        skip();
    assert_int_equal(inside(enter, bind_tcp), EACCES);
    assert_int_equal(inside(enter, connect_tcp), EACCES);
}

static int connect_unix(void)
{
    return error_of(connect(unix_socket, (const struct sockaddr *)&name, name_length));
}

static int signal_parent(void)
{
    return error_of(kill(parent, 0));
}

static void nobody_outside_is_reached(void **state)
{
    (void)state;
    if (version < LANDLOCK_ABI_SCOPES)
        skip();
    assert_int_equal(inside(enter, connect_unix), EPERM);
    assert_int_equal(inside(be_as_started, connect_unix), 0);
    assert_int_equal(inside(enter, signal_parent), EPERM);
}

/* The other direction: the master's signals come in. */
static void signals_from_outside_arrive(void **state)
{
    (void)state;
    int status;
    if (version == 0)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        if (!enter() || write(pair[0], "i", 1) != 1)
            _exit(NOT_ENTERED);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(pair[1], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* ---- what is allowed ---- */

static int read_from(const char *path)
{
    char room[8];
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, room, sizeof room) == 7 ? 0 : errno;
}

static int read_beneath(void)
{
    return read_from("file");
}

static int read_deeper(void)
{
    return read_from("sub/file");
}

static int read_through_link(void)
{
    return read_from("inner");
}

static int list_beneath(void)
{
    return error_of(openat(root, "sub", O_RDONLY | O_DIRECTORY));
}

static int send_beneath(void)
{
    off_t offset = 0;
    int fd = openat(root, "file", O_RDONLY | O_CLOEXEC);
    return sendfile(pair[0], fd, &offset, 7) == 7 ? 0 : errno;
}

static int use_what_is_open(void)
{
    return write(outside, "content", 7) == 7 ? 0 : errno;
}

static const struct {
    const char *name;
    attempt_function *attempt;
} allowed[] = {
    {"reading", read_beneath}, {"reading deeper", read_deeper}, {"through a link", read_through_link},
    {"listing", list_beneath}, {"sendfile", send_beneath},      {"a descriptor from before", use_what_is_open},
};

static void reading_beneath_the_root_works(void **state)
{
    (void)state;
    if (version == 0)
        skip();
    for (size_t i = 0; i < COUNT(allowed); i++) {
        int result = inside(enter, allowed[i].attempt);
        if (result != 0)
            fail_msg("%s: %d", allowed[i].name, result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_reading_beneath_the_root_is_refused),
        cmocka_unit_test(sockets_are_not_bound_nor_connected),
        cmocka_unit_test(nobody_outside_is_reached),
        cmocka_unit_test(signals_from_outside_arrive),
        cmocka_unit_test(reading_beneath_the_root_works),
    };
    return cmocka_run_group_tests_name("landlock", tests, open_all, close_all);
}
