/* The files of --access-log and --error-log. */
#pragma once

#include "base/failure.h"

/* Opens the file `name`, the value of `option`, to append to it; creates it with mode 0640 and the umask. Does not wait
   for the reader of a FIFO (fifo(7)). Returns a descriptor, or -1 with the failure, EX_CANTCREAT. */
int log_file_open(const char *option, const char *name, struct failure *failure);
