/* Listings: their entries, order and format, and their bounds of time and memory. */
#include "site/listing.h"

#include "base/limits.h"
#include "base/sha256.h"
#include "site/assets.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- wrappers of the C library's functions ---- */

#define NEXT(name) \
    static function *next; \
    if (next == NULL) { \
        void *found = dlsym(RTLD_NEXT, name); \
        memcpy(&next, &found, sizeof next); \
    }

/* A clock that advances by so many microseconds at each call. */
static int64_t clock_pace, clock_now;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    typedef int function(clockid_t clock, struct timespec * time);
    NEXT("clock_gettime")
    if (clock != CLOCK_MONOTONIC)
        return next(clock, time);
    clock_now += clock_pace;
    *time = (struct timespec){.tv_sec = clock_now / 1000000, .tv_nsec = clock_now % 1000000 * 1000};
    return 0;
}

/* Generates a directory's names; NULL: read its own. "l" begins a link to a file, "d" a directory, "p" a file
   that not every user may read, "z" a name that can't be searched. */
static const char *(*made_up)(unsigned number);
static unsigned names_read;
static int readdir_error; /* after the generated names; 0: they are all */

struct dirent *readdir(DIR *directory)
{
    typedef struct dirent *function(DIR * directory);
    static union {
        struct dirent entry;
        char room[sizeof(struct dirent) + 16384];
    } one;
    NEXT("readdir")
    const char *name = made_up != NULL ? made_up(names_read) : NULL;
    names_read++;
    if (made_up == NULL)
        return next(directory);
    if (name == NULL) {
        if (readdir_error != 0) /* else unchanged (readdir(3)) */
            errno = readdir_error;
        return NULL;
    }
    memcpy(one.room + offsetof(struct dirent, d_name), name, strlen(name) + 1);
    return &one.entry;
}

static int root;
static int walk_directory = -1; /* opened while the walk follows a generated link */
static int link_error;          /* of generated links; 0: they lead to a file */
static char link_path[8];       /* its directory and its name, as they were looked up */

static int stat_link(const char *name, struct stat *attributes)
{
    snprintf(link_path + strlen(link_path), sizeof link_path - strlen(link_path), "/%.4s", name);
    *attributes = (struct stat){.st_mode = S_IFREG | 0644};
    errno = link_error;
    return link_error != 0 ? -1 : 0;
}

int fstatat(int directory, const char *path, struct stat *attributes, int flags)
{
    typedef int function(int directory, const char *path, struct stat *attributes, int flags);
    NEXT("fstatat")
    if (made_up == NULL)
        return next(directory, path, attributes, flags);
    if (directory == root || directory == walk_directory)
        return stat_link(path, attributes);
    if (path[0] == 'z') {
        errno = EACCES;
        return -1;
    }
    *attributes = (struct stat){.st_mode = path[0] == 'l' ? S_IFLNK : path[0] == 'd' ? S_IFDIR : S_IFREG};
    attributes->st_mode |= path[0] == 'p' ? 0600 : 0755;
    return 0;
}

/* A name before a generated link is a directory. */
static int open_generated(const char *name)
{
    snprintf(link_path, sizeof link_path, "%.2s", name);
    walk_directory = open("/", O_PATH | O_CLOEXEC);
    return walk_directory;
}

int openat(int directory, const char *path, int flags, ...)
{
    typedef int function(int directory, const char *path, int flags, ...);
    NEXT("openat")
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return made_up != NULL && (flags & O_PATH) != 0 ? open_generated(path) : next(directory, path, flags, mode);
}

/* openat of a build with _FORTIFY_SOURCE, where the flags are not constant. */
int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags)
{
    return openat(directory, path, flags);
}

/* ---- keys and sizes ---- */

static int compare(const char *a, const char *b)
{
    static char rooms[2][3 * PATH_MAX];
    struct buffer x = BUFFER(rooms[0]), y = BUFFER(rooms[1]);
    listing_append_key(&x, span_of(a));
    listing_append_key(&y, span_of(b));
    assert_false(x.overflow || y.overflow);
    int order = memcmp(x.at, y.at, x.length < y.length ? x.length : y.length);
    return order != 0 ? order : (int)x.length - (int)y.length;
}

static void names_are_in_natural_order(void **state)
{
    (void)state;
    static const char *const ordered[] = {"",
                                          "-",
                                          "1",
                                          "2",
                                          "10",
                                          "a",
                                          "a1",
                                          "A1b",
                                          "a2",
                                          "a10",
                                          "a10b2",
                                          "a10b10",
                                          "a123456789012345678901234567890",
                                          "a-b",
                                          "ab",
                                          "b",
                                          "b.1.9",
                                          "B.1.10",
                                          "\xC3\xA4"};
    enum { COUNT = sizeof ordered / sizeof *ordered };
    static const char *const moved[] = {"a-b"}; /* hyphens sort before digits */
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            if (strcmp(ordered[i], moved[0]) == 0 || strcmp(ordered[k], moved[0]) == 0)
                continue;
            int order = compare(ordered[i], ordered[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    assert_true(compare("a-b", "a1") < 0);
    assert_true(compare("a-b", "a") > 0);
    /* Letter case and leading zeros are not in the key. */
    assert_int_equal(compare("File01", "file1"), 0);
    assert_int_equal(compare("0", "000"), 0);
}

static void the_longest_key_fits(void **state)
{
    (void)state;
    char name[256] = {0};
    for (size_t i = 0; i < 255; i++)
        name[i] = i % 2 == 0 ? '1' : 'a';
    assert_int_equal(compare(name, name), 0);
    memset(name, '9', 255);
    assert_int_equal(compare(name, name), 0);
    memset(name, '0', 255);
    assert_int_equal(compare(name, "0"), 0);
}

static void numbers_of_any_length_are_in_order(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 9, 127, 128, 254, 255, 256, 257, 511, 512, 4094, 4095};
    static char a[PATH_MAX], b[PATH_MAX];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            memset(a, '1', lengths[i]);
            memset(b, '1', lengths[k]);
            a[lengths[i]] = b[lengths[k]] = '\0';
            int order = compare(a, b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    for (size_t i = 0; i < PATH_MAX - 1; i++)
        a[i] = i % 2 == 0 ? '1' : 'a';
    assert_int_equal(compare(a, a), 0);
}

static void queries_set_the_order(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum listing_order order;
        bool descending;
    } cases[] = {
        {"", LISTING_BY_NAME, false},
        {"?", LISTING_BY_NAME, false},
        {"?sort=size", LISTING_BY_SIZE, false},
        {"?sort=time&order=desc", LISTING_BY_TIME, true},
        {"?order=desc&sort=name", LISTING_BY_NAME, true},
        {"?sort=size&order=desc&order=asc", LISTING_BY_SIZE, false},
        {"?sort=size&sort=name", LISTING_BY_NAME, false},
        {"?resort=size&border=desc", LISTING_BY_NAME, false},
        {"?sort=sizes&order=descending", LISTING_BY_NAME, false},
        {"?x&&sort=time&", LISTING_BY_TIME, false},
        {"?C=M;O=D", LISTING_BY_NAME, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct listing_form form = listing_form_of(span_of(cases[i].query));
        assert_int_equal(form.order, cases[i].order);
        assert_int_equal(form.descending, cases[i].descending);
        assert_false(form.json || form.dotfiles);
    }
}

/* ---- a directory ---- */

static char base[64];
static struct beneath beneath;
static char output[1 << 23];

static void put(const char *name, size_t size, int64_t modified)
{
    struct timespec times[2] = {{.tv_sec = modified}, {.tv_sec = modified}};
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static int make(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tinyhttpd-listing-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    root = open(base, O_RDONLY | O_DIRECTORY);
    beneath = (struct beneath){.root = root, .symlinks = SYMLINKS_INSIDE};
    put("file10.txt", 1536, 0);
    put("file2.txt", 20, 1000000000);
    put(".hidden", 1, 0);
    put("\xFF\"<&>\n.c", 3, 86399);
    mkdirat(root, "Zoo", 0755);
    mkdirat(root, "apes", 0755);
    put("Zoo/inside.txt", 7, 5);
    mkfifoat(root, "fifo", 0644);
    assert_int_equal(symlinkat("file2.txt", root, "link.txt"), 0);
    assert_int_equal(symlinkat("apes", root, "linked"), 0);
    assert_int_equal(symlinkat("/etc/passwd", root, "out"), 0);
    assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
    struct timespec times[2] = {{.tv_sec = 60}, {.tv_sec = 60}};
    utimensat(root, "Zoo", times, 0);
    utimensat(root, "apes", times, 0);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    static const char *const files[] = {"file10.txt", "file2.txt", ".hidden", "\xFF\"<&>\n.c", "Zoo/inside.txt",
                                        "fifo",       "link.txt",  "linked",  "out",           "dangling"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(root, files[i], 0);
    unlinkat(root, "Zoo", AT_REMOVEDIR);
    unlinkat(root, "apes", AT_REMOVEDIR);
    close(root);
    return rmdir(base);
}

/* The whole listing, from pieces of LIMIT_PIECE bytes. */
static const char *listed(const char *path, struct listing_form form)
{
    static char room[LIMIT_PIECE];
    size_t length = 0;
    enum body_state state;
    struct body_producer *producer =
        listing_open(&beneath, span_of(path), openat(root, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY), &form);
    assert_non_null(producer);
    do {
        struct buffer piece = BUFFER(room);
        listing_begin_iteration();
        state = producer->fill(producer, &piece);
        assert_true(state != BODY_BROKEN);
        assert_false(piece.overflow);
        assert_true(length + piece.length < sizeof output);
        memcpy(output + length, piece.at, piece.length);
        length += piece.length;
    } while (state == BODY_MORE);
    producer->drop(producer);
    output[length] = '\0';
    return output;
}

#define ROW_LINK "<td><a href=\""

/* The links of the rows, each followed by a space. */
static const char *links(const char *path, struct listing_form form)
{
    static char found[1024];
    const char *at = listed(path, form), *before = form.json ? "\"href\":\"./" : ROW_LINK;
    found[0] = '\0';
    while ((at = strstr(at, before)) != NULL) {
        at += strlen(before);
        strncat(found, at, strcspn(at, "\""));
        strcat(found, " ");
    }
    return found;
}

static void served_entries_are_listed_in_order(void **state)
{
    (void)state;
    struct listing_form form = {0};
#define EVIL "%FF%22%3C%26%3E%0A.c "
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file2.txt file10.txt link.txt " EVIL);
    form.descending = true;
    assert_string_equal(links("", form), "Zoo/ linked/ apes/ " EVIL "link.txt file10.txt file2.txt ");
    form.order = LISTING_BY_SIZE;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file10.txt file2.txt link.txt " EVIL);
    form.descending = false;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ " EVIL "file2.txt link.txt file10.txt ");
    form.order = LISTING_BY_TIME;
    assert_string_equal(links("", form), "apes/ linked/ Zoo/ file10.txt " EVIL "file2.txt link.txt ");
    form.dotfiles = true;
    assert_non_null(strstr(links("", form), " .hidden "));
    form.json = true;
    assert_string_equal(links("Zoo", form), "inside.txt ");
    form.json = false;
    assert_string_equal(links("Zoo", form), "../ inside.txt "); /* "Up" */
    assert_int_equal(fchmodat(root, "Zoo", 0700, 0), 0);        /* this user may still open both */
    assert_int_equal(fchmodat(root, "file2.txt", 0600, 0), 0);
    assert_string_equal(links("", (struct listing_form){0}), "apes/ linked/ Zoo/ file2.txt file10.txt link.txt " EVIL);
    assert_int_equal(fchmodat(root, "Zoo", 0755, 0), 0);
    assert_int_equal(fchmodat(root, "file2.txt", 0644, 0), 0);
}

static void rows_are_html(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){0});
    assert_non_null(strstr(page, "<tr class=\"d\"><td><a href=\"apes/\">apes/</a><td><td>"
                                 "<time datetime=\"1970-01-01T00:01:00Z\">1970-01-01<span> 00:01</span></time>\n"));
    assert_non_null(strstr(page, "<tr><td><a href=\"file10.txt\">file10.txt</a><td>"
                                 "<data value=\"1536\">1.5 kB</data><td>"
                                 "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01<span> 00:00</span></time>\n"));
    assert_non_null(strstr(page, ">\xEF\xBF\xBD&quot;&lt;&amp;&gt;\xE2\x90\x8A.c</a>"));
    assert_non_null(strstr(page, "datetime=\"2001-09-09T01:46:40Z\">2001-09-09<span> 01:46</span>"));
    assert_non_null(strstr(page, ">3 folders, 4 files</p>"));
    assert_true(text_is_utf8(span_of(page), false));
}

static const char *two_folders(unsigned number)
{
    return number == 0 ? "da" : number == 1 ? "db" : NULL;
}

static const char *three_files(unsigned number)
{
    return number < 3 ? &"faa\0fbb\0fcc"[4 * number] : NULL;
}

static const char *one_of_each(unsigned number)
{
    return number == 0 ? "da" : number == 1 ? "fa" : NULL;
}

static void count_omits_kinds_without_entries(void **state)
{
    static const struct {
        const char *(*names)(unsigned number);
        const char *count;
    } cases[] = {
        {two_folders, ">2 folders</p>"}, {three_files, ">3 files</p>"}, {one_of_each, ">1 folder, 1 file</p>"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_up = cases[i].names;
        names_read = 0;
        assert_non_null(strstr(listed("", (struct listing_form){0}), cases[i].count));
    }
    made_up = NULL;
    assert_non_null(strstr(listed("apes", (struct listing_form){0}), ">0 files</p>"));
}

static void members_are_json(void **state)
{
    (void)state;
    const char *text = listed("", (struct listing_form){.json = true});
    assert_memory_equal(text,
                        "[\n{\"name\":\"apes\",\"type\":\"directory\",\"mtime\":\"1970-01-01T00:01:00Z\","
                        "\"href\":\"./apes/\"},\n",
                        86);
    assert_non_null(
        strstr(text, "{\"name\":\"file10.txt\",\"type\":\"file\",\"size\":1536,\"mtime\":\"1970-01-01T00:00:00Z\","
                     "\"href\":\"./file10.txt\"},\n"));
    assert_non_null(strstr(text, "{\"name\":\"\xEF\xBF\xBD\\\"<&>\\u000a.c\",\"type\":\"file\",\"size\":3,"));
    assert_string_equal(text + strlen(text) - 4, "}\n]\n");
    assert_string_equal(listed("apes", (struct listing_form){.json = true}), "[\n]\n");
}

static void headings_are_forms_that_sort(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){.order = LISTING_BY_SIZE});
    assert_non_null(strstr(page, "<th scope=\"col\"><form><button name=\"sort\" value=\"name\">Name</button>"
                                 "<input type=\"hidden\" name=\"order\" value=\"asc\"></form>"));
    assert_non_null(strstr(page, "<th scope=\"col\" aria-sort=\"ascending\"><form><button name=\"sort\" "
                                 "value=\"size\">Size</button>"
                                 "<input type=\"hidden\" name=\"order\" value=\"desc\"></form>"));
    assert_null(strstr(page, "<a href=\"?"));
    page = listed("", (struct listing_form){.order = LISTING_BY_SIZE, .descending = true});
    assert_non_null(strstr(page, "<th scope=\"col\" aria-sort=\"descending\"><form><button name=\"sort\" "
                                 "value=\"size\">Size</button>"
                                 "<input type=\"hidden\" name=\"order\" value=\"asc\"></form>"));
}

static void crumbs_link_to_parents(void **state)
{
    (void)state;
    const char *page = listed("", (struct listing_form){0});
    assert_non_null(strstr(page, "<title>/</title>"));
    assert_non_null(strstr(page, "<h1>/</h1>"));
    assert_null(strstr(page, "../"));
    page = listed("Zoo", (struct listing_form){0});
    assert_non_null(strstr(page, "<title>Zoo/</title>"));
    assert_non_null(strstr(page, "<h1><a href=\"../\" aria-label=\"Start\">/</a><bdi>Zoo</bdi></h1>"));
    assert_non_null(strstr(page, "<a href=\"../\">Up</a>"));
    assert_int_equal(mkdirat(root, "x", 0755), 0);
    assert_non_null(strstr(listed("x", (struct listing_form){0}), "<a href=\"../\">Up</a>"));
    assert_int_equal(unlinkat(root, "x", AT_REMOVEDIR), 0);
    struct listing_form form = {.base = SPAN("a/b&c")};
    page = listed("", form);
    assert_non_null(strstr(page, "<title>b&amp;c/</title>"));
    assert_non_null(strstr(page, "<h1>/a/b&amp;c/</h1>"));
    assert_null(strstr(page, "../"));
    page = listed("Zoo", form);
    assert_non_null(strstr(page, "<h1><a href=\"../\" aria-label=\"Start\">/a/b&amp;c/</a><bdi>Zoo</bdi></h1>"));
}

/* Lists another directory, as only the path's text matters. */
static void deep_paths_show_their_last_crumbs(void **state)
{
    (void)state;
    char path[4000] = "", room[LIMIT_PIECE];
    for (unsigned i = 0; i < 1900; i++)
        strcat(path, i % 2 == 0 ? "\xFF" : "/");
    strcat(path, "last");
    struct body_producer *producer =
        listing_open(&beneath, span_of(path), openat(root, "apes", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
    size_t links_seen = 0, total = 0;
    enum body_state state_now;
    do {
        struct buffer piece = {room, 0, sizeof room - 1, false};
        listing_begin_iteration();
        state_now = producer->fill(producer, &piece);
        assert_false(piece.overflow);
        room[piece.length] = '\0';
        for (const char *at = room; (at = strstr(at, "/\"><bdi>")) != NULL; at++)
            links_seen++;
        total += piece.length;
    } while (state_now == BODY_MORE);
    producer->drop(producer);
    assert_int_equal(links_seen, LIMIT_LISTING_CRUMBS - 1);
    assert_true(total < 200000);
    char longer[4200];
    memset(longer, 'a', sizeof longer);
    assert_null(listing_open(&beneath, (struct span){longer, sizeof longer},
                             openat(root, "apes", O_RDONLY | O_DIRECTORY), &(struct listing_form){0}));
}

/* The hashes are of the text between the tags (CSP 3 2.3.1). */
static void the_policy_allows_only_its_own_styles_and_script(void **state)
{
    (void)state;
    char room[512], live[512];
    struct buffer policy = BUFFER(room), reloading = BUFFER(live);
    const char *at = listed("", (struct listing_form){0});
    const struct span rest = SPAN("; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    buffer_append(&policy, SPAN("default-src 'none'; img-src data:; style-src "));
    for (unsigned i = 0; i < 2; i++) {
        at = strstr(at, "<style>") + 7;
        if (i > 0)
            buffer_byte(&policy, ' ');
        sha256_append_source(&policy, (struct span){at, (size_t)(strstr(at, "</style>") - at)});
    }
    at = strstr(at, "<script>") + 8;
    buffer_append(&policy, SPAN("; script-src "));
    sha256_append_source(&policy, (struct span){at, (size_t)(strstr(at, "</script>") - at)});
    buffer_append(&reloading, buffer_span(&policy));
    buffer_append(&reloading, SPAN(" 'self'; connect-src 'self'"));
    buffer_append(&policy, rest);
    buffer_append(&reloading, rest);
    for (unsigned i = 0; i < 2; i++) { /* built once, and neither in place of the other */
        assert_true(span_equal(assets_listing_policy(false), buffer_span(&policy)));
        assert_true(span_equal(assets_listing_policy(true), buffer_span(&reloading)));
    }
}

static const char *of_one_length(unsigned number)
{
    static const char *const names[] = {"fc", "fa", "fe", "fb", "ff"};
    return number < sizeof names / sizeof *names ? names[number] : NULL;
}

/* Some begin others, and some have equal keys. */
static const char *alike(unsigned number)
{
    static const char *const names[] = {"fab", "f1", "fa", "F1", "f", "f01", "f1a"};
    return number < sizeof names / sizeof *names ? names[number] : NULL;
}

static void similar_names_are_in_order(void **state)
{
    static const struct {
        const char *(*names)(unsigned number);
        const char *ascending, *descending;
    } cases[] = {
        {of_one_length, "fa fb fc fe ff ", "ff fe fc fb fa "},
        {alike, "f F1 f01 f1 f1a fa fab ", "fab fa f1a f1 f01 F1 f "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_up = cases[i].names;
        names_read = 0;
        assert_string_equal(links("", (struct listing_form){0}), cases[i].ascending);
        names_read = 0;
        assert_string_equal(links("", (struct listing_form){.descending = true}), cases[i].descending);
    }
    made_up = NULL;
}

static const char *to_be_escaped(unsigned number)
{
    return number == 0 ? "f\\\" \u00E4\x1F\x7F" : NULL;
}

/* RFC 8259 7 */
static void json_escapes_only_what_it_must(void **state)
{
    (void)state;
    made_up = to_be_escaped;
    names_read = 0;
    assert_non_null(
        strstr(listed("", (struct listing_form){.json = true}), "{\"name\":\"f\\\\\\\" \u00E4\\u001f\x7F\",\"type\":"));
    made_up = NULL;
}

/* ---- names of any length ---- */

static const struct {
    char first;
    const char *repeated;
} kinds[] = {{'a', "a"},    {'1', "1a"},           {'9', "9"},    {'q', "\""}, {'q', "'"},  {'q', "&"},
             {'c', "\x01"}, {'u', "\xE3\x81\x82"}, {'x', "\xFF"}, {'d', "d"},  {'d', "\""}, {'d', "\x7F"},
             {'l', "l"},    {'l', "\xC2\x80"}};
static const size_t lengths[] = {1,    2,    254,  255,  256,  257,  511,  512,  600,  765,
                                 1023, 1024, 1365, 2048, 2672, 2673, 2674, 2728, 2729, 2730,
                                 2731, 3000, 4090, 4094, 4095, 4096, 4097, 8191, 16000};
enum { KINDS = sizeof kinds / sizeof *kinds, LENGTHS = sizeof lengths / sizeof *lengths };
static char name_room[16384];
static unsigned kind_now, length_now;

static const char *write_name(unsigned kind, size_t length)
{
    size_t period = strlen(kinds[kind].repeated);
    name_room[0] = kinds[kind].first;
    for (size_t i = 1; i < length; i++)
        name_room[i] = kinds[kind].repeated[(i - 1) % period];
    name_room[length] = '\0';
    return name_room;
}

static const char *one_name(unsigned number)
{
    return number > 0 ? NULL : write_name(kind_now, lengths[length_now]);
}

/* The expected link to the name; empty if no request can name it. */
static struct span link_to(const char *directory)
{
    static char room[1 << 16];
    struct buffer link = BUFFER(room);
    struct span name = span_of(write_name(kind_now, lengths[length_now]));
    size_t path = strlen(directory) + (*directory != '\0') + name.length;
    buffer_uri_path(&link, name);
    buffer_append(&link, kinds[kind_now].first == 'd' ? SPAN("/\"") : SPAN("\""));
    size_t target = 1 + strlen(directory) + (*directory != '\0') + link.length - 1;
    bool reachable = path < PATH_MAX && target <= LIMIT_TARGET;
    return reachable ? buffer_span(&link) : SPAN_NONE;
}

static void names_without_a_link_make_a_partial_listing(void **state)
{
    (void)state;
    static const char *const directories[] = {"", "apes"};
    made_up = one_name;
    for (kind_now = 0; kind_now < KINDS; kind_now++) {
        for (length_now = 0; length_now < LENGTHS; length_now++) {
            for (size_t i = 0; i < 2; i++) {
                names_read = 0;
                const char *page = listed(directories[i], (struct listing_form){0});
                struct span link = link_to(directories[i]);
                assert_int_equal(strstr(page, "Only a part") != NULL, link.length == 0);
                assert_null(strstr(page, "This folder is empty"));
                if (link.length > 0)
                    assert_non_null(memmem(page, strlen(page), link.at, link.length));
                else
                    assert_null(strstr(page, "<time"));
                if (link.length == 0) /* JSON ends incomplete */
                    continue;
                names_read = 0;
                page = listed(directories[i], (struct listing_form){.json = true});
                assert_non_null(memmem(page, strlen(page), link.at, link.length));
            }
        }
    }
    made_up = NULL;
}

static const char *all_lengths(unsigned number)
{
    return number < KINDS * LENGTHS ? write_name(number / LENGTHS, lengths[number % LENGTHS]) : NULL;
}

static void names_of_all_lengths_are_listed_together(void **state)
{
    (void)state;
    size_t rows = 0, awaited = 0;
    made_up = all_lengths;
    for (kind_now = 0; kind_now < KINDS; kind_now++)
        for (length_now = 0; length_now < LENGTHS; length_now++)
            awaited += link_to("").length > 0;
    names_read = 0;
    for (const char *at = listed("", (struct listing_form){0}); (at = strstr(at, ROW_LINK)) != NULL; at++)
        rows++;
    assert_int_equal(rows, awaited);
    made_up = NULL;
}

static const char *a_link_and_a_file(unsigned number)
{
    return number == 0 ? "link" : number == 1 ? "file" : NULL;
}

static const char *not_searchable(unsigned number)
{
    return number == 0 ? "z" : NULL;
}

static void errors_that_do_not_mean_404_make_a_partial_listing(void **state)
{
    (void)state;
    static const struct {
        int error;
        bool told;
    } cases[] = {
        {ENOENT, false},  {EXDEV, false},    {ELOOP, false},  {EACCES, false}, {ENOTDIR, false},  {EMFILE, true},
        {ENFILE, true},   {ENOMEM, true},    {EIO, true},     {ESTALE, true},  {EAGAIN, true},    {ETIMEDOUT, true},
        {ENOTCONN, true}, {EREMOTEIO, true}, {EUCLEAN, true}, {EBADMSG, true}, {EHOSTDOWN, true},
    };
    made_up = a_link_and_a_file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        link_error = cases[i].error;
        names_read = 0;
        const char *page = listed("apes", (struct listing_form){0});
        assert_string_equal(link_path, "ap/link");
        assert_int_equal(strstr(page, "Only a part, there are more: 1 file<") != NULL, cases[i].told);
    }
    link_error = 0;
    made_up = NULL;
}

static void a_directory_that_cant_be_read_to_its_end_makes_a_partial_listing(void **state)
{
    (void)state;
    char room[LIMIT_PIECE];
    struct buffer piece = BUFFER(room);
    made_up = a_link_and_a_file;
    link_error = ENOENT; /* an errno that was left before the end is no error of the directory */
    names_read = 0;
    assert_null(strstr(listed("apes", (struct listing_form){0}), "Only a part"));
    readdir_error = EIO;
    names_read = 0;
    assert_non_null(strstr(listed("apes", (struct listing_form){0}), "Only a part, there are more: 1 file<"));
    names_read = 0;
    struct body_producer *producer =
        listing_open(&beneath, SPAN("apes"), openat(root, "apes", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                     &(struct listing_form){.json = true});
    assert_non_null(producer);
    listing_begin_iteration();
    assert_int_equal(producer->fill(producer, &piece), BODY_BROKEN);
    producer->drop(producer);
    readdir_error = 0;
    link_error = 0;
    made_up = NULL;
}

static unsigned hidden_names;

static const char *hidden_then_a_file(unsigned number)
{
    return number < hidden_names ? ".hidden" : number == hidden_names ? "file" : NULL;
}

static const char *hidden_without_end(unsigned number)
{
    (void)number;
    return ".hidden";
}

/* Such as a directory of FUSE. */
static void a_directory_without_end_makes_a_partial_listing(void **state)
{
    (void)state;
    made_up = hidden_without_end;
    names_read = 0;
    assert_non_null(strstr(listed("apes", (struct listing_form){0}), "Only a part, there are more: 0 files<"));
    assert_int_equal(names_read, LIMIT_LISTING_READ + 1);
    made_up = hidden_then_a_file;
    hidden_names = LIMIT_LISTING_READ;
    names_read = 0;
    assert_non_null(strstr(listed("apes", (struct listing_form){0}), "Only a part, there are more: 0 files<"));
    hidden_names = LIMIT_LISTING_READ - 1;
    names_read = 0;
    assert_non_null(strstr(listed("apes", (struct listing_form){0}), "<p aria-live=\"polite\">1 file<"));
    made_up = NULL;
}

/* In a readable directory without search permission (path_resolution(7)), each entry is 404. */
static void entries_that_are_always_404_are_left_out(void **state)
{
    (void)state;
    made_up = not_searchable;
    names_read = 0;
    assert_string_equal(listed("", (struct listing_form){.json = true}), "[\n]\n");
    made_up = NULL;
}

/* A request may have the unescaped path, but a link with the escaped one would be too long. */
static void directories_that_no_link_can_name_are_not_listed(void **state)
{
    (void)state;
    enum { LONGEST = (LIMIT_TARGET - 2) / 3 }; /* two slashes, and three bytes for each quote */
    char path[4000], room[LIMIT_PIECE];
    memset(path, '"', sizeof path);
    errno = 0;
    assert_null(listing_open(&beneath, (struct span){path, sizeof path}, openat(root, "apes", O_RDONLY | O_DIRECTORY),
                             &(struct listing_form){0}));
    assert_int_equal(errno, ENAMETOOLONG);
    struct body_producer *producer =
        listing_open(&beneath, (struct span){path, LONGEST}, openat(root, "apes", O_RDONLY | O_DIRECTORY),
                     &(struct listing_form){0});
    assert_non_null(producer);
    for (enum body_state now = BODY_MORE; now != BODY_END;) {
        struct buffer piece = BUFFER(room);
        listing_begin_iteration();
        now = producer->fill(producer, &piece);
        assert_true(now != BODY_BROKEN && piece.length > 0);
    }
    producer->drop(producer);
    assert_null(listing_open(&beneath, (struct span){path, LONGEST - 1}, openat(root, "apes", O_RDONLY | O_DIRECTORY),
                             &(struct listing_form){.base = SPAN("site")}));
    assert_null(listing_open(&beneath, (struct span){path, LONGEST + 1}, openat(root, "apes", O_RDONLY | O_DIRECTORY),
                             &(struct listing_form){0}));
}

/* ---- time ---- */

/* Entries of a step if each call of the clock takes 100 microseconds. */
enum { STEP = LIMIT_LISTING_US / 100 * LIMIT_LISTING_BATCH };

static const char *endless(unsigned number)
{
    snprintf(name_room, sizeof name_room, "entry-%u", number);
    return name_room;
}

static const char *endless_links(unsigned number)
{
    snprintf(name_room, sizeof name_room, "link-%u", number);
    return name_room;
}

static const char *endless_private(unsigned number)
{
    snprintf(name_room, sizeof name_room, "private-%u", number);
    return name_room;
}

static struct body_producer *open_root(void)
{
    struct body_producer *producer = listing_open(
        &beneath, SPAN(""), openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &(struct listing_form){0});
    assert_non_null(producer);
    return producer;
}

/* The number of names that one call of fill reads. */
static unsigned names_of_step(struct body_producer *producer)
{
    static char room[LIMIT_PIECE];
    struct buffer piece = BUFFER(room);
    unsigned before = names_read;
    assert_int_equal(producer->fill(producer, &piece), BODY_MORE);
    assert_int_equal(piece.length, 0);
    return names_read - before;
}

static void a_step_ends_with_its_time(void **state)
{
    (void)state;
    made_up = endless;
    clock_pace = 100;
    struct body_producer *producer = open_root();
    for (unsigned i = 0; i < 10; i++) {
        listing_begin_iteration();
        assert_int_equal(names_of_step(producer), STEP);
        assert_int_equal(names_of_step(producer), 0); /* in the same iteration */
    }
    clock_pace = 10000; /* longer than an iteration's time */
    listing_begin_iteration();
    assert_int_equal(names_of_step(producer), LIMIT_LISTING_BATCH);
    producer->drop(producer);
    made_up = endless_links; /* following one costs a call of the clock */
    clock_pace = 100;
    producer = open_root();
    listing_begin_iteration();
    assert_int_equal(names_of_step(producer), LIMIT_LISTING_US / 100);
    clock_pace = 10000;
    listing_begin_iteration();
    assert_int_equal(names_of_step(producer), 1);
    producer->drop(producer);
    made_up = endless_private; /* so does trying to open one */
    producer = open_root();
    listing_begin_iteration();
    assert_int_equal(names_of_step(producer), 1);
    producer->drop(producer);
    clock_pace = 0;
    made_up = NULL;
}

static void all_listings_share_one_step_an_iteration(void **state)
{
    (void)state;
    enum { LISTINGS = 30 };
    struct body_producer *sources[LISTINGS];
    unsigned read[LISTINGS] = {0};
    made_up = endless;
    clock_pace = 100;
    for (unsigned i = 0; i < LISTINGS; i++)
        sources[i] = open_root();
    for (unsigned round = 0; round < 10 * LISTINGS; round++) {
        unsigned all = 0;
        listing_begin_iteration();
        for (unsigned i = 0; i < LISTINGS; i++) {
            unsigned names = names_of_step(sources[i]);
            read[i] += names;
            all += names;
        }
        assert_int_equal(all, STEP);
    }
    for (unsigned i = 0; i < LISTINGS; i++) /* each had its turn */
        assert_in_range(read[i], 9 * STEP, 11 * STEP);
    /* Closed listings don't delay others. */
    for (unsigned i = 0; i < LISTINGS - 1; i++)
        sources[i]->drop(sources[i]);
    unsigned names = 0;
    for (unsigned i = 0; i < 3; i++) {
        listing_begin_iteration();
        names += names_of_step(sources[LISTINGS - 1]);
    }
    assert_in_range(names, 2 * STEP, 3 * STEP);
    sources[LISTINGS - 1]->drop(sources[LISTINGS - 1]);
    listing_begin_iteration();
    clock_pace = 0;
    made_up = NULL;
}

/* ---- memory ---- */

static const char *endless_long(unsigned number)
{
    snprintf(name_room, sizeof name_room, "%02000u", number);
    return name_room;
}

static const char *two(unsigned number)
{
    return number == 0 ? "one" : number == 1 ? "two" : NULL;
}

static bool is_partial; /* what entries_held() has read */

/* Reads a listing to its bound of memory and writes its first piece. Returns its number of entries. */
static unsigned long entries_held(struct body_producer *producer)
{
    static char room[LIMIT_PIECE + 1];
    struct buffer piece = {room, 0, LIMIT_PIECE, false};
    enum body_state now;
    names_read = 0;
    do {
        listing_begin_iteration();
        now = producer->fill(producer, &piece);
    } while (now == BODY_MORE && piece.length == 0);
    assert_true(now != BODY_BROKEN);
    room[piece.length] = '\0';
    const char *at = strstr(room, "aria-live=\"polite\">");
    assert_non_null(at);
    is_partial = strstr(at, "Only a part") != NULL;
    return strtoul(at + strcspn(at, "0123456789"), NULL, 10);
}

static unsigned most_names;

static const char *so_many(unsigned number)
{
    snprintf(name_room, sizeof name_room, "f%u", number);
    return number < most_names ? name_room : NULL;
}

static void directory_with_too_many_entries_makes_a_partial_listing(void **state)
{
    (void)state;
    made_up = so_many;
    for (most_names = LIMIT_LISTING_ENTRIES; most_names <= LIMIT_LISTING_ENTRIES + 1; most_names++) {
        struct body_producer *producer = open_root();
        assert_int_equal(entries_held(producer), LIMIT_LISTING_ENTRIES);
        assert_int_equal(is_partial, most_names > LIMIT_LISTING_ENTRIES);
        producer->drop(producer);
    }
    made_up = NULL;
}

static void each_listing_takes_a_share_of_memory(void **state)
{
    (void)state;
    enum { HOSTILE = 60, NAME = 2000 };
    struct body_producer *hostile[HOSTILE];
    unsigned long all = 0, least = ULONG_MAX;
    made_up = endless_long;
    for (unsigned i = 0; i < HOSTILE; i++) {
        hostile[i] = open_root();
        unsigned long entries = entries_held(hostile[i]);
        assert_true(entries > 0);
        assert_true(entries * NAME <= LIMIT_LISTING_BYTES / 4);
        assert_true(i > 0 || entries * NAME > LIMIT_LISTING_BYTES / 8);
        all += entries;
        least = entries < least ? entries : least;
    }
    assert_true(all * NAME <= LIMIT_LISTING_BYTES);
    assert_true(least * NAME <= LIMIT_LISTING_SMALL);
    made_up = two; /* a small listing is still complete */
    struct body_producer *producer = open_root();
    assert_int_equal(entries_held(producer), 2);
    producer->drop(producer);
    for (unsigned i = 0; i < HOSTILE; i++)
        hostile[i]->drop(hostile[i]);
    made_up = endless_long; /* all memory was released */
    producer = open_root();
    assert_true(entries_held(producer) * NAME > LIMIT_LISTING_BYTES / 8);
    producer->drop(producer);
    made_up = NULL;
}

static void smaller_bound_of_memory_is_kept(void **state)
{
    (void)state;
    enum { HOSTILE = 60, NAME = 2000, BOUND = 4 << 20 };
    struct body_producer *hostile[HOSTILE];
    unsigned long all = 0;
    unsigned count = 0;
    made_up = endless_long;
    listing_bound(BOUND);
    for (; count < HOSTILE; count++) {
        hostile[count] = listing_open(&beneath, SPAN(""), openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                      &(struct listing_form){0});
        if (hostile[count] == NULL)
            break;
        all += entries_held(hostile[count]);
    }
    assert_true(all * NAME > BOUND / 2 && all * NAME <= BOUND);
    while (count > 0) {
        count--;
        hostile[count]->drop(hostile[count]);
    }
    listing_bound(LIMIT_LISTING_SMALL); /* a small listing is still complete */
    made_up = two;
    struct body_producer *producer = open_root();
    assert_int_equal(entries_held(producer), 2);
    producer->drop(producer);
    listing_bound(LIMIT_LISTING_BYTES);
    made_up = NULL;
}

static void without_memory_for_an_entry_a_listing_fails_to_open(void **state)
{
    (void)state;
    enum { MOST = 1000 };
    static struct body_producer *held[MOST];
    unsigned count = 0;
    made_up = endless_long;
    do {
        errno = 0;
        held[count] = listing_open(&beneath, SPAN(""), openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                   &(struct listing_form){0});
        if (held[count] != NULL)
            assert_true(entries_held(held[count]) > 0);
    } while (held[count] != NULL && ++count < MOST);
    assert_int_equal(errno, ENOMEM);
    assert_in_range(count, 60, MOST - 1);
    while (count > 0) {
        count--;
        held[count]->drop(held[count]);
    }
    made_up = NULL;
}

/* ---- pieces ---- */

static void many_entries_come_in_pieces(void **state)
{
    (void)state;
    enum { MANY = 19 * STEP + 7 };
    char name[64], room[LIMIT_PIECE + 1];
    assert_int_equal(mkdirat(root, "many", 0755), 0);
    clock_pace = 100;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/entry-%u", i * 7919 % MANY);
        put(name, 0, 0);
    }
    for (unsigned round = 0; round < 50; round++) { /* dropped after any piece */
        struct body_producer *producer = listing_open(
            &beneath, SPAN("many"), openat(root, "many", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
        unsigned pieces = 0, silent = 0, next = 0;
        enum body_state now;
        do {
            struct buffer piece = {room, 0, LIMIT_PIECE, false};
            listing_begin_iteration();
            now = producer->fill(producer, &piece);
            room[piece.length] = '\0';
            silent += piece.length == 0;
            pieces++;
            for (const char *at = room; (at = strstr(at, ROW_LINK "entry-")) != NULL; at++)
                assert_int_equal(strtoul(at + strlen(ROW_LINK "entry-"), NULL, 10), next++);
        } while (now == BODY_MORE && (round == 0 || pieces < round));
        producer->drop(producer);
        assert_true(round > 0 || (next == MANY && silent == 19 && pieces > 24));
    }
    /* Leaked memory would exceed LIMIT_LISTING_BYTES. */
    for (unsigned round = 0; round < LIMIT_LISTING_BYTES / 65536 + 1; round++) {
        struct body_producer *producer = listing_open(
            &beneath, SPAN("many"), openat(root, "many", O_RDONLY | O_DIRECTORY), &(struct listing_form){0});
        struct buffer piece = {room, 0, LIMIT_PIECE, false};
        assert_non_null(producer);
        listing_begin_iteration();
        assert_int_equal(producer->fill(producer, &piece), BODY_MORE);
        producer->drop(producer);
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/entry-%u", i);
        unlinkat(root, name, 0);
    }
    unlinkat(root, "many", AT_REMOVEDIR);
    clock_pace = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_in_natural_order),
        cmocka_unit_test(the_longest_key_fits),
        cmocka_unit_test(numbers_of_any_length_are_in_order),
        cmocka_unit_test(queries_set_the_order),
        cmocka_unit_test(served_entries_are_listed_in_order),
        cmocka_unit_test(rows_are_html),
        cmocka_unit_test(count_omits_kinds_without_entries),
        cmocka_unit_test(members_are_json),
        cmocka_unit_test(similar_names_are_in_order),
        cmocka_unit_test(json_escapes_only_what_it_must),
        cmocka_unit_test(headings_are_forms_that_sort),
        cmocka_unit_test(crumbs_link_to_parents),
        cmocka_unit_test(deep_paths_show_their_last_crumbs),
        cmocka_unit_test(the_policy_allows_only_its_own_styles_and_script),
        cmocka_unit_test(names_without_a_link_make_a_partial_listing),
        cmocka_unit_test(names_of_all_lengths_are_listed_together),
        cmocka_unit_test(errors_that_do_not_mean_404_make_a_partial_listing),
        cmocka_unit_test(a_directory_that_cant_be_read_to_its_end_makes_a_partial_listing),
        cmocka_unit_test(a_directory_without_end_makes_a_partial_listing),
        cmocka_unit_test(entries_that_are_always_404_are_left_out),
        cmocka_unit_test(directories_that_no_link_can_name_are_not_listed),
        cmocka_unit_test(a_step_ends_with_its_time),
        cmocka_unit_test(all_listings_share_one_step_an_iteration),
        cmocka_unit_test(directory_with_too_many_entries_makes_a_partial_listing),
        cmocka_unit_test(each_listing_takes_a_share_of_memory),
        cmocka_unit_test(smaller_bound_of_memory_is_kept),
        cmocka_unit_test(without_memory_for_an_entry_a_listing_fails_to_open),
        cmocka_unit_test(many_entries_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
