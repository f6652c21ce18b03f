/* Requests: RFC 9112 for the form of a request and its body, RFC 9110 for versions, methods, fields and expectations.
   Every row is read whole, cut in two at every offset, and byte by byte. At each call the head and the request move,
   and a guard page follows the head; the result must always be the same. */
#include "http/request.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(literal) SPAN_INIT(literal)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Room for the longest head and the bytes after it. */
enum { AREA_SIZE = 2 * LIMIT_HEAD + 16384 };

/* Two areas for a head, one for a body's bytes; a guard page follows each. */
enum { AREA_BODY = 2, AREAS };
static char *area_ends[AREAS];

static int areas_open(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (AREA_SIZE + page - 1) / page * page;
    for (unsigned i = 0; i < AREAS; i++) {
        char *at = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED || mprotect(at + size, page, PROT_NONE) != 0)
            return -1;
        area_ends[i] = at + size;
    }
    return 0;
}

/* Copies the bytes to the end of an area. */
static char *place(unsigned area, const char *bytes, size_t length)
{
    assert_true(length <= AREA_SIZE);
    char *at = area_ends[area] - length;
    if (length > 0)
        memcpy(at, bytes, length);
    return at;
}

/* ---- reading in pieces ---- */

/* A request being read; it and its head alternate between two areas. */
struct reader {
    struct request places[2];
    unsigned now;
    struct span bytes;
    size_t given;       /* bytes passed so far */
    size_t head_length; /* of the last head passed */
    size_t used;
};

static struct request *request_of(struct reader *reader)
{
    return &reader->places[reader->now];
}

/* Moves the request to its other area and overwrites the old one. */
static void move_request(struct reader *reader)
{
    unsigned other = 1 - reader->now;
    reader->places[other] = reader->places[reader->now];
    memset(&reader->places[reader->now], 0xEE, sizeof reader->places[0]);
    reader->now = other;
}

/* Moves the head to its other area and overwrites the old one. */
static char *move_head(struct reader *reader, size_t length)
{
    unsigned area = reader->now;
    size_t wiped = reader->head_length;
    memset(area_ends[1 - area] - wiped, 0xEE, wiped);
    reader->head_length = length;
    return place(area, reader->bytes.at, length);
}

static void give_head(struct reader *reader, size_t end)
{
    struct request *request = request_of(reader);
    char *head = move_head(reader, end);
    reader->given = end;
    enum request_state state = request_read_head(request, head, end);
    assert_int_equal(state, request->state);
    reader->used = request->parsed;
    if (state == REQUEST_HEAD || state == REQUEST_BODY) /* connection.c reads more only when all bytes are used */
        assert_int_equal(request->parsed, end);
    assert_true(request->parsed <= end);
}

static void give_body(struct reader *reader, size_t end)
{
    struct request *request = request_of(reader);
    size_t length = end - reader->given, used = 4711;
    request_move(request, move_head(reader, reader->head_length));
    const char *bytes = place(AREA_BODY, reader->bytes.at + reader->given, length);
    reader->given = end;
    enum request_state state = request_read_body(request, bytes, length, &used);
    assert_int_equal(state, request->state);
    if (state == REQUEST_BODY)
        assert_int_equal(used, length);
    assert_true(used <= length);
    reader->used += used;
}

/* Reads the first `first` of the bytes, then `step` at a time. */
static struct request *read_pieces(struct reader *reader, struct span bytes, size_t first, size_t step)
{
    *reader = (struct reader){.bytes = bytes};
    request_init(request_of(reader));
    for (size_t end = first;; end += step) {
        size_t given = end < bytes.length ? end : bytes.length;
        move_request(reader);
        if (request_of(reader)->state == REQUEST_HEAD)
            give_head(reader, given);
        else
            give_body(reader, given);
        enum request_state state = request_of(reader)->state;
        if (given == bytes.length || state == REQUEST_WHOLE || state == REQUEST_BAD)
            return request_of(reader);
    }
}

static struct request *read_whole(struct reader *reader, struct span bytes)
{
    return read_pieces(reader, bytes, bytes.length, 1);
}

/* ---- the result as text, for comparison ---- */

enum { WORDS_MAX = 4096 };

static void append_number(struct buffer *words, const char *name, uint64_t number)
{
    buffer_string(words, name);
    buffer_number(words, number);
    buffer_byte(words, ' ');
}

static void append_span(struct buffer *words, const char *name, struct span text)
{
    buffer_string(words, name);
    buffer_byte(words, '[');
    buffer_log(words, (struct span){text.at, text.length < 512 ? text.length : 512});
    append_number(words, "]:", text.length);
}

static void describe(struct reader *reader, char room[WORDS_MAX])
{
    const struct request *request = request_of(reader);
    struct buffer words = {room, 0, WORDS_MAX - 1, false};
    append_number(&words, "state:", request->state);
    append_number(&words, "method:", request->method);
    append_number(&words, "minor:", request->minor_version);
    if (request->state == REQUEST_BAD) {
        append_number(&words, "status:", (uint64_t)request->status);
    } else {
        append_number(&words, "used:", reader->used);
        append_number(&words, "keep:", request->keep_alive);
        append_number(&words, "expects:", request->expects_continue);
        append_span(&words, "name", request_method_name(request));
        append_span(&words, "target", request_target(request));
        for (enum request_field field = 0; field < FIELD_OTHER; field++)
            append_span(&words, "field", request_field(request, field));
        append_number(&words, "lines:", request->field_line_count);
    }
    assert_false(words.overflow);
    room[words.length] = '\0';
}

static void assert_pieces(struct span bytes, size_t first, size_t step, const char *expected)
{
    static struct reader reader;
    char words[WORDS_MAX];
    read_pieces(&reader, bytes, first, step);
    describe(&reader, words);
    if (strcmp(words, expected) != 0)
        fail_msg("'%.80s'\ncut at %zu, then every %zu:\n%s\nwhole:\n%s", bytes.at, first, step, words, expected);
}

/* Checks for the same result at every cut; `stride` apart for long inputs. */
static void assert_every_cut(struct span bytes, size_t stride)
{
    static struct reader reader;
    char whole[WORDS_MAX];
    read_whole(&reader, bytes);
    describe(&reader, whole);
    for (size_t first = 1; first < bytes.length; first += stride)
        assert_pieces(bytes, first, bytes.length, whole);
    for (size_t step = 1; step <= 7 && stride == 1; step++)
        assert_pieces(bytes, step, step, whole);
    assert_pieces(bytes, stride, stride, whole);
}

/* ---- valid requests ---- */

#define HOST "Host: a\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"

struct valid {
    struct span bytes;
    enum request_method method;
    unsigned minor;
    bool keep_alive;
    struct span name, target;
};

static const struct valid valid_rows[] = {
    {TEXT("GET / HTTP/1.1\r\n" HOST "\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/")},
    {TEXT("HEAD /a/b.html?c=d HTTP/1.1\r\n" HOST "\r\n"), METHOD_HEAD, 1, true, TEXT("HEAD"), TEXT("/a/b.html?c=d")},
    {TEXT("GET / HTTP/1.0\r\n\r\n"), METHOD_GET, 0, false, TEXT("GET"), TEXT("/")},
    {TEXT("GET / HTTP/1.0\r\n" HOST "\r\n"), METHOD_GET, 0, false, TEXT("GET"), TEXT("/")},
    /* RFC 9112 2.2: empty lines before the request line. */
    {TEXT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/")},
    {TEXT("\r\n\r\n\r\nGET /x HTTP/1.1\r\n" HOST "\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/x")},
    /* 3.2: the four forms of a target. */
    {TEXT("GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: www.example.org\r\n\r\n"), METHOD_GET,
     1, true, TEXT("GET"), TEXT("http://www.example.org/pub/WWW/TheProject.html")},
    /* UTF-8. */
    {TEXT("GET /caf\xC3\xA9.txt HTTP/1.1\r\n" HOST "\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/caf\xC3\xA9.txt")},
    {TEXT("GET /\xF0\x9F\x98\x80?q=\xC3\xA9&r=\xE2\x82\xAC HTTP/1.1\r\n" HOST "X: \xE9\r\nY: \xFF\xFE\r\n\r\n"),
     METHOD_GET, 1, true, TEXT("GET"), TEXT("/\xF0\x9F\x98\x80?q=\xC3\xA9&r=\xE2\x82\xAC")},
    {TEXT("\r\nHEAD /\xC3\xA9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), METHOD_HEAD, 0, true, TEXT("HEAD"),
     TEXT("/\xC3\xA9")},
    {TEXT("POST /\xC3\xA9 HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n\xFF\x80zz"), METHOD_OTHER, 1, true,
     TEXT("POST"), TEXT("/\xC3\xA9")},
    {TEXT("POST /\xC3\xA9 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n\xFF\x80\r\n0\r\n\r\n"),
     METHOD_OTHER, 1, true, TEXT("POST"), TEXT("/\xC3\xA9")},
    {TEXT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), METHOD_OPTIONS, 1, true, TEXT("OPTIONS"), TEXT("*")},
    {TEXT("CONNECT www.example.com:80 HTTP/1.1\r\nHost: www.example.com\r\n\r\n"), METHOD_CONNECT, 1, true,
     TEXT("CONNECT"), TEXT("www.example.com:80")},
    /* RFC 9110 9.3 and RFC 5789. */
    {TEXT("POST / HTTP/1.1\r\n" HOST "\r\n"), METHOD_OTHER, 1, true, TEXT("POST"), TEXT("/")},
    {TEXT("PUT / HTTP/1.1\r\n" HOST "\r\n"), METHOD_OTHER, 1, true, TEXT("PUT"), TEXT("/")},
    {TEXT("DELETE / HTTP/1.1\r\n" HOST "\r\n"), METHOD_OTHER, 1, true, TEXT("DELETE"), TEXT("/")},
    {TEXT("TRACE / HTTP/1.1\r\n" HOST "\r\n"), METHOD_OTHER, 1, true, TEXT("TRACE"), TEXT("/")},
    {TEXT("PATCH / HTTP/1.1\r\n" HOST "\r\n"), METHOD_OTHER, 1, true, TEXT("PATCH"), TEXT("/")},
    /* RFC 9112 5 and RFC 9110 5.5: spaces and tabs around a value, a name in any case, obs-text, an empty value. */
    {TEXT("GET / HTTP/1.1\r\nhOST:a\r\nX-1:\t \tb \tc\t\r\nX!#$%&'*+-.^_`|~:\r\nY: \xFF\x80\r\n\r\n"), METHOD_GET, 1,
     true, TEXT("GET"), TEXT("/")},
    {TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/")},
    {TEXT("GET / HTTP/1.1\r\nHost:   \r\n\r\n"), METHOD_GET, 1, true, TEXT("GET"), TEXT("/")},
    /* RFC 9110 7.8: a server may ignore Upgrade, and HTTP/1.1 continues. */
    {TEXT("GET /u HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), METHOD_GET, 1, true,
     TEXT("GET"), TEXT("/u")},
    {TEXT("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
     METHOD_GET, 1, true, TEXT("GET"), TEXT("/")},
    {TEXT("POST / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: foo/1\r\nContent-Length: 4\r\n\r\nbody"),
     METHOD_OTHER, 1, true, TEXT("POST"), TEXT("/")},
    {TEXT("POST / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: foo\r\nTransfer-Encoding: chunked\r\n\r\n"
          "1\r\nx\r\n0\r\n\r\n"),
     METHOD_OTHER, 1, true, TEXT("POST"), TEXT("/")},
};

static void assert_span(struct span actual, struct span expected)
{
    assert_int_equal(actual.length, expected.length);
    if (expected.length > 0)
        assert_memory_equal(actual.at, expected.at, expected.length);
}

static void assert_valid(const struct valid *row, struct span bytes)
{
    static struct reader reader;
    const struct request *request = read_whole(&reader, bytes);
    if (request->state != REQUEST_WHOLE)
        fail_msg("'%.*s' is %d with %d", (int)row->bytes.length, row->bytes.at, request->state, request->status);
    if (reader.used != row->bytes.length || request->method != row->method || request->minor_version != row->minor ||
        request->keep_alive != row->keep_alive)
        fail_msg("'%s': %zu used, method %d, HTTP/1.%d, persists %d", row->bytes.at, reader.used, request->method,
                 request->minor_version, request->keep_alive);
    assert_span(request_method_name(request), row->name);
    assert_span(request_target(request), row->target);
    assert_every_cut(bytes, 1);
}

/* Joins two texts; the result is valid until the next call. */
static struct span joined(struct span a, struct span b)
{
    static char room[AREA_SIZE];
    struct buffer both = BUFFER(room);
    buffer_append(&both, a);
    buffer_append(&both, b);
    assert_false(both.overflow);
    return buffer_span(&both);
}

static void valid_requests_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid_rows); i++)
        assert_valid(&valid_rows[i], valid_rows[i].bytes);
}

/* The bytes after a request belong to the next one. */
static void bytes_after_a_request_are_not_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid_rows); i++) {
        assert_valid(&valid_rows[i], joined(valid_rows[i].bytes, SPAN(NEXT)));
        assert_valid(&valid_rows[i], joined(valid_rows[i].bytes, SPAN("\0\xFF garbage")));
    }
}

static void pipelined_requests_are_read_one_by_one(void **state)
{
    static const char *const targets[] = {"/1", "/2", "/3", "/4"};
    static const char bytes[] = "GET /1 HTTP/1.1\r\n" HOST "\r\n"
                                "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nGET"
                                "\r\nPUT /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
                                "GET /4 HTTP/1.0\r\n\r\n";
    static struct reader reader;
    struct span rest = SPAN(bytes);
    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        const struct request *request = read_whole(&reader, rest);
        assert_int_equal(request->state, REQUEST_WHOLE);
        assert_span(request_target(request), span_of(targets[i]));
        assert_int_equal(request->parsed, reader.used);
        rest = (struct span){rest.at + reader.used, rest.length - reader.used};
    }
    assert_int_equal(rest.length, 0);
}

/* An incomplete request is neither whole nor bad. */
static void incomplete_requests_wait_for_more(void **state)
{
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(valid_rows); i++) {
        struct span bytes = valid_rows[i].bytes;
        for (size_t length = 0; length < bytes.length; length++) {
            const struct request *request = read_whole(&reader, (struct span){bytes.at, length});
            assert_true(request->state == REQUEST_HEAD || request->state == REQUEST_BODY);
        }
    }
}

/* request.h: the target and the method are empty until they are complete. */
static void incomplete_targets_are_empty(void **state)
{
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(valid_rows); i++) {
        struct span bytes = valid_rows[i].bytes, name = valid_rows[i].name, target = valid_rows[i].target;
        for (size_t length = 1; length < bytes.length; length++) {
            const struct request *request = read_pieces(&reader, (struct span){bytes.at, length}, 1, 1);
            struct span shown_name = request_method_name(request), shown = request_target(request);
            if ((shown.length > 0 && !span_equal(shown, target)) ||
                (shown_name.length > 0 && !span_equal(shown_name, name)))
                fail_msg("of '%.*s': '%.*s' '%.*s'", (int)length, bytes.at, (int)shown_name.length, shown_name.at,
                         (int)shown.length, shown.at);
        }
    }
}

/* ---- invalid requests ---- */

struct refused {
    int status;
    struct span bytes;
};

static const struct refused refused_lines[] = {
    /* Bytes above 0x7F that are not UTF-8; after UTF-8, as without it. */
    {400, TEXT("GET /\x80 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /a?\xFF HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3%BC HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3/\xBC HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3\xBC?\xC3 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("\nGET /\xC3\xBCHost:a\r\n\xFFst:a\r\n\xFF\xFF\xFF\r\n\r\n")}, /* HTTP/0.9 */
    {400, TEXT("GET /\xC0\xAF HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xED\xA0\x80 HTTP/1.1\r\n" HOST "\r\n")},
    {505, TEXT("GET /\xC3\xA9 HTTP/2.0\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3\xA9\x01 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3\xA9  HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET \xC3\xA9 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("G\xC3\xA9T / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP\xC3\xA9/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\xC3\xA9 HTTP/1.1\r\n\r\n")},
    /* RFC 9112 3: only single spaces separate the parts of the request line. */
    {400, TEXT(" GET / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("\nGET / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("\rGET / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("\r\n\nGET / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET  / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /  HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1 \r\n" HOST "\r\n")},
    {400, TEXT("GET\t/ HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\tHTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\t\r\n" HOST "\r\n")},
    {400, TEXT("GET / a HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\r\n" HOST "\r\n")},
    {400, TEXT("GET / \r\n" HOST "\r\n")},
    {400, TEXT("GET\r\n" HOST "\r\n")},
    {400, TEXT("GET HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\r" HOST "\r\n")},
    {400, TEXT("GET /\0 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\x01 HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET /\x7F HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("G\0T / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("(GET) / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("G@T / HTTP/1.1\r\n" HOST "\r\n")},
    {400, TEXT("FOO\r\n" HOST "\r\n")},
    {400, TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03")}, /* a TLS ClientHello */
    {400, TEXT("\0")},
    /* 2.3: HTTP-name is case-sensitive, and a version is one digit, a dot and one digit. */
    {400, TEXT("GET / http/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / Http/1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/11.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.10\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1,1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/-1.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/x.1\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.x\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1x\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.0x\r\n" HOST "\r\n")},
    {400, TEXT("GET / HTTPS/1.1\r\n" HOST "\r\n")},
    /* Other protocols that llhttp accepts. */
    {400, TEXT("GET / RTSP/1.0\r\n" HOST "\r\n")},
    {400, TEXT("OPTIONS / RTSP/1.0\r\n" HOST "\r\n")},
    {400, TEXT("DESCRIBE /a RTSP/1.0\r\nCSeq: 1\r\n\r\n")},
    {400, TEXT("SETUP rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n")},
    {400, TEXT("GET / ICE/1.0\r\n" HOST "\r\n")},
    {400, TEXT("SOURCE /a ICE/1.0\r\n" HOST "\r\n")},
    {400, TEXT("HTTP/1.1 200 OK\r\n\r\n")},
    /* RFC 9110 15.6.6: unsupported major versions. */
    {505, TEXT("GET / HTTP/0.9\r\n" HOST "\r\n")},
    {505, TEXT("GET / HTTP/2.0\r\n" HOST "\r\n")},
    {505, TEXT("GET / HTTP/2.1\r\n" HOST "\r\n")},
    {505, TEXT("GET / HTTP/3.0\r\n" HOST "\r\n")},
    {505, TEXT("GET / HTTP/9.9\r\n" HOST "\r\n")},
    {505, TEXT("POST /a HTTP/2.0\r\n" HOST "Content-Length: 0\r\n\r\n")},
    {505, TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}, /* RFC 9113 3.4 */
    /* RFC 9110 9.1: methods are case-sensitive; an unrecognised one is 501. */
    {501, TEXT("get / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("Get / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("GETS / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("GE / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("X / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("FOO / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("\r\n\r\nFOO / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("PROPFIND / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("M-SEARCH * HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("DESCRIBE / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("SOURCE / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("UPDATEREDIRECTREF / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("PRI / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("PRI * HTTP/1.0\r\n\r\nSM\r\n\r\n")},
    /* RFC 9112 3: longer than any implemented method. */
    {501, TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n")},
    {501, TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n" HOST "\r\n")},
};

static const struct refused refused_fields[] = {
    /* RFC 9112 3.2: one Host on HTTP/1.1, never two. */
    {400, TEXT("GET / HTTP/1.1\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\nHosts: a\r\n\r\n")},
    {400, TEXT("GET http://a/ HTTP/1.1\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: y\r\nHOST: b\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.0\r\n" HOST HOST "\r\n")},
    /* 5.1: a colon without a space before it; RFC 9110 5.1: a name is a token. */
    {400, TEXT("GET / HTTP/1.1\r\nHost : a\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X\t: y\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X Y: z\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X@Y: z\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X\0: z\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "\xFCX: z\r\n\r\n")},
    /* 2.2: no space before the first field line; 5.2: no folded lines. */
    {400, TEXT("GET / HTTP/1.1\r\n " HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n\t" HOST "\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: y\r\n\tz\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X:\r\n y\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n 5\r\n\r\nhello")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")},
    /* RFC 9110 5.5, RFC 9112 2.2: no control in a value, no bare CR; a bare LF may be refused, and is. */
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\x01"
               "b\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\x7F\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "X: a\r\n\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "\rX: a\r\n\r\n")},
    {400, TEXT("GET / HTTP/1.1\r\n" HOST "\r\r\n")},
};

#define POST "POST / HTTP/1.1\r\n" HOST

static const struct refused refused_framing[] = {
    /* RFC 9110 8.6: digits only; RFC 9112 6.3: an invalid length is refused. */
    {400, TEXT(POST "Content-Length:\r\n\r\n")},
    {400, TEXT(POST "Content-Length: \r\n\r\n")},
    {400, TEXT(POST "Content-Length: -1\r\n\r\n")},
    {400, TEXT(POST "Content-Length: +1\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 0x1\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 1.0\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 1 1\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 1,\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 1, 2\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx")},
    {400, TEXT(POST "Content-Length: abc\r\n\r\n")},
    {400, TEXT(POST "Content-Length: 1\0\r\n\r\nx")},
    /* RFC 9112 6.1, 6.3: both fields are an error, in either order. */
    {400, TEXT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")},
    /* 6.1: HTTP/1.0 has no transfer coding. */
    {400, TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    {400, TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n")},
    {400, TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")},
    /* 6.3: chunked must be last; 6.1: only once; 7.1: without parameters. */
    {400, TEXT(POST "Transfer-Encoding:\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: ,\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: gzip\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: identity\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunk ed\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n")},
    {400, TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    /* 6.1: an unknown coding. */
    {501, TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")},
    {501, TEXT(POST "Transfer-Encoding: foo,chunked\r\n\r\n0\r\n\r\n")},
    {501, TEXT(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    /* RFC 9110 15.5.14. */
    {413, TEXT(POST "Content-Length: 1048577\r\n\r\n")},
    {413, TEXT(POST "Content-Length: 9999999999\r\n\r\n")},
    {413, TEXT(POST "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")},
};

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* RFC 9112 7.1. */
static const struct refused refused_chunks[] = {
    {400, TEXT(CHUNKED "\r\n")},
    {400, TEXT(CHUNKED "x\r\n")},
    {400, TEXT(CHUNKED "-1\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "+1\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "0x1\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED " 1\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1 1\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED ";a=b\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1\r\nx\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1\r\nx0\r\n\r\n")},
    {400, TEXT(CHUNKED "1\r\nxy\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "2\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1\rXx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1;a\nb\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "1;a\0b\r\nx\r\n0\r\n\r\n")},
    {400, TEXT(CHUNKED "0\r\nX\r\n\r\n")},
    {400, TEXT(CHUNKED "0\r\n X: y\r\n\r\n")},
    {400, TEXT(CHUNKED "0\r\nX: y\r\n z\r\n\r\n")},
    {400, TEXT(CHUNKED "0\r\nX : y\r\n\r\n")},
    {400, TEXT(CHUNKED "0\r\n\n")},
    {400, TEXT(CHUNKED "0\r\nX: a\0\r\n\r\n")},
};

static void assert_refused(struct span bytes, int status, size_t stride)
{
    static struct reader reader;
    const struct request *request = read_whole(&reader, bytes);
    if (request->state != REQUEST_BAD || request->status != status)
        fail_msg("'%.*s' is %d with %d, not %d", (int)bytes.length, bytes.at, request->state, request->status, status);
    assert_every_cut(bytes, stride);
}

static void assert_all_refused(const struct refused *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(rows[i].bytes, rows[i].status, 1);
}

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    assert_all_refused(refused_lines, COUNT(refused_lines));
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    assert_all_refused(refused_fields, COUNT(refused_fields));
}

static void bad_framing_is_refused(void **state)
{
    (void)state;
    assert_all_refused(refused_framing, COUNT(refused_framing));
}

static void bad_chunks_are_refused(void **state)
{
    (void)state;
    assert_all_refused(refused_chunks, COUNT(refused_chunks));
}

/* Lengths beyond any integer: RFC 9112 6.3 and 7.1 only forbid the overflow. */
static void lengths_that_overflow_are_refused(void **state)
{
    static const struct span rows[] = {
        TEXT(POST "Content-Length: 18446744073709551615\r\n\r\nhello"),
        TEXT(POST "Content-Length: 18446744073709551616\r\n\r\nhello"),
        TEXT(POST "Content-Length: 18446744073709551621\r\n\r\nhello"),
        TEXT(POST "Content-Length: 99999999999999999999999999\r\n\r\nhello"),
        TEXT(CHUNKED "10000000000000000\r\nhello\r\n0\r\n\r\n"),
        TEXT(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        TEXT(CHUNKED "fffffffffffffffff5\r\nhello\r\n0\r\n\r\n"),
    };
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct request *request = read_whole(&reader, rows[i]);
        assert_int_equal(request->state, REQUEST_BAD);
        assert_true(request->status == 400 || request->status == 413);
        assert_every_cut(rows[i], 1);
    }
}

/* RFC 9110 9.3.2: a response to HEAD has no content, even if it refuses the request; so the method must be set. */
static void refused_requests_keep_their_method(void **state)
{
    static const struct span rows[] = {
        TEXT("HEAD / HTTP/1.1\r\n\r\n"),
        TEXT("HEAD / HTTP/1.1\r\n" HOST HOST "\r\n"),
        TEXT("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n"),
        TEXT("HEAD / HTTP/1.1\r\n" HOST "X : y\r\n\r\n"),
    };
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct request *request = read_whole(&reader, rows[i]);
        assert_int_equal(request->state, REQUEST_BAD);
        assert_int_equal(request->method, METHOD_HEAD);
    }
}

static void refused_requests_stay_refused(void **state)
{
    static const char bytes[] = "GET / HTTP/1.1\r\n\r\n" NEXT;
    struct request request;
    (void)state;
    request_init(&request);
    assert_int_equal(request_read_head(&request, bytes, 18), REQUEST_BAD);
    assert_int_equal(request_read_head(&request, bytes, sizeof bytes - 1), REQUEST_BAD);
    assert_int_equal(request.status, 400);
}

/* ---- persistence ---- */

static const struct {
    const char *version;
    struct span lines;
    bool keep_alive;
} persistence[] = {
    /* RFC 9112 9.3; options are tokens in a list, of any case (RFC 9110 7.6.1). */
    {"1.1", TEXT(""), true},
    {"1.1", TEXT("Connection: close\r\n"), false},
    {"1.1", TEXT("Connection: Close\r\n"), false},
    {"1.1", TEXT("connection:CLOSE\r\n"), false},
    {"1.1", TEXT("Connection: close \r\n"), false},
    {"1.1", TEXT("Connection: close\t\r\n"), false},
    {"1.1", TEXT("Connection:\tclose\r\n"), false},
    {"1.1", TEXT("Connection: foo, close\r\n"), false},
    {"1.1", TEXT("Connection: close, foo\r\n"), false},
    {"1.1", TEXT("Connection: foo\t,\tclose\t,\r\n"), false},
    {"1.1", TEXT("Connection: ,,close\r\n"), false},
    {"1.1", TEXT("Connection: keep-alive, close\r\n"), false},
    {"1.1", TEXT("Connection: close, keep-alive\r\n"), false},
    {"1.1", TEXT("Connection: keep-alive\r\nConnection: close\r\n"), false},
    {"1.1", TEXT("Connection: close\r\nX: y\r\nConnection: keep-alive\r\n"), false},
    {"1.1", TEXT("Connection: upgrade, close\r\nUpgrade: h2c\r\n"), false},
    {"1.1", TEXT("Connection: keep-alive\r\n"), true},
    {"1.1", TEXT("Connection: closed\r\n"), true},
    {"1.1", TEXT("Connection: clos\r\n"), true},
    {"1.1", TEXT("Connection: not-close\r\n"), true},
    {"1.1", TEXT("Connection:\r\n"), true},
    {"1.1", TEXT("Connections: close\r\n"), true},
    {"1.1", TEXT("Proxy-Connection: close\r\n"), true},
    {"1.0", TEXT(""), false},
    {"1.0", TEXT("Connection: keep-alive\r\n"), true},
    {"1.0", TEXT("Connection: Keep-Alive\r\n"), true},
    {"1.0", TEXT("Connection: keep-alive\t\r\n"), true},
    {"1.0", TEXT("Connection: foo,keep-alive\r\n"), true},
    {"1.0", TEXT("Connection: foo\r\nConnection: keep-alive\r\n"), true},
    {"1.0", TEXT("Connection: keep-alive, close\r\n"), false},
    {"1.0", TEXT("Connection: close\r\nConnection: keep-alive\r\n"), false},
    {"1.0", TEXT("Connection: keep-alives\r\n"), false},
    {"1.0", TEXT("Keep-Alive: timeout=5\r\n"), false},
};

static void connections_persist_as_requested(void **state)
{
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(persistence); i++) {
        char room[256];
        struct buffer bytes = BUFFER(room);
        buffer_string(&bytes, "GET / HTTP/");
        buffer_string(&bytes, persistence[i].version);
        buffer_string(&bytes, "\r\n" HOST);
        buffer_append(&bytes, persistence[i].lines);
        buffer_string(&bytes, "\r\n" NEXT);
        const struct request *request = read_whole(&reader, buffer_span(&bytes));
        assert_int_equal(request->state, REQUEST_WHOLE);
        if (request->keep_alive != persistence[i].keep_alive)
            fail_msg("HTTP/%s with '%s'", persistence[i].version, persistence[i].lines.at);
        assert_int_equal(reader.used, bytes.length - strlen(NEXT));
        assert_every_cut(buffer_span(&bytes), 1);
    }
}

/* ---- expectations ---- */

static const struct {
    struct span bytes;
    bool expects;
} expectations[] = {
    /* RFC 9110 10.1.1: of any case, a list, and not for HTTP/1.0. */
    {TEXT(POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"), true},
    {TEXT(POST "Content-Length: 5\r\nExpect: 100-Continue\t\r\n\r\n"), true},
    {TEXT(POST "Transfer-Encoding: chunked\r\nexpect:100-CONTINUE\r\n\r\n"), true},
    {TEXT(POST "Content-Length: 5\r\nExpect: foo, 100-continue\r\n\r\n"), true},
    {TEXT(POST "Content-Length: 5\r\nExpect: foo\r\nExpect: 100-continue\r\n\r\n"), true},
    {TEXT(POST "Content-Length: 5\r\nExpect: 100-continued\r\n\r\n"), false},
    {TEXT(POST "Content-Length: 5\r\n\r\n"), false},
    {TEXT("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"), false},
};

static void expectations_are_recognised(void **state)
{
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(expectations); i++) {
        const struct request *request = read_whole(&reader, expectations[i].bytes);
        assert_int_equal(request->state, REQUEST_BODY);
        if (request->expects_continue != expectations[i].expects)
            fail_msg("'%s'", expectations[i].bytes.at);
        assert_every_cut(expectations[i].bytes, 1);
    }
}

/* RFC 9110 9.3.1, 9.3.2 */
static void get_and_head_retrieve(void **state)
{
    static const struct {
        struct span bytes;
        bool retrieves;
    } rows[] = {
        {TEXT("GET / HTTP/1.1\r\n" HOST "\r\n"), true},
        {TEXT("HEAD / HTTP/1.1\r\n" HOST "\r\n"), true},
        {TEXT("OPTIONS / HTTP/1.1\r\n" HOST "\r\n"), false},
        {TEXT("DELETE / HTTP/1.1\r\n" HOST "\r\n"), false},
    };
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(request_is_retrieval(read_whole(&reader, rows[i].bytes)), rows[i].retrieves);
}

static void single_fields_are_found_on_any_line(void **state)
{
    static struct reader reader;
    (void)state;
    const struct request *request = read_whole(&reader, SPAN("GET / HTTP/1.1\r\nRange: x\r\n" HOST "\r\n"));
    assert_span(request_single_field(request, FIELD_RANGE), SPAN("x"));
    assert_span(request_single_field(request, FIELD_HOST), SPAN("a"));
    assert_null(request_single_field(request, FIELD_VIA).at);
}

static void nothing_of_an_earlier_request_remains(void **state)
{
    struct request request;
    (void)state;
    memset(&request, 0xFF, sizeof request);
    request_init(&request);
    assert_int_equal(request.state, REQUEST_HEAD);
    assert_false(request.expects_continue);
    assert_false(request.keep_alive);
    assert_int_equal(request.status, 0);
    assert_int_equal(request.method, METHOD_OTHER);
    assert_int_equal(request.minor_version, 1);
    assert_int_equal(request.body_bytes, 0);
    assert_int_equal(request.field_line_count, 0);
    assert_null(request_field(&request, FIELD_HOST).at);
}

/* ---- fields, and the first line ---- */

static void fields_are_found(void **state)
{
    static struct reader reader;
    (void)state;
    const struct request *request =
        read_whole(&reader, SPAN("GET / HTTP/1.1\r\nUSER-AGENT: \t a  b\t \r\nhost:example.org:80\r\nX-Host: no\r\n"
                                 "Referer:\r\nConnection: first\r\nConnection: second\r\n\r\n"));
    assert_int_equal(request->state, REQUEST_WHOLE);
    assert_span(request_field(request, FIELD_USER_AGENT), SPAN("a  b"));
    assert_span(request_field(request, FIELD_HOST), SPAN("example.org:80"));
    assert_span(request_field(request, FIELD_CONNECTION), SPAN("first"));
    assert_int_equal(request_field(request, FIELD_REFERER).length, 0);
    assert_null(request_field(request, FIELD_EXPECT).at);
    assert_int_equal(request_field(request, FIELD_EXPECT).length, 0);
}

/* Names of one length, with a common beginning or end. */
static void similar_field_names_are_told_apart(void **state)
{
    static struct reader reader;
    (void)state;
    const struct request *request = read_whole(
        &reader, SPAN("GET / HTTP/1.1\r\nHost: a\r\nSEC-FETCH-USER: ?1\r\nSec-Fetch-Mode: m\r\nsec-fetch-dest: d\r\n"
                      "Sec-Fetch-Site: s\r\nTinyhttpd-Live: 1\r\nX-Requested-With: x\r\nX-Requestec-With: y\r\n"
                      "Tinyhttpd-Explain: 2\r\nService-Worker: script\r\nBccept: b\r\naCCEPt: c\r\nXf-Match: "
                      "d\r\nIf-Natch: e\r\nuser_agent: "
                      "f\r\n\r\n"));
    assert_int_equal(request->state, REQUEST_WHOLE);
    assert_span(request_single_field(request, FIELD_SEC_FETCH_SITE), SPAN("s"));
    assert_span(request_single_field(request, FIELD_SEC_FETCH_MODE), SPAN("m"));
    assert_span(request_single_field(request, FIELD_SEC_FETCH_DEST), SPAN("d"));
    assert_span(request_single_field(request, FIELD_TINYHTTPD_LIVE), SPAN("1"));
    assert_span(request_single_field(request, FIELD_TINYHTTPD_EXPLAIN), SPAN("2"));
    assert_span(request_single_field(request, FIELD_X_REQUESTED_WITH), SPAN("x"));
    assert_span(request_single_field(request, FIELD_ACCEPT), SPAN("c"));
    assert_span(request_single_field(request, FIELD_SERVICE_WORKER), SPAN("script"));
    assert_int_equal(request->field_line_count, 9);
}

/* As browsers send them: longer than any kept name, but with the same beginning. */
static void long_field_names_are_ignored(void **state)
{
    static struct reader reader;
    static const struct span bytes = TEXT("GET / HTTP/1.1\r\nUpgrade-Insecure-Requests: 1\r\nHost: a\r\n"
                                          "If-Unmodified-Since-Ever: x\r\nHostHostHostHostHostHost: b\r\n\r\n");
    (void)state;
    const struct request *request = read_whole(&reader, bytes);
    assert_int_equal(request->state, REQUEST_WHOLE);
    assert_span(request_field(request, FIELD_HOST), SPAN("a"));
    assert_null(request_field(request, FIELD_IF_UNMODIFIED_SINCE).at);
    assert_every_cut(bytes, 1);
}

/* RFC 9110 6.5.1: trailer fields are not fields of the head. */
static void trailers_do_not_change_the_head(void **state)
{
    static struct reader reader;
    static const struct span bytes =
        TEXT(CHUNKED "1\r\nx\r\n0\r\nHost: evil\r\nConnection: close\r\nExpect: 100-continue\r\nUser-Agent: u\r\n\r\n");
    (void)state;
    const struct request *request = read_whole(&reader, bytes);
    assert_int_equal(request->state, REQUEST_WHOLE);
    assert_true(request->keep_alive);
    assert_false(request->expects_continue);
    assert_span(request_field(request, FIELD_HOST), SPAN("a"));
    assert_null(request_field(request, FIELD_USER_AGENT).at);
    assert_every_cut(bytes, 1);
}

static void first_line_is_available_for_the_log(void **state)
{
    static const struct {
        struct span bytes, line;
    } rows[] = {
        {TEXT("GET /a HTTP/1.1\r\n" HOST "\r\n"), TEXT("GET /a HTTP/1.1")},
        {TEXT("\r\n\r\nGET /a HTTP/1.1\r\n" HOST "\r\n"), TEXT("GET /a HTTP/1.1")},
        {TEXT("GET /a HTTP/9.9\r\n" HOST "\r\n"), TEXT("GET /a HTTP/9.9")},
        {TEXT("GET /par"), TEXT("GET /par")},
        {TEXT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), TEXT("GET /a b HTTP/1.1")},
        {TEXT("GET\t/a HTTP/1.1\r\n" HOST "\r\n"), TEXT("GET\t/a HTTP/1.1")},
        {TEXT("GET /a HTTP/1.1\n"), TEXT("GET /a HTTP/1.1")},
        {TEXT("\x16\x03\x01"), TEXT("\x16\x03\x01")},
        {TEXT(""), TEXT("")},
    };
    static struct reader reader;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct request *request = read_whole(&reader, rows[i].bytes);
        assert_span(request_first_line(request), rows[i].line);
    }
}

/* ---- bodies ---- */

static const struct {
    struct span head, body;
} bodies[] = {
    {TEXT(POST "Content-Length: 0\r\n\r\n"), TEXT("")},
    {TEXT(POST "Content-Length: 5\r\n\r\n"), TEXT("hello")},
    {TEXT(POST "Content-Length:5\r\n\r\n"), TEXT("hello")},
    {TEXT(POST "Content-Length: 5  \r\n\r\n"), TEXT("hello")},
    {TEXT(POST "Content-Length: 0005\r\n\r\n"), TEXT("\0\r\n\r\n")},
    {TEXT("GET / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n"), TEXT("GET ")},
    {TEXT("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n"), TEXT("body")},
    {TEXT("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n"), TEXT("body")},
    {TEXT(CHUNKED), TEXT("0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("000\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("5\r\nhello\r\n0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("1\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("00010\r\n0123456789abcdef\r\n0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("5;a\r\nhello\r\n0;b=c\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("5;a=b;c=\"d;e f\"\r\nhello\r\n0\r\n\r\n")},
    {TEXT(CHUNKED), TEXT("5\r\nhello\r\n0\r\nX: y\r\nContent-MD5: z\r\n\r\n")},
    {TEXT(POST "Transfer-Encoding: Chunked\r\n\r\n"), TEXT("1\r\nx\r\n0\r\n\r\n")},
    {TEXT(POST "Transfer-Encoding:chunked \r\n\r\n"), TEXT("1\r\nx\r\n0\r\n\r\n")},
    {TEXT(POST "Transfer-Encoding: , chunked\r\n\r\n"), TEXT("1\r\nx\r\n0\r\n\r\n")},
};

static void bodies_are_discarded(void **state)
{
    static struct reader reader;
    static char room[1024];
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct buffer bytes = BUFFER(room);
        buffer_append(&bytes, bodies[i].head);
        buffer_append(&bytes, bodies[i].body);
        size_t length = bytes.length;
        buffer_string(&bytes, NEXT);
        const struct request *request = read_whole(&reader, buffer_span(&bytes));
        if (request->state != REQUEST_WHOLE || reader.used != length)
            fail_msg("'%.*s' is %d with %d, %zu bytes used of %zu", (int)length, room, request->state, request->status,
                     reader.used, length);
        assert_every_cut(buffer_span(&bytes), 1);
    }
}

/* The head and the body cut at each pair of offsets. */
static void a_chunked_body_may_be_cut_twice(void **state)
{
    static struct reader reader;
    static const struct span bytes = TEXT(CHUNKED "5;a=b\r\nhello\r\n1\r\nx\r\n0\r\nX: y\r\n\r\n" NEXT);
    (void)state;
    for (size_t first = 1; first < bytes.length; first++) {
        for (size_t step = 1; first + step < bytes.length; step++) {
            assert_int_equal(read_pieces(&reader, bytes, first, step)->state, REQUEST_WHOLE);
            assert_int_equal(reader.used, bytes.length - strlen(NEXT));
        }
    }
}

static void reading_zero_bytes_of_a_body_changes_nothing(void **state)
{
    struct request request;
    size_t used = 4711;
    (void)state;
    struct span head = SPAN(POST "Content-Length: 1\r\n\r\n");
    request_init(&request);
    assert_int_equal(request_read_head(&request, head.at, head.length), REQUEST_BODY);
    assert_int_equal(request_read_body(&request, "", 0, &used), REQUEST_BODY);
    assert_int_equal(used, 0);
    assert_int_equal(request_read_body(&request, "x" NEXT, 1 + strlen(NEXT), &used), REQUEST_WHOLE);
    assert_int_equal(used, 1);
}

/* ---- bounds ---- */

static char *filled(char *at, char byte, size_t count)
{
    memset(at, byte, count);
    return at + count;
}

static char *copied(char *at, const char *string)
{
    size_t length = strlen(string);
    memcpy(at, string, length);
    return at + length;
}

static char long_room[AREA_SIZE];

static struct span long_target(size_t length)
{
    char *at = copied(long_room, "GET /");
    at = copied(filled(at, 'a', length - 1), " HTTP/1.1\r\n" HOST "\r\n");
    return (struct span){long_room, (size_t)(at - long_room)};
}

static void targets_over_the_limit_are_414(void **state)
{
    static struct reader reader;
    (void)state;
    struct span bytes = long_target(LIMIT_TARGET);
    const struct request *request = read_whole(&reader, bytes);
    assert_int_equal(request->state, REQUEST_WHOLE);
    assert_int_equal(request_target(request).length, LIMIT_TARGET);
    assert_every_cut(bytes, 331);
    assert_refused(long_target(LIMIT_TARGET + 1), 414, 331);
    assert_refused(long_target(LIMIT_HEAD - 5), 414, 1201);
    assert_refused(long_target(2 * LIMIT_HEAD), 414, 1201);
}

/* A head of `length` bytes, with one long field. */
static struct span long_head(size_t length)
{
    char *at = copied(long_room, "GET / HTTP/1.1\r\n" HOST "X: ");
    at = filled(at, 'x', length - (size_t)(at - long_room) - 4);
    at = copied(at, "\r\n\r\n");
    return (struct span){long_room, (size_t)(at - long_room)};
}

static void heads_over_the_limit_are_431(void **state)
{
    static struct reader reader;
    (void)state;
    struct span bytes = long_head(LIMIT_HEAD);
    assert_int_equal(bytes.length, LIMIT_HEAD);
    assert_int_equal(read_whole(&reader, bytes)->state, REQUEST_WHOLE);
    assert_int_equal(reader.used, LIMIT_HEAD);
    assert_every_cut(bytes, 1201);
    copied(long_room + LIMIT_HEAD, NEXT);
    bytes.length += strlen(NEXT);
    assert_int_equal(read_whole(&reader, bytes)->state, REQUEST_WHOLE);
    assert_int_equal(reader.used, LIMIT_HEAD);
    assert_every_cut(bytes, 1201);
    assert_refused(long_head(LIMIT_HEAD + 1), 431, 1201);
    assert_refused(long_head(2 * LIMIT_HEAD), 431, 1201);
    /* A head at its bound, and a body after it. */
    bytes = long_head(LIMIT_HEAD);
    copied(long_room + LIMIT_HEAD - 24, "\r\nContent-Length: 3\r\n\r\nabc" NEXT);
    bytes.length += 2 + strlen(NEXT);
    assert_int_equal(read_whole(&reader, bytes)->state, REQUEST_WHOLE);
    assert_int_equal(reader.used, bytes.length - strlen(NEXT));
    assert_every_cut(bytes, 1201);
}

/* The first byte beyond the bound is refused, even if no line has ended; an endless name too. */
static void endless_heads_are_refused(void **state)
{
    static const char *const starts[] = {
        "GET / HTTP/1.1\r\nX: ",
        "GET / HTTP/1.1\r\n",
        "\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(starts); i++) {
        char *at = copied(long_room, starts[i]);
        char byte = i == 2 ? '\n' : 'x';
        filled(at, byte, sizeof long_room - strlen(starts[i]));
        static struct reader reader;
        struct span bytes = {long_room, LIMIT_HEAD + 1};
        const struct request *request = read_whole(&reader, bytes);
        assert_int_equal(request->state, REQUEST_BAD);
        assert_int_equal(request->status, 431);
        assert_every_cut(bytes, 1201);
    }
}

static struct span many_fields(const char *line, size_t count)
{
    char *at = copied(long_room, "GET / HTTP/1.1\r\n" HOST);
    for (size_t i = 0; i < count; i++)
        at = copied(at, line);
    at = copied(at, "\r\n");
    return (struct span){long_room, (size_t)(at - long_room)};
}

static void too_many_fields_are_431(void **state)
{
    static struct reader reader;
    (void)state;
    /* With Host. */
    assert_int_equal(read_whole(&reader, many_fields("X: y\r\n", LIMIT_FIELDS - 1))->state, REQUEST_WHOLE);
    assert_every_cut(many_fields("X: y\r\n", LIMIT_FIELDS - 1), 7);
    assert_refused(many_fields("X: y\r\n", LIMIT_FIELDS), 431, 7);
    assert_int_equal(read_whole(&reader, many_fields("Expect: y\r\n", LIMIT_FIELD_LINES - 1))->state, REQUEST_WHOLE);
    assert_refused(many_fields("Expect: y\r\n", LIMIT_FIELD_LINES), 431, 7);
}

/* Passes a body after its head, `step` bytes at a time, from memory of exactly that size. */
static struct request read_long_body(struct span head, struct span body, size_t step)
{
    struct request request;
    size_t used;
    request_init(&request);
    request_read_head(&request, head.at, head.length);
    for (size_t at = 0; at < body.length && request.state == REQUEST_BODY; at += used) {
        size_t length = step < body.length - at ? step : body.length - at;
        request_read_body(&request, body.at + at, length, &used);
        if (request.state == REQUEST_BODY)
            assert_int_equal(used, length);
    }
    request.head = NULL;
    return request;
}

static const size_t body_steps[] = {SIZE_MAX, LIMIT_INPUT, 4096, 1000, 1};

/* Room for a long body, at its end. */
static char body_room[LIMIT_BODY + 2 * LIMIT_INPUT];

/* One chunk and its framing, in `length` bytes. Valid until the next call. */
static struct span long_chunk(size_t length)
{
    char *bytes = body_room + sizeof body_room - length;
    char line[32];
    size_t size = length - strlen("000000\r\n\r\n0\r\n\r\n");
    assert_int_equal(snprintf(line, sizeof line, "%06zx\r\n", size), 8);
    memcpy(filled(copied(bytes, line), 'x', size), "\r\n0\r\n\r\n", 7);
    return (struct span){bytes, length};
}

static void assert_long_chunk(size_t length, enum request_state expected)
{
    struct span body = long_chunk(length);
    for (size_t i = 0; i < COUNT(body_steps); i++) {
        struct request request = read_long_body(SPAN(CHUNKED), body, body_steps[i]);
        if (request.state != expected)
            fail_msg("%zu bytes of body, %zu at a time: %d", length, body_steps[i], request.state);
        assert_int_equal(request.status, expected == REQUEST_BAD ? 413 : 0);
    }
}

/* limits.h: "a request body with its framing". */
static void bodies_over_the_limit_are_413(void **state)
{
    (void)state;
    assert_long_chunk(LIMIT_BODY, REQUEST_WHOLE);
    assert_long_chunk(LIMIT_BODY + 1, REQUEST_BAD);
    assert_long_chunk(LIMIT_BODY + 2, REQUEST_BAD);
    assert_long_chunk(LIMIT_BODY + LIMIT_INPUT, REQUEST_BAD);
}

static void length_at_the_limit_is_read(void **state)
{
    (void)state;
    char *bytes = body_room + sizeof body_room - LIMIT_BODY;
    filled(bytes, 'x', LIMIT_BODY);
    for (size_t i = 0; i < COUNT(body_steps); i++) {
        struct request request = read_long_body(SPAN(POST "Content-Length: 1048576\r\n\r\n"),
                                                (struct span){bytes, LIMIT_BODY}, body_steps[i]);
        assert_int_equal(request.state, REQUEST_WHOLE);
    }
}

/* All bytes of a body count, whether they arrive with the head or after it. */
static void a_body_that_comes_with_its_head_counts(void **state)
{
    (void)state;
    for (size_t length = LIMIT_BODY; length <= LIMIT_BODY + 2; length++) {
        struct span body = long_chunk(length);
        for (size_t with = 0; with <= 2000; with += 1000) {
            char head[4096];
            struct buffer first = BUFFER(head);
            buffer_string(&first, CHUNKED);
            buffer_append(&first, (struct span){body.at, with});
            struct request request =
                read_long_body(buffer_span(&first), (struct span){body.at + with, body.length - with}, 1000);
            if (request.state != (length > LIMIT_BODY ? REQUEST_BAD : REQUEST_WHOLE))
                fail_msg("%zu bytes of body, %zu of them with the head: %d", length, with, request.state);
        }
    }
}

/* Endless chunks of one byte, endless extensions, endless trailers. */
static void endless_bodies_are_refused(void **state)
{
    static const struct {
        const char *start, *again;
    } rows[] = {{"", "1\r\nx\r\n"}, {"1;", "a=b;"}, {"0\r\n", "X: y\r\n"}, {"0\r\nX: ", "yyyy"}, {"fffffff\r\n", "x"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request request;
        char piece[1024];
        size_t used, given = 0;
        request_init(&request);
        request_read_head(&request, CHUNKED, strlen(CHUNKED));
        request_read_body(&request, rows[i].start, strlen(rows[i].start), &used);
        struct buffer pieces = BUFFER(piece);
        while (!pieces.overflow)
            buffer_string(&pieces, rows[i].again);
        for (; request.state == REQUEST_BODY && given < 2 * LIMIT_BODY; given += used)
            request_read_body(&request, piece, pieces.length, &used);
        assert_int_equal(request.state, REQUEST_BAD);
        assert_true(request.status == 413 || request.status == 400 || request.status == 431);
    }
}

/* ---- every byte everywhere ---- */

/* Each byte replaced by each of the 255 others: every cut gives the same result. */
static void changed_bytes_read_the_same_at_every_cut(void **state)
{
    static const struct span rows[] = {
        TEXT("GET /a HTTP/1.1\r\n" HOST "\r\n"),
        TEXT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char bytes[128];
        memcpy(bytes, rows[i].at, rows[i].length);
        for (size_t at = 0; at < rows[i].length; at++) {
            for (int byte = 0; byte < 256; byte += i == 0 ? 1 : 5) {
                bytes[at] = (char)byte;
                assert_every_cut((struct span){bytes, rows[i].length}, 1);
            }
            bytes[at] = rows[i].at[at];
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_requests_are_read),
        cmocka_unit_test(bytes_after_a_request_are_not_used),
        cmocka_unit_test(pipelined_requests_are_read_one_by_one),
        cmocka_unit_test(incomplete_requests_wait_for_more),
        cmocka_unit_test(incomplete_targets_are_empty),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(bad_framing_is_refused),
        cmocka_unit_test(bad_chunks_are_refused),
        cmocka_unit_test(lengths_that_overflow_are_refused),
        cmocka_unit_test(refused_requests_keep_their_method),
        cmocka_unit_test(refused_requests_stay_refused),
        cmocka_unit_test(connections_persist_as_requested),
        cmocka_unit_test(expectations_are_recognised),
        cmocka_unit_test(get_and_head_retrieve),
        cmocka_unit_test(single_fields_are_found_on_any_line),
        cmocka_unit_test(nothing_of_an_earlier_request_remains),
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(similar_field_names_are_told_apart),
        cmocka_unit_test(long_field_names_are_ignored),
        cmocka_unit_test(trailers_do_not_change_the_head),
        cmocka_unit_test(first_line_is_available_for_the_log),
        cmocka_unit_test(bodies_are_discarded),
        cmocka_unit_test(a_chunked_body_may_be_cut_twice),
        cmocka_unit_test(reading_zero_bytes_of_a_body_changes_nothing),
        cmocka_unit_test(targets_over_the_limit_are_414),
        cmocka_unit_test(heads_over_the_limit_are_431),
        cmocka_unit_test(endless_heads_are_refused),
        cmocka_unit_test(too_many_fields_are_431),
        cmocka_unit_test(bodies_over_the_limit_are_413),
        cmocka_unit_test(length_at_the_limit_is_read),
        cmocka_unit_test(a_body_that_comes_with_its_head_counts),
        cmocka_unit_test(endless_bodies_are_refused),
        cmocka_unit_test(changed_bytes_read_the_same_at_every_cut),
    };
    return cmocka_run_group_tests(tests, areas_open, NULL);
}
