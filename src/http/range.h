/* Byte ranges (RFC 9110 14.1.2, 14.2): a Range field into slices of a file. */
#ifndef TINYHTTPD_HTTP_RANGE_H
#define TINYHTTPD_HTTP_RANGE_H

#include "base/limits.h"
#include "base/text.h"

#include <stdint.h>

/* The octets from `offset` on, `length` of them. */
struct range {
    uint64_t offset;
    uint64_t length;
};

enum range_result {
    RANGE_WHOLE,         /* 200: there is no field to honour */
    RANGE_PARTIAL,       /* 206: one slice, or several in a multipart body */
    RANGE_UNSATISFIABLE, /* 416: the field asks for nothing that the file has */
};

/*
 * Reads the value of a Range field for a file of `size` octets. With RANGE_PARTIAL, `ranges`, which has room for
 * LIMIT_RANGES of them, holds `*count` slices: none empty, all inside the file, no two of them overlapping or
 * adjacent, so that their sum is never more than `size`; in the order in which the client named them (15.3.7.2). With
 * any other result `*count` is 0. An empty field, or one that is malformed, of another unit than bytes, or of more
 * than LIMIT_RANGES members, gives RANGE_WHOLE, as a server may ignore it (14.2).
 *
 * In an empty file no position can be satisfied, but a suffix can (14.1.2): `bytes=0-` is unsatisfiable there, and
 * `bytes=-1` gives RANGE_WHOLE, as no Content-Range can name a slice of no octets (14.4).
 */
enum range_result range_parse(struct span field, uint64_t size, struct range *ranges, unsigned *count);

#endif
