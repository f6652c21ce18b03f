/* Reads argv and the environment into settings. */
#pragma once

#include "base/failure.h"
#include "base/settings.h"

enum options_result {
    OPTIONS_SERVE,   /* the settings are filled in */
    OPTIONS_CHECK,   /* --check: the settings are filled in, and name the server to check */
    OPTIONS_HELP,    /* --help */
    OPTIONS_VERSION, /* --version */
    OPTIONS_BAD,     /* the failure has the message */
};

/* Reads the command line, then TINYHTTPD_* and PORT in the environment for options that it lacks. Strings in the
   settings point into both, and into memory that is valid until the next call. A root that is an operand is also stored
   as `file`: cli/document_root finds out which of the two it is. Prints nothing and never exits. */
enum options_result options_read(int count, char *const *arguments, struct settings *settings, struct failure *failure);

/* Prints the help text to standard output. */
void options_print_help(void);
