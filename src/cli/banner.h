/* The banner at the start and the summary at the end. */
#pragma once

#include "base/metrics.h"
#include "base/settings.h"

#include <sys/socket.h>

struct banner {
    const char *root_path;
    const struct sockaddr_storage *addresses; /* bound, with their ports */
    unsigned address_count;
    unsigned workers;
    const char *sandbox; /* a description of the workers' sandbox */
    const char *base;    /* as in the settings */
};

/* Prints to standard error: a few lines on a terminal, else one; nothing if quiet. */
void banner_print(const struct settings *settings, const struct banner *banner);

enum { BANNER_URL_MAX = 80 + 3 * LIMIT_BASE };

/* Writes the URL for browsers on this machine, up to the base: "http://localhost:8080/repo". Returns false if the
   server has only Unix sockets. */
bool banner_write_url(const struct banner *banner, char url[static BANNER_URL_MAX]);

/* Prints what pages did not get, for --strict: a line each. */
void banner_print_failures(const struct metrics_totals *totals);

/* Prints totals to standard error if it is a terminal; nothing if quiet. */
void banner_print_summary(const struct settings *settings, const struct metrics_totals *totals);
