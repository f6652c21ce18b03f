#include "process/command.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/signals.h"
#include "process/handover.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* What the waiting process knows of its two children. */
struct runner {
    pid_t server;  /* 0: it has ended */
    pid_t command; /* 0: not started, or ended */
    int server_status, command_status;
    int64_t told;           /* when a signal has told the command to stop, in milliseconds; 0: not yet */
    bool killed;            /* the command, by SIGKILL */
    sigset_t mask, waiting; /* the signals blocked at the start; those that are waited for */
};

/* ---- the server's side ---- */

/* The kernel sends no SIGTERM for a parent that ended before prctl(2). */
static void follow(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM);
}

void command_tell(int ready, const char *url)
{
    (void)!write(ready, url,
                 strlen(url) + 1); /* whole, as the pipe is empty and this is less than PIPE_BUF (pipe(7)) */
    close(ready);
}

/* ---- the command ---- */

__attribute__((noreturn)) static void execute(const struct runner *runner, char *const *words, const char *url)
{
    signals_give_back();
    sigprocmask(SIG_SETMASK, &runner->mask, NULL);
    setenv("TINYHTTPD_URL", url, 1);
    execvp(words[0], words);
    int error = errno;
    bool missing = error == ENOENT || error == ENOTDIR;
    if (missing && words[0][0] == '-')
        log_error("command '%s' not found; to serve a directory of this name, type './%s'", words[0], words[0]);
    else
        log_error("command '%s': %s", words[0], missing ? "not found" : strerror(error));
    _exit(missing ? COMMAND_NOT_FOUND : COMMAND_NOT_EXECUTABLE);
}

/* Reads the server's address until it closes the pipe. Returns false if the server ended instead. Meanwhile a signal
   ends this process, and so the server. */
static bool read_url(const struct runner *runner, int fd, char *url, size_t room)
{
    size_t length = 0;
    ssize_t got;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (ppoll(&ready, 1, NULL, &runner->mask) < 0 && errno == EINTR)
        ;
    while (length < room && ((got = read(fd, url + length, room - length)) > 0 || (got < 0 && errno == EINTR)))
        length += got > 0 ? (size_t)got : 0;
    return length > 0 && url[length - 1] == '\0';
}

/* ---- waiting ---- */

static int status_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? COMMAND_SIGNALLED + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* As process 1 of a container this process also reaps orphans. */
static void reap(struct runner *runner, int flags)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, flags)) > 0) {
        if (pid == runner->command) {
            runner->command = 0;
            runner->command_status = status_of(status);
        } else if (pid == runner->server) {
            runner->server = 0;
            runner->server_status = status_of(status);
        }
        if (flags == 0)
            return;
    }
}

/* Sends a signal that ends most programs; a second one kills. */
static void stop_command(struct runner *runner, int signal)
{
    bool again = runner->told > 0 && now_ms() - runner->told >= LIMIT_STOP_TWICE_MS;
    if (runner->told > 0 && !again) /* sent to the process and to its group, as by timeout(1) */
        return;
    kill(runner->command, again ? SIGKILL : signal);
    runner->killed |= again;
    if (runner->told == 0)
        runner->told = now_ms();
}

/* The terminal has sent its signals to the command as well. Only other senders want the end by all means: a shell or a
   debugger that runs as the command goes on after Ctrl-C. */
static void pass_on(struct runner *runner, const siginfo_t *info)
{
    if (runner->command == 0 || info->si_code == SI_KERNEL)
        return;
    if (info->si_signo == SIGTERM || info->si_signo == SIGHUP)
        stop_command(runner, info->si_signo);
    else
        kill(runner->command, info->si_signo);
}

/* Returns at a signal, or after the time that a command has that was told to stop. */
static void wait_for_signal(struct runner *runner)
{
    siginfo_t info;
    int64_t left = runner->told + INT64_C(1000) * LIMIT_DRAIN_S - now_ms();
    struct timespec time = timespec_of(left > 0 ? left : 0);
    bool is_timed = runner->told > 0 && !runner->killed; /* a file system may keep a killed one for long */
    int number = sigtimedwait(&runner->waiting, &info, is_timed ? &time : NULL);
    if (number > 0 && number != SIGCHLD)
        pass_on(runner, &info);
    else if (number < 0 && errno == EAGAIN)
        runner->killed = kill(runner->command, SIGKILL) == 0;
}

static void await_command(struct runner *runner)
{
    for (;;) {
        reap(runner, WNOHANG);
        if (runner->command == 0)
            return;
        if (runner->server == 0 && runner->told == 0) { /* before the command only if it fails */
            log_error("the server has ended; the command is told to stop");
            stop_command(runner, SIGTERM);
        }
        wait_for_signal(runner);
    }
}

/* The server has its own bound for responses in flight; a signal that comes meanwhile ends it at once. */
static void end_server(struct runner *runner)
{
    int number = SIGTERM;
    while (runner->server > 0) {
        if (number > 0 && number != SIGCHLD && number != SIGUSR1 && number != SIGUSR2)
            kill(runner->server, SIGTERM);
        number = sigwaitinfo(&runner->waiting, NULL);
        reap(runner, WNOHANG);
    }
}

/* A signal that was ignored at the start stays so, as for nohup(1). */
static void block_signals(struct runner *runner)
{
    static const int passed[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    struct sigaction action;
    sigemptyset(&runner->waiting);
    sigaddset(&runner->waiting, SIGCHLD);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        if (sigaction(passed[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&runner->waiting, passed[i]);
    }
    signal(SIGCHLD, SIG_DFL); /* or children would leave no status, if the parent process has it ignored */
    sigprocmask(SIG_BLOCK, &runner->waiting, &runner->mask);
}

/* Returns the signal that came while the server started, and would have ended the command; 0: none. */
static int pending_end(const struct runner *runner)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (sigismember(&pending, ends[i]) == 1 && sigismember(&runner->waiting, ends[i]) == 1)
            return ends[i];
    }
    return 0;
}

static void start_command(struct runner *runner, char *const *words, const char *url)
{
    int signal = pending_end(runner);
    if (signal != 0) {
        runner->command_status = COMMAND_SIGNALLED + signal;
        return;
    }
    runner->command = fork();
    if (runner->command == 0)
        execute(runner, words, url);
    if (runner->command < 0) {
        log_error("command '%s': %s", words[0], strerror(errno));
        runner->command = 0;
        runner->command_status = EX_OSERR;
    }
}

/* Returns the exit status. */
static int run(struct runner *runner, char *const *words, int ready)
{
    char url[COMMAND_URL_MAX];
    bool is_serving = read_url(runner, ready, url, sizeof url);
    close(ready);
    if (is_serving)
        start_command(runner, words, url);
    await_command(runner);
    end_server(runner);
    return runner->command_status != EX_OK ? runner->command_status : runner->server_status;
}

/* A closed standard stream must not become an end of the pipe. */
static bool leave_standard_streams(int *fd)
{
    int low = *fd;
    if (low > STDERR_FILENO)
        return true;
    *fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(low);
    return *fd >= 0;
}

int command_begin(char *const *command, int *ready)
{
    struct runner runner = {0};
    int ends[2];
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    for (unsigned i = 0; i < 2; i++) {
        if (!leave_standard_streams(&ends[i]))
            return errno;
    }
    block_signals(&runner);
    runner.server = fork();
    if (runner.server < 0)
        return errno;
    if (runner.server > 0) {
        sandbox_hide_memory(); /* from workers, where Landlock is missing */
        close(ends[1]);
        handover_leave_to_child();
        exit(run(&runner, command, ends[0]));
    }
    close(ends[0]);
    *ready = ends[1];
    handover_take_from_parent(self);
    sigprocmask(SIG_SETMASK, &runner.mask, NULL);
    setpgid(0, 0);
    signal(SIGHUP, SIG_IGN); /* a reload would run the command again */
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        close(STDOUT_FILENO); /* as standard error is */
    follow(self);
    return 0;
}
