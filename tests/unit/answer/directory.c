/* Directories: which clients get a listing, in which form, and the redirect to an address with a slash. */
#include "asked.h"

static void listings_are_for_local_clients_of_a_guarded_server(void **state)
{
    (void)state;
    assert_status(ask(GET("/empty/", "")), 404);
    asked.guarded = true;
    assert_has(ask(GET("/empty/", "Accept: text/html\r\n")), "note.txt");
    assert_status(ask(GET("/empty/", "Via: 1.1 proxy\r\n")), 404);
    asked.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void the_options_decide_for_every_client(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    asked.peer.v4.sin_addr.s_addr = htonl(0xC0000201);
    assert_has(ask(GET("/empty/", "")), "note.txt");
    asked.settings.listing = LISTING_OFF;
    asked.guarded = true;
    asked.peer.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_status(ask(GET("/empty/", "")), 404);
}

static void an_index_comes_before_the_listing(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    assert_body(ask(GET("/dir/", "")), "<p>dir</p>");
}

static void programs_get_json(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", "Accept: application/json\r\n"));
    assert_has(response, "\r\nContent-Type: application/json\r\n");
    assert_has(response, "\r\nVary: Accept\r\n");
    assert_has(response, "\"name\":\"note.txt\"");
}

static void a_listing_runs_nothing_but_its_own_script(void **state)
{
    (void)state;
    asked.settings.listing = LISTING_ON;
    const char *response = ask(GET("/empty/", ""));
    assert_has(response, "\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(listings_are_for_local_clients_of_a_guarded_server),
        ASKED_TEST(the_options_decide_for_every_client),
        ASKED_TEST(an_index_comes_before_the_listing),
        ASKED_TEST(programs_get_json),
        ASKED_TEST(a_listing_runs_nothing_but_its_own_script),
        ASKED_TEST(hidden_directories_are_not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
