/* Request targets (RFC 9112 3.2) and the paths in them (RFC 3986 3.3). */
#ifndef TINYHTTPD_HTTP_TARGET_H
#define TINYHTTPD_HTTP_TARGET_H

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>

/* The longest name that target_child or target_suffixed can add. */
enum { TARGET_NAME_MAX = LIMIT_INDEX_NAME };

struct target {
    /*
     * The path, percent-decoded once, its dot segments removed after that, repeated slashes merged: segments
     * parted by single slashes, none at either end, empty for the root itself. Ends with a NUL that is not
     * counted, and holds no other.
     */
    struct span path;
    bool slash;        /* the path ended with a slash, or with a dot segment, and so names a directory */
    bool hidden;       /* a segment begins with a dot and is not ".well-known" (RFC 8615) */
    struct span query; /* as it was sent, with its "?"; empty where there is none */
    char room[LIMIT_TARGET + TARGET_NAME_MAX + 2];
};

/*
 * Splits a target in origin-form or absolute-form. The path is written into `target->room`; the query borrows
 * `raw`. Returns 0, or 400 for what is not a target, holds NUL, or has a bad escape.
 */
int target_parse(struct span raw, struct target *target);

/* The path of `name` in the directory that the target's path names, with a NUL after it. Stands in the target's own
   room: the name follows the path there, which loses the NUL promised behind it. */
struct span target_child(struct target *target, struct span name);

/* The target's path with `suffix` at its end, as target_child does it. */
struct span target_suffixed(struct target *target, struct span suffix);

/* The path of a target as it was sent, of either form: without authority and query. For addresses of the server's own, which
   have one spelling, so that whoever lets only some of them through needs to know no other. */
struct span target_sent_path(struct span raw);

/* The authority of a target in absolute-form, valid or not; an empty span at NULL for the other forms. */
struct span target_authority(struct span raw);

/* True for uri-host [":" port], as a Host field must be (RFC 9110 7.2, RFC 3986 3.2.2), or empty. */
bool target_host_is_valid(struct span host);

#endif
