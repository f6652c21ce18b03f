/* Shared by the tests of fields: requests made from a few field lines, and random numbers. */
#pragma once

#include "base/buffer.h"
#include "guard.h"
#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Makes a request with Host and these field lines, each with its CRLF. The guard page follows the last value of a kept
   field, so that a read beyond it faults. Valid until the next call. */
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

/* Reproducible random numbers (xorshift64*, Vigna 2016). */
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
