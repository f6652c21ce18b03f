/* Media types: by extension from a table, else from the content by libmagic. */
#ifndef TINYHTTPD_SITE_MIME_H
#define TINYHTTPD_SITE_MIME_H

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

/* Opens libmagic's database: $MAGIC, or the system's. Call once, before the workers are forked. False if it can't be
   read: binary files of unknown extension are then application/octet-stream. */
bool mime_open(void);

void mime_close(void);

/* Sets the types of --type, each of at most LIMIT_MEDIA_TYPE bytes, which override the table. The last of two for one
   extension wins. Borrows them. */
void mime_override(const struct type_override *types, unsigned count);

/* True if the table or an override has the path's extension. */
bool mime_knows(struct span path);

/*
 * Returns the media type of the file `path`, open at `fd`, without parameters. The extension decides, in any case of
 * letters. If it is unknown or missing, the content does: UTF-8 is text/plain, and libmagic guesses the rest. An
 * unknown file, or one that crashed a worker in libmagic (site/magic_guard), is application/octet-stream. The result is
 * a static string or in `scratch`. The file offset may be reset to 0.
 */
enum { MIME_MAX = LIMIT_MEDIA_TYPE + 1 };
const char *mime_of(const char *path, int fd, char scratch[MIME_MAX]);

/* True for types that take "charset=utf-8" if the content is UTF-8. */
bool mime_is_text(const char *type);

#endif
