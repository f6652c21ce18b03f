/* What a person types: argv and the environment into settings. */
#ifndef TINYHTTPD_CLI_OPTIONS_H
#define TINYHTTPD_CLI_OPTIONS_H

#include "base/failure.h"
#include "base/settings.h"

enum options_result {
    OPTIONS_SERVE,   /* the settings are filled in */
    OPTIONS_CHECK,   /* --check: so they are, and say where the server listens */
    OPTIONS_HELP,    /* --help */
    OPTIONS_VERSION, /* --version */
    OPTIONS_BAD,     /* the failure says what was wrong */
};

/*
 * Reads the command line, and TINYHTTPD_* and PORT in the environment for what it leaves open. Strings in the settings
 * borrow from both, and from memory that stands until the next call. Where the root is an operand, the settings' `file`
 * names it as well: cli/document_root finds out which of the two it is. Prints nothing and never exits.
 */
enum options_result options_read(int count, char *const *arguments, struct settings *settings,
                                 struct failure *failure);

/* Prints the help text to standard output. */
void options_print_help(void);

#endif
