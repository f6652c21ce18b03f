/* TINYHTTPD_<NAME> for each option --name, and PORT. */
#pragma once

#include "base/failure.h"
#include "base/settings.h"
#include "cli/table.h"
#include "cli/values.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads variables into the settings. Ignores those whose option is on the command line: `given` has a flag for each row
   of the table. Strings in the settings point into the environment and `arena`. Returns 0, or EX_USAGE with the name of
   an empty or invalid variable. */
int environment_read(struct settings *settings, struct values_arena *arena, const bool given[static TABLE_MAX],
                     struct failure *failure);

/* Writes a hint if a variable's name looks like a misspelt option. Returns false if there is none. */
bool environment_hint(char *hint, size_t size);
