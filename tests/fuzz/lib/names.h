/* A directory below $TMPDIR for names of any bytes, which an input brings along. */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_NAMES_H
#define TINYHTTPD_TESTS_FUZZ_LIB_NAMES_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { NAMES_MAX = 32 };

struct names {
    size_t count;
    struct span at[NAMES_MAX];
};

/* Makes the directory, to be removed when the program ends. Returns its descriptor. */
int names_open(void);

/* True for the name of a directory: one that begins with "d". */
bool names_is_directory(struct span name);

/* Makes an empty file or directory of each name: they are parted by slashes, the one byte besides NUL that no name has. What
   the file system can't have, or has already, is left out, and so is what begins with a dot unless `hidden`. */
struct names names_make(int directory, struct span parted, bool hidden);

void names_remove(int directory, const struct names *names);

#endif
