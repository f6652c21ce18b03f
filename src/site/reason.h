/* Why a path is 404: for the log, and for the pages of local clients. A reason names files that are not served, so no
   other client may see it. */
#pragma once

#include "base/buffer.h"
#include "base/text.h"
#include "site/beneath.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for a sentence about one long name and a shorter one. */
enum { REASON_MAX = 768 };

/* Both buffers have REASON_MAX bytes. Names are raw bytes, to be escaped by the reader. */
struct reason {
    struct buffer text;       /* some sentences; empty if no reason is known */
    struct buffer suggestion; /* a similar path (as for store_find); empty if there is none */
};

/* Finds out why `path` (as for store_find) is 404, and fills in an empty reason. `dotfiles`: names with a leading dot
   are served. `now` is in seconds: limits.h bounds the reasons per second, and the names that each of them reads. */
void reason_find(struct reason *reason, const struct beneath *beneath, struct span path, bool dotfiles, int64_t now);
