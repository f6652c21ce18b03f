/* A question to a child process: what a library reads, maps and opens for the answer, such as the database of a name
   service (nsswitch.conf(5), nscd(8)), goes with the child. No worker inherits it. The child has no descriptor but the
   standard streams, and dies with the process that asks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Runs `find` in a child and copies the `size` bytes that it sets to `answer`, without pointers. Gives up after
   `ms` milliseconds without a byte, -1: never. Returns false, with errno if no process could be made, and else 0:
   the child died or was late. */
bool child_ask(void (*find)(const void *question, void *answer), const void *question, void *answer, size_t size,
               int ms);
