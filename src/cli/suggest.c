#include "cli/suggest.h"

#include "base/distance.h"

#include <string.h>

enum { WORD_MAX = 32 }; /* longer words are pasted, not mistyped */

const char *suggest_nearest(const char *typed, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    unsigned least_distance = 0;
    size_t work = 0;
    if (strlen(typed) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        if (length > WORD_MAX)
            continue;
        unsigned allowed = length < 6 ? 1 : (unsigned)length / 3;
        unsigned changes = distance_between(span_of(typed), span_of(words[i]), allowed, &work);
        if (changes <= allowed && changes < length && (nearest == NULL || changes < least_distance)) {
            nearest = words[i];
            least_distance = changes;
        }
    }
    return nearest;
}
