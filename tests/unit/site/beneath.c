/* Opening beneath the root gives the same file or the same error as openat2 for each path. */
#include "site/beneath.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a root, and files outside ---- */

enum { DEEP = 200, LINKS_MAX = 40, RACES = 5000 };

static char base[64];
static int base_fd, root;
static struct beneath beneath;

static const char *const folders[] = {"site", "outside", "site/d", "site/d/e", "site/nox", "site/rooms"};
static const char *const files[] = {"secret",     "outside/secret", "site/f",         "site/d/f",
                                    "site/d/e/f", "site/nox/f",     "site/unreadable"};
static const struct {
    const char *name, *target;
} links[] = {
    {"file", "f"},
    {"dir", "d"},
    {"dir-slash", "d/"},
    {"file-slash", "f/"},
    {"file-dot", "f/."},
    {"many-slashes", "d///.//e////f"},
    {"d/up", "../f"},
    {"d/e/up-twice", "../../f"},
    {"d/e/up-and-down", "../../d/./e/../f"},
    {"d/e/up-slashes", "..//..///f"},
    {"d/e/to-root", "../.."},
    {"d/e/to-root-slash", "../../"},
    {"d/e/out", "../../../secret"},
    {"d/e/out-and-in", "../../../site/f"},
    {"out", "../secret"},
    {"dot", "."},
    {"dot-dot", ".."},
    {"d/parent", ".."},
    {"d/e/parent", "../."},
    {"through", "d/e/to-root/d/up"},
    {"absolute", "/etc/passwd"},
    {"absolute-dir", "/"},
    {"d/absolute", "//"},
    {"dangling", "nowhere"},
    {"dangling-dir", "nowhere/"},
    {"self", "self"},
    {"self-dir", "self-dir/x"},
    {"ping", "pong"},
    {"pong", "ping"},
    {"under-file", "f/../f"},
    {"through-nox", "nox/../f"},
    {"into-nox", "nox/f"},
    {"missing-up", "nowhere/../f"},
    {"dots", "d/..."},
    {"two-dots-name", "d/..f"},
    {"chain-0", "f"},
};

/* Writes `first` and "/n/n/n...", `length` bytes in all. */
static void write_long(char *path, const char *first, size_t length)
{
    size_t used = strlen(first);
    memcpy(path, first, used);
    for (size_t i = used; i < length; i++)
        path[i] = (i - used) % 2 == 0 ? '/' : 'n';
    path[length] = '\0';
}

static void make_links(void)
{
    char name[32], target[32];
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(symlinkat(links[i].target, root, links[i].name), 0);
    for (unsigned i = 1; i <= LINKS_MAX; i++) { /* chain-39 takes 40 links, chain-40 one more */
        snprintf(name, sizeof name, "chain-%u", i);
        snprintf(target, sizeof target, "d/../chain-%u", i - 1);
        assert_int_equal(symlinkat(target, root, name), 0);
    }
    char text[PATH_MAX] = ""; /* the longest link; it ends at the root */
    for (unsigned i = 0; i < (PATH_MAX - 2) / 17; i++)
        strcat(text, "d//////..///////");
    strcat(text, "f");
    assert_int_equal(symlinkat(text, root, "long"), 0);
    char more[PATH_MAX];
    text[0] = '\0'; /* as many steps as there may be, the link's own included */
    for (unsigned i = 0; i < LIMIT_WALK_STEPS / 2 - 1; i++)
        strcat(text, "d/../");
    strcat(text, "f");
    assert_int_equal(symlinkat(text, root, "as-many-steps"), 0);
    snprintf(more, sizeof more, "./%.*s", PATH_MAX - 3, text);
    assert_int_equal(symlinkat(more, root, "one-step-more"), 0);
    for (unsigned i = 0; i < LINKS_MAX; i++) { /* hop-39: as many links as there may be, and after each many names */
        snprintf(name, sizeof name, "hop-%u", i);
        write_long(text, i == 0 ? "d" : target, PATH_MAX - 1);
        assert_int_equal(symlinkat(text, root, name), 0);
        memcpy(target, name, sizeof target);
    }
    memset(text, 'n', 256);
    text[256] = '\0';
    assert_int_equal(symlinkat(text, root, "too-long"), 0);
}

/* Nested directories, with a link at the deepest that leads up to the root. */
static void make_deep(void)
{
    char up[3 * DEEP + 2] = "";
    int fd = openat(root, ".", O_PATH | O_DIRECTORY);
    for (unsigned i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(fd, "a", 0755), 0);
        int next = openat(fd, "a", O_PATH | O_DIRECTORY);
        close(fd);
        fd = next;
        strcat(up, "../");
    }
    strcat(up, "f");
    assert_int_equal(symlinkat(up, fd, "up"), 0);
    close(fd);
}

static int make(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tinyhttpd-beneath-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdirat(base_fd, folders[i], 0755), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        close(openat(base_fd, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    root = openat(base_fd, "site", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
    make_links();
    make_deep();
    assert_int_equal(fchmodat(root, "nox", 0644, 0), 0);
    assert_int_equal(fchmodat(root, "unreadable", 0, 0), 0);
    if (geteuid() == 0) { /* root ignores permissions */
        assert_int_equal(fchown(base_fd, 65533, 65533), 0);
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
            assert_int_equal(fchownat(base_fd, folders[i], 65533, 65533, 0), 0);
        assert_int_equal(seteuid(65533), 0);
    }
    beneath.root = root;
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    char command[256];
    if (geteuid() != getuid())
        assert_int_equal(seteuid(getuid()), 0);
    close(root);
    close(base_fd);
    snprintf(command, sizeof command, "chmod 755 %s/site/nox; rm -rf %s", base, base);
    return system(command); /* NOLINT(cert-env33-c): no word of it is input */
}

/* ---- reads of links ---- */

static unsigned link_reads;
static int link_error; /* of each read, unless 0 */

/* Takes the C library's place, whose declaration may be an inline function. */
ssize_t read_link(int directory, const char *path, char *room, size_t size) __asm__("readlinkat");

ssize_t read_link(int directory, const char *path, char *room, size_t size)
{
    link_reads++;
    errno = link_error;
    return link_error != 0 ? -1 : syscall(SYS_readlinkat, directory, path, room, size);
}

/* ---- compared with the kernel ---- */

struct outcome {
    int error; /* 0: opened */
    ino_t inode;
    mode_t mode;
    int flags;
};

/* Closes the descriptor, or looks at errno. */
static struct outcome outcome_of_open(int fd)
{
    struct stat attributes = {0};
    struct outcome outcome = {0};
    if (fd < 0)
        return (struct outcome){.error = errno};
    assert_int_equal(fstat(fd, &attributes), 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    outcome.inode = attributes.st_ino;
    outcome.mode = attributes.st_mode;
    outcome.flags = fcntl(fd, F_GETFL) & (O_PATH | O_ACCMODE);
    close(fd);
    return outcome;
}

/* Of attributes instead of a descriptor: the same as of O_PATH. */
static struct outcome outcome_of_stat(int result, const struct stat *attributes)
{
    return result < 0 ? (struct outcome){.error = errno}
                      : (struct outcome){.inode = attributes->st_ino, .mode = attributes->st_mode, .flags = O_PATH};
}

static bool is_equal(const struct outcome *a, const struct outcome *b)
{
    return a->error == b->error && a->inode == b->inode && a->mode == b->mode && a->flags == b->flags;
}

/* beneath_open_regular() finds what beneath_stat() has found, and opens it as beneath_open() does if it is a file. */
static void opens_only_a_file(struct span path, const struct outcome *examined)
{
    bool linked;
    int fd;
    struct stat attributes;
    int result = beneath_open_regular(&beneath, path, &attributes, &fd, &linked);
    if (examined->error != 0 || !S_ISREG(examined->mode)) {
        struct outcome again = outcome_of_stat(result, &attributes);
        assert_true(is_equal(&again, examined));
        assert_int_equal(fd, -1);
        return;
    }
    assert_true(S_ISREG(attributes.st_mode));
    struct outcome opened = outcome_of_open(fd);
    struct outcome expected = outcome_of_open(beneath_open(&beneath, path, O_RDONLY));
    assert_int_equal(result == 0, opened.error == 0);
    assert_true(is_equal(&opened, &expected));
}

/* Stands for beneath_open_regular, of a path that is a file. */
enum { REGULAR = O_RDONLY | O_NOCTTY };

/* O_PATH alone stands for beneath_stat. */
static struct outcome outcome_of(enum symlink_choice symlinks, struct span path, int flags)
{
    bool linked;
    int fd;
    struct stat attributes;
    beneath.symlinks = symlinks;
    if (flags == REGULAR)
        return outcome_of_open(beneath_open_regular(&beneath, path, &attributes, &fd, &linked) < 0 ? -1 : fd);
    if (flags == O_PATH)
        return outcome_of_stat(beneath_stat(&beneath, path, &attributes, &linked), &attributes);
    return outcome_of_open(beneath_open(&beneath, path, flags));
}

static struct outcome outcome_of_walk(const struct beneath *from, struct span path, int flags, unsigned *steps,
                                      struct span *name)
{
    struct stat attributes;
    if (flags == O_PATH)
        return outcome_of_stat(beneath_walk(from, path, 0, &attributes, steps, name), &attributes);
    return outcome_of_open(beneath_walk(from, path, flags, NULL, steps, name));
}

/* Tries again while renames elsewhere make ".." fail (openat2(2)). */
static int openat2_beneath(enum symlink_choice symlinks, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (symlinks == SYMLINKS_NONE ? RESOLVE_NO_SYMLINKS : 0),
    };
    int fd;
    do
        fd = (int)syscall(SYS_openat2, root, *path != '\0' ? path : ".", &how, sizeof how);
    while (fd < 0 && errno == EAGAIN);
    return fd;
}

static const int flag_choices[] = {
    O_PATH,
    O_PATH | O_DIRECTORY,
    O_RDONLY | O_NONBLOCK,
    O_RDONLY | O_DIRECTORY,
};

static void is_the_same_as_openat2(const char *path)
{
    static const enum symlink_choice choices[] = {SYMLINKS_INSIDE, SYMLINKS_NONE};
    for (size_t i = 0; i < sizeof flag_choices / sizeof *flag_choices; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct outcome expected = outcome_of_open(openat2_beneath(choices[k], path, flag_choices[i]));
            struct outcome found = outcome_of(choices[k], span_of(path), flag_choices[i]);
            if (!is_equal(&expected, &found))
                fail_msg("'%.100s', flags %o, symlinks %d: openat2 %s, inode %lu; walk %s, inode %lu", path,
                         (unsigned)flag_choices[i], (int)choices[k], strerror(expected.error),
                         (unsigned long)expected.inode, strerror(found.error), (unsigned long)found.inode);
            if (flag_choices[i] == O_PATH)
                opens_only_a_file(span_of(path), &expected);
        }
    }
}

static bool has_openat2(void)
{
    int fd = openat2_beneath(SYMLINKS_INSIDE, "", O_PATH);
    if (fd >= 0) {
        close(fd);
        return true;
    }
    print_message("no openat2 here: skipped\n");
    return false;
}

static const char *const same_paths[] = {
    "",
    ".",
    "f",
    "d",
    "d/f",
    "d/e/f",
    "nowhere",
    "nowhere/f",
    "d/nowhere",
    "f/f",
    "f/",
    "d/",
    "d//e///f",
    "./f",
    "d/./f",
    "d/.",
    "f/.",
    "f/..",
    "..",
    "d/..",
    "d/../f",
    "d/../..",
    "../f",
    "/",
    "fifo",
    "fifo/x",
    "unreadable",
    "nox",
    "nox/f",
    "nox/.",
    "nox/..",
    "nox/../f",
    "dir/f",
    "dir/e/up-twice",
    "dir-slash/f",
    "dot/dot/dot/f",
    "dot-dot/site/f",
    "d/parent/d/parent/f",
    "d/e/to-root/d/e/to-root/f",
    "dir/",
    "file/",
    "dangling/",
    "chain-39",
    "chain-40",
    "chain-38/x",
    "file/x",
    "absolute-dir/etc",
    "self/x",
    "d/e/up-twice/",
    "..f",
    "...",
};

/* Calls `compare` with each path, with each link, with what it leads to as a directory, and with a file behind it. */
static void compare_all(void (*compare)(const char *path))
{
    for (size_t i = 0; i < sizeof same_paths / sizeof *same_paths; i++)
        if (same_paths[i][0] != '/')
            compare(same_paths[i]);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char path[64];
        compare(links[i].name);
        snprintf(path, sizeof path, "%s/", links[i].name);
        compare(path);
        snprintf(path, sizeof path, "%s/f", links[i].name);
        compare(path);
    }
}

static void each_path_gives_the_same_as_with_openat2(void **state)
{
    (void)state;
    if (has_openat2())
        compare_all(is_the_same_as_openat2);
}

static void is_the_same_as_openat(const char *path)
{
    struct beneath all = {.root = root, .symlinks = SYMLINKS_ALL};
    for (size_t i = 0; i < sizeof flag_choices / sizeof *flag_choices; i++) {
        unsigned steps = 1000;
        struct span name;
        int flags = flag_choices[i];
        struct outcome expected = outcome_of_open(openat(root, *path != '\0' ? path : ".", flags | O_CLOEXEC));
        struct outcome found = outcome_of_walk(&all, span_of(path), flags, &steps, &name);
        if (!is_equal(&expected, &found))
            fail_msg("'%.100s', flags %o: openat %s, walk %s", path, (unsigned)flags, strerror(expected.error),
                     strerror(found.error));
    }
}

static void the_walk_follows_all_links_as_openat_does(void **state)
{
    (void)state;
    compare_all(is_the_same_as_openat);
}

static void too_many_steps_are_a_loop(void **state)
{
    (void)state;
    assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("as-many-steps"), O_PATH).error, 0);
    assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("one-step-more"), O_PATH).error, ELOOP);
}

static void the_walk_counts_its_steps_and_tells_where_it_stops(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned steps, used;
        int error;
        size_t at; /* where the name begins */
        const char *name;
    } cases[] = {
        {"", 9, 1, 0, 0, ""},
        {"d/e/f", 3, 3, 0, 4, "f"},
        {"d/e/f", 2, 2, ELOOP, 2, "e"},
        {"d/e/f", 0, 0, ELOOP, 0, "d"},
        {"d/nowhere/x", 9, 2, ENOENT, 2, "nowhere"},
        {"d/e/nowhere", 9, 3, ENOENT, 4, "nowhere"},
        {"f/x", 9, 1, ENOTDIR, 0, "f"},
        {"file/x", 9, 2, ENOTDIR, 0, "file"},
        {"dangling-dir/x", 9, 2, ENOENT, 0, "dangling-dir"},
        {"d/up/x/y", 9, 4, ENOTDIR, 2, "up"},
        {"d/e/out/x", 9, 4, EXDEV, 4, "out"},
        {"d/absolute/x", 9, 2, EXDEV, 2, "absolute"},
        {"d/e/to-root/nowhere/x", 9, 5, ENOENT, 12, "nowhere"},
        {"d/parent/d/e/nowhere", 9, 6, ENOENT, 13, "nowhere"},
        {"d/e/parent/nowhere", 9, 7, ENOENT, 11, "nowhere"},
        {"through/x", 9, 9, ENOTDIR, 0, "through"},
        {"self/x", 99, 41, ELOOP, 0, "self"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned steps = cases[i].steps;
        struct span path = span_of(cases[i].path), name;
        beneath.symlinks = SYMLINKS_INSIDE;
        struct outcome outcome = outcome_of_walk(&beneath, path, O_PATH, &steps, &name);
        if (outcome.error != cases[i].error || cases[i].steps - steps != cases[i].used ||
            name.at != path.at + cases[i].at || !span_equal(name, span_of(cases[i].name)))
            fail_msg("'%s': %s after %u steps at '%.*s'", cases[i].path, strerror(outcome.error),
                     cases[i].steps - steps, (int)name.length, name.at);
    }
}

static void long_paths_give_the_same_as_with_openat2(void **state)
{
    (void)state;
    static const size_t lengths[] = {254, 255, 256, 4094, 4095, 4096, 4097, 8000};
    char path[8001];
    if (!has_openat2())
        return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(path, 'n', lengths[i]);
        path[lengths[i]] = '\0';
        is_the_same_as_openat2(path);
        for (size_t k = 1; k < lengths[i]; k += 2)
            path[k] = '/';
        is_the_same_as_openat2(path);
        memset(path, '/', lengths[i]);
        memcpy(path, "d", 1);
        is_the_same_as_openat2(path);
        memcpy(path + lengths[i] - 1, "f", 1);
        is_the_same_as_openat2(path);
    }
    is_the_same_as_openat2("long");
    is_the_same_as_openat2("as-many-steps");
    is_the_same_as_openat2("too-long");
    write_long(path, "hop-39", PATH_MAX - 1);
    is_the_same_as_openat2(path);
    path[0] = '\0';
    for (unsigned i = 0; i < DEEP; i++)
        strcat(path, "a/");
    is_the_same_as_openat2(path);
    strcat(path, "up");
    is_the_same_as_openat2(path);
    strcat(path, "/x");
    is_the_same_as_openat2(path);
}

static void links_that_are_not_followed_are_not_read(void **state)
{
    (void)state;
    link_reads = 0;
    assert_int_equal(outcome_of(SYMLINKS_NONE, SPAN("file"), O_PATH).error, ELOOP);
    assert_int_equal(outcome_of(SYMLINKS_NONE, SPAN("dir/f"), O_RDONLY).error, ELOOP);
    assert_int_equal(link_reads, 0);
}

/* On a file system that calls it a link each time, and each time no link when it is read. */
static void a_link_that_can_never_be_read_is_a_loop(void **state)
{
    (void)state;
    link_reads = 0;
    link_error = EINVAL; /* no link (readlink(2)) */
    int error = outcome_of(SYMLINKS_INSIDE, SPAN("file"), O_PATH).error;
    link_error = 0;
    assert_int_equal(error, ELOOP);
    assert_int_equal(link_reads, 40);
}

static void error_of_reading_a_link_is_returned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flag_choices / sizeof *flag_choices; i++) {
        link_error = EIO;
        int last = outcome_of(SYMLINKS_INSIDE, SPAN("file"), flag_choices[i]).error;
        int between = outcome_of(SYMLINKS_INSIDE, SPAN("dir/f"), flag_choices[i]).error;
        link_error = 0;
        assert_int_equal(last, EIO);
        assert_int_equal(between, EIO);
    }
}

static void links_on_the_way_are_reported(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool linked;
    } cases[] = {{"f", false},      {"d/e/f", false},  {"", false},    {"d", false},
                 {"file", true},    {"dir/f", true},   {"d/up", true}, {"d/e/to-root/f", true},
                 {"chain-9", true}, {"nowhere", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool linked = !cases[i].linked;
        beneath.symlinks = SYMLINKS_INSIDE;
        struct stat attributes;
        beneath_stat(&beneath, span_of(cases[i].path), &attributes, &linked);
        assert_int_equal(linked, cases[i].linked);
    }
}

static void absolute_links_to_a_name_of_the_root_stay_inside(void **state)
{
    (void)state;
    char name[PATH_MAX], target[2 * PATH_MAX];
    static const struct {
        const char *behind_base;
        int error;
        const char *same; /* in the root */
    } cases[] = {
        {"/site/d/f", 0, "d/f"},      {"/site", 0, ""},          {"/site/", 0, ""},
        {"/site/d/e/../f", 0, "d/f"}, {"//./site/.//f", 0, "f"}, {"/site/dir/up", 0, "d/up"},
        {"/site/d/", 0, "d"},         {"/site/f/", ENOTDIR, ""}, {"/site/nowhere", ENOENT, ""},
        {"/site/out", EXDEV, ""},     {"/site/..", EXDEV, ""},   {"/site/../site/f", EXDEV, ""},
        {"/secret", EXDEV, ""},       {"/rootless", EXDEV, ""},  {"", EXDEV, ""},
        {"/../f", EXDEV, ""},
    };
    snprintf(name, sizeof name, "%s/.//site/.", base);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(target, sizeof target, "%s%s", base, cases[i].behind_base);
        assert_int_equal(symlinkat(target, root, "to-name"), 0);
        beneath.names[0] = beneath.names[1] = NULL;
        assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("to-name"), O_PATH).error, EXDEV);
        beneath.names[i % 2] = name;
        assert_int_equal(outcome_of(SYMLINKS_NONE, SPAN("to-name"), O_PATH).error, ELOOP);
        struct outcome found = outcome_of(SYMLINKS_INSIDE, SPAN("to-name"), O_PATH);
        assert_int_equal(found.error, cases[i].error);
        struct outcome expected = outcome_of_open(openat(root, "to-name", O_PATH | O_CLOEXEC));
        struct outcome same = outcome_of(SYMLINKS_INSIDE, span_of(cases[i].same), O_PATH);
        assert_true(found.error != 0 || (is_equal(&found, &expected) && is_equal(&found, &same)));
        assert_int_equal(unlinkat(root, "to-name", 0), 0);
    }
    assert_int_equal(symlinkat("/d", root, "to-name"), 0); /* "/" as the root's name */
    beneath.names[0] = "/";
    assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("to-name/f"), O_RDONLY).error, 0);
    assert_int_equal(unlinkat(root, "to-name", 0), 0);
    assert_int_equal(symlinkat("/r/d", root, "to-name"), 0);
    beneath.names[0] = "/r";
    assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("to-name/f"), O_RDONLY).error, 0);
    beneath.names[0] = "/s";
    assert_int_equal(outcome_of(SYMLINKS_INSIDE, SPAN("to-name/f"), O_RDONLY).error, EXDEV);
    beneath.names[0] = beneath.names[1] = NULL;
    assert_int_equal(unlinkat(root, "to-name", 0), 0);
}

/* Their texts are absolute paths, or no paths. */
static void magic_links_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"fd/0", "cwd", "root", "exe", "fd/0/x", "cwd/x", "root/etc/passwd", "ns/mnt"};
    int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), pipes[2];
    char name[32];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    snprintf(name, sizeof name, "fd/%d", pipes[0]);
    struct beneath self = {.root = proc, .symlinks = SYMLINKS_INSIDE};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(beneath_open(&self, span_of(paths[i]), O_RDONLY), -1);
    assert_int_equal(beneath_open(&self, span_of(name), O_RDONLY), -1);
    close(pipes[0]);
    close(pipes[1]);
    close(proc);
}

/* ---- races ---- */

/* Forks a process that exchanges two names until it is stopped. */
static pid_t exchange(const char *a, const char *b)
{
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        syscall(SYS_renameat2, base_fd, a, base_fd, b, RENAME_EXCHANGE);
    _exit(0);
}

static void stop(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static ino_t inode_of(const char *path)
{
    struct stat attributes;
    assert_int_equal(fstatat(base_fd, path, &attributes, AT_SYMLINK_NOFOLLOW), 0);
    return attributes.st_ino;
}

/* Opens the path many times while two names are exchanged, and asserts that it never leads outside. Returns the number
   of successful opens. */
static unsigned open_while(const char *a, const char *b, const char *path, int flags)
{
    ino_t secrets[] = {inode_of("secret"), inode_of("outside/secret"), inode_of("outside")};
    unsigned opened = 0;
    pid_t child = exchange(a, b);
    for (unsigned i = 0; i < RACES; i++) {
        struct outcome outcome = outcome_of(SYMLINKS_INSIDE, span_of(path), flags);
        for (size_t k = 0; k < 3; k++)
            assert_true(outcome.error != 0 || outcome.inode != secrets[k]);
        assert_true(outcome.error == 0 || outcome.error == ENOENT || outcome.error == EXDEV || outcome.error == ELOOP);
        opened += outcome.error == 0;
    }
    stop(child);
    return opened;
}

static void races_never_lead_outside(void **state)
{
    (void)state;
    /* A directory is exchanged with a link to the outside. */
    assert_int_equal(mkdirat(root, "swap", 0755), 0);
    close(openat(root, "swap/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    assert_int_equal(symlinkat("../outside", root, "swap-link"), 0);
    open_while("site/swap", "site/swap-link", "swap/secret", O_RDONLY);
    open_while("site/swap", "site/swap-link", "swap", O_RDONLY | O_DIRECTORY);
    /* A file is exchanged with a link to the outside. */
    close(openat(root, "swap-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    assert_int_equal(symlinkat("../secret", root, "swap-out"), 0);
    open_while("site/swap-file", "site/swap-out", "swap-file", O_RDONLY);
    open_while("site/swap-file", "site/swap-out", "swap-file", O_PATH);
    open_while("site/swap-file", "site/swap-out", "swap-file", REGULAR);
    /* A directory is moved out of the root while a link in it leads up; "../secret" exists in both places. */
    assert_int_equal(mkdirat(root, "rooms/room", 0755), 0);
    assert_int_equal(symlinkat("../../f", root, "rooms/room/up"), 0);
    assert_int_equal(symlinkat("../secret", root, "rooms/room/beside"), 0);
    assert_int_equal(mkdirat(base_fd, "outside/room", 0755), 0);
    open_while("site/rooms/room", "outside/room", "rooms/room/beside", O_RDONLY);
    open_while("site/rooms/room", "outside/room", "rooms/room/up", O_RDONLY);
    /* A link and a file are exchanged: one of them always exists. */
    close(openat(root, "turn-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    assert_int_equal(symlinkat("f", root, "turn-link"), 0);
    assert_int_equal(open_while("site/turn-file", "site/turn-link", "turn-file", O_RDONLY), RACES);
    assert_int_equal(open_while("site/turn-file", "site/turn-link", "turn-file", O_PATH), RACES);
    assert_int_equal(open_while("site/turn-file", "site/turn-link", "turn-file", REGULAR), RACES);
}

static void no_descriptor_stays_open(void **state)
{
    (void)state;
    int before = dup(0), after;
    close(before);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        outcome_of(SYMLINKS_INSIDE, span_of(links[i].name), O_RDONLY | O_NONBLOCK);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_gives_the_same_as_with_openat2),
        cmocka_unit_test(the_walk_follows_all_links_as_openat_does),
        cmocka_unit_test(too_many_steps_are_a_loop),
        cmocka_unit_test(the_walk_counts_its_steps_and_tells_where_it_stops),
        cmocka_unit_test(long_paths_give_the_same_as_with_openat2),
        cmocka_unit_test(links_that_are_not_followed_are_not_read),
        cmocka_unit_test(a_link_that_can_never_be_read_is_a_loop),
        cmocka_unit_test(error_of_reading_a_link_is_returned),
        cmocka_unit_test(links_on_the_way_are_reported),
        cmocka_unit_test(absolute_links_to_a_name_of_the_root_stay_inside),
        cmocka_unit_test(magic_links_are_refused),
        cmocka_unit_test(races_never_lead_outside),
        cmocka_unit_test(no_descriptor_stays_open),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
