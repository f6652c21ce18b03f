/* Texts that are equal but for their Unicode form (Unicode Standard, section 3.11): composed letters (NFC), as most
   systems write them, or letters with separate marks (NFD), as macOS does. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* The work that a part of a letter counts as. */
enum { UNICODE_WORK = 6 };

/* True if the texts are canonically equivalent, for Latin, Greek, Cyrillic, kana and Hangul; other letters equal
   themselves only. Never true for texts that are not equivalent. Adds to `*work` UNICODE_WORK for each compared part,
   and an eighth of the length of `b`. */
bool unicode_is_equivalent(struct span a, struct span b, size_t *work);

/* True if the text has no composed letter, as in NFD. */
bool unicode_is_decomposed(struct span text);
