/* The monotonic clock (clock_gettime(2)), and its times. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static inline int64_t now_ms(void)
{
    return now_us() / 1000;
}

static inline int64_t earlier_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline struct timespec timespec_of(int64_t milliseconds)
{
    return (struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000};
}
