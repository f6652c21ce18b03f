/* Request targets (RFC 9112 3.2) and the paths in them (RFC 3986 3.3). */
#pragma once

#include "base/buffer.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>

/* The longest name that target_child and target_suffixed can add. */
enum { TARGET_NAME_MAX = LIMIT_INDEX_NAME };

struct target {
    struct span authority; /* as sent, valid or not; SPAN_NONE but in absolute-form */
    struct span sent_path; /* as sent: the server's own paths have one spelling, so a proxy's rules need no other */
    struct span query;     /* as sent, with its "?"; empty: none */
    /* The path, percent-decoded once, then without repeated slashes, then without dot segments ("/a//../b" is "/b", as
       in a file system): segments separated by single slashes, none at either end; empty for the root. Followed by a
       NUL that is not counted, and contains no other. */
    struct span path;
    bool slash;  /* the path ended with a slash or a dot segment, so it names a directory */
    bool hidden; /* a segment begins with a dot and is not ".well-known" (RFC 8615) */
    char room[LIMIT_TARGET + TARGET_NAME_MAX + 2];
};

/*@ predicate has_path(struct target *t) = t->path.at == &t->room[0] && t->path.length <= LIMIT_TARGET &&
      t->room[t->path.length] == 0; */

/* Parses a target in origin-form or absolute-form. `authority`, `sent_path` and `query` borrow `raw`, and are set for
   an invalid target, too. Writes the path into `target->room`. Bytes above 0x7F, which request.c accepts if they are
   UTF-8, are taken as if they were escaped. Returns 0, or 400 for an invalid target, NUL, or a bad escape. */
/*@ requires readable(raw) && \valid(target) && \separated(target, raw.at + (0 .. raw.length - 1)); assigns *target;
    ensures readable(target->sent_path) && readable(target->query) && (\result == 0 ==> has_path(target)); */
int target_parse(struct span raw, struct target *target);

/* Where a path is, seen from a base. */
enum target_place {
    TARGET_INSIDE,
    TARGET_ABOVE,   /* the root, or the base without its slash: the site begins at the base */
    TARGET_OUTSIDE, /* no part of the site */
};

/* Takes the base (--base: decoded segments, as `path`) off a valid target's path, which is then relative to the site.
   `sent_path` keeps it. Only TARGET_INSIDE changes the target; `hidden` stays that of the whole path. */
/*@ requires \valid(target) && readable(base) && has_path(target);
    assigns target->path.length, target->room[0 .. LIMIT_TARGET + 1]; */
enum target_place target_take_base(struct target *target, struct span base);

/* The longest text that target_append_start appends. */
enum { TARGET_START_DEPTH_MAX = 40, TARGET_START_MAX = 3 * TARGET_START_DEPTH_MAX + 3 + 3 * LIMIT_BASE };

/* Appends the address of the site's root, with the base if that is not empty. Relative to the target's, so that it
   holds behind a proxy that removes a prefix; not for a path with many segments, which is not a person's. */
/*@ requires is_buffer(address) && \valid_read(target) && appendable(base, address);
    requires readable(target->sent_path) && \separated(address, target) &&
        \separated(target, address->at + (0 .. address->room - 1));
    assigns address->length, address->overflow, address->at[0 .. address->room - 1]; ensures is_buffer(address); */
void target_append_start(struct buffer *address, const struct target *target, struct span base);

/* Makes `path`, as target_parse has it but without a NUL, the target's. It has at most LIMIT_TARGET bytes. */
/*@ requires \valid(target) && readable(path) && path.at != \null && path.length <= LIMIT_TARGET; assigns *target; */
void target_replace(struct target *target, struct span path, bool slash);

/* Appends a query to a Location: raw UTF-8 is percent-encoded. */
/*@ requires is_buffer(line) && appendable(query, line);
    assigns line->length, line->overflow, line->at[0 .. line->room - 1]; ensures is_buffer(line); */
void target_append_query(struct buffer *line, struct span query);

/* The first "%" of a target that begins no escape, with up to two bytes after it, and the rest of a UTF-8 character
   that begins there; empty if there is none. */
/*@ requires readable(raw); assigns \nothing; ensures readable(\result); */
struct span target_bad_escape(struct span raw);

/* The path of `name` in the directory `target->path`, with a NUL after it. Written into the target's room, where it
   overwrites the NUL after `target->path`. */
struct span target_child(struct target *target, struct span name);

/* As target_child, for the target's path with `suffix` appended. */
struct span target_suffixed(struct target *target, struct span suffix);

/* True for uri-host [":" port], as in a Host field (RFC 9110 7.2, RFC 3986 3.2.2), or empty. */
/*@ requires readable(host); assigns \nothing; */
bool target_host_is_valid(struct span host);
