#include "serve/input.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

struct input *input_new(struct span bytes, const struct request *request)
{
    struct input *input = malloc(sizeof *input + bytes.length);
    if (input == NULL)
        return NULL;
    input->start = 0;
    input->length = input->room = bytes.length;
    memcpy(input->bytes, bytes.at, bytes.length);
    if (request != NULL)
        input->request = *request;
    else
        request_init(&input->request);
    request_move(&input->request, input->bytes);
    return input;
}

bool input_is_read(const struct input *input)
{
    return input->start + input->request.parsed == input->length;
}

bool input_is_blank(const struct input *input)
{
    struct span bytes = {input->bytes + input->start, input->length - input->start};
    bytes = request_skip_empty_lines(bytes);
    return bytes.length == 0 || (bytes.length == 1 && bytes.at[0] == '\r');
}

/* Overwrites the bytes of answered requests. */
static void move_to_front(struct input *input)
{
    input->length -= input->start;
    memmove(input->bytes, input->bytes + input->start, input->length);
    input->start = 0;
}

char *input_room(struct input **input, size_t *size)
{
    struct input *roomy = *input;
    if (roomy->start > 0)
        move_to_front(roomy);
    if (roomy->room - roomy->length <= roomy->room / 4) {
        size_t room = 2 * roomy->room + LIMIT_INPUT_ROOM;
        roomy = realloc(roomy, sizeof *roomy + room);
        if (roomy == NULL)
            return NULL;
        roomy->room = room;
        *input = roomy;
    }
    request_move(&roomy->request, roomy->bytes);
    *size = roomy->room - roomy->length;
    return roomy->bytes + roomy->length;
}

void input_add(struct input *input, size_t length)
{
    input->length += length;
}

struct span input_read_head(struct input *input)
{
    struct request *request = &input->request;
    (void)request_read_head(request, input->bytes + input->start, input->length - input->start);
    size_t end = input->start + request->parsed;
    return (struct span){input->bytes + end, input->length - end};
}

static bool is_inside(const struct input *input, struct span bytes)
{
    return bytes.at >= input->bytes && bytes.at < input->bytes + input->length;
}

bool input_hold_back(struct input **input, struct span rest)
{
    rest = request_skip_empty_lines(rest);
    if (rest.length == 0) {
        input_drop(input);
        return true;
    }
    if (*input != NULL && is_inside(*input, rest)) {
        (*input)->start = (size_t)(rest.at - (*input)->bytes);
        request_init(&(*input)->request);
        return true;
    }
    struct input *kept = input_new(rest, NULL);
    if (kept == NULL)
        return false;
    input_drop(input);
    *input = kept;
    return true;
}

void input_drop(struct input **input)
{
    free(*input);
    *input = NULL;
}
