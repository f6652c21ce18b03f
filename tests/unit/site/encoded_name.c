/* Names of files that are encoded themselves: .svgz, and those of --encoded. */
#include "site/encoded_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *path, *coding, *decoded;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct span path = span_of(rows[i].path);
        const char *coding = encoded_name_coding(path);
        if (rows[i].coding == NULL)
            assert_null(coding);
        else
            assert_string_equal(coding, rows[i].coding);
        assert_true(span_equal(encoded_name_decoded(path), span_of(rows[i].decoded)));
    }
}

#define ASSERT_ROWS(rows) assert_rows(rows, sizeof(rows) / sizeof *(rows))

static void svgz_is_encoded_by_default(void **state)
{
    static const struct row rows[] = {
        {"a.svgz", "gzip", "a.svgz"}, {"b/A.SVGZ", "gzip", "b/A.SVGZ"}, {"a.svg", NULL, "a.svg"},
        {"a.gz", NULL, "a.gz"},       {"a.tar.gz", NULL, "a.tar.gz"},   {"a.svgz/b", NULL, "a.svgz/b"},
        {"a.js.br", NULL, "a.js.br"}, {".svgz", NULL, ".svgz"},         {"", NULL, ""},
        {"svgz", NULL, "svgz"},       {"b/SVGZ", NULL, "b/SVGZ"},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

static void longest_given_name_decides(void **state)
{
    static const struct encoded_name names[] = {
        {"pbf", "gzip"},    {"js.gz", "gzip"},   {"gz", "gzip"},   {"wasm.br", "br"}, {"data.unityweb", "br"},
        {"svgz", "zstd"},   {"old.js.gz", "br"}, {"tile", "gzip"}, {"e.gz", "zstd"},  {".unity", "br"},
        {".p.unity", "br"}, {"unity.x", "br"},   {"x", "gzip"},
    };
    static const struct row rows[] = {
        {"1/2/3.pbf", "gzip", "1/2/3.pbf"},  {"Build/g.framework.js.gz", "gzip", "Build/g.framework.js"},
        {"a.JS.GZ", "gzip", "a.JS"},         {"a.tar.gz", "gzip", "a.tar"},
        {"x.wasm.br", "br", "x.wasm"},       {"x.br", NULL, "x.br"},
        {"x.data.unityweb", "br", "x.data"}, {"x.unityweb", NULL, "x.unityweb"},
        {"a.svgz", "zstd", "a.svgz"},        {"a.old.js.gz", "br", "a.old.js"},
        {"b/tile", "gzip", "b/tile"},        {"a.b/tile", "gzip", "a.b/tile"},
        {"a.e.gz", "zstd", "a.e"},           {"e.gz", "zstd", "e"},
        {"a.unity", "br", "a.unity"},        {"a.p.unity", "br", "a.p"},
        {"a.unity.x", "br", "a.unity"},      {"a.x", "gzip", "a.x"},
    };
    (void)state;
    encoded_name_set(names, sizeof names / sizeof *names);
    ASSERT_ROWS(rows);
    encoded_name_set(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svgz_is_encoded_by_default),
        cmocka_unit_test(longest_given_name_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
