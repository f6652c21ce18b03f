/* A strict client: parses the server's bytes, and compares the responses with the requests and the files on disk. */
#pragma once

#include "lib/wire.h"

#include <stdbool.h>

/* Checks all bytes of the wire `used`. `cut`: the last response may be incomplete; `date`: the Date of each. */
void reader_check(const struct wire *used, bool cut, struct span date);
