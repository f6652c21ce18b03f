/* Byte ranges (RFC 9110 14.1.2, 14.2): converts a Range field into slices of a file. */
#pragma once

#include "base/limits.h"
#include "base/text.h"

#include <stdint.h>

/* `length` bytes from `offset` on. */
struct range {
    uint64_t offset;
    uint64_t length;
};

enum range_result {
    RANGE_WHOLE,         /* 200: no field, or one to ignore */
    RANGE_PARTIAL,       /* 206: one slice, or several in a multipart body */
    RANGE_UNSATISFIABLE, /* 416: the file has none of the requested bytes */
};

/*
 * Parses a Range field for a file of `size` bytes. With RANGE_PARTIAL, `ranges` (room for LIMIT_RANGES) holds `*count`
 * slices in the order of the request (15.3.7.2): none is empty, all are inside the file, no two overlap or touch, so
 * that their sum is at most `size`. With any other result `*count` is 0. A field that is empty, malformed, in a unit
 * other than bytes, or of more than LIMIT_RANGES members gives RANGE_WHOLE, as a server may ignore it (14.2).
 *
 * In an empty file a position is unsatisfiable, but a suffix is not (14.1.2): `bytes=-1` gives RANGE_WHOLE, as no
 * Content-Range can describe a slice of 0 bytes (14.4).
 */
/*@ requires readable(field) && \valid(ranges + (0 .. LIMIT_RANGES - 1)) && \valid(count);
    requires \separated(ranges + (0 .. LIMIT_RANGES - 1), count);
    assigns ranges[0 .. LIMIT_RANGES - 1], *count;
    ensures *count <= LIMIT_RANGES; */
enum range_result range_parse(struct span field, uint64_t size, struct range *ranges, unsigned *count);
