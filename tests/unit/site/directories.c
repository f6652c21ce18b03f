/* Directories on a tree of their own: when their names count as unchanged, and that no descriptor is kept. */
#include "site/directories.h"

#include "base/limits.h"
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct beneath beneath;
static struct directories *directories;
static uint64_t iteration;

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    if (tree_enter() != 0 || mkdir("a", 0755) != 0 || mkdir("a/b", 0755) != 0)
        return -1;
    beneath = (struct beneath){open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), SYMLINKS_INSIDE};
    directories = directories_new(&beneath, RACY_MS);
    iteration = 1;
    return directories == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    directories_free(directories);
    close(beneath.root);
    return tree_leave();
}

static const struct directory *found(const char *path)
{
    const struct directory *directory = directories_find(directories, span_of(path), iteration);
    assert_non_null(directory);
    return directory;
}

/* What a new iteration says of the directory's names. */
static uint64_t names_of(const char *path)
{
    directories_end_iteration(directories);
    iteration++;
    return found(path)->names_version;
}

static const char *const paths[] = {"", "a", "a/b"};

/* Until all of them have been seen unchanged for long enough. */
static void settle_names(void)
{
    settle();
    for (unsigned i = 0; i < 3; i++)
        names_of(paths[i]);
    settle();
}

static void settled_names_stay(void **state)
{
    (void)state;
    settle_names();
    for (unsigned i = 0; i < 3; i++) {
        uint64_t names = names_of(paths[i]);
        assert_int_not_equal(names, 0);
        for (unsigned again = 0; again < 10; again++)
            assert_int_equal(names_of(paths[i]), names);
    }
}

/* Whatever comes or goes changes the names at once, however often. */
static void every_change_is_seen(void **state)
{
    (void)state;
    settle_names();
    uint64_t names = names_of("a");
    for (unsigned i = 0; i < 100; i++) {
        if (i % 4 == 0)
            make_file("a/one");
        else if (i % 4 == 1)
            assert_int_equal(rename("a/one", "a/two"), 0);
        else if (i % 4 == 2)
            assert_int_equal(symlink("nowhere", "a/three"), 0);
        else
            assert_int_equal(unlink("a/two") | unlink("a/three"), 0);
        uint64_t after = names_of("a");
        assert_int_not_equal(after, names);
        names = after;
    }
}

/* So soon after a change the next one may carry the same time: nothing is believed. */
static void young_names_are_never_the_same(void **state)
{
    (void)state;
    make_file("a/new");
    uint64_t first = names_of("a");
    assert_int_not_equal(names_of("a"), first);
    settle();
    uint64_t settled = names_of("a");
    assert_int_equal(names_of("a"), settled);
}

/* Their times may be those of another machine, whose clock is behind. */
static void names_that_were_just_seen_are_never_the_same(void **state)
{
    (void)state;
    settle();
    uint64_t first = names_of("a");
    assert_int_not_equal(names_of("a"), first);
    settle();
    uint64_t settled = names_of("a");
    assert_int_equal(names_of("a"), settled);
}

static void another_directory_has_other_names(void **state)
{
    (void)state;
    assert_int_equal(mkdir("other", 0755), 0);
    settle();
    uint64_t names = names_of("a/b"), others = names_of("other");
    assert_int_not_equal(names, others);
    assert_int_equal(rmdir("a/b"), 0);
    assert_int_equal(rename("other", "a/b"), 0);
    assert_int_not_equal(names_of("a/b"), names);
    assert_int_not_equal(names_of("a/b"), others);
}

/* Within an iteration a directory is opened once: it is the one of then. Outside of iterations it never is. */
static void a_turn_looks_once(void **state)
{
    struct stat before, after;
    (void)state;
    assert_int_equal(fstat(found("a/b")->fd, &before), 0);
    assert_int_equal(rename("a/b", "a/moved"), 0);
    assert_int_equal(fstat(found("a/b")->fd, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_null(directories_find(directories, SPAN("a/b"), 0));
    assert_null(directories_find(directories, SPAN("a/b"), iteration));
    directories_end_iteration(directories);
    iteration++;
    assert_null(directories_find(directories, SPAN("a/b"), iteration));
}

static void what_is_no_directory_is_not_found(void **state)
{
    (void)state;
    make_file("file");
    assert_int_equal(symlink("/", "out"), 0);
    assert_null(directories_find(directories, SPAN("file"), iteration));
    assert_null(directories_find(directories, SPAN("missing"), iteration));
    assert_null(directories_find(directories, SPAN("out"), iteration));
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *listing = opendir("/proc/self/fd");
    assert_non_null(listing);
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    return count;
}

/* Many more than there are places for. */
static void descriptors_are_bounded_and_given_back(void **state)
{
    char path[16];
    (void)state;
    unsigned before = open_descriptors();
    for (unsigned i = 0; i < 8 * LIMIT_STORE_DIRECTORIES; i++) {
        snprintf(path, sizeof path, "d%u", i);
        assert_int_equal(mkdir(path, 0755), 0);
        found(path);
        found("");
        assert_true(open_descriptors() <= before + LIMIT_STORE_DIRECTORIES);
    }
    assert_true(open_descriptors() > before);
    directories_end_iteration(directories);
    assert_int_equal(open_descriptors(), before);
    assert_true(fcntl(beneath.root, F_GETFD) >= 0); /* the root is somebody else's */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settled_names_stay),
        TEST(every_change_is_seen),
        TEST(young_names_are_never_the_same),
        TEST(names_that_were_just_seen_are_never_the_same),
        TEST(another_directory_has_other_names),
        TEST(a_turn_looks_once),
        TEST(what_is_no_directory_is_not_found),
        TEST(descriptors_are_bounded_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
