/* What is said of lost lines, and when. */
#include "base/log_loss.h"

#include "base/limits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char said[LOG_LOSS_MAX];

/* What is said and could be written, or "". */
static const char *tell(struct log_loss *loss, enum log_loss_state state, int64_t now)
{
    if (!log_loss_describe(loss, state, "access log", now, said))
        return "";
    log_loss_note(loss, state, true, now);
    return said;
}

static void loss_is_told_at_once_each_minute_and_at_its_end(void **state)
{
    struct log_loss loss = {0};
    (void)state;
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, 1000), "");
    log_loss_add(&loss, 2, ENOSPC);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 1000), "the access log loses lines: No space left on device");
    log_loss_add(&loss, 3, ENOSPC);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 1000 + LIMIT_LOG_LOSS_MS - 1), "");
    log_loss_add(&loss, 1, EFBIG);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 1000 + LIMIT_LOG_LOSS_MS),
                        "6 lines of the access log were dropped: File too large; see 'ulimit -f'");
    log_loss_add(&loss, 1, EAGAIN);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 1001 + LIMIT_LOG_LOSS_MS), "");
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, 1002 + LIMIT_LOG_LOSS_MS),
                        "1 line of the access log was dropped: its reader or its disk does not keep up; it "
                        "is written again");
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, 1003 + LIMIT_LOG_LOSS_MS), "");
    assert_string_equal(tell(&loss, LOG_LOSS_FINAL, 1003 + LIMIT_LOG_LOSS_MS), "");
}

/* A reader that is a little too slow begins and ends losses all the time: each end tells the number. */
static void losses_in_a_row_begin_with_one_line_a_second(void **state)
{
    struct log_loss loss = {0};
    (void)state;
    log_loss_add(&loss, 1, EPIPE);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 0), "the access log loses lines: no process reads it");
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, 1),
                        "1 line of the access log was dropped: no process reads it; it is written again");
    log_loss_add(&loss, 2, EPIPE);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, LIMIT_LOG_LOSS_AGAIN_MS), "");
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, LIMIT_LOG_LOSS_AGAIN_MS),
                        "2 lines of the access log were dropped: no process reads it; it is written again");
    log_loss_add(&loss, 1, EPIPE);
    assert_string_equal(tell(&loss, LOG_LOSS_LASTS, 2 * LIMIT_LOG_LOSS_AGAIN_MS),
                        "the access log loses lines: no process reads it");
}

static void loss_whose_number_was_told_ends_with_a_line(void **state)
{
    struct log_loss loss = {0};
    (void)state;
    log_loss_add(&loss, 1, ENOSPC);
    tell(&loss, LOG_LOSS_LASTS, 0);
    tell(&loss, LOG_LOSS_LASTS, LIMIT_LOG_LOSS_MS);
    assert_string_equal(tell(&loss, LOG_LOSS_OVER, LIMIT_LOG_LOSS_MS), "the access log is written again");
}

static void report_that_can_not_be_written_is_tried_again(void **state)
{
    struct log_loss loss = {0};
    (void)state;
    log_loss_add(&loss, 5, ENOSPC);
    assert_true(log_loss_describe(&loss, LOG_LOSS_LASTS, "error log", 0, said));
    log_loss_note(&loss, LOG_LOSS_LASTS, false, 0);
    assert_false(log_loss_describe(&loss, LOG_LOSS_LASTS, "error log", LIMIT_LOG_RETRY_MS - 1, said));
    assert_true(log_loss_describe(&loss, LOG_LOSS_LASTS, "error log", LIMIT_LOG_RETRY_MS, said));
    assert_string_equal(said, "the error log loses lines: No space left on device");
    assert_true(log_loss_describe(&loss, LOG_LOSS_FINAL, "error log", 1, said));
    log_loss_note(&loss, LOG_LOSS_FINAL, false, 1);
    assert_string_equal(tell(&loss, LOG_LOSS_FINAL, 2),
                        "5 lines of the access log were dropped: No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_told_at_once_each_minute_and_at_its_end),
        cmocka_unit_test(losses_in_a_row_begin_with_one_line_a_second),
        cmocka_unit_test(loss_whose_number_was_told_ends_with_a_line),
        cmocka_unit_test(report_that_can_not_be_written_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
