/*
 * The selected representation (RFC 9110 3.2): the original file, an encoded sibling, or a page with the live-reload
 * script. Its type and entity tag borrow from the entry or from the response's text.
 */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

/* The encoded forms of a file, by enum coding. */
struct coded_form {
    enum sibling sibling; /* whose suffix their names have */
    struct span name;     /* of the coding */
};
extern const struct coded_form representation_forms[CODINGS];

/* Selects the original: the exchange's entry as it is. */
void representation_of_original(struct exchange *exchange);

/*
 * Selects the encoding that the client prefers (RFC 9110 12.5.3). An encoded sibling replaces the exchange's entry,
 * which is released. False if no encoding is acceptable.
 */
bool representation_negotiate(struct exchange *exchange);

/* With --watch, selects the page with the script, which has an entity tag of its own (RFC 9110 8.8.3), if a browser
   navigates to an HTML file. Returns true if so. */
bool representation_add_script(struct exchange *exchange);

/* The --cache PREFIX=HOW that decides the Cache-Control of the exchange's file, or NULL. `is_page`: it is HTML. */
const struct cache_rule *representation_cache_rule(const struct exchange *exchange, bool is_page);
