/* The lines that a person reads at the start. */
#ifndef TINYHTTPD_CLI_BANNER_H
#define TINYHTTPD_CLI_BANNER_H

#include "base/settings.h"

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

#endif
