/* The banner if standard error is not a terminal: one line with URLs to click on. */
#include "cli/banner.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_storage v4(const char *address, uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
    return storage;
}

static struct sockaddr_storage v6(const char *address, uint16_t port)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&storage;
    *in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET6, address, &in->sin6_addr), 1);
    return storage;
}

/* Returns the printed text, valid until the next call. */
static const char *printed_for(struct settings settings, const struct banner *banner)
{
    static char text[65536];
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    banner_print(&settings, banner);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_true(length >= 0);
    text[length] = '\0';
    return text;
}

static const char *printed(enum verbosity verbosity, const struct banner *banner)
{
    return printed_for((struct settings){.verbosity = verbosity}, banner);
}

static void one_line_has_root_and_addresses(void **state)
{
    struct sockaddr_storage addresses[] = {v4("127.0.0.1", 8080), v6("::1", 8080)};
    struct banner banner = {"/srv/www", addresses, 2, 4, "uid 7, no capabilities", NULL};
    (void)state;
    assert_string_equal(printed(VERBOSITY_NORMAL, &banner),
                        "tinyhttpd " TINYHTTPD_VERSION
                        ": serving /srv/www at http://127.0.0.1:8080/ http://[::1]:8080/\n");
    assert_non_null(strstr(printed(VERBOSITY_VERBOSE, &banner), "\ntinyhttpd: workers: 4\n"));
    assert_non_null(strstr(printed(VERBOSITY_VERBOSE, &banner), "\ntinyhttpd: sandbox: uid 7, no capabilities\n"));
    assert_null(strstr(printed(VERBOSITY_NORMAL, &banner), "sandbox"));
    assert_string_equal(printed(VERBOSITY_QUIET, &banner), "");
}

static void wildcard_addresses_are_explained(void **state)
{
    struct sockaddr_storage addresses[] = {v4("0.0.0.0", 80), v6("::", 80), v4("192.0.2.1", 80)};
    struct banner banner = {"/srv/www", addresses, 3, 4, "", NULL};
    (void)state;
    assert_non_null(strstr(printed(VERBOSITY_NORMAL, &banner),
                           " http://127.0.0.1:80/ (and every other IPv4 address of this machine)"
                           " http://[::1]:80/ (and every other IPv6 address of this machine)"
                           " http://192.0.2.1:80/\n"));
}

static void control_characters_of_the_root_are_escaped(void **state)
{
    struct sockaddr_storage addresses[] = {v4("127.0.0.1", 80)};
    struct banner banner = {"/srv/\xC3\xA9 site", addresses, 1, 4, "", NULL};
    (void)state;
    assert_non_null(strstr(printed(VERBOSITY_NORMAL, &banner), " /srv/\xC3\xA9 site at "));
    banner.root_path = "/srv/\x1B[2J\n";
    assert_non_null(strstr(printed(VERBOSITY_NORMAL, &banner), " /srv/\\x1B[2J\\x0A at "));
}

static void a_single_file_is_named(void **state)
{
    struct sockaddr_storage addresses[] = {v4("127.0.0.1", 80)};
    struct banner banner = {"/srv/www", addresses, 1, 4, "", NULL};
    (void)state;
    struct settings settings = {.verbosity = VERBOSITY_NORMAL, .file = "a\n.html"};
    assert_non_null(strstr(printed_for(settings, &banner), " serving /srv/www/a\\x0A.html, only this file at http"));
    banner.root_path = "/";
    assert_non_null(strstr(printed_for(settings, &banner), " serving /a\\x0A.html, only this file at http"));
}

static void urls_have_the_base(void **state)
{
    char url[BANNER_URL_MAX], base[LIMIT_BASE + 1];
    struct sockaddr_storage addresses[] = {v4("127.0.0.1", 65535), v6("::1", 65535)};
    struct banner banner = {"/srv/www", addresses, 2, 4, "", "a b/\xC3\xA9"};
    (void)state;
    assert_non_null(strstr(printed(VERBOSITY_NORMAL, &banner),
                           " at http://127.0.0.1:65535/a%20b/%C3%A9/ http://[::1]:65535/a%20b/%C3%A9/\n"));
    assert_true(banner_write_url(&banner, url));
    assert_string_equal(url, "http://localhost:65535/a%20b/%C3%A9");
    const char *url_of_lan = printed_for((struct settings){.verbosity = VERBOSITY_NORMAL, .lan = true}, &banner);
    while ((url_of_lan = strstr(url_of_lan, "http://")) != NULL) { /* as many as this machine has addresses */
        url_of_lan += strcspn(url_of_lan, " \n");
        assert_memory_equal(url_of_lan - strlen("/a%20b/%C3%A9/"), "/a%20b/%C3%A9/", strlen("/a%20b/%C3%A9/"));
    }
    memset(base, ' ', LIMIT_BASE);
    base[LIMIT_BASE] = '\0';
    banner.base = base;
    assert_true(banner_write_url(&banner, url));
    assert_int_equal(strlen(url), strlen("http://localhost:65535/") + 3 * LIMIT_BASE);
}

static struct sockaddr_storage unix_socket(const char *path)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&storage;
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
    return storage;
}

static void unix_sockets_are_shown_as_paths(void **state)
{
    struct sockaddr_storage addresses[] = {unix_socket("/run/a\x1B.sock"), v4("127.0.0.1", 80)};
    struct banner banner = {"/srv/www", addresses, 2, 4, "", NULL};
    (void)state;
    assert_non_null(strstr(printed(VERBOSITY_NORMAL, &banner), " at unix:/run/a\\x1B.sock http://127.0.0.1:80/\n"));
}

/* Every byte of the root and of the sockets' names is escaped. */
static void longest_banner_is_whole(void **state)
{
    static char root[PATH_MAX];
    static struct sockaddr_storage addresses[2 * LIMIT_LISTENERS];
    struct banner banner = {root, addresses, 2 * LIMIT_LISTENERS, 4, "uid 7", NULL};
    char path[104];
    (void)state;
    memset(root, '\x1B', sizeof root - 1);
    memset(path, '\x1B', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (unsigned i = 0; i < 2 * LIMIT_LISTENERS; i++)
        addresses[i] = unix_socket(path);
    const char *text = printed(VERBOSITY_VERBOSE, &banner);
    size_t line = strlen("tinyhttpd " TINYHTTPD_VERSION ": serving  at\n") + 4 * strlen(root) +
                  2 * LIMIT_LISTENERS * (strlen(" unix:") + 4 * strlen(path));
    assert_int_equal(strcspn(text, "\n") + 1, line);
    assert_string_equal(text + line, "tinyhttpd: workers: 4\ntinyhttpd: sandbox: uid 7\n");
}

static void the_local_url_prefers_localhost(void **state)
{
    char url[BANNER_URL_MAX];
    struct sockaddr_storage addresses[] = {unix_socket("/a"), v6("2001:db8::1", 81), v4("192.0.2.1", 81),
                                           v4("0.0.0.0", 81)};
    struct banner banner = {"/srv/www", addresses, 4, 4, "", NULL};
    (void)state;
    assert_true(banner_write_url(&banner, url));
    assert_string_equal(url, "http://localhost:81");
    banner.address_count = 3;
    assert_true(banner_write_url(&banner, url));
    assert_string_equal(url, "http://[2001:db8::1]:81");
    banner.address_count = 1;
    assert_false(banner_write_url(&banner, url));
}

static void the_summary_is_printed_only_on_a_terminal(void **state)
{
    struct settings settings = {.verbosity = VERBOSITY_NORMAL};
    static const struct metrics_totals summary = {.requests = {[2] = 1}};
    int ends[2], kept = dup(STDERR_FILENO);
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    banner_print_summary(&settings, &summary);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_has_root_and_addresses),
        cmocka_unit_test(wildcard_addresses_are_explained),
        cmocka_unit_test(control_characters_of_the_root_are_escaped),
        cmocka_unit_test(a_single_file_is_named),
        cmocka_unit_test(urls_have_the_base),
        cmocka_unit_test(unix_sockets_are_shown_as_paths),
        cmocka_unit_test(longest_banner_is_whole),
        cmocka_unit_test(the_local_url_prefers_localhost),
        cmocka_unit_test(the_summary_is_printed_only_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
