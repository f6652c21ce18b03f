/* What the command line and the environment decided. Filled by cli/options, const for everyone else. */
#ifndef TINYHTTPD_BASE_SETTINGS_H
#define TINYHTTPD_BASE_SETTINGS_H

#include "base/address.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* The address of the health check: answered by the server, asked for by --check (RFC 8615). */
#define SETTINGS_HEALTH_PATH "/.well-known/tinyhttpd/health"

enum verbosity { VERBOSITY_QUIET, VERBOSITY_NORMAL, VERBOSITY_VERBOSE };

/* Whether a directory without an index is listed. */
enum listing_choice { LISTING_LOCAL, LISTING_ON, LISTING_OFF }; /* LOCAL: bound to loopback only, or --lan */

enum symlink_choice { SYMLINKS_INSIDE, SYMLINKS_ALL, SYMLINKS_NONE };

enum cache_choice {
    CACHE_ASK,     /* "no-cache": kept, but asked for every time; the default */
    CACHE_OFF,     /* "no-store" */
    CACHE_SECONDS, /* "max-age" of cache_seconds */
    CACHE_AUTO,    /* immutable for names with a hash of their content, else as CACHE_ASK */
};

enum log_choice {
    LOG_CHOICE_AUTO,
    LOG_CHOICE_TEXT,
    LOG_CHOICE_COMBINED,
    LOG_CHOICE_JSON,
    LOG_CHOICE_ERRORS,
    LOG_CHOICE_OFF
};

/* An extension, without its dot and in lower case, and the type that it shall have. */
struct type_override {
    const char *extension;
    const char *type;
};

struct settings {
    const char *root; /* the document root as it was typed */
    const char *file; /* the one file that is served, a name in the root; NULL: the whole root */
    uint16_t port;    /* 0 means any that is free */
    bool port_chosen; /* somebody asked for it: no other will do */
    /* Addresses, names, "*" or "unix:PATH"; none means both loopback addresses. */
    const char *binds[LIMIT_LISTENERS];
    unsigned bind_count;
    bool lan;          /* listen on all addresses and show those of the local network */
    const char *open;  /* the path to open in a browser, or NULL */
    const char *check; /* the URL that --check asks; NULL: where these settings listen */

    const char *index; /* the file that stands for its directory */
    enum listing_choice listing;
    bool dotfiles; /* names with a leading dot are served */
    bool watch;    /* pages reload when their files change */
    enum symlink_choice symlinks;
    const char *spa; /* the file that answers navigations which find nothing, or NULL */

    enum cache_choice cache;
    uint32_t cache_seconds;
    const char *cors;                   /* the origin that may read everything, "*" for all, or NULL */
    const char *headers[LIMIT_HEADERS]; /* "Name: value", none that the server itself has to tell */
    unsigned header_count;
    bool isolate; /* cross-origin isolation */
    struct type_override types[LIMIT_TYPE_OVERRIDES];
    unsigned type_count;
    const char *charset; /* of every text file; "none" for none; NULL: utf-8 where the content is */
    const char *allowed_hosts[LIMIT_ALLOWED_HOSTS];
    unsigned allowed_host_count;
    /* Whose X-Forwarded-For tells the client's address. */
    struct network trusted_proxies[LIMIT_TRUSTED_PROXIES];
    unsigned trusted_proxy_count;
    bool trusts_unix; /* so does whoever comes over a Unix socket */

    unsigned workers;    /* 0 means one for each CPU that may be used */
    const char *user;    /* who the workers become, USER or USER:GROUP as it was typed; NULL: see --user */
    const char *metrics; /* the path of the server's own counters, or NULL */
    enum log_choice log;
    enum verbosity verbosity;
};

#endif
