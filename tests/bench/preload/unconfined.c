/* Preloaded (LD_PRELOAD) for measurements by valgrind: makes Landlock and seccomp fail, as valgrind writes a file when
   a worker ends. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long call_function(long number, ...);

long syscall(long number, ...)
{
    static call_function *next;
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (unsigned i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_seccomp || number == SYS_landlock_create_ruleset) {
        errno = ENOSYS;
        return -1;
    }
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall"); /* dlsym(3): ISO C has no such cast */
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
