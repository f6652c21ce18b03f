/* `tinyhttpd DIR -- COMMAND`: serves while a command runs. This process starts the server as one child and the command
   as another, so that the server is the same as without a command. */
#pragma once

enum {
    /* Exit statuses of a command that does not run, as a shell has them (POSIX.1 XCU 2.8.2). */
    COMMAND_NOT_EXECUTABLE = 126,
    COMMAND_NOT_FOUND = 127,
    COMMAND_SIGNALLED = 128, /* plus the signal's number */
    COMMAND_URL_MAX = 4096,
};

/*
 * Forks, and returns in the child, which goes on to serve and calls command_tell() with `*ready`. It is in a process
 * group of its own, as Ctrl-C is for the command; its standard output is standard error, as standard output is the
 * command's; and it gets SIGTERM when its parent ends. Returns 0, or errno of pipe2(2) or fork(2).
 *
 * The parent waits for that call, runs the command (an argv) with TINYHTTPD_URL, stops the server when it ends, and
 * exits with its status; with the server's if that is the only failure. It passes signals on to the command, and kills
 * one that goes on LIMIT_DRAIN_S after SIGTERM or SIGHUP, or at a second one.
 */
int command_begin(char *const *command, int *ready);

/* Lets the command start, with this address without a slash at its end, "" for none. Closes `ready`. */
void command_tell(int ready, const char *url);
