/* What the units of the fields share: octets before a page that faults, and requests made from a few field lines. */
#ifndef TINYHTTPD_TESTS_UNIT_HTTP_GUARD_H
#define TINYHTTPD_TESTS_UNIT_HTTP_GUARD_H

#include "base/buffer.h"
#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { GUARDED_MAX = 65536 };

/* Where a page begins that faults. */
static char *guard_end;

static inline int guard_open(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, GUARDED_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + GUARDED_MAX, page, PROT_NONE) != 0)
        return -1;
    guard_end = at + GUARDED_MAX;
    return 0;
}

/* The octets again, with the page that faults right behind them. Stand until the next call. */
static inline struct span guarded(struct span text)
{
    char *at = guard_end - text.length;
    assert_true(text.length <= GUARDED_MAX);
    if (text.length > 0)
        memmove(at, text.at, text.length);
    return (struct span){at, text.length};
}

/*
 * A request with these field lines, each with its CRLF, besides its Host. What stands behind the last value of a field
 * that is kept is cut off, so that a step beyond it faults. Stands until the next call.
 */
static inline const struct request *request_with(const char *method, struct span lines)
{
    static char room[LIMIT_HEAD];
    static struct request request;
    struct buffer head = BUFFER(room);
    buffer_string(&head, method);
    buffer_string(&head, " / HTTP/1.1\r\nHost: a\r\n");
    buffer_append(&head, lines);
    buffer_string(&head, "\r\n");
    assert_false(head.overflow);
    request_init(&request);
    if (request_read_head(&request, head.at, head.length) != REQUEST_WHOLE)
        fail_msg("'%.*s' is refused with %d", (int)lines.length, lines.at, request.status);
    struct request_slice last = request.field_lines[request.field_line_count - 1].value;
    request_move(&request, guarded((struct span){head.at, (size_t)last.at + last.length}).at);
    return &request;
}

/* The same random numbers each time (xorshift64*, Vigna 2016). */
static inline uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545F4914F6CDD1D;
}

static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    return (random_next(seed) >> 11) % bound;
}

#endif
