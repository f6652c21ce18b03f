/* Suggestions for mistyped words. */
#pragma once

#include <stddef.h>

/* Returns the word nearest to `typed`, or NULL. Up to a third of the word's letters (at least one) may be missing,
   wrong, added or swapped. */
const char *suggest_nearest(const char *typed, const char *const *words, size_t count);
