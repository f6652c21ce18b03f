#include "base/distance.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The distance of the first `i` octets of a from the first `j` of b, by those of shorter beginnings. */
static unsigned next_distance(struct span a, struct span b, size_t i, size_t j,
                              unsigned rows[3][DISTANCE_TEXT_MAX + 1])
{
    const unsigned *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    unsigned distance = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);
    distance = least(distance, least(above[j], rows[i % 3][j - 1]) + 1);
    if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
        distance = least(distance, two_above[j - 2] + 1);
    return distance;
}

unsigned distance_between(struct span a, struct span b, unsigned bound)
{
    unsigned rows[3][DISTANCE_TEXT_MAX + 1] = {0};
    size_t differ = a.length > b.length ? a.length - b.length : b.length - a.length;
    if (differ > bound || a.length > DISTANCE_TEXT_MAX || b.length > DISTANCE_TEXT_MAX)
        return bound + 1;
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.length; i++) {
        unsigned smallest = rows[i % 3][0] = (unsigned)i;
        for (size_t j = 1; j <= b.length; j++) {
            rows[i % 3][j] = next_distance(a, b, i, j, rows);
            smallest = least(smallest, rows[i % 3][j]);
        }
        if (smallest > bound) /* it never gets smaller again */
            return bound + 1;
    }
    return least(rows[a.length % 3][b.length], bound + 1);
}
