/* Errors of the file system: the status of each, and log lines for those that an administrator must fix. */
#pragma once

#include "base/text.h"

#include <stdbool.h>

/* True for errors of open and stat after which the path is 404. Others, such as EIO, ESTALE and ETIMEDOUT, don't tell
   whether there is a file (RFC 9110 15.6.1). */
bool file_error_is_404(int error);

/* Logs `error` with the path; a shortage of descriptors or memory only once in LIMIT_SHORTAGE_MS. */
void file_error_log(int error, struct span path);

/* Returns the status for an error of opening or stat: 404, 503 when descriptors or memory are short, or 500. Logs
   errors that become 500 or 503. */
int file_error_status(int error, struct span path);

/* Returns the status for an error of an open file: 503 when descriptors or memory are short, or 500. Logs it. */
int file_error_status_of_open(int error, struct span path);
