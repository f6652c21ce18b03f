/* File stamps: when a file counts as unchanged, also with times that no clock has shown. */
#include "site/file_stamp.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { DAY = LIMIT_CLOCK_SKEW_MS / 1000 };

/* `changed` and `seen` are seconds ago: the ctime, and when the stamp was first seen. */
static bool is_settled(int64_t changed, int64_t seen, int64_t racy_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    struct file_stamp stamp = {.changed = {now.tv_sec - changed, now.tv_nsec}};
    return file_stamp_is_settled(&stamp, file_stamp_clock() - seen * 1000, racy_ms);
}

static bool settled_after(int64_t seconds, int64_t racy_ms)
{
    return is_settled(seconds, 1000, racy_ms);
}

/* A file server's clock may be behind. */
static void an_old_change_that_was_just_seen_is_not_settled(void **state)
{
    (void)state;
    assert_false(is_settled(5, 0, 2000));
    assert_false(is_settled(5, 1, 2000));
    assert_true(is_settled(5, 3, 2000));
    assert_false(is_settled(DAY - 10, 0, 2000));
    assert_false(is_settled(-5, 3, 2000));
}

static void a_change_of_more_than_a_day_ago_is_settled_at_once(void **state)
{
    (void)state;
    assert_true(is_settled(DAY + 10, 0, 2000));
    assert_true(is_settled(DAY + 10, 0, LIMIT_RACY_MS));
}

static void a_change_is_settled_after_its_racy_time(void **state)
{
    (void)state;
    assert_true(settled_after(3, 2000));
    assert_false(settled_after(1, 2000));
    assert_true(settled_after(100, 99000));
    assert_false(settled_after(90, 99000));
    assert_false(settled_after(-60, 2000)); /* from the future */
    assert_false(settled_after(-1, 2000));
}

static struct timespec realtime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now;
}

/* Of a change so many milliseconds ago that was first seen so long ago. Asks again if a clock went on meanwhile. */
static bool is_settled_exactly_after(int64_t changed_ms, int64_t seen_ms, int64_t racy_ms)
{
    for (;;) {
        struct timespec now = realtime();
        int64_t clock = file_stamp_clock();
        struct file_stamp stamp = {.changed = {now.tv_sec - changed_ms / 1000 - 1,
                                               now.tv_nsec / 1000000 * 1000000 + (1000 - changed_ms % 1000) * 1000000}};
        bool settled = file_stamp_is_settled(&stamp, clock - seen_ms, racy_ms);
        struct timespec after = realtime();
        if (clock == file_stamp_clock() && after.tv_sec == now.tv_sec && after.tv_nsec == now.tv_nsec)
            return settled;
    }
}

static void a_change_is_settled_from_the_very_limit_on(void **state)
{
    (void)state;
    assert_true(is_settled_exactly_after(2000, 2000, 2000));
    assert_false(is_settled_exactly_after(1999, 2000, 2000));
    assert_false(is_settled_exactly_after(2000, 1999, 2000));
    assert_true(is_settled_exactly_after(LIMIT_CLOCK_SKEW_MS, 0, 2000));
    assert_false(is_settled_exactly_after(LIMIT_CLOCK_SKEW_MS - 1, 0, 2000));
}

/* A file system may return any time. */
static void distant_times_do_not_overflow(void **state)
{
    (void)state;
    static const int64_t past[] = {INT64_MIN, INT64_MIN / 1000 - 1, -62167219201, -1, 0};
    static const int64_t future[] = {253402300800, INT64_MAX / 1000, INT64_MAX};
    for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
        struct file_stamp stamp = {.changed = {past[i], 999999999}};
        assert_true(file_stamp_is_settled(&stamp, file_stamp_clock(), 2000));
    }
    for (size_t i = 0; i < sizeof future / sizeof *future; i++) {
        struct file_stamp stamp = {.changed = {future[i], 0}};
        assert_false(file_stamp_is_settled(&stamp, 0, 2000));
    }
}

static void the_earlier_mtime_is_older(void **state)
{
    (void)state;
    struct file_stamp first = {.modified = {INT64_MIN, 5}}, second = {.modified = {INT64_MAX, 0}};
    assert_true(file_stamp_is_older(&first, &second));
    assert_false(file_stamp_is_older(&second, &first));
    second.modified = (struct timespec){INT64_MIN, 6};
    assert_true(file_stamp_is_older(&first, &second));
    assert_false(file_stamp_is_older(&first, &first));
}

static void stamps_differ_if_one_attribute_does(void **state)
{
    (void)state;
    struct file_stamp stamp = {1, 2, 3, {4, 5}, {6, 7}};
    struct file_stamp others[] = {
        {9, 2, 3, {4, 5}, {6, 7}}, {1, 9, 3, {4, 5}, {6, 7}}, {1, 2, 9, {4, 5}, {6, 7}}, {1, 2, 3, {9, 5}, {6, 7}},
        {1, 2, 3, {4, 9}, {6, 7}}, {1, 2, 3, {4, 5}, {9, 7}}, {1, 2, 3, {4, 5}, {6, 9}},
    };
    assert_true(file_stamp_equal(&stamp, &stamp));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(file_stamp_equal(&stamp, &others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_settled_after_its_racy_time),
        cmocka_unit_test(a_change_is_settled_from_the_very_limit_on),
        cmocka_unit_test(an_old_change_that_was_just_seen_is_not_settled),
        cmocka_unit_test(a_change_of_more_than_a_day_ago_is_settled_at_once),
        cmocka_unit_test(distant_times_do_not_overflow),
        cmocka_unit_test(the_earlier_mtime_is_older),
        cmocka_unit_test(stamps_differ_if_one_attribute_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
