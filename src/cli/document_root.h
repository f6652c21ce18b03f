/* What the root names on disk: a directory, one file, or what was meant. */
#ifndef TINYHTTPD_CLI_DOCUMENT_ROOT_H
#define TINYHTTPD_CLI_DOCUMENT_ROOT_H

#include "base/failure.h"
#include "base/settings.h"

#include <stddef.h>

/*
 * Looks at the root. An operand that is a file becomes `file` with the directory that holds it as the root, whose string
 * stands until the next call. Returns 0, or EX_NOINPUT with what to type where there is no such root; whether it can be
 * read is not asked.
 */
int document_root_read(struct settings *settings, struct failure *failure);

/* Writes a hint where the root lacks the index that a directory in it has, or the file of --spa; false where there is
   nothing to say. */
bool document_root_hint(const struct settings *settings, char *hint, size_t size);

#endif
