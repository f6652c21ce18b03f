/* The two outputs: what is written when, and that nothing is waited for. */
#include "base/log.h"

#include "base/limits.h"
#include "base/log_file.h"
#include "base/log_writer.h"
#include "capture.h"
#include "clock.h"
#include "descriptors.h"
#include "pauses.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct span line = SPAN_INIT("192.0.2.7 - - \"GET / HTTP/1.1\" 200 7\n");

/* The workers' user. */
static uid_t user = 65534;

static void open_log(void)
{
    struct failure failure = {0};
    assert_int_equal(log_open(&(struct log_setup){.user = user}, &failure), 0);
}

/* What is open on a stream, as log_open finds it. */
static void put_on(int stream, int fd)
{
    assert_true(dup2(fd, stream) == stream);
    close(fd);
}

/* A full pipe or a closed stream is no reason to stop. */
static void a_log_that_takes_nothing_is_no_harm(void **state)
{
    (void)state;
    struct capture capture = capture_begin(STDOUT_FILENO);
    for (unsigned i = 0; i < 10000; i++)
        log_add(&line, 1);
    log_close();
    capture_end(&capture);
    assert_true(captured_length > 0);
    int saved = dup(STDOUT_FILENO);
    close(STDOUT_FILENO);
    log_add(&line, 1);
    log_close();
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

/* The line after those that were dropped tells of them. */
static void what_was_dropped_is_told_once(void **state)
{
    (void)state;
    struct capture output = capture_begin(STDOUT_FILENO);
    log_add(&line, 1); /* of what was dropped before */
    log_flush();
    usleep(LIMIT_LOG_LOSS_AGAIN_MS * 1000);
    struct capture errors = capture_begin(STDERR_FILENO);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, STDOUT_FILENO); /* ENOSPC (full(4)) */
    close(full);
    for (unsigned i = 0; i < 7; i++) {
        log_add(&line, 1);
        if (i > 3)
            log_flush();
    }
    dup2(output.pipe[1], STDOUT_FILENO);
    log_add(&line, 1);
    log_flush();
    log_add(&line, 1);
    log_flush();
    capture_end(&errors);
    assert_string_equal(
        captured, "tinyhttpd: the access log loses lines: No space left on device\n"
                  "tinyhttpd: 7 lines of the access log were dropped: No space left on device; it is written again\n");
    capture_end(&output);
    assert_int_equal(captured_length, 3 * (line.length));
}

/* A connection with little room, whose ends are ends[0] to read and ends[1] to write. */
static void open_narrow_connection(int ends[2])
{
    int size = 4096;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_length = sizeof address;
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_length), 0);
    ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    assert_int_equal(connect(ends[1], (struct sockaddr *)&address, sizeof address), 0);
    ends[0] = accept(listener, NULL, NULL);
    close(listener);
}

/* A worker that writes lines with its number as their first byte, all of them while the socket is read. */
static pid_t start_worker(unsigned number, unsigned lines)
{
    char text[64] = {(char)('0' + number)};
    struct span own = {text, line.length + 1};
    memcpy(text + 1, line.at, line.length);
    pid_t worker = fork();
    if (worker != 0)
        return worker;
    log_enter_worker(NULL);
    alarm(300);
    for (unsigned i = 0; i < lines; i++) {
        log_add(&own, 1);
        for (; log_is_pending() && i % 100 == 99; log_flush())
            usleep(100);
    }
    _exit(0);
}

/* A stream socket takes lines in part when its room is not a multiple of a line. */
static void lines_of_several_workers_do_not_mix_on_a_stream_socket(void **state)
{
    enum { WORKERS = 3, LINES = 4000 }; /* a multiple of 100 */
    static char got[1 << 20];
    int ends[2], saved = dup(STDOUT_FILENO);
    size_t length = 0, whole = WORKERS * LINES * (line.length + 1);
    (void)state;
    assert_true(whole < sizeof got);
    open_narrow_connection(ends);
    put_on(STDOUT_FILENO, ends[1]);
    open_log();
    for (unsigned i = 0; i < WORKERS; i++)
        start_worker(i, LINES);
    while (length < whole) {
        ssize_t came = recv(ends[0], got + length, 700, 0); /* so slowly that the workers meet a full socket */
        assert_true(came > 0);
        length += (size_t)came;
        usleep(100);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        wait(NULL);
    log_end();
    put_on(STDOUT_FILENO, saved);
    close(ends[0]);
    assert_int_equal(length, whole);
    for (size_t at = 0; at < length; at += line.length + 1) {
        assert_in_range(got[at], '0', '0' + WORKERS - 1);
        assert_memory_equal(got + at + 1, line.at, line.length);
    }
}

/* Each write to this pipe is read as one (pipe(7), O_DIRECT). */
static void lines_are_written_together_and_whole(void **state)
{
    int ends[2], saved = dup(STDOUT_FILENO);
    unsigned lines = 0, writes = 0;
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT), 0);
    dup2(ends[1], STDOUT_FILENO);
    log_add(&line, 1);
    assert_true(log_is_pending());
    assert_true(read(ends[0], captured, sizeof captured) < 0);
    for (unsigned i = 1; i < 100; i++)
        log_add(&line, 1);
    log_flush();
    log_flush();
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_false(log_is_pending());
    while ((captured_length = read(ends[0], captured, sizeof captured)) > 0) {
        assert_true(captured_length <= LIMIT_LOG_LINE);
        assert_int_equal(captured[captured_length - 1], '\n');
        for (ssize_t i = 0; i < captured_length; i++)
            lines += captured[i] == '\n';
        writes++;
    }
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(lines, 100);
    assert_int_equal(writes, 100 / (LIMIT_LOG_LINE / line.length) + 1);
}

/* Fills a pipe that nothing reads yet, and adds 5 lines more than there is room for. */
static void lose_five_lines(void)
{
    static const char filling[4096];
    const unsigned room = LIMIT_LOG_HELD / line.length;
    struct capture output = capture_begin(STDOUT_FILENO);
    open_log();
    while (write(STDOUT_FILENO, filling, sizeof filling) > 0)
        continue;
    for (unsigned i = 0; i < room + 5; i++)
        log_add(&line, 1);
    log_flush();
    assert_true(log_is_pending());
    while (read(output.pipe[0], captured, sizeof captured) > 0)
        continue;
    log_flush();
    assert_false(log_is_pending());
    capture_end(&output);
    assert_int_equal(captured_length, room * line.length);
}

/* A pipe that is full, and its reader busy: lines wait while there is room, the others are counted. A loss soon after
   another is told only at its end. */
static void unread_lines_are_held(void **state)
{
    (void)state;
    stop_clock();
    struct capture errors = capture_begin(STDERR_FILENO);
    lose_five_lines();
    capture_end(&errors);
    errors = capture_begin(STDERR_FILENO);
    lose_five_lines();
    capture_end(&errors);
    start_clock();
    assert_string_equal(captured, "tinyhttpd: 5 lines of the access log were dropped: its reader or its disk does not "
                                  "keep up; it is written again\n");
}

/* The last line that there is room for is neither written early nor dropped. */
static void lines_are_held_until_the_room_is_used_up(void **state)
{
    static char text[LIMIT_LOG_LINE];
    static const char filling[4096];
    const struct span piece = {text, sizeof text};
    int unread = 0;
    (void)state;
    memset(text, '\n', sizeof text);
    struct capture errors = capture_begin(STDERR_FILENO);
    struct capture output = capture_begin(STDOUT_FILENO);
    open_log();
    for (size_t length = 0; length < LIMIT_LOG_HELD; length += piece.length)
        log_add(&piece, 1);
    assert_int_equal(ioctl(output.pipe[0], FIONREAD, &unread), 0);
    assert_int_equal(unread, 0);
    log_flush();
    assert_int_equal(read(output.pipe[0], captured, sizeof captured), LIMIT_LOG_HELD);
    while (write(STDOUT_FILENO, filling, sizeof filling) > 0)
        continue;
    for (size_t length = 0; length < LIMIT_LOG_HELD; length += piece.length)
        log_add(&piece, 1);
    while (read(output.pipe[0], captured, sizeof captured) > 0)
        continue;
    log_flush();
    capture_end(&output);
    assert_int_equal(captured_length, LIMIT_LOG_HELD);
    capture_end(&errors);
    assert_string_equal(captured, "");
}

/* Both streams lead to one place that has no room: the count waits until there is some. */
static void count_of_dropped_lines_is_kept_until_it_is_told(void **state)
{
    static const char filling[4096];
    const unsigned room = LIMIT_LOG_HELD / line.length;
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct capture output = capture_begin(STDOUT_FILENO);
    open_log();
    while (write(STDERR_FILENO, filling, sizeof filling) > 0)
        continue;
    while (write(STDOUT_FILENO, filling, sizeof filling) > 0)
        continue;
    for (unsigned i = 0; i < room + 5; i++)
        log_add(&line, 1);
    while (read(output.pipe[0], captured, sizeof captured) > 0)
        continue;
    log_flush();
    assert_false(log_is_pending());
    while (read(errors.pipe[0], captured, sizeof captured) > 0)
        continue;
    log_add(&line, 1);
    log_flush();
    capture_end(&output);
    capture_end(&errors);
    assert_string_equal(captured, "tinyhttpd: 5 lines of the access log were dropped: its reader or its disk "
                                  "does not keep up; it is written again\n");
}

/* At the end there is no later time to write to. */
static void lines_unread_at_the_end_are_reported(void **state)
{
    static const char filling[4096];
    (void)state;
    struct capture errors = capture_begin(STDERR_FILENO);
    struct capture output = capture_begin(STDOUT_FILENO);
    open_log();
    while (write(STDOUT_FILENO, filling, sizeof filling) > 0)
        continue;
    log_add(&line, 1);
    log_close();
    assert_false(log_is_pending());
    capture_end(&output);
    capture_end(&errors);
    assert_string_equal(captured,
                        "tinyhttpd: 1 line of the access log was dropped: its reader or its disk does not keep up\n");
}

/* Both streams may lead to one place. */
static void a_diagnostic_comes_after_the_lines_before_it(void **state)
{
    (void)state;
    struct capture capture = capture_begin(STDOUT_FILENO);
    int saved = dup(STDERR_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    log_add(&line, 1);
    log_error("then");
    log_add(&line, 1);
    log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    capture_end(&capture);
    assert_non_null(strstr(captured, " 200 7\ntinyhttpd: then\n192.0.2.7"));
}

/* ---- outputs that don't wait ---- */

/* Two that share a pipe may both have found it writable: a write must not wait even then. */
static void a_full_pipe_is_not_waited_for(void **state)
{
    int ends[2], saved = dup(STDOUT_FILENO);
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int shared = dup(ends[1]);
    put_on(STDOUT_FILENO, ends[1]);
    open_log();
    assert_true((fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETPIPE_SZ), LIMIT_LOG_PIPE);
    assert_int_equal(fcntl(shared, F_GETFL) & O_NONBLOCK, 0); /* whoever else has the pipe waits as before */
    alarm(300);
    for (unsigned i = 0; i < 20000; i++)
        log_add(&line, 1);
    log_close();
    alarm(0);
    log_end();
    put_on(STDOUT_FILENO, saved);
    close(shared);
    close(ends[0]);
}

/* As systemd gives one for its journal. */
static void a_full_socket_is_not_waited_for(void **state)
{
    int ends[2], saved = dup(STDOUT_FILENO);
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    put_on(STDOUT_FILENO, ends[1]);
    open_log();
    alarm(300);
    for (unsigned i = 0; i < 20000; i++)
        log_add(&line, 1);
    log_close();
    log_end();
    alarm(0);
    put_on(STDOUT_FILENO, saved);
    captured_length = read(ends[0], captured, sizeof captured);
    close(ends[0]);
    assert_true(captured_length > (ssize_t)line.length);
    assert_memory_equal(captured, "192.0.2.7 - - ", 14);
}

/* no-color.org: any value that is not empty. */
static void assert_colours(void)
{
    static const struct {
        const char *terminal, *no_color;
        bool is_coloured;
    } cases[] = {{"xterm", NULL, true}, {"xterm", "", true}, {"xterm", "0", false},
                 {"dumb", NULL, false}, {"", NULL, false},   {NULL, NULL, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsetenv("TERM");
        unsetenv("NO_COLOR");
        assert_true(cases[i].terminal == NULL || setenv("TERM", cases[i].terminal, 1) == 0);
        assert_true(cases[i].no_color == NULL || setenv("NO_COLOR", cases[i].no_color, 1) == 0);
        assert_int_equal(log_is_coloured(STDOUT_FILENO), cases[i].is_coloured);
    }
}

static void terminal_is_written_to_by_another_process(void **state)
{
    int saved = dup(STDOUT_FILENO), pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char got[4096];
    (void)state;
    if (pty < 0 || grantpt(pty) != 0 || unlockpt(pty) != 0)
        skip();
    put_on(STDOUT_FILENO, open(ptsname(pty), O_RDWR | O_NOCTTY | O_CLOEXEC));
    open_log();
    assert_true(log_is_terminal(STDOUT_FILENO));
    assert_true(isatty(STDOUT_FILENO)); /* for a program that is executed */
    pid_t worker = fork();
    if (worker == 0) {
        log_enter_worker(NULL);
        bool hidden = !isatty(STDOUT_FILENO) && log_is_terminal(STDOUT_FILENO) &&
                      fcntl(STDOUT_FILENO, F_GETPIPE_SZ) == LIMIT_LOG_PIPE;
        alarm(300);
        for (unsigned i = 0; i < 20000; i++) /* more than there is room for */
            log_add(&line, 1);
        log_close();
        _exit(hidden ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    assert_true(read(pty, got, sizeof got) > (ssize_t)line.length);
    assert_memory_equal(got, "192.0.2.7 - - ", 14);
    assert_colours();
    log_end();
    put_on(STDOUT_FILENO, saved);
    close(pty);
    open_log();
    log_end();
    assert_false(log_is_terminal(STDOUT_FILENO) && !isatty(STDOUT_FILENO));
}

static void file_is_appended_to_whatever_its_offset_is(void **state)
{
    char path[] = "/tmp/tinyhttpd-log-XXXXXX", content[LIMIT_LOG_LINE];
    int saved = dup(STDOUT_FILENO), file = mkostemp(path, O_CLOEXEC);
    (void)state;
    put_on(STDOUT_FILENO, dup(file));
    for (unsigned i = 0; i < 2; i++) {
        open_log();
        log_add(&line, 1);
        log_close();
        log_end(); /* the log writer has written it */
        assert_int_equal(lseek(STDOUT_FILENO, 0, SEEK_SET), 0);
    }
    log_end();
    put_on(STDOUT_FILENO, saved);
    ssize_t length = pread(file, content, sizeof content, 0);
    close(file);
    unlink(path);
    assert_int_equal(length, 2 * line.length);
}

/* Ends both log writers, and lets no other start. */
static void end_without_log_writers(struct metrics *metrics, int files[2])
{
    struct failure failure = {0};
    struct log_setup setup = {.user = user, .metrics = metrics};
    pid_t writers[LOG_WRITERS_MAX];
    put_on(STDOUT_FILENO, files[0]);
    put_on(STDERR_FILENO, files[1]);
    assert_int_equal(log_open(&setup, &failure), 0);
    assert_int_equal(log_list_writers(writers), 2);
    log_signal_writers(SIGKILL);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(waitpid(writers[i], NULL, 0), writers[i]);
        assert_true(log_note_ended(writers[i]));
    }
    log_add(&line, 1);
    log_close();
    assert_int_equal(setrlimit(RLIMIT_NPROC, &(struct rlimit){0}), 0);
    assert_true(geteuid() != 0 || setuid(user) == 0); /* no limit for root */
    int64_t now = now_ms() + LIMIT_LOG_RESTART_MS, next = log_start_writers(now);
    assert_in_range(next, now, now_ms() + LIMIT_LOG_RESTART_MS);
    log_end();
}

static void lines_without_a_log_writer_are_counted_by_their_log(void **state)
{
    struct metrics *metrics = metrics_open(1);
    struct metrics_totals totals;
    int status;
    (void)state;
    assert_non_null(metrics);
    pid_t child = fork();
    if (child == 0) {
        end_without_log_writers(metrics, (int[2]){memfd_create("out", 0), memfd_create("errors", 0)});
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    metrics_sum(metrics, &totals);
    assert_int_equal(totals.lost_lines[METRICS_ACCESS_LOG], 1);
    /* Two writers ended and could not be started, and the access log lost a line. */
    assert_int_equal(totals.lost_lines[METRICS_ERROR_LOG], 2 + 2 + 1);
    metrics_close(metrics);
}

/* ---- log writers that are replaced ---- */

static unsigned lines_in(const char *name)
{
    static char content[1 << 16];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, content, sizeof content);
    close(fd);
    return length < 0 ? 0 : log_writer_count_lines((struct span){content, (size_t)length});
}

static void open_files(void)
{
    struct failure failure = {0};
    struct log_setup setup = {.user = user, .files = {[STDOUT_FILENO] = "out", [STDERR_FILENO] = "errors"}};
    assert_int_equal(log_open(&setup, &failure), 0);
}

static void await_end_of(pid_t writer)
{
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_true(log_note_ended(writer));
    assert_false(log_note_ended(writer));
}

static void reopen_all(void)
{
    pid_t before[LOG_WRITERS_MAX], after[LOG_WRITERS_MAX];
    open_files();
    log_add(&line, 1);
    log_error("a");
    assert_int_equal(log_list_writers(before), 2);
    assert_false(log_awaits_writer());
    assert_int_equal(log_start_writers(0), INT64_MAX);
    assert_int_equal(rename("out", "out.1") + rename("errors", "errors.1"), 0);
    log_reopen();
    await_end_of(before[0]);
    assert_true(log_awaits_writer());
    assert_true(log_start_writers(0) < INT64_MAX); /* when the other one is killed */
    await_end_of(before[1]);
    assert_true(log_awaits_writer());
    assert_int_equal(log_start_writers(0), INT64_MAX);
    assert_false(log_awaits_writer());
    assert_int_equal(log_list_writers(after), 2);
    log_error("b");
    log_error("c");
    log_close();
    log_end();
    assert_int_equal(lines_in("out.1") + lines_in("out"), 1);
    assert_int_equal(lines_in("errors.1") + lines_in("errors"), 3); /* none says that a writer has ended */
    assert_true(lines_in("errors") >= 2);
}

static void stop_writers(pid_t writers[LOG_WRITERS_MAX])
{
    assert_int_equal(log_list_writers(writers), 2);
    for (unsigned i = 0; i < 2; i++) {
        kill(writers[i], SIGSTOP);
        assert_int_equal(waitpid(writers[i], NULL, WUNTRACED), writers[i]);
    }
}

/* More lines wait in the pipes than the first writers read at once, and log_end() starts their successors. */
static void reopen_and_end(void)
{
    pid_t writers[LOG_WRITERS_MAX];
    open_files();
    stop_writers(writers);
    for (unsigned i = 0; i < 500; i++) {
        log_add(&line, 1);
        log_error("%s", line.at);
    }
    log_close();
    assert_int_equal(rename("out", "out.1") + rename("errors", "errors.1"), 0);
    log_reopen();
    for (unsigned i = 0; i < 2; i++) {
        kill(writers[i], SIGCONT);
        assert_int_equal(waitid(P_PID, (id_t)writers[i], &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    }
    log_end();
    assert_int_equal(lines_in("out.1") + lines_in("out"), 500);
    assert_int_equal(lines_in("errors.1") + lines_in("errors"), 500);
    assert_true(lines_in("out") > 0 && lines_in("errors") > 0);
}

/* Without a file to open, the writers stay, and write to the files that are open. */
static void reopen_what_is_a_directory(void)
{
    pid_t before[LOG_WRITERS_MAX], after[LOG_WRITERS_MAX];
    open_files();
    assert_int_equal(log_list_writers(before), 2);
    assert_int_equal(rename("out", "out.1") + rename("errors", "errors.1"), 0);
    assert_int_equal(mkdir("out", 0700) + mkdir("errors", 0700), 0);
    log_reopen();
    assert_false(log_awaits_writer());
    assert_int_equal(log_list_writers(after), 2);
    assert_memory_equal(after, before, 2 * sizeof *before);
    log_add(&line, 1);
    log_close();
    log_end();
    assert_int_equal(lines_in("out.1"), 1);
    assert_int_equal(lines_in("errors.1"), 2);
    assert_int_equal(rmdir("out") + rmdir("errors"), 0);
}

/* Each pause counts for 20 ms at most: without log_hurry() there are more of them. */
static void end_in_a_hurry(void)
{
    pid_t writers[LOG_WRITERS_MAX];
    open_files();
    stop_writers(writers);
    log_hurry();
    pauses = 0;
    log_end();
    assert_in_range(pauses, 1, LIMIT_LOG_LAST_MS / 20);
}

/* The access log's device is full. */
static void lose_a_line(void)
{
    struct failure failure = {0};
    struct log_setup setup = {.user = user, .files = {[STDOUT_FILENO] = "/dev/full", [STDERR_FILENO] = "errors"}};
    assert_int_equal(log_open(&setup, &failure), 0);
    log_add(&line, 1);
    log_close();
    log_end();
    assert_int_equal(lines_in("errors"), 2);
}

static struct metrics *shared_metrics;

static void lose_lines_of_both_logs(void)
{
    struct failure failure = {0};
    struct log_setup setup = {.user = user,
                              .metrics = shared_metrics,
                              .files = {[STDOUT_FILENO] = "/dev/full", [STDERR_FILENO] = "/dev/full"}};
    assert_int_equal(log_open(&setup, &failure), 0);
    log_add(&line, 1);
    log_error("a");
    log_close();
    log_end();
}

static void become_a_worker(void)
{
    open_files();
    unsigned before = open_descriptors();
    log_enter_worker(NULL);
    assert_int_equal(before - open_descriptors(), 2 * 2); /* both ends of the pipes to the log writers */
}

/* A stopped writer, as one that a file system blocks. */
static void reopen_with_a_stopped_writer(void)
{
    pid_t writers[LOG_WRITERS_MAX];
    int status;
    open_files();
    assert_int_equal(log_list_writers(writers), 2);
    kill(writers[1], SIGSTOP);
    int64_t before = now_ms();
    log_reopen();
    int64_t after = now_ms();
    await_end_of(writers[0]);
    int64_t due = log_start_writers(0);
    assert_in_range(due - LIMIT_LOG_LAST_MS - LIMIT_LOG_GRACE_MS, before, after);
    log_start_writers(due - 1);
    assert_int_equal(waitpid(writers[1], &status, WNOHANG), 0);
    log_start_writers(due);
    assert_int_equal(waitpid(writers[1], &status, 0), writers[1]);
    assert_true(WIFSIGNALED(status));
    assert_true(log_note_ended(writers[1]));
    assert_int_equal(log_start_writers(due), INT64_MAX);
    log_end();
}

/* As after too many reloads: those over the bound are not waited for. */
static void adopt_many(void)
{
    pid_t writers[LOG_WRITERS_MAX];
    open_files();
    for (pid_t pid = 1; pid <= LIMIT_LOG_FORMER + 3; pid++)
        log_adopt_writer(1000000 + pid);
    assert_int_equal(log_list_writers(writers), LOG_WRITERS_MAX);
    for (pid_t pid = 1; pid <= LIMIT_LOG_FORMER; pid++)
        assert_int_equal(writers[1 + pid], 1000000 + pid);
    log_signal_writers(SIGKILL); /* of this program only */
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(waitpid(writers[i], NULL, 0), writers[i]);
}

/* Calls act() in another process, as its log can't be opened twice, in a folder of its own. */
static void assert_well_in_folder(void (*act)(void))
{
    char folder[] = "/tmp/tinyhttpd-log-XXXXXX";
    static const char *const names[] = {"out", "out.1", "errors", "errors.1"};
    int status;
    assert_non_null(mkdtemp(folder));
    pid_t child = fork();
    if (child == 0) {
        alarm(300);
        if (chdir(folder) < 0)
            _exit(1);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    int descriptor = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(names); i++)
        unlinkat(descriptor, names[i], 0);
    close(descriptor);
    rmdir(folder);
    assert_int_equal(status, 0);
}

static void reopened_files_get_the_lines_that_follow(void **state)
{
    (void)state;
    assert_well_in_folder(reopen_all);
}

static void no_line_is_lost_if_the_end_comes_while_writers_are_replaced(void **state)
{
    (void)state;
    assert_well_in_folder(reopen_and_end);
}

static void log_keeps_its_file_if_reopening_fails(void **state)
{
    (void)state;
    assert_well_in_folder(reopen_what_is_a_directory);
}

static void hurried_end_waits_less(void **state)
{
    (void)state;
    assert_well_in_folder(end_in_a_hurry);
}

static void lost_access_lines_are_reported_in_the_error_log(void **state)
{
    (void)state;
    assert_well_in_folder(lose_a_line);
}

static void lines_that_a_writer_loses_are_counted_by_its_log(void **state)
{
    struct metrics_totals totals;
    (void)state;
    shared_metrics = metrics_open(1);
    assert_non_null(shared_metrics);
    assert_well_in_folder(lose_lines_of_both_logs);
    metrics_sum(shared_metrics, &totals);
    assert_int_equal(totals.lost_lines[METRICS_ACCESS_LOG], 1);
    assert_int_equal(totals.lost_lines[METRICS_ERROR_LOG], 1);
    metrics_close(shared_metrics);
}

static void worker_keeps_no_end_of_the_pipes_but_its_own(void **state)
{
    (void)state;
    assert_well_in_folder(become_a_worker);
}

static void writer_that_does_not_end_is_killed_when_that_is_due(void **state)
{
    (void)state;
    assert_well_in_folder(reopen_with_a_stopped_writer);
}

static void log_writers_of_earlier_programs_are_bounded(void **state)
{
    (void)state;
    assert_well_in_folder(adopt_many);
}

/* ---- diagnostics ---- */

static const char *complained(const char *message)
{
    struct capture capture = capture_begin(STDERR_FILENO);
    log_error("%s", message);
    capture_end(&capture);
    return captured;
}

static void diagnostics_have_their_form(void **state)
{
    (void)state;
    struct capture capture = capture_begin(STDERR_FILENO);
    log_error("port %d is %s", 80, "taken");
    capture_end(&capture);
    assert_string_equal(captured, "tinyhttpd: port 80 is taken\n");
    assert_string_equal(complained("'r\xC3\xBC"
                                   "be' \"is\" C:\\missing"),
                        "tinyhttpd: 'r\xC3\xBC"
                        "be' \"is\" C:\\missing\n");
}

static void diagnostics_do_not_steer_terminals(void **state)
{
    (void)state;
    assert_string_equal(complained("a\x1B[2J\r\nb\x07\x7F"), "tinyhttpd: a\\x1B[2J\\x0D\\x0Ab\\x07\\x7F\n");
    /* CSI in eight bits, as UTF-8: terminals follow it too (ECMA-48 5.3). */
    assert_null(strstr(complained("a\xC2\x9B"
                                  "2J"),
                       "\xC2\x9B"));
}

static void long_diagnostics_end_with_their_line(void **state)
{
    static const char bytes[] = {'a', '\n', '\x1B'};
    static char message[20000];
    (void)state;
    for (size_t i = 0; i < COUNT(bytes); i++) {
        memset(message, bytes[i], sizeof message - 1);
        complained(message);
        assert_one_line("\n");
        assert_memory_equal(captured, "tinyhttpd: ", 11);
        assert_true(captured_length > LIMIT_LOG_LINE / 4 - 20); /* the message, of which nothing is left out */
    }
}

/* ---- files and times ---- */

/* A new file is for this user and its group; a directory is none. */
static void log_files_are_opened_or_the_reason_is_told(void **state)
{
    static const struct {
        const char *name;
        const char *reason;
    } cases[] = {
        {"/tmp", "this is a directory; give a file in it"},
        {"/none/log", "its directory does not exist"},
        {"/dev/null/log", "Not a directory"},
    };
    char directory[] = "/tmp/tinyhttpd-log-XXXXXX", path[64], expected[128];
    struct failure failure;
    struct stat attributes;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(log_file_open("--error-log", cases[i].name, &failure), -1);
        assert_int_equal(failure.status, EX_CANTCREAT);
        snprintf(expected, sizeof expected, "--error-log '%s' can't be opened: %s", cases[i].name, cases[i].reason);
        assert_string_equal(failure.message, expected);
    }
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/log", directory);
    mode_t mask = umask(0);
    for (unsigned i = 0; i < 2; i++) {
        int fd = log_file_open("--access-log", path, &failure);
        assert_int_equal(write(fd, "line\n", 5), 5);
        assert_int_equal(fstat(fd, &attributes), 0);
        close(fd);
        assert_int_equal(attributes.st_mode & 07777, 0640);
        assert_int_equal(attributes.st_size, 5 * (i + 1));
    }
    umask(mask);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(log_file_open("--access-log", path, &failure), -1);
    assert_non_null(strstr(failure.message, "a FIFO that no process reads"));
    unlink(path);
    rmdir(directory);
}

/* The log writer reads a file's last byte. A FIFO open for reading would never lose its last reader. */
static void log_files_can_be_read_but_for_fifos(void **state)
{
    char path[] = "/tmp/tinyhttpd-log-XXXXXX", last;
    int file = mkostemp(path, O_CLOEXEC), lowest = dup(file);
    struct failure failure;
    (void)state;
    close(lowest);
    int fd = log_file_open("--access-log", path, &failure);
    assert_int_equal(write(fd, "line\n", 5), 5);
    assert_int_equal(pread(fd, &last, 1, 4), 1);
    assert_int_equal(last, '\n');
    assert_true((fcntl(fd, F_GETFL) & O_APPEND) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fd = log_file_open("--access-log", path, &failure);
    assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    close(reader);
    unlink(path);
    assert_int_equal(dup(file), lowest); /* none is left open */
    close(lowest);
    close(file);
}

/* As if the program was started with standard input closed. */
static void log_file_may_have_the_first_descriptor(void **state)
{
    char path[] = "/tmp/tinyhttpd-log-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC), saved = dup(STDIN_FILENO);
    struct failure failure = {0};
    (void)state;
    close(STDIN_FILENO);
    int fd = log_file_open("--access-log", path, &failure);
    ssize_t written = write(fd, "line\n", 5);
    close(fd);
    put_on(STDIN_FILENO, saved);
    unlink(path);
    close(file);
    assert_int_equal(written, 5);
    assert_int_equal(failure.status, 0);
}

/* "1994-11-06T08:49:37Z tinyhttpd: a\n"; the journal has times of its own. */
static void lines_are_stamped_but_for_the_journal(void **state)
{
    char journal[64];
    struct stat attributes;
    (void)state;
    unsetenv("JOURNAL_STREAM");
    struct capture capture = capture_begin(STDERR_FILENO);
    log_stamp();
    log_error("a");
    log_text(SPAN("tinyhttpd 1\ntinyhttpd 2\n"));
    assert_int_equal(fstat(STDERR_FILENO, &attributes), 0);
    snprintf(journal, sizeof journal, "%ju:%ju", (uintmax_t)attributes.st_dev, (uintmax_t)attributes.st_ino);
    setenv("JOURNAL_STREAM", journal, 1);
    log_stamp();
    log_error("b");
    capture_end(&capture);
    assert_int_equal(captured_length, 21 + 13 + 2 * (21 + 12) + 13);
    assert_int_equal(captured[4], '-');
    assert_memory_equal(captured + 19, "Z tinyhttpd: a\n", 15);
    assert_memory_equal(captured + 34 + 19, "Z tinyhttpd 1\n", 14);
    assert_memory_equal(captured + 34 + 33 + 19, "Z tinyhttpd 2\ntinyhttpd: b\n", 27);
}

/* As the banner of many addresses, whose line no write takes whole. */
static void long_line_of_text_has_one_stamp_and_all_bytes(void **state)
{
    static char text[3 * LIMIT_LOG_LINE];
    (void)state;
    memset(text, 'a', sizeof text);
    text[4] = text[sizeof text - 6] = text[sizeof text - 1] = '\n';
    unsetenv("JOURNAL_STREAM");
    for (unsigned stamped = 0; stamped < 2; stamped++) {
        size_t stamp = stamped ? 21 : 0;
        struct capture capture = capture_begin(STDERR_FILENO);
        if (stamped)
            log_stamp();
        log_text((struct span){text, sizeof text});
        capture_end(&capture);
        assert_int_equal(captured_length, sizeof text + 3 * stamp);
        assert_memory_equal(captured + stamp, text, 5);
        assert_memory_equal(captured + 2 * stamp + 5, text + 5, sizeof text - 10);
        assert_memory_equal(captured + 3 * stamp + sizeof text - 5, text + sizeof text - 5, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_takes_nothing_is_no_harm),
        cmocka_unit_test(what_was_dropped_is_told_once),
        cmocka_unit_test(lines_of_several_workers_do_not_mix_on_a_stream_socket),
        cmocka_unit_test(lines_are_written_together_and_whole),
        cmocka_unit_test(unread_lines_are_held),
        cmocka_unit_test(lines_are_held_until_the_room_is_used_up),
        cmocka_unit_test(count_of_dropped_lines_is_kept_until_it_is_told),
        cmocka_unit_test(lines_unread_at_the_end_are_reported),
        cmocka_unit_test(a_diagnostic_comes_after_the_lines_before_it),
        cmocka_unit_test(a_full_pipe_is_not_waited_for),
        cmocka_unit_test(a_full_socket_is_not_waited_for),
        cmocka_unit_test(terminal_is_written_to_by_another_process),
        cmocka_unit_test(file_is_appended_to_whatever_its_offset_is),
        cmocka_unit_test(lines_without_a_log_writer_are_counted_by_their_log),
        cmocka_unit_test(reopened_files_get_the_lines_that_follow),
        cmocka_unit_test(no_line_is_lost_if_the_end_comes_while_writers_are_replaced),
        cmocka_unit_test(log_keeps_its_file_if_reopening_fails),
        cmocka_unit_test(hurried_end_waits_less),
        cmocka_unit_test(lost_access_lines_are_reported_in_the_error_log),
        cmocka_unit_test(lines_that_a_writer_loses_are_counted_by_its_log),
        cmocka_unit_test(worker_keeps_no_end_of_the_pipes_but_its_own),
        cmocka_unit_test(writer_that_does_not_end_is_killed_when_that_is_due),
        cmocka_unit_test(log_writers_of_earlier_programs_are_bounded),
        cmocka_unit_test(diagnostics_have_their_form),
        cmocka_unit_test(diagnostics_do_not_steer_terminals),
        cmocka_unit_test(log_files_are_opened_or_the_reason_is_told),
        cmocka_unit_test(log_files_can_be_read_but_for_fifos),
        cmocka_unit_test(log_file_may_have_the_first_descriptor),
        cmocka_unit_test(long_diagnostics_end_with_their_line),
        /* These last: log_stamp() can't be undone. */
        cmocka_unit_test(long_line_of_text_has_one_stamp_and_all_bytes),
        cmocka_unit_test(lines_are_stamped_but_for_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
