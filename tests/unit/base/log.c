/* Lines of the log: the Combined Log Format, and that nothing a client sends can forge one. */
#include "base/log.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What was written, with a NUL after it. */
static char captured[65536];
static ssize_t captured_length;

struct capture {
    int stream;
    int saved;
    int pipe[2];
};

static struct capture capture_begin(int stream)
{
    struct capture capture = {.stream = stream, .saved = dup(stream)};
    assert_int_equal(pipe2(capture.pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(capture.saved >= 0);
    assert_true(dup2(capture.pipe[1], stream) >= 0);
    return capture;
}

/* Puts the stream back. One read takes all of it, unless it was more than one write to a pipe can be whole. */
static void capture_end(struct capture *capture)
{
    dup2(capture->saved, capture->stream);
    close(capture->saved);
    close(capture->pipe[1]);
    captured_length = read(capture->pipe[0], captured, sizeof captured - 1);
    captured[captured_length > 0 ? captured_length : 0] = '\0';
    close(capture->pipe[0]);
}

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

static struct log_access usual(void)
{
    return (struct log_access){
        .peer = ipv4(),
        .time = 784111777,
        .request_line = SPAN("GET /a?b HTTP/1.1"),
        .method = SPAN("GET"),
        .target = SPAN("/a?b"),
        .status = 200,
        .referer = SPAN("http://example.org/"),
        .user_agent = SPAN("curl/8.0"),
        .began = log_clock(LOG_JSON),
    };
}

/* What the log writes for such a request. */
static const char *logged(enum log_form form, const struct log_access *access, uint64_t octets)
{
    char room[LIMIT_LOG_LINE];
    struct log_line line = log_prepare(form, access, room);
    if (form != LOG_NONE)
        assert_true(line.text.at == room && line.octets_at <= line.text.length);
    struct capture capture = capture_begin(STDOUT_FILENO);
    log_write(&line, octets);
    log_flush();
    capture_end(&capture);
    return captured;
}

static void combined_lines_have_their_form(void **state)
{
    (void)state;
    struct log_access access = usual();
    assert_string_equal(logged(LOG_COMBINED, &access, 1234),
                        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 1234 "
                        "\"http://example.org/\" \"curl/8.0\"\n");
    access.peer = ipv6();
    access.status = 404;
    access.time = 0;
    access.referer = access.user_agent = (struct span){NULL, 0};
    assert_string_equal(
        logged(LOG_COMBINED, &access, 0),
        "2001:db8::7 - - [01/Jan/1970:00:00:00 +0000] \"GET /a?b HTTP/1.1\" 404 0 \"-\" \"-\"\n");
    access.request_line = (struct span){NULL, 0};
    access.time = 1709251199;
    assert_string_equal(
        logged(LOG_COMBINED, &access, UINT64_MAX),
        "2001:db8::7 - - [29/Feb/2024:23:59:59 +0000] \"-\" 404 18446744073709551615 \"-\" \"-\"\n");
}

/* A socket for both gives an IPv4 client's address as an IPv6 one: the client is the same, and so is its name. */
static void a_mapped_peer_is_shown_as_ipv4(void **state)
{
    static struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    (void)state;
    struct log_access access = usual();
    access.peer = (const struct sockaddr *)(const void *)&address;
    inet_pton(AF_INET6, "::ffff:192.0.2.7", &address.sin6_addr);
    assert_memory_equal(logged(LOG_COMBINED, &access, 0), "192.0.2.7 - - [", 15);
    assert_non_null(strstr(logged(LOG_JSON, &access, 0), "\"client\":\"192.0.2.7\""));
    inet_pton(AF_INET6, "::192.0.2.7", &address.sin6_addr); /* not mapped (RFC 4291 2.5.5.1) */
    assert_memory_equal(logged(LOG_COMBINED, &access, 0), "::192.0.2.7 - - [", 17);
}

/* Behind a socket that is neither IPv4 nor IPv6 there is no address to tell. */
static void a_peer_without_an_address_is_a_dash(void **state)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNIX};
    (void)state;
    struct log_access access = usual();
    access.peer = &nobody;
    assert_memory_equal(logged(LOG_COMBINED, &access, 0), "- - - [06/Nov/1994:08:49:37 +0000]", 34);
}

static void months_have_names(void **state)
{
    static const char names[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct log_access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        access.time = (time_t)(i * 2629746 + 1209600); /* the middle of each month of 1970 */
        assert_memory_equal(strchr(logged(LOG_COMBINED, &access, 1), '/') + 1, names[i], 3);
    }
}

static void terminal_lines_tell_what_happened(void **state)
{
    static const char *const pieces[] = {"08:49:37", "GET", "/a?b", "304", "9876"};
    (void)state;
    struct log_access access = usual();
    access.status = 304;
    const char *line = logged(LOG_TERMINAL, &access, 9876);
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
    struct log_access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        access.status = rows[i].status;
        assert_non_null(strstr(logged(LOG_COLOURED, &access, 1), rows[i].shown));
        assert_null(strchr(logged(LOG_TERMINAL, &access, 1), '\x1B'));
    }
}

/* Its beginning and its end; the duration is whatever it is. */
static void assert_json(const struct log_access *access, const char *begin)
{
    const char *line = logged(LOG_JSON, access, 1234);
    assert_memory_equal(line, begin, strlen(begin));
    const char *end = line + strlen(begin);
    assert_memory_equal(end, ",\"octets\":1234,\"duration_us\":", 29);
    end += 29;
    assert_in_range(strspn(end, "0123456789"), 1, 12);
    assert_string_equal(end + strspn(end, "0123456789"), "}\n");
}

static void json_lines_have_their_form(void **state)
{
    (void)state;
    struct log_access access = usual();
    assert_json(&access,
                "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\","
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
    struct log_access access = usual();
    (void)state;
    access.began -= 12345678;
    assert_non_null(strstr(logged(LOG_TERMINAL, &access, 1), "  1 octet  1234"));
    assert_non_null(strstr(logged(LOG_JSON, &access, 1), "\"duration_us\":1234"));
    assert_int_equal(log_clock(LOG_COMBINED), 0);
    assert_int_equal(log_clock(LOG_NONE), 0);
}

/* Below the request, for a person; other forms have no place for it. */
static void reasons_are_for_the_terminal(void **state)
{
    (void)state;
    struct log_access access = usual();
    access.why = SPAN("There is no 'a\n\xFF'.");
    assert_non_null(strstr(logged(LOG_TERMINAL, &access, 9), " ms\n          There is no 'a\\x0A\\xFF'.\n"));
    assert_null(strstr(logged(LOG_COMBINED, &access, 9), "There"));
    static char large[LIMIT_LOG_LINE];
    memset(large, 'x', sizeof large);
    access.why = (struct span){large, sizeof large};
    assert_null(strstr(logged(LOG_TERMINAL, &access, 9), "xxx"));
}

static void no_log_writes_nothing(void **state)
{
    (void)state;
    struct log_access access = usual();
    logged(LOG_NONE, &access, 1);
    assert_true(captured_length <= 0);
    struct capture capture = capture_begin(STDOUT_FILENO);
    log_write(&(struct log_line){0}, 1);
    log_flush();
    capture_end(&capture);
    assert_true(captured_length <= 0);
}

static void what_clients_send_is_escaped(void **state)
{
    (void)state;
    struct log_access access = usual();
    access.request_line = SPAN("GET /\x1B[2J\"\\\r\n HTTP/1.1");
    access.referer = SPAN("\" 200 1 \"\n");
    access.user_agent = SPAN("\0\x7F\x80\x9B\xFF\t");
    assert_string_equal(
        logged(LOG_COMBINED, &access, 5),
        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\x1B[2J\\x22\\x5C\\x0D\\x0A HTTP/1.1\" 200 5 "
        "\"\\x22 200 1 \\x22\\x0A\" \"\\x00\\x7F\\x80\\x9B\\xFF\\x09\"\n");
    access.method = SPAN("G\x1B");
    access.target = SPAN("/\x1B]0;title\x07\r\n\x9B");
    const char *line = logged(LOG_TERMINAL, &access, 5);
    assert_non_null(strstr(line, "G\\x1B"));
    assert_non_null(strstr(line, "/\\x1B]0;title\\x07\\x0D\\x0A\\x9B"));
}

/* One line, whole, of printable ASCII, with its end and the given number in place. */
static void assert_one_line(const char *end)
{
    size_t length = (size_t)captured_length, end_length = strlen(end);
    assert_true(captured_length > 0 && length <= LIMIT_LOG_LINE);
    assert_ptr_equal(memchr(captured, '\n', length), captured + length - 1);
    for (size_t i = 0; i + 1 < length; i++)
        assert_in_range((unsigned char)captured[i], 0x20, 0x7E);
    assert_true(length > end_length);
    assert_memory_equal(captured + length - end_length, end, end_length);
}

/* Three texts of `length` octets each; every one of them escaped, some of them, or none. */
static void assert_hostile(char octet, size_t length)
{
    static char hostile[LIMIT_HEAD];
    struct log_access access = usual();
    memset(hostile, octet, length);
    access.peer = ipv6();
    access.time = INT64_MAX;
    struct span text = {hostile, length};
    access.request_line = access.method = access.target = access.referer = access.user_agent = text;
    logged(LOG_COMBINED, &access, UINT64_MAX);
    assert_one_line("\"\n");
    assert_non_null(strstr(captured, "\" 200 18446744073709551615 \""));
    size_t quotes = 0;
    for (const char *at = captured; (at = strchr(at, '"')) != NULL; at++)
        quotes++;
    assert_int_equal(quotes, 6);
    logged(LOG_TERMINAL, &access, UINT64_MAX);
    assert_one_line(" ms\n");
    assert_non_null(strstr(captured, " 18446744073709551615 "));
    logged(LOG_JSON, &access, UINT64_MAX);
    assert_one_line("}\n");
    assert_non_null(strstr(captured, "\",\"status\":200,\"octets\":18446744073709551615,\"duration_us\":"));
}

/* limits.h: a line of up to PIPE_BUF octets is written whole. */
static void hostile_lines_are_bounded(void **state)
{
    static const char octets[] = {'\xFF', '"', '\\', '\n', '\0', 'a'};
    static const size_t lengths[] = {1,   174, 175, 176,  599,  600,  601,
                                     699, 700, 701, 2399, 2400, 2401, LIMIT_HEAD};
    (void)state;
    for (size_t i = 0; i < COUNT(octets); i++) {
        for (size_t k = 0; k < COUNT(lengths); k++)
            assert_hostile(octets[i], lengths[k]);
    }
}

/* An escape is never cut. */
static void escapes_are_whole(void **state)
{
    static char hostile[LIMIT_HEAD];
    (void)state;
    memset(hostile, '\n', sizeof hostile);
    for (size_t plain = 0; plain < 8; plain++) {
        struct log_access access = usual();
        memset(hostile, 'a', plain);
        access.request_line = access.referer = access.user_agent = (struct span){hostile, sizeof hostile};
        logged(LOG_COMBINED, &access, 1);
        for (const char *at = captured; (at = strchr(at, '\\')) != NULL; at++)
            assert_memory_equal(at, "\\x0A", 4);
    }
}

static void times_out_of_range_are_written(void **state)
{
    static const time_t times[] = {INT64_MAX, INT64_MIN, -1, 253402300800};
    struct log_access access = usual();
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        access.time = times[i];
        logged(LOG_COMBINED, &access, 1);
        assert_one_line("\"curl/8.0\"\n");
        logged(LOG_TERMINAL, &access, 1);
        assert_one_line("\n");
    }
}

/* A full pipe or a closed stream is no reason to stop. */
static void a_log_that_takes_nothing_is_no_harm(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    struct capture capture = capture_begin(STDOUT_FILENO);
    for (unsigned i = 0; i < 10000; i++)
        log_write(&line, i);
    log_flush();
    capture_end(&capture);
    assert_true(captured_length > 0);
    int saved = dup(STDOUT_FILENO);
    close(STDOUT_FILENO);
    log_write(&line, 1);
    log_flush();
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

/* The line after those that were dropped tells of them. */
static void what_was_dropped_is_told_once(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    struct capture output = capture_begin(STDOUT_FILENO);
    log_write(&line, 0); /* of what was dropped before */
    log_flush();
    struct capture errors = capture_begin(STDERR_FILENO);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, STDOUT_FILENO); /* ENOSPC (full(4)) */
    close(full);
    for (unsigned i = 0; i < 7; i++) {
        log_write(&line, i);
        if (i > 3)
            log_flush();
    }
    dup2(output.pipe[1], STDOUT_FILENO);
    log_write(&line, 7);
    log_flush();
    log_write(&line, 8);
    log_flush();
    capture_end(&errors);
    assert_string_equal(captured,
                        "tinyhttpd: 7 lines of the access log were dropped: No space left on device\n");
    capture_end(&output);
    assert_int_equal(captured_length, 3 * (line.text.length + 1));
}

/* A file that takes only a part of what is written, as a disk that becomes full: the lines that are whole count as written,
   and the next one begins where a line begins. */
static void a_line_in_part_spoils_no_other(void **state)
{
    char room[LIMIT_LOG_LINE], path[] = "/tmp/tinyhttpd-log-XXXXXX", content[LIMIT_LOG_LINE];
    struct log_access access = usual();
    struct rlimit before;
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    size_t whole = line.text.length + 1;
    int file = mkostemp(path, O_APPEND | O_CLOEXEC), saved = dup(STDOUT_FILENO);
    assert_true(file >= 0 && saved >= 0);
    struct capture errors = capture_begin(STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){whole + 10, before.rlim_max}); /* EFBIG beyond it, as ENOSPC */
    for (unsigned i = 1; i <= 3; i++)
        log_write(&line, i);
    log_flush();
    log_write(&line, 4);
    log_flush();
    setrlimit(RLIMIT_FSIZE, &before);
    log_write(&line, 5);
    log_write(&line, 6);
    log_flush();
    dup2(saved, STDOUT_FILENO);
    close(saved);
    capture_end(&errors);
    assert_non_null(strstr(captured, "tinyhttpd: 3 lines of the access log were dropped: "));
    ssize_t length = pread(file, content, sizeof content, 0);
    close(file);
    unlink(path);
    assert_int_equal(length, whole + 10 + 1 + 2 * whole);
    assert_memory_equal(content + whole, "192.0.2.7 \n192.0.2.7 - - ", 25);
}

/* Each write to this pipe is read as one (pipe(7), O_DIRECT). */
static void lines_are_written_together_and_whole(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    int ends[2], saved = dup(STDOUT_FILENO);
    unsigned lines = 0, writes = 0;
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT), 0);
    dup2(ends[1], STDOUT_FILENO);
    log_write(&line, 1);
    assert_true(log_is_pending());
    assert_true(read(ends[0], captured, sizeof captured) < 0);
    for (unsigned i = 1; i < 100; i++)
        log_write(&line, 1);
    log_flush();
    log_flush();
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_false(log_is_pending());
    while ((captured_length = read(ends[0], captured, sizeof captured)) > 0) {
        assert_true(captured_length <= LIMIT_LOG_LINE);
        assert_int_equal(captured[captured_length - 1], '\n');
        for (ssize_t i = 0; i < captured_length; i++)
            lines += captured[i] == '\n';
        writes++;
    }
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(lines, 100);
    assert_int_equal(writes, 100 / (LIMIT_LOG_LINE / (line.text.length + 1)) + 1);
}

static void whoever_watches_waits_for_no_other_line(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    (void)state;
    struct log_line line = log_prepare(LOG_TERMINAL, &access, room);
    struct capture capture = capture_begin(STDOUT_FILENO);
    log_write(&line, 1);
    assert_false(log_is_pending());
    capture_end(&capture);
    assert_one_line("\n");
}

/* Both streams may lead to one place. */
static void a_diagnostic_comes_after_the_lines_before_it(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    struct capture capture = capture_begin(STDOUT_FILENO);
    int saved = dup(STDERR_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    log_write(&line, 1);
    log_error("then");
    log_write(&line, 1);
    log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    capture_end(&capture);
    assert_non_null(strstr(captured, "\"curl/8.0\"\ntinyhttpd: then\n192.0.2.7"));
}

/* ---- outputs that don't wait ---- */

/* What is open on a stream, as log_open finds it. */
static void put_on(int stream, int fd)
{
    assert_true(dup2(fd, stream) == stream);
    close(fd);
}

/* Two that share a pipe may both have found it writable: a write must not wait even then. */
static void a_full_pipe_is_not_waited_for(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    int ends[2], saved = dup(STDOUT_FILENO);
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int shared = dup(ends[1]);
    put_on(STDOUT_FILENO, ends[1]);
    log_open();
    assert_true((fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fcntl(shared, F_GETFL) & O_NONBLOCK, 0); /* whoever else has the pipe waits as before */
    alarm(20);
    for (unsigned i = 0; i < 20000; i++)
        log_write(&line, i);
    log_flush();
    alarm(0);
    put_on(STDOUT_FILENO, saved);
    close(shared);
    close(ends[0]);
    log_open();
}

/* As systemd gives one for its journal. */
static void a_full_socket_is_not_waited_for(void **state)
{
    char room[LIMIT_LOG_LINE];
    struct log_access access = usual();
    int ends[2], saved = dup(STDOUT_FILENO);
    (void)state;
    struct log_line line = log_prepare(LOG_COMBINED, &access, room);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    put_on(STDOUT_FILENO, ends[1]);
    log_open();
    alarm(20);
    for (unsigned i = 0; i < 20000; i++)
        log_write(&line, i);
    log_flush();
    alarm(0);
    put_on(STDOUT_FILENO, saved);
    log_open();
    captured_length = read(ends[0], captured, sizeof captured);
    close(ends[0]);
    assert_true(captured_length > (ssize_t)line.text.length);
    assert_memory_equal(captured, "192.0.2.7 - - ", 14);
}

/* ---- diagnostics ---- */

static const char *complained(const char *message)
{
    struct capture capture = capture_begin(STDERR_FILENO);
    log_error("%s", message);
    capture_end(&capture);
    return captured;
}

static void diagnostics_have_their_form(void **state)
{
    (void)state;
    struct capture capture = capture_begin(STDERR_FILENO);
    log_error("port %d is %s", 80, "taken");
    capture_end(&capture);
    assert_string_equal(captured, "tinyhttpd: port 80 is taken\n");
    assert_string_equal(complained("'r\xC3\xBC"
                                   "be' \"is\" C:\\missing"),
                        "tinyhttpd: 'r\xC3\xBC"
                        "be' \"is\" C:\\missing\n");
}

static void diagnostics_do_not_steer_terminals(void **state)
{
    (void)state;
    assert_string_equal(complained("a\x1B[2J\r\nb\x07\x7F"), "tinyhttpd: a\\x1B[2J\\x0D\\x0Ab\\x07\\x7F\n");
    /* CSI in eight bits, as UTF-8: terminals follow it too (ECMA-48 5.3). */
    assert_null(strstr(complained("a\xC2\x9B"
                                  "2J"),
                       "\xC2\x9B"));
}

static void long_diagnostics_end_with_their_line(void **state)
{
    static const char octets[] = {'a', '\n', '\x1B'};
    static char message[20000];
    (void)state;
    for (size_t i = 0; i < COUNT(octets); i++) {
        memset(message, octets[i], sizeof message - 1);
        complained(message);
        assert_one_line("\n");
        assert_memory_equal(captured, "tinyhttpd: ", 11);
    }
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
        cmocka_unit_test(reasons_are_for_the_terminal),
        cmocka_unit_test(no_log_writes_nothing),
        cmocka_unit_test(what_clients_send_is_escaped),
        cmocka_unit_test(hostile_lines_are_bounded),
        cmocka_unit_test(escapes_are_whole),
        cmocka_unit_test(times_out_of_range_are_written),
        cmocka_unit_test(a_log_that_takes_nothing_is_no_harm),
        cmocka_unit_test(what_was_dropped_is_told_once),
        cmocka_unit_test(a_line_in_part_spoils_no_other),
        cmocka_unit_test(lines_are_written_together_and_whole),
        cmocka_unit_test(whoever_watches_waits_for_no_other_line),
        cmocka_unit_test(a_diagnostic_comes_after_the_lines_before_it),
        cmocka_unit_test(a_full_pipe_is_not_waited_for),
        cmocka_unit_test(a_full_socket_is_not_waited_for),
        cmocka_unit_test(diagnostics_have_their_form),
        cmocka_unit_test(diagnostics_do_not_steer_terminals),
        cmocka_unit_test(long_diagnostics_end_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
