/* What the command line decided. Filled by cli/options, const for everyone else. */
#ifndef TINYHTTPD_BASE_SETTINGS_H
#define TINYHTTPD_BASE_SETTINGS_H

#include "base/limits.h"

#include <stdint.h>

enum verbosity { VERBOSITY_QUIET, VERBOSITY_NORMAL, VERBOSITY_VERBOSE };

struct settings {
    const char *root;                   /* the document root as it was typed */
    uint16_t port;                      /* 0 means any that is free */
    const char *binds[LIMIT_LISTENERS]; /* addresses or names; none means both loopback addresses */
    unsigned bind_count;
    unsigned workers; /* 0 means one for each CPU that may be used */
    const char *user; /* who the workers become, USER or USER:GROUP as it was typed; NULL: see --user */
    enum verbosity verbosity;
};

#endif
