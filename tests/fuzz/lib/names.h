/* A directory below $TMPDIR for the names of an input, which have any bytes. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { NAMES_MAX = 32 };

struct names {
    size_t count;
    struct span at[NAMES_MAX];
};

/* Makes the directory, which is removed when the program exits. Returns its descriptor. */
int names_open(void);

/* True for a directory's name, which begins with "d". */
bool names_is_directory(struct span name);

/* Makes an empty file or directory of each name; slashes separate them. Skips names that the file system refuses or has
   already, and unless `hidden` those that a listing leaves out: the rules files and what begins with a dot. */
struct names names_make(int directory, struct span parted, bool hidden);

void names_remove(int directory, const struct names *names);
