/* TINYHTTPD_<NAME> for each option --name, and PORT. */
#ifndef TINYHTTPD_CLI_ENVIRONMENT_H
#define TINYHTTPD_CLI_ENVIRONMENT_H

#include "base/failure.h"
#include "base/settings.h"
#include "cli/table.h"
#include "cli/values.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads what the command line leaves open into the settings, whose strings borrow from the environment and from `kept`.
 * `given` says of each row of the table whether the command line has it: such a variable is not so much as looked at.
 * Returns 0, or EX_USAGE with the name of a variable that is empty or holds nonsense.
 */
int environment_read(struct settings *settings, struct values_arena *arena,
                     const bool given[static TABLE_MAX], struct failure *failure);

/* Writes a hint where a variable's name is nearly, but not quite, that of an option; false where there is none. */
bool environment_hint(char *hint, size_t size);

#endif
