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
    /* webpack, create-react-app */
    "app.3f9c2a1b.js",
    "static/js/main.3f9c2a1b.js",
    "static/js/main.3f9c2a1b.js.map",
    "static/js/2.3f9c2a1b.chunk.js",
    "static/js/787.a1b2c3d4.chunk.js.map",
    "static/css/main.0f1e2d3c.css",
    "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
    "main.3f9c2a1b4d5e6f708192.js",
    "runtime-main.a1b2c3d4.js",
    "6ce24c58023cc2f8fd88.png",
    "vendors~main.3f9c2a1b.js",
    "3f9c2a1b4d5e6f708192.module.wasm",
    /* vite, rollup */
    "assets/index-DgT4x8Qz.css",
    "assets/index-DgT4x8Qz.js",
    "assets/index-DgT4x8Qz.js.map",
    "assets/logo-B-x_9aKq.svg",
    "assets/vendor-Bk3sP9qX.js",
    "assets/inter-latin-400-normal-C38fXH4l.woff2",
    "assets/index.3f9c2a1b.js",
    "_app/immutable/chunks/index.DgT4x8Qz.js",
    "_app/immutable/entry/start.B2xK3m4N.js",
    "_nuxt/entry.D4fG7hJ9.css",
    "_astro/hoisted.Bk2x9QzR.js",
    /* esbuild, Angular */
    "chunk-ABCDEF12.mjs",
    "app-5NA3RLC7.css",
    "chunk-7QV4T2XY.js",
    "chunk-QWE5TZUI.js",
    "main-2XWO5K6H.js.map",
    /* parcel */
    "index.4f9d2a1b.css",
    "hero.0a1b2c3d.webp",
    "favicon.a1b2c3d4.ico",
    /* Next */
    "_next/static/chunks/main-0a1b2c3d4e5f6a7b.js",
    "_next/static/chunks/4bd1b696-0123456789abcdef.js",
    "_next/static/chunks/pages/_app-1a2b3c4d5e6f7a8b.js",
    "_next/static/css/0123456789abcdef.css",
    "_next/static/media/c9a5bc6a7c948fb0-s.p.woff2",
    /* Gatsby, Rails, Django, Hugo, Workbox */
    "app-3f9c2a1b4d5e6f708192.js",
    "component---src-pages-index-js-3f9c2a1b4d5e6f708192.js",
    "application-0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.css",
    "application-3f9c2a1b.css",
    "base.3f9c2a1b4d5e.css",
    "style.min.0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.css",
    "workbox-3f9c2a1b.js",
};

static const char *const plain[] = {
    "",
    "/",
    ".js",
    "js",
    "a.js",
    "index.html",
    "index-DgT4x8Qz.html", /* never HTML */
    "page.3f9c2a1b.html",
    "page.3f9c2a1b.htm",
    "page.3f9c2a1b.xhtml",
    "app.3f9c2a1b", /* no extension */
    "app.3f9c2a1b.js/notes.js",
    "DgT4x8Qz.d/main.js",
    "jquery-3.7.1.js",
    "jquery-3.7.1.min.js",
    "jquery.min.js",
    "bootstrap.bundle.min.js",
    "report-20240131.pdf",
    "report.3f9c2a1b.pdf", /* a document */
    "backup-3f9c2a1b.zip",
    "photo-20240131.jpg",
    "photo.2024013112.jpg",
    "photo-20240131ab.jpg", /* a date with a letter */
    "my-document.html",
    "my-document.js",
    "IMG-12345678.jpg",
    "IMG_20240131_123456.jpg",
    "holiday-DSCN0012.jpg",
    "holiday-GOPR1234.mp4",
    "PXL-20240131.jpg",
    "font-awesome.css",
    "fontawesome-webfont.woff2",
    "Inter-SemiBold.woff2",
    "Inter-Regular4.woff2",
    "Roboto-Bold700x.woff2",
    "OpenSans-ExtraBold.woff2",
    "MaterialIcons-Regular.ttf",
    "report-Version2.js",
    "mock-iPhone14.png",
    "demo-Vue3Demo.js",
    "auth-Web3Auth.js",
    "my-Web-App2.js",
    "x-My-App-2.js",
    "app-README12.png",
    "app-2024JAN1.js",
    "app-CHAPTERX.js",
    "app-CHAPTER1.js",
    "app-DEADBEEF.js",
    "the-defaced.js",
    "the-deadbeef.js", /* a word */
    "app-12345678.js", /* a number */
    "app.3f9c2a1.js",  /* an abbreviated commit of git */
    "app.3f9c2a1bc.js",
    "app.3F9C2A1B.js", /* no tool uses capitals */
    "3f9c2a1b.js",     /* too short without another word */
    "DgT4x8Qz.js",
    "-DgT4x8Qz.js",
    "avatar-550e8400-e29b-41d4-a716-44665544ab00.jpg", /* a UUID does not depend on the content */
    "550e8400-e29b-41d4-a716-44665544ab00.png",
    "three.module.js",
    "sw.js",
    "service-worker.js",
    "_next/static/development/_buildManifest.js",
    "manifest.json",
    "data-2024.json",
    "v1.2.3.js",
    "en-US.json",
    "Makefile",
    "app-DgT4x8Q\xC3.js",
    "app-DgT4 8Qz.js",
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
    memcpy(name + sizeof name - 1 - 12, "-3f9c2a1b.js", 12);
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
