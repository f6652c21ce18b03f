/*
 * A process that copies what comes through a pipe to a stream whose writes may block: a terminal, or a pipe that can't
 * be opened anew. So the processes that serve write to the pipe alone, and never wait for the stream's reader.
 */
#ifndef TINYHTTPD_BASE_LOG_WRITER_H
#define TINYHTTPD_BASE_LOG_WRITER_H

#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

struct log_writer {
    pid_t pid;       /* 0 while there is none */
    int stream;      /* the descriptor that it copies to, standard output or standard error */
    int from;        /* the pipe's end that it reads, kept for the next one where it is killed */
    int into;        /* the pipe's end to write to, which never blocks */
    unsigned starts; /* how many there were */
    /* Called in the writer's process at its end, with the lines that it could not write and the last error. */
    void (*tell_lost)(unsigned long lines, int error);
};

/* Makes the pipe and starts the process; `stream` and `tell_lost` are set. False with errno where that fails. */
bool log_writer_open(struct log_writer *writer);

/* True where the child that ended was this writer. Another takes its place and goes on with what is in the pipe, up to
   LIMIT_LOG_WRITERS times. */
bool log_writer_replace(struct log_writer *writer, pid_t ended);

/* Closes the pipe and lets the writer end: it has LIMIT_LOG_LAST_MS for what it has not written yet. */
void log_writer_finish(struct log_writer *writer);

/* Waits until a writer that was told to finish has ended, and kills one that exceeds its time. */
void log_writer_wait(struct log_writer *writer);

/* The whole lines at the beginning that one write takes, LIMIT_LOG_LINE bytes at most; where no line ends within
   these, all of them. */
struct span log_first_lines(struct span text);

/* How many lines end in the text. */
unsigned log_count_lines(struct span text);

#endif
