/*
 * The rules of a _redirects file. Plain: the IPFS specification (specs.ipfs.tech/http-gateways/web-redirects-file);
 * Netlify: docs.netlify.com/routing/redirects, netlify/build packages/redirect-parser; Cloudflare:
 * developers.cloudflare.com/pages/configuration/redirects, cloudflare/workers-sdk packages/workers-shared.
 */
#pragma once

#include "base/buffer.h"
#include "http/path_pattern.h"
#include "http/rules.h"

#include <stdbool.h>

struct redirects;

/*
 * Parses a file. Returns NULL without memory; the caller frees it with redirects_free. Copies the text. Each bad line
 * is reported and ignored; so are lines beyond the limits, once.
 */
struct redirects *redirects_parse(struct span text, enum rules_choice dialect, rules_report *report, void *context);

void redirects_free(struct redirects *redirects);

/* FORCED: before a file is looked up; all rules of Cloudflare, at Netlify those with "!", in plain none. MISSING: no
   file was found; all rules, at Cloudflare none. */
enum redirects_pass { REDIRECTS_FORCED, REDIRECTS_MISSING };

/* A rule that matches. Borrows the rules, the path and the query. */
struct redirect {
    int status;
    unsigned line; /* of the file, from 1 */
    bool rewrite;  /* 200, 404, 410, 451: the target is a file here. Otherwise it is a Location */
    const struct redirects_rule *rule;
    struct span query;
    unsigned capture_count;
    struct path_capture captures[LIMIT_RULES_WILDCARDS];
};

/*
 * Finds the first rule for a request. `path`: decoded and without dot segments and repeated slashes, as target_parse
 * makes it, with a leading slash, and a final one if the request had one. `query` as sent, with its "?", or empty.
 */
bool redirects_match(const struct redirects *redirects, struct span path, struct span query, enum redirects_pass pass,
                     struct redirect *match);

/*
 * Appends the target. Of a redirect: a Location with the target's query, or else the request's, and the fragment; it
 * names a foreign host only if the rule's own text does. Its path has no dot segment. Of a rewrite: a path for
 * store_find, without the NUL behind it; `*slash` is true if the target ended with a slash. The caller checks hidden
 * names. False if the buffer has overflowed, or if a rewrite's path has a NUL, so that no file has it.
 */
bool redirect_write_target(const struct redirect *match, struct buffer *target, bool *slash);
