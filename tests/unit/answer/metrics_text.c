/* The text format: https://prometheus.io/docs/instrumenting/exposition_formats/. */
#include "answer/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char room[8192];

static const char *written(const struct metrics_totals *totals)
{
    struct buffer text = {room, 0, sizeof room - 1, false};
    metrics_text_write(&text, totals);
    assert_false(text.overflow);
    room[text.length] = '\0';
    return room;
}

static void samples_have_their_values(void **state)
{
    static const struct metrics_totals totals = {
        .requests = {[2] = 7, [3] = 3, [4] = 4, [5] = 18446744073709551615U},
        .bytes = 11,
        .connections = 12,
        .idle = 5,
        .durations = {[0] = 1, [1] = 2, [13] = 3, [14] = 4},
        .duration_sum = 90000500,
        .cache_hits = 13,
        .cache_misses = 14,
        .proxy_errors = 16,
        .restarts = 15,
        .lost_lines = {[METRICS_ACCESS_LOG] = 17, [METRICS_ERROR_LOG] = 18},
    };
    static const char *const lines[] = {
        "tinyhttpd_build_info{version=\"" TINYHTTPD_VERSION "\"} 1\n",
        "# TYPE tinyhttpd_requests_total counter\ntinyhttpd_requests_total{class=\"2xx\"} 7\n",
        "\ntinyhttpd_requests_total{class=\"3xx\"} 3\n",
        "\ntinyhttpd_requests_total{class=\"4xx\"} 4\n",
        "\ntinyhttpd_requests_total{class=\"5xx\"} 18446744073709551615\n",
        "\ntinyhttpd_response_bytes_total 11\n",
        "\ntinyhttpd_connections{state=\"open\"} 12\ntinyhttpd_connections{state=\"idle\"} 5\n",
        "_seconds histogram\ntinyhttpd_request_duration_seconds_bucket{le=\"0.0005\"} 1\n",
        "{le=\"0.001\"} 3\n",
        "{le=\"0.0025\"} 3\n",
        "{le=\"0.25\"} 3\n",
        "{le=\"1\"} 3\n",
        "{le=\"10\"} 6\n",
        "{le=\"+Inf\"} 10\n",
        "\ntinyhttpd_request_duration_seconds_sum 90.0005\ntinyhttpd_request_duration_seconds_count 10\n",
        "\ntinyhttpd_cache_hits_total 13\n",
        "\ntinyhttpd_cache_misses_total 14\n",
        "\ntinyhttpd_proxy_header_errors_total 16\n",
        "\ntinyhttpd_worker_restarts_total 15\n",
        "\ntinyhttpd_log_lines_lost_total{log=\"access\"} 17\n",
        "\ntinyhttpd_log_lines_lost_total{log=\"error\"} 18\n",
    };
    const char *text = written(&totals);
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("'%s' is not in\n%s", lines[i], text);
    }
}

/* Each family begins with its HELP and its TYPE line, and has samples of its own name alone. */
static void each_sample_follows_the_help_and_type_of_its_family(void **state)
{
    static const struct metrics_totals none;
    char help[128] = "", family[128] = "", type[16], name[128];
    unsigned families = 0, samples = 0;
    (void)state;
    written(&none);
    for (char *rest = room, *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        if (sscanf(line, "# HELP %127s %*s", help) == 1)
            continue;
        if (sscanf(line, "# TYPE %127s %15s", family, type) == 2) {
            assert_string_equal(family, help);
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0);
            families++;
            continue;
        }
        assert_int_equal(sscanf(line, "%127[a-z_]", name), 1);
        if (strcmp(type, "histogram") == 0)
            assert_int_equal(strncmp(name, family, strlen(family)), 0);
        else
            assert_string_equal(name, family);
        samples++;
    }
    assert_int_equal(families, 10);
    assert_int_equal(samples, 1 + 4 + 1 + METRICS_BUCKETS + 2 + 2 + 4 + 2);
}

static void the_longest_text_fits_in_4_kib(void **state)
{
    static struct metrics_totals totals;
    (void)state;
    memset(&totals, 0xFF, sizeof totals);
    assert_in_range(strlen(written(&totals)), 1, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_have_their_values),
        cmocka_unit_test(each_sample_follows_the_help_and_type_of_its_family),
        cmocka_unit_test(the_longest_text_fits_in_4_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
