/* Dates of HTTP (RFC 9110 5.6.7) and RFC 3339, independent of the C library's time zones and locales. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The length in bytes of an IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". */
enum { DATE_LENGTH = 29 };

/* Broken-down UTC. */
struct date {
    int year;
    int month;   /* 1 to 12 */
    int day;     /* 1 to 31 */
    int hour;    /* 0 to 23 */
    int minute;  /* 0 to 59 */
    int second;  /* 0 to 60 when read, 0 to 59 when made from seconds */
    int weekday; /* 0 is Sunday */
};

/*@ predicate is_date(struct date d) = -500 <= d.year <= 10099 && 1 <= d.month <= 12 && 0 <= d.day <= 99 &&
        0 <= d.hour <= 99 && 0 <= d.minute <= 99 && 0 <= d.second <= 99 && 0 <= d.weekday <= 6; */

/* Converts seconds since 1970-01-01T00:00:00Z into a date, clamped to the years 0 to 9999. */
/*@ assigns \nothing; ensures is_date(\result) && \result.year <= 10000; */
struct date date_from_seconds(int64_t seconds);

/* Writes DATE_LENGTH bytes of IMF-fixdate, without a NUL. Clamped as date_from_seconds. */
/*@ requires \valid(at + (0 .. DATE_LENGTH - 1)); assigns at[0 .. DATE_LENGTH - 1]; */
void date_write(char *at, int64_t seconds);

/* The same for DATE_RFC3339_LENGTH bytes (RFC 3339 5.6): "1994-11-06T08:49:37Z". */
enum { DATE_RFC3339_LENGTH = 20 };
/*@ requires \valid(at + (0 .. DATE_RFC3339_LENGTH - 1)); assigns at[0 .. DATE_RFC3339_LENGTH - 1]; */
void date_write_rfc3339(char *at, int64_t seconds);

/*
 * Reads any of the three formats of RFC 9110 5.6.7 (IMF-fixdate, RFC 850, asctime) into seconds since 1970.
 * `now` decides the century of a two-digit year: one more than 50 years ahead is in the past. Returns false
 * for anything else, such as a day that the month does not have; `*seconds` is then unchanged.
 */
/*@ requires readable(text) && \valid(seconds); assigns *seconds; */
bool date_read(struct span text, int64_t now, int64_t *seconds);

/* True for dates up to 1980-01-01, the earliest of ZIP: reproducible builds give all files such a date. */
/*@ assigns \nothing; */
bool date_is_placeholder(int64_t seconds);
