/* Directories: access to listings, their media types, and redirects to the address with a slash. */
#include "asked.h"

static void listings_are_for_local_clients_if_host_is_checked(void **state)
{
    (void)state;
    assert_status(ask(GET("/empty/", "")), 404);
    asked.check_host = true;
    assert_has(ask(GET("/empty/", "Accept: text/html\r\n")), "note.txt");
    assert_status(ask(GET("/empty/", "Via: 1.1 proxy\r\n")), 404);
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void list_and_no_list_apply_to_every_client(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_has(ask(GET("/empty/", "")), "note.txt");
    asked.settings.listing = LISTING_OFF;
    asked.check_host = true;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void an_index_takes_precedence_over_a_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
}

static void json_is_sent_on_request(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", "Accept: application/json\r\n"));
    assert_has(response, "\r\nContent-Type: application/json\r\n");
    assert_has(response, "\r\nVary: Accept\r\n");
    assert_has(response, "\"name\":\"note.txt\"");
    assert_has(response, "\r\nContent-Length: "); /* it is one piece */
    assert_lacks(response, "chunked");
}

static void listings_allow_only_their_own_script(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", ""));
    assert_has(response, "\r\nContent-Security-Policy: default-src 'none'; img-src data:; style-src 'sha256-");
    assert_has(response, "\r\nCache-Control: no-cache\r\n");
}

static void hidden_directories_are_not_listed(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_int_equal(mkdir(".git", 0755), 0);
    assert_status(ask(GET("/.git/", "")), 404);
    make_file("empty/.secret", "secret");
    assert_lacks(ask(GET("/dir/../empty/", "")), ".secret");
    assert_status(ask(GET("/none/", "")), 404);
}

static void lan_shows_listings_to_every_client(void **state)
{
    (void)state;
    asked.settings.lan = true;
    asked.origin.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_has(ask(GET("/empty/", "")), "note.txt");
}

static void a_single_file_has_no_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    asked.settings.file = "file.txt";
    assert_status(ask(GET("/empty/", "")), 404);
}

static void dotfiles_lists_dot_names(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("empty/.secret", "secret");
    assert_lacks(ask(GET("/empty/", "")), ".secret");
    asked.settings.dotfiles = true;
    assert_has(ask(GET("/empty/", "")), ".secret");
}

/* A client takes ".." from the address, where each slash counts but those at its begin. */
static void listings_link_up_only_from_their_own_address(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_int_equal(mkdir("empty/inner", 0755), 0);
    assert_has(ask(GET("/empty/inner/", "")), "<a href=\"../../\" aria-label=\"Start\">");
    assert_has(ask(GET("//empty/inner/", "")), "<a href=\"../../\" aria-label=\"Start\">");
    assert_lacks(ask(GET("/empty//inner/", "")), "aria-label=\"Start\"");
    assert_lacks(ask(GET("/empty/inner//", "")), "aria-label=\"Start\"");
}

static void an_index_that_may_not_be_read_is_403(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    make_file("empty/index.html", "private");
    assert_int_equal(chmod("empty/index.html", 0), 0);
    const char *response = ask_as_user(GET("/empty/", "Accept: text/html\r\n"));
    assert_status(response, 403);
    assert_has(response, "may not read the index");
    assert_lacks(response, "note.txt");
    asked.settings.listing = LISTING_OFF;
    assert_status(ask_as_user(GET("/empty/", "")), 404);
}

/* Browsers read a backslash as a slash (WHATWG URL, "relative slash state"). */
static void a_redirect_escapes_backslashes_and_line_ends(void **state)
{
    (void)state;
    assert_int_equal(mkdir("\\evil.example", 0755), 0);
    assert_int_equal(mkdir("a\r\nX: y", 0755), 0);
    assert_has(ask(GET("/%5Cevil.example", "")), "\r\nLocation: %5Cevil.example/\r\n");
    assert_lacks(ask(GET("/a%0D%0AX:%20y", "")), "\r\nX: y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(listings_are_for_local_clients_if_host_is_checked),
        ASKED_TEST(list_and_no_list_apply_to_every_client),
        ASKED_TEST(an_index_takes_precedence_over_a_listing),
        ASKED_TEST(json_is_sent_on_request),
        ASKED_TEST(listings_allow_only_their_own_script),
        ASKED_TEST(hidden_directories_are_not_listed),
        ASKED_TEST(lan_shows_listings_to_every_client),
        ASKED_TEST(a_single_file_has_no_listing),
        ASKED_TEST(dotfiles_lists_dot_names),
        ASKED_TEST(listings_link_up_only_from_their_own_address),
        ASKED_TEST(an_index_that_may_not_be_read_is_403),
        ASKED_TEST(a_redirect_escapes_backslashes_and_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
