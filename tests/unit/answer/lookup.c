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
        ASKED_TEST(a_single_file_site_gives_no_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
