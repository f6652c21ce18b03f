/* The process that writes to a stream which may block: whole lines, all of them while they are read, and an end. */
#include "base/log_writer.h"

#include "base/limits.h"
#include "capture.h"
#include "pauses.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

/* ---- wrappers of the C library's functions ---- */

static bool fork_fails;

pid_t fork(void)
{
    static pid_t (*next)(void);
    if (fork_fails) {
        errno = EAGAIN;
        return -1;
    }
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "fork");
        memcpy(&next, &found, sizeof next);
    }
    return next();
}

static bool has_no_deadline; /* the writer is never told that its time is up */

/* Takes the C library's place; its first parameter may be an enum or an int. */
int set_no_timer(int which, const struct itimerval *value, struct itimerval *old) __asm__("setitimer");

int set_no_timer(int which, const struct itimerval *value, struct itimerval *old)
{
    return has_no_deadline ? 0 : (int)syscall(SYS_setitimer, which, value, old);
}

/* ---- a writer ---- */

static const struct span line = SPAN_INIT("192.0.2.7 - - \"GET / HTTP/1.1\" 200 7\n");

static struct span format(char room[LIMIT_LOG_LINE], const char *message)
{
    int length = snprintf(room, LIMIT_LOG_LINE, "%s\n", message);
    return (struct span){room, (size_t)length};
}

static const struct log_writer template = {
    .stream = STDOUT_FILENO,
    .reports = STDERR_FILENO,
    .format = format,
};

/* A writer to a pipe on standard output, each of whose writes is read as one (pipe(7), O_DIRECT). */
struct fixture {
    struct log_writer writer;
    int saved;
    int reader;
};

static struct fixture begin(void)
{
    struct fixture fixture = {.writer = template, .saved = dup(STDOUT_FILENO)};
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    assert_true(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    close(ends[1]);
    fixture.reader = ends[0];
    assert_true(log_writer_open(&fixture.writer));
    assert_true(fixture.writer.is_open);
    return fixture;
}

static void put_back(const struct fixture *fixture)
{
    dup2(fixture->saved, STDOUT_FILENO);
    close(fixture->saved);
}

static void end(struct fixture *fixture)
{
    log_writer_close(&fixture->writer);
    assert_false(fixture->writer.is_open);
    log_writer_end_all(&fixture->writer.pid, 1, false);
    put_back(fixture);
    assert_int_equal(fixture->writer.pid, 0);
}

static void send_text(const struct fixture *fixture, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fixture->writer.into, text, length);
        assert_true(written > 0 || errno == EAGAIN);
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
}

static void first_lines_are_whole(void **state)
{
    static char text[2 * LIMIT_LOG_LINE];
    (void)state;
    assert_int_equal(log_writer_first_lines(SPAN("a\nb\nc")).length, 4);
    assert_int_equal(log_writer_first_lines(SPAN("abc")).length, 3);
    assert_int_equal(log_writer_first_lines(SPAN("\nabc")).length, 1);
    assert_int_equal(log_writer_first_lines(SPAN("")).length, 0);
    memset(text, 'a', sizeof text);
    assert_int_equal(log_writer_first_lines((struct span){text, sizeof text}).length, LIMIT_LOG_LINE);
    text[LIMIT_LOG_LINE] = '\n';
    assert_int_equal(log_writer_first_lines((struct span){text, sizeof text}).length, LIMIT_LOG_LINE);
    text[10] = '\n';
    assert_int_equal(log_writer_first_lines((struct span){text, sizeof text}).length, 11);
    assert_int_equal(log_writer_count_lines((struct span){text, sizeof text}), 2);
}

/* However they come: in the middle of a line, or many at once. */
static void each_write_has_whole_lines(void **state)
{
    enum { LINES = 3000 };
    static char text[LINES * 64], got[LINES * 64];
    size_t length = 0, came = 0;
    (void)state;
    for (unsigned i = 0; i < LINES; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "line %u %.*s\n", i, (int)(i % 40),
                                   "........................................");
    struct fixture fixture = begin();
    for (size_t at = 0, step = 1; at < length; at += step, step = step * 7 % 1009) {
        size_t left = length - at;
        send_text(&fixture, text + at, step < left ? step : left);
        if (step >= left)
            break;
        if (at % 11 == 0)
            sched_yield();
        fcntl(fixture.reader, F_SETFL, O_NONBLOCK);
        ssize_t size = read(fixture.reader, got + came, LIMIT_LOG_LINE);
        assert_true(size < 0 || got[came + (size_t)size - 1] == '\n');
        came += size > 0 ? (size_t)size : 0;
    }
    fcntl(fixture.reader, F_SETFL, 0);
    while (came < length) {
        ssize_t size = read(fixture.reader, got + came, LIMIT_LOG_LINE);
        assert_true(size > 0);
        came += (size_t)size;
        assert_int_equal(got[came - 1], '\n');
    }
    end(&fixture);
    close(fixture.reader);
    assert_int_equal(came, length);
    assert_memory_equal(got, text, length);
}

/* Nothing that follows gives it an end. */
static void text_without_a_line_end_is_written_at_the_end(void **state)
{
    static char text[LIMIT_LOG_LINE + 9];
    static const size_t rests[] = {1, 9};
    char got[sizeof text + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        struct fixture fixture = begin();
        send_text(&fixture, text, LIMIT_LOG_LINE + rests[i]);
        end(&fixture);
        assert_int_equal(read(fixture.reader, got, sizeof got), LIMIT_LOG_LINE);
        assert_int_equal(read(fixture.reader, got, sizeof got), rests[i]);
        assert_int_equal(read(fixture.reader, got, sizeof got), 0);
        close(fixture.reader);
    }
}

/* Fills the pipe to the writer. Returns the number of lines. */
static unsigned long fill(const struct fixture *fixture)
{
    unsigned long sent = 0;
    while (write(fixture->writer.into, line.at, line.length) > 0 && sent < 100000)
        sent++;
    return sent;
}

/* Returns the number of lines that the stream took. */
static unsigned long drain(const struct fixture *fixture)
{
    char got[LIMIT_LOG_LINE];
    unsigned long came = 0;
    for (ssize_t size; (size = read(fixture->reader, got, sizeof got)) > 0;)
        came += log_writer_count_lines((struct span){got, (size_t)size});
    close(fixture->reader);
    return came;
}

/* Reads `count` bytes of the stream. */
static void take(const struct fixture *fixture, char *at, size_t count)
{
    for (ssize_t got; count > 0; at += got, count -= (size_t)got)
        assert_true((got = read(fixture->reader, at, count)) > 0);
}

/* The writer has read all that was sent, and waits for more. */
static void await_idle_writer(const struct fixture *fixture)
{
    char path[64], attributes[512];
    int unread = 1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)fixture->writer.pid);
    for (bool is_asleep = false; unread > 0 || !is_asleep; usleep(1000)) {
        assert_int_equal(ioctl(fixture->writer.from, FIONREAD, &unread), 0);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = read(fd, attributes, sizeof attributes - 1);
        close(fd);
        assert_true(length > 0);
        attributes[length] = '\0';
        is_asleep = strncmp(strrchr(attributes, ')'), ") S", 3) == 0;
    }
}

static void stop_writer(const struct fixture *fixture)
{
    await_idle_writer(fixture);
    kill(fixture->writer.pid, SIGSTOP);
    assert_int_equal(waitpid(fixture->writer.pid, NULL, WUNTRACED), fixture->writer.pid);
}

static size_t unread_bytes(int pipe)
{
    int unread;
    assert_int_equal(ioctl(pipe, FIONREAD, &unread), 0);
    return (size_t)unread;
}

/* It reads all that it has room for, a part of a line at the end, and is told to end while it writes the first. */
static void writer_that_is_switched_reads_the_rest_of_a_line(void **state)
{
    enum { LINES = 3 * LIMIT_LOG_LINE / 32 };
    static char text[LINES * 64];
    size_t taken = 0;
    (void)state;
    alarm(300);
    has_no_deadline = true; /* this process may be too slow a reader */
    struct fixture fixture = begin();
    has_no_deadline = false;
    fcntl(STDOUT_FILENO, F_SETFL, 0); /* not O_DIRECT, of which a part can't be read */
    fcntl(fixture.reader, F_SETPIPE_SZ, LIMIT_LOG_LINE);
    stop_writer(&fixture);
    for (unsigned i = 0; i < LINES; i++)
        send_text(&fixture, line.at, line.length);
    kill(fixture.writer.pid, SIGCONT);
    while (unread_bytes(fixture.reader) == 0)
        usleep(1000);
    log_writer_switch(&fixture.writer);
    while (waitpid(fixture.writer.pid, NULL, WNOHANG) == 0) {
        size_t unread = unread_bytes(fixture.reader);
        take(&fixture, text + taken, unread);
        taken += unread;
    }
    size_t unread = unread_bytes(fixture.reader);
    take(&fixture, text + taken, unread);
    taken += unread;
    assert_true(taken > 2 * LIMIT_LOG_LINE && taken < LINES * line.length);
    assert_int_equal(text[taken - 1], '\n');
    assert_true(log_writer_start(&fixture.writer));
    take(&fixture, text + taken, LINES * line.length - taken);
    end(&fixture);
    alarm(0);
    close(fixture.reader);
    for (unsigned i = 0; i < LINES; i++)
        assert_memory_equal(text + i * line.length, line.at, line.length);
}

/* The next one goes on with the pipe, which has lines all the time; each line arrives once, in its order. */
static void writer_that_is_switched_leaves_whole_lines(void **state)
{
    static char text[3 * LIMIT_LOG_PIPE], expected[sizeof text];
    int status, unread = 0;
    (void)state;
    alarm(300);
    has_no_deadline = true; /* this process may be too slow a reader */
    struct fixture fixture = begin();
    has_no_deadline = false;
    fcntl(STDOUT_FILENO, F_SETFL, 0); /* not O_DIRECT, of which a part can't be read */
    fcntl(fixture.writer.into, F_SETPIPE_SZ, LIMIT_LOG_PIPE);
    size_t length = 0, taken = 0;
    for (int number = 0; length < LIMIT_LOG_PIPE; number++) {
        int size = snprintf(expected + length, 64, "%d %.*s\n", number, number % 40, line.at);
        if (write(fixture.writer.into, expected + length, (size_t)size) < 0)
            break; /* both pipes are full */
        length += (size_t)size;
    }
    while (unread < fcntl(fixture.reader, F_GETPIPE_SZ) / 2)
        assert_int_equal(ioctl(fixture.reader, FIONREAD, &unread), 0);
    log_writer_switch(&fixture.writer);
    assert_true(fixture.writer.is_switching);
    while (waitpid(fixture.writer.pid, &status, WNOHANG) == 0) {
        assert_int_equal(ioctl(fixture.reader, FIONREAD, &unread), 0);
        take(&fixture, text + taken, unread > 64 ? 64 : 0);
        taken += unread > 64 ? 64 : 0;
        usleep(100);
    }
    assert_int_equal(status, 0);
    assert_int_equal(ioctl(fixture.writer.from, FIONREAD, &unread), 0);
    assert_true(unread > LIMIT_LOG_LINE);
    assert_true(log_writer_start(&fixture.writer));
    take(&fixture, text + taken, length - taken);
    end(&fixture);
    alarm(0);
    close(fixture.reader);
    assert_memory_equal(text, expected, length);
}

/* Of the lines sent to a stream that is not read. */
static void assert_lines_came_or_were_reported(struct fixture *fixture, unsigned long sent)
{
    static const char begin[] = "the access log loses lines: its reader or its disk does not keep up\n";
    unsigned long came = drain(fixture);
    assert_memory_equal(captured, begin, sizeof begin - 1);
    assert_true(came > 0);
    assert_int_equal(came + strtoul(captured + sizeof begin - 1, NULL, 10), sent);
}

/* What came and what was lost are all there was. */
static void stream_that_is_not_read_delays_the_end_for_a_bounded_time(void **state)
{
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    unsigned long sent = fill(&fixture);
    end(&fixture);
    capture_end(&errors);
    assert_lines_came_or_were_reported(&fixture, sent);
}

/* A worker that does not end keeps the pipe open; the writer tells what it lost and does not wait for it. */
static void writer_whose_time_is_up_does_not_wait_for_more_lines(void **state)
{
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    int worker = fcntl(fixture.writer.into, F_DUPFD_CLOEXEC, 0);
    unsigned long sent = fill(&fixture);
    end(&fixture);
    close(worker);
    capture_end(&errors);
    assert_lines_came_or_were_reported(&fixture, sent);
}

/* As after a reload: the program that would tell the writer to finish is gone, and the old workers end. */
static void writer_of_a_stream_that_is_not_read_ends_after_the_last_worker(void **state)
{
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    unsigned long sent = fill(&fixture);
    usleep(LIMIT_LOG_LAST_MS * 2500); /* longer than the writer has at the end */
    assert_int_equal(waitpid(fixture.writer.pid, NULL, WNOHANG), 0);
    close(fixture.writer.from);
    close(fixture.writer.into);
    alarm(300);
    assert_int_equal(waitpid(fixture.writer.pid, NULL, 0), fixture.writer.pid);
    alarm(0);
    put_back(&fixture);
    capture_end(&errors);
    assert_lines_came_or_were_reported(&fixture, sent);
}

/* The writer gets no CPU time until the time is over: signals that wait for a stopped process are handled before it
   goes on, SIGURG's (WRITER_FINISH) before SIGALRM's. */
static void lines_are_written_though_the_time_is_up_if_that_does_not_block(void **state)
{
    char got[4 * 64];
    (void)state;
    struct fixture fixture = begin();
    stop_writer(&fixture);
    for (unsigned i = 0; i < 3; i++)
        send_text(&fixture, line.at, line.length);
    kill(fixture.writer.pid, SIGURG);
    kill(fixture.writer.pid, SIGALRM);
    kill(fixture.writer.pid, SIGCONT);
    end(&fixture);
    assert_int_equal(read(fixture.reader, got, sizeof got), 3 * line.length);
    close(fixture.reader);
}

/* Signals to the whole process group, as of Ctrl-C; the workers still have lines to write. */
static void signals_of_the_process_group_do_not_end_the_writer(void **state)
{
    static const int signals[] = {SIGINT,  SIGQUIT, SIGHUP,  SIGTERM, SIGUSR2,
                                  SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ};
    char got[64];
    (void)state;
    struct fixture fixture = begin();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        await_idle_writer(&fixture);
        assert_int_equal(kill(fixture.writer.pid, signals[i]), 0);
        send_text(&fixture, line.at, line.length);
        alarm(300);
        assert_int_equal(read(fixture.reader, got, sizeof got), line.length);
        alarm(0);
    }
    end(&fixture);
    close(fixture.reader);
}

/* Another process may have set O_NONBLOCK on the stream. */
static void stream_that_does_not_block_loses_no_lines(void **state)
{
    char got[LIMIT_LOG_LINE];
    size_t came = 0;
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK | O_DIRECT);
    unsigned long sent = fill(&fixture);
    alarm(300);
    for (ssize_t size; came < sent * line.length; came += (size_t)size)
        assert_true((size = read(fixture.reader, got, sizeof got)) > 0);
    alarm(0);
    end(&fixture);
    capture_end(&errors);
    assert_string_equal(captured, "");
    close(fixture.reader);
}

static void stream_without_a_reader_is_reported(void **state)
{
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    close(fixture.reader);
    for (unsigned i = 0; i < 7; i++)
        send_text(&fixture, line.at, line.length);
    end(&fixture);
    capture_end(&errors);
    assert_string_equal(captured, "the access log loses lines: no process reads it\n"
                                  "7 lines of the access log were dropped: no process reads it\n");
}

static void set_file_size_limit(const struct fixture *fixture, rlim_t limit)
{
    const struct rlimit limits = {limit, RLIM_INFINITY};
    assert_int_equal(prlimit(fixture->writer.pid, RLIMIT_FSIZE, &limits, NULL), 0);
}

/* A writer to a file of that content, which is the reader's descriptor. */
static struct fixture begin_file(int reports, struct span content)
{
    char path[] = "/tmp/tinyhttpd-log-XXXXXX";
    struct fixture fixture = {
        .writer = template, .saved = dup(STDOUT_FILENO), .reader = mkostemp(path, O_APPEND | O_CLOEXEC)};
    fixture.writer.reports = reports;
    unlink(path);
    assert_int_equal(write(fixture.reader, content.at, content.length), content.length);
    assert_true(dup2(fixture.reader, STDOUT_FILENO) == STDOUT_FILENO);
    assert_true(log_writer_open(&fixture.writer));
    return fixture;
}

static void send_lines(const struct fixture *fixture, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        send_text(fixture, line.at, line.length);
        await_idle_writer(fixture);
    }
}

/* A disk that becomes full takes a part of a line: the next one begins on a line of its own, and the number of lost
   lines is reported. */
static void assert_cut_spoils_no_other(size_t taken)
{
    char content[LIMIT_LOG_LINE] = "", expected[LIMIT_LOG_LINE];
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin_file(STDERR_FILENO, SPAN(""));
    set_file_size_limit(&fixture, line.length + taken); /* EFBIG beyond it, as ENOSPC */
    send_lines(&fixture, 4);
    set_file_size_limit(&fixture, RLIM_INFINITY);
    send_lines(&fixture, 2);
    end(&fixture);
    capture_end(&errors);
    assert_true(pread(fixture.reader, content, sizeof content - 1, 0) > 0);
    close(fixture.reader);
    snprintf(expected, sizeof expected, "%s%.*s\n%s%s", line.at, (int)taken, line.at, line.at, line.at);
    assert_string_equal(content, expected);
    assert_string_equal(
        captured, "the access log loses lines: File too large; see 'ulimit -f'\n"
                  "3 lines of the access log were dropped: File too large; see 'ulimit -f'; it is written again\n");
}

static void line_cut_short_spoils_no_other(void **state)
{
    (void)state;
    assert_cut_spoils_no_other(10);
    assert_cut_spoils_no_other(line.length - 1); /* all but its end */
}

/* The previous writer may have cut its last line, as the disk was full. */
static void cut_line_at_the_end_of_a_file_is_ended(void **state)
{
    static const char *const contents[][2] = {{"cut", "cut\n"}, {"whole\n", "whole\n"}, {"", ""}};
    char content[LIMIT_LOG_LINE], expected[LIMIT_LOG_LINE];
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct fixture fixture = begin_file(STDERR_FILENO, span_of(contents[i][0]));
        send_text(&fixture, line.at, line.length);
        end(&fixture);
        memset(content, 0, sizeof content);
        assert_true(pread(fixture.reader, content, sizeof content - 1, 0) > 0);
        close(fixture.reader);
        snprintf(expected, sizeof expected, "%s%s", contents[i][1], line.at);
        assert_string_equal(content, expected);
    }
}

/* The disk has room for a line but not for the report of those lost before. */
static void report_cut_short_is_repeated(void **state)
{
    char content[LIMIT_LOG_LINE] = "", expected[LIMIT_LOG_LINE];
    (void)state;
    struct fixture fixture = begin_file(STDOUT_FILENO, SPAN(""));
    set_file_size_limit(&fixture, 0);
    send_lines(&fixture, 3);
    set_file_size_limit(&fixture, line.length + 4);
    send_lines(&fixture, 2);
    set_file_size_limit(&fixture, RLIM_INFINITY);
    send_lines(&fixture, 2);
    end(&fixture);
    assert_true(pread(fixture.reader, content, sizeof content - 1, 0) > 0);
    close(fixture.reader);
    snprintf(expected, sizeof expected,
             "%s3 li\n%s4 lines of the access log were dropped: File too large; see 'ulimit -f'; it is "
             "written again\n%s",
             line.at, line.at, line.at);
    assert_string_equal(content, expected);
}

static void writer_has_no_descriptors_but_its_own(void **state)
{
    char path[64], got[64];
    struct stat attributes;
    (void)state;
    struct fixture fixture = begin();
    send_text(&fixture, line.at, line.length);
    assert_true(read(fixture.reader, got, sizeof got) > 0); /* so it has begun */
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)fixture.writer.pid, fd);
        assert_int_equal(lstat(path, &attributes) == 0, fd <= STDERR_FILENO);
    }
    end(&fixture);
    close(fixture.reader);
}

static void killed_writer_can_be_started_again(void **state)
{
    char got[64];
    (void)state;
    struct fixture fixture = begin();
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = fixture.writer.pid;
        assert_true(pid > 0);
        send_text(&fixture, line.at, line.length);
        assert_int_equal(read(fixture.reader, got, sizeof got), line.length);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_true(log_writer_start(&fixture.writer));
    }
    end(&fixture);
    close(fixture.reader);
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void restart_is_due_after_a_delay_or_at_once_after_a_switch(void **state)
{
    enum { SWITCH_MS = LIMIT_LOG_LAST_MS + LIMIT_LOG_GRACE_MS };
    (void)state;
    int64_t before = now_ms();
    struct fixture fixture = begin();
    int64_t after = now_ms();
    assert_true(fixture.writer.due >= before + LIMIT_LOG_RESTART_MS);
    assert_true(fixture.writer.due <= after + LIMIT_LOG_RESTART_MS);
    before = now_ms();
    log_writer_switch(&fixture.writer);
    after = now_ms();
    assert_int_equal(fixture.writer.due, 0); /* the next one, at once */
    assert_true(fixture.writer.kill_due >= before + SWITCH_MS && fixture.writer.kill_due <= after + SWITCH_MS);
    end(&fixture);
    close(fixture.reader);
}

static volatile sig_atomic_t urgent_signals;

static void count_urgent(int signal)
{
    (void)signal;
    urgent_signals = 1;
}

/* The log writer has ended, so another process may have its pid. */
static void processes_that_are_no_children_get_no_signal(void **state)
{
    pid_t pids[] = {getpid(), 0};
    (void)state;
    urgent_signals = 0;
    signal(SIGURG, count_urgent);
    log_writer_end_all(pids, 2, false);
    signal(SIGURG, SIG_DFL);
    assert_false(urgent_signals);
    assert_int_equal(pids[0], 0);
}

static void writer_that_cannot_be_started_is_failing(void **state)
{
    struct log_writer writer = template;
    (void)state;
    fork_fails = true;
    bool is_open = log_writer_open(&writer);
    int error = errno;
    fork_fails = false;
    assert_false(is_open || writer.is_open);
    assert_true(writer.is_failing);
    assert_int_equal(writer.pid, 0);
    assert_int_equal(error, EAGAIN);
    assert_true(log_writer_open(&writer));
    assert_false(writer.is_failing);
    log_writer_close(&writer);
    log_writer_end_all(&writer.pid, 1, false);
}

/* Stops so many writers and ends them. Returns how long that took, in milliseconds. */
static int64_t end_stopped_writers(unsigned count, bool hurried)
{
    struct log_writer writers[8];
    pid_t pids[8];
    for (unsigned i = 0; i < count; i++) {
        writers[i] = template;
        assert_true(log_writer_open(&writers[i]));
        pids[i] = writers[i].pid;
        kill(pids[i], SIGSTOP);
    }
    int64_t begin = now_ms();
    log_writer_end_all(pids, count, hurried);
    int64_t waited = now_ms() - begin;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pids[i], 0);
        assert_int_equal(kill(writers[i].pid, 0), -1);
        log_writer_close(&writers[i]);
    }
    return waited;
}

/* Each is killed when the time that they have in common is over. */
static void stopped_writers_share_one_wait(void **state)
{
    (void)state;
    pauses = 0;
    int64_t one = end_stopped_writers(1, false);
    assert_in_range(pauses, 1, LIMIT_LOG_LAST_MS / 10); /* the CPU is idle meanwhile */
    int64_t eight = end_stopped_writers(8, false);
    assert_true(one >= LIMIT_LOG_LAST_MS && eight >= LIMIT_LOG_LAST_MS);
    assert_true(eight < 4 * one);
}

static void idle_writer_ends_before_one_that_is_stopped(void **state)
{
    (void)state;
    int64_t stopped = end_stopped_writers(1, false), idle = stopped;
    for (unsigned i = 0; i < 3 && idle >= stopped; i++) { /* again, as it may get no CPU time for so long */
        struct fixture fixture = begin();
        int64_t began = now_ms();
        end(&fixture);
        idle = now_ms() - began;
        close(fixture.reader);
    }
    assert_true(idle < stopped);
}

static void writer_without_descriptors_is_not_opened(void **state)
{
    struct log_writer writer = template;
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max}), 0);
    bool is_open = log_writer_open(&writer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(is_open);
    assert_false(writer.is_open);
    assert_int_equal(writer.pid, 0);
}

static void hurried_end_kills_stopped_writers_as_well(void **state)
{
    (void)state;
    alarm(300);
    int64_t hurried = end_stopped_writers(2, true);
    assert_true(hurried < end_stopped_writers(2, false)); /* a ratio, as a busy machine takes longer for both */
    alarm(0);
}

/* Ends a writer whose stream is not read. Returns how many milliseconds it took, or -1 if the writer was killed before
   it told what it lost, as on a machine where it gets no CPU time within LIMIT_LOG_HURRY_MS. */
static int64_t end_unread_writer(bool hurried)
{
    struct capture errors = capture_begin(STDERR_FILENO);
    struct fixture fixture = begin();
    unsigned long sent = fill(&fixture);
    log_writer_close(&fixture.writer);
    int64_t began = now_ms();
    log_writer_end_all(&fixture.writer.pid, 1, hurried);
    int64_t waited = now_ms() - began;
    put_back(&fixture);
    capture_end(&errors);
    if (hurried && captured[0] == '\0') {
        close(fixture.reader);
        return -1;
    }
    assert_lines_came_or_were_reported(&fixture, sent);
    return waited;
}

/* Signals cut each pause short, as of children that exit all the time. */
static void signals_neither_shorten_nor_delay_the_end(void **state)
{
    (void)state;
    int64_t undisturbed = end_stopped_writers(1, false);
    pid_t parent = getpid(), child = fork();
    for (unsigned i = 0; child == 0 && i < 10000; i++) {
        kill(parent, SIGCHLD);
        usleep(2000);
    }
    if (child == 0)
        _exit(0);
    int64_t disturbed = end_stopped_writers(1, false);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(disturbed >= LIMIT_LOG_LAST_MS);
    assert_true(disturbed < 4 * undisturbed);
}

static void hurried_writer_does_not_wait_for_the_reader(void **state)
{
    (void)state;
    int64_t unhurried = end_unread_writer(false), hurried = -1;
    for (unsigned i = 0; i < 100 && hurried < 0; i++)
        hurried = end_unread_writer(true);
    assert_true(hurried >= 0);
    assert_true(hurried < unhurried); /* a ratio, as a busy machine takes longer for both */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines_are_whole),
        cmocka_unit_test(each_write_has_whole_lines),
        cmocka_unit_test(text_without_a_line_end_is_written_at_the_end),
        cmocka_unit_test(stream_that_is_not_read_delays_the_end_for_a_bounded_time),
        cmocka_unit_test(writer_whose_time_is_up_does_not_wait_for_more_lines),
        cmocka_unit_test(writer_of_a_stream_that_is_not_read_ends_after_the_last_worker),
        cmocka_unit_test(lines_are_written_though_the_time_is_up_if_that_does_not_block),
        cmocka_unit_test(signals_of_the_process_group_do_not_end_the_writer),
        cmocka_unit_test(stream_that_does_not_block_loses_no_lines),
        cmocka_unit_test(stream_without_a_reader_is_reported),
        cmocka_unit_test(line_cut_short_spoils_no_other),
        cmocka_unit_test(cut_line_at_the_end_of_a_file_is_ended),
        cmocka_unit_test(report_cut_short_is_repeated),
        cmocka_unit_test(writer_has_no_descriptors_but_its_own),
        cmocka_unit_test(killed_writer_can_be_started_again),
        cmocka_unit_test(restart_is_due_after_a_delay_or_at_once_after_a_switch),
        cmocka_unit_test(processes_that_are_no_children_get_no_signal),
        cmocka_unit_test(writer_that_cannot_be_started_is_failing),
        cmocka_unit_test(stopped_writers_share_one_wait),
        cmocka_unit_test(idle_writer_ends_before_one_that_is_stopped),
        cmocka_unit_test(writer_without_descriptors_is_not_opened),
        cmocka_unit_test(hurried_end_kills_stopped_writers_as_well),
        cmocka_unit_test(writer_that_is_switched_leaves_whole_lines),
        cmocka_unit_test(writer_that_is_switched_reads_the_rest_of_a_line),
        cmocka_unit_test(signals_neither_shorten_nor_delay_the_end),
        cmocka_unit_test(hurried_writer_does_not_wait_for_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
