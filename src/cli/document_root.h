/* Finds out whether the root is a directory or one file, and suggests another if it is neither. */
#pragma once

#include "base/failure.h"
#include "base/settings.h"

#include <stddef.h>

/* Checks the root. If the operand is a file, `file` becomes its name and `root` its directory, a string that is valid
   until the next call. Returns 0, or EX_NOINPUT with a suggestion if the root does not exist. Does not check
   permissions. */
int document_root_read(struct settings *settings, struct failure *failure);

/* Writes a hint if the root lacks an index that one of its directories has, or lacks the file of --spa. Returns false
   if there is no hint. */
bool document_root_hint(const struct settings *settings, char *hint, size_t size);
