#include "site.h"

#include "base/limits.h"
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SMALL = 1024,
    LARGE = LIMIT_STORE_FILE + 70000, /* by sendfile */
    HUGE = LIMIT_TURN_BYTES + 70000,  /* in more than one turn */
};

/* Each file has other content. */
static const struct {
    const char *path;
    size_t size;
} made[] = {
    {"/index.html", 300},    {"/404.html", 120},      {"/empty.txt", 0},       {"/one.txt", 1},
    {"/small.html", SMALL},  {"/small.html.gz", 400}, {"/style.css", 2000},    {"/style.css.br", 301},
    {"/style.css.gz", 402},  {"/large.bin", LARGE},   {"/huge.bin", HUGE},     {"/large.js", LARGE + 1},
    {"/large.js.zst", 700},  {"/noextension", 77},    {"/film.mp4", 5000},     {"/film.mp4.gz", 4000},
    {"/sub/index.html", 99}, {"/sub/a b.txt", 33},    {"/.well-known/ok", 44},
};
enum { FILES = sizeof made / sizeof *made };

static struct site_file files[FILES];
static char base[256];

static char byte_at(size_t file, size_t at)
{
    return (char)(at * 31 + at / 251 + at / 65536 + file * 101 + 40);
}

static void write_file(int directory, const char *path, struct span content)
{
    /* Old enough for Last-Modified, with no sibling older than its original. */
    static const struct timespec times[2] = {{.tv_sec = 1600000000}, {.tv_sec = 1600000000}};
    int fd = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK(write(fd, content.at, content.length) == (ssize_t)content.length);
    CHECK(futimens(fd, times) == 0);
    close(fd);
}

static void make_file(int root, unsigned number)
{
    size_t size = made[number].size;
    char *content = malloc(size + 1);
    CHECK(content != NULL);
    for (size_t i = 0; i < size; i++)
        content[i] = byte_at(number, i);
    files[number] = (struct site_file){made[number].path, {content, size}};
    write_file(root, made[number].path + 1, files[number].content);
}

/* Makes entries that are no files of the site: links in and out, a directory without an index, a FIFO, hidden names. */
static void make_others(int above, int root)
{
    struct span secret = SPAN(SITE_SECRET);
    write_file(above, "outside/secret.txt", secret);
    write_file(root, ".hidden", secret);
    write_file(root, ".git/config", secret);
    CHECK(symlinkat("../outside/secret.txt", root, "leak.txt") == 0);
    CHECK(symlinkat("../outside", root, "leaks") == 0);
    CHECK(symlinkat("/etc/passwd", root, "absolute.txt") == 0);
    CHECK(symlinkat("../outside/secret.txt", root, "one.txt.gz") == 0);
    CHECK(symlinkat("loop", root, "loop") == 0);
    CHECK(mkfifoat(root, "fifo", 0644) == 0);
}

static int remove_one(const char *path, const struct stat *attributes, int flag, struct FTW *walk)
{
    (void)attributes, (void)flag, (void)walk;
    return remove(path);
}

static void remove_site(void)
{
    nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int site_open(void)
{
    static const char *const directories[] = {"root",       "outside",   "root/sub",
                                              "root/plain", "root/.git", "root/.well-known"};
    const char *temporary = getenv("TMPDIR");
    snprintf(base, sizeof base, "%s/tinyhttpd-fuzz-XXXXXX", temporary != NULL ? temporary : "/tmp");
    CHECK(mkdtemp(base) != NULL);
    atexit(remove_site);
    int above = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        CHECK(mkdirat(above, directories[i], 0755) == 0);
    int root = openat(above, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(root >= 0);
    for (unsigned i = 0; i < FILES; i++)
        make_file(root, i);
    make_others(above, root);
    close(above);
    return root;
}

const struct site_file *site_file(unsigned number)
{
    return number < FILES ? &files[number] : NULL;
}

const struct site_file *site_find(struct span path)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (span_equal(span_of(files[i].path), path))
            return &files[i];
    }
    return NULL;
}
