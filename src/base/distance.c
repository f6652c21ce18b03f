#include "base/distance.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The last rows of the matrix. Only cells at most `bound` from the diagonal can be at most `bound`. */
struct band {
    unsigned rows[3][DISTANCE_TEXT_MAX + 2];
    unsigned bound;
};

/* Returns the distance between the first `i` bytes of a and the first `j` of b. */
static unsigned next_distance(const struct band *band, struct span a, struct span b, size_t i, size_t j)
{
    const unsigned *above = band->rows[(i + 2) % 3], *two_above = band->rows[(i + 1) % 3];
    unsigned distance = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);
    distance = least(distance, least(above[j], band->rows[i % 3][j - 1]) + 1);
    if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
        distance = least(distance, two_above[j - 2] + 1);
    return distance;
}

/* Fills a row of the band, with a cell above the bound at each end. Returns the smallest cell. */
static unsigned fill_row(struct band *band, struct span a, struct span b, size_t i, size_t *work)
{
    unsigned *row = band->rows[i % 3];
    size_t first = i > band->bound ? i - band->bound : 1;
    size_t last = i + band->bound < b.length ? i + band->bound : b.length;
    unsigned smallest = row[first - 1] = first == 1 ? (unsigned)i : band->bound + 1;
    for (size_t j = first; j <= last; j++) {
        row[j] = next_distance(band, a, b, i, j);
        smallest = least(smallest, row[j]);
    }
    row[last + 1] = band->bound + 1;
    *work += last + 1 - first;
    return smallest;
}

/* Removes the common prefix and suffix, which do not change the distance. */
static void cut_common_ends(struct span *a, struct span *b, size_t *work)
{
    size_t before = a->length;
    while (a->length > 0 && b->length > 0 && a->at[0] == b->at[0]) {
        *a = (struct span){a->at + 1, a->length - 1};
        *b = (struct span){b->at + 1, b->length - 1};
    }
    while (a->length > 0 && b->length > 0 && a->at[a->length - 1] == b->at[b->length - 1]) {
        a->length--;
        b->length--;
    }
    *work += before - a->length;
}

unsigned distance_between(struct span a, struct span b, unsigned bound, size_t *work)
{
    size_t differ = a.length > b.length ? a.length - b.length : b.length - a.length;
    *work += 1;
    if (differ > bound || a.length > DISTANCE_TEXT_MAX || b.length > DISTANCE_TEXT_MAX)
        return bound + 1;
    struct band band = {.bound = bound};
    cut_common_ends(&a, &b, work);
    for (size_t j = 0; j <= b.length; j++)
        band.rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.length; i++) {
        if (fill_row(&band, a, b, i, work) > bound) /* later rows are not smaller */
            return bound + 1;
    }
    return least(band.rows[a.length % 3][b.length], bound + 1);
}
