/* --check: the health check of a running server, for containers. */
#pragma once

#include "base/settings.h"

/* Requests the settings' URL, or the health path at their address, and waits at most CHECK_SECONDS. Prints the
   result as one line on standard error. Returns the exit status: 0 if the server answers 200, 64 for an invalid
   URL, else 1. */
int check_run(const struct settings *settings);

enum { CHECK_SECONDS = 2 };
