/* The settings for responses, converted once into the form that responses need. */
#pragma once

#include "base/buffer.h"
#include "base/limits.h"
#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

/* All lines of a config: those of --header, two with the origin of --cors, those of --cache and --keep-alive, and the
   server's own. */
enum { CONFIG_LINES_MAX = LIMIT_HEADER_BYTES + 2 * LIMIT_ORIGIN + LIMIT_CACHE_RULES * 64 + 576 };

struct config {
    const struct settings *settings;
    struct span index[LIMIT_INDEX_NAMES]; /* names of a directory's index */
    unsigned index_count;
    struct span base;   /* the path below which the site is, as in the settings; empty: the root */
    struct span file;   /* the path of the only file served; empty: the whole root */
    struct span spa;    /* the path of the page for unknown page URLs, `file` if that is given; empty: none */
    struct span common; /* complete lines of every head */
    struct span kept;   /* `common`, and Keep-Alive: of a head after which the connection stays open */

    /* Cache-Control lines. */
    struct span cache;           /* of files */
    struct span immutable;       /* of files with a hash in their name; empty: `cache` */
    struct span generated_cache; /* of errors, listings and other generated responses */

    struct span rules[LIMIT_CACHE_RULES]; /* of --cache PREFIX=HOW, in the order of the settings */
    bool caches_by_path;                  /* there are rules, or `immutable` */

    size_t extra_head_bytes; /* how much longer a cached header may be than ENTRY_HEAD_MAX */
    uint64_t id;             /* of fields of _headers; 0: without any */
    bool is_plain;           /* no `base`, `file` or --rules */
    bool is_long;            /* a cached header has no room for the fields of _headers */
    bool check_host;         /* reject foreign hosts, and pages of other sites, on TCP connections */
    size_t used;             /* bytes of `room`, which holds the lines */
    char room[CONFIG_LINES_MAX];
};

/* Converts the settings, which must outlive the config. The config contains pointers into itself, so it can't move. */
void config_open(struct config *config, const struct settings *settings, bool check_host);

/* Appends one of the server's own fields, unless --header replaces or removes it, or the value is empty. */
void config_append_default(const struct config *config, struct buffer *lines, struct span name, struct span value);

/* Appends the Content-Type and the Content-Security-Policy of a generated page. */
void config_append_page(const struct config *config, struct buffer *lines, struct span type, struct span policy);

/* True for a name (from host_name) of --allow-host by which others may reach the server, through a proxy: not for
   loopback names. */
bool config_publishes_host(const struct config *config, struct span name);

/* True for a name (from host_name) by which clients may address the server: loopback, bound or allowed. */
bool config_allows_host(const struct config *config, struct span name);
