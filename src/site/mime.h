/* Media types: by extension from a table, else from the content by libmagic. */
#pragma once

#include "base/buffer.h"
#include "base/settings.h"
#include "base/text.h"

#include <stdbool.h>

/* Opens libmagic's database: $MAGIC, or the system's. Call once, before the workers are forked. False if it can't be
   read: binary files of unknown extension are then application/octet-stream. */
bool mime_open(void);

void mime_close(void);

/* Sets the types of --mime, each of at most LIMIT_MEDIA_TYPE bytes, which override the table. The longest name that
   fits a file wins, the last of two equal ones. Borrows them. */
void mime_override(const struct type_override *types, unsigned count);

/* True if the table has the path's extension, or an override its name. */
bool mime_knows(struct span path);

/* Returns the media type of the file `path`, open at `fd`, without parameters. The name decides, in any case of
   letters. If it is unknown, the content does: HTML in a file without any extension, text/plain for UTF-8,
   application/zip, or what libmagic guesses. An unknown file, or one that crashed a worker in libmagic
   (site/magic_guard), is application/octet-stream. The result is a static string or in `scratch`. The file offset may
   be reset to 0. */
enum { MIME_MAX = LIMIT_MEDIA_TYPE + 1 };
const char *mime_of(const char *path, int fd, char scratch[MIME_MAX]);

/* The type that the name alone gives; application/octet-stream if it gives none. */
const char *mime_of_name(struct span path);

/* Appends why mime_of gives the file its type. `start` is the beginning of its content, LIMIT_MIME_PROBE bytes at
   most. */
void mime_append_reason(struct buffer *why, struct span path, struct span start);

/* True for types that take "charset=utf-8" if the content is UTF-8. */
bool mime_is_text(const char *type);

/* True if an HTML page or a style sheet that begins with `start` names its charset itself. */
bool mime_declares_charset(const char *type, struct span start);
