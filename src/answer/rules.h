/*
 * --rules: the rules of _redirects and _headers in the root. The files are looked up for each request as any file is,
 * so an edit is in the next response; they are parsed when they have changed.
 */
#pragma once

#include "answer/exchange.h"
#include "http/header_rules.h"
#include "http/redirects.h"

struct rules;

/* Returns NULL without memory. The config must outlive the rules. */
struct rules *rules_open(const struct config *config);

void rules_close(struct rules *rules);

enum rules_outcome {
    RULES_NONE,     /* no rule matches */
    RULES_REWRITE,  /* the target is another one now, which no rule rewrites again, with the exchange's status */
    RULES_NOWHERE,  /* a rewrite to a path that no file has */
    RULES_REDIRECT, /* to the exchange's location, with its status */
    RULES_ERROR,    /* with the exchange's status: a file of rules can't be read */
};

/* Reads the files again if they have changed, and gives the exchange the fields of _headers for its target, which must
   be relative to the site's root. Returns RULES_NONE or RULES_ERROR. */
enum rules_outcome rules_begin(struct exchange *exchange);

/* Finds the first rule of the pass that matches the target as it was at rules_begin(). */
enum rules_outcome rules_apply(struct exchange *exchange, enum redirects_pass pass);

/* Takes the fields of _headers back, which errors of the server do not have. */
void rules_forget(struct exchange *exchange);

/* What the rules did with an exchange, for an explanation. */
struct rules_account {
    bool has_redirects;                 /* there is a good _redirects */
    bool applied;                       /* one of its rules was applied */
    bool is_forced;                     /* it precedes files */
    struct redirect match;              /* that rule */
    struct span path;                   /* of the target, before a rewrite, with the slashes at its ends */
    const struct header_fields *fields; /* of _headers, for the response; NULL: none */
    unsigned sent;                      /* as many of them; the rest is too long */
};

/* For an exchange that rules_begin() has seen, before the next one. The caller zeroes the account. */
void rules_account_for(const struct exchange *exchange, struct rules_account *account);
