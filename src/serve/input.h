/*
 * What a connection has received and not answered yet, in memory of its own: a request in part, or requests that wait
 * for their turn. A connection that waits for a request has none.
 */
#ifndef TINYHTTPD_SERVE_INPUT_H
#define TINYHTTPD_SERVE_INPUT_H

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

struct input {
    struct request request; /* being read from the bytes */
    size_t start;           /* where its head begins in them */
    size_t length;          /* bytes in all */
    size_t room;
    char bytes[];
};

/* Copies bytes, and the request as far as it was read from them (NULL where none was begun). To be given back with
   input_drop. Returns NULL when memory is short. */
struct input *input_new(struct span bytes, const struct request *request);

/* True where the request has read all of the bytes, so that more must be received. */
bool input_is_read(const struct input *input);

/* True where no byte of a request has come, but empty lines before it or half of one (RFC 9112 2.2). */
bool input_is_blank(const struct input *input);

/* Where to receive more of the head, `*size` bytes, which may move the input. NULL when memory is short; the input is
   then as it was. */
char *input_room(struct input **input, size_t *size);

/* Says that `length` bytes were received there. */
void input_add(struct input *input, size_t length);

/* Reads on in the head. Returns what is left after the request, in the state that it is in now. */
struct span input_read_head(struct input *input);

/* After a request is answered: keeps `rest`, what followed it, in this input or elsewhere, for the next one, and drops
   what it can. `*input` is NULL where nothing is kept. False when memory is short. */
bool input_hold_back(struct input **input, struct span rest);

/* Gives back the memory, if there is any; `*input` is NULL after it. */
void input_drop(struct input **input);

#endif
