/* What the units of rules share: the reports of bad lines, as "LINE: MESSAGE\n" one after the other. */
#pragma once

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The reports of the last parse. */
static char reports[65536];

static struct buffer reports_begin(void)
{
    return (struct buffer){reports, 0, sizeof reports - 1, false};
}

/* A rules_report, whose context is the buffer. */
static void reports_collect(void *context, unsigned line, const char *message)
{
    struct buffer *buffer = context;
    buffer_number(buffer, line);
    buffer_string(buffer, ": ");
    buffer_string(buffer, message);
    buffer_string(buffer, "\n");
}

static void reports_end(const struct buffer *buffer)
{
    assert_false(buffer->overflow);
    reports[buffer->length] = '\0';
}
