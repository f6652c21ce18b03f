/* What units share: bytes before a page that faults, so that reading or writing one too far ends the program. */
#pragma once

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A span in a static table, where SPAN's compound literal is no constant. */
#define TEXT(literal) SPAN_INIT(literal)

enum { GUARDED_MAX = 65536 };

/* Where the page begins that faults. */
static char *guard_end;

/* A group's set-up. */
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

/* The bytes again, with the page that faults right behind them. Stand until the next call. */
static inline struct span guarded(struct span text)
{
    char *at = guard_end - text.length;
    assert_true(text.length <= GUARDED_MAX);
    if (text.length > 0)
        memmove(at, text.at, text.length);
    return (struct span){at, text.length};
}

static inline void assert_span(struct span actual, struct span expected)
{
    assert_int_equal(actual.length, expected.length);
    if (expected.length > 0)
        assert_memory_equal(actual.at, expected.at, expected.length);
}
