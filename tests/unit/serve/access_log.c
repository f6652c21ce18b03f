/* Lines of the access log: their forms, and that nothing a client sends can forge one. */
#include "serve/access_log.h"

#include "base/limits.h"
#include "base/log.h"
#include "capture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct sockaddr *ipv4(void)
{
    static struct sockaddr_in address = {.sin_family = AF_INET};
    inet_pton(AF_INET, "192.0.2.7", &address.sin_addr);
    return (const struct sockaddr *)(const void *)&address;
}

static const struct sockaddr *ipv6(void)
{
    static struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "2001:db8::7", &address.sin6_addr);
    return (const struct sockaddr *)(const void *)&address;
}

static struct access usual(void)
{
    return (struct access){
        .peer = ipv4(),
        .time = 784111777,
        .request_line = SPAN("GET /a?b HTTP/1.1"),
        .method = SPAN("GET"),
        .target = SPAN("/a?b"),
        .status = 200,
        .referer = SPAN("http://example.org/"),
        .user_agent = SPAN("curl/8.0"),
    };
}

static int64_t duration; /* of the answer, in microseconds */

/* What the log writes for such a request. */
static const char *logged(enum access_form form, const struct access *access, uint64_t bytes)
{
    char room[LIMIT_LOG_LINE];
    struct access_line line = access_prepare(form, access, room);
    if (form != ACCESS_NONE)
        assert_true(line.text.at == room && line.bytes_at <= line.text.length);
    struct capture capture = capture_begin(STDOUT_FILENO);
    access_write(&line, bytes, duration);
    log_flush();
    capture_end(&capture);
    return captured;
}

static void combined_lines_have_their_form(void **state)
{
    (void)state;
    struct access access = usual();
    assert_string_equal(logged(ACCESS_COMBINED, &access, 1234),
                        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 1234 "
                        "\"http://example.org/\" \"curl/8.0\"\n");
    access.peer = ipv6();
    access.status = 404;
    access.time = 0;
    access.referer = access.user_agent = (struct span){NULL, 0};
    assert_string_equal(logged(ACCESS_COMBINED, &access, 0),
                        "2001:db8::7 - - [01/Jan/1970:00:00:00 +0000] \"GET /a?b HTTP/1.1\" 404 0 \"-\" \"-\"\n");
    access.request_line = (struct span){NULL, 0};
    access.time = 1709251199;
    assert_string_equal(logged(ACCESS_COMBINED, &access, UINT64_MAX),
                        "2001:db8::7 - - [29/Feb/2024:23:59:59 +0000] \"-\" 404 18446744073709551615 \"-\" \"-\"\n");
}

/* A socket for both gives an IPv4 client's address as an IPv6 one: the client is the same, and so is its name. */
static void a_mapped_peer_is_shown_as_ipv4(void **state)
{
    static struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    (void)state;
    struct access access = usual();
    access.peer = (const struct sockaddr *)(const void *)&address;
    inet_pton(AF_INET6, "::ffff:192.0.2.7", &address.sin6_addr);
    assert_memory_equal(logged(ACCESS_COMBINED, &access, 0), "192.0.2.7 - - [", 15);
    assert_non_null(strstr(logged(ACCESS_JSON, &access, 0), "\"client\":\"192.0.2.7\""));
    inet_pton(AF_INET6, "::192.0.2.7", &address.sin6_addr); /* not mapped (RFC 4291 2.5.5.1) */
    assert_memory_equal(logged(ACCESS_COMBINED, &access, 0), "::", 2);
}

/* Behind a socket that is neither IPv4 nor IPv6 there is no address to tell. */
static void a_peer_without_an_address_is_a_dash(void **state)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNIX};
    (void)state;
    struct access access = usual();
    access.peer = &nobody;
    assert_memory_equal(logged(ACCESS_COMBINED, &access, 0), "- - - [06/Nov/1994:08:49:37 +0000]", 34);
}

static void months_have_names(void **state)
{
    static const char names[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        access.time = (time_t)(i * 2629746 + 1209600); /* the middle of each month of 1970 */
        assert_memory_equal(strchr(logged(ACCESS_COMBINED, &access, 1), '/') + 1, names[i], 3);
    }
}

static void terminal_lines_tell_what_happened(void **state)
{
    static const char *const pieces[] = {"08:49:37", "GET", "/a?b", "304", "9.9 kB"};
    (void)state;
    struct access access = usual();
    access.status = 304;
    const char *line = logged(ACCESS_TERMINAL, &access, 9876);
    for (size_t i = 0; i < COUNT(pieces); i++)
        assert_non_null(strstr(line, pieces[i]));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_true(strlen(line) < 80);
}

static void a_status_is_coloured_by_its_class(void **state)
{
    static const struct {
        int status;
        const char *shown;
    } rows[] = {{200, "  \x1B[32m200\x1B[0m  "},
                {304, "  \x1B[36m304\x1B[0m  "},
                {404, "  \x1B[33m404\x1B[0m  "},
                {503, "  \x1B[31m503\x1B[0m  "}};
    struct access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        access.status = rows[i].status;
        assert_non_null(strstr(logged(ACCESS_COLOURED, &access, 1), rows[i].shown));
        assert_null(strchr(logged(ACCESS_TERMINAL, &access, 1), '\x1B'));
    }
}

/* Its beginning and its end; the duration is whatever it is. */
static void assert_json(const struct access *access, const char *begin)
{
    const char *line = logged(ACCESS_JSON, access, 1234);
    assert_memory_equal(line, begin, strlen(begin));
    const char *end = line + strlen(begin);
    assert_memory_equal(end, ",\"bytes\":1234,\"duration_us\":", 28);
    end += 28;
    assert_in_range(strspn(end, "0123456789"), 1, 12);
    assert_string_equal(end + strspn(end, "0123456789"), "}\n");
}

static void json_lines_have_their_form(void **state)
{
    (void)state;
    struct access access = usual();
    assert_json(&access, "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\","
                         "\"target\":\"/a?b\",\"referer\":\"http://example.org/\",\"user_agent\":\"curl/8.0\","
                         "\"status\":200");
    access.method = access.referer = (struct span){NULL, 0};
    access.target = SPAN("/\"\\\n\x1B\xFF\x7F");
    access.user_agent = SPAN("\0");
    assert_json(&access, "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7\",\"method\":\"\","
                         "\"target\":\"/\\\"\\\\\\u000a\\u001b\\u00ff\\u007f\",\"referer\":\"\","
                         "\"user_agent\":\"\\u0000\",\"status\":200");
}

/* Milliseconds, with a tenth. */
static void durations_are_told(void **state)
{
    struct access access = usual();
    (void)state;
    duration = 12345678;
    assert_non_null(strstr(logged(ACCESS_TERMINAL, &access, 1), "  1 B  1234"));
    assert_non_null(strstr(logged(ACCESS_JSON, &access, 1), "\"duration_us\":1234"));
    duration = 0;
    assert_int_equal(access_clock(ACCESS_COMBINED), 0);
    assert_int_equal(access_clock(ACCESS_NONE), 0);
}

/* A malformed request line has no target, but a person wants to see what was asked. */
static void malformed_request_lines_are_shown(void **state)
{
    static const struct {
        const char *line, *method, *shown;
    } cases[] = {
        {"GET /a\x01"
         "b HTTP/1.1",
         "GET", "  GET /a\\x01b  400"},
        {"GET /a\x1B[31m?\x7F HTTP/1.0", "GET", "  GET /a\\x1B[31m?\\x7F  400"},
        {"GET /a", "GET", "  GET /a  400"},
        {"GET  HTTP/1.1", "GET", "  GET -  400"},
        {"GET ", "GET", "  GET -  400"},
        {"GET", "GET", "  GET -  400"},
        {"\x16\x03\x01", "", "  - -  400"},
        {"", "", "  - -  400"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct access access = usual();
        access.status = 400;
        access.request_line = span_of(cases[i].line);
        access.method = span_of(cases[i].method);
        access.target = SPAN_NONE;
        assert_non_null(strstr(logged(ACCESS_TERMINAL, &access, 9), cases[i].shown));
    }
}

/* Below the request, for a person; other forms have no place for it. */
static void reasons_are_for_the_terminal(void **state)
{
    (void)state;
    struct access access = usual();
    access.why = SPAN("There is no 'a\n\xFF'.");
    assert_non_null(strstr(logged(ACCESS_TERMINAL, &access, 9), " ms\n          There is no 'a\\x0A\\xFF'.\n"));
    assert_null(strstr(logged(ACCESS_COMBINED, &access, 9), "There"));
    static char large[LIMIT_LOG_LINE];
    memset(large, 'x', sizeof large);
    access.why = (struct span){large, sizeof large};
    assert_null(strstr(logged(ACCESS_TERMINAL, &access, 9), "xxx"));
}

static void no_log_writes_nothing(void **state)
{
    (void)state;
    struct access access = usual();
    logged(ACCESS_NONE, &access, 1);
    assert_true(captured_length <= 0);
    struct capture capture = capture_begin(STDOUT_FILENO);
    access_write(&(struct access_line){0}, 1, 0);
    log_flush();
    capture_end(&capture);
    assert_true(captured_length <= 0);
}

static void what_clients_send_is_escaped(void **state)
{
    (void)state;
    struct access access = usual();
    access.request_line = SPAN("GET /\x1B[2J\"\\\r\n HTTP/1.1");
    access.referer = SPAN("\" 200 1 \"\n");
    access.user_agent = SPAN("\0\x7F\x80\x9B\xFF\t");
    assert_string_equal(
        logged(ACCESS_COMBINED, &access, 5),
        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\x1B[2J\\x22\\x5C\\x0D\\x0A HTTP/1.1\" 200 5 "
        "\"\\x22 200 1 \\x22\\x0A\" \"\\x00\\x7F\\x80\\x9B\\xFF\\x09\"\n");
    access.method = SPAN("G\x1B");
    access.target = SPAN("/\x1B]0;title\x07\r\n\x9B");
    const char *line = logged(ACCESS_TERMINAL, &access, 5);
    assert_non_null(strstr(line, "G\\x1B"));
    assert_non_null(strstr(line, "/\\x1B]0;title\\x07\\x0D\\x0A\\x9B"));
}

/* Three texts of `length` bytes each; every one of them escaped, some of them, or none. */
static void assert_hostile(char byte, size_t length)
{
    static char hostile[LIMIT_HEAD];
    struct access access = usual();
    memset(hostile, byte, length);
    access.peer = ipv6();
    access.time = INT64_MAX;
    struct span text = {hostile, length};
    access.request_line = access.method = access.target = access.referer = access.user_agent = text;
    logged(ACCESS_COMBINED, &access, UINT64_MAX);
    assert_one_line("\"\n");
    assert_non_null(strstr(captured, "\" 200 18446744073709551615 \""));
    size_t quotes = 0;
    for (const char *at = captured; (at = strchr(at, '"')) != NULL; at++)
        quotes++;
    assert_int_equal(quotes, 6);
    logged(ACCESS_TERMINAL, &access, UINT64_MAX);
    assert_one_line(" ms\n");
    assert_non_null(strstr(captured, "  18 EB  "));
    logged(ACCESS_JSON, &access, UINT64_MAX);
    assert_one_line("}\n");
    assert_non_null(strstr(captured, "\",\"status\":200,\"bytes\":18446744073709551615,\"duration_us\":"));
    access.method = access.target = (struct span){NULL, 0};
    logged(ACCESS_JSON, &access, UINT64_MAX);
    assert_one_line("}\n");
    assert_non_null(strstr(captured, "\"method\":\"\",\"target\":\"\",\"request\":\""));
}

/* limits.h: a line of up to PIPE_BUF bytes is written whole. */
static void hostile_lines_are_bounded(void **state)
{
    static const char bytes[] = {'\xFF', '"', '\\', '\n', '\0', 'a'};
    static const size_t lengths[] = {1, 174, 175, 176, 599, 600, 601, 699, 700, 701, 2399, 2400, 2401, LIMIT_HEAD};
    (void)state;
    for (size_t i = 0; i < COUNT(bytes); i++) {
        for (size_t k = 0; k < COUNT(lengths); k++)
            assert_hostile(bytes[i], lengths[k]);
    }
}

/* An escape is never cut. */
static void escapes_are_whole(void **state)
{
    static char hostile[LIMIT_HEAD];
    (void)state;
    memset(hostile, '\n', sizeof hostile);
    for (size_t plain = 0; plain < 8; plain++) {
        struct access access = usual();
        memset(hostile, 'a', plain);
        access.request_line = access.referer = access.user_agent = (struct span){hostile, sizeof hostile};
        logged(ACCESS_COMBINED, &access, 1);
        for (const char *at = captured; (at = strchr(at, '\\')) != NULL; at++)
            assert_memory_equal(at, "\\x0A", 4);
    }
}

static void times_out_of_range_are_written(void **state)
{
    static const time_t times[] = {INT64_MAX, INT64_MIN, -1, 253402300800};
    struct access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        access.time = times[i];
        logged(ACCESS_COMBINED, &access, 1);
        assert_one_line("\"curl/8.0\"\n");
        logged(ACCESS_TERMINAL, &access, 1);
        assert_one_line("\n");
    }
}

static void whoever_watches_waits_for_no_other_line(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct access access = usual();
    (void)state;
    struct access_line line = access_prepare(ACCESS_TERMINAL, &access, room);
    struct capture capture = capture_begin(STDOUT_FILENO);
    access_write(&line, 1, 0);
    assert_false(log_is_pending());
    capture_end(&capture);
    assert_one_line("\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combined_lines_have_their_form),
        cmocka_unit_test(a_mapped_peer_is_shown_as_ipv4),
        cmocka_unit_test(a_peer_without_an_address_is_a_dash),
        cmocka_unit_test(months_have_names),
        cmocka_unit_test(terminal_lines_tell_what_happened),
        cmocka_unit_test(a_status_is_coloured_by_its_class),
        cmocka_unit_test(json_lines_have_their_form),
        cmocka_unit_test(durations_are_told),
        cmocka_unit_test(malformed_request_lines_are_shown),
        cmocka_unit_test(reasons_are_for_the_terminal),
        cmocka_unit_test(no_log_writes_nothing),
        cmocka_unit_test(what_clients_send_is_escaped),
        cmocka_unit_test(hostile_lines_are_bounded),
        cmocka_unit_test(escapes_are_whole),
        cmocka_unit_test(times_out_of_range_are_written),
        cmocka_unit_test(whoever_watches_waits_for_no_other_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
