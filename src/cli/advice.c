#include "cli/advice.h"

#include <string.h>

enum { WORD_MAX = 32 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* The optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a_length; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= b_length; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[a_length][b_length];
}

const char *advice_nearest(const char *typed, const char *const *words, size_t count)
{
    size_t typed_length = strlen(typed);
    const char *nearest = NULL;
    size_t least_distance = 0;
    if (typed_length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        if (length > WORD_MAX)
            continue;
        size_t changes = distance(typed, typed_length, words[i], length);
        size_t allowed = length < 6 ? 1 : length / 3;
        if (changes <= allowed && changes < length && (nearest == NULL || changes < least_distance)) {
            nearest = words[i];
            least_distance = changes;
        }
    }
    return nearest;
}
