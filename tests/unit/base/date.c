/* Dates: RFC 9110 5.6.7, with the C library's calendar as reference. */
#include "base/date.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t UNTOUCHED = INT64_MIN;

/* 2024-02-29T12:00:00Z */
static const int64_t NOW = 1709208000;

/* Reads the text's first `length` bytes directly before the guard page; UNTOUCHED if they are not a date. */
static int64_t read_part(const char *text, size_t length, int64_t now)
{
    char *at = guard_end - length;
    memcpy(at, text, length);
    int64_t seconds = UNTOUCHED;
    bool valid = date_read((struct span){at, length}, now, &seconds);
    assert_int_equal(valid, seconds != UNTOUCHED);
    return seconds;
}

static int64_t read_at(const char *text, int64_t now)
{
    return read_part(text, strlen(text), now);
}

/* The result of date_write as a string. */
static const char *written(int64_t seconds)
{
    static char string[DATE_LENGTH + 1];
    char *at = guard_end - DATE_LENGTH;
    date_write(at, seconds);
    memcpy(string, at, DATE_LENGTH);
    return string;
}

static const struct {
    const char *text;
    int64_t seconds;
} VALID[] = {
    /* The three examples of RFC 9110 5.6.7. */
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    /* Other examples of RFC 9110 and RFC 7231. */
    {"Tue, 15 Nov 1994 08:12:31 GMT", 784887151},
    {"Tue, 15 Nov 1994 12:45:26 GMT", 784903526},
    {"Sat, 29 Oct 1994 19:43:31 GMT", 783459811},
    {"Fri, 31 Dec 1999 23:59:59 GMT", 946684799},

    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
    {"Thu Feb 29 12:00:00 2024", 1709208000},
    {"Thursday, 29-Feb-24 12:00:00 GMT", 1709208000},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
    {"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    /* asctime-date's day is 2DIGIT or ( SP 1DIGIT ). */
    {"Sun Nov 06 08:49:37 1994", 784111777},
    {"Tue Nov 15 08:12:31 1994", 784887151},
    /* A leap second is the next minute's first. */
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    /* The weekday need not match the date. */
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Wednesday, 06-Nov-94 08:49:37 GMT", 784111777},
    /* Each long name. */
    {"Monday, 07-Nov-94 00:00:00 GMT", 784166400},
    {"Tuesday, 08-Nov-94 00:00:00 GMT", 784252800},
    {"Wednesday, 09-Nov-94 00:00:00 GMT", 784339200},
    {"Thursday, 10-Nov-94 00:00:00 GMT", 784425600},
    {"Friday, 11-Nov-94 00:00:00 GMT", 784512000},
    {"Saturday, 12-Nov-94 00:00:00 GMT", 784598400},
};

static void all_three_date_formats_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(VALID); i++) {
        int64_t seconds = read_at(VALID[i].text, NOW);
        if (seconds != VALID[i].seconds)
            fail_msg("%s: %lld", VALID[i].text, (long long)seconds);
    }
}

/* Neither a prefix of a date nor a date with one more byte is a date. */
static void parts_of_dates_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(VALID); i++) {
        size_t length = strlen(VALID[i].text);
        for (size_t part = 0; part < length; part++) {
            assert_int_equal(read_part(VALID[i].text, part, NOW), UNTOUCHED);
        }
        /* The additional byte may be a NUL. */
        assert_int_equal(read_part(VALID[i].text, length + 1, NOW), UNTOUCHED);
        static const char more[] = " 0T\t\n";
        for (size_t k = 0; k < sizeof more - 1; k++) {
            char text[64];
            snprintf(text, sizeof text, "%s%c", VALID[i].text, more[k]);
            assert_int_equal(read_at(text, NOW), UNTOUCHED);
            snprintf(text, sizeof text, "%c%s", more[k], VALID[i].text);
            assert_int_equal(read_at(text, NOW), UNTOUCHED);
        }
    }
    int64_t seconds;
    assert_false(date_read((struct span){NULL, 0}, NOW, &seconds));
}

static const char *const INVALID[] = {
    "",
    "0",
    "784111777",
    "1994-11-06T08:49:37Z",
    /* Names are case-sensitive. */
    "sun, 06 Nov 1994 08:49:37 GMT",
    "SUN, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 NOV 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 gmt",
    "SUNDAY, 06-Nov-94 08:49:37 GMT",
    "Sun nov  6 08:49:37 1994",
    "Xyz, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Xyz 1994 08:49:37 GMT",
    /* Other time zones. */
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 GMT+1",
    "Sun Nov  6 08:49:37 1994 GMT",
    /* Formats mixed. */
    "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday Nov  6 08:49:37 1994",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Monsday, 06-Nov-94 08:49:37 GMT",
    /* Other widths, signs and spaces. */
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sun, 006 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 994 08:49:37 GMT",
    "Sun, 06 Nov 01994 08:49:37 GMT",
    "Sun, 06 Nov +994 08:49:37 GMT",
    "Sun, 06 Nov -994 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994  8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 08:49:37.5 GMT",
    "Sun, 06 Nov 1994 08:49:3 GMT",
    "Sun,06 Nov 1994 08:49:37 GMT",
    "Sun,\t06 Nov 1994 08:49:37 GMT",
    "Sun, 06  Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08-49-37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov   6 08:49:37 1994",
    "Sun Nov  6 08:49:37 94",
    /* Invalid times and days. */
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun Nov  0 08:49:37 1994",
    "Sun, 32 Jan 1994 08:49:37 GMT",
    "Sun, 32 Mar 1994 08:49:37 GMT",
    "Sun, 32 May 1994 08:49:37 GMT",
    "Sun, 32 Jul 1994 08:49:37 GMT",
    "Sun, 32 Aug 1994 08:49:37 GMT",
    "Sun, 32 Oct 1994 08:49:37 GMT",
    "Sun, 32 Dec 1994 08:49:37 GMT",
    "Thu, 31 Apr 1994 08:49:37 GMT",
    "Thu, 31 Jun 1994 08:49:37 GMT",
    "Thu, 31 Sep 1994 08:49:37 GMT",
    "Thu, 31 Nov 1994 08:49:37 GMT",
    "Thu, 30 Feb 2024 08:49:37 GMT",
    "Thu, 29 Feb 2023 08:49:37 GMT",
    "Thu, 29 Feb 1900 08:49:37 GMT",
    "Thu, 29 Feb 2100 08:49:37 GMT",
    "Thursday, 29-Feb-23 08:49:37 GMT",
    "Thu Feb 29 08:49:37 2023",
};

static void invalid_dates_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(INVALID); i++) {
        if (read_at(INVALID[i], NOW) != UNTOUCHED)
            fail_msg("%s", INVALID[i]);
    }
}

/* "a timestamp that appears to be more than 50 years in the future [is] the most recent year in the past that
   had the same last two digits" (RFC 9110 5.6.7). */
static void two_digit_years_are_at_most_50_years_ahead(void **state)
{
    static const struct {
        const char *now, *text, *expected;
    } cases[] = {
        {"Sun, 06 Nov 1994 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Thu, 29 Feb 2024 12:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Thu, 29 Feb 2024 12:00:00 GMT", "Friday, 01-Jan-70 00:00:00 GMT", "Wed, 01 Jan 2070 00:00:00 GMT"},
        {"Thu, 29 Feb 2024 12:00:00 GMT", "Friday, 01-Jan-75 00:00:00 GMT", "Wed, 01 Jan 1975 00:00:00 GMT"},
        {"Thu, 29 Feb 2024 12:00:00 GMT", "Friday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"},
        /* Exactly 50 years ahead, and one second more. */
        {"Sat, 15 Jun 2024 12:00:00 GMT", "Friday, 15-Jun-74 12:00:00 GMT", "Fri, 15 Jun 2074 12:00:00 GMT"},
        {"Sat, 15 Jun 2024 12:00:00 GMT", "Friday, 15-Jun-74 12:00:01 GMT", "Sat, 15 Jun 1974 12:00:01 GMT"},
        /* Across a century's end, in both directions. */
        {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 02-Jan-01 00:00:00 GMT", "Sun, 02 Jan 2101 00:00:00 GMT"},
        {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 02-Jan-99 00:00:00 GMT", "Fri, 02 Jan 2099 00:00:00 GMT"},
        {"Fri, 01 Jan 2100 00:00:00 GMT", "Friday, 02-Jan-99 00:00:00 GMT", "Fri, 02 Jan 2099 00:00:00 GMT"},
        /* Leap days of the chosen century: 2000 has one, 2100 has none. */
        {"Thu, 29 Feb 2024 12:00:00 GMT", "Friday, 29-Feb-00 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 29-Feb-00 00:00:00 GMT", NULL},
        /* At both ends of the valid years. */
        {"Fri, 31 Dec 9999 23:59:59 GMT", "Friday, 01-Jan-00 00:00:00 GMT", "Mon, 01 Jan 9900 00:00:00 GMT"},
        {"Sat, 01 Jan 0000 00:00:00 GMT", "Friday, 01-Jan-01 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t now = read_at(cases[i].now, 0);
        int64_t seconds = read_at(cases[i].text, now);
        if (cases[i].expected)
            assert_string_equal(written(seconds), cases[i].expected);
        else
            assert_int_equal(seconds, UNTOUCHED);
    }
    /* Under any clock, the year stays between 0 and 9999. */
    assert_int_equal(read_at("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MAX), 253239727777);
    assert_true(read_at("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MIN) >= -62167219200);
}

static void dates_are_written_as_imf_fixdate(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {-86400, "Wed, 31 Dec 1969 00:00:00 GMT"},
        {-86401, "Tue, 30 Dec 1969 23:59:59 GMT"},
        {1709251199, "Thu, 29 Feb 2024 23:59:59 GMT"},
        {1709251200, "Fri, 01 Mar 2024 00:00:00 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        /* Clamped. */
        {-62167219201, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(written(cases[i].seconds), cases[i].text);
    }
}

static void dates_are_written_as_rfc3339(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {784111777, "1994-11-06T08:49:37Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[DATE_RFC3339_LENGTH + 1] = "";
        date_write_rfc3339(text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void dates_up_to_1980_are_placeholders(void **state)
{
    int64_t seconds = 0;
    (void)state;
    assert_true(date_read(SPAN("Tue, 01 Jan 1980 00:00:00 GMT"), NOW, &seconds));
    assert_true(date_is_placeholder(seconds));
    assert_true(date_is_placeholder(0));
    assert_true(date_is_placeholder(-1));
    assert_false(date_is_placeholder(seconds + 1));
}

static void assert_same_as_gmtime(int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm tm;
    assert_non_null(gmtime_r(&time, &tm));
    struct date date = date_from_seconds(seconds);
    if (date.year != tm.tm_year + 1900 || date.month != tm.tm_mon + 1 || date.day != tm.tm_mday ||
        date.hour != tm.tm_hour || date.minute != tm.tm_min || date.second != tm.tm_sec || date.weekday != tm.tm_wday) {
        fail_msg("%lld: %04d-%02d-%02d", (long long)seconds, date.year, date.month, date.day);
    }
}

/* Each day from 1900 to 2200: first, last and a middle second, against gmtime_r, and through all three
   formats and back. */
static void every_day_is_read_back_as_written(void **state)
{
    (void)state;
    struct tm first = {.tm_year = 0, .tm_mday = 1};
    struct tm last = {.tm_year = 300, .tm_mon = 11, .tm_mday = 31};
    int64_t end = timegm(&last);
    for (int64_t day = timegm(&first); day <= end; day += 86400) {
        assert_same_as_gmtime(day);
        assert_same_as_gmtime(day + 86399);
        int64_t seconds = day + (day / 86400 % 1440) * 60 + 37;
        assert_same_as_gmtime(seconds);

        time_t time = (time_t)seconds;
        struct tm tm;
        gmtime_r(&time, &tm);
        char text[64];
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_string_equal(written(seconds), text);
        assert_int_equal(read_at(text, NOW), seconds);
        strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm);
        assert_int_equal(read_at(text, NOW), seconds);
        strftime(text, sizeof text, "%A, %d-%b-%y %H:%M:%S GMT", &tm);
        assert_int_equal(read_at(text, seconds), seconds);
    }
}

/* All other years, in steps that share no factor with a day. */
static void every_century_agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t seconds = -62167219200; seconds <= 253402300799; seconds += 1000003) {
        assert_same_as_gmtime(seconds);
        assert_int_equal(read_at(written(seconds), NOW), seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_date_formats_are_read),
        cmocka_unit_test(parts_of_dates_are_refused),
        cmocka_unit_test(invalid_dates_are_refused),
        cmocka_unit_test(two_digit_years_are_at_most_50_years_ahead),
        cmocka_unit_test(dates_are_written_as_imf_fixdate),
        cmocka_unit_test(dates_are_written_as_rfc3339),
        cmocka_unit_test(dates_up_to_1980_are_placeholders),
        cmocka_unit_test(every_day_is_read_back_as_written),
        cmocka_unit_test(every_century_agrees_with_gmtime),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}
