/* Patterns of paths with wildcards, as in _redirects and _headers, and sets of them that are fast to search. */
#pragma once

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a pattern may hold. In all, ":name" is at least one byte without a slash.
 *
 *   SEGMENTS  ":name" as a whole segment; one "*" at the end, with the slash before it optional if nothing follows;
 *             trailing slashes are ignored (IPFS, Netlify's _redirects)
 *   BYTES     ":name" anywhere, one "*" anywhere; slashes count (Cloudflare)
 *   GLOB      ":name" as a whole segment, any "*"; a slash before a segment of "*", and one at the end, are optional;
 *             ignores the case of ASCII letters (Netlify's _headers)
 */
enum path_style { PATH_SEGMENTS, PATH_BYTES, PATH_GLOB };

/* What a wildcard matched: a part of the path, or of the query. */
struct path_capture {
    struct span name; /* "splat" for "*" */
    struct span value;
    bool encoded; /* it is from the query: percent-encoded, "+" for a space */
};

enum path_wildcard {
    PATH_END,  /* none: the pattern ends */
    PATH_NAME, /* one or more bytes without a slash */
    PATH_ANY,  /* any bytes, or none */
    PATH_REST, /* nothing, or a slash and any bytes, which are captured */
};

/* A text, and the wildcard that follows it. */
struct path_piece {
    struct span text; /* decoded */
    enum path_wildcard wildcard;
    struct span name;
};

struct path_pattern {
    const struct path_piece *pieces; /* the last one ends */
    unsigned wildcards;              /* one less than pieces */
    unsigned first_star;             /* the index of the first "*"; `wildcards` if there is none */
    unsigned slashes;                /* in the texts before it */
};

/* Patterns in their order. Lives in memory of its owner. */
struct path_set {
    enum path_style style;
    bool refuses_prefixes; /* names that begin with an earlier one: Cloudflare has replaced ":id" in ":idx" as well */
    unsigned count;
    size_t stride; /* words of a row */
    struct path_pattern *patterns;
    struct path_piece *piece; /* the next free one */
    uint64_t *rows;           /* for each value of some bytes of a path, the patterns that may match */
    char *text;               /* the next free byte */
};

/* True for the bytes that go on with a placeholder's name at Cloudflare: \w. */
static inline bool path_is_word(char byte)
{
    return text_is_letter(byte) || text_is_digit(byte) || byte == '_';
}

/* The memory for at most `max` patterns that all stand in `text`. */
size_t path_set_bytes(struct span text, unsigned max);

/* Makes an empty set in memory of that size, aligned for pointers. */
void path_set_init(struct path_set *set, enum path_style style, void *memory, struct span text, unsigned max);

/* Adds a pattern, percent-encoded; borrows the names in it. Returns NULL, or what is wrong with it and what to do, to
   follow the pattern in quotes. Without a leading slash, it gets one. */
const char *path_set_add(struct path_set *set, struct span pattern);

/* True if they are the same but for percent-encoding. */
bool path_pattern_equal(const struct path_pattern *a, const struct path_pattern *b);

/* Removes the newest pattern. */
void path_set_drop(struct path_set *set);

/*
 * Returns the index of the first pattern from `from` on that matches the decoded path, which begins with a slash; the
 * count if there is none. Sets a capture for each wildcard of the pattern; they borrow both. As with regular
 * expressions, wildcards take as much as they can, the first one first. Takes time linear in the lengths of the path
 * and the patterns, but for texts between wildcards, which are searched for.
 */
unsigned path_set_find(const struct path_set *set, struct span path, unsigned from,
                       struct path_capture captures[LIMIT_RULES_WILDCARDS]);
