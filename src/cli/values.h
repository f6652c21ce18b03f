/* The values of options: text into settings. */
#ifndef TINYHTTPD_CLI_VALUES_H
#define TINYHTTPD_CLI_VALUES_H

#include "base/failure.h"
#include "base/settings.h"
#include "cli/table.h"

/* Memory for what is not as it was typed: a name without what follows it, a list in pieces. One process reads one
   command line. */
struct values_arena {
    size_t used;
    char text[16384];
};

/*
 * Takes the value of an option that serves, or NULL where it was given none. `named` is what the person called it,
 * such as "--port" or "TINYHTTPD_PORT". The strings of the settings borrow from `typed` or from the room. Returns 0, or
 * the failure's status, EX_USAGE.
 */
int values_apply(struct settings *settings, struct values_arena *arena, struct failure *failure,
                 const struct option_row *row, const char *named, const char *typed);

/* A copy of the octets with a NUL behind them, in the room; NULL where it is full. */
char *values_keep(struct values_arena *arena, const char *bytes, size_t length);

/* Takes a root, which cli/document_root looks at later. Returns 0, or EX_USAGE where it is empty or a second one. */
int values_set_root(struct settings *settings, struct failure *failure, const char *typed);

#endif
