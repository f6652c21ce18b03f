/* The next thing to type. */
#ifndef TINYHTTPD_CLI_SUGGEST_H
#define TINYHTTPD_CLI_SUGGEST_H

#include <stddef.h>

/*
 * The one of `count` words that `typed` was most likely meant to be, or NULL when none is near: at most a third of its
 * letters, and at least one, may be missing, wrong, too many or swapped.
 */
const char *suggest_nearest(const char *typed, const char *const *words, size_t count);

#endif
