#include "fuzz.h"

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
    abort();
}

struct span fuzz_take_line(struct span *input)
{
    size_t end = span_find(*input, '\n'), taken = end < input->length ? end + 1 : end;
    struct span line = {input->at, end};
    *input = (struct span){input->at + taken, input->length - taken};
    return line;
}

int64_t fuzz_number(struct span text, int64_t otherwise)
{
    uint64_t number;
    bool negative = text.length > 0 && text.at[0] == '-';
    struct span digits = {text.at + negative, text.length - negative};
    if (!span_to_number(digits, &number) || number > INT64_MAX)
        return otherwise;
    return negative ? -(int64_t)number : (int64_t)number;
}

char *fuzz_copy(struct span octets)
{
    char *copy = malloc(octets.length);
    CHECK(copy != NULL || octets.length == 0);
    if (octets.length > 0)
        memcpy(copy, octets.at, octets.length);
    return copy;
}

bool fuzz_holds(struct span text, struct span piece)
{
    return text.length >= piece.length && memmem(text.at, text.length, piece.at, piece.length) != NULL;
}

const struct request *fuzz_request(struct span lines)
{
    static struct request request;
    static char *copy;
    char room[LIMIT_HEAD];
    struct buffer head = BUFFER(room);
    buffer_string(&head, "GET / HTTP/1.1\r\nHost: a\r\n");
    buffer_append(&head, lines);
    buffer_string(&head, "\r\n");
    free(copy);
    copy = fuzz_copy(buffer_span(&head));
    request_init(&request);
    bool whole = !head.overflow && request_read_head(&request, copy, head.length) == REQUEST_WHOLE;
    return whole && request.parsed == head.length ? &request : NULL;
}
