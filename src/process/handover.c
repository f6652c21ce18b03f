#include "process/handover.h"

#include "base/buffer.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/text.h"
#include "serve/handoff.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* The variable for what LISTEN_FDS can't express: "trial" for a dry run, or a comma-separated list of "owned" for
   owned sockets, "handoff" and HANDOFF_VERSION for three further sockets after those (struct passed_channels, in every
   version), "INDEX:DEVICE:INODE" for each named Unix socket, "log:PID" for each log writer, and "PID" or "PID:RETIRED"
   for each worker. */
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number
static const char note_name[] = "TINYHTTPD_HANDOVER";
static const char note_dry_run[] = "trial";
static const char note_owned[] = "owned";
static const char note_any_channels[] = "handoff";
static const char note_channels[] = "handoff" TEXT(HANDOFF_VERSION);
static const char note_log[] = "log:";

/* A name has two 64-bit numbers, a time is one, a pid has at most seven digits (PID_MAX_LIMIT, proc(5)). */
enum {
    NOTE_ROOM =
        sizeof note_owned + sizeof note_channels + LIMIT_LISTENERS * 46 + LOG_WRITERS_MAX * 12 + LIMIT_RETIRED * 29 + 1
};

/* The sockets, then the ends of channels. */
enum { CHANNEL_ENDS = 3, PASSED_MAX = LIMIT_LISTENERS + CHANNEL_ENDS };

/* The name of the current directory, by which a relative root is followed: the directory itself may be moved. "" if it
   is unknown. */
static char start_directory[PATH_MAX];

/* ---- receiving ---- */

static bool read_number(const char *name, uint64_t *number)
{
    const char *text = getenv(name);
    return text != NULL && span_to_number(span_of(text), number);
}

/* The environment is not trusted: only children of this process can be old workers. Leaves an exited one to be
   reaped. */
static bool is_child(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Rejects duplicates: the second would stay after the child was reaped, and another process could get its signals. */
static bool is_listed(const struct handover *handover, pid_t pid)
{
    for (unsigned i = 0; i < handover->worker_count; i++) {
        if (handover->workers[i].pid == pid)
            return true;
    }
    return false;
}

/* "INDEX:DEVICE:INODE" */
static void read_name(struct handover *handover, struct span member)
{
    enum { INDEX, DEVICE, INODE, NUMBERS };
    uint64_t numbers[NUMBERS];
    for (unsigned i = 0; i < NUMBERS; i++) {
        struct span number = {member.at, span_find(member, ':')};
        size_t taken = number.length + (i < INODE);
        if (!span_to_number(number, &numbers[i]) || taken > member.length)
            return;
        member = (struct span){member.at + taken, member.length - taken};
    }
    if (member.length == 0 && numbers[INDEX] < LIMIT_LISTENERS)
        handover->names[numbers[INDEX]] = (struct listen_name){numbers[DEVICE], numbers[INODE]};
}

/* "PID" or "PID:RETIRED" */
static void read_worker(struct handover *handover, struct span member)
{
    uint64_t pid, retired = 0;
    struct span first = {member.at, span_find(member, ':')};
    size_t taken = first.length + (first.length < member.length);
    struct span second = {member.at + taken, member.length - taken};
    if (!span_to_number(first, &pid) || pid <= 1 || pid > INT32_MAX ||
        (taken > first.length && (!span_to_number(second, &retired) || retired > INT64_MAX)))
        return;
    if (!is_listed(handover, (pid_t)pid) && is_child((pid_t)pid))
        handover->workers[handover->worker_count++] = (struct old_worker){(pid_t)pid, (int64_t)retired};
}

/* "log:PID" */
static void read_log_writer(struct span member)
{
    uint64_t pid;
    struct span label = {member.at, sizeof note_log - 1};
    if (member.length < label.length || !span_equal(label, span_of(note_log)))
        return;
    struct span number = {member.at + label.length, member.length - label.length};
    if (span_to_number(number, &pid) && pid > 1 && pid <= INT32_MAX && is_child((pid_t)pid))
        log_adopt_writer((pid_t)pid);
}

/* Returns what follows the beginning of the first member that has it, or NULL. */
static const char *find_member(const char *note, const char *beginning)
{
    size_t length = strlen(beginning);
    while (strncmp(note, beginning, length) != 0) {
        note += strcspn(note, ",");
        if (*note++ == '\0')
            return NULL;
    }
    return note + length;
}

static bool has_member(const char *note, const char *name)
{
    const char *rest = find_member(note, name);
    return rest != NULL && (*rest == ',' || *rest == '\0');
}

static void read_note(struct handover *handover, const char *note)
{
    handover->owned = has_member(note, note_owned);
    handover->has_channels = find_member(note, note_any_channels) != NULL;
    handover->channels.are_of_this_version = has_member(note, note_channels);
    while (*note != '\0' && handover->worker_count < LIMIT_RETIRED) {
        struct span member = {note, strcspn(note, ",")};
        read_log_writer(member);
        read_worker(handover, member);
        read_name(handover, member);
        note += member.length + (note[member.length] == ',');
    }
}

static bool set_number(const char *name, uint64_t number)
{
    char text[24];
    struct buffer digits = {text, 0, sizeof text - 1, false};
    buffer_number(&digits, number);
    text[digits.length] = '\0';
    return setenv(name, text, 1) == 0;
}

static void clear_environment(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("LISTEN_PIDFDID");
    unsetenv(note_name);
}

/* False if the variables are inherited from a parent that they were for. */
static bool is_for_this_process(void)
{
    uint64_t pid;
    return read_number("LISTEN_PID", &pid) && pid == (uint64_t)getpid();
}

void handover_take_from_parent(pid_t parent)
{
    uint64_t pid;
    if (read_number("LISTEN_PID", &pid) && pid == (uint64_t)parent)
        (void)set_number("LISTEN_PID", (uint64_t)getpid()); /* else it binds sockets of its own */
}

void handover_leave_to_child(void)
{
    uint64_t count;
    if (is_for_this_process() && read_number("LISTEN_FDS", &count)) {
        for (uint64_t i = 0; i < count && i < LIMIT_LISTENERS; i++)
            close(HANDOVER_FIRST_FD + (int)i);
    }
    clear_environment();
}

void handover_close_inherited(int ready)
{
    int kept[PASSED_MAX + 1];
    uint64_t count;
    const char *note = getenv(note_name);
    if (!is_for_this_process() || !read_number("LISTEN_FDS", &count) || count > LIMIT_LISTENERS)
        count = 0;
    else
        count += note != NULL && find_member(note, note_any_channels) != NULL ? CHANNEL_ENDS : 0;
    for (unsigned i = 0; i < count; i++)
        kept[i] = HANDOVER_FIRST_FD + (int)i;
    kept[count++] = ready;
    descriptors_close_others(kept, (unsigned)count);
}

int handover_read(struct handover *handover, struct failure *failure)
{
    *handover = (struct handover){0};
    if (getcwd(start_directory, sizeof start_directory) == NULL || start_directory[0] != '/')
        start_directory[0] = '\0';
    const char *note = getenv(note_name);
    uint64_t sockets = 0;
    int status = 0;
    if (is_for_this_process() && (!read_number("LISTEN_FDS", &sockets) || sockets > LIMIT_LISTENERS)) {
        const char *typed = getenv("LISTEN_FDS");
        status = fail(failure, EX_USAGE, "LISTEN_FDS '%s': give a number from 0 to %d", typed != NULL ? typed : "",
                      LIMIT_LISTENERS);
    } else if (is_for_this_process()) {
        int after = HANDOVER_FIRST_FD + (int)sockets;
        handover->channels = (struct passed_channels){after, after + 1, after + 2, false};
        handover->sockets = (unsigned)sockets;
        handover->dry_run = sockets > 0 && note != NULL && strcmp(note, note_dry_run) == 0;
        handover->reload = sockets > 0 && note != NULL && !handover->dry_run;
        if (handover->reload)
            read_note(handover, note);
    }
    clear_environment();
    return status;
}

/* ---- sending ---- */

const char *handover_program(void)
{
    /* The argument of execve(2): shells pass the path that they found in PATH (getauxval(3)). */
    unsigned long address = getauxval(AT_EXECFN);
    return (const char *)address; // NOLINT(performance-no-int-to-ptr) getauxval returns a number
}

static bool set_environment(unsigned socket_count, const char *note)
{
    return set_number("LISTEN_PID", (uint64_t)getpid()) && set_number("LISTEN_FDS", socket_count) &&
           setenv(note_name, note, 1) == 0;
}

/* Copies the descriptors that the sockets will overwrite to higher numbers; -1 for closed ones. Returns false with
   errno if one can't be copied. */
static bool save_descriptors(int saved[PASSED_MAX], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        saved[i] = fcntl(HANDOVER_FIRST_FD + (int)i, F_DUPFD_CLOEXEC, HANDOVER_FIRST_FD + (int)count);
        if (saved[i] >= 0 || errno == EBADF)
            continue;
        while (i > 0)
            descriptors_close(saved[--i]);
        return false;
    }
    return true;
}

static void restore_descriptors(const int saved[PASSED_MAX], unsigned count)
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

/* Copies the sockets to the descriptors of the protocol, without close-on-exec. */
static bool place_sockets(const int saved[PASSED_MAX], const int *sockets, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned overwritten = (unsigned)(sockets[i] - HANDOVER_FIRST_FD);
        int from = overwritten < count ? saved[overwritten] : sockets[i];
        if (dup2(from, HANDOVER_FIRST_FD + (int)i) < 0)
            return false;
    }
    return true;
}

/* `channels`: NULL for none. Returns only on failure, an errno, with descriptors and environment restored. */
static int execute(char *const *command, const struct listening *listening, const struct passed_channels *channels,
                   const char *note)
{
    int saved[PASSED_MAX], passed[PASSED_MAX];
    unsigned count = listening->count;
    const char *program = handover_program();
    memcpy(passed, listening->fds, count * sizeof *passed);
    if (channels != NULL) {
        passed[count++] = channels->next;
        passed[count++] = channels->own;
        passed[count++] = channels->before;
    }
    if (program == NULL)
        return ENOENT;
    if (!save_descriptors(saved, count))
        return errno;
    bool entered = start_directory[0] == '\0' || chdir(start_directory) == 0 || errno == ENOENT;
    signals_give_back();
    if (entered && set_environment(listening->count, note) && place_sockets(saved, passed, count))
        execv(program, command);
    int error = errno;
    signals_begin_again();
    restore_descriptors(saved, count);
    clear_environment();
    return error;
}

pid_t handover_dry_run(char *const *command, const struct listening *listening)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    int error = getppid() == parent ? execute(command, listening, NULL, note_dry_run) : ESRCH;
    log_error("can't execute '%s': %s", handover_program(), strerror(error));
    _exit(EX_OSERR);
}

static void begin_member(struct buffer *note)
{
    if (note->length > 0)
        buffer_byte(note, ',');
}

static void append_member(struct buffer *note, uint64_t number)
{
    begin_member(note);
    buffer_number(note, number);
}

static void append_name(struct buffer *note, unsigned index, struct listen_name name)
{
    if (name.inode == 0)
        return;
    append_member(note, index);
    buffer_byte(note, ':');
    buffer_number(note, name.device);
    buffer_byte(note, ':');
    buffer_number(note, name.inode);
}

static void append_worker(struct buffer *note, const struct old_worker *worker)
{
    append_member(note, (uint64_t)worker->pid);
    if (worker->retired == 0)
        return;
    buffer_byte(note, ':');
    buffer_number(note, (uint64_t)worker->retired);
}

int handover_execute(char *const *command, const struct listening *listening, const struct old_worker *workers,
                     unsigned worker_count, const struct passed_channels *channels)
{
    static char room[NOTE_ROOM];
    pid_t writers[LOG_WRITERS_MAX];
    struct buffer note = {room, 0, sizeof room - 1, false};
    if (listening->owned)
        buffer_string(&note, note_owned);
    if (channels != NULL) {
        begin_member(&note);
        buffer_string(&note, note_channels);
    }
    for (unsigned i = 0; i < listening->count; i++)
        append_name(&note, i, listening->names[i]);
    unsigned writer_count = log_list_writers(writers);
    for (unsigned i = 0; i < writer_count; i++) {
        begin_member(&note);
        buffer_string(&note, note_log);
        buffer_number(&note, (uint64_t)writers[i]);
    }
    for (unsigned i = 0; i < worker_count; i++)
        append_worker(&note, &workers[i]);
    assert(!note.overflow);
    room[note.length] = '\0';
    return execute(command, listening, channels, room);
}
