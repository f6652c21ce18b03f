/* A strict reader of Prometheus's text format, version 0.0.4. */
#pragma once

#include "base/text.h"

#include <stdbool.h>

enum { EXPOSED_MAX = 64 };

struct exposed_sample {
    struct span name; /* with its labels */
    double value;
};

struct exposed {
    unsigned count;
    struct exposed_sample samples[EXPOSED_MAX];
};

/* Parses the whole text, and checks that each family is one group, and each sample occurs once. */
void exposed_read(struct span text, struct exposed *exposed);

bool exposed_begins(struct span text, struct span beginning);
