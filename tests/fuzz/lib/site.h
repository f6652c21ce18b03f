/* A small site on disk, made once, beside a file that no response may contain. */
#pragma once

#include "base/text.h"

/* The content of the files outside the root and of a hidden one. It has control bytes, so no request can bring it
   into a Location or the log. */
#define SITE_SECRET "\001outside\002"

/* A file that may be served, by the path in a request. */
struct site_file {
    const char *path;
    struct span content;
};

/* Makes the site below $TMPDIR, which is removed when the program exits. Returns a descriptor of its root. */
int site_open(void);

/* The file at the path of a request, or NULL. */
const struct site_file *site_find(struct span path);

/* The files by index; NULL after the last. */
const struct site_file *site_file(unsigned number);
