/* Settings from the command line and the environment. Filled by cli/options, const everywhere else. */
#pragma once

#include "base/address.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* The path of the health check (RFC 8615), which --check requests. */
#define SETTINGS_HEALTH_PATH "/.well-known/tinyhttpd/health"

enum verbosity { VERBOSITY_QUIET, VERBOSITY_NORMAL, VERBOSITY_VERBOSE };

/* Whether to list a directory without an index. LOCAL: if bound to loopback only, or with --lan. */
enum listing_choice { LISTING_LOCAL, LISTING_ON, LISTING_OFF };

/* In the order of the option's words. */
enum symlink_choice { SYMLINKS_INSIDE, SYMLINKS_ALL, SYMLINKS_NONE };

enum cache_choice {
    CACHE_ASK,     /* "no-cache": revalidated before each use; the default */
    CACHE_OFF,     /* "no-store" */
    CACHE_SECONDS, /* "max-age" of cache_seconds */
    CACHE_AUTO,    /* "immutable" for names with a content hash, else as CACHE_ASK */
    CACHE_IMMUTABLE,
};

/* After AUTO, in the order of the option's words. */
enum log_choice {
    LOG_CHOICE_AUTO,
    LOG_CHOICE_TEXT,
    LOG_CHOICE_COMBINED,
    LOG_CHOICE_JSON,
    LOG_CHOICE_ERRORS,
    LOG_CHOICE_OFF
};

/* Whether _redirects and _headers in the root are obeyed, and the host whose rules they follow. PLAIN: the IPFS
   specification of _redirects, and Cloudflare's _headers; then in the order of the option's words. */
enum rules_choice { RULES_OFF, RULES_PLAIN, RULES_NETLIFY, RULES_CLOUDFLARE };

/* The media type of files whose name is, or ends with a dot and, `name`. ".NAME" is only an end; "." stands for names
   without an extension. */
struct type_override {
    const char *name;
    const char *type;
};

/* The content coding of files with this name, as in type_override. */
struct encoded_name {
    const char *name;
    const char *coding; /* "gzip", "br" or "zstd" */
};

/* The Cache-Control of the files beneath a path. */
struct cache_rule {
    const char *prefix; /* without slashes at its ends; "": the root */
    enum cache_choice cache;
    uint32_t seconds; /* of CACHE_SECONDS */
};

/* A simulated slow network. */
struct slow_choice {
    const char *preset; /* its name, or NULL */
    uint32_t rate;      /* bytes a second; 0: none is simulated */
    uint32_t delay;     /* milliseconds before each response */
};

/* The permissions of a Unix socket's file. */
struct socket_access {
    unsigned mode;     /* 0: by the umask */
    const char *group; /* a name or number; NULL: the process's */
};

struct settings {
    char *const *command; /* the argv to run while serving, or NULL */
    const char *root;     /* the document root as typed */
    const char *file;     /* the name of the only file to serve, in the root; NULL: serve the whole root */
    uint16_t port;        /* 0: any free port */
    bool port_chosen;     /* the port was given, so fail if it is in use */
    bool lan;             /* listen on all addresses and show those of the local network */
    unsigned bind_count;
    /* Addresses, names, "*" or "unix:PATH" ("unix:@NAME"); none: both loopback addresses. */
    const char *binds[LIMIT_LISTENERS];
    struct socket_access socket_access[LIMIT_LISTENERS]; /* of the Unix sockets among them */
    const char *base;  /* the site's path, decoded, without slashes at its ends; NULL: the root */
    const char *open;  /* the path below it to open in a browser, or NULL */
    const char *check; /* the URL that --check requests; NULL: the address of these settings */

    const char *index[LIMIT_INDEX_NAMES]; /* the first of these that a directory has is served for it */
    unsigned index_count;
    enum listing_choice listing;
    bool dotfiles; /* serve names with a leading dot */
    bool watch;    /* reload pages when their files change */
    bool strict;   /* exit 1 if a page did not get a part */
    enum rules_choice rules;
    enum symlink_choice symlinks;
    const char *spa; /* the file served for unknown page URLs, or NULL */

    enum cache_choice cache;
    uint32_t cache_seconds;
    struct cache_rule cache_rules[LIMIT_CACHE_RULES];
    unsigned cache_rule_count;
    const char *cors; /* the allowed origin, "*" for all, or NULL */
    /* "Name: value", except for fields that the server sets itself; those of _headers follow those typed. */
    const char *headers[LIMIT_HEADERS + LIMIT_RULES_FIELDS];
    unsigned header_count;
    struct type_override types[LIMIT_TYPE_OVERRIDES];
    struct encoded_name encoded[LIMIT_ENCODED_NAMES];
    unsigned type_count, encoded_count;
    const char *charset; /* of text files; "none": none; NULL: utf-8 if the content is UTF-8 */
    const char *allowed_hosts[LIMIT_ALLOWED_HOSTS];
    unsigned allowed_host_count;
    /* Trust X-Forwarded-For from these. */
    struct network trusted_proxies[LIMIT_TRUSTED_PROXIES];
    unsigned trusted_proxy_count;
    bool trusts_unix;    /* and from clients of a Unix socket */
    bool proxy_protocol; /* connections of these begin with a PROXY header */

    uint32_t keep_alive;     /* seconds that a connection may be idle; 0: LIMIT_IDLE_S, and responses don't tell */
    uint32_t shutdown_delay; /* seconds from SIGTERM until the drain begins */
    uint32_t drain;          /* seconds for the responses in flight */
    unsigned workers;        /* 0: one per available CPU; one with `slow` */
    struct slow_choice slow;
    const char *user;    /* the workers' USER or USER:GROUP as typed; NULL: see --user */
    const char *metrics; /* the path of the metrics, or NULL */
    enum log_choice log;
    const char *access_log, *error_log; /* files, or NULL: the standard streams */
    enum verbosity verbosity;
};
