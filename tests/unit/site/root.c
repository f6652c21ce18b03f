/* What the root's name leads to, compared with the directory that was opened. */
#include "site/root.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static nlink_t links; /* of each directory, unless 0 */

/* Takes the place of the C library's function. */
int fstat(int fd, struct stat *attributes)
{
    int result = fstatat(fd, "", attributes, AT_EMPTY_PATH);
    if (result == 0 && links > 0 && S_ISDIR(attributes->st_mode))
        attributes->st_nlink = links;
    return result;
}

static char name[64];

static const char *beside(const char *suffix)
{
    static char path[80];
    snprintf(path, sizeof path, "%s%s", name, suffix);
    return path;
}

static struct root opened;

static int begin(void **state)
{
    (void)state;
    strcpy(name, "/tmp/tinyhttpd-root-XXXXXX");
    assert_non_null(mkdtemp(name));
    assert_int_equal(root_describe(&opened, name, open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(opened.fd);
    unlink(name);
    rmdir(name);
    rmdir(beside("-other"));
    return 0;
}

static enum root_state look(int expected)
{
    int error = 0;
    enum root_state state = root_look(&opened, &error);
    if (state == ROOT_MISSING)
        assert_int_equal(error, expected);
    return state;
}

static void untouched_root_is_current(void **state)
{
    (void)state;
    assert_int_equal(look(0), ROOT_CURRENT);
    assert_int_equal(rename(name, beside("-other")), 0);
    assert_int_equal(rename(beside("-other"), name), 0);
    assert_int_equal(look(0), ROOT_CURRENT);
}

static void removed_root_is_missing_until_it_is_made_anew(void **state)
{
    (void)state;
    assert_int_equal(rmdir(name), 0);
    assert_int_equal(look(ENOENT), ROOT_MISSING);
    assert_int_equal(mkdir(name, 0755), 0);
    assert_int_equal(look(0), ROOT_REPLACED);
}

static void link_that_leads_to_it_is_current(void **state)
{
    (void)state;
    assert_int_equal(rename(name, beside("-other")), 0);
    assert_int_equal(symlink(beside("-other"), name), 0);
    assert_int_equal(look(0), ROOT_CURRENT);
}

static void name_of_no_directory_is_missing(void **state)
{
    (void)state;
    assert_int_equal(rename(name, beside("-other")), 0);
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(look(ENOTDIR), ROOT_MISSING);
    close(file);
    unlink(name);
    assert_int_equal(symlink(name, name), 0);
    assert_int_equal(look(ELOOP), ROOT_MISSING);
}

/* A process that can't look the name up sees that the directory was removed, not that it was moved. */
static void without_a_name_only_a_removed_root_is_missing(void **state)
{
    (void)state;
    opened.name = NULL;
    assert_int_equal(look(0), ROOT_CURRENT);
    assert_int_equal(rename(name, beside("-other")), 0);
    assert_int_equal(look(0), ROOT_CURRENT);
    assert_int_equal(rmdir(beside("-other")), 0);
    assert_int_equal(look(ENOENT), ROOT_MISSING);
}

/* Some file systems do not count a directory's links: Btrfs, all FUSE ones. */
static void without_a_name_a_link_count_of_one_is_current(void **state)
{
    (void)state;
    opened.name = NULL;
    links = 1;
    enum root_state found = look(0);
    links = 0;
    assert_int_equal(found, ROOT_CURRENT);
}

static void closed_descriptor_is_no_root(void **state)
{
    struct root root;
    (void)state;
    assert_int_equal(root_describe(&root, name, -1), -1);
    assert_int_equal(errno, EBADF);
}

static void missing_file_is_a_missing_root(void **state)
{
    char path[100];
    (void)state;
    const char *names[] = {name, NULL};
    snprintf(path, sizeof path, "%s/page.html", name);
    opened.file = "page.html";
    for (size_t i = 0; i < 2; i++) {
        opened.name = names[i];
        assert_int_equal(look(ENOENT), ROOT_MISSING);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(look(0), ROOT_CURRENT);
        assert_int_equal(unlink(path), 0);
    }
}

/* As a worker sees a root whose permissions changed. */
static int look_inside_as_another_user(void)
{
    int error = 0;
    if (geteuid() == 0 && setuid(65534) < 0)
        return 77;
    return root_look(&opened, &error) == ROOT_CURRENT && root_look_inside(&opened, &error) == ROOT_MISSING &&
                   error == EACCES
               ? 0
               : 1;
}

static void root_that_may_not_be_entered_is_missing_inside(void **state)
{
    int status, error = 0;
    (void)state;
    assert_int_equal(root_look_inside(&opened, &error), ROOT_CURRENT);
    assert_int_equal(chmod(name, 0600), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(look_inside_as_another_user());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(name, 0755), 0);
    opened.file = "none";
    assert_int_equal(root_look_inside(&opened, &error), ROOT_MISSING);
    assert_int_equal(error, ENOENT);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(untouched_root_is_current, begin, end),
        cmocka_unit_test_setup_teardown(removed_root_is_missing_until_it_is_made_anew, begin, end),
        cmocka_unit_test_setup_teardown(link_that_leads_to_it_is_current, begin, end),
        cmocka_unit_test_setup_teardown(name_of_no_directory_is_missing, begin, end),
        cmocka_unit_test(closed_descriptor_is_no_root),
        cmocka_unit_test_setup_teardown(missing_file_is_a_missing_root, begin, end),
        cmocka_unit_test_setup_teardown(root_that_may_not_be_entered_is_missing_inside, begin, end),
        cmocka_unit_test_setup_teardown(without_a_name_only_a_removed_root_is_missing, begin, end),
        cmocka_unit_test_setup_teardown(without_a_name_a_link_count_of_one_is_current, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
