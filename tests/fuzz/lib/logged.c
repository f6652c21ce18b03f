#include "logged.h"

#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A text of this many bytes is never cut, even if each becomes six. */
enum { WHOLE_MAX = 30 };

char logged_byte(struct span *rest)
{
    CHECK(rest->length > 0);
    *rest = (struct span){rest->at + 1, rest->length - 1};
    return rest->at[-1];
}

void logged_number(struct span *rest, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    fuzz_expect(rest, span_of(text));
    CHECK(rest->length == 0 || !text_is_digit(rest->at[0]));
}

void logged_time(struct span *rest, const char *format, char end, int64_t seconds)
{
    const int64_t year_0 = -62167219200, year_9999_end = 253402300799;
    char text[40];
    struct tm tm = {0};
    struct span stamp = fuzz_take_until(rest, end);
    CHECK(stamp.length < sizeof text);
    memcpy(text, stamp.at, stamp.length);
    text[stamp.length] = '\0';
    const char *stop = strptime(text, format, &tm);
    CHECK(stop != NULL && *stop == '\0');
    CHECK(timegm(&tm) == (seconds < year_0 ? year_0 : seconds > year_9999_end ? year_9999_end : seconds));
}

/* The next byte, as \xHH, \u00HH, \" or \\, or as itself. */
static char take_byte(struct span *rest, bool json)
{
    char byte = logged_byte(rest);
    CHECK(byte >= ' ' && byte <= '~');
    if (byte != '\\')
        return byte;
    if (json && rest->length > 0 && (rest->at[0] == '"' || rest->at[0] == '\\'))
        return logged_byte(rest);
    fuzz_expect(rest, json ? SPAN("u00") : SPAN("x"));
    int high = text_hex_value(logged_byte(rest)), low = text_hex_value(logged_byte(rest));
    CHECK(high >= 0 && low >= 0);
    return (char)(high * 16 + low);
}

void logged_text(struct span *rest, char end, struct span source, bool json)
{
    size_t length = 0;
    if (!json && source.length == 0)
        source = SPAN("-");
    while (rest->length > 0 && rest->at[0] != end) {
        char byte = take_byte(rest, json);
        CHECK(length < source.length && source.at[length] == byte);
        length++;
    }
    CHECK(length == source.length || length >= WHOLE_MAX);
}
