/* Header fields that a person can't set, by --header or _headers. */
#pragma once

#include "base/text.h"

/* What to do instead of setting the field, which frames a message or is computed by the server: a second one would
   contradict the first. NULL for any other field. */
const char *reserved_field_advice(struct span name);
