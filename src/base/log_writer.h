/* A log writer: a process that copies lines from a pipe to a stream that may block. The workers write to the pipe and
   never wait for the stream's reader. */
#pragma once

#include "base/limits.h"
#include "base/metrics.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct log_writer {
    pid_t pid;         /* 0 while there is none */
    int stream;        /* STDOUT_FILENO or STDERR_FILENO */
    int from;          /* the pipe's reading end, kept for a replacement */
    int into;          /* the pipe's writing end, O_NONBLOCK */
    bool is_open;      /* the pipe */
    bool is_failing;   /* the last start failed */
    bool is_switching; /* log_writer_switch() was called, and the process has not ended */
    int64_t kill_due;  /* when to kill the process then: its stream blocks, or it is stopped */
    int64_t due;       /* the next start, in milliseconds of CLOCK_MONOTONIC */
    int reports;       /* the stream that the report of lost lines goes to; `stream` if both lead to one file */
    struct span (*format)(char room[LIMIT_LOG_LINE], const char *message); /* makes a line of a report */
    void (*confine)(void);   /* called in the log writer before it reads; NULL: none */
    enum metrics_log log;    /* the log of the stream */
    struct metrics *metrics; /* the log writer's part, for its lost lines, or NULL */
};

/* Returns the log's name for reports, such as "access log". */
const char *log_writer_name(enum metrics_log log);

/* Makes the pipe and starts the process; the caller has set the rest. False with errno on failure. */
bool log_writer_open(struct log_writer *writer);

/* Starts a process that goes on with the pipe, and sets `due`. False with errno on failure. */
bool log_writer_start(struct log_writer *writer);

/* Lets the process end after the line that it has begun to read, or after LIMIT_LOG_LAST_MS if that can't be written.
   Then log_writer_start() goes on with the pipe, and with the streams as they are then. */
void log_writer_switch(struct log_writer *writer);

/* Closes the pipe. */
void log_writer_close(struct log_writer *writer);

/* Tells the log writers to end, and sets each pid to 0. Waits at most LIMIT_LOG_LAST_MS and LIMIT_LOG_GRACE_MS, then
   kills them and waits at most LIMIT_KILL_MS. With `at_once`, or after SIGTERM, SIGINT or SIGQUIT, both waits
   are LIMIT_LOG_HURRY_MS. Skips pids that are no children. */
void log_writer_end_all(pid_t *pids, unsigned count, bool at_once);

/* Returns the whole lines at the beginning that fit into one write of LIMIT_LOG_LINE bytes; of a longer line, its first
   LIMIT_LOG_LINE bytes. */
struct span log_writer_first_lines(struct span text);

/* Counts the newlines. */
unsigned log_writer_count_lines(struct span text);
