/* Parses the values of options into settings. */
#pragma once

#include "base/failure.h"
#include "base/settings.h"
#include "cli/table.h"

/* Memory for strings that differ from the typed text: the members of a list, the extension of --mime. One is enough: a
   process reads one command line. */
struct values_arena {
    size_t used;
    char text[16384];
};

/* Parses the value of an option, or NULL if it has none. Messages call the option `named`, such as "--port" or
   "TINYHTTPD_PORT". Strings in the settings point into `typed` or the arena. Returns 0, or EX_USAGE as the failure's
   status. */
int values_apply(struct settings *settings, struct values_arena *arena, struct failure *failure,
                 const struct option_row *row, const char *named, const char *typed);

/* Returns a NUL-terminated copy of the bytes in the arena, or NULL if it is full. */
char *values_keep(struct values_arena *arena, const char *bytes, size_t length);

/* True for a number that may be meant as a port. */
bool values_is_port(const char *typed);

/* Sets the root, which document_root_read() checks later. Returns 0, or EX_USAGE if it is empty or a second one. */
int values_set_root(struct settings *settings, struct failure *failure, const char *typed);
