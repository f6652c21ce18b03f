/* Files that exist only encoded, and files that are encoded themselves. */
#include "answer/encoded.h"

#include "asked.h"

static void a_file_that_exists_only_encoded_is_sent_to_clients_that_accept_it(void **state)
{
    (void)state;
    make_file("alone.css.gz", "compressed");
    const char *response = ask(GET("/alone.css", "Accept-Encoding: br, gzip\r\n"));
    assert_status(response, 200);
    assert_has(response, "\r\nContent-Type: text/css\r\n");
    assert_has(response, "\r\nContent-Encoding: gzip\r\n");
    assert_has(response, "-gzip\"\r\n");
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_body(response, "compressed");
    response = ask(GET("/alone.css", "Accept-Encoding: gzip\r\nRange: bytes=4-7\r\n"));
    assert_status(response, 206);
    assert_has(response, "\r\nContent-Range: bytes 4-7/10\r\n");
    assert_has(response, "\r\nContent-Encoding: gzip\r\n");
    assert_body(response, "ress");
}

static void other_clients_get_404_with_the_reason(void **state)
{
    (void)state;
    make_file("alone.css.gz", "compressed");
    static const char *const requests[] = {
        GET("/alone.css", "Accept: */*\r\n"),
        GET("/alone.css", "Accept: */*\r\nAccept-Encoding: br\r\n"),
        GET("/alone.css", "Accept: */*\r\nAccept-Encoding: gzip;q=0\r\n"),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const char *response = ask(requests[i]);
        assert_status(response, 404);
        assert_has(response,
                   "'alone.css' can only be served from 'alone.css.gz', and the request does not accept gzip");
        assert_has(response, "\r\nVary: Accept, Accept-Encoding\r\n");
    }
}

static void the_preferred_of_several_forms_is_sent(void **state)
{
    (void)state;
    make_file("alone.js.gz", "as gzip");
    make_file("alone.js.br", "as br");
    assert_body(ask(GET("/alone.js", "Accept-Encoding: gzip, br\r\n")), "as br");
    assert_body(ask(GET("/alone.js", "Accept-Encoding: gzip, br;q=0.5\r\n")), "as gzip");
    assert_body(ask(GET("/alone.js", "Accept-Encoding: gzip\r\n")), "as gzip");
    make_file("alone.js", "as it is");
    assert_body(ask(GET("/alone.js", "")), "as it is");
}

static void an_index_and_a_page_may_exist_only_encoded(void **state)
{
    (void)state;
    assert_int_equal(mkdir("solo", 0755), 0);
    make_file("solo/index.html.gz", "index");
    make_file("page.html.gz", "page");
    const char *response = ask(GET("/solo/", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: text/html\r\n");
    assert_body(response, "index");
    assert_body(ask(GET("/page", "Accept-Encoding: gzip\r\n")), "page");
    asked.settings.charset = "utf-8";
    assert_has(ask(GET("/page", "Accept-Encoding: gzip\r\n")), "\r\nContent-Type: text/html; charset=utf-8\r\n");
    asked.settings.watch = true; /* no script can follow encoded bytes */
    assert_body(ask(GET("/page", "Accept: text/html\r\nAccept-Encoding: gzip\r\n")), "page");
}

static void reason_names_a_coding_that_there_is(void **state)
{
    (void)state;
    make_file("only.css.br", "compressed");
    assert_has(ask(GET("/only.css", "Accept: text/plain\r\n")),
               "'only.css.br', and the request does not accept br (Accept-Encoding).");
}

static void directory_is_no_encoded_form(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder.css.gz", 0755), 0);
    assert_status(ask(GET("/folder.css", "Accept-Encoding: gzip\r\n")), 404);
    make_file("folder.css.br", "as br");
    assert_body(ask(GET("/folder.css", "Accept-Encoding: gzip, br\r\n")), "as br");
}

static void a_single_file_has_no_encoded_forms(void **state)
{
    (void)state;
    make_file("only.css.gz", "compressed");
    asked.settings.file = "only.css";
    assert_status(ask(GET("/only.css", "Accept-Encoding: gzip\r\n")), 503); /* as the file is missing */
    make_file("o.gz", "compressed");
    assert_int_equal(chmod("o.gz", 0644), 0);
    asked.settings.file = NULL;
    assert_body(ask(GET("/o", "Accept-Encoding: gzip\r\n")), "compressed"); /* of a directory */
    make_file("o", "private");
    assert_int_equal(chmod("o", 0), 0);
    asked.settings.file = "o";
    assert_status(ask_as_user(GET("/o", "Accept-Encoding: gzip\r\n")), 404);
}

static void svgz_has_a_type_and_a_coding(void **state)
{
    (void)state;
    make_file("p.svgz", "compressed");
    static const char *const requests[] = {
        GET("/p.svgz", ""),
        GET("/p.svgz", "Accept-Encoding: gzip, br\r\n"),
    };
    for (size_t i = 0; i < 2; i++) {
        const char *response = ask(requests[i]);
        assert_has(response, "\r\nContent-Type: image/svg+xml\r\n");
        assert_has(response, "\r\nContent-Encoding: gzip\r\n");
        assert_has(response, "-gzip\"\r\n");
        assert_has(response, "\r\nVary: Accept-Encoding\r\n");
        assert_body(response, "compressed");
    }
}

/* RFC 9110 12.5.3: without any acceptable coding, no coding. */
static void clients_that_refuse_the_coding_get_the_bytes_as_such(void **state)
{
    (void)state;
    make_file("p.svgz", "compressed");
    asked.keeps_store = true;
    ask(GET("/p.svgz", "Accept-Encoding: gzip\r\n"));
    const char *response = ask(GET("/p.svgz", "Accept-Encoding: identity\r\n"));
    assert_has(response, "\r\nContent-Type: application/gzip\r\n");
    assert_lacks(response, "Content-Encoding:");
    assert_lacks(response, "-gzip\"");
    assert_has(response, "\r\nVary: Accept-Encoding\r\n");
    assert_body(response, "compressed");
    assert_status(ask(GET("/p.svgz", "Accept-Encoding: *;q=0\r\n")), 406);
    assert_status(ask(GET("/p.svgz", "Accept-Encoding: identity;q=0.001, gzip;q=0\r\n")), 200);
    assert_has(ask(GET("/p.svgz", "Accept-Encoding: gzip\r\n")), "\r\nContent-Encoding: gzip\r\n");
}

static void given_extensions_have_a_coding_and_the_type_of_the_decoded_name(void **state)
{
    (void)state;
    make_file("g.framework.js.gz", "script");
    make_file("g.data.gz", "data");
    make_file("1.pbf", "tile");
    make_file("x.tar.gz", "archive");
    asked.settings.encoded[0] = (struct encoded_name){"js.gz", "gzip"};
    asked.settings.encoded[1] = (struct encoded_name){"data.gz", "gzip"};
    asked.settings.encoded[2] = (struct encoded_name){"pbf", "gzip"};
    asked.settings.encoded[3] = (struct encoded_name){"wasm.br", "br"};
    asked.settings.encoded_count = 4;
    make_file("g.wasm.br", "program");
    const char *response = ask(GET("/g.framework.js.gz", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: text/javascript\r\nContent-Encoding: gzip\r\n");
    response = ask(GET("/g.data.gz", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: application/octet-stream\r\nContent-Encoding: gzip\r\n");
    response = ask(GET("/g.wasm.br", "Accept-Encoding: br\r\n"));
    assert_has(response, "\r\nContent-Type: application/wasm\r\nContent-Encoding: br\r\n");
    response = ask(GET("/1.pbf", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\n");
    response = ask(GET("/x.tar.gz", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: application/gzip\r\n");
    assert_lacks(response, "Content-Encoding:");
    /* Under the name without the coding, too. */
    response = ask(GET("/g.framework.js", "Accept-Encoding: gzip\r\n"));
    assert_has(response, "\r\nContent-Type: text/javascript\r\nContent-Encoding: gzip\r\n");
}

static void validators_of_an_encoded_file_are_compared(void **state)
{
    (void)state;
    char request[512], etag[128] = "";
    make_file("alone.css.gz", "compressed");
    const char *at = strstr(ask(GET("/alone.css", "Accept-Encoding: gzip\r\n")), "ETag: ");
    assert_non_null(at);
    snprintf(etag, sizeof etag, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
    assert_int_equal(strlen(etag),
                     strlen("\"0123456789abcdef0123456789abcdef-gzip\"")); /* nothing of the hash is lost */
    snprintf(request, sizeof request,
             "GET /alone.css HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n", etag);
    assert_status(ask(request), 304);
}

/* The path of a form is looked up with a NUL after it. */
static void a_form_is_found_with_every_choice_of_symlinks(void **state)
{
    static const enum symlink_choice choices[] = {SYMLINKS_INSIDE, SYMLINKS_ALL, SYMLINKS_NONE};
    (void)state;
    make_file("alone.css.gz", "compressed");
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        asked.settings.symlinks = choices[i];
        assert_body(ask(GET("/alone.css", "Accept-Encoding: gzip\r\n")), "compressed");
    }
}

static void a_form_is_stored_once_for_both_names(void **state)
{
    (void)state;
    make_file("alone.css.gz", "compressed");
    asked.keeps_store = true;
    ask(GET("/alone.css", "Accept-Encoding: gzip\r\n"));
    assert_int_equal(store_take_hits(asked.store).loaded, 1);
    assert_body(ask(GET("/alone.css.gz", "")), "compressed");
    assert_int_equal(store_take_hits(asked.store).loaded, 0);
}

/* The status of the original counts. */
static void a_form_that_may_not_be_read_is_404(void **state)
{
    (void)state;
    make_file("alone.css.gz", "private");
    assert_int_equal(chmod("alone.css.gz", 0), 0);
    assert_status(ask_as_user(GET("/alone.css", "Accept-Encoding: gzip\r\n")), 404);
}

static void a_form_that_cannot_be_opened_now_is_503(void **state)
{
    (void)state;
    make_file("alone.css.gz", "compressed");
    assert_status(ask_without_descriptors(GET("/alone.css", "Accept-Encoding: gzip\r\n")), 503);
}

/* As of file systems with names of over 255 bytes. */
static void a_name_that_is_too_long_for_a_reason_has_none(void **state)
{
    static char name[REASON_MAX / 2];
    (void)state;
    ask(GET("/missing", ""));
    memset(name, 'a', sizeof name);
    asked.exchange.reason.text.length = 0;
    asked.exchange.refused = (struct refused){{name, sizeof name}, 1U << CODING_GZIP};
    assert_true(encoded_explain(&asked.exchange));
    assert_int_equal(asked.exchange.reason.text.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED_TEST(a_file_that_exists_only_encoded_is_sent_to_clients_that_accept_it),
        ASKED_TEST(other_clients_get_404_with_the_reason),
        ASKED_TEST(the_preferred_of_several_forms_is_sent),
        ASKED_TEST(an_index_and_a_page_may_exist_only_encoded),
        ASKED_TEST(reason_names_a_coding_that_there_is),
        ASKED_TEST(directory_is_no_encoded_form),
        ASKED_TEST(a_single_file_has_no_encoded_forms),
        ASKED_TEST(a_form_is_found_with_every_choice_of_symlinks),
        ASKED_TEST(a_form_is_stored_once_for_both_names),
        ASKED_TEST(a_form_that_may_not_be_read_is_404),
        ASKED_TEST(a_form_that_cannot_be_opened_now_is_503),
        ASKED_TEST(a_name_that_is_too_long_for_a_reason_has_none),
        ASKED_TEST(svgz_has_a_type_and_a_coding),
        ASKED_TEST(clients_that_refuse_the_coding_get_the_bytes_as_such),
        ASKED_TEST(given_extensions_have_a_coding_and_the_type_of_the_decoded_name),
        ASKED_TEST(validators_of_an_encoded_file_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
