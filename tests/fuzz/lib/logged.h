/* A strict parser of the pieces of a log line. Each function takes its piece from the beginning of `*rest`. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

char logged_byte(struct span *rest);

/* This number, in decimal, with no digit after it. */
void logged_number(struct span *rest, int64_t number);

/* These seconds, as strptime(3) reads them, and the byte `end` after them. */
void logged_time(struct span *rest, const char *format, char end, int64_t seconds);

/* The client's text up to `end`, escaped as in JSON or as \xHH, where "-" means none. Only a long text may be cut. */
void logged_text(struct span *rest, char end, struct span source, bool json);
