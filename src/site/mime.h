/* Media types: the table by extension first, libmagic for the rest, the charset by looking at the bytes. */
#ifndef TINYHTTPD_SITE_MIME_H
#define TINYHTTPD_SITE_MIME_H

#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

/* Opens libmagic's database for this process: $MAGIC, or the system's. False when it can't be read: binary
   files of unknown extension are then application/octet-stream. Called once, before the workers are forked. */
bool mime_open(void);

void mime_close(void);

/* Types that go before the table from now on: `count` of them, of LIMIT_MEDIA_TYPE bytes at most, which stay the caller's
   and must outlive their use. Of two for one extension the last counts. */
void mime_override(const struct type_override *types, unsigned count);

/* True where the extension of the path's last name has a type of its own, so that it is known what the file is. */
bool mime_knows(struct span path);

/*
 * The media type of the file `path` (its name decides by its extension, in any case), without parameters.
 * Where the extension is unknown or missing, the first bytes of `fd` decide: UTF-8 text is text/plain, and
 * of the rest libmagic says what it is. `fd` stays the caller's; its file offset may be reset to 0. The
 * result is a static string or is copied into `scratch` (MIME_MAX bytes with its NUL). Never fails: a
 * file of unknown type, or one that ended a worker in libmagic (site/examination), is "application/octet-stream".
 */
enum { MIME_MAX = LIMIT_MEDIA_TYPE + 1 };
const char *mime_of(const char *path, int fd, char scratch[MIME_MAX]);

/* True for the types that carry text, and so take "charset=utf-8" where their bytes are UTF-8. */
bool mime_is_text(const char *type);

#endif
