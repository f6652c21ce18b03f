/* HTTP dates, both ways. The input: a line with a time in seconds, then the date. */
#include "base/date.h"

#include "lib/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t YEAR_0 = -62167219200, YEAR_9999_END = 253402300799;

static int64_t clamp(int64_t seconds)
{
    if (seconds < YEAR_0)
        return YEAR_0;
    return seconds > YEAR_9999_END ? YEAR_9999_END : seconds;
}

/* Compared with the C library's calendar. */
static void check_calendar(int64_t seconds)
{
    struct date date = date_from_seconds(seconds);
    time_t clamped = clamp(seconds);
    struct tm tm;
    CHECK(gmtime_r(&clamped, &tm) != NULL);
    CHECK(date.year == tm.tm_year + 1900 && date.month == tm.tm_mon + 1 && date.day == tm.tm_mday);
    CHECK(date.hour == tm.tm_hour && date.minute == tm.tm_min && date.second == tm.tm_sec);
    CHECK(date.weekday == tm.tm_wday);
}

/* A written date is read as the same time, under any clock. */
static void check_round_trip(int64_t seconds, int64_t now)
{
    char text[DATE_LENGTH];
    int64_t again = INT64_MIN;
    date_write(text, seconds);
    CHECK(date_read((struct span){text, sizeof text}, now, &again));
    CHECK(again == clamp(seconds));
}

/* Every accepted IMF-fixdate gives the same time in strptime(3), which is laxer. */
static void check_fixdate(struct span text, int64_t seconds)
{
    char string[DATE_LENGTH + 1] = "";
    struct tm tm = {0};
    memcpy(string, text.at, DATE_LENGTH);
    const char *end = strptime(string, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    CHECK(end != NULL && *end == '\0');
    CHECK(timegm(&tm) == seconds);
}

static void check_read(struct span text, int64_t now)
{
    int64_t seconds = INT64_MIN;
    if (!date_read(text, now, &seconds)) {
        CHECK(seconds == INT64_MIN);
        return;
    }
    CHECK(seconds >= YEAR_0 && seconds <= YEAR_9999_END + 1); /* one more with a leap second */
    check_round_trip(seconds, now);
    if (text.at[3] == ',')
        check_fixdate(text, seconds);
    else if (text.at[3] != ' ' && now >= YEAR_0 && now <= YEAR_9999_END) {
        /* Two-digit years (RFC 9110 5.6.7); the first century has no earlier one to fall back to. */
        int year = date_from_seconds(seconds).year;
        CHECK(year < 100 || year <= date_from_seconds(now).year + 50 + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span text = {(const char *)bytes, length};
    int64_t now = fuzz_number(fuzz_take_line(&text), 1700000000);
    check_calendar(now);
    check_round_trip(now, now);
    check_read(text, now);
    return 0;
}
