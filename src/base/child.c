#include "base/child.h"

#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns false at the end of the pipe, and after `ms` without a byte. */
static bool read_some(int pipe, char **at, size_t *left, int ms)
{
    struct pollfd ready = {.fd = pipe, .events = POLLIN};
    int count = poll(&ready, 1, ms);
    if (count < 0 && errno == EINTR)
        return true;
    ssize_t length = count > 0 ? read(pipe, *at, *left) : 0;
    if (length <= 0)
        return false;
    *at += length;
    *left -= (size_t)length;
    return true;
}

static _Noreturn void answer_in_child(void (*find)(const void *question, void *answer), const void *question,
                                      void *answer, size_t size, int pipe)
{
    descriptors_close_others(&pipe, 1); /* while a name service hangs, it would keep the port */
    find(question, answer);
    ssize_t written = write(pipe, answer, size); /* waits for room, pipe(7) */
    _exit(written < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

bool child_ask(void (*find)(const void *question, void *answer), const void *question, void *answer, size_t size,
               int ms)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t parent = getpid(), child = fork();
    if (child == 0 && (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL) < 0 || getppid() != parent))
        _exit(1);
    if (child == 0)
        answer_in_child(find, question, answer, size, ends[1]);
    descriptors_close(ends[1]);
    char *at = answer;
    while (child > 0 && size > 0 && read_some(ends[0], &at, &size, ms))
        ;
    descriptors_close(ends[0]);
    if (child < 0)
        return false;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    errno = 0;
    return size == 0;
}
