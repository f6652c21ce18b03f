/* Files that exist only encoded: app.css.gz without app.css. */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

/* After `path` (as for store_find) was not found: finds its encoded form that the client prefers, and sets the
   exchange's entry and coding. Returns 0, 404 if there is none, or none that the client accepts, or another status as
   store_find does. */
int encoded_find(struct exchange *exchange, struct span path);

/* Fills in the reason if the client accepts none of the forms that there are. False if there are none. */
bool encoded_explain(struct exchange *exchange);
