/* What units share: what is written to a stream. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What was written, with a NUL after it. */
static char captured[65536];
static ssize_t captured_length;

struct capture {
    int stream;
    int saved;
    int pipe[2];
};

static inline struct capture capture_begin(int stream)
{
    struct capture capture = {.stream = stream, .saved = dup(stream)};
    assert_int_equal(pipe2(capture.pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(capture.saved >= 0);
    assert_true(dup2(capture.pipe[1], stream) >= 0);
    return capture;
}

/* Puts the stream back. One read takes all of it, unless it was more than one write to a pipe can be whole. */
static inline void capture_end(struct capture *capture)
{
    dup2(capture->saved, capture->stream);
    close(capture->saved);
    close(capture->pipe[1]);
    captured_length = read(capture->pipe[0], captured, sizeof captured - 1);
    captured[captured_length > 0 ? captured_length : 0] = '\0';
    close(capture->pipe[0]);
}

/* One line, whole, of printable ASCII, with its end and the given number in place. */
static inline void assert_one_line(const char *end)
{
    size_t length = (size_t)captured_length, end_length = strlen(end);
    assert_true(captured_length > 0 && length <= LIMIT_LOG_LINE);
    assert_ptr_equal(memchr(captured, '\n', length), captured + length - 1);
    for (size_t i = 0; i + 1 < length; i++)
        assert_in_range((unsigned char)captured[i], 0x20, 0x7E);
    assert_true(length > end_length);
    assert_memory_equal(captured + length - end_length, end, end_length);
}
