/* Directory stamps: each change that a listing shows gives another one. */
#include "site/directory_stamp.h"

#include "tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

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
    assert_int_equal(directory_stamp(open("file", O_RDONLY)), 0);
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
        cmocka_unit_test_setup_teardown(changes_of_the_parent_do_not, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_directory_has_none, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
