/* TEST_CASE=PATTERN in the environment runs only the cases of that name; every unit has this linked in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void filter_cases(void)
{
    const char *pattern = getenv("TEST_CASE");
    if (pattern != NULL && *pattern != '\0')
        cmocka_set_test_filter(pattern);
}
