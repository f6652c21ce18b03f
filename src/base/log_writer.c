#include "base/log_writer.h"

#include "base/descriptors.h"
#include "base/log_loss.h"
#include "base/now.h"
#include "base/signals.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* Tells the log writer that the server has ended, and the second time not to wait any more. The kernel sends it if the
   master is killed (PR_SET_PDEATHSIG). */
#define WRITER_FINISH SIGURG

/* Tells the log writer that another takes over the pipe. Harmless if it is sent to the whole process group, to reopen
   the log. */
#define WRITER_SWITCH SIGUSR1

const char *log_writer_name(enum metrics_log log)
{
    return log == METRICS_ACCESS_LOG ? "access log" : "error log";
}

struct span log_writer_first_lines(struct span text)
{
    size_t most = text.length < LIMIT_LOG_LINE ? text.length : LIMIT_LOG_LINE, length = most;
    while (length > 0 && text.at[length - 1] != '\n')
        length--;
    return (struct span){text.at, length > 0 ? length : most};
}

unsigned log_writer_count_lines(struct span text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text.length; i++)
        lines += text.at[i] == '\n';
    return lines;
}

/* ---- in the log writer ---- */

static volatile sig_atomic_t is_writing; /* a write may block */
static volatile sig_atomic_t timer_is_set;
static volatile sig_atomic_t is_finishing; /* the timer ends the last writes */
static volatile sig_atomic_t is_switching; /* so does it, and another log writer goes on with the pipe */
static volatile sig_atomic_t time_is_up;

static void set_timer(long milliseconds)
{
    const struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The timer runs on: an alarm between the check of `time_is_up` and a blocking write would not end that write. */
static void end_time(void)
{
    time_is_up = 1;
    set_timer(20);
}

static void on_finish(int signal)
{
    (void)signal;
    if (is_finishing) {
        end_time();
        return;
    }
    is_finishing = timer_is_set = 1;
    set_timer(LIMIT_LOG_LAST_MS);
}

/* Arrives in wait_for() and write_lines() only. */
static void on_switch(int signal)
{
    (void)signal;
    if (is_switching || is_finishing)
        return;
    is_switching = timer_is_set = 1;
    set_timer(LIMIT_LOG_LAST_MS);
}

/* True if no process can write to the pipe any more, whether or not it has been read to its end. */
static bool has_no_writer(int pipe)
{
    struct pollfd end = {.fd = pipe}; /* no events but POLLHUP (poll(2)) */
    return poll(&end, 1, 0) == 1;
}

/* A blocked write can't see that the workers have ended, as they do after a reload: look for that each second. */
static void on_alarm(int signal)
{
    int error = errno;
    if (is_finishing || is_switching) {
        end_time();
    } else if (has_no_writer(STDIN_FILENO)) {
        on_finish(signal);
    } else {
        timer_is_set = is_writing;
        if (is_writing)
            set_timer(LIMIT_LOG_LAST_MS);
    }
    errno = error;
}

static void watch_writes(void)
{
    is_writing = 1;
    if (timer_is_set)
        return;
    timer_is_set = 1;
    set_timer(LIMIT_LOG_LAST_MS);
}

/* Ignore signals to the whole process group: the workers still have lines to write. With SIGTTOU ignored, a
   background job writes to the terminal instead of being stopped (termios(3), TOSTOP). */
static void handle_signals(pid_t parent)
{
    static const int ignored[] = {SIGINT,  SIGQUIT, SIGHUP,  SIGTERM, SIGUSR2,
                                  SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ};
    const sigset_t blocked = SIGNALS(WRITER_SWITCH);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigaction(WRITER_FINISH, &(struct sigaction){.sa_handler = on_finish}, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL); /* no SA_RESTART: ends a blocking write */
    sigaction(WRITER_SWITCH, &(struct sigaction){.sa_handler = on_switch}, NULL);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    prctl(PR_SET_PDEATHSIG, (unsigned long)WRITER_FINISH);
    if (getppid() != parent)
        raise(WRITER_FINISH);
}

/* Unblocks WRITER_SWITCH only during the wait, so that the signal can't arrive between the check of a flag and a
   blocking read. If the descriptor is always ready, the signal never arrives here: write_lines() unblocks it as well.
   Returns false at a signal. */
static bool wait_for(int fd, short events)
{
    sigset_t none;
    sigemptyset(&none);
    return ppoll(&(struct pollfd){.fd = fd, .events = events}, 1, NULL, &none) > 0;
}

/* Blocks until the whole text is written; when time is up, tries once. Returns the unwritten rest, with errno. Another
   process may have set O_NONBLOCK on the stream. */
static struct span write_whole(int stream, struct span text)
{
    do {
        ssize_t written = write(stream, text.at, text.length);
        if (written >= 0)
            text = (struct span){text.at + written, text.length - (size_t)written};
        else if (errno == EAGAIN)
            (void)wait_for(stream, POLLOUT);
        else if (errno != EINTR)
            return text;
    } while (text.length > 0 && !time_is_up);
    errno = EAGAIN;
    return text;
}

/* Text from the pipe that is not written yet, and lines that were lost. */
struct copy {
    const struct log_writer *writer;
    size_t length;
    char text[2 * LIMIT_LOG_LINE];
    struct log_loss loss;
    bool is_torn[STDERR_FILENO + 1]; /* the stream ends with a part of a line, as on a full disk */
};

/* Returns the rest that could not be written, with errno. */
static struct span write_lines_to(struct copy *copy, int stream, struct span lines)
{
    bool *is_torn = &copy->is_torn[stream];
    if (*is_torn && write_whole(stream, SPAN("\n")).length > 0)
        return lines;
    struct span rest = write_whole(stream, lines);
    *is_torn = rest.length > 0 && rest.at > lines.at && rest.at[-1] != '\n';
    return rest;
}

static void tell_loss(struct copy *copy, enum log_loss_state state)
{
    char text[LOG_LOSS_MAX], room[LIMIT_LOG_LINE];
    int64_t now = now_ms();
    if (!log_loss_describe(&copy->loss, state, log_writer_name(copy->writer->log), now, text))
        return;
    struct span report = copy->writer->format(room, text);
    log_loss_note(&copy->loss, state, write_lines_to(copy, copy->writer->reports, report).length == 0, now);
}

/* When time is up, writes only what does not block: on a machine without CPU time to spare, the time may have passed
   before the first line was written. */
static void write_or_lose(struct copy *copy, struct span lines)
{
    struct span lost = lines;
    if (!time_is_up || poll(&(struct pollfd){.fd = copy->writer->stream, .events = POLLOUT}, 1, 0) > 0)
        lost = write_lines_to(copy, copy->writer->stream, lines);
    else
        errno = EAGAIN;
    if (lost.length > 0) {
        log_loss_add(&copy->loss, log_writer_count_lines(lost), errno);
        metrics_count_lost(copy->writer->metrics, copy->writer->log, log_writer_count_lines(lost));
    }
    tell_loss(copy, lost.length > 0 ? LOG_LOSS_LASTS : LOG_LOSS_OVER);
}

/* Writes all whole lines; an incomplete one waits for its end, unless this is the last call. Each write to a pipe is
   atomic (pipe(7)), so that lines don't mix with those of other programs. WRITER_SWITCH bounds the writes, as a stream
   without O_NONBLOCK may block for ever. */
static void write_lines(struct copy *copy, bool is_last)
{
    const sigset_t bound = SIGNALS(WRITER_SWITCH);
    struct span rest = {copy->text, copy->length};
    watch_writes();
    sigprocmask(SIG_UNBLOCK, &bound, NULL);
    while (rest.length > 0) {
        struct span lines = log_writer_first_lines(rest);
        if (lines.at[lines.length - 1] != '\n' && lines.length < LIMIT_LOG_LINE && !is_last)
            break;
        write_or_lose(copy, lines);
        rest = (struct span){rest.at + lines.length, rest.length - lines.length};
    }
    sigprocmask(SIG_BLOCK, &bound, NULL);
    is_writing = 0;
    memmove(copy->text, rest.at, rest.length);
    copy->length = rest.length;
    assert(copy->length < LIMIT_LOG_LINE);
}

/* False at the pipe's end. When time is up, read what is left in the pipe without waiting, to count it. */
static bool read_more(struct copy *copy)
{
    if (time_is_up)
        fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    else if (!wait_for(STDIN_FILENO, POLLIN))
        return true;
    assert(copy->length < LIMIT_LOG_LINE);
    ssize_t got = read(STDIN_FILENO, copy->text + copy->length, sizeof copy->text - copy->length);
    if (got > 0)
        copy->length += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Reads the rest of a line that was read in part, so that the next log writer begins with a whole line. */
static void read_to_line_end(struct copy *copy)
{
    struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
    while (copy->length > 0 && copy->length < LIMIT_LOG_LINE && copy->text[copy->length - 1] != '\n' &&
           poll(&more, 1, 0) > 0 && read(STDIN_FILENO, copy->text + copy->length, 1) == 1)
        copy->length++;
}

/* True if the file ends within a line, as the previous log writer had no space to finish it. Known only if the file is
   open for reading as well. */
static bool ends_in_line(int stream)
{
    struct stat file;
    char last = '\n';
    return fstat(stream, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 &&
           pread(stream, &last, sizeof last, file.st_size - 1) == 1 && last != '\n';
}

static _Noreturn void copy_lines(const struct log_writer *writer, pid_t parent)
{
    static struct copy copy;
    copy.writer = writer;
    prctl(PR_SET_NAME, "tinyhttpd-log");
    handle_signals(parent);
    dup2(writer->from, STDIN_FILENO);
    descriptors_close_others(NULL, 0); /* else the port would stay in use, and the pipe would never end */
    if (!metrics_keep(writer->metrics))
        _exit(EX_OSERR);
    if (writer->stream == STDERR_FILENO)
        close(STDOUT_FILENO); /* its file, which may be deleted by now, would keep its space */
    copy.is_torn[writer->stream] = ends_in_line(writer->stream);
    if (writer->confine != NULL)
        writer->confine();
    while (!is_switching && read_more(&copy))
        write_lines(&copy, false);
    if (is_switching)
        read_to_line_end(&copy);
    write_lines(&copy, true);
    tell_loss(&copy, LOG_LOSS_FINAL);
    _exit(0);
}

/* ---- in the master ---- */

/* Block the signals until the log writer handles them; the default action would end it. */
bool log_writer_start(struct log_writer *writer)
{
    const sigset_t blocked = SIGNALS(WRITER_FINISH, WRITER_SWITCH);
    sigset_t before;
    pid_t parent = getpid();
    sigprocmask(SIG_BLOCK, &blocked, &before);
    pid_t pid = fork();
    if (pid == 0)
        copy_lines(writer, parent);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    writer->pid = pid > 0 ? pid : 0;
    writer->due = now_ms() + LIMIT_LOG_RESTART_MS;
    writer->is_failing = pid < 0;
    return !writer->is_failing;
}

void log_writer_switch(struct log_writer *writer)
{
    writer->due = 0;
    writer->kill_due = now_ms() + LIMIT_LOG_LAST_MS + LIMIT_LOG_GRACE_MS;
    writer->is_switching = writer->pid > 0 && kill(writer->pid, WRITER_SWITCH) == 0;
}

void log_writer_close(struct log_writer *writer)
{
    descriptors_close(writer->into);
    descriptors_close(writer->from);
    writer->is_open = false;
}

bool log_writer_open(struct log_writer *writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    writer->from = ends[0];
    writer->into = ends[1];
    /* Without permissions, a worker can't open the reading end in /proc/self/fd and take the lines of others. */
    if (fchmod(writer->into, 0) == 0 && fcntl(writer->into, F_SETFL, O_NONBLOCK) == 0 && log_writer_start(writer)) {
        writer->is_open = true;
        return true;
    }
    log_writer_close(writer);
    return false;
}

/* True if any still runs. */
static bool reap_writers(pid_t *pids, unsigned count)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (pids[i] > 0 && waitpid(pids[i], NULL, WNOHANG) != 0)
            pids[i] = 0;
        any |= pids[i] != 0;
    }
    return any;
}

static void signal_writers(const pid_t *pids, unsigned count, int signal)
{
    for (unsigned i = 0; i < count; i++) {
        if (pids[i] > 0)
            kill(pids[i], signal);
    }
}

/* SIGCHLD ends each pause. Pauses are short, as SIGCHLD never comes if the parent process has it ignored. A log
   writer that waits for a file system which does not respond ends when that does (signal(7)); this process does not
   wait for it. No pause counts for more than it should have taken: while this process had no CPU time, the log writers
   may have had none. */
void log_writer_end_all(pid_t *pids, unsigned count, bool at_once)
{
    enum { PAUSE_MS = 20 };
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int64_t waited = 0, kill_due = LIMIT_LOG_LAST_MS + LIMIT_LOG_GRACE_MS, end = kill_due + LIMIT_KILL_MS;
    int64_t before = now_ms();
    bool is_hurried = false;
    const sigset_t signals = SIGNALS(SIGCHLD, SIGTERM, SIGINT, SIGQUIT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)reap_writers(pids, count);
    signal_writers(pids, count, WRITER_FINISH);
    while (reap_writers(pids, count) && waited < end) {
        if (at_once && !is_hurried) {
            kill_due = waited + LIMIT_LOG_HURRY_MS;
            end = kill_due + LIMIT_LOG_HURRY_MS;
            is_hurried = true;
        }
        if (waited >= kill_due)
            signal_writers(pids, count, SIGKILL);
        else if (at_once)
            signal_writers(pids, count, WRITER_FINISH);
        int signal = sigtimedwait(&signals, NULL, &pause);
        int64_t now = now_ms();
        waited += now - before < PAUSE_MS ? now - before : PAUSE_MS;
        before = now;
        at_once |= signal > 0 && signal != SIGCHLD && waited >= LIMIT_STOP_TWICE_MS;
    }
    memset(pids, 0, count * sizeof *pids);
}
