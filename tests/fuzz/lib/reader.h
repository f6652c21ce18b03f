/* A strict client: parses the server's bytes, and compares the responses with the requests and the files on disk. */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_READER_H
#define TINYHTTPD_TESTS_FUZZ_LIB_READER_H

#include "lib/wire.h"

#include <stdbool.h>

/* Checks all bytes of the wire `used`. `cut`: the last response may be incomplete; `date`: the Date of each. */
void reader_check(const struct wire *used, bool cut, struct span date);

#endif
