/* The bytes that a connection has received and not answered yet: an incomplete request, or pipelined requests. An idle
   connection has none. */
#pragma once

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

struct input {
    struct request request; /* being read from `bytes` */
    size_t start;           /* the offset of its head */
    size_t length;          /* of all bytes received */
    size_t room;            /* for bytes */
    char bytes[];
};

/* Copies bytes, and the incomplete request that was read from them; NULL: none was begun. The caller frees the input
   with input_drop. NULL if memory is short. */
struct input *input_new(struct span bytes, const struct request *request);

/* True if the request has used all bytes, so more must be received. */
bool input_is_read(const struct input *input);

/* True if no byte of a request has arrived, only empty lines before it, or half of one (RFC 9112 2.2). */
bool input_is_blank(const struct input *input);

/* Returns room for `*size` more bytes of the head; may move the input. NULL if memory is short; the input is unchanged
   then. */
char *input_room(struct input **input, size_t *size);

/* Adds `length` bytes that were received into the room. */
void input_add(struct input *input, size_t length);

/* Continues to read the head. Returns the bytes that the request has not used. */
struct span input_read_head(struct input *input);

/* Call it when a request is answered: keeps `rest`, the bytes after it, for the next request, in this input or a new
   one. Frees the input and sets `*input` to NULL if there are none. False if memory is short. */
bool input_hold_back(struct input **input, struct span rest);

/* Frees the input, if there is one, and sets `*input` to NULL. */
void input_drop(struct input **input);
