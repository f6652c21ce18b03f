/* The store on a tree of its own: what is found, what is not, that a change on disk is seen at once, that nothing
   outside the root is reached, and that memory and descriptors stay bounded. */
#include "site/store.h"

#include "base/hash.h"
#include "base/limits.h"
#include "capture.h"
#include "clock.h"
#include "descriptors.h"
#include "site/file_stamp.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int root;
static struct store *store;

/* ---- counted calls ---- */

static unsigned stats, opens;
static const char *replaced; /* a directory takes this file's place before it is opened, once */
static const char *growing;  /* a byte is appended to this file before it is opened, each time */
static int open_error;       /* of each name that begins with "broken"; 0: none */

static bool is_broken(const char *path)
{
    if (open_error == 0 || strncmp(path, "broken", strlen("broken")) != 0)
        return false;
    errno = open_error;
    return true;
}

int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    stats++;
    if (is_broken(path))
        return -1;
    return (int)syscall(SYS_newfstatat, directory, path, attributes, flags);
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    opens++;
    if (is_broken(path))
        return -1;
    if (growing != NULL && strcmp(path, growing) == 0) {
        int fd = (int)syscall(SYS_openat, directory, path, O_WRONLY | O_APPEND | O_CLOEXEC);
        syscall(SYS_write, fd, "x", 1);
        close(fd);
    }
    if (replaced != NULL && (flags & O_DIRECTORY) == 0 && strcmp(path, replaced) == 0) {
        replaced = NULL;
        unlinkat(directory, path, 0);
        mkdirat(directory, path, 0755);
    }
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

/* openat of a build with _FORTIFY_SOURCE, where the flags are not constant. */
int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags)
{
    return openat(directory, path, flags);
}

/* ---- reads that meet a write ---- */

static unsigned torn_reads; /* so many that follow, each of which gives something else */
static off_t torn_at;       /* in this byte of the file */
static unsigned cut_reads;  /* not 0: each gives at most 7 bytes, and every other one is interrupted by a signal */
static int read_error;      /* of each; 0: none */

/* Takes the C library's place, whose declaration may be an inline function. */
ssize_t read_torn(int fd, void *room, size_t size, off_t offset) __asm__("pread");

ssize_t read_torn(int fd, void *room, size_t size, off_t offset)
{
    if (read_error != 0 || (cut_reads > 0 && cut_reads++ % 2 == 0)) {
        errno = read_error != 0 ? read_error : EINTR;
        return -1;
    }
    if (cut_reads > 0 && size > 7)
        size = 7;
    ssize_t length = (ssize_t)syscall(SYS_pread64, fd, room, size, offset);
    if (torn_reads > 0 && offset <= torn_at && torn_at < offset + length)
        ((char *)room)[torn_at - offset] = (char)('0' + torn_reads-- % 10);
    return length;
}

/* ---- making files: paths count from the root, and `..` leaves it ---- */

static void make_directory(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

static void write_bytes(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static void write_file(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* A file of so many bytes, all 0 and not on disk. */
static void make_hollow(const char *path, off_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void make_link(const char *to, const char *path)
{
    assert_int_equal(symlink(to, path), 0);
}

/* Writes over the first bytes of a file, its size unchanged. */
static void change_in_place(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    close(fd);
}

static void set_modified(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static int begin(void **state)
{
    (void)state;
    if (tree_enter() != 0 || mkdir("root", 0755) != 0 || chdir("root") != 0)
        return -1;
    root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    store = store_open(root, RACY_MS);
    return store == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    torn_reads = 0;
    start_clock();
    if (store != NULL)
        store_close(store);
    close(root);
    return tree_leave();
}

/* ---- finding ---- */

/* Asks the disk, as the first request of an iteration does. */
static int find(const char *path, struct entry **entry)
{
    return store_find(store, span_of(path), 0, entry);
}

static void assert_status(const char *path, int expected)
{
    struct entry *entry = NULL;
    int status = find(path, &entry);
    if (status == 0)
        store_release(store, entry);
    if (status != expected)
        fail_msg("'%.80s' is %d, not %d", path, status, expected);
}

static struct entry *found(const char *path)
{
    struct entry *entry = NULL;
    int status = find(path, &entry);
    if (status != 0)
        fail_msg("'%.80s' is %d", path, status);
    return entry;
}

/* Reads from an entry as a response would. */
static void read_entry(const struct entry *entry, char *bytes, size_t length)
{
    if (entry->bytes != NULL)
        memcpy(bytes, entry->bytes, length);
    else
        assert_int_equal(pread(entry->fd, bytes, length, 0), length);
}

static void assert_holds(const struct entry *entry, const char *text)
{
    char bytes[256];
    assert_int_equal(entry->kind, ENTRY_FILE);
    assert_int_equal(entry->size, strlen(text));
    read_entry(entry, bytes, strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void assert_content(const char *path, const char *text)
{
    struct entry *entry = found(path);
    assert_holds(entry, text);
    store_release(store, entry);
}

static void assert_directory(const char *path)
{
    struct entry *entry = found(path);
    assert_int_equal(entry->kind, ENTRY_DIRECTORY);
    store_release(store, entry);
}

static void files_are_found(void **state)
{
    (void)state;
    make_directory("a");
    make_directory("a/b");
    write_file("index.html", "<p>hello");
    write_file("a/b/c d.txt", "deep");
    write_file("a/\xC3\xBC", "umlaut");
    write_file("empty", "");
    for (unsigned times = 0; times < 3; times++) {
        assert_content("index.html", "<p>hello");
        assert_content("a/b/c d.txt", "deep");
        assert_content("a/\xC3\xBC", "umlaut");
        assert_content("empty", "");
    }
    struct entry *entry = found("empty");
    assert_int_equal(entry->fd, -1);
    assert_non_null(entry->bytes);
    store_release(store, entry);
}

static void reads_may_be_short_interrupted_or_fail(void **state)
{
    static const char text[] = "A text of more than seven bytes, and of more than two times seven.";
    (void)state;
    write_file("text", text);
    cut_reads = 1;
    assert_content("text", text);
    cut_reads = 0;
    write_file("other", text);
    struct capture errors = capture_begin(STDERR_FILENO);
    read_error = EIO;
    int status = find("other", &(struct entry *){NULL});
    read_error = 0;
    capture_end(&errors);
    assert_int_equal(status, 500);
    assert_content("other", text);
}

/* store_read() */
static void large_file_is_read_up_to_its_end(void **state)
{
    enum { SIZE = LIMIT_STORE_FILE + 100 };
    static char room[SIZE + 50];
    size_t length = 0;
    (void)state;
    make_hollow("large", SIZE);
    struct entry *entry = found("large");
    cut_reads = 1;
    assert_int_equal(store_read(entry, room, 100, &length), 0);
    cut_reads = 0;
    assert_int_equal(length, 100);
    assert_int_equal(store_read(entry, room, SIZE, &length), 0);
    assert_int_equal(length, SIZE);
    assert_int_equal(store_read(entry, room, sizeof room, &length), 0);
    assert_int_equal(length, SIZE);
    struct capture errors = capture_begin(STDERR_FILENO);
    make_hollow("large", SIZE - 1);
    int shrunk = store_read(entry, room, sizeof room, &length);
    read_error = EIO;
    int failed = store_read(entry, room, sizeof room, &length);
    read_error = 0;
    capture_end(&errors);
    assert_int_equal(shrunk, 503);
    assert_int_equal(failed, 500);
    store_release(store, entry);
}

static void bytes_are_kept_as_they_are(void **state)
{
    char bytes[256];
    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    write_bytes("all", bytes, sizeof bytes);
    struct entry *entry = found("all");
    assert_int_equal(entry->size, sizeof bytes);
    assert_memory_equal(entry->bytes, bytes, sizeof bytes);
    store_release(store, entry);
}

static void directories_are_found(void **state)
{
    (void)state;
    make_directory("a");
    make_directory("a/b");
    assert_directory("");
    assert_directory("a");
    assert_directory("a/b");
    int fd = -1;
    assert_int_equal(store_open_directory(store, SPAN("a"), &fd), 0);
    assert_int_equal(faccessat(fd, "b", F_OK, 0), 0);
    close(fd);
}

static void what_is_missing_is_404(void **state)
{
    (void)state;
    make_directory("a");
    write_file("file", "x");
    assert_status("missing", 404);
    assert_status("a/missing", 404);
    assert_status("missing/a", 404);
    assert_status("file/a", 404);
    assert_content("file", "x");
    assert_status("file/a", 404);
}

/* At once: an open that waits for a writer would hang. */
static void what_is_no_file_is_404(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
    assert_int_equal(mkfifo("fifo", 0644), 0);
    alarm(300);
    assert_status("fifo", 404);
    assert_status("socket", 404);
    if (mknod("null", S_IFCHR | 0644, 0x103) == 0)
        assert_status("null", 404);
    alarm(0);
    close(listener);
}

static void long_names_are_404(void **state)
{
    static char path[3 * LIMIT_TARGET];
    (void)state;
    memset(path, 'a', sizeof path - 1);
    static const size_t lengths[] = {255, 256, 4095, 4096, LIMIT_TARGET, sizeof path - 1};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        path[lengths[i]] = '\0';
        assert_status(path, 404);
        path[lengths[i]] = 'a';
    }
    for (size_t i = 1; i < sizeof path; i += 2)
        path[i] = '/';
    path[LIMIT_TARGET - 1] = '\0';
    assert_status(path, 404);
    path[255] = '\0';
    memset(path, 'a', 255);
    write_file(path, "longest");
    assert_content(path, "longest");
}

/* As a client that may not read it sees it: the superuser may read all. */
static void files_that_may_not_be_read_are_403(void **state)
{
    bool superuser = geteuid() == 0;
    (void)state;
    write_file("secret", "x");
    make_directory("closed");
    write_file("closed/file", "x");
    assert_content("secret", "x");
    assert_int_equal(chmod("secret", 0), 0);
    assert_int_equal(chmod("closed", 0), 0);
    if (superuser)
        assert_int_equal(seteuid(65534), 0);
    struct entry *entry;
    int secret = find("secret", &entry), closed = find("closed/file", &entry);
    if (superuser)
        assert_int_equal(seteuid(0), 0);
    chmod("closed", 0755);
    assert_int_equal(secret, 403);
    assert_int_equal(closed, 404);
}

/* "ESTALE, EIO, ETIMEDOUT and the like" say nothing about the file (RFC 9110 15.6.1). */
static void errors_of_opening_have_a_status(void **state)
{
    static const struct {
        int error;
        int status;
    } cases[] = {
        {ENOENT, 404}, {ENOTDIR, 404},  {ENAMETOOLONG, 404}, {ELOOP, 404},     {EXDEV, 404},   {EACCES, 404},
        {EPERM, 404},  {ENXIO, 404},    {ENODEV, 404},       {EINVAL, 404},    {EILSEQ, 404},  {ESTALE, 500},
        {EIO, 500},    {ENOTCONN, 500}, {EUCLEAN, 500},      {ETIMEDOUT, 500}, {EBADMSG, 500}, {EREMOTEIO, 500},
        {EMFILE, 503}, {ENFILE, 503},   {ENOMEM, 503},       {EAGAIN, 503},
    };
    (void)state;
    make_directory("a");
    stop_clock();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[128] = "";
        stopped_at_ms += 61000;
        struct capture capture = capture_begin(STDERR_FILENO);
        struct entry *entry;
        open_error = cases[i].error;
        int status = find("a/broken\n", &entry);
        open_error = 0;
        capture_end(&capture);
        if (cases[i].status != 404)
            snprintf(expected, sizeof expected, "tinyhttpd: can't read '/a/broken\\x0A': %s\n",
                     strerror(cases[i].error));
        assert_int_equal(status, cases[i].status);
        assert_string_equal(captured, expected);
    }
}

static void each_error_is_logged_but_a_shortage_once_a_minute(void **state)
{
    char eio[128], full[128], expected[1024];
    struct entry *entry;
    (void)state;
    snprintf(eio, sizeof eio, "tinyhttpd: can't read '/broken': %s\n", strerror(EIO));
    snprintf(full, sizeof full, "tinyhttpd: can't read '/broken': %s\n", strerror(EMFILE));
    stop_clock();
    stopped_at_ms += 10000000; /* later than the tests before it */
    struct capture capture = capture_begin(STDERR_FILENO);
    open_error = EIO;
    for (unsigned i = 0; i < 3; i++)
        find("broken", &entry);
    open_error = EMFILE;
    for (unsigned i = 0; i < 3; i++)
        find("broken", &entry);
    stopped_at_ms += 59000;
    find("broken", &entry);
    stopped_at_ms += 2000;
    find("broken", &entry);
    open_error = 0;
    capture_end(&capture);
    snprintf(expected, sizeof expected, "%s%s%s%s%s", eio, eio, eio, full, full);
    assert_string_equal(captured, expected);
}

/* ---- symbolic links ---- */

static void links_that_stay_are_followed(void **state)
{
    (void)state;
    make_directory("a");
    write_file("a/file", "linked");
    make_link("a/file", "link");
    make_link("file", "a/link");
    make_link("../a/file", "a/back");
    make_link("a", "directory");
    assert_content("link", "linked");
    assert_content("a/link", "linked");
    assert_content("a/back", "linked");
    assert_directory("directory");
    assert_content("directory/file", "linked");
    write_file("a/file", "changed");
    assert_content("link", "changed");
    assert_content("directory/link", "changed");
}

static void links_that_leave_are_404(void **state)
{
    static const char *const paths[] = {"up",      "up-dir/secret", "absolute", "absolute-inside", "proc",
                                        "self-fd", "detour",        "a/up",     "up-dir",          "root"};
    char inside[128];
    (void)state;
    make_directory("a");
    write_file("file", "inside");
    write_file("../secret", "secret");
    make_link("../secret", "up");
    make_link("..", "up-dir");
    make_link("/etc/passwd", "absolute");
    snprintf(inside, sizeof inside, "%s/root/file", tree_base);
    make_link(inside, "absolute-inside");
    make_link("/proc/self/root/etc/passwd", "proc");
    make_link("/proc/self/fd/0", "self-fd");
    make_link("../root/file", "detour"); /* out and in again */
    make_link("../../secret", "a/up");
    make_link("/", "root");
    for (unsigned times = 0; times < 2; times++) {
        for (size_t i = 0; i < COUNT(paths); i++)
            assert_status(paths[i], 404);
    }
}

static void links_to_nowhere_are_404(void **state)
{
    (void)state;
    make_link("missing", "dangling");
    make_link("loop-b", "loop-a");
    make_link("loop-a", "loop-b");
    make_link("self", "self");
    assert_status("dangling", 404);
    assert_status("loop-a", 404);
    assert_status("self", 404);
    assert_status("self/a", 404);
}

/* The store gets normalised paths; but even without that, nothing outside is reached. */
static void dots_do_not_leave_the_root(void **state)
{
    (void)state;
    make_directory("a");
    write_file("../secret", "secret");
    static const char *const paths[] = {"../secret", "a/../../secret", "..", "../root/../secret"};
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_status(paths[i], 404);
}

/* A file that was found, and then became a link that leaves. */
static void a_file_may_become_a_link(void **state)
{
    (void)state;
    write_file("../secret", "secret");
    write_file("file", "inside");
    assert_content("file", "inside");
    assert_int_equal(unlink("file"), 0);
    make_link("../secret", "file");
    assert_status("file", 404);
    make_directory("a");
    write_file("a/secret", "inside");
    assert_content("a/secret", "inside");
    assert_int_equal(rename("a", "b"), 0);
    make_link("..", "a");
    assert_status("a/secret", 404);
}

/* Until it has been seen unchanged for long enough. */
static void settle_file(const char *path)
{
    stop_clock();
    store_release(store, found(path));
    start_clock();
    settle();
}

/* ---- never stale ---- */

/* An answer has what the file held at one moment, although the times don't tell that it was being written. */
static void files_that_are_being_written_are_read_until_two_reads_agree(void **state)
{
    (void)state;
    stop_clock();
    write_file("file.txt", "whole");
    for (unsigned torn = 1; torn < 3; torn++) {
        torn_reads = torn;
        assert_content("file.txt", "whole");
        assert_int_equal(torn_reads, 0);
    }
    change_in_place("file.txt", "other");
    torn_reads = 2;
    assert_content("file.txt", "other");
    torn_reads = 1000;
    assert_status("file.txt", 503);
    torn_reads = 0;
    assert_content("file.txt", "other");
}

static void later_bytes_of_a_file_that_is_being_written_are_read_again(void **state)
{
    static char bytes[2 * LIMIT_STORE_PIECE + 1];
    static const off_t places[] = {LIMIT_STORE_PIECE - 1, LIMIT_STORE_PIECE, sizeof bytes - 1};
    (void)state;
    memset(bytes, 'a', sizeof bytes);
    stop_clock();
    for (size_t i = 0; i < COUNT(places); i++) {
        write_bytes("file.txt", bytes, sizeof bytes);
        torn_at = places[i];
        torn_reads = 1;
        struct entry *entry = found("file.txt");
        torn_at = 0;
        assert_int_equal(torn_reads, 0);
        bool whole = entry->bytes != NULL && memcmp(entry->bytes, bytes, sizeof bytes) == 0;
        store_release(store, entry);
        assert_true(whole);
    }
}

/* Within one tick of the clock, again and again: equal size, equal times. */
static void changes_in_place_are_seen(void **state)
{
    (void)state;
    write_file("file", "0000");
    for (unsigned i = 0; i < 300; i++) {
        char text[5];
        snprintf(text, sizeof text, "%04u", i);
        change_in_place("file", text);
        assert_content("file", text);
    }
}

static void changes_after_a_while_are_seen(void **state)
{
    (void)state;
    write_file("file", "old 1");
    settle();
    assert_content("file", "old 1");
    assert_content("file", "old 1");
    change_in_place("file", "new 2");
    assert_content("file", "new 2");
    /* With its time set back: the change of the inode tells. */
    set_modified("file", 1000000000);
    settle();
    assert_content("file", "new 2");
    change_in_place("file", "new 3");
    set_modified("file", 1000000000);
    assert_content("file", "new 3");
}

static void replacements_are_seen(void **state)
{
    (void)state;
    write_file("file", "first");
    settle();
    assert_content("file", "first");
    write_file("other", "other");
    set_modified("other", 1000000000);
    set_modified("file", 1000000000);
    assert_int_equal(rename("other", "file"), 0);
    assert_content("file", "other");
    assert_status("other", 404);
    assert_int_equal(unlink("file"), 0);
    assert_status("file", 404);
    assert_status("file", 404);
    write_file("file", "again");
    assert_content("file", "again");
    assert_int_equal(unlink("file"), 0);
    make_directory("file");
    assert_directory("file");
    assert_int_equal(rmdir("file"), 0);
    assert_int_equal(mkfifo("file", 0644), 0);
    assert_status("file", 404);
}

static void sizes_follow(void **state)
{
    (void)state;
    write_file("file", "0123456789");
    assert_content("file", "0123456789");
    assert_int_equal(truncate("file", 3), 0);
    assert_content("file", "012");
    assert_int_equal(truncate("file", 0), 0);
    assert_content("file", "");
    write_file("file", "longer than it was before");
    assert_content("file", "longer than it was before");
}

static void moved_directories_are_seen(void **state)
{
    (void)state;
    make_directory("a");
    make_directory("b");
    write_file("a/file", "in a");
    write_file("b/file", "in b");
    settle();
    assert_content("a/file", "in a");
    assert_content("b/file", "in b");
    assert_int_equal(rename("a", "c"), 0);
    assert_status("a/file", 404);
    assert_content("c/file", "in a");
    assert_int_equal(rename("b", "a"), 0);
    assert_content("a/file", "in b");
}

static void large_files_follow(void **state)
{
    char byte;
    (void)state;
    make_hollow("large", LIMIT_STORE_FILE + 10);
    for (unsigned i = 0; i < 20; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        change_in_place("large", text);
        struct entry *entry = found("large");
        read_entry(entry, &byte, 1);
        assert_int_equal(byte, 'a' + i);
        assert_int_equal(entry->size, LIMIT_STORE_FILE + 10);
        store_release(store, entry);
    }
    assert_int_equal(truncate("large", 1), 0);
    assert_content("large", "t");
    assert_int_equal(truncate("large", LIMIT_STORE_FILE + 20), 0);
    struct entry *entry = found("large");
    assert_int_equal(entry->size, LIMIT_STORE_FILE + 20);
    store_release(store, entry);
}

static void assert_in_iteration(const char *path, uint64_t iteration, const char *text)
{
    struct entry *entry = NULL;
    assert_int_equal(store_find(store, span_of(path), iteration, &entry), 0);
    assert_holds(entry, text);
    store_release(store, entry);
}

/* What was learnt in an iteration is not asked again in it; the next iteration asks, and so does 0. */
static void a_turn_asks_once(void **state)
{
    (void)state;
    write_file("file", "one");
    settle();
    assert_in_iteration("file", 1, "one");
    change_in_place("file", "two");
    assert_in_iteration("file", 1, "one");
    assert_in_iteration("file", 2, "two");
    settle();
    assert_in_iteration("file", 3, "two");
    change_in_place("file", "six");
    assert_in_iteration("file", 3, "two");
    assert_in_iteration("file", 0, "six");
    assert_int_equal(unlink("file"), 0);
    assert_status("file", 404);
}

/* Every iteration sees what was changed before it began, however fast they follow each other. */
static void every_turn_sees_what_went_before(void **state)
{
    (void)state;
    write_file("file", "0000");
    for (unsigned i = 1; i < 300; i++) {
        char text[5];
        snprintf(text, sizeof text, "%04u", i);
        change_in_place("file", text);
        assert_in_iteration("file", i, text);
        assert_in_iteration("file", i, text);
    }
}

/* ---- what is said of a file ---- */

static void large_files_have_a_descriptor(void **state)
{
    (void)state;
    make_hollow("small", LIMIT_STORE_FILE);
    make_hollow("large", LIMIT_STORE_FILE + 1);
    make_hollow("huge", 5000000000);
    struct entry *small = found("small"), *large = found("large"), *huge = found("huge");
    assert_true(small->bytes != NULL && small->fd == -1);
    assert_true(large->bytes == NULL && large->fd >= 0);
    assert_true(huge->bytes == NULL && huge->fd >= 0);
    assert_int_equal(small->size, LIMIT_STORE_FILE);
    assert_int_equal(large->size, LIMIT_STORE_FILE + 1);
    assert_int_equal(huge->size, 5000000000);
    store_release(store, small);
    store_release(store, large);
    store_release(store, huge);
}

static void assert_modified(const char *path, const char *expected)
{
    struct entry *entry = found(path);
    assert_string_equal(entry->last_modified, expected);
    store_release(store, entry);
}

/* RFC 9110 8.8.2: the time of modification. Whether it is fit to be told is for the answer to judge. */
static void modification_is_told(void **state)
{
    (void)state;
    write_file("file", "x");
    set_modified("file", 784111777);
    assert_modified("file", "Sun, 06 Nov 1994 08:49:37 GMT");
    set_modified("file", 0);
    assert_modified("file", "Thu, 01 Jan 1970 00:00:00 GMT");
    set_modified("file", 4102444800);
    assert_modified("file", "Fri, 01 Jan 2100 00:00:00 GMT");
    struct entry *entry = found("file");
    assert_int_equal(entry->modified, 4102444800);
    store_release(store, entry);
}

static void assert_siblings(unsigned expected)
{
    struct entry *file = found("a.css");
    assert_int_equal(store_siblings(store, file, 0), expected);
    store_release(store, file);
}

/* An encoded sibling counts while it is a file and not older than its original. */
static void siblings_are_found(void **state)
{
    (void)state;
    write_file("a.css", "a{}");
    set_modified("a.css", 784111777);
    assert_siblings(0);
    write_file("a.css.gz", "gz");
    set_modified("a.css.gz", 784111777);
    assert_siblings(1U << SIBLING_GZ);
    write_file("a.css.br", "br");
    set_modified("a.css.br", 784111776);
    assert_siblings(1U << SIBLING_GZ);
    set_modified("a.css.br", 784111778);
    assert_siblings(1U << SIBLING_GZ | 1U << SIBLING_BR);
    assert_int_equal(mkdir("a.css.zst", 0755), 0);
    assert_siblings(1U << SIBLING_GZ | 1U << SIBLING_BR);
    assert_int_equal(unlink("a.css.gz"), 0);
    assert_siblings(1U << SIBLING_BR);
}

/* What was learnt in an iteration serves that iteration and no other. */
static void siblings_are_asked_once_an_iteration(void **state)
{
    (void)state;
    write_file("a.css", "a{}");
    settle();
    struct entry *file = found("a.css");
    assert_int_equal(store_siblings(store, file, 1), 0);
    write_file("a.css.gz", "gz");
    assert_int_equal(store_siblings(store, file, 1), 0);
    assert_int_equal(store_siblings(store, file, 2), 1U << SIBLING_GZ);
    assert_int_equal(store_siblings(store, file, 0), 1U << SIBLING_GZ);
    store_release(store, file);
}

static void assert_type(const char *path, const char *expected)
{
    struct entry *entry = found(path);
    assert_string_equal(entry->type.at, expected);
    store_release(store, entry);
}

/* The charset is said of text that is UTF-8, and of nothing else. */
static void types_are_told(void **state)
{
    static char text[LIMIT_STORE_FILE + 100];
    (void)state;
    write_file("utf8.html", "<p>\xC3\xBC");
    write_file("latin.html", "<p>\xFC");
    write_file("style.css", "p{}");
    write_file("empty.txt", "");
    write_bytes("wide.txt", "h\0i\0", 4);
    write_file("image.png", "\x89PNG\r\n");
    assert_type("utf8.html", "text/html; charset=utf-8");
    assert_type("latin.html", "text/html");
    assert_type("style.css", "text/css; charset=utf-8");
    assert_type("empty.txt", "text/plain; charset=utf-8");
    assert_type("wide.txt", "text/plain");
    assert_type("image.png", "image/png");
    /* A large file whose looked-at part ends in the middle of a character. */
    memset(text, 'a', sizeof text);
    memcpy(text + LIMIT_CHARSET_PROBE - 1, "\xC3\xBC", 2);
    write_bytes("large.txt", text, sizeof text);
    assert_type("large.txt", "text/plain; charset=utf-8");
    for (unsigned i = 0; i < 2; i++) {
        char before = text[100 * i];
        text[100 * i] = '\xFC';
        write_bytes("large.txt", text, sizeof text);
        assert_type("large.txt", "text/plain");
        text[100 * i] = before;
    }
}

static void etag_of(const char *path, char etag[ENTRY_ETAG_MAX])
{
    struct entry *entry = found(path);
    memcpy(etag, entry->etag.at, ENTRY_ETAG_MAX);
    store_release(store, entry);
}

/* RFC 9110 8.8.3: etagc between quotes; strong, so without W/. */
static void assert_strong(const char *etag)
{
    size_t length = strlen(etag);
    assert_true(length >= 3 && length < ENTRY_ETAG_MAX);
    assert_true(etag[0] == '"' && etag[length - 1] == '"');
    for (size_t i = 1; i < length - 1; i++)
        assert_true(etag[i] > ' ' && etag[i] != '"' && etag[i] != '\x7F');
}

/* A small file's validator comes from its content: copies and replicas have the same. */
static void etags_follow_the_content(void **state)
{
    char first[ENTRY_ETAG_MAX], copy[ENTRY_ETAG_MAX], other[ENTRY_ETAG_MAX];
    (void)state;
    write_file("first", "content");
    write_file("copy", "content");
    write_file("other", "kontent");
    set_modified("first", 0);
    set_modified("other", 0);
    etag_of("first", first);
    etag_of("copy", copy);
    etag_of("other", other);
    assert_strong(first);
    assert_string_equal(first, copy);
    assert_string_not_equal(first, other);
    change_in_place("first", "kontent");
    etag_of("first", first);
    assert_string_equal(first, other);
    write_file("first", "");
    etag_of("first", first);
    assert_strong(first);
    assert_string_not_equal(first, other);
}

/* FIPS 180-4: half of the digest. */
static void etags_are_the_digest_of_the_content(void **state)
{
    char etag[ENTRY_ETAG_MAX];
    (void)state;
    write_file("file", "content");
    etag_of("file", etag);
    assert_string_equal(etag, "\"ed7002b439e9ac845f22357d822bac14\"");
}

/* Such pairs are easily made for a hash whose steps can be inverted: three bits here. */
static void texts_with_one_hash_have_two_etags(void **state)
{
    char text[] = "legitimate text.", first[ENTRY_ETAG_MAX], second[ENTRY_ETAG_MAX];
    uint64_t hash = hash_bytes(span_of(text));
    (void)state;
    write_file("file", text);
    etag_of("file", first);
    text[7] = (char)(text[7] ^ 0x80);
    text[11] = (char)(text[11] ^ 0x10);
    text[15] = (char)(text[15] ^ 0x80);
    assert_int_equal(hash_bytes(span_of(text)), hash);
    write_file("file", text);
    etag_of("file", second);
    assert_string_not_equal(first, second);
}

static void paths_with_one_hash_are_two_files(void **state)
{
    static const char *const paths[] = {"collides0D-00--0", "iebiuf78cz588rAb"};
    (void)state;
    assert_int_equal(hash_bytes(span_of(paths[0])), hash_bytes(span_of(paths[1])));
    for (size_t i = 0; i < COUNT(paths); i++)
        write_file(paths[i], paths[i]);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(paths); i++)
            assert_content(paths[i], paths[i]);
        settle();
    }
}

/* A larger one's from its times and size, once they can be trusted; at or before 1980 from the inode's change. */
static void etags_of_large_files_change(void **state)
{
    static const time_t times[] = {1000000000, 315532800, 0};
    char before[ENTRY_ETAG_MAX], again[ENTRY_ETAG_MAX], after[ENTRY_ETAG_MAX];
    (void)state;
    make_hollow("large", LIMIT_STORE_FILE + 1);
    for (size_t i = 0; i < COUNT(times); i++) {
        set_modified("large", times[i]);
        settle_file("large");
        etag_of("large", before);
        etag_of("large", again);
        assert_strong(before);
        assert_string_equal(before, again);
        change_in_place("large", "changed");
        set_modified("large", times[i] + (times[i] > 315532800));
        settle_file("large");
        etag_of("large", after);
        assert_strong(after);
        assert_string_not_equal(before, after);
    }
}

static void set_modified_exactly(const char *path, struct timespec time)
{
    const struct timespec times[2] = {time, time};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* RFC 9110 8.8.1. Also where the numbers, in hexadecimal and without anything between them, are the same digits. */
static void large_files_with_other_times_or_sizes_have_other_etags(void **state)
{
    static const struct {
        struct timespec modified;
        off_t size;
    } files[2][2] = {
        {{{0x12CEA6011, 0x2}, 0x100000}, {{0x12CEA601, 0x12}, 0x100000}}, /* the years 2129 and 1980 */
        {{{0x12CEA601, 0x1}, 0x2300000}, {{0x12CEA601, 0x12}, 0x300000}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        char etags[2][ENTRY_ETAG_MAX];
        for (size_t k = 0; k < 2; k++) {
            make_hollow("large", files[i][k].size);
            set_modified_exactly("large", files[i][k].modified);
            settle_file("large");
            etag_of("large", etags[k]);
            assert_strong(etags[k]);
        }
        assert_string_not_equal(etags[0], etags[1]);
    }
}

/* What changed a moment ago may change again within the same tick: such times are no strong validator. */
static void etags_of_large_files_wait_for_the_clock(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        char first[ENTRY_ETAG_MAX], second[ENTRY_ETAG_MAX];
        make_hollow("large", LIMIT_STORE_FILE + 1);
        change_in_place("large", "1");
        etag_of("large", first);
        change_in_place("large", "2");
        etag_of("large", second);
        assert_true(first[0] == '\0' || strcmp(first, second) != 0);
    }
}

/* Nanoseconds of the clock that stamps files. */
static int64_t coarse_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* True when the file was made and found in less time than a change is distrusted, which a busy machine may miss. */
static bool find_fresh(const char *path, off_t size, struct entry **entry)
{
    int64_t before = coarse_clock();
    make_hollow(path, size);
    *entry = found(path);
    return coarse_clock() - before < (int64_t)RACY_MS * 1000000;
}

static void a_fresh_large_file_has_no_etag(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct entry *entry;
        if (find_fresh("large", LIMIT_STORE_FILE + 1, &entry))
            assert_string_equal(entry->etag.at, "");
        store_release(store, entry);
    }
}

static void assert_looks(uint64_t of_memory, uint64_t loaded)
{
    struct store_hits hits = store_take_hits(store);
    assert_int_equal(hits.found, of_memory);
    assert_int_equal(hits.loaded, loaded);
}

/* However old its times are: they may be another machine's. What was made of it is not made again. */
static void a_file_that_was_just_seen_is_read_again(void **state)
{
    (void)state;
    write_file("file", "content");
    settle();
    store_take_hits(store);
    stop_clock();
    struct entry *first = found("file"), *second = found("file");
    assert_looks(0, 2);
    assert_ptr_equal(first, second);
    store_release(store, first);
    store_release(store, second);
}

static void a_file_that_was_seen_unchanged_for_long_enough_is_kept(void **state)
{
    (void)state;
    write_file("file", "content");
    settle_file("file");
    store_take_hits(store);
    struct entry *entry = found("file");
    assert_looks(0, 1);
    assert_true(entry->settled);
    entry->head.length = 1;
    store_release(store, entry);
    entry = found("file");
    assert_looks(1, 0);
    assert_int_equal(entry->head.length, 1);
    store_release(store, entry);
}

/* ---- holding ---- */

/* An answer in flight keeps what it began with. */
static void what_is_held_stays(void **state)
{
    (void)state;
    write_file("file", "held");
    struct entry *held = found("file"), *twice = found("file");
    assert_int_equal(unlink("file"), 0);
    assert_status("file", 404);
    assert_holds(held, "held");
    write_file("file", "new");
    assert_content("file", "new");
    assert_holds(held, "held");
    store_release(store, held);
    assert_holds(twice, "held");
    store_release(store, twice);
    assert_content("file", "new");
}

static void a_held_descriptor_stays(void **state)
{
    char bytes[5];
    (void)state;
    make_hollow("large", LIMIT_STORE_FILE + 1);
    change_in_place("large", "held!");
    struct entry *held = found("large");
    assert_int_equal(unlink("large"), 0);
    assert_status("large", 404);
    make_hollow("large", LIMIT_STORE_FILE + 1);
    store_release(store, found("large"));
    read_entry(held, bytes, 5);
    assert_memory_equal(bytes, "held!", 5);
    store_release(store, held);
}

/* The room for a head begins empty for new content, and ends where that begins. */
static void heads_begin_empty(void **state)
{
    (void)state;
    write_file("file", "one");
    settle();
    struct entry *entry = found("file");
    assert_int_equal(entry->head.length, 0);
    memset(entry->head.end - ENTRY_HEAD_MAX, 'x', ENTRY_HEAD_MAX);
    entry->head.length = ENTRY_HEAD_MAX;
    store_release(store, entry);
    change_in_place("file", "two");
    entry = found("file");
    assert_int_equal(entry->head.length, 0);
    store_release(store, entry);
}

/* ---- what a look costs ---- */

static void a_look_at_an_unchanged_file_is_one_stat_for_each_name(void **state)
{
    static const struct {
        const char *path;
        unsigned stats, opens;
    } cases[] = {{"file", 1, 0}, {"a/file", 2, 0}, {"a/b/c/file", 4, 0}};
    (void)state;
    make_directory("a");
    make_directory("a/b");
    make_directory("a/b/c");
    for (size_t i = 0; i < COUNT(cases); i++)
        write_file(cases[i].path, "x");
    for (unsigned times = 0; times < 2; times++) { /* seen for long enough the second time */
        for (size_t i = 0; i < COUNT(cases); i++)
            assert_content(cases[i].path, "x");
        settle();
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_content(cases[i].path, "x");
        stats = opens = 0;
        assert_content(cases[i].path, "x");
        assert_int_equal(stats, cases[i].stats);
        assert_int_equal(opens, cases[i].opens);
    }
}

/* Finds the path as a request of the iteration, and checks the number of calls. */
static void assert_calls(const char *path, uint64_t iteration, unsigned expected_stats, unsigned expected_opens)
{
    struct entry *entry = NULL;
    stats = opens = 0;
    assert_int_equal(store_find(store, span_of(path), iteration, &entry), 0);
    store_release(store, entry);
    assert_int_equal(stats, expected_stats);
    assert_int_equal(opens, expected_opens);
}

/* Finds the path and its siblings, and checks the number of calls. */
static void assert_first_request(const char *path, uint64_t iteration, unsigned expected_stats, unsigned expected_opens)
{
    struct entry *entry = NULL;
    stats = opens = 0;
    assert_int_equal(store_find(store, span_of(path), iteration, &entry), 0);
    assert_int_equal(store_siblings(store, entry, iteration), 0);
    store_release(store, entry);
    assert_int_equal(stats, expected_stats);
    assert_int_equal(opens, expected_opens);
}

/* Once the names of its directory are known, a new file costs its stat and open and one stat of each directory. */
static void first_request_for_a_file_skips_siblings_that_its_directory_lacks(void **state)
{
    static const char *const paths[] = {"one", "two", "three", "four", "five", "a/one", "a/two", "a/three", "a/four"};
    (void)state;
    make_directory("a");
    for (size_t i = 0; i < COUNT(paths); i++)
        write_file(paths[i], "x");
    stop_clock();
    assert_first_request("one", 1, 1 + 1 + 3, 1 + 1); /* the file, the directory, three siblings */
    assert_first_request("a/one", 1, 1 + 1 + 3, 2 + 1);
    start_clock();
    settle();
    assert_first_request("two", 2, 1 + 1 + 3, 1 + 1);
    assert_first_request("a/two", 2, 1 + 1 + 3, 2 + 1);
    assert_first_request("three", 3, 1 + 1, 1 + 2); /* its names are read */
    assert_first_request("a/three", 3, 1 + 1, 2 + 2);
    assert_first_request("four", 4, 1 + 1, 1);
    assert_first_request("a/four", 4, 1 + 1, 2);
    write_file("five.br", "x");
    struct entry *file = found("five");
    assert_int_equal(store_siblings(store, file, 5), 1U << SIBLING_BR);
    store_release(store, file);
    file = found("one");
    assert_int_equal(store_siblings(store, file, 5), 0);
    write_file("one.gz", "x");
    assert_int_equal(store_siblings(store, file, 6), 1U << SIBLING_GZ);
    store_release(store, file);
}

static void file_that_becomes_a_directory_before_it_is_opened_is_found_as_one(void **state)
{
    static const size_t sizes[] = {4, LIMIT_STORE_FILE + 1};
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        make_hollow("turns", (off_t)sizes[i]);
        replaced = "turns";
        struct entry *entry = found("turns");
        assert_null(replaced);
        assert_int_equal(entry->kind, ENTRY_DIRECTORY);
        store_release(store, entry);
        assert_int_equal(rmdir("turns"), 0);
    }
}

static void large_file_that_grows_all_the_time_is_found(void **state)
{
    (void)state;
    stop_clock();
    make_hollow("log", LIMIT_STORE_FILE + 1);
    growing = "log";
    for (uint64_t times = 1; times <= 3; times++) {
        struct entry *entry = found("log");
        assert_int_equal(entry->size, LIMIT_STORE_FILE + 1 + times);
        store_release(store, entry);
    }
    growing = NULL;
}

static void requests_of_an_iteration_share_their_directory(void **state)
{
    static const char *const paths[] = {"a/one", "a/two", "b/one"};
    (void)state;
    unsigned before = open_descriptors();
    make_directory("a");
    make_directory("b");
    for (size_t i = 0; i < COUNT(paths); i++)
        write_file(paths[i], "x");
    for (unsigned times = 0; times < 2; times++) {
        for (size_t i = 0; i < COUNT(paths); i++)
            assert_content(paths[i], "x");
        settle();
    }
    assert_calls("a/one", 5, 2, 0);
    assert_calls("a/two", 5, 1, 0);
    assert_calls("b/one", 5, 2, 0);
    assert_calls("b/one", 6, 2, 0);
    store_end_iteration(store, file_stamp_clock());
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(rename("a", "c"), 0);
    make_directory("a");
    write_file("a/two", "new");
    struct entry *entry;
    assert_int_equal(store_find(store, SPAN("a/one"), 7, &entry), 404);
    assert_content("a/two", "new");
}

/* "a/b/one", whose stamp the store trusts. */
static void make_settled_file(void)
{
    make_directory("a");
    make_directory("a/b");
    write_file("a/b/one", "x");
    for (unsigned times = 0; times < 2; times++) {
        assert_content("a/b/one", "x");
        settle();
    }
}

static void assert_link_shows(const char *moved_to, const char *target)
{
    struct entry *entry;
    assert_content("a/b/one", "x");
    assert_int_equal(rename("a", moved_to), 0);
    assert_int_equal(symlink(target, "a"), 0);
    assert_int_equal(store_find(store, SPAN("a/b/one"), 0, &entry), 404);
    assert_int_equal(unlink("a"), 0);
    assert_int_equal(rename(moved_to, "a"), 0);
    assert_content("a/b/one", "x");
}

/* The file is the same, but the way to it leads out of the root. */
static void a_link_in_place_of_a_directory_shows_at_once(void **state)
{
    (void)state;
    make_settled_file();
    assert_content("a/b/one", "x");
    assert_link_shows("c", "../root/c"); /* out and in again */
    assert_link_shows("../moved", "../moved");
}

static void another_directory_of_the_same_name_shows_at_once(void **state)
{
    struct entry *entry;
    (void)state;
    make_settled_file();
    assert_calls("a/b/one", 5, 3, 0);
    assert_int_equal(rename("a/b", "moved"), 0);
    make_directory("a/b");
    assert_int_equal(link("moved/one", "a/b/one"), 0);
    assert_int_equal(store_find(store, SPAN("a/b/one"), 6, &entry), 0);
    assert_true(opens > 0); /* resolved name by name */
    store_release(store, entry);
}

/* ---- the root's name ---- */

/* Looks by the name of the directory in which the test stands. */
static void follow_root(void)
{
    static char name[PATH_MAX];
    assert_non_null(getcwd(name, sizeof name));
    store_follow(store, name);
}

static void replace_root(void)
{
    assert_int_equal(rename("../root", "../old"), 0);
    assert_int_equal(mkdir("../root", 0755), 0);
}

static void restore_root(void)
{
    assert_int_equal(rmdir("../root"), 0);
    assert_int_equal(rename("../old", "../root"), 0);
}

static void a_look_by_the_roots_name_costs_no_more(void **state)
{
    (void)state;
    follow_root();
    a_look_at_an_unchanged_file_is_one_stat_for_each_name(state);
}

/* A path that is too long for the kernel together with the root's name. */
static void long_path_is_not_found_beneath_a_replaced_root(void **state)
{
    char path[PATH_MAX];
    struct entry *entry;
    (void)state;
    memset(path, 'd', sizeof path); /* directories of 200 bytes, then one of 60 */
    for (size_t end = 200; end < PATH_MAX; end += end == 20 * 201 - 1 ? 61 : 201) {
        path[end] = '\0';
        make_directory(path);
        path[end] = '/';
    }
    memcpy(path + 20 * 201 + 61, "f", 2);
    write_file(path, "x");
    follow_root();
    for (unsigned times = 0; times < 3; times++) {
        assert_content(path, "x");
        settle();
    }
    assert_content(path, "x");
    replace_root();
    store_begin(store);
    assert_int_equal(store_find(store, span_of(path), 0, &entry), 503);
    assert_int_equal(store_root_state(store), ROOT_REPLACED);
    restore_root();
    path[200] = '\0'; /* absolute names are too long for tree_leave() */
    assert_int_equal(nftw(path, tree_remove_one, 32, FTW_DEPTH | FTW_PHYS), 0);
}

static void nothing_is_found_beneath_a_replaced_root(void **state)
{
    static const char *const paths[] = {"file", "a/file", "a", "", "none", "a/none", "file/none"};
    int fd;
    (void)state;
    make_directory("a");
    write_file("file", "x");
    write_file("a/file", "x");
    follow_root();
    settle();
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(paths); i++) {
            store_begin(store);
            assert_status(paths[i], i < 4 ? 0 : 404);
            assert_int_equal(store_root_state(store), ROOT_CURRENT);
        }
        settle();
        replace_root();
        for (size_t i = 0; i < COUNT(paths); i++) {
            store_begin(store);
            assert_status(paths[i], 503);
            assert_int_equal(store_root_state(store), ROOT_REPLACED);
        }
        store_begin(store);
        assert_int_equal(store_open_directory(store, SPAN("a"), &fd), 503);
        assert_int_equal(store_root_state(store), ROOT_REPLACED);
        restore_root();
    }
}

static void removed_root_is_missing(void **state)
{
    (void)state;
    write_file("file", "x");
    follow_root();
    assert_content("file", "x");
    assert_int_equal(rename("../root", "../old"), 0);
    store_begin(store);
    assert_status("file", 503);
    assert_int_equal(store_root_state(store), ROOT_MISSING);
    assert_int_equal(store_root_error(store), ENOENT);
    assert_int_equal(rename("../old", "../root"), 0);
    store_begin(store);
    assert_content("file", "x");
    assert_int_equal(store_root_state(store), ROOT_CURRENT);
}

/* The first of two requests has looked beneath the old root; the second must not share that. */
static void lookup_beneath_a_replaced_root_is_not_shared(void **state)
{
    (void)state;
    write_file("file", "old");
    follow_root();
    replace_root();
    for (unsigned request = 0; request < 2; request++) {
        struct entry *entry;
        store_begin(store);
        assert_int_equal(store_find(store, SPAN("file"), 7, &entry), 503);
        assert_null(entry);
    }
    restore_root();
}

/* Two releases can have the same file, but not the same siblings. */
static void sibling_that_only_the_new_root_has_shows_that_it_was_replaced(void **state)
{
    (void)state;
    write_file("file", "text");
    settle();
    assert_content("file", "text");
    follow_root();
    struct entry *entry = found("file");
    assert_int_equal(store_siblings(store, entry, 0), 0);
    store_release(store, entry);
    assert_int_equal(rename("../root", "../old"), 0);
    assert_int_equal(mkdir("../root", 0755), 0);
    assert_int_equal(link("../old/file", "../root/file"), 0);
    write_file("../root/file.gz", "gz");
    settle();
    store_begin(store);
    if (store_find(store, SPAN("file"), 0, &entry) == 0) {
        store_siblings(store, entry, 0);
        store_release(store, entry);
    }
    assert_int_equal(store_root_state(store), ROOT_REPLACED);
    unlink("../root/file");
    unlink("../root/file.gz");
    restore_root();
}

/* ---- bounds ---- */

static const char *numbered(unsigned number)
{
    static char path[32];
    snprintf(path, sizeof path, "file-%u", number);
    return path;
}

static void descriptors_are_bounded(void **state)
{
    enum { FILES = LIMIT_STORE_FDS + 50 };
    unsigned before = open_descriptors();
    (void)state;
    make_hollow(numbered(0), LIMIT_STORE_FILE + 1);
    change_in_place(numbered(0), "held!");
    struct entry *held = found(numbered(0));
    for (unsigned i = 1; i < FILES; i++) {
        make_hollow(numbered(i), LIMIT_STORE_FILE + 1);
        struct entry *entry = found(numbered(i));
        assert_true(entry->fd >= 0);
        store_release(store, entry);
        assert_true(open_descriptors() - before <= LIMIT_STORE_FDS + 1);
    }
    char bytes[5]; /* long out of the table, and still open */
    read_entry(held, bytes, 5);
    assert_memory_equal(bytes, "held!", 5);
    store_release(store, held);
    assert_true(open_descriptors() - before <= LIMIT_STORE_FDS);
    store_close(store);
    store = NULL;
    assert_int_equal(open_descriptors(), before);
}

/* A deleted file would keep its space, and a file system could not be unmounted. */
static void idle_descriptors_are_closed(void **state)
{
    (void)state;
    assert_int_equal(store_end_iteration(store, file_stamp_clock()), -1);
    make_hollow("large", LIMIT_STORE_FILE + 1);
    unsigned before = open_descriptors();
    settle_file("large");
    struct entry *entry = found("large"), *again;
    entry->head.length = 1;
    store_release(store, entry);
    int64_t now = file_stamp_clock(), due = store_end_iteration(store, now);
    assert_in_range(due, now, now + LIMIT_STORE_FD_MS);
    assert_int_equal(open_descriptors(), before + 1);
    while (due >= 0) {
        now = due;
        due = store_end_iteration(store, now);
    }
    assert_true(now <= file_stamp_clock() + LIMIT_STORE_FD_MS);
    assert_int_equal(open_descriptors(), before);
    /* What is known of it stays. */
    again = found("large");
    assert_ptr_equal(again, entry);
    assert_true(again->fd >= 0);
    assert_int_equal(again->head.length, 1);
    store_release(store, again);
    assert_true(store_end_iteration(store, file_stamp_clock()) >= 0);
}

static void descriptors_in_use_do_not_expire(void **state)
{
    char bytes[5];
    (void)state;
    make_hollow("large", LIMIT_STORE_FILE + 1);
    make_hollow("other", LIMIT_STORE_FILE + 1);
    unsigned before = open_descriptors();
    struct entry *held = found("large");
    store_release(store, found("other"));
    assert_int_equal(store_end_iteration(store, file_stamp_clock() + LIMIT_STORE_FD_MS), -1);
    assert_int_equal(open_descriptors(), before + 1);
    read_entry(held, bytes, sizeof bytes);
    store_release(store, held);
    assert_int_equal(store_end_iteration(store, file_stamp_clock() + LIMIT_STORE_FD_MS), -1);
    assert_int_equal(open_descriptors(), before);
}

static void descriptors_of_deleted_files_are_closed_with_their_last_answer(void **state)
{
    (void)state;
    unsigned before = open_descriptors();
    make_hollow("large", LIMIT_STORE_FILE + 1);
    struct entry *first = found("large");
    settle();
    struct entry *second = found("large"); /* settled only once it is found again, in another node */
    assert_int_equal(unlink("large"), 0);
    store_release(store, first);
    store_release(store, second);
    assert_int_equal(open_descriptors(), before);
    assert_status("large", 404);
}

static void no_descriptor_leaks(void **state)
{
    static const char *const paths[] = {"file", "missing", "a", "", "fifo", "up", "a/file", "file/x", "missing/x"};
    (void)state;
    make_directory("a");
    write_file("file", "x");
    write_file("a/file", "x");
    assert_int_equal(mkfifo("fifo", 0644), 0);
    make_link("../root", "up");
    unsigned before = open_descriptors();
    for (unsigned times = 0; times < 50; times++) {
        struct entry *entry;
        for (size_t i = 0; i < COUNT(paths); i++) {
            if (find(paths[i], &entry) == 0)
                store_release(store, entry);
        }
        write_file("file", times % 2 == 0 ? "y" : "longer");
    }
    store_end_iteration(store, file_stamp_clock());
    assert_int_equal(open_descriptors(), before);
}

/* More than LIMIT_STORE_BYTES in small files: all are found, also those that had to go. */
static void more_than_fits_is_found(void **state)
{
    enum { FILES = LIMIT_STORE_BYTES / LIMIT_STORE_FILE + 20 };
    (void)state;
    for (unsigned i = 0; i < FILES; i++)
        make_hollow(numbered(i), LIMIT_STORE_FILE);
    struct entry *held = found(numbered(0));
    for (unsigned times = 0; times < 2; times++) {
        for (unsigned i = 1; i < FILES; i++) {
            struct entry *entry = found(numbered(i));
            assert_int_equal(entry->size, LIMIT_STORE_FILE);
            store_release(store, entry);
        }
    }
    assert_int_equal(held->bytes[LIMIT_STORE_FILE - 1], '\0');
    store_release(store, held);
}

static bool is_kept(const char *path)
{
    store_take_hits(store);
    store_release(store, found(path));
    return store_take_hits(store).loaded == 0;
}

static void smaller_bound_of_bytes_is_kept(void **state)
{
    enum { FILES = 8, KEPT = 3 };
    (void)state;
    store_close(store);
    store = store_open(root, -1000); /* all is settled */
    store_bound(store, KEPT * LIMIT_STORE_FILE);
    for (unsigned i = 0; i < FILES; i++)
        make_hollow(numbered(i), LIMIT_STORE_FILE);
    for (unsigned i = 0; i < FILES; i++)
        store_release(store, found(numbered(i)));
    for (unsigned i = FILES; i-- > 0;)
        assert_int_equal(is_kept(numbered(i)), i >= FILES - KEPT);
}

/* With room for one file, two responses hold one each; the third file is sent by its descriptor. */
static void least_bound_of_bytes_serves_every_file(void **state)
{
    enum { FILES = 3 };
    struct entry *held[FILES];
    (void)state;
    store_close(store);
    store = store_open(root, -1000); /* all is settled */
    store_bound(store, LIMIT_STORE_FILE);
    for (unsigned i = 0; i < FILES; i++) {
        make_hollow(numbered(i), LIMIT_STORE_FILE);
        held[i] = found(numbered(i));
        assert_int_equal(held[i]->bytes != NULL, i < 2);
    }
    for (unsigned i = 0; i < FILES; i++)
        store_release(store, held[i]);
    assert_true(is_kept(numbered(0)) || is_kept(numbered(1)));
}

static void bound_of_entries_is_in_proportion(void **state)
{
    enum { KEPT = LIMIT_STORE_FILE / (LIMIT_STORE_BYTES / LIMIT_STORE_ENTRIES), FILES = KEPT + 10 };
    (void)state;
    store_close(store);
    store = store_open(root, -1000); /* all is settled */
    store_bound(store, LIMIT_STORE_FILE);
    for (unsigned i = 0; i < FILES; i++) {
        write_file(numbered(i), "x");
        store_release(store, found(numbered(i)));
    }
    for (unsigned i = FILES; i-- > 0;)
        assert_int_equal(is_kept(numbered(i)), i >= FILES - KEPT);
}

enum { HELD = LIMIT_STORE_BYTES / LIMIT_STORE_FILE + 1 };

/* Responses in flight hold LIMIT_STORE_BYTES. */
static void hold_all(struct entry *held[HELD])
{
    for (unsigned i = 0; i < HELD; i++)
        make_hollow(numbered(i), LIMIT_STORE_FILE);
    for (unsigned i = 0; i < HELD; i++) {
        held[i] = found(numbered(i));
        assert_non_null(held[i]->bytes);
    }
}

static void release_all(struct entry *held[HELD])
{
    for (unsigned i = 0; i < HELD; i++)
        store_release(store, held[i]);
}

/* A write during a response from the descriptor would tear it. */
static void a_small_file_that_may_change_is_503_while_memory_is_held(void **state)
{
    static struct entry *held[HELD];
    (void)state;
    make_hollow("large", LIMIT_STORE_FILE + 1);
    write_file("small", "x");
    stop_clock();
    hold_all(held);
    assert_status("small", 503);
    assert_status("small", 503);
    struct entry *large = found("large"), *again = found(numbered(0));
    assert_true(large->fd >= 0);
    assert_ptr_equal(again, held[0]);
    store_release(store, large);
    store_release(store, again);
    release_all(held);
    assert_content("small", "x"); /* the released files make room */
}

/* Its ETag would not be that of its bytes (RFC 9110 8.8.1), and the next response may have these again. */
static void a_settled_small_file_is_sent_without_etag_while_memory_is_held(void **state)
{
    static struct entry *held[HELD];
    (void)state;
    store_close(store);
    store = store_open(root, -1000); /* all is settled */
    write_file("small", "x");
    hold_all(held);
    struct entry *small = found("small"), *again = found("small");
    assert_null(small->bytes);
    assert_true(small->fd >= 0);
    assert_string_equal(small->etag.at, "");
    assert_ptr_not_equal(again, small);
    store_release(store, again);
    store_release(store, small);
    release_all(held);
    assert_content("small", "x");
    small = found("small");
    assert_non_null(small->bytes);
    assert_int_equal(small->etag.length, 34);
    store_release(store, small);
}

/* Leaves room for so many descriptors more; 0 puts the bound back. */
static void bound_descriptors(unsigned room)
{
    static struct rlimit usual;
    if (room == 0) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
        return;
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    int lowest = fcntl(root, F_DUPFD_CLOEXEC, 0);
    close(lowest);
    struct rlimit bound = {.rlim_cur = (rlim_t)lowest + room, .rlim_max = usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &bound), 0);
}

/* A descriptor that is only kept gives way to one that is needed. */
static void kept_descriptors_give_way(void **state)
{
    int statuses[20];
    (void)state;
    for (unsigned i = 0; i < COUNT(statuses); i++)
        make_hollow(numbered(i), LIMIT_STORE_FILE + 1);
    write_file("small", "x");
    bound_descriptors(6);
    for (unsigned i = 0; i < COUNT(statuses); i++) {
        struct entry *entry;
        statuses[i] = find(numbered(i), &entry);
        if (statuses[i] == 0)
            store_release(store, entry);
    }
    struct entry *entry;
    int small = find("small", &entry);
    if (small == 0)
        store_release(store, entry);
    bound_descriptors(0);
    for (unsigned i = 0; i < COUNT(statuses); i++)
        assert_int_equal(statuses[i], 0);
    assert_int_equal(small, 0);
}

/* 503 while all are in use, and as before when they are given back. */
static void a_shortage_passes(void **state)
{
    struct entry *held[20];
    unsigned count = 0;
    int status = 0;
    (void)state;
    for (unsigned i = 0; i < COUNT(held); i++)
        make_hollow(numbered(i), LIMIT_STORE_FILE + 1);
    bound_descriptors(6);
    while (count < COUNT(held) && (status = find(numbered(count), &held[count])) == 0)
        count++;
    for (unsigned i = 0; i < count; i++)
        store_release(store, held[i]);
    struct entry *entry;
    int after = find(numbered(COUNT(held) - 1), &entry);
    if (after == 0)
        store_release(store, entry);
    bound_descriptors(0);
    assert_in_range(count, 1, COUNT(held) - 1);
    assert_int_equal(status, 503);
    assert_int_equal(after, 0);
}

/* ---- what the command line says ---- */

static void links_may_lead_anywhere(void **state)
{
    static const struct settings all = {.symlinks = SYMLINKS_ALL};
    (void)state;
    store_obey(store, &all);
    make_directory("../outside");
    write_file("../outside/file", "outside");
    write_file("inside", "inside");
    make_link("../outside/file", "leaves");
    make_link("../outside", "place");
    make_link("inside", "stays");
    make_link("loop", "loop");
    for (unsigned times = 0; times < 2; times++) {
        assert_content("leaves", "outside");
        assert_content("place/file", "outside");
        assert_content("stays", "inside");
        assert_status("loop", 404);
    }
    write_file("../outside/file", "changed");
    assert_content("leaves", "changed");
    assert_content("place/file", "changed");
}

static void absolute_links_into_the_root_are_followed(void **state)
{
    char here[PATH_MAX], given[PATH_MAX + 16], target[PATH_MAX + 32];
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    make_directory("a");
    write_file("a/file", "file");
    snprintf(target, sizeof target, "%s/a/file", here);
    make_link(target, "link");
    make_link("/etc/passwd", "leaves");
    settle();
    assert_status("link", 404); /* the root has no name yet */
    store_follow(store, NULL);
    assert_content("link", "file"); /* the kernel's name */
    store_follow(store, here);
    for (unsigned times = 0; times < 2; times++) {
        assert_content("link", "file");
        assert_status("leaves", 404);
    }
    write_file("a/file", "changed");
    assert_content("link", "changed");
    snprintf(given, sizeof given, "%s/../given", here); /* the name that the server was given leads to it */
    make_link("root", "../given");
    snprintf(target, sizeof target, "%s/a/file", given);
    make_link(target, "by-given-name");
    store_follow(store, given);
    assert_content("link", "changed");
    assert_content("by-given-name", "changed");
    assert_int_equal(unlink("link"), 0);
    make_link("/etc/passwd", "link");
    assert_status("link", 404);
}

static void links_may_be_refused(void **state)
{
    static const struct settings no_links = {.symlinks = SYMLINKS_NONE};
    (void)state;
    store_obey(store, &no_links);
    make_directory("a");
    write_file("a/file", "file");
    make_link("a/file", "link");
    make_link("a", "place");
    settle();
    for (unsigned times = 0; times < 2; times++) {
        assert_content("a/file", "file");
        assert_status("link", 404);
        assert_status("place/file", 404);
        assert_status("place", 404);
    }
    assert_int_equal(rename("a", "b"), 0);
    make_link("b", "a");
    assert_status("a/file", 404);
}

/* Settings count for what is found after them. */
static void renew_store(void)
{
    store_close(store);
    store = store_open(root, RACY_MS);
}

static void charsets_may_be_said(void **state)
{
    static const char longest[] = "0123456789012345678901234567890123456789";
    static const struct type_override types[] = {{"own", "text/own; charset=koi8-r"}, {"bin", "text/bin"}};
    struct settings settings = {.types = {types[0], types[1]}, .type_count = 2};
    char type[ENTRY_TYPE_MAX];
    (void)state;
    write_file("a.txt", "a");
    write_file("a.own", "a");
    write_file("a.bin", "a");
    write_file("a.svg", "a");
    write_bytes("latin.txt", "\xE9", 1);
    store_obey(store, &settings);
    assert_type("a.txt", "text/plain; charset=utf-8");
    assert_type("latin.txt", "text/plain");
    assert_type("a.own", "text/own; charset=koi8-r");
    assert_type("a.bin", "text/bin; charset=utf-8");
    renew_store();
    settings.charset = longest;
    store_obey(store, &settings);
    assert_int_equal(sizeof longest - 1, LIMIT_CHARSET_NAME);
    snprintf(type, sizeof type, "text/plain; charset=%s", longest);
    assert_type("a.txt", type);
    assert_type("latin.txt", type);
    assert_type("a.svg", "image/svg+xml");
    renew_store();
    settings.charset = "none";
    store_obey(store, &settings);
    assert_type("a.txt", "text/plain");
    assert_type("a.own", "text/own; charset=koi8-r");
    mime_override(NULL, 0);
}

/* All of the room may be written to, and the bytes follow it. */
static void heads_may_be_longer(void **state)
{
    enum { MORE = 4096 };
    (void)state;
    store_reserve(store, MORE);
    write_file("a.txt", "a");
    struct entry *entry = found("a.txt");
    assert_ptr_equal(entry->head.end, entry->bytes);
    memset(entry->head.end - ENTRY_HEAD_MAX - MORE, 'h', ENTRY_HEAD_MAX + MORE);
    store_release(store, entry);
    assert_content("a.txt", "a");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_found),
        TEST(reads_may_be_short_interrupted_or_fail),
        TEST(large_file_is_read_up_to_its_end),
        TEST(bytes_are_kept_as_they_are),
        TEST(directories_are_found),
        TEST(what_is_missing_is_404),
        TEST(what_is_no_file_is_404),
        TEST(long_names_are_404),
        TEST(files_that_may_not_be_read_are_403),
        TEST(errors_of_opening_have_a_status),
        TEST(each_error_is_logged_but_a_shortage_once_a_minute),
        TEST(links_that_stay_are_followed),
        TEST(links_that_leave_are_404),
        TEST(links_to_nowhere_are_404),
        TEST(dots_do_not_leave_the_root),
        TEST(a_file_may_become_a_link),
        TEST(files_that_are_being_written_are_read_until_two_reads_agree),
        TEST(later_bytes_of_a_file_that_is_being_written_are_read_again),
        TEST(changes_in_place_are_seen),
        TEST(changes_after_a_while_are_seen),
        TEST(replacements_are_seen),
        TEST(sizes_follow),
        TEST(moved_directories_are_seen),
        TEST(large_files_follow),
        TEST(a_turn_asks_once),
        TEST(every_turn_sees_what_went_before),
        TEST(large_files_have_a_descriptor),
        TEST(modification_is_told),
        TEST(siblings_are_found),
        TEST(siblings_are_asked_once_an_iteration),
        TEST(types_are_told),
        TEST(etags_follow_the_content),
        TEST(etags_are_the_digest_of_the_content),
        TEST(texts_with_one_hash_have_two_etags),
        TEST(paths_with_one_hash_are_two_files),
        TEST(etags_of_large_files_change),
        TEST(large_files_with_other_times_or_sizes_have_other_etags),
        TEST(etags_of_large_files_wait_for_the_clock),
        TEST(a_fresh_large_file_has_no_etag),
        TEST(a_file_that_was_just_seen_is_read_again),
        TEST(a_file_that_was_seen_unchanged_for_long_enough_is_kept),
        TEST(a_look_at_an_unchanged_file_is_one_stat_for_each_name),
        TEST(first_request_for_a_file_skips_siblings_that_its_directory_lacks),
        TEST(file_that_becomes_a_directory_before_it_is_opened_is_found_as_one),
        TEST(large_file_that_grows_all_the_time_is_found),
        TEST(requests_of_an_iteration_share_their_directory),
        TEST(a_link_in_place_of_a_directory_shows_at_once),
        TEST(another_directory_of_the_same_name_shows_at_once),
        TEST(a_look_by_the_roots_name_costs_no_more),
        TEST(nothing_is_found_beneath_a_replaced_root),
        TEST(long_path_is_not_found_beneath_a_replaced_root),
        TEST(removed_root_is_missing),
        TEST(lookup_beneath_a_replaced_root_is_not_shared),
        TEST(sibling_that_only_the_new_root_has_shows_that_it_was_replaced),
        TEST(what_is_held_stays),
        TEST(a_held_descriptor_stays),
        TEST(heads_begin_empty),
        TEST(descriptors_are_bounded),
        TEST(idle_descriptors_are_closed),
        TEST(descriptors_in_use_do_not_expire),
        TEST(descriptors_of_deleted_files_are_closed_with_their_last_answer),
        TEST(no_descriptor_leaks),
        TEST(more_than_fits_is_found),
        TEST(smaller_bound_of_bytes_is_kept),
        TEST(least_bound_of_bytes_serves_every_file),
        TEST(bound_of_entries_is_in_proportion),
        TEST(a_small_file_that_may_change_is_503_while_memory_is_held),
        TEST(a_settled_small_file_is_sent_without_etag_while_memory_is_held),
        TEST(kept_descriptors_give_way),
        TEST(a_shortage_passes),
        TEST(links_may_lead_anywhere),
        TEST(absolute_links_into_the_root_are_followed),
        TEST(links_may_be_refused),
        TEST(charsets_may_be_said),
        TEST(heads_may_be_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
