/* The reasons of 404s, word for word, in a real directory. */
#include "site/reason.h"

#include "base/limits.h"
#include "base/unicode.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- wrappers of the C library's functions ---- */

static unsigned calls, opens;
static unsigned forbidden_opens; /* with flags that the sandbox denies, or without O_CLOEXEC */
static unsigned odd_opens;       /* without O_PATH, of something that is neither a file nor a directory */

static int open_counted(int directory, const char *path, int flags, mode_t mode)
{
    struct stat attributes;
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    calls++;
    opens++;
    forbidden_opens +=
        ((flags & O_DIRECTORY) == 0 && (~flags & (O_NONBLOCK | O_NOCTTY)) != 0) || (flags & O_CLOEXEC) == 0;
    if (fd >= 0 && (flags & O_PATH) == 0 && fstat(fd, &attributes) == 0)
        odd_opens += !S_ISREG(attributes.st_mode) && !S_ISDIR(attributes.st_mode);
    return fd;
}

int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    calls++;
    return (int)syscall(SYS_newfstatat, directory, path, attributes, flags);
}

/* Takes the C library's place, whose declaration may be an inline function. */
ssize_t read_link(int directory, const char *path, char *room, size_t size) __asm__("readlinkat");

ssize_t read_link(int directory, const char *path, char *room, size_t size)
{
    calls++;
    return syscall(SYS_readlinkat, directory, path, room, size);
}

/* Replaces openat(2), and the function that _FORTIFY_SOURCE makes of it. */
int openat_any(int directory, const char *path, int flags, ...) __asm__("openat");
int openat_without_mode(int directory, const char *path, int flags) __asm__("__openat_2");

int openat_any(int directory, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;
    va_start(list, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(list, mode_t);
    va_end(list);
    return open_counted(directory, path, flags, mode);
}

int openat_without_mode(int directory, const char *path, int flags)
{
    return open_counted(directory, path, flags, 0);
}

/* Generates the names of a directory; NULL: read its own. */
static const char *(*made_up)(unsigned number);
static unsigned made_up_read;

struct dirent *readdir(DIR *directory)
{
    typedef struct dirent *function(DIR * directory);
    static function *next;
    static union {
        struct dirent entry;
        char room[sizeof(struct dirent) + 8192];
    } one;
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "readdir");
        memcpy(&next, &found, sizeof next);
    }
    if (made_up == NULL)
        return next(directory);
    const char *name = made_up(made_up_read++);
    if (name == NULL)
        return NULL;
    memcpy(one.room + offsetof(struct dirent, d_name), name, strlen(name) + 1);
    return &one.entry;
}

/* ---- a directory ---- */

static char base[64];
static int root;
static struct beneath beneath;
static int64_t second; /* a new one for each reason, as each second allows few */

static const char *const odd[] = {"fifo", "to-fifo", "device", "socket"};
static const char *const folders[] = {"guide", "img", "_", ".git", "locked", "shown", "entered"};
static const char *const files[] = {
    "about.html",   "about.txt", "README.md", "style.css",   "style.min.css",   "img/hills.png", "_/hills.png",
    ".env",         ".a",        "private",   ".git/config", "guide/Index.htm", "a\nb.txt",      "ab",
    "notes.tar.gz", "pick.a",    "pick.b",    "pick.c",      "pick.html",       "pick.d",        "pick.e",
    "pick.x",       "pick.y",    "pick.z",    "cafe\u0301",  "\uD55C",          "\u00E9e\u0301", "gr\u00FCn.html"};
static char far[300] = ".."; /* longer than a reason shows */
static const struct {
    const char *name;
    const char *target;
} symlinks[] = {{"out", "/etc/passwd"},  {"above", "../x"}, {"far", far},  {"to-file", "about.txt"},
                {"dangling", "nowhere"}, {"loop", "loop"},  {"short", "q"}};

static int make(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tinyhttpd-reason-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    root = open(base, O_RDONLY | O_DIRECTORY);
    for (size_t i = 2; i + 1 < sizeof far; i++)
        far[i] = '/';
    beneath = (struct beneath){.root = root, .symlinks = SYMLINKS_INSIDE};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdirat(root, folders[i], 0755);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        close(openat(root, files[i], O_WRONLY | O_CREAT, 0644));
    for (size_t i = 0; i < sizeof symlinks / sizeof *symlinks; i++)
        assert_int_equal(symlinkat(symlinks[i].target, root, symlinks[i].name), 0);
    assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
    assert_int_equal(symlinkat("fifo", root, "to-fifo"), 0);
    if (mknodat(root, "device", S_IFCHR | 0644, makedev(1, 3)) < 0) /* needs CAP_MKNOD */
        assert_int_equal(symlinkat("fifo", root, "device"), 0);
    assert_int_equal(fchmodat(root, "private", 0, 0), 0);
    assert_int_equal(fchmodat(root, "locked", 0, 0), 0);
    assert_int_equal(fchmodat(root, "shown", S_IRUSR | S_IRGRP | S_IROTH, 0), 0);
    assert_int_equal(fchmodat(root, "entered", S_IXUSR | S_IXGRP | S_IXOTH, 0), 0);
    assert_int_equal(fchmod(root, 0755), 0);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof symlinks / sizeof *symlinks; i++)
        unlinkat(root, symlinks[i].name, 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(root, files[i], 0);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        unlinkat(root, odd[i], 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        unlinkat(root, folders[i], AT_REMOVEDIR);
    close(root);
    return rmdir(base);
}

static char suggestion[REASON_MAX + 1]; /* of the last reason */

/* The lowest free descriptor. */
static int lowest(void)
{
    int fd = dup(root);
    close(fd);
    return fd;
}

static const char *reason_of(const char *path, bool dotfiles)
{
    static char text[REASON_MAX + 1];
    int before = lowest();
    forbidden_opens = 0;
    struct reason reason = {{text, 0, REASON_MAX, false}, {suggestion, 0, REASON_MAX, false}};
    reason_find(&reason, &beneath, span_of(path), dotfiles, ++second);
    assert_int_equal(lowest(), before); /* all are closed */
    assert_int_equal(forbidden_opens, 0);
    text[reason.text.length] = '\0';
    suggestion[reason.suggestion.length] = '\0';
    return text;
}

#define OUTSIDE_ABSOLUTE \
    "whose path leads outside the root; a relative link inside the root works, and --symlinks all follows " \
    "every " \
    "link."

static void reasons_have_these_words(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *reason;
    } cases[] = {
        {"readme.md", "There is no 'readme.md' in the root. Did you mean 'README.md'? Names are case-sensitive."},
        {"IMG/hills.png", "There is no 'IMG' in the root. Did you mean 'img'? Names are case-sensitive."},
        {"img/hill.png", "There is no 'hill.png' in 'img'. Did you mean 'hills.png'?"},
        {"about", "There is no 'about' in the root. Did you mean 'about.html'? The address lacks the extension."},
        {"notes", "There is no 'notes' in the root. Did you mean 'notes.tar.gz'? The address lacks the extension."},
        {"pick", "There is no 'pick' in the root. Did you mean 'pick.html'? The address lacks the extension."},
        {"pick.", "There is no 'pick.' in the root. Did you mean 'pick.a'?"},
        {"stlye.css", "There is no 'stlye.css' in the root. Did you mean 'style.css'?"},
        {"styles/main.css", "There is no 'styles' in the root."},
        {"guide/a/b", "There is no 'a' in 'guide'."},
        {"guide/index.html", "There is no 'index.html' in 'guide'. Did you mean 'Index.htm'?"},
        {"guide/index.htm", "There is no 'index.htm' in 'guide'. Did you mean 'Index.htm'? Names are case-sensitive."},
        {"a\nb.tx", "There is no 'a\nb.tx' in the root. Did you mean 'a\nb.txt'?"},
        {"xy", "There is no 'xy' in the root."}, /* too short to be similar to another */
        {"xb", "There is no 'xb' in the root."},
        {"loopxy", "There is no 'loopxy' in the root. Did you mean 'loop'?"},
        {"imh", "There is no 'imh' in the root. Did you mean 'img'?"},
        {"xyg", "There is no 'xyg' in the root."}, /* two of three letters are others */
        {"guixy", "There is no 'guixy' in the root."},
        {".env", "'.env' begins with a dot; start the server with --dotfiles to serve such names."},
        {".git/config", "'.git' begins with a dot; start the server with --dotfiles to serve such names."},
        {".svn/entries", "There is no '.svn' in the root."},
        {"out", "'out' is a symbolic link to '/etc/passwd', " OUTSIDE_ABSOLUTE},
        {"out/x", "'out' is a symbolic link to '/etc/passwd', " OUTSIDE_ABSOLUTE},
        {"above", "'above' is a symbolic link to '../x', whose path leads outside the root; --symlinks all "
                  "follows every link."},
        {"far", "'far' is a symbolic link, whose path leads outside the root; --symlinks all follows every link."},
        {"to-file/x",
         "'to-file' is a symbolic link to 'about.txt', which leads to a file where a directory is needed."},
        {".git/", "'.git' begins with a dot; start the server with --dotfiles to serve such names."},
        {".git/nothing", "'.git' begins with a dot; start the server with --dotfiles to serve such names."},
        {"caf\u00E9", "There is no 'caf\u00E9' in the root. Did you mean 'cafe\u0301'? It is the same name in another "
                      "Unicode form: the one on disk is decomposed (NFD)."},
        {"\u1112\u1161\u11AB",
         "There is no '\u1112\u1161\u11AB' in the root. Did you mean '\uD55C'? It is the same name in "
         "another Unicode form: the requested one is decomposed (NFD)."},
        {"e\u0301\u00E9",
         "There is no 'e\u0301\u00E9' in the root. Did you mean '\u00E9e\u0301'? It is the same name in "
         "another Unicode form."},
        {"gru\u0308n", "There is no 'gru\u0308n' in the root. Did you mean 'gr\u00FCn.html'? The address "
                       "lacks the extension."},
        {"dangling", "'dangling' is a symbolic link to 'nowhere', which leads to nothing."},
        {"short", "'short' is a symbolic link to 'q', which leads to nothing."},
        {"loop", "'loop' is a symbolic link to 'loop', which leads back to itself or through too many links."},
        {"README.md/index.html", "'README.md' is a file, not a directory."},
        {"README.md", ""}, /* it exists: created after the 404 */
        {"img", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(reason_of(cases[i].path, false), cases[i].reason);
    assert_string_equal(reason_of(".envv", true), "There is no '.envv' in the root. Did you mean '.env'?");
    assert_string_equal(reason_of(".A", true),
                        "There is no '.A' in the root. Did you mean '.a'? Names are case-sensitive.");
    assert_string_equal(reason_of(".A", false), "There is no '.A' in the root.");
    assert_string_equal(reason_of(".env", true), "");
    assert_string_equal(reason_of("..", true), ""); /* target_parse returns no such path */
}

static void suggestions_are_paths(void **state)
{
    static const char *const cases[][2] = {{"readme.md", "README.md"},
                                           {"img/hill.png", "img/hills.png"},
                                           {"_/hill.png", "_/hills.png"},
                                           {"IMG/hills.png", "img"},
                                           {"guide/index.html", "guide/Index.htm"},
                                           {"about", "about.html"},
                                           {"xy", ""},
                                           {"guide/a/b", ""},
                                           {".env", ""},
                                           {"dangling", ""},
                                           {"README.md/x", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reason_of(cases[i][0], false);
        assert_string_equal(suggestion, cases[i][1]);
    }
}

static void missing_permissions_are_reasons(void **state)
{
    (void)state;
    bool superuser = geteuid() == 0; /* it may read everything */
    if (superuser)
        assert_int_equal(seteuid(65534), 0);
    assert_string_equal(reason_of("private", false), "'private' is a file that the server's user may not read.");
    assert_string_equal(reason_of("locked/x", false), "The server's user may not enter 'locked'.");
    assert_string_equal(reason_of("shown/x", false), "The server's user may not enter 'shown'.");
    assert_string_equal(reason_of("entered/x", false),
                        "There is no 'x' in 'entered'. The server's user may not list 'entered'.");
    if (superuser)
        assert_int_equal(seteuid(0), 0);
}

static void links_are_not_followed_at_all(void **state)
{
    (void)state;
    beneath.symlinks = SYMLINKS_NONE;
    assert_string_equal(reason_of("to-file", false), "'to-file' is a symbolic link to 'about.txt'; the server follows "
                                                     "none, as it was started with --symlinks none.");
    beneath.symlinks = SYMLINKS_INSIDE;
}

static void make_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", base);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void fifos_and_devices_are_reasons_and_never_opened(void **state)
{
    (void)state;
    struct stat attributes;
    make_socket();
    odd_opens = 0;
    opens = 0;
    assert_string_equal(reason_of("fifo", false), "'fifo' is neither a file nor a directory.");
    assert_string_equal(reason_of("to-fifo", false),
                        "'to-fifo' is a symbolic link to 'fifo', which leads to neither a file nor a directory.");
    assert_string_equal(reason_of("socket", false), "'socket' is neither a file nor a directory.");
    assert_int_equal(fstatat(root, "device", &attributes, AT_SYMLINK_NOFOLLOW), 0);
    reason_of("device", false);
    if (S_ISCHR(attributes.st_mode))
        assert_string_equal(reason_of("device", false), "'device' is neither a file nor a directory.");
    assert_string_equal(reason_of("fifo/index.html", false), "'fifo' is neither a file nor a directory.");
    assert_true(opens > 0);
    assert_int_equal(odd_opens, 0);
}

/* ---- names of any length ---- */

static char room_for_names[8192];

/* "other", then "a." and Japanese, of this length. */
static size_t long_length;

static const char *long_names(unsigned number)
{
    if (number == 0)
        return "other";
    if (number > 1)
        return NULL;
    memset(room_for_names, 0, sizeof room_for_names);
    memcpy(room_for_names, "a.", 2);
    for (size_t i = 2; i < long_length; i++)
        room_for_names[i] = "\xE3\x81\x82"[(i - 2) % 3];
    return room_for_names;
}

static void names_that_fit_are_in_the_reason(void **state)
{
    (void)state;
    static const size_t lengths[] = {3, 253, 254, 255, 256, 257, 605, 700, 766, 767, 768, 769, 1024, 4095, 4096, 8000};
    made_up = long_names;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        long_length = lengths[i];
        made_up_read = 0;
        const char *reason = reason_of("a", false);
        bool fits = lengths[i] <= 690; /* REASON_MAX less the sentences */
        assert_memory_equal(reason, "There is no 'a' in the root.", 28);
        if (fits || lengths[i] >= REASON_MAX) {
            assert_int_equal(strstr(reason, " Did you mean 'a.") != NULL, fits);
            assert_int_equal(strlen(suggestion), fits ? lengths[i] : 0);
        }
    }
    made_up = NULL;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) { /* requested names */
        memset(room_for_names, 'b', lengths[i]);
        room_for_names[lengths[i]] = '\0';
        reason_of(room_for_names, false);
        reason_of(room_for_names, true);
    }
}

/* ---- the cost of a 404 ---- */

static const char *alike_at_the_end(unsigned number)
{
    snprintf(room_for_names, sizeof room_for_names, "%057d%05u", 7, number);
    return room_for_names;
}

static const char *alike_between(unsigned number)
{
    snprintf(room_for_names, sizeof room_for_names, "%c%060d%c", (int)('b' + number % 20), 7, (int)('b' + number % 20));
    return room_for_names;
}

static const char *screenshots(unsigned number)
{
    snprintf(room_for_names, sizeof room_for_names, "Screenshot from 2024-%02u-%02u %02u-%02u-%02u.png",
             number % 12 + 1, number % 28 + 1, number % 24, number % 60, number * 7 % 60);
    return room_for_names;
}

static const char *longest(unsigned number)
{
    (void)number;
    memset(room_for_names, 'x', 4096);
    room_for_names[4096] = '\0';
    return room_for_names;
}

static const char *as_long_as_fits(unsigned number)
{
    snprintf(room_for_names, sizeof room_for_names, "%0750u", number);
    return room_for_names;
}

/* With accents, in NFD, and alike but for the end. */
static const char *accented(unsigned number)
{
    size_t length = 0;
    while (length < 700)
        length += (size_t)snprintf(room_for_names + length, sizeof room_for_names - length, "e\u0323\u0302");
    snprintf(room_for_names + length, sizeof room_for_names - length, "%u", number);
    return room_for_names;
}

/* The same in NFC, for which the directory has no number. */
static const char *composed(void)
{
    static char text[512];
    while (strlen(text) < 420)
        strcat(text, "\u1EC7");
    return strcat(text, "x");
}

/* In endless directories. A name costs at most 1 + 5 * DISTANCE_TEXT_MAX. */
static void a_404_costs_little_in_any_directory(void **state)
{
    (void)state;
    const struct {
        const char *(*names)(unsigned number);
        const char *path;
        unsigned least, most; /* names read */
    } cases[] = {
        {alike_at_the_end, "000000000000000000000000000000000000000000000000000000007x5yz7", 600, LIMIT_REASON_NAMES},
        {alike_between, "a000000000000000000000000000000000000000000000000000000000007a", LIMIT_REASON_WORK / 330,
         LIMIT_REASON_WORK / 300 + 1},
        {screenshots, "Screenshot from 2024-13-14 15-16-77.png", 600, LIMIT_REASON_NAMES},
        {longest, "absent", LIMIT_REASON_NAMES, LIMIT_REASON_NAMES},
        {as_long_as_fits, "absent", 300, LIMIT_REASON_WORK / 187 + 1},
        {accented, composed(), 10, LIMIT_REASON_WORK / (6 * 140 * UNICODE_WORK) + 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_up = cases[i].names;
        made_up_read = 0;
        assert_true(reason_of(cases[i].path, false)[0] != '\0');
        assert_true(made_up_read >= cases[i].least);
        assert_true(made_up_read <= cases[i].most);
    }
    made_up = NULL;
}

/* maze-0 is a link to 'img'. Each further one leads to the one before it by a long way. */
enum { MAZES = 38 };

static void make_mazes(void)
{
    char name[16], before[16], text[4096];
    assert_int_equal(symlinkat("img", root, "maze-0"), 0);
    for (unsigned i = 1; i < MAZES; i++) {
        snprintf(name, sizeof name, "maze-%u", i);
        snprintf(before, sizeof before, "maze-%u", i - 1);
        text[0] = '\0';
        for (unsigned k = 0; k < 580; k++)
            strcat(text, "img/../");
        assert_int_equal(symlinkat(strcat(text, before), root, name), 0);
    }
}

static void unmake_mazes(void)
{
    char name[16];
    for (unsigned i = 0; i < MAZES; i++) {
        snprintf(name, sizeof name, "maze-%u", i);
        assert_int_equal(unlinkat(root, name, 0), 0);
    }
}

static void a_404_costs_little_behind_long_links(void **state)
{
    (void)state;
    static const char *const paths[] = {"maze-37", "maze-37/x", "maze-1/x/x/x/x/x/x/x/x/x/x/x/x", "maze-37/.env"};
    static const enum symlink_choice choices[] = {SYMLINKS_INSIDE, SYMLINKS_ALL};
    make_mazes();
    for (size_t k = 0; k < 2; k++) {
        beneath.symlinks = choices[k];
        assert_string_equal(reason_of("maze-0/x", false), "There is no 'x' in 'maze-0'.");
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            calls = 0;
            assert_string_equal(reason_of(paths[i], false), "");
            assert_true(calls > LIMIT_REASON_STEPS / 2);
            assert_true(calls <= 2 * LIMIT_REASON_STEPS); /* two for a link */
        }
    }
    beneath.symlinks = SYMLINKS_INSIDE;
    unmake_mazes();
}

/* Makes or removes `count` nested directories named "n". */
static void nest(unsigned count, bool make)
{
    char path[256] = "";
    for (unsigned i = 0; i < count; i++)
        strcat(path, i == 0 ? "n" : "/n");
    for (size_t i = 1; make && i <= strlen(path); i += 2) {
        char *end = path + i, old = *end;
        *end = '\0';
        assert_int_equal(mkdirat(root, path, 0755), 0);
        *end = old;
    }
    for (; !make && path[0] != '\0'; path[strlen(path) > 1 ? strlen(path) - 2 : 0] = '\0')
        assert_int_equal(unlinkat(root, path, AT_REMOVEDIR), 0);
}

static void deep_paths_have_a_reason(void **state)
{
    (void)state;
    enum { DEPTH = 60 };
    char path[256] = "", reason[512];
    nest(DEPTH, true);
    for (unsigned i = 0; i < DEPTH; i++)
        strcat(path, i == 0 ? "n" : "/n");
    snprintf(reason, sizeof reason, "There is no 'x' in '%s'.", path);
    assert_string_equal(reason_of(strcat(path, "/x"), false), reason);
    assert_string_equal(reason_of("n/x", false), "There is no 'x' in 'n'.");
    nest(DEPTH, false);
}

static void links_that_may_lead_anywhere_have_reasons(void **state)
{
    (void)state;
    beneath.symlinks = SYMLINKS_ALL;
    assert_string_equal(reason_of("out", false), "");
    assert_string_equal(
        reason_of("out/x", false),
        "'out' is a symbolic link to '/etc/passwd', which leads to a file where a directory is needed.");
    assert_string_equal(reason_of("above", false), "'above' is a symbolic link to '../x', which leads to nothing.");
    assert_int_equal(symlinkat("/", root, "top"), 0);
    assert_string_equal(reason_of("top/none-of-this", false), "There is no 'none-of-this' in 'top'.");
    assert_int_equal(unlinkat(root, "top", 0), 0);
    beneath.symlinks = SYMLINKS_INSIDE;
}

static void long_paths_have_no_reason(void **state)
{
    (void)state;
    char path[8000];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_string_equal(reason_of(path, false), "");
    for (size_t i = 1; i < sizeof path; i += 2)
        path[i] = '/';
    path[sizeof path - 1] = '\0';
    assert_string_equal(reason_of(path, false), "There is no 'a' in the root.");
    path[300] = '\0';
    memset(path, 'b', 256); /* other file systems have such names */
    assert_memory_equal(reason_of(path, false), "There is no 'bbb", 16);
}

/* The directory's path alone is longer than a reason. */
static void deep_directories_with_long_names_have_no_reason(void **state)
{
    enum { DEPTH = 4, NAME = 250 };
    char path[DEPTH * (NAME + 1) + 2];
    (void)state;
    memset(path, 'd', sizeof path);
    for (size_t end = NAME; end < sizeof path - 2; path[end] = '/', end += NAME + 1) {
        path[end] = '\0';
        assert_int_equal(mkdirat(root, path, 0755), 0);
    }
    strcpy(path + sizeof path - 2, "x");
    assert_string_equal(reason_of(path, false), "");
    for (size_t end = sizeof path - 2; end > 0; end = end > NAME ? end - NAME - 1 : 0) {
        path[end - 1] = '\0';
        assert_int_equal(unlinkat(root, path, AT_REMOVEDIR), 0);
    }
}

static void a_flood_of_404s_gets_few_reasons(void **state)
{
    (void)state;
    unsigned told = 0;
    second += 10;
    for (unsigned i = 0; i < 5 * LIMIT_REASONS; i++) {
        char text[REASON_MAX], path[REASON_MAX];
        struct reason reason = {BUFFER(text), BUFFER(path)};
        reason_find(&reason, &beneath, SPAN("nothing"), false, second);
        told += reason.text.length > 0;
    }
    assert_int_equal(told, LIMIT_REASONS);
    assert_true(reason_of("nothing", false)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_have_these_words),
        cmocka_unit_test(suggestions_are_paths),
        cmocka_unit_test(missing_permissions_are_reasons),
        cmocka_unit_test(links_are_not_followed_at_all),
        cmocka_unit_test(fifos_and_devices_are_reasons_and_never_opened),
        cmocka_unit_test(names_that_fit_are_in_the_reason),
        cmocka_unit_test(a_404_costs_little_in_any_directory),
        cmocka_unit_test(a_404_costs_little_behind_long_links),
        cmocka_unit_test(deep_paths_have_a_reason),
        cmocka_unit_test(links_that_may_lead_anywhere_have_reasons),
        cmocka_unit_test(long_paths_have_no_reason),
        cmocka_unit_test(deep_directories_with_long_names_have_no_reason),
        cmocka_unit_test(a_flood_of_404s_gets_few_reasons),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
