/* The lines that a person reads at the start and at the end. */
#ifndef TINYHTTPD_CLI_BANNER_H
#define TINYHTTPD_CLI_BANNER_H

#include "base/metrics.h"
#include "base/settings.h"

#include <stddef.h>
#include <sys/socket.h>

/* What the banner tells. */
struct banner {
    const char *root_path;
    const struct sockaddr_storage *addresses; /* bound, with their ports */
    unsigned address_count;
    unsigned workers;
    const char *sandbox; /* what holds in the workers */
};

/* Prints to standard error: on a terminal a few lines, else one; nothing when quiet. */
void banner_print(const struct settings *settings, const struct banner *banner);

enum { BANNER_URL_MAX = 80 };

/* Writes the URL by which this machine reaches the server, without a path: "http://localhost:8080". False where it only
   has Unix sockets. */
bool banner_write_url(const struct banner *banner, char url[static BANNER_URL_MAX]);

/* Prints what was served to standard error where that is a terminal; nothing when quiet. */
void banner_print_summary(const struct settings *settings, const struct metrics_totals *totals);

#endif
