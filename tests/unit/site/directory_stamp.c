/* Directory stamps: each change that a listing shows gives another one. */
#include "site/directory_stamp.h"

#include "tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

static uint64_t stamp(void)
{
    return directory_stamp(open(".", O_RDONLY | O_DIRECTORY));
}

static void make(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void changes_give_another_stamp(void **state)
{
    (void)state;
    make("a", "1");
    uint64_t first = stamp();
    assert_int_not_equal(first, 0);
    assert_int_equal(stamp(), first);
    make("b", "1");
    uint64_t more = stamp();
    assert_int_not_equal(more, first);
    make("a", "12");
    uint64_t longer = stamp();
    assert_int_not_equal(longer, more);
    assert_int_equal(rename("b", "c"), 0);
    assert_int_not_equal(stamp(), longer);
}

static void set_times(const char *name, time_t seconds, long nanoseconds)
{
    const struct timespec time = {seconds, nanoseconds};
    assert_int_equal(utimensat(AT_FDCWD, name, (const struct timespec[]){time, time}, 0), 0);
}

/* The stamp of a directory with one file. Its own times are always the same. */
static uint64_t stamp_with(const char *content, time_t seconds, long nanoseconds)
{
    make("file", content);
    set_times("file", seconds, nanoseconds);
    set_times(".", 1, 0);
    return stamp();
}

static void each_attribute_of_a_file_counts(void **state)
{
    (void)state;
    uint64_t first = stamp_with("1", 7, 7);
    assert_int_equal(stamp_with("2", 7, 7), first);
    assert_int_not_equal(stamp_with("12", 7, 7), first);
    assert_int_not_equal(stamp_with("1", 8, 7), first);
    assert_int_not_equal(stamp_with("1", 7, 8), first);
    assert_int_equal(stamp_with("1", 7, 7), first);
    make("other", "1");
    assert_int_equal(rename("other", "file"), 0); /* another inode */
    assert_int_not_equal(stamp_with("1", 7, 7), first);
}

static void times_of_the_directory_count(void **state)
{
    (void)state;
    uint64_t first = stamp_with("1", 7, 7);
    set_times(".", 2, 0);
    assert_int_not_equal(stamp(), first);
    set_times(".", 1, 1);
    assert_int_not_equal(stamp(), first);
}

static void changes_of_the_parent_do_not(void **state)
{
    (void)state;
    assert_int_equal(mkdir("inner", 0755), 0);
    uint64_t first = directory_stamp(open("inner", O_RDONLY | O_DIRECTORY));
    make("beside", "1");
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, ".", times, 0), 0);
    assert_int_equal(directory_stamp(open("inner", O_RDONLY | O_DIRECTORY)), first);
}

static void what_is_no_directory_has_none(void **state)
{
    (void)state;
    make("file", "");
    int fd = open("file", O_RDONLY);
    assert_int_equal(directory_stamp(fd), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
}

static int enter(void **state)
{
    (void)state;
    return tree_enter();
}

static int leave(void **state)
{
    (void)state;
    return tree_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_give_another_stamp, enter, leave),
        cmocka_unit_test_setup_teardown(each_attribute_of_a_file_counts, enter, leave),
        cmocka_unit_test_setup_teardown(times_of_the_directory_count, enter, leave),
        cmocka_unit_test_setup_teardown(changes_of_the_parent_do_not, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_directory_has_none, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
