/* A log writer: a process that copies lines from a pipe to a stream that may block. The workers write to the pipe and
   never wait for the stream's reader. */
#ifndef TINYHTTPD_BASE_LOG_WRITER_H
#define TINYHTTPD_BASE_LOG_WRITER_H

#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

struct log_writer {
    pid_t pid;       /* 0 while there is none */
    int stream;      /* STDOUT_FILENO or STDERR_FILENO */
    int from;        /* the pipe's reading end, kept for a replacement */
    int into;        /* the pipe's writing end, O_NONBLOCK */
    unsigned starts; /* number of processes started */
    int reports;     /* the stream that the report of lost lines goes to; `stream` if both lead to one file */
    /* Returns the report of so many lines, the last of them lost with this errno. It is written after the next line that
       can be written, and before the log writer exits. */
    struct span (*describe_lost)(char room[LIMIT_LOG_LINE], unsigned long lines, int error);
};

/* Makes the pipe and starts the process; the caller has set `stream`, `reports` and `describe_lost`. False with errno on failure. */
bool log_writer_open(struct log_writer *writer);

/* True if the child that ended was this log writer. Starts another that goes on with the pipe, up to LIMIT_LOG_WRITERS
   times. */
bool log_writer_replace(struct log_writer *writer, pid_t ended);

/* Closes the pipe and tells the log writer to end within LIMIT_LOG_LAST_MS. */
void log_writer_finish(struct log_writer *writer);

/* Waits for it to end, and kills it when its time is over. */
void log_writer_wait(struct log_writer *writer);

/* Returns as many whole lines as fit into one write, LIMIT_LOG_LINE bytes; so many bytes of a longer line. */
struct span log_first_lines(struct span text);

/* Counts the newlines. */
unsigned log_count_lines(struct span text);

#endif
