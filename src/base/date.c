#include "base/date.h"

#include <string.h>

enum { SECONDS_A_DAY = 86400, EPOCH_WEEKDAY = 4 /* 1970-01-01 was a Thursday */ };

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the years that four digits can write. */
static const int64_t SECONDS_MIN = -62167219200;
static const int64_t SECONDS_MAX = 253402300799;

/* Case-sensitive and independent of the locale (RFC 9110 5.6.7). */
static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char WEEKDAYS[] = "SunMonTueWedThuFriSat";
/* The rest of RFC 850's long names, each in six bytes. */
static const char WEEKDAY_ENDS[] = "day   day   sday  nesdayrsday day   urday ";

/*@ assigns \nothing; */
static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/*@ requires 1 <= month <= 12; assigns \nothing; */
static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* The calendar repeats every 400 years, or 146097 days. If years begin on 1 March, the leap day is their last, and
   month m (0: March) begins on day (153 * m + 2) / 5. 719468 days lie between 0000-03-01 and 1970-01-01. */
enum { ERA_DAYS = 146097, ERA_YEARS = 400, EPOCH_DAYS = 719468 };

/*@ requires -500 <= year <= 10099 && 1 <= month <= 12 && 0 <= day <= 99; assigns \nothing;
    ensures -1200000 <= \result <= 4000000; */
static int64_t days_from_date(int64_t year, int month, int day)
{
    if (month <= 2)
        year--;
    int64_t era = (year >= 0 ? year : year - (ERA_YEARS - 1)) / ERA_YEARS;
    int64_t year_of_era = year - era * ERA_YEARS;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

/*@ requires \valid_read(date) && is_date(*date); assigns \nothing; */
static int64_t seconds_from_date(const struct date *date)
{
    int second_of_day = (date->hour * 60 + date->minute) * 60 + date->second;
    return days_from_date(date->year, date->month, date->day) * SECONDS_A_DAY + second_of_day;
}

struct date date_from_seconds(int64_t seconds)
{
    if (seconds < SECONDS_MIN)
        seconds = SECONDS_MIN;
    if (seconds > SECONDS_MAX)
        seconds = SECONDS_MAX;

    /* Division in C rounds towards zero; days must be rounded down. */
    int64_t days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
    int second_of_day = (int)(seconds - days * SECONDS_A_DAY);

    int64_t shifted = days + EPOCH_DAYS;
    int64_t era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
    int day_of_era = (int)(shifted - era * ERA_DAYS);
    /* Subtract the leap days: one in 1461 days, except in 36524, except in 146096. */
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153; /* 0 is March */
    bool next_year = month >= 10;            /* January and February belong to the year that follows */

    return (struct date){
        .year = (int)(era * ERA_YEARS) + year_of_era + next_year,
        .month = next_year ? month - 9 : month + 3,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
        .weekday = (int)(((days + EPOCH_WEEKDAY) % 7 + 7) % 7),
    };
}

/*@ requires 0 <= count && \valid(at + (0 .. count - 1)); assigns at[0 .. count - 1]; */
static void write_digits(char *at, int count, int number)
{
    /*@ loop invariant 0 <= count <= \at(count, Pre);
        loop assigns count, number, at[0 .. \at(count, Pre) - 1]; loop variant count; */
    while (count-- > 0) {
        at[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void date_write(char *at, int64_t seconds)
{
    struct date date = date_from_seconds(seconds);
    memcpy(at, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_LENGTH);
    memcpy(at, WEEKDAYS + 3 * date.weekday, 3);
    write_digits(at + 5, 2, date.day);
    memcpy(at + 8, MONTHS + 3 * (date.month - 1), 3);
    write_digits(at + 12, 4, date.year);
    write_digits(at + 17, 2, date.hour);
    write_digits(at + 20, 2, date.minute);
    write_digits(at + 23, 2, date.second);
}

void date_write_rfc3339(char *at, int64_t seconds)
{
    struct date date = date_from_seconds(seconds);
    memcpy(at, "1994-11-06T08:49:37Z", DATE_RFC3339_LENGTH);
    write_digits(at, 4, date.year);
    write_digits(at + 5, 2, date.month);
    write_digits(at + 8, 2, date.day);
    write_digits(at + 11, 2, date.hour);
    write_digits(at + 14, 2, date.minute);
    write_digits(at + 17, 2, date.second);
}

bool date_is_placeholder(int64_t seconds)
{
    return seconds <= 315532800; /* 1980-01-01T00:00:00Z */
}

/* Each take function removes something from the text's beginning or returns false. */

/*@ requires \valid(text) && readable(*text) && readable(expected);
    assigns *text; ensures readable(*text) && text->length <= \old(text->length); */
static bool take(struct span *text, struct span expected)
{
    bool begins = span_begins(*text, expected);
    if (begins)
        *text = span_from(*text, expected.length);
    return begins;
}

/*@ requires \valid(text) && readable(*text) && count <= 4 && \valid(number) && \separated(text, number);
    assigns *text, *number;
    ensures readable(*text) && (\result ==> 0 <= *number <= 9999 && (count <= 2 ==> *number <= 99)); */
static bool take_digits(struct span *text, size_t count, int *number)
{
    uint64_t value;
    if (text->length < count)
        return false;
    if (!span_to_number((struct span){text->at, count}, &value))
        return false;
    *number = (int)value;
    text->at += count;
    text->length -= count;
    return true;
}

/* One of `count` names of three letters, numbered from 0. */
/*@ requires \valid(text) && readable(*text) && \valid(number) && \separated(text, number) && 0 <= count <= 12 &&
        \valid_read(names + (0 .. 3 * count - 1));
    assigns *text, *number; ensures readable(*text) && (\result ==> 0 <= *number < count); */
static bool take_name(struct span *text, const char *names, int count, int *number)
{
    /*@ loop invariant 0 <= i <= count && readable(*text); loop assigns i, *text; loop variant count - i; */
    for (int i = 0; i < count; i++) {
        if (take(text, (struct span){names + 3 * i, 3})) {
            *number = i;
            return true;
        }
    }
    return false;
}

/*@ requires \valid(text) && readable(*text) && \valid(month) && \separated(text, month);
    assigns *text, *month; ensures readable(*text) && (\result ==> 1 <= *month <= 12); */
static bool take_month(struct span *text, int *month)
{
    if (!take_name(text, MONTHS, 12, month))
        return false;
    *month += 1;
    return true;
}

/* time-of-day = hour ":" minute ":" second */
/*@ requires \valid(text) && readable(*text) && \valid(date) && \separated(text, date);
    assigns *text, date->hour, date->minute, date->second; ensures readable(*text) &&
        (\result ==> 0 <= date->hour <= 99 && 0 <= date->minute <= 99 && 0 <= date->second <= 99); */
static bool take_time(struct span *text, struct date *date)
{
    return take_digits(text, 2, &date->hour) && take(text, SPAN(":")) && take_digits(text, 2, &date->minute) &&
           take(text, SPAN(":")) && take_digits(text, 2, &date->second);
}

/* ", 06 Nov 1994 08:49:37 GMT", after the weekday's name. */
/*@ requires \valid(text) && readable(*text) && \valid(date) && \separated(text, date) && 0 <= date->weekday <= 6;
    assigns *text, *date; ensures readable(*text) && (\result ==> is_date(*date)); */
static bool take_imf_rest(struct span *text, struct date *date)
{
    return take(text, SPAN(", ")) && take_digits(text, 2, &date->day) && take(text, SPAN(" ")) &&
           take_month(text, &date->month) && take(text, SPAN(" ")) && take_digits(text, 4, &date->year) &&
           take(text, SPAN(" ")) && take_time(text, date) && take(text, SPAN(" GMT"));
}

/* Chooses the latest century in which the date is at most 50 years ahead of `now` (RFC 9110 5.6.7: a later one is "the
   most recent year in the past that had the same last two digits"). */
/*@ requires \valid(date); requires is_date(*date); requires 0 <= date->year <= 99;
    assigns date->year; ensures is_date(*date); */
static void choose_century(struct date *date, int64_t now)
{
    struct date limit = date_from_seconds(now);
    limit.year += 50;
    int64_t latest = seconds_from_date(&limit);
    date->year += limit.year - limit.year % 100;
    /*@ loop invariant is_date(*date); loop assigns date->year; loop variant date->year; */
    while (date->year > 9999 || (date->year >= 100 && seconds_from_date(date) > latest)) {
        date->year -= 100;
    }
}

/*@ requires \valid(text) && readable(*text) && 0 <= weekday <= 6; assigns *text; ensures readable(*text); */
static bool take_weekday_end(struct span *text, int weekday)
{
    struct span end = {WEEKDAY_ENDS + 6 * weekday, 6};
    end.length = span_find(end, ' ');
    return take(text, end);
}

/* date2 = day "-" month "-" 2DIGIT */
/*@ requires \valid(text) && readable(*text) && \valid(date) && \separated(text, date);
    assigns *text, date->day, date->month, date->year;
    ensures readable(*text) && (\result ==> 0 <= date->day <= 99 && 1 <= date->month <= 12 && 0 <= date->year <= 99); */
static bool take_date2(struct span *text, struct date *date)
{
    return take_digits(text, 2, &date->day) && take(text, SPAN("-")) && take_month(text, &date->month) &&
           take(text, SPAN("-")) && take_digits(text, 2, &date->year);
}

/* "day, 06-Nov-94 08:49:37 GMT", after the weekday's first three letters. */
/*@ requires \valid(text) && readable(*text) && \valid(date) && \separated(text, date) && 0 <= date->weekday <= 6;
    assigns *text, *date; ensures readable(*text) && (\result ==> is_date(*date)); */
static bool take_rfc850_rest(struct span *text, struct date *date, int64_t now)
{
    if (!take_weekday_end(text, date->weekday) || !take(text, SPAN(", ")) || !take_date2(text, date) ||
        !take(text, SPAN(" ")) || !take_time(text, date) || !take(text, SPAN(" GMT")))
        return false;
    choose_century(date, now);
    return true;
}

/* " Nov  6 08:49:37 1994", after the weekday's name; the day is 2DIGIT or ( SP 1DIGIT ). */
/*@ requires \valid(text) && readable(*text) && \valid(date) && \separated(text, date) && 0 <= date->weekday <= 6;
    assigns *text, *date; ensures readable(*text) && (\result ==> is_date(*date)); */
static bool take_asctime_rest(struct span *text, struct date *date)
{
    if (!take(text, SPAN(" ")) || !take_month(text, &date->month) || !take(text, SPAN(" ")))
        return false;
    size_t day_digits = take(text, SPAN(" ")) ? 1 : 2;
    return take_digits(text, day_digits, &date->day) && take(text, SPAN(" ")) && take_time(text, date) &&
           take(text, SPAN(" ")) && take_digits(text, 4, &date->year);
}

bool date_read(struct span text, int64_t now, int64_t *seconds)
{
    struct date date = {0};
    if (!take_name(&text, WEEKDAYS, 7, &date.weekday))
        return false;
    if (text.length == 0)
        return false;

    bool taken;
    switch (text.at[0]) {
    case ',':
        taken = take_imf_rest(&text, &date);
        break;
    case ' ':
        taken = take_asctime_rest(&text, &date);
        break;
    default:
        taken = take_rfc850_rest(&text, &date, now);
        break;
    }
    if (!taken || text.length > 0)
        return false;

    /* Accept a wrong weekday: it adds nothing, and other recipients ignore it. Accept second 60 in any minute:
       this program has no table of leap seconds. */
    if (date.day < 1 || date.day > days_in_month(date.year, date.month))
        return false;
    if (date.hour > 23 || date.minute > 59 || date.second > 60)
        return false;
    *seconds = seconds_from_date(&date);
    return true;
}
