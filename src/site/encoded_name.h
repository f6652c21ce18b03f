/* Names of files that are encoded themselves (RFC 9110 8.4): .svgz, and those of --encoded. */
#pragma once

#include "base/settings.h"
#include "base/text.h"

/* Sets the names of --encoded. The longest name that fits a file wins, the last of two equal ones. Borrows them. */
void encoded_name_set(const struct encoded_name *names, unsigned count);

/* The content coding of a file with this path, "gzip", "br" or "zstd"; NULL for a file that is not encoded. */
const char *encoded_name_coding(struct span path);

/* The path whose name gives an encoded file its media type: "app.js" for "app.js.gz", "tile.pbf" for itself. */
struct span encoded_name_decoded(struct span path);
