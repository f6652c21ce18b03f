/* Completions: what each shell needs escaped in a description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

int generate(int count, char **arguments);

#define main generate
#include "../../../share/generate.c"
#undef main

static void zsh_descriptions_escape_quotes_brackets_and_backslashes(void **state)
{
    char text[64] = "";
    FILE *file = tmpfile();
    int output = dup(STDOUT_FILENO);
    (void)state;
    assert_true(file != NULL && output >= 0 && fflush(stdout) == 0);
    dup2(fileno(file), STDOUT_FILENO);
    print_zsh_description("it's [a] \\");
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
    rewind(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "[it'\\''s [a\\] \\\\]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zsh_descriptions_escape_quotes_brackets_and_backslashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
