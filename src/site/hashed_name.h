/* File names with a hash of the content: the content behind such a name never changes, so it may be cached for ever. */
#pragma once

#include "base/text.h"

#include <stdbool.h>

/* True if the path shows for certain that its file never changes: code or a font with a hash of at least 16 hexadecimal
   digits in its name (webpack, Next, Rails, Hugo), or a file in a directory that a framework reserves for such files.
   The 8 characters of vite, rollup, esbuild and parcel are no proof: "iPadPro2", "CHAPTER2" and "facade01" are names as
   well, and a file that changes after all is stale for a year. Their directory is given with --cache
   PREFIX=immutable. */
bool hashed_name_matches(struct span path);
