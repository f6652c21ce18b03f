/* The environment of a program that inherits sockets, from a reload or from any other program. The input has a line for
   each of LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES and TINYHTTPD_HANDOVER; an empty line leaves the variable unset. Words
   mean pids: SELF, CHILD, DEAD (a child that has exited), GRANDCHILD and PARENT. */
#include "process/handover.h"

#include "lib/fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { VALUE_MAX = 16384 };

static struct {
    const char *word;
    pid_t pid;
} pids[] = {
    {"SELF", 0}, {"CHILD", 0}, {"DEAD", 0}, {"GRANDCHILD", 0}, {"PARENT", 0},
};
enum { SELF, CHILD, DEAD, GRANDCHILD, PARENT, PIDS };

/* ---- processes ---- */

static void end_child(void)
{
    kill(pids[CHILD].pid, SIGKILL);
}

/* Each child ends with its parent (PR_SET_PDEATHSIG). */
static pid_t start(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    return pid;
}

static _Noreturn void wait_for_signal(void)
{
    for (;;)
        pause();
}

static void start_all(void)
{
    int tell[2];
    CHECK(pipe(tell) == 0);
    pids[SELF].pid = getpid();
    pids[PARENT].pid = getppid();
    pids[CHILD].pid = start();
    if (pids[CHILD].pid == 0) {
        pid_t grandchild = start();
        if (grandchild > 0 && write(tell[1], &grandchild, sizeof grandchild) < 0)
            _exit(1);
        wait_for_signal();
    }
    CHECK(read(tell[0], &pids[GRANDCHILD].pid, sizeof(pid_t)) == (ssize_t)sizeof(pid_t));
    close(tell[0]);
    close(tell[1]);
    pids[DEAD].pid = start();
    if (pids[DEAD].pid == 0)
        _exit(0);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)pids[DEAD].pid, &info, WEXITED | WNOWAIT) == 0);
    atexit(end_child);
}

/* ---- the environment ---- */

/* The pid for the word at the beginning of the text, or -1. */
static int word_at(struct span text)
{
    for (int i = 0; i < PIDS; i++) {
        size_t length = strlen(pids[i].word);
        if (text.length >= length && memcmp(text.at, pids[i].word, length) == 0)
            return i;
    }
    return -1;
}

static void set(const char *name, struct span line)
{
    static char value[VALUE_MAX];
    size_t length = 0;
    while (line.length > 0 && length < sizeof value - 24) {
        int word = word_at(line);
        size_t taken = word >= 0 ? strlen(pids[word].word) : 1;
        if (word >= 0)
            length += (size_t)snprintf(value + length, 24, "%d", (int)pids[word].pid);
        else if (line.at[0] != '\0')
            value[length++] = line.at[0];
        line = (struct span){line.at + taken, line.length - taken};
    }
    value[length] = '\0';
    CHECK((length > 0 ? setenv(name, value, 1) : unsetenv(name)) == 0);
}

/* ---- the checks ---- */

/* Old workers must be children of this process, as the master sends them signals. Each pid occurs once, or the second
   one could be that of a reaped child. */
static void check_workers(const struct handover *handover)
{
    CHECK(handover->worker_count <= LIMIT_RETIRED);
    CHECK(handover->worker_count == 0 || handover->reload);
    for (unsigned i = 0; i < handover->worker_count; i++)
        CHECK(handover->workers[i].pid == pids[CHILD].pid || handover->workers[i].pid == pids[DEAD].pid);
    CHECK(handover->worker_count < 2 ||
          (handover->worker_count == 2 && handover->workers[0].pid != handover->workers[1].pid));
}

static bool is_for_us(void)
{
    const char *text = getenv("LISTEN_PID");
    uint64_t pid;
    return text != NULL && span_to_number(span_of(text), &pid) && pid == (uint64_t)pids[SELF].pid;
}

static void check_read(void)
{
    static struct handover handover;
    static struct failure failure;
    bool for_us = is_for_us();
    memset(&handover, 0xA5, sizeof handover);
    int status = handover_read(&handover, &failure);
    CHECK(status == 0 || (status == EX_USAGE && for_us && failure.message[0] != '\0'));
    if (status == 0) {
        CHECK(handover.sockets <= LIMIT_LISTENERS && (handover.sockets == 0 || for_us));
        CHECK(!(handover.dry_run && handover.reload) && (!handover.owned || handover.reload));
        CHECK(handover.sockets > 0 || (!handover.dry_run && !handover.reload));
        check_workers(&handover);
    }
    CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL && getenv("LISTEN_FDNAMES") == NULL &&
          getenv("TINYHTTPD_HANDOVER") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "TINYHTTPD_HANDOVER"};
    struct span input = {(const char *)bytes, length};
    if (pids[SELF].pid == 0)
        start_all();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        set(names[i], fuzz_take_line(&input));
    check_read();
    return 0;
}
