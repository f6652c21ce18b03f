/* Which directories are known to have no encoded siblings. */
#include "site/sibling_names.h"

#include "tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

static int flags; /* of the last file that openat opened */

/* Takes the place of the C library's function. */
int openat(int directory, const char *path, int wanted, ...)
{
    flags = wanted;
    return (int)syscall(SYS_openat, directory, path, wanted, 0);
}

static struct sibling_names names;

static int enter(void **state)
{
    (void)state;
    names = (struct sibling_names){0};
    return tree_enter();
}

static int leave(void **state)
{
    (void)state;
    return tree_leave();
}

static void make(const char *name)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fclose(file);
}

static struct file_stamp stamp_of(const char *path)
{
    struct stat attributes;
    assert_int_equal(stat(path, &attributes), 0);
    return file_stamp_of(&attributes);
}

/* Searches the folder once, as a directory with this stamp. */
static bool has_none_with(const struct file_stamp *stamp)
{
    int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    flags = O_DIRECTORY | O_CLOEXEC;
    bool none = sibling_names_note_search(&names, stamp, directory);
    close(directory);
    assert_int_equal(flags & (O_DIRECTORY | O_CLOEXEC), O_DIRECTORY | O_CLOEXEC); /* else the sandbox denies it */
    assert_int_equal(sibling_names_has_none(&names, stamp), none);
    return none;
}

/* Searches the folder twice with a stamp that it has not had in this test. */
static bool has_none(void)
{
    static off_t size;
    struct file_stamp stamp = stamp_of(".");
    stamp.size = size++ % 1000;
    assert_false(has_none_with(&stamp)); /* one search costs less than to read the names */
    return has_none_with(&stamp);
}

static void names_with_a_suffix_are_found(void **state)
{
    static const char *const encoded[] = {"a.css.gz", "b.zst", "c.br", "d.GZ", "e.Zst", ".hidden.gz"};
    static const char *const others[] = {".gz", ".br", "gz", "a.gzip", "a.gz.css", "a.br~", "a-gz"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        make(others[i]);
    assert_true(has_none());
    for (size_t i = 0; i < sizeof encoded / sizeof *encoded; i++) {
        make(encoded[i]);
        assert_false(has_none());
        assert_int_equal(unlink(encoded[i]), 0);
        assert_true(has_none());
    }
}

static void only_the_same_stamp_is_known(void **state)
{
    (void)state;
    struct file_stamp stamp = stamp_of("."), other = stamp;
    assert_false(sibling_names_has_none(&names, &stamp));
    assert_false(has_none_with(&stamp));
    assert_true(has_none_with(&stamp));
    other.changed.tv_nsec++;
    assert_false(sibling_names_has_none(&names, &other));
    make("a.gz");
    assert_true(has_none_with(&stamp)); /* it is not read again */
    assert_false(has_none_with(&other));
    assert_false(has_none_with(&other));
    assert_false(sibling_names_has_none(&names, &stamp)); /* forgotten */
    assert_false(has_none_with(&stamp));
    assert_false(has_none_with(&stamp));
}

static void first_time_of_a_stamp_is_kept(void **state)
{
    (void)state;
    struct file_stamp stamp = stamp_of("."), other = stamp;
    int64_t before = file_stamp_clock(), first = sibling_names_first_seen(&names, &stamp);
    assert_true(first >= before && first <= file_stamp_clock());
    settle();
    assert_int_equal(sibling_names_first_seen(&names, &stamp), first);
    assert_false(has_none_with(&stamp));
    assert_true(has_none_with(&stamp));
    assert_int_equal(sibling_names_first_seen(&names, &stamp), first);
    other.modified.tv_sec++;
    assert_true(sibling_names_first_seen(&names, &other) > first);
    assert_false(sibling_names_has_none(&names, &stamp));
}

static void directory_is_read_after_a_search_for_each_4096_bytes(void **state)
{
    (void)state;
    struct file_stamp stamp = stamp_of(".");
    stamp.size = 3 * 4096 + 1;
    for (unsigned search = 1; search <= 4; search++)
        assert_false(has_none_with(&stamp));
    assert_true(has_none_with(&stamp));
    stamp.size = 4096;
    assert_false(has_none_with(&stamp));
    assert_true(has_none_with(&stamp));
}

static void names_are_read_up_to_the_bound(void **state)
{
    char name[16];
    (void)state;
    for (unsigned i = 2; i < LIMIT_SIBLING_NAMES; i++) { /* the first two are "." and ".." */
        snprintf(name, sizeof name, "%u", i);
        make(name);
    }
    assert_true(has_none());
    make("one more");
    assert_false(has_none());
}

static void unreadable_directory_may_have_siblings(void **state)
{
    (void)state;
    struct file_stamp stamp = stamp_of(".");
    assert_false(sibling_names_note_search(&names, &stamp, -1));
    assert_false(sibling_names_note_search(&names, &stamp, -1));
    assert_false(sibling_names_has_none(&names, &stamp));
}

/* Many more directories than places: each is known only by its own stamp. */
static void directories_in_one_place_do_not_mix(void **state)
{
    struct file_stamp first = {.device = 1, .inode = 1}, stamp = first;
    (void)state;
    assert_false(has_none_with(&first));
    assert_true(has_none_with(&first));
    make("a.br");
    for (unsigned i = 0; i < 16 * LIMIT_STORE_DIRECTORIES; i++) {
        stamp.inode++;
        assert_false(sibling_names_has_none(&names, &stamp));
        int64_t seen = sibling_names_first_seen(&names, &stamp);
        assert_int_equal(sibling_names_first_seen(&names, &stamp), seen);
        assert_false(sibling_names_has_none(&names, &stamp));
    }
    assert_false(has_none_with(&first)); /* forgotten */
    assert_false(has_none_with(&first)); /* and read again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_with_a_suffix_are_found, enter, leave),
        cmocka_unit_test_setup_teardown(only_the_same_stamp_is_known, enter, leave),
        cmocka_unit_test_setup_teardown(first_time_of_a_stamp_is_kept, enter, leave),
        cmocka_unit_test_setup_teardown(directory_is_read_after_a_search_for_each_4096_bytes, enter, leave),
        cmocka_unit_test_setup_teardown(names_are_read_up_to_the_bound, enter, leave),
        cmocka_unit_test_setup_teardown(unreadable_directory_may_have_siblings, enter, leave),
        cmocka_unit_test_setup_teardown(directories_in_one_place_do_not_mix, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
