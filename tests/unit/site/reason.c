/* Why there is nothing at a path: the exact words, on a real directory. */
#include "site/reason.h"

#include "base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];
static int root;
static struct beneath beneath;
static int64_t second; /* another for each reason, so that none is too many */

static const char *const folders[] = {"guide", "img", ".git", "locked"};
static const char *const files[] = {
    "about.html",   "about.txt", "README.md",   "style.css",       "style.min.css", "img/hills.png",
    ".env",         "private",   ".git/config", "guide/Index.htm", "a\nb.txt",      "ab",
    "notes.tar.gz", "pick.a",    "pick.b",      "pick.c",          "pick.html",     "pick.d",
    "pick.e",       "pick.x",    "pick.y",      "pick.z"};
static const struct {
    const char *name;
    const char *target;
} symlinks[] = {{"out", "/etc/passwd"}, {"above", "../x"}, {"dangling", "nowhere"}, {"loop", "loop"}};

static int make(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tinyhttpd-reason-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    root = open(base, O_RDONLY | O_DIRECTORY);
    beneath = beneath_root(root, false);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdirat(root, folders[i], 0755);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        close(openat(root, files[i], O_WRONLY | O_CREAT, 0644));
    for (size_t i = 0; i < sizeof symlinks / sizeof *symlinks; i++)
        assert_int_equal(symlinkat(symlinks[i].target, root, symlinks[i].name), 0);
    assert_int_equal(fchmodat(root, "private", 0, 0), 0);
    assert_int_equal(fchmodat(root, "locked", 0, 0), 0);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof symlinks / sizeof *symlinks; i++)
        unlinkat(root, symlinks[i].name, 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(root, files[i], 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        unlinkat(root, folders[i], AT_REMOVEDIR);
    close(root);
    return rmdir(base);
}

static char meant[REASON_MAX + 1]; /* of the last reason */

static const char *reason_of(const char *path, bool dotfiles)
{
    static char text[REASON_MAX + 1];
    struct reason reason = {{text, 0, REASON_MAX, false}, {meant, 0, REASON_MAX, false}};
    reason_find(&reason, &beneath, span_of(path), dotfiles, ++second);
    text[reason.text.length] = '\0';
    meant[reason.meant.length] = '\0';
    return text;
}

static void each_reason_has_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *reason;
    } cases[] = {
        {"readme.md",
         "There is no 'readme.md' in the root. There is 'README.md': capital and small letters differ."},
        {"IMG/hills.png", "There is no 'IMG' in the root. There is 'img': capital and small letters differ."},
        {"img/hill.png", "There is no 'hill.png' in 'img'. There is 'hills.png': is that the one?"},
        {"about", "There is no 'about' in the root. There is 'about.html': the address lacks the extension."},
        {"notes",
         "There is no 'notes' in the root. There is 'notes.tar.gz': the address lacks the extension."},
        {"pick", "There is no 'pick' in the root. There is 'pick.html': the address lacks the extension."},
        {"pick.", "There is no 'pick.' in the root. There is 'pick.a': is that the one?"},
        {"stlye.css", "There is no 'stlye.css' in the root. There is 'style.css': is that the one?"},
        {"styles/main.css", "There is no 'styles' in the root."},
        {"guide/a/b", "There is no 'a' in 'guide'."},
        {"guide/index.html", "There is no 'index.html' in 'guide'. There is 'Index.htm': is that the one?"},
        {"guide/index.htm",
         "There is no 'index.htm' in 'guide'. There is 'Index.htm': capital and small letters differ."},
        {"a\nb.tx", "There is no 'a\nb.tx' in the root. There is 'a\nb.txt': is that the one?"},
        {"xy", "There is no 'xy' in the root."}, /* two octets are like any two others */
        {".env", "'.env' begins with a dot: such names are not served without --dotfiles."},
        {".git/config", "'.git' begins with a dot: such names are not served without --dotfiles."},
        {".svn/entries", "There is no '.svn' in the root."},
        {"out", "'out' is a symbolic link that leads out of the root."},
        {"out/x", "'out' is a symbolic link that leads out of the root."},
        {"above", "'above' is a symbolic link that leads out of the root."},
        {"dangling", "'dangling' is a symbolic link that leads nowhere."},
        {"loop", "'loop' is a symbolic link that may not be followed, or leads round in a circle."},
        {"README.md/index.html", "'README.md' is a file, and no directory."},
        {"README.md", ""}, /* it is there: somebody has just made it */
        {"img", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(reason_of(cases[i].path, false), cases[i].reason);
    assert_string_equal(reason_of(".envv", true),
                        "There is no '.envv' in the root. There is '.env': is that the one?");
    assert_string_equal(reason_of(".env", true), "");
    assert_string_equal(reason_of("..", true), ""); /* no such path comes, and nothing comes of it */
}

static void what_was_meant_has_its_path(void **state)
{
    static const char *const cases[][2] = {
        {"readme.md", "README.md"}, {"img/hill.png", "img/hills.png"},
        {"IMG/hills.png", "img"},   {"guide/index.html", "guide/Index.htm"},
        {"about", "about.html"},    {"xy", ""},
        {"guide/a/b", ""},          {".env", ""},
        {"dangling", ""},           {"README.md/x", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reason_of(cases[i][0], false);
        assert_string_equal(meant, cases[i][1]);
    }
}

static void what_is_not_permitted_is_told(void **state)
{
    (void)state;
    if (geteuid() == 0) /* who may read all */
        return;
    assert_string_equal(reason_of("private", false), "'private' can't be read by the server's user.");
    assert_string_equal(reason_of("locked/x", false),
                        "'locked' is a directory that the server's user may not read.");
}

static void long_paths_have_no_reason(void **state)
{
    (void)state;
    char path[8000];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_string_equal(reason_of(path, false), "");
    for (size_t i = 1; i < sizeof path; i += 2)
        path[i] = '/';
    path[sizeof path - 1] = '\0';
    assert_string_equal(reason_of(path, false), "There is no 'a' in the root.");
    path[300] = '\0';
    memset(path, 'b', 256);
    assert_string_equal(reason_of(path, false), "");
}

static void a_flood_gets_few(void **state)
{
    (void)state;
    unsigned told = 0;
    second += 10;
    for (unsigned i = 0; i < 5 * LIMIT_REASONS; i++) {
        char text[REASON_MAX], path[REASON_MAX];
        struct reason reason = {BUFFER(text), BUFFER(path)};
        reason_find(&reason, &beneath, SPAN("nothing"), false, second);
        told += reason.text.length > 0;
    }
    assert_int_equal(told, LIMIT_REASONS);
    assert_true(reason_of("nothing", false)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_words),
        cmocka_unit_test(what_was_meant_has_its_path),
        cmocka_unit_test(what_is_not_permitted_is_told),
        cmocka_unit_test(long_paths_have_no_reason),
        cmocka_unit_test(a_flood_gets_few),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
