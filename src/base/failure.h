/* An error as a value: a message for the terminal, and an exit status. */
#pragma once

struct failure {
    int status; /* of sysexits.h; 0: no failure */
    char message[512];
};

/* Sets the failure and returns its status, so that a caller can `return fail(...)`. */
int fail(struct failure *failure, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
