/* A small site on disk, made once, beside a file that no answer may show. */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_SITE_H
#define TINYHTTPD_TESTS_FUZZ_LIB_SITE_H

#include "base/text.h"

/* What the files outside the root hold, and a hidden one. No request can bring it into a Location or a log: it has
   control bytes. */
#define SITE_SECRET "\001outside\002"

/* A file that may be served, by the path that stands in a request. */
struct site_file {
    const char *path;
    struct span content;
};

/* Makes the site below $TMPDIR, to be removed when the program ends. Returns a descriptor of its root. */
int site_open(void);

/* The file at the path of a request, or NULL. */
const struct site_file *site_find(struct span path);

/* The files one after the other; NULL at the end. */
const struct site_file *site_file(unsigned number);

#endif
