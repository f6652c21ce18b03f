/*
 * Service workers of other sites. A browser keeps a service worker for a port of localhost, and it goes on answering
 * for the next site that is served there. The browser looks for a new version of its script at each navigation
 * (Service Workers, "Update"); a 404 would keep the old one.
 */
#pragma once

#include "answer/exchange.h"

#include <stdbool.h>

/* True for a request of a service worker's script, if the server is for this machine only. Call it if no file is found,
   or only a page: the site's own service worker takes precedence, also one that can't be sent. */
bool unregister_applies(const struct exchange *exchange);

/* Answers with a service worker that unregisters itself and reloads its pages. */
void unregister_answer(struct exchange *exchange);
