/*
 * What the fuzz targets share: checks that end the run, and inputs that a person can read and write. An input is text: a
 * line or two that set the scene where the target needs one, then the bytes that a client sent.
 */
#ifndef TINYHTTPD_TESTS_FUZZ_LIB_FUZZ_H
#define TINYHTTPD_TESTS_FUZZ_LIB_FUZZ_H

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target itself, which libFuzzer calls with one input after another. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Ends the run where the condition does not hold: libFuzzer then writes the input to a file. Not assert(), which means
   the program's own assumptions. */
#define CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* Takes the first line off the input, and returns it without its LF. */
struct span fuzz_take_line(struct span *input);

/* The same up to the byte `end`, or to the end of the input. */
struct span fuzz_take_until(struct span *input, char end);

/* Takes the text off the beginning of `*rest`, which must be there. */
void fuzz_expect(struct span *rest, struct span text);

/* The decimal number that the text is, or `otherwise`. */
int64_t fuzz_number(struct span text, int64_t otherwise);

/* The bytes in memory of exactly their size, so that ASan sees a step beyond them. The caller frees it. */
char *fuzz_copy(struct span bytes);

/* True where the text holds the piece. */
bool fuzz_holds(struct span text, struct span piece);

/*
 * Reads "GET / HTTP/1.1" with a Host and `lines`, field lines that end with CRLF. Returns NULL where that is no whole
 * request; else one that stands until the next call.
 */
const struct request *fuzz_request(struct span lines);

#endif
