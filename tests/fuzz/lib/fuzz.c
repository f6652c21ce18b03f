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

struct span fuzz_take_until(struct span *input, char end)
{
    size_t length = span_find(*input, end), taken = length < input->length ? length + 1 : length;
    struct span found = {input->at, length};
    *input = (struct span){input->at + taken, input->length - taken};
    return found;
}

struct span fuzz_take_line(struct span *input)
{
    return fuzz_take_until(input, '\n');
}

void fuzz_expect(struct span *rest, struct span text)
{
    CHECK(rest->length >= text.length && memcmp(rest->at, text.at, text.length) == 0);
    *rest = (struct span){rest->at + text.length, rest->length - text.length};
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

char *fuzz_copy(struct span bytes)
{
    char *copy = malloc(bytes.length);
    CHECK(copy != NULL || bytes.length == 0);
    if (bytes.length > 0)
        memcpy(copy, bytes.at, bytes.length);
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
