/* Requests by the grammar of RFC 9112, rule for rule, with no code of src/http: slow and plain. */
#pragma once

#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum match {
    FITS,
    PARTIAL, /* the bytes end first; what there is fits */
    BROKEN,
};

/* Sets of the statuses with which a request is refused. */
enum {
    BIT_400 = 1,
    BIT_413 = 2,
    BIT_414 = 4,
    BIT_431 = 8,
    BIT_501 = 16,
    BIT_505 = 32,
};

struct grammar_line {
    struct span name, value;
    bool tab_behind; /* a tab is in the OWS after the value */
};

struct grammar {
    enum match match; /* of the request */
    unsigned faults;  /* not empty: it must be refused, with one of these */
    unsigned choices; /* it may also be refused with one of these, where the RFC leaves a choice */
    bool head_whole;
    size_t used; /* up to the request's end */
    struct span method, target, first_line;
    unsigned minor_version;
    bool keep_alive, expects_continue;
    unsigned count; /* of the lines */
    struct grammar_line lines[LIMIT_FIELDS];
};

/* Reads a request from the beginning of the bytes. */
void grammar_read(struct grammar *grammar, struct span bytes);

/* The bit of a status, 0 if no request is refused with it. */
unsigned grammar_bit(int status);

/* The name of a field that the server keeps. */
struct span grammar_field_name(enum request_field field);
