/* Reads what the server has sent as a strict client does, and holds it against what was asked and what is on disk. */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_READER_H
#define TINYHTTPD_TESTS_FUZZ_LIB_READER_H

#include "lib/wire.h"

#include <stdbool.h>

/* Checks all that went over the wire `used`. `cut` says that the last response may lack its end; `date` is the one each has. */
void reader_check(const struct wire *used, bool cut, struct span date);

#endif
