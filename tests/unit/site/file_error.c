/* Errors of the file system: their status, and what the log says. */
#include "site/file_error.h"

#include "base/limits.h"
#include "capture.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *log_of(int error, struct span path)
{
    struct capture errors = capture_begin(STDERR_FILENO);
    file_error_log(error, path);
    capture_end(&errors);
    return captured;
}

static unsigned lines_in_captured(void)
{
    unsigned lines = 0;
    for (const char *at = captured; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

/* RFC 9110 15.5.5 and 15.6: an error that does not tell whether there is a file is none of 404. */
static void each_error_has_its_status(void **state)
{
    static const int not_found[] = {ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP,  EXDEV, EACCES,
                                    EPERM,  ENXIO,   ENODEV,       EINVAL, EILSEQ};
    static const int shortages[] = {EMFILE, ENFILE, ENOMEM, EAGAIN};
    static const int others[] = {EIO, ESTALE, ETIMEDOUT, EOVERFLOW, ENOTCONN};
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    for (size_t i = 0; i < COUNT(not_found); i++) {
        assert_true(file_error_is_404(not_found[i]));
        assert_int_equal(file_error_status(not_found[i], SPAN("a")), 404);
    }
    for (size_t i = 0; i < COUNT(shortages); i++) {
        assert_false(file_error_is_404(shortages[i]));
        assert_int_equal(file_error_status(shortages[i], SPAN("a")), 503);
        assert_int_equal(file_error_status_of_open(shortages[i], SPAN("a")), 503);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_false(file_error_is_404(others[i]));
        assert_int_equal(file_error_status(others[i], SPAN("a")), 500);
        assert_int_equal(file_error_status_of_open(others[i], SPAN("a")), 500);
    }
    assert_int_equal(file_error_status_of_open(EACCES, SPAN("a")), 500);
    capture_end(&errors);
    assert_int_equal(lines_in_captured(), 1 + 2 * COUNT(others) + 1); /* all shortages are told of once */
}

static void shortages_are_logged_once_in_an_interval(void **state)
{
    static const struct {
        int64_t ms;
        bool logged;
    } steps[] = {
        {1000, true},
        {1000, false},
        {1000 + LIMIT_SHORTAGE_MS - 1, false},
        {1000 + LIMIT_SHORTAGE_MS, true},
        {1000 + 2 * LIMIT_SHORTAGE_MS - 1, false},
    };
    (void)state;
    int64_t begin = now_ms() + 2 * LIMIT_SHORTAGE_MS; /* long after the test before it */
    for (size_t i = 0; i < COUNT(steps); i++) {
        stopped_at_ms = begin + steps[i].ms;
        assert_int_equal(log_of(EMFILE, SPAN("a"))[0] != '\0', steps[i].logged);
        assert_true(log_of(EIO, SPAN("a"))[0] != '\0');
    }
    start_clock();
}

/* The reason follows the path in the same line. */
static void long_path_is_cut_short(void **state)
{
    static char path[4096];
    char expected[1024];
    (void)state;
    memset(path, 'p', sizeof path);
    for (size_t length = 511; length <= 513; length++) {
        snprintf(expected, sizeof expected, "tinyhttpd: can't read '/%.*s': %s\n", length < 512 ? (int)length : 512,
                 path, strerror(EIO));
        assert_string_equal(log_of(EIO, (struct span){path, length}), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_status),
        cmocka_unit_test(shortages_are_logged_once_in_an_interval),
        cmocka_unit_test(long_path_is_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
