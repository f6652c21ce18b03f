/* --check: asks a running server whether it is well, for the health checks of containers. */
#ifndef TINYHTTPD_CLI_CHECK_H
#define TINYHTTPD_CLI_CHECK_H

#include "base/settings.h"

/* Asks the settings' URL, or the health path where they listen, waiting CHECK_SECONDS at most. Prints one line on
   standard error with what came of it. Returns the exit status: 0 for an answer of 200, 1 for everything else, 64 for a
   URL that is none. */
int check_run(const struct settings *settings);

enum { CHECK_SECONDS = 2 };

#endif
