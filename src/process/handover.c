#include "process/handover.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* What this program tells the next one besides: the word for a trial, or a list with commas between: the word for
   sockets of its own, if they are, and the workers' pids. */
static const char note_name[] = "TINYHTTPD_HANDOVER";
static const char note_of_trial[] = "trial";
static const char note_of_owned[] = "owned";

/* The pids of the most workers that there may be, of seven digits at the most (PID_MAX_LIMIT, proc(5)). */
enum { NOTE_ROOM = sizeof note_of_owned + LIMIT_RETIRED * 8 + 1 };

/* ---- receiving ---- */

static bool read_number(const char *name, uint64_t *number)
{
    const char *text = getenv(name);
    return text != NULL && span_to_number(span_of(text), number);
}

/* The environment may be anybody's: only what is a child of this process is a worker of before. One that has ended is
   still to be waited for. */
static bool is_child(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* A pid that stood twice would be kept after its child was reaped, and signals sent to what has it by then. */
static bool is_listed(const struct handover *handover, pid_t pid)
{
    for (unsigned i = 0; i < handover->worker_count; i++) {
        if (handover->workers[i] == pid)
            return true;
    }
    return false;
}

static void read_note(struct handover *handover, const char *note)
{
    while (*note != '\0' && handover->worker_count < LIMIT_RETIRED) {
        struct span member = {note, strcspn(note, ",")};
        uint64_t pid;
        if (span_to_number(member, &pid) && pid > 1 && pid <= INT32_MAX && !is_listed(handover, (pid_t)pid) &&
            is_child((pid_t)pid))
            handover->workers[handover->worker_count++] = (pid_t)pid;
        handover->owned |= span_equal(member, span_of(note_of_owned));
        note += member.length + (note[member.length] == ',');
    }
}

static void clear_environment(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("LISTEN_PIDFDID");
    unsetenv(note_name);
}

int handover_read(struct handover *handover, struct failure *failure)
{
    *handover = (struct handover){0};
    const char *note = getenv(note_name);
    uint64_t pid, sockets = 0;
    int status = 0;
    if (read_number("LISTEN_PID", &pid) && pid == (uint64_t)getpid()) {
        if (!read_number("LISTEN_FDS", &sockets) || sockets > LIMIT_LISTENERS) {
            const char *typed = getenv("LISTEN_FDS");
            status = fail(failure, EX_USAGE, "LISTEN_FDS is '%s'; it must be a number up to %d",
                          typed != NULL ? typed : "", LIMIT_LISTENERS);
        }
        handover->sockets = (unsigned)sockets;
        handover->trial = sockets > 0 && note != NULL && strcmp(note, note_of_trial) == 0;
        handover->reload = sockets > 0 && note != NULL && !handover->trial;
        if (handover->reload)
            read_note(handover, note);
    }
    clear_environment();
    return status;
}

/* ---- handing over ---- */

const char *handover_program(void)
{
    /* The path that was given to execve(2), by a shell after its search of PATH (getauxval(3)). */
    return (const char *)getauxval(AT_EXECFN); // NOLINT(performance-no-int-to-ptr) that is how it is given
}

static bool set_number(const char *name, uint64_t number)
{
    char text[24];
    struct buffer digits = {text, 0, sizeof text - 1, false};
    buffer_number(&digits, number);
    text[digits.length] = '\0';
    return setenv(name, text, 1) == 0;
}

static bool set_environment(unsigned socket_count, const char *note)
{
    return set_number("LISTEN_PID", (uint64_t)getpid()) && set_number("LISTEN_FDS", socket_count) &&
           setenv(note_name, note, 1) == 0;
}

/* Copies the descriptors that stand where the sockets have to be to above them; -1 where there is none. False with
   errno where one can't be copied. */
static bool save_descriptors(int saved[LIMIT_LISTENERS], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        saved[i] = fcntl(HANDOVER_FIRST_FD + (int)i, F_DUPFD_CLOEXEC, HANDOVER_FIRST_FD + (int)count);
        if (saved[i] >= 0 || errno == EBADF)
            continue;
        int error = errno;
        while (i > 0) {
            if (saved[--i] >= 0)
                close(saved[i]);
        }
        errno = error;
        return false;
    }
    return true;
}

static void restore_descriptors(const int saved[LIMIT_LISTENERS], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int fd = HANDOVER_FIRST_FD + (int)i;
        if (saved[i] < 0) {
            close(fd);
            continue;
        }
        dup3(saved[i], fd, O_CLOEXEC);
        close(saved[i]);
    }
}

/* Puts the sockets, which close on exec where they are, where the next program looks for them. */
static bool place_sockets(const int saved[LIMIT_LISTENERS], const int *sockets, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned place = (unsigned)(sockets[i] - HANDOVER_FIRST_FD);
        int from = place < count ? saved[place] : sockets[i];
        if (dup2(from, HANDOVER_FIRST_FD + (int)i) < 0)
            return false;
    }
    return true;
}

/* Returns an errno, with descriptors and environment as they were. */
static int execute(char *const *command, const struct listening *listening, const char *note)
{
    int saved[LIMIT_LISTENERS];
    unsigned count = listening->count;
    const char *program = handover_program();
    if (program == NULL)
        return ENOENT;
    if (!save_descriptors(saved, count))
        return errno;
    if (set_environment(count, note) && place_sockets(saved, listening->fds, count))
        execv(program, command);
    int error = errno;
    restore_descriptors(saved, count);
    clear_environment();
    return error;
}

pid_t handover_try(char *const *command, const struct listening *listening)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    int error = getppid() == parent ? execute(command, listening, note_of_trial) : ESRCH;
    log_error("can't execute '%s': %s", handover_program(), strerror(error));
    _exit(EX_OSERR);
}

int handover_execute(char *const *command, const struct listening *listening, const pid_t *workers,
                     unsigned worker_count)
{
    static char room[NOTE_ROOM];
    struct buffer note = {room, 0, sizeof room - 1, false};
    if (listening->owned)
        buffer_string(&note, note_of_owned);
    for (unsigned i = 0; i < worker_count; i++) {
        if (note.length > 0)
            buffer_byte(&note, ',');
        buffer_number(&note, (uint64_t)workers[i]);
    }
    room[note.length] = '\0';
    return execute(command, listening, room);
}
