/* Names with a hash, as bundlers make them, and names that people choose. */
#include "site/hashed_name.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const hashed[] = {
    /* webpack, Next, Gatsby, Rails, Hugo, Symfony: 16 hexadecimal digits or more */
    "main.3f9c2a1b4d5e6f708192.js",
    "main.3f9c2a1b4d5e6f708192.js.map",
    "3f9c2a1b4d5e6f708192.module.wasm",
    "3f9c2a1b4d5e6f708192.js",
    "chunks/main-0a1b2c3d4e5f6a7b.js",
    "chunks/4bd1b696-0123456789abcdef.js",
    "media/c9a5bc6a7c948fb0-s.p.woff2",
    "app-3f9c2a1b4d5e6f708192.js",
    "component---src-pages-index-js-3f9c2a1b4d5e6f708192.js",
    "application-0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.css",
    "style.min.0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.CSS",
    "app.6ce24c58023cc2f8fd88fe9d219db6c6.mjs",
    "main_3f9c2a1b4d5e6f70.js",
    "app-205e460b479e2e5b48aec07710c08d50205e460b.css",
    /* directories that frameworks reserve */
    "_next/static/chunks/pages/_app.js",
    "_next/static/media/photo.png",
    "docs/_next/static/css/a.css",
    "_app/immutable/chunks/index.DgT4x8Qz.js",
    "_app/immutable/entry/start.js",
    "_astro/hoisted.Bk2x9QzR.js",
};

static const char *const plain[] = {
    "",
    "/",
    ".js",
    "js",
    "a.js",
    "index.html",
    /* 8 characters are no proof, */
    "assets/index-DgT4x8Qz.js",
    "chunk-7QV4T2XY.js",
    "app.3f9c2a1b.js",
    /* nor letters beyond f, */
    "main.z3f9c2a1b4d5e6f7.js",
    "main.3f9c2a1b4d5e6f7z.js",
    /* as people write names like these */
    "hero-iPadPro2.png",
    "chapter-facade01.js",
    "x.decade12.js",
    "demo-GPT4oAPI.js",
    "x-PS5vsXBX.png",
    "clip-4KHDRvid.mp4",
    "auth-OAuth2Ui.js",
    "lib-K8sAPIv1.js",
    "tool-MP4toGIF.js",
    "page-x86Win10.css",
    "chart-Q3FY2024.svg",
    "font-Inter4Vf.woff2",
    "app-B2BSales.js",
    "a-beef1234.js",
    "menu.cafe2024.css",
    "x.abad1dea.js",
    "mix-a1b2c3d4.js",
    "chunk-CHAPTER2.js",
    "app-WINDOWS7.js",
    "app-2025Q3V2.js",
    "map-R2D2C3PO.js",
    "report-20240131.pdf",
    "holiday-DSCN0012.jpg",
    "jquery-3.7.1.min.js",
    /* not the hash of the content */
    "user.205e460b479e2e5b48aec07710c08d50.png", /* of an e-mail address */
    "data.205e460b479e2e5b48aec07710c08d50.json",
    "avatar-550e8400-e29b-41d4-a716-44665544ab00.js", /* a UUID does not depend on the content */
    "log-1706659200000000.js",                        /* a time */
    "app-deadbeefdeadbeef.js",                        /* no digit */
    "app.3F9C2A1B4D5E6F708192.js",                    /* no tool uses capitals */
    "app.3f9c2a1b4d5e6f70819.js",                     /* no tool uses 19 */
    "app.3f9c2a1b4d5e6f708192.pdf",
    "app.3f9c2a1b4d5e6f708192", /* no extension */
    "app.3f9c2a1b4d5e6f708192.js/notes.js",
    /* not the directory of a framework */
    "_next/static/development/_buildManifest.js",
    "_next/static/development/_next/static/a.js",
    "_next/data/a.json",
    "my_next/static/a.js",
    "_app/version.json",
    "_astro.js",
    "a_astro/b.js",
    "_nuxt/builds/latest.json",
};

static bool has_hash(const char *name)
{
    return hashed_name_matches(guarded(span_of(name)));
}

static void names_from_bundlers_have_a_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hashed); i++) {
        if (!has_hash(hashed[i]))
            fail_msg("%s", hashed[i]);
    }
}

static void human_names_have_no_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        if (has_hash(plain[i]))
            fail_msg("%s", plain[i]);
    }
}

static void long_names_are_read(void **state)
{
    static char name[4096];
    (void)state;
    memset(name, '-', sizeof name - 1);
    assert_false(has_hash(name));
    memcpy(name + sizeof name - 1 - 20, "-3f9c2a1b4d5e6f70.js", 20);
    assert_true(has_hash(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_from_bundlers_have_a_hash),
        cmocka_unit_test(human_names_have_no_hash),
        cmocka_unit_test(long_names_are_read),
    };
    return cmocka_run_group_tests(tests, guard_open, NULL);
}
