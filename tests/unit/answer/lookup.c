/* The file of a target: indexes, pages without an extension, hidden names, --spa, a single file. */
#include "asked.h"

#define PAGE "Accept: text/html\r\n"

static void directories_serve_their_index(void **state)
{
    (void)state;
    assert_body(ask(GET("/", "")), "<p>start</p>");
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
    asked.settings.index[asked.settings.index_count++] = "note.txt";
    make_file("dir/note.txt", "other");
    assert_body(ask(GET("/empty/", "")), "note");
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
    asked.settings.index[0] = "note.txt";
    asked.settings.index[1] = "index.html";
    assert_body(ask(GET("/dir/", "")), "other");
}

static void a_page_is_found_without_its_extension(void **state)
{
    (void)state;
    assert_body(ask(GET("/about", "")), "<p>about</p>");
    assert_status(ask(GET("/about/", "")), 404);
    make_file("logo.png.html", "no picture");
    assert_status(ask(GET("/logo.png", "")), 404); /* a known extension */
}

static void a_page_takes_precedence_over_a_directory(void **state)
{
    (void)state;
    make_file("empty.html", "page");
    make_file("dir.html", "page");
    assert_body(ask(GET("/empty", "")), "page");
    assert_body(ask(GET("/dir", "")), "page");
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
}

static void hidden_names_are_404_without_dotfiles(void **state)
{
    (void)state;
    assert_int_equal(mkdir(".well-known", 0755), 0);
    make_file(".well-known/key", "key");
    assert_status(ask(GET("/.hidden", "")), 404);
    assert_body(ask(GET("/.well-known/key", "")), "key"); /* RFC 8615 */
    asked.settings.dotfiles = true;
    assert_body(ask(GET("/.hidden", "")), "hidden");
}

static void spa_serves_unknown_page_urls(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
    const char *response = ask(GET("/users/jane.doe", PAGE));
    assert_status(response, 200);
    assert_has(response, "Vary: Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With\r\n");
    assert_body(response, "<p>start</p>");
    assert_status(ask(GET("/users/1", "Accept: */*\r\n")), 404);
    assert_status(ask(GET("/missing.js", PAGE)), 404);
    assert_status(ask(GET("/.hidden", PAGE)), 404);
    assert_status(ask(GET("/users/1", PAGE "Sec-Fetch-Mode: cors\r\n")), 404);
    assert_status(ask(GET("/users/1", PAGE "X-Requested-With: XMLHttpRequest\r\n")), 404);
    assert_lacks(ask(GET("/file.txt", PAGE)), "Vary:");
}

static void spa_serves_navigations_to_any_path(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
#define NAVIGATION PAGE "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
    assert_body(ask(GET("/packages/chart.js", NAVIGATION)), "<p>start</p>");
    assert_body(ask(GET("/u/bob@example.com", NAVIGATION)), "<p>start</p>");
    assert_body(ask(GET("/topics/.net", NAVIGATION)), "<p>start</p>");
    assert_body(ask(GET("/.hidden", NAVIGATION)), "<p>start</p>");
    assert_status(ask(GET("/packages/chart.js", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n")), 404);
}

static void a_single_file_is_the_whole_site(void **state)
{
    (void)state;
    asked.settings.file = "file.txt";
    assert_body(ask(GET("/", "")), "0123456789");
    assert_body(ask(GET("/file.txt", "")), "0123456789");
    assert_status(ask(GET("/about.html", "")), 404);
    assert_status(ask(GET("/file.txt/", "")), 404);
}

static void links_that_leave_the_root_are_404(void **state)
{
    (void)state;
    assert_int_equal(symlink("file.txt", "inside"), 0);
    assert_int_equal(symlink("../../../etc/passwd", "outside"), 0);
    assert_body(ask(GET("/inside", "")), "0123456789");
    assert_status(ask(GET("/outside", "")), 404);
}

static void spa_serves_any_name_with_a_slash(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
    assert_body(ask(GET("/users/jane.png/", PAGE)), "<p>start</p>");
}

static void a_single_file_site_gives_no_reasons(void **state)
{
    (void)state;
    asked.settings.file = "file.txt";
    assert_lacks(ask(GET("/abuot.html", PAGE)), "about");
    assert_int_equal(asked.exchange.reason.text.length, 0);
}

/* Redirects to `location`, or sends `body`. */
struct row {
    const char *target;
    int status;
    const char *location, *body;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char request[256], line[256];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", rows[i].target);
        const char *response = ask(request);
        assert_status(response, rows[i].status);
        if (rows[i].location != NULL) {
            snprintf(line, sizeof line, "\r\nLocation: %s\r\n", rows[i].location);
            assert_has(response, line);
        }
        if (rows[i].body != NULL)
            assert_body(response, rows[i].body);
    }
}

/* https://developers.cloudflare.com/pages/configuration/serving-pages/ */
static void pages_have_the_addresses_of_cloudflare(void **state)
{
    static const struct row rows[] = {
        {"/about", 200, NULL, "<p>about</p>"},
        {"/about.html?q", 308, "/about?q", NULL},
        {"/about/", 308, "/about", NULL},
        {"/index.html", 308, "/", NULL},
        {"/index", 308, "/", NULL},
        {"/", 200, NULL, "<p>start</p>"},
        {"/dir/index.html", 308, "/dir/", NULL},
        {"/dir/index", 308, "/dir/", NULL},
        {"/dir?q=1", 308, "/dir/?q=1", NULL},
        {"/dir/", 200, NULL, "<p>dir</p>"},
        {"/both", 200, NULL, "file"},
        {"/both.html", 200, NULL, "page"},
        {"/file.txt", 200, NULL, "0123456789"},
        {"/empty", 404, NULL, "lost"},
        {"/empty/", 404, NULL, "lost"},
        {"/.html", 404, NULL, "lost"},
    };
    (void)state;
    make_file("404.html", "lost");
    make_file("both", "file");
    make_file("both.html", "page");
    asked.settings.rules = RULES_CLOUDFLARE;
    assert_rows(rows, sizeof rows / sizeof *rows);
}

/* https://docs.netlify.com/routing/redirects/redirect-options/#trailing-slash */
static void pages_have_the_addresses_of_netlify(void **state)
{
    static const struct row rows[] = {
        {"/about", 200, NULL, "<p>about</p>"}, {"/about.html", 200, NULL, "<p>about</p>"},
        {"/about/?q", 301, "/about?q", NULL},  {"/dir", 301, "/dir/", NULL},
        {"/dir/", 200, NULL, "<p>dir</p>"},    {"/page/", 301, "/page", NULL},
        {"/page", 200, NULL, "page"},          {"/empty", 404, NULL, NULL},
        {"/", 200, NULL, "<p>start</p>"},
    };
    (void)state;
    assert_int_equal(mkdir("page", 0755), 0);
    make_file("page/index.html", "index");
    make_file("page.html", "page");
    asked.settings.rules = RULES_NETLIFY;
    assert_rows(rows, sizeof rows / sizeof *rows);
}

static void address_below_the_base_is_suggested(void **state)
{
    (void)state;
    asked.settings.base = "docs";
    assert_body(ask(GET("/docs/file.txt", "")), "0123456789");
    assert_has(ask(GET("/?q", "")), "\r\nLocation: ./docs/?q\r\n");
    const char *response = ask(GET("/dir/x/", "Accept: text/plain\r\n"));
    assert_status(response, 404);
    assert_has(response, "The site is below '/docs/' (--base). Did you mean '/docs/dir/x/'?");
    assert_has(ask(GET("/file.txt", "Accept: text/plain\r\n")), "Did you mean '/docs/file.txt'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(directories_serve_their_index),
        ASKED_TEST(a_page_is_found_without_its_extension),
        ASKED_TEST(a_page_takes_precedence_over_a_directory),
        ASKED_TEST(hidden_names_are_404_without_dotfiles),
        ASKED_TEST(spa_serves_unknown_page_urls),
        ASKED_TEST(spa_serves_navigations_to_any_path),
        ASKED_TEST(a_single_file_is_the_whole_site),
        ASKED_TEST(links_that_leave_the_root_are_404),
        ASKED_TEST(spa_serves_any_name_with_a_slash),
        ASKED_TEST(pages_have_the_addresses_of_cloudflare),
        ASKED_TEST(pages_have_the_addresses_of_netlify),
        ASKED_TEST(address_below_the_base_is_suggested),
        ASKED_TEST(a_single_file_site_gives_no_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
