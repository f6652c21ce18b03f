/* What a person types: argv into settings. */
#ifndef TINYHTTPD_CLI_OPTIONS_H
#define TINYHTTPD_CLI_OPTIONS_H

#include "base/failure.h"
#include "base/settings.h"

enum options_result {
    OPTIONS_SERVE,   /* the settings are filled in */
    OPTIONS_HELP,    /* --help */
    OPTIONS_VERSION, /* --version */
    OPTIONS_BAD,     /* the failure says what was wrong */
};

/* Reads the command line. Strings in the settings borrow from `arguments`. Prints nothing and never exits. */
enum options_result options_read(int count, char *const *arguments, struct settings *settings,
                                 struct failure *failure);

/* Prints the help text to standard output. */
void options_print_help(void);

#endif
