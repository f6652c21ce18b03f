/* What a target names: indices, pages without their extension, hidden names, an application's page, one file. */
#include "asked.h"

#define PAGE "Accept: text/html\r\n"

static void a_directory_is_its_index(void **state)
{
    (void)state;
    assert_body(ask(GET("/", "")), "<p>start</p>");
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
    asked.settings.index = "note.txt";
    assert_body(ask(GET("/empty/", "")), "note");
}

static void a_page_is_found_without_its_extension(void **state)
{
    (void)state;
    assert_body(ask(GET("/about", "")), "<p>about</p>");
    assert_status(ask(GET("/about/", "")), 404);
    make_file("logo.png.html", "no picture");
    assert_status(ask(GET("/logo.png", "")), 404); /* known to be something else */
}

static void a_page_comes_before_a_directory_without_an_index(void **state)
{
    (void)state;
    make_file("empty.html", "page");
    make_file("dir.html", "page");
    assert_body(ask(GET("/empty", "")), "page");
    assert_status(ask(GET("/dir", "")), 302);
}

static void hidden_names_are_404_unless_asked_for(void **state)
{
    (void)state;
    assert_int_equal(mkdir(".well-known", 0755), 0);
    make_file(".well-known/key", "key");
    assert_status(ask(GET("/.hidden", "")), 404);
    assert_body(ask(GET("/.well-known/key", "")), "key"); /* RFC 8615 */
    asked.settings.dotfiles = true;
    assert_body(ask(GET("/.hidden", "")), "hidden");
}

static void an_application_gets_navigations_that_find_nothing(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
    const char *response = ask(GET("/users/jane.doe", PAGE));
    assert_status(response, 200);
    assert_has(response, "Vary: Accept\r\n");
    assert_body(response, "<p>start</p>");
    assert_status(ask(GET("/users/1", "Accept: */*\r\n")), 404);
    assert_status(ask(GET("/missing.js", PAGE)), 404);
    assert_status(ask(GET("/.hidden", PAGE)), 404);
    assert_lacks(ask(GET("/file.txt", PAGE)), "Vary:");
}

static void one_file_is_the_whole_site(void **state)
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

static void an_application_has_addresses_with_a_slash_after_any_name(void **state)
{
    (void)state;
    asked.settings.spa = "/index.html";
    assert_body(ask(GET("/users/jane.png/", PAGE)), "<p>start</p>");
}

static void the_reason_for_one_file_names_no_other(void **state)
{
    (void)state;
    asked.settings.file = "file.txt";
    assert_lacks(ask(GET("/abuot.html", PAGE)), "about");
    assert_int_equal(asked.exchange.reason.text.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_directory_is_its_index),
        ASKED_TEST(a_page_is_found_without_its_extension),
        ASKED_TEST(a_page_comes_before_a_directory_without_an_index),
        ASKED_TEST(hidden_names_are_404_unless_asked_for),
        ASKED_TEST(an_application_gets_navigations_that_find_nothing),
        ASKED_TEST(one_file_is_the_whole_site),
        ASKED_TEST(links_that_leave_the_root_are_404),
        ASKED_TEST(an_application_has_addresses_with_a_slash_after_any_name),
        ASKED_TEST(the_reason_for_one_file_names_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
