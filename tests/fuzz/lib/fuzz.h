/* For the fuzz targets: checks that end the run, and inputs that a person can read and write. An input is text: a line
   or two with parameters if the target needs them, then the client's bytes. */
#pragma once

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target itself, which libFuzzer calls with one input after another. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Ends the run if the condition does not hold; libFuzzer then writes the input to a file. assert() is for the program's
   own assumptions. */
#define CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* Takes the first line from the input, and returns it without its LF. */
struct span fuzz_take_line(struct span *input);

/* The same up to the byte `end`, or to the end of the input. */
struct span fuzz_take_until(struct span *input, char end);

/* Takes the text from the beginning of `*rest`, which must begin with it. */
void fuzz_expect(struct span *rest, struct span text);

/* The text as a decimal number; `otherwise` if it is none. */
int64_t fuzz_number(struct span text, int64_t otherwise);

/* Copies the bytes to memory of exactly their size, so that ASan sees an access beyond it. The caller frees it. */
char *fuzz_copy(struct span bytes);

/* True if the text contains the piece. */
bool fuzz_holds(struct span text, struct span piece);

/* Reads "GET / HTTP/1.1" with a Host and `lines`, field lines that end with CRLF. Returns NULL where that is no whole
   request; else one that stands until the next call. */
const struct request *fuzz_request(struct span lines);
