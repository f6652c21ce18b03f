/*
 * One request on its way: the client that sent it, what it asks for, what that names, and what is answered. Each question is
 * asked once, and its answer kept here.
 */
#ifndef TINYHTTPD_ANSWER_EXCHANGE_H
#define TINYHTTPD_ANSWER_EXCHANGE_H

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

/* What the worker knows. Const for everything that answers. */
struct context {
    struct store *store;
    const struct config *config;
    struct metrics *metrics; /* this worker's part, or NULL */
    uint64_t iteration;      /* of the worker's loop; counts from 1 */
    time_t now;              /* seconds since 1970 */
    char date[DATE_LENGTH];  /* the same, as date_write writes it */
    bool draining;           /* the worker is about to end */
    bool logs_reasons;       /* the access log says why a 404 is one */
};

/* What a request is to live reload. */
enum live {
    LIVE_NONE,
    LIVE_PAGE,  /* a browser wants a page to show, which gets the script */
    LIVE_CHECK, /* the script asks for the validators of a file as it is on disk */
};

struct exchange {
    const struct context *context;
    const struct request *request;
    struct response *response;
    struct client client;
    uint64_t iteration; /* the one whose looks at the disk it may share; 0 for none (store_find) */

    struct span host; /* the name in the request's authority, without its port; empty where it has none */
    struct target *target; /* valid once answer() has parsed it; the caller's room */

    struct span path;    /* by which the entry was found; may lie in the target's room */
    struct entry *entry; /* what the response borrows from, or NULL; to be given back with store_release */
    struct body_producer *listing;        /* of a directory, until the response has it */
    struct representation representation; /* of the entry, in the form that is sent */
    struct span cache;                    /* its line of Cache-Control, the same for all forms */
    struct reason reason;                 /* why there is nothing, where the client or the log may know it */

    enum live live;
    int status;      /* of an error to be answered */
    bool check_host; /* only the names of this machine and allowed ones are served */
    bool listing_is_json;
    bool has_script; /* live reload's script follows the entry's bytes */
    bool steady;     /* what describes the entry stays the same as long as it does */

    /* Answers to questions that few requests raise, asked at first use by the functions below. */
    struct {
        bool media_known, navigation_known, local_known;
        enum media media;
        bool navigation, local;
    } asked;
};

/* The form that the client wants a page of the server's own in, by Accept. */
enum media exchange_media(struct exchange *exchange);

/* True where a browser wants a page to show. */
bool exchange_is_navigation(struct exchange *exchange);

/* True where the client is on this machine and asks for one of its own names, and not through a proxy that is recognised as
   one, unless that is trusted. */
bool exchange_is_local(struct exchange *exchange);

/* True where a local client sends Accept, so that a person may see why a path is 404. */
bool exchange_wants_reason(struct exchange *exchange);

/* Writes the head: the response's status, the common lines, and `lines`. Nothing is added to the response after it. */
void exchange_finish(struct exchange *exchange, struct span lines);

#endif
