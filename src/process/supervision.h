/* The master's loop: starts the workers, replaces those that die, follows the root, reloads the program, and stops
   all. */
#pragma once

#include "process/master.h"

/* Serves until SIGTERM, SIGINT or SIGQUIT, or until the terminal in which the server was started is gone. Any other
   SIGHUP, unless it was ignored at the start, replaces this program with the file at its path, with the same sockets
   and `command`, its argv. SIGUSR1 reopens the logs. Call it after master_open(). Returns the exit status. */
int supervision_run(struct master *master, char *const *command);
