#include "base/log.h"

#include "base/buffer.h"
#include "base/date.h"
#include "base/descriptors.h"
#include "base/log_file.h"
#include "base/log_loss.h"
#include "base/log_writer.h"
#include "base/now.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>

/* An escaped byte takes four. The rest is for the time, "tinyhttpd: " and the line end. */
enum { ESCAPED_MAX = LIMIT_LOG_LINE, DIAGNOSTIC_MAX = (ESCAPED_MAX - DATE_RFC3339_LENGTH - 16) / 4 };

/* ---- the time ---- */

static bool wants_stamp; /* log_stamp() was called */
static bool is_stamped;  /* lines on standard error begin with the time */

/* JOURNAL_STREAM is "DEVICE:INODE"; standard error may have been redirected since (systemd.exec(5)). */
static bool is_journal(void)
{
    char stream[64];
    struct stat attributes;
    const char *journal = getenv("JOURNAL_STREAM");
    if (journal == NULL || fstat(STDERR_FILENO, &attributes) < 0)
        return false;
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)attributes.st_dev, (uintmax_t)attributes.st_ino);
    return strcmp(journal, stream) == 0;
}

static void choose_stamp(void)
{
    is_stamped = wants_stamp && !isatty(STDERR_FILENO) && !is_journal();
}

void log_stamp(void)
{
    wants_stamp = true;
    choose_stamp();
}

static void append_stamp(struct buffer *line)
{
    char date[DATE_RFC3339_LENGTH];
    struct timespec now;
    if (!is_stamped)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    date_write_rfc3339(date, now.tv_sec);
    buffer_append(line, (struct span){date, sizeof date});
    buffer_byte(line, ' ');
}

/* ---- writing without waiting ---- */

/* Where this process writes the lines of a stream. */
static struct output {
    int fd;           /* the stream, or the pipe to its log writer */
    bool is_terminal; /* the stream; with a log writer in between as well */
} outputs[] = {[STDOUT_FILENO] = {.fd = STDOUT_FILENO}, [STDERR_FILENO] = {.fd = STDERR_FILENO}};

static const char *const options[] = {[STDOUT_FILENO] = "--access-log", [STDERR_FILENO] = "--error-log"};
static const char *files[STDERR_FILENO + 1]; /* that are open on the streams; NULL: none */

static struct metrics *counted; /* this process's counters, or NULL */

static bool is_one_file; /* both streams lead to one file, pipe, terminal or socket, and none to an option's file */

static struct log_writer writers[] = {
    [STDOUT_FILENO] = {.stream = STDOUT_FILENO, .log = METRICS_ACCESS_LOG},
    [STDERR_FILENO] = {.stream = STDERR_FILENO, .log = METRICS_ERROR_LOG},
};

static struct {
    pid_t pids[LIMIT_LOG_FORMER];
    unsigned count;
} former; /* log writers of earlier programs in this process */

static bool is_hurried; /* the end */

static struct span format_diagnostic(char room[ESCAPED_MAX], const char *message);

/* Opens a pipe again: O_NONBLOCK on the inherited description would affect other processes. Fails for a pipe of another
   user, and without /proc. */
static bool open_anew(int stream)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", stream);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    bool opened = fd >= 0 && dup2(fd, stream) == stream;
    descriptors_close(fd);
    return opened;
}

/* Best effort: the pipes of a user have a common limit (pipe(7)). */
static void widen(int pipe)
{
    int size = fcntl(pipe, F_GETPIPE_SZ);
    if (size >= 0 && size < LIMIT_LOG_PIPE)
        fcntl(pipe, F_SETPIPE_SZ, LIMIT_LOG_PIPE);
}

/* Starts a log writer for the stream. Two streams to one file share a writer, which keeps the order of their lines.
   False with errno on failure. */
static bool divert(int stream)
{
    struct log_writer *writer = &writers[stream];
    if (writer->is_open) {
        outputs[stream].fd = writer->into;
        return true; /* log_open() is called again after a failure */
    }
    if (is_one_file && writers[STDOUT_FILENO].is_open) {
        outputs[stream].fd = outputs[STDOUT_FILENO].fd;
        return true;
    }
    writer->reports = is_one_file ? stream : STDERR_FILENO;
    writer->format = format_diagnostic;
    if (!log_writer_open(writer))
        return false;
    widen(writer->into);
    outputs[stream].fd = writer->into;
    return true;
}

/* With O_APPEND, ">access.log" behaves as ">>access.log" does: the two streams don't overwrite one another, and after a
   truncation (logrotate's copytruncate) the server writes at the file's new end. The flag also applies to other
   processes started with the same redirection, which share the description. */
static void append_to_file(int stream)
{
    int flags = fcntl(stream, F_GETFL);
    if (flags >= 0)
        fcntl(stream, F_SETFL, flags | O_APPEND);
}

/* A worker that may open the pipe by /proc/self/fd could read the other workers' lines from it: Landlock handles no
   pipe. */
static bool may_open(uid_t user, const struct stat *pipe)
{
    return pipe->st_uid == user || (pipe->st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

/* Several processes can share a pipe, as writes to it are atomic (pipe(7)). A terminal, a socket, or a file on a full
   disk may take part of a line, and workers must not be able to read from it. The file of an option always has a log
   writer, which log_reopen() can replace. */
static bool open_output(int stream, uid_t user)
{
    struct output *output = &outputs[stream];
    struct stat attributes;
    *output = (struct output){.fd = stream, .is_terminal = isatty(stream)};
    if (fstat(stream, &attributes) < 0)
        return true; /* the stream is closed */
    if (S_ISREG(attributes.st_mode))
        append_to_file(stream);
    if (files[stream] != NULL)
        return divert(stream);
    if (descriptors_is_null(stream))
        return true;
    if (S_ISFIFO(attributes.st_mode)) {
        widen(stream);
        if (!may_open(user, &attributes) && open_anew(stream))
            return true;
    }
    return divert(stream);
}

static bool lead_to_one_file(void)
{
    struct stat output, errors;
    return fstat(STDOUT_FILENO, &output) == 0 && fstat(STDERR_FILENO, &errors) == 0 && output.st_dev == errors.st_dev &&
           output.st_ino == errors.st_ino;
}

/* Opens the file as its stream, for this process and its children. False with the failure. */
static bool put_file(int stream, const char *name, struct failure *failure)
{
    int fd = log_file_open(options[stream], name, failure);
    if (fd < 0)
        return false;
    dup2(fd, stream);
    close(fd);
    return true;
}

static int open_files(const struct log_setup *setup, struct failure *failure)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        const char *name = setup->files[stream];
        if (name == NULL || files[stream] != NULL)
            continue;
        if (!put_file(stream, name, failure))
            return failure->status;
        files[stream] = name;
    }
    return 0;
}

int log_open(const struct log_setup *setup, struct failure *failure)
{
    counted = metrics_of_other(setup->metrics, METRICS_MASTER);
    writers[STDOUT_FILENO].metrics = metrics_of_other(setup->metrics, METRICS_ACCESS_WRITER);
    writers[STDERR_FILENO].metrics = metrics_of_other(setup->metrics, METRICS_ERROR_WRITER);
    writers[STDOUT_FILENO].confine = writers[STDERR_FILENO].confine = setup->confine;
    if (open_files(setup, failure) != 0)
        return failure->status;
    is_one_file = files[STDOUT_FILENO] == NULL && files[STDERR_FILENO] == NULL && lead_to_one_file();
    choose_stamp();
    if (open_output(STDOUT_FILENO, setup->user) && open_output(STDERR_FILENO, setup->user))
        return 0;
    return fail(failure, EX_OSERR, "can't start a process that writes the log: %s; 'ulimit -a' shows the limits",
                strerror(errno));
}

static bool reopen(int stream)
{
    struct failure failure;
    if (files[stream] == NULL || put_file(stream, files[stream], &failure))
        return files[stream] != NULL;
    log_error("%s; the file that is open stays", failure.message);
    return false;
}

/* The log writer of standard output has standard error as well, for its reports. */
void log_reopen(void)
{
    bool output = reopen(STDOUT_FILENO), errors = reopen(STDERR_FILENO);
    if (output || errors)
        log_writer_switch(&writers[STDOUT_FILENO]);
    if (errors)
        log_writer_switch(&writers[STDERR_FILENO]);
}

bool log_awaits_writer(void)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        const struct log_writer *writer = &writers[stream];
        if (writer->is_switching ? now_ms() < writer->kill_due : writer->is_open && writer->pid == 0)
            return true;
    }
    return false;
}

void log_enter_worker(struct metrics *metrics)
{
    counted = metrics;
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        dup2(outputs[stream].fd, stream);
        outputs[stream].fd = stream;
    }
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].is_open)
            log_writer_close(&writers[stream]);
    }
}

bool log_note_ended(pid_t ended)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].pid != ended)
            continue;
        writers[stream].pid = 0;
        if (!writers[stream].is_switching)
            log_error("process %d, which wrote the log, has ended; starting another", (int)ended);
        writers[stream].is_switching = false;
        return true;
    }
    return false;
}

int64_t log_start_writers(int64_t now)
{
    int64_t next = INT64_MAX;
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        struct log_writer *writer = &writers[stream];
        bool was_failing = writer->is_failing;
        if (writer->is_switching && writer->kill_due <= now)
            kill(writer->pid, SIGKILL);
        else if (writer->is_switching && writer->kill_due < next)
            next = writer->kill_due;
        if (!writer->is_open || writer->pid > 0)
            continue;
        if (writer->due <= now && !log_writer_start(writer) && !was_failing)
            log_error("can't start a process that writes the log: %s; trying again each second", strerror(errno));
        if (writer->pid == 0 && writer->due < next)
            next = writer->due;
    }
    return next;
}

unsigned log_list_writers(pid_t pids[LOG_WRITERS_MAX])
{
    unsigned count = 0;
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].pid > 0)
            pids[count++] = writers[stream].pid;
    }
    memcpy(pids + count, former.pids, former.count * sizeof *pids);
    return count + former.count;
}

void log_adopt_writer(pid_t pid)
{
    if (former.count < LIMIT_LOG_FORMER)
        former.pids[former.count++] = pid;
}

void log_signal_writers(int signal)
{
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].pid > 0)
            kill(writers[stream].pid, signal);
    }
}

void log_hurry(void)
{
    is_hurried = true;
}

/* At most LIMIT_LOG_LINE bytes, which a pipe takes whole or not at all (pipe(7)). */
static ssize_t write_output(int stream, struct span text)
{
    return write(outputs[stream].fd, text.at, text.length);
}

/* ---- diagnostics ---- */

static struct span format_diagnostic(char room[ESCAPED_MAX], const char *message)
{
    struct buffer line = {room, 0, ESCAPED_MAX, false};
    append_stamp(&line);
    buffer_append(&line, SPAN("tinyhttpd: "));
    buffer_plain(&line, span_of(message));
    buffer_byte(&line, '\n');
    return buffer_span(&line);
}

/* Only the metrics can tell that the error log loses lines. */
static bool write_errors(struct span lines)
{
    if (write_output(STDERR_FILENO, lines) >= 0)
        return true;
    metrics_count_lost(counted, METRICS_ERROR_LOG, log_writer_count_lines(lines));
    return false;
}

void log_error(const char *format, ...)
{
    char message[DIAGNOSTIC_MAX], room[ESCAPED_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log_flush(); /* both streams may lead to one file: keep the order */
    (void)write_errors(format_diagnostic(room, message));
}

void log_text(struct span text)
{
    bool begins = true; /* a line; a longer one than LIMIT_LOG_LINE takes several writes */
    while (text.length > 0) {
        char room[LIMIT_LOG_LINE];
        struct buffer piece = BUFFER(room);
        if (begins)
            append_stamp(&piece);
        size_t most = is_stamped ? span_find(text, '\n') + 1 : text.length, left = sizeof room - piece.length;
        struct span lines = log_writer_first_lines((struct span){text.at, most < left ? most : left});
        buffer_append(&piece, lines);
        if (!write_errors(buffer_span(&piece)))
            return;
        begins = lines.at[lines.length - 1] == '\n';
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

/* Lines that are not written yet. */
static struct {
    size_t length;
    char text[LIMIT_LOG_HELD];
} held;

static struct log_loss loss; /* of the access log */

static void tell_loss(enum log_loss_state state)
{
    char text[LOG_LOSS_MAX], room[ESCAPED_MAX];
    if (loss.lines == 0 && !loss.is_told)
        return;
    int64_t now = now_ms();
    if (!log_loss_describe(&loss, state, log_writer_name(METRICS_ACCESS_LOG), now, text))
        return;
    bool said = write_output(STDERR_FILENO, format_diagnostic(room, text)) >= 0 || errno != EAGAIN;
    log_loss_note(&loss, state, said, now);
}

static void drop(unsigned lines, int error)
{
    log_loss_add(&loss, lines, error);
    metrics_count_lost(counted, METRICS_ACCESS_LOG, lines);
}

/* Writes or drops the first of the held lines from `start` on. Returns the number of bytes written or dropped, 0 if
   they have to wait. */
static size_t write_first(size_t start)
{
    struct span lines = log_writer_first_lines((struct span){held.text + start, held.length - start});
    ssize_t written = write_output(STDOUT_FILENO, lines);
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
        drop(log_writer_count_lines(lines), errno);
        return lines.length;
    }
    return written > 0 ? (size_t)written : 0;
}

bool log_is_pending(void)
{
    return held.length > 0;
}

void log_flush(void)
{
    unsigned long lost = loss.lines;
    size_t done = 0, last = 1;
    while (done < held.length && last > 0) {
        lost = loss.lines;
        last = write_first(done);
        done += last;
    }
    held.length -= done;
    memmove(held.text, held.text + done, held.length);
    if (loss.lines > lost)
        tell_loss(LOG_LOSS_LASTS);
    else if (done > 0 && last > 0)
        tell_loss(LOG_LOSS_OVER);
}

void log_close(void)
{
    log_flush();
    if (held.length > 0)
        drop(log_writer_count_lines((struct span){held.text, held.length}), EAGAIN);
    held.length = 0;
    tell_loss(LOG_LOSS_FINAL);
}

void log_add(const struct span *pieces, unsigned count)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    if (held.length + length > LIMIT_LOG_HELD)
        log_flush();
    if (held.length + length > LIMIT_LOG_HELD) {
        drop(1, EAGAIN);
        tell_loss(LOG_LOSS_LASTS);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        memcpy(held.text + held.length, pieces[i].at, pieces[i].length);
        held.length += pieces[i].length;
    }
}

/* ---- the end ---- */

/* Drops the lines in a pipe whose log writer could not be started. Those of the error log are only counted. */
static void drop_unwritten(const struct log_writer *writer)
{
    char text[LIMIT_LOG_LINE];
    if (!writer->is_open || writer->pid > 0)
        return;
    fcntl(writer->from, F_SETFL, O_NONBLOCK);
    for (ssize_t got; (got = read(writer->from, text, sizeof text)) > 0;) {
        unsigned lines = log_writer_count_lines((struct span){text, (size_t)got});
        if (writer->log == METRICS_ACCESS_LOG)
            drop(lines, ECHILD);
        else
            metrics_count_lost(counted, METRICS_ERROR_LOG, lines);
    }
}

/* A log writer that is replaced reads no more: its successor writes the lines in the pipe. */
static void await_switch(struct log_writer *writer)
{
    const struct timespec pause = {0, 1000000};
    for (unsigned ms = 0; writer->is_switching && ms < LIMIT_LOG_LAST_MS; ms++) {
        writer->is_switching = waitpid(writer->pid, NULL, WNOHANG) == 0;
        nanosleep(&pause, NULL);
    }
    writer->pid = writer->is_switching ? writer->pid : 0;
}

void log_end(void)
{
    pid_t pids[LOG_WRITERS_MAX];
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        if (writers[stream].is_switching)
            await_switch(&writers[stream]);
    }
    (void)log_start_writers(INT64_MAX); /* for the lines in the pipes */
    drop_unwritten(&writers[STDOUT_FILENO]);
    tell_loss(LOG_LOSS_FINAL);
    drop_unwritten(&writers[STDERR_FILENO]);
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++) {
        outputs[stream].fd = stream;
        if (writers[stream].is_open)
            log_writer_close(&writers[stream]);
    }
    log_writer_end_all(pids, log_list_writers(pids), is_hurried);
    writers[STDOUT_FILENO].pid = writers[STDERR_FILENO].pid = 0;
}
