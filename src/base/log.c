#include "base/log.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sysexits.h>
#include <unistd.h>

/* Escaped, a byte takes four; "tinyhttpd: " and the line's end come on top. One line is one write to a pipe. */
enum { ESCAPED_MAX = LIMIT_LOG_LINE, DIAGNOSTIC_MAX = (ESCAPED_MAX - 16) / 4 };

/* ---- writing without waiting ---- */

/* What this process writes a stream's lines to. */
static struct output {
    int fd; /* the stream itself, or the pipe of its writer */
    bool is_socket;
    bool is_terminal; /* the stream is one, whatever stands between */
} outputs[] = {[STDOUT_FILENO] = {.fd = STDOUT_FILENO}, [STDERR_FILENO] = {.fd = STDERR_FILENO}};

static struct log_writer writers[] = {
    [STDOUT_FILENO] = {.stream = STDOUT_FILENO},
    [STDERR_FILENO] = {.stream = STDERR_FILENO},
};

static void tell_lost(unsigned long lines, int error);

/* Opens a pipe anew, as O_NONBLOCK on the shared description would hold for the other processes that have it. A pipe of
   another user can't be opened (proc(5)), and without /proc none can. */
static bool open_anew(int stream)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", stream);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool opened = fd >= 0 && dup2(fd, stream) == stream;
    if (fd >= 0)
        close(fd);
    return opened;
}

/* Best effort: there is a bound to what a user's pipes may take together (pipe(7)). */
static void widen(int pipe)
{
    int size = fcntl(pipe, F_GETPIPE_SZ);
    if (size >= 0 && size < LIMIT_LOG_PIPE)
        fcntl(pipe, F_SETPIPE_SZ, LIMIT_LOG_PIPE);
}

/* Lets a process of its own wait for the stream. Where both streams lead to one place, one process serves both, so that
   their lines keep their order. False with errno where none can be started. */
static bool divert(int stream, const struct stat *attributes)
{
    struct log_writer *writer = &writers[stream];
    struct stat other;
    if (writers[STDOUT_FILENO].pid > 0 && fstat(STDOUT_FILENO, &other) == 0 &&
        other.st_dev == attributes->st_dev && other.st_ino == attributes->st_ino) {
        outputs[stream].fd = outputs[STDOUT_FILENO].fd;
        return true;
    }
    writer->tell_lost = tell_lost;
    if (!log_writer_open(writer))
        return false;
    widen(writer->into);
    outputs[stream].fd = writer->into;
    return true;
}

/*
 * A write to a local file waits for no reader. It appends, whatever the file's offset is: with ">access.log" a worker that
 * was taken over could set the offset back, and overwrite the lines of before. The flag is on the description, which the
 * processes that were started with the same redirection share: their lines are appended as well.
 */
static void append_to_file(int stream)
{
    int flags = fcntl(stream, F_GETFL);
    if (flags >= 0)
        fcntl(stream, F_SETFL, flags | O_APPEND);
}

/* Writes that block on no reader: to a local file, and to /dev/null and its like, the character devices with the major
   number 1 (null(4), full(4)). */
static bool never_blocks(mode_t mode, dev_t device)
{
    return S_ISREG(mode) || (S_ISCHR(mode) && major(device) == 1);
}

/* A worker that may open the pipe by /proc/self/fd could read the other workers' lines from it: Landlock handles no
   pipe. */
static bool may_open(uid_t user, const struct stat *pipe)
{
    return pipe->st_uid == user || (pipe->st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

/*
 * Each write to a pipe is whole or not at all (pipe(7)), so several processes may share one. A terminal takes a part of a
 * line where it has room for no more, and is nearly always open for reading as well: a worker is not to read the keyboard.
 */
static bool open_output(int stream, uid_t user)
{
    struct output *output = &outputs[stream];
    struct stat attributes;
    *output = (struct output){.fd = stream, .is_terminal = isatty(stream)};
    if (fstat(stream, &attributes) < 0)
        return true; /* it is closed */
    output->is_socket = S_ISSOCK(attributes.st_mode);
    if (S_ISREG(attributes.st_mode))
        append_to_file(stream);
    if (output->is_socket || never_blocks(attributes.st_mode, attributes.st_rdev))
        return true;
    if (S_ISFIFO(attributes.st_mode)) {
        widen(stream);
        if (!may_open(user, &attributes) && open_anew(stream))
            return true;
    }
    return divert(stream, &attributes);
}

int log_open(uid_t user, struct failure *failure)
{
    if (open_output(STDOUT_FILENO, user) && open_output(STDERR_FILENO, user))
        return 0;
    return fail(failure, EX_OSERR,
                "can't start a process that writes the log: %s; 'ulimit -a' shows the limits",
                strerror(errno));
}

void log_enter_worker(void)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        dup2(outputs[stream].fd, stream); /* nothing where they are the same (dup(2)) */
        outputs[stream].fd = stream;
    }
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].starts == 0)
            continue;
        close(writers[stream].into);
        close(writers[stream].from);
    }
}

bool log_replace_writer(pid_t ended)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (!log_writer_replace(&writers[stream], ended))
            continue;
        log_error("process %d, which wrote the log, was killed; %s", (int)ended,
                  writers[stream].pid > 0 ? "replaced" : "not replaced, its lines will be dropped");
        return true;
    }
    return false;
}

void log_end(void)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        outputs[stream].fd = stream;
        if (writers[stream].starts > 0)
            log_writer_finish(&writers[stream]);
    }
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++)
        log_writer_wait(&writers[stream]);
}

/* One write of at most LIMIT_LOG_LINE bytes: a pipe takes so many whole or not at all (pipe(7)). */
static ssize_t write_output(int stream, struct span text)
{
    const struct output *output = &outputs[stream];
    if (output->is_socket)
        return send(output->fd, text.at, text.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return write(output->fd, text.at, text.length);
}

/* ---- diagnostics ---- */

/* False where it may be written later. */
static bool write_diagnostic(const char *message)
{
    char escaped[ESCAPED_MAX];
    struct buffer line = BUFFER(escaped);
    buffer_append(&line, SPAN("tinyhttpd: "));
    buffer_plain(&line, span_of(message));
    buffer_byte(&line, '\n');
    return write_output(STDERR_FILENO, buffer_span(&line)) >= 0 || errno != EAGAIN;
}

void log_error(const char *format, ...)
{
    char message[DIAGNOSTIC_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log_flush(); /* where both streams lead to the same place, the order is that of time */
    write_diagnostic(message);
}

void log_text(struct span text)
{
    while (text.length > 0) {
        struct span lines = log_first_lines(text);
        if (write_output(STDERR_FILENO, lines) < 0)
            return; /* there is no other stream to tell that this one fails */
        text = (struct span){text.at + lines.length, text.length - lines.length};
    }
}

bool log_is_terminal(int stream)
{
    return outputs[stream].is_terminal;
}

bool log_is_coloured(int stream)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return log_is_terminal(stream) && (no_color == NULL || *no_color == '\0') && terminal != NULL &&
           *terminal != '\0' && strcmp(terminal, "dumb") != 0;
}

/* ---- access lines, several at once ---- */

/* Whole lines that wait to be written, but for the beginning of the first where a write took only that. A byte before them
   has room for a line's end. */
static struct {
    bool is_begun;
    size_t length;
    char room[1 + LIMIT_LOG_HELD];
} held;

static char *const held_text = held.room + 1;

/* Lines that were dropped since the last one written, and why the last of them was. Of a torn one a part was written, as on
   a disk that became full: the next line begins on one of its own. */
static struct {
    unsigned long lines;
    int error;
    bool torn;
} dropped;

static void drop(struct span lines, int error)
{
    dropped.lines += log_count_lines(lines);
    dropped.error = error;
}

static void tell_dropped(void)
{
    char message[DIAGNOSTIC_MAX];
    if (dropped.lines == 0)
        return;
    snprintf(message, sizeof message, "%lu line%s of the access log %s dropped: %s", dropped.lines,
             dropped.lines == 1 ? "" : "s", dropped.lines == 1 ? "was" : "were",
             dropped.error == EAGAIN ? "nobody read standard output" : strerror(dropped.error));
    if (write_diagnostic(message))
        dropped.lines = 0;
}

/* In the process of a writer. What standard error could not take, there is no other place for. */
static void tell_lost(unsigned long lines, int error)
{
    outputs[STDERR_FILENO].fd = STDERR_FILENO;
    dropped.lines = lines;
    dropped.error = error;
    tell_dropped();
}

/* Writes, or drops, the first of the lines that are held from `start` on. Returns how many bytes of them are done with; 0
   where they have to wait. */
static size_t write_first(size_t start)
{
    struct span lines = log_first_lines((struct span){held_text + start, held.length - start});
    size_t mended = dropped.torn ? 1 : 0;
    if (dropped.torn)
        held.room[start] = '\n'; /* the byte before it */
    ssize_t written = write_output(STDOUT_FILENO, (struct span){lines.at - mended, lines.length + mended});
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
        drop(lines, errno); /* no reason to stop serving */
        dropped.torn |= held.is_begun;
        held.is_begun = false;
        return lines.length;
    }
    if (written <= 0)
        return 0;
    size_t done = (size_t)written - mended;
    dropped.torn = false;
    if (done > 0)
        held.is_begun = lines.at[done - 1] != '\n';
    return done;
}

bool log_is_pending(void)
{
    return held.length > 0;
}

void log_flush(void)
{
    unsigned long lines_dropped = dropped.lines;
    size_t done = 0, last = 1;
    while (done < held.length && last > 0) {
        lines_dropped = dropped.lines;
        last = write_first(done);
        done += last;
    }
    held.length -= done;
    memmove(held_text, held_text + done, held.length);
    if (done > 0 && last > 0 && dropped.lines == lines_dropped)
        tell_dropped();
}

void log_close(void)
{
    log_flush();
    drop((struct span){held_text, held.length}, EAGAIN);
    held.length = 0;
    tell_dropped();
}

void log_add(const struct span *pieces, unsigned count)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    if (held.length + length > LIMIT_LOG_HELD)
        log_flush();
    if (held.length + length > LIMIT_LOG_HELD) {
        dropped.lines++;
        dropped.error = EAGAIN;
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        memcpy(held_text + held.length, pieces[i].at, pieces[i].length);
        held.length += pieces[i].length;
    }
}
