/*
 * The rules of a _headers file. Plain and Cloudflare: developers.cloudflare.com/pages/configuration/headers,
 * cloudflare/workers-sdk packages/workers-shared; Netlify: docs.netlify.com/routing/headers, netlify/build
 * packages/headers-parser.
 */
#pragma once

#include "base/limits.h"
#include "http/rules.h"

#include <stdbool.h>
#include <stdint.h>

struct header_rules;

/* As redirects_parse. Fields that the server sets itself (base/reserved_fields.h) are bad lines. */
struct header_rules *header_rules_parse(struct span text, enum rules_choice dialect, rules_report *report,
                                        void *context);

void header_rules_free(struct header_rules *rules);

/* A field for a response. It replaces the server's own of that name. */
struct header_field {
    struct span name;  /* as written */
    struct span value; /* `at` is NULL: the server's own is left out */
    unsigned line;     /* of the file, from 1: the last that changed it */
};

/* The fields of a response. Names are unique but for Set-Cookie. Borrows the rules. */
struct header_fields {
    unsigned count;
    unsigned dropped; /* as many behind those: they don't fit into LIMIT_HEADER_BYTES */
    bool overflow;    /* fields beyond LIMIT_RULES_FIELDS or LIMIT_HEADER_BYTES were left out */
    struct header_field fields[LIMIT_RULES_FIELDS];
    size_t used;
    char room[2 * LIMIT_HEADER_BYTES]; /* values that were joined or have placeholders */
};

/* Collects the fields for a path, which is as for redirects_match. All lines are within LIMIT_HEADER_BYTES, each with
   ": " and CRLF. */
void header_rules_match(const struct header_rules *rules, struct span path, struct header_fields *fields);
