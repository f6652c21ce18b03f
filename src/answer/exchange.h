/* One request with its response, and everything known about it. Each fact is computed once and kept here. */
#pragma once

#include "answer/client.h"
#include "answer/config.h"
#include "base/date.h"
#include "base/metrics.h"
#include "http/negotiate.h"
#include "http/request.h"
#include "http/response.h"
#include "http/target.h"
#include "site/reason.h"
#include "site/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct rules;

/* The worker's part of every exchange. */
struct context {
    struct store *store;
    const struct config *config;
    struct rules *rules;     /* of --rules, or NULL */
    struct metrics *metrics; /* this worker's, or NULL */
    uint64_t iteration;      /* the number of the batch whose requests may share stats, from 1 */
    time_t now;              /* seconds since 1970 */
    char date[DATE_LENGTH];  /* `now` for the Date field */
    bool stopping;           /* the worker was told to stop: it drains, or will */
    bool draining;           /* the worker finishes what has begun */
    bool logs_reasons;       /* the access log shows the reasons of 404s */
};

/* The kinds of requests for live reload. */
enum live {
    LIVE_NONE,
    LIVE_PAGE,  /* a person opens a page: it gets the script */
    LIVE_CHECK, /* the script asks for a file's validators: HEAD, not logged */
};

/* What is answered. */
enum outcome {
    OUTCOME_ERROR, /* with the exchange's status */
    OUTCOME_OPTIONS,
    OUTCOME_HEALTH,
    OUTCOME_METRICS,
    OUTCOME_SCRIPT,
    OUTCOME_REPORT, /* of an error in a page */
    OUTCOME_FILE,
    OUTCOME_PAGE,     /* a file with the exchange's status */
    OUTCOME_RULE,     /* a redirect by a rule, or by the addresses of a host */
    OUTCOME_REDIRECT, /* to a directory's address with a slash */
    OUTCOME_TO_BASE,  /* a redirect to the site's root, which --base moves */
    OUTCOME_LISTING,
    OUTCOME_NOT_MODIFIED, /* a generated response; file.c has the files' */
    OUTCOME_UNREGISTER,   /* the service worker of another site */
    OUTCOME_MISSING,
};

/* A path that exists only in encodings which the client does not accept. */
struct refused {
    struct span path; /* may be in the target's room */
    unsigned codings; /* bits 1 << enum coding; 0: there is no such path */
};

struct exchange {
    const struct context *context;
    const struct request *request;
    struct response *response;
    struct client client;
    uint64_t iteration; /* whose stats the request may share; 0: none (store_find) */

    struct span host;      /* the authority's host, without the port; empty: none */
    struct target *target; /* the caller's memory; set once the target is parsed */

    struct span path;              /* of the entry; may be in the target's room */
    struct entry *entry;           /* the file that the response borrows, or NULL; released by the caller */
    struct body_producer *listing; /* of a directory, until the response takes it */
    uint64_t listing_stamp;        /* for --watch: of the directory */
    enum coding coding; /* of an entry whose path exists only encoded; CODING_IDENTITY: as the entry's own name says */
    struct refused refused;
    struct span denied_index;             /* the directory's first index that may not be read, or empty */
    struct representation representation; /* of the entry */
    struct span location;                 /* where a rule, or the addresses of a host, lead; in the response's text */
    struct span cache;                    /* the Cache-Control line of a file */
    struct reason reason;                 /* of a 400, 403, 404 or 406: whole sentences; error.c shows it or not */

    enum live live;
    int status;        /* of an error */
    bool is_outside;   /* the target is outside --base */
    bool is_rewritten; /* the target is that of a rule, not of the client's address */
    bool check_host;   /* reject foreign hosts, and pages of other sites */
    bool denied;       /* the last lookup found a file that may not be read */
    bool has_script;   /* the live-reload script follows the page's bytes */
    bool steady;       /* the representation stays the same until the file changes */
    bool has_rule;     /* a rule of _redirects matched */
    uint8_t outcome;   /* of enum outcome, once it is decided */
    uint8_t available; /* codings of the entry, bits 1 << enum coding, once they are negotiated */
    uint16_t noted;    /* bytes of notes at the beginning of the response's text */
    bool notes_cut;    /* there are more */

    /* Facts that few requests need, computed at first use by the functions below. */
    struct {
        bool media_known, kind_known, local_known, local;
        enum media media;
        enum client_kind kind;
    } asked;
};

/* The media type for a generated page. */
enum media exchange_media(struct exchange *exchange);

/* The kind of client that sends the request. */
enum client_kind exchange_kind(struct exchange *exchange);

/* True if the request is to a server for this machine only, by a name that --allow-host does not publish. */
bool exchange_is_guarded(const struct exchange *exchange);

/* True if the client is on this machine, uses a loopback host, and no untrusted proxy is detected. */
bool exchange_is_local(struct exchange *exchange);

/* True if the request has no Sec-Fetch-Site, as of an older browser, and its Origin has another authority than its
   host: a script of another site may ask (Fetch 3.2). */
bool exchange_has_foreign_origin(const struct exchange *exchange);

/* True if the client is local and sends Accept, so a person may see why a path is 404. False for a script of another
   site, which --cors may allow to read the response. */
bool exchange_wants_reason(struct exchange *exchange);

/* True if the lookup has found a file, or a page of a missing one. */
static inline bool exchange_has_file(const struct exchange *exchange)
{
    return exchange->entry != NULL && exchange->entry->kind == ENTRY_FILE;
}

enum { EXCHANGE_NOTES_MAX = 4096 };

/* Appends "PATH: WHAT" and a line end to the notes: names that were looked up and are not the response's. */
void exchange_write_note(struct exchange *exchange, struct span path, const char *what);

/* The same, if an explanation may need it. */
static inline void exchange_note(struct exchange *exchange, struct span path, const char *what)
{
    if (request_has(exchange->request, 1U << FIELD_TINYHTTPD_EXPLAIN))
        exchange_write_note(exchange, path, what);
}

/* Completes the response with its head; `lines` are complete lines in addition to the common ones. */
void exchange_finish(struct exchange *exchange, struct span lines);
