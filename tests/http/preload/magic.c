/* Preloaded before libmagic (LD_PRELOAD): files that begin with a marker make it crash or loop, as defects of libmagic
   did. All other files go to the library itself. */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct magic_set;
typedef const char *(*magic_descriptor_function)(struct magic_set *magic, int fd);

const char *magic_descriptor(struct magic_set *magic, int fd);

static int begins(const char *bytes, const char *marker)
{
    return memcmp(bytes, marker, strlen(marker)) == 0;
}

const char *magic_descriptor(struct magic_set *magic, int fd)
{
    char bytes[16] = "";
    if (pread(fd, bytes, sizeof bytes, 0) < 0)
        return NULL;
    if (begins(bytes, "\x80"
                      "CRASH")) {
        volatile char *volatile nowhere = NULL;
        signal(SIGSEGV, SIG_DFL); /* otherwise a sanitizer reports it as the program's error */
        *nowhere = 0;             /* the sandbox lets no process send itself SIGSEGV */
    }
    while (begins(bytes, "\x80"
                         "LOOP"))
        ;
    void *next = dlsym(RTLD_NEXT, "magic_descriptor");
    magic_descriptor_function ask;
    memcpy(&ask, &next, sizeof ask); /* ISO C has no cast for it */
    return ask(magic, fd);
}
