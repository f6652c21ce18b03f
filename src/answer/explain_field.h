/* The origins of a response's fields, for explanations: the option, the rule or the decision that gives each. */
#pragma once

#include "answer/exchange.h"
#include "answer/rules.h"

/* A finished response; the rules are those that applied to it. */
struct explained_response {
    const struct exchange *exchange;
    int status;
    const struct rules_account *rules;
};

/* Appends why the response has its Cache-Control, such as "--cache 60". */
void explain_field_cache(const struct explained_response *explained, struct buffer *why);

/* Appends where a field of the response's head comes from, such as "_headers:3" or "'etag' above". */
void explain_field_origin(const struct explained_response *explained, struct span name, struct span value,
                          struct buffer *why);
