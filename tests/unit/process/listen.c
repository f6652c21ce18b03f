/* Loopback addresses, and the files of Unix sockets. */
#include "process/listen.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    bool is_v6 = strchr(text, ':') != NULL;
    storage.ss_family = is_v6 ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(storage.ss_family, text, is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr), 1);
    return storage;
}

static const struct {
    const char *text;
    bool loopback;
} cases[] = {
    {"127.0.0.1", true},        {"127.255.0.9", true},  {"126.0.0.1", false}, {"0.0.0.0", false},
    {"1.0.0.127", false},       {"::1", true},          {"::", false},        {"::ffff:127.0.0.1", true},
    {"::ffff:10.0.0.1", false}, {"::127.0.0.1", false}, {"fe80::1", false},
};
enum { CASES = sizeof cases / sizeof *cases };

static void loopback_addresses_are_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct sockaddr_storage storage = address_of(cases[i].text);
        struct listening listening = {.count = 1, .addresses = {storage}};
        assert_int_equal(listen_is_loopback_only(&listening), cases[i].loopback);
    }
}

static void one_other_address_makes_the_server_public(void **state)
{
    (void)state;
    struct listening listening = {.count = 2, .addresses = {address_of("127.0.0.1"), address_of("::1")}};
    assert_true(listen_is_loopback_only(&listening));
    listening.addresses[1] = address_of("192.168.1.7");
    assert_false(listen_is_loopback_only(&listening));
    listening.addresses[1] = (struct sockaddr_storage){.ss_family = AF_UNIX};
    assert_false(listen_is_loopback_only(&listening));
}

static void host_is_checked_if_every_tcp_socket_is_loopback(void **state)
{
    static const struct {
        const char *addresses[2];
        bool unix_too, check_host;
    } rows[] = {
        {{"127.0.0.1", NULL}, false, true},
        {{"127.0.0.1", "::1"}, false, true},
        {{"127.1.2.3", NULL}, false, true},
        {{"127.0.0.1", NULL}, true, true},
        {{"0.0.0.0", NULL}, false, false},
        {{"127.0.0.1", "0.0.0.0"}, false, false},
        {{"::", NULL}, false, false},
        {{"0.0.0.0", "127.0.0.1"}, true, false},
        {{NULL, NULL}, true, false},
        {{NULL, NULL}, false, false},
        {{"::ffff:127.0.0.1", NULL}, false, true},
        {{"::ffff:0.0.0.0", NULL}, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listening listening = {0};
        for (unsigned k = 0; k < 2 && rows[i].addresses[k] != NULL; k++)
            listening.addresses[listening.count++] = address_of(rows[i].addresses[k]);
        if (rows[i].unix_too)
            listening.addresses[listening.count++].ss_family = AF_UNIX;
        if (listen_must_check_host(&listening) != rows[i].check_host)
            fail_msg("row %zu", i);
    }
}

/* Listens on any port of the address. Returns -1 without IPv6. */
static int listening_on(const char *text, int v6_only, struct sockaddr_storage *address)
{
    socklen_t length = sizeof *address;
    *address = address_of(text);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (bind(fd, (struct sockaddr *)address, length) == 0 && listen(fd, 1) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &length) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Returns the addresses, separated by spaces, and asserts their port. */
static const char *shown(const struct listening *listening, uint16_t port)
{
    static char text[256];
    struct sockaddr_storage addresses[2 * LIMIT_LISTENERS];
    unsigned count = listen_addresses(listening, addresses);
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(void *)&addresses[i];
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(void *)&addresses[i];
        bool is_v6 = addresses[i].ss_family == AF_INET6;
        char name[INET6_ADDRSTRLEN];
        inet_ntop(addresses[i].ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, name, sizeof name);
        assert_int_equal(ntohs(is_v6 ? v6->sin6_port : v4->sin_port), port);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i > 0 ? " " : "", name);
    }
    return text;
}

static void a_socket_for_both_families_has_two_addresses(void **state)
{
    static const struct {
        const char *bound;
        int v6_only;
        const char *shown;
    } rows[] = {
        {"::", 0, "0.0.0.0 ::"},   {"::", 1, "::"}, {"::1", 0, "::1"}, {"::ffff:127.0.0.1", 0, "127.0.0.1"},
        {"0.0.0.0", 0, "0.0.0.0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listening listening = {.count = 1};
        listening.fds[0] = listening_on(rows[i].bound, rows[i].v6_only, &listening.addresses[0]);
        if (listening.fds[0] < 0)
            continue; /* no IPv6 */
        const struct sockaddr_in *first = (const struct sockaddr_in *)(void *)&listening.addresses[0];
        /* The port is at the same offset in both families. */
        assert_string_equal(shown(&listening, ntohs(first->sin_port)), rows[i].shown);
        listen_close(&listening);
    }
}

/* ---- files of Unix sockets ---- */

static char folder[] = "/tmp/tinyhttpd-unit-XXXXXX";
static char name[64], other[64], bind_option[80];

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(name, sizeof name, "%s/socket", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(bind_option, sizeof bind_option, "unix:%s", name);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(name);
    unlink(other);
    return rmdir(folder);
}

static int open_socket(struct listening *listening)
{
    static struct settings settings;
    struct failure failure = {0};
    settings = (struct settings){.bind_count = 1, .binds = {bind_option}};
    return listen_open(listening, &settings, &failure);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void the_file_is_removed_with_its_socket(void **state)
{
    struct listening listening;
    (void)state;
    assert_int_equal(open_socket(&listening), 0);
    assert_true(exists(name));
    listen_close(&listening);
    assert_false(exists(name));
}

static void a_file_in_use_is_kept(void **state)
{
    struct listening listening, second;
    (void)state;
    assert_int_equal(open_socket(&listening), 0);
    assert_int_equal(open_socket(&second), EX_UNAVAILABLE);
    assert_true(exists(name));
    listen_close(&listening);
    assert_false(exists(name));
}

static void a_later_socket_at_the_path_is_kept(void **state)
{
    struct listening first, second;
    (void)state;
    assert_int_equal(open_socket(&first), 0);
    assert_int_equal(rename(name, other), 0);
    assert_int_equal(open_socket(&second), 0);
    listen_close(&first);
    assert_true(exists(name));
    assert_true(exists(other));
    listen_close(&second);
    assert_false(exists(name));
}

static void another_file_at_the_path_is_kept(void **state)
{
    struct listening listening;
    (void)state;
    assert_int_equal(open_socket(&listening), 0);
    assert_int_equal(rename(name, other), 0);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    listen_close(&listening);
    assert_true(exists(name));
    assert_int_equal(open_socket(&listening), EX_UNAVAILABLE);
    assert_true(exists(name));
    unlink(name);
}

/* A killed server leaves its file. */
static void an_abandoned_file_is_replaced(void **state)
{
    struct listening listening;
    (void)state;
    assert_int_equal(open_socket(&listening), 0);
    close(listening.fds[0]);
    assert_int_equal(open_socket(&listening), 0);
    listen_close(&listening);
    assert_false(exists(name));
}

/* A listening socket that a close(2) waits for can't be had without a hung file system; a connection with SO_LINGER and
   a client that does not read is one. */
static void the_last_close_waits_in_a_child(void **state)
{
    static const struct linger minute = {.l_onoff = 1, .l_linger = 60};
    static char full[65536];
    struct sockaddr_storage address = address_of("127.0.0.1");
    socklen_t length = sizeof address;
    int status, listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
    struct listening listening = {.count = 1, .addresses = {address}};
    listening.fds[0] = accept(listener, NULL, NULL);
    assert_true(listening.fds[0] >= 0);
    assert_int_equal(setsockopt(listening.fds[0], SOL_SOCKET, SO_LINGER, &minute, sizeof minute), 0);
    while (send(listening.fds[0], full, sizeof full, MSG_DONTWAIT) > 0)
        ;
    pid_t child = listen_close_in_child(&listening);
    assert_true(child > 0);
    assert_int_equal(listening.count, 0);
    assert_int_equal(waitpid(child, &status, WNOHANG), 0); /* it waits, and this process does not */
    close(client);                                         /* with unread bytes: resets the connection */
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(listener);
}

static void without_sockets_there_is_no_child(void **state)
{
    struct listening listening = {.count = 0};
    (void)state;
    assert_int_equal(listen_close_in_child(&listening), 0);
}

static unsigned names_asked; /* in this process, whose memory the workers inherit */

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    names_asked += (hints->ai_flags & AI_NUMERICHOST) == 0;
    return next(host, service, hints, list);
}

static void a_child_looks_names_up(void **state)
{
    struct settings settings = {.bind_count = 2, .binds = {"127.0.0.1", "no such name"}};
    struct listening listening = {0};
    struct failure failure = {0};
    (void)state;
    assert_int_equal(listen_open(&listening, &settings, &failure), EX_NOHOST);
    assert_non_null(strstr(failure.message, "can't find the address of 'no such name'"));
    settings.bind_count = 1;
    failure = (struct failure){0};
    assert_int_equal(listen_open(&listening, &settings, &failure), 0);
    assert_true(listening.count > 0);
    assert_int_equal(names_asked, 0);
    listen_close(&listening);
}

static unsigned tables_read; /* in this process */

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *);
    *(void **)&next = dlsym(RTLD_NEXT, "fopen");
    tables_read += strncmp(path, "/proc/net/", 10) == 0;
    return next(path, mode);
}

/* The table tells of all connections of the machine. */
static void a_child_looks_the_owner_of_a_port_up(void **state)
{
    struct settings settings = {.bind_count = 1, .binds = {"127.0.0.1"}, .port_chosen = true};
    struct listening listening = {0};
    struct failure failure = {0};
    struct sockaddr_storage address;
    char owner[64];
    (void)state;
    int taken = listening_on("127.0.0.1", 0, &address);
    settings.port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
    assert_int_equal(listen_open(&listening, &settings, &failure), EX_UNAVAILABLE);
    snprintf(owner, sizeof owner, "(process %d)", (int)getpid());
    assert_non_null(strstr(failure.message, owner));
    assert_int_equal(tables_read, 0);
    close(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_addresses_are_recognised),
        cmocka_unit_test(one_other_address_makes_the_server_public),
        cmocka_unit_test(host_is_checked_if_every_tcp_socket_is_loopback),
        cmocka_unit_test(a_socket_for_both_families_has_two_addresses),
        cmocka_unit_test(the_file_is_removed_with_its_socket),
        cmocka_unit_test(a_file_in_use_is_kept),
        cmocka_unit_test(a_later_socket_at_the_path_is_kept),
        cmocka_unit_test(another_file_at_the_path_is_kept),
        cmocka_unit_test(an_abandoned_file_is_replaced),
        cmocka_unit_test(the_last_close_waits_in_a_child),
        cmocka_unit_test(without_sockets_there_is_no_child),
        cmocka_unit_test(a_child_looks_names_up),
        cmocka_unit_test(a_child_looks_the_owner_of_a_port_up),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
