/*
 * https://prometheus.io/docs/instrumenting/exposition_formats/: a family is a HELP line, a TYPE line, and a sample
 * NAME{LABEL="VALUE"} NUMBER per line.
 */
#include "answer/metrics_text.h"

static void append_family(struct buffer *text, const char *name, const char *type, const char *help)
{
    buffer_append(text, SPAN("# HELP "));
    buffer_string(text, name);
    buffer_byte(text, ' ');
    buffer_string(text, help);
    buffer_append(text, SPAN("\n# TYPE "));
    buffer_string(text, name);
    buffer_byte(text, ' ');
    buffer_string(text, type);
    buffer_byte(text, '\n');
}

/* `name` includes the labels. */
static void append_sample(struct buffer *text, const char *name, uint64_t value)
{
    buffer_string(text, name);
    buffer_byte(text, ' ');
    buffer_number(text, value);
    buffer_byte(text, '\n');
}

static void append_counter(struct buffer *text, const char *name, const char *help, uint64_t value)
{
    append_family(text, name, "counter", help);
    append_sample(text, name, value);
}

/* Appends microseconds as seconds, without trailing zeros. */
static void append_seconds(struct buffer *text, uint64_t microseconds)
{
    uint64_t rest = microseconds % 1000000;
    buffer_number(text, microseconds / 1000000);
    if (rest > 0)
        buffer_byte(text, '.');
    for (; rest > 0; rest = rest * 10 % 1000000)
        buffer_byte(text, (char)('0' + rest / 100000));
}

static void append_requests(struct buffer *text, const struct metrics_totals *totals)
{
    append_family(text, "tinyhttpd_requests_total", "counter", "Responses by status class.");
    append_sample(text, "tinyhttpd_requests_total{class=\"2xx\"}", totals->requests[2]);
    append_sample(text, "tinyhttpd_requests_total{class=\"3xx\"}", totals->requests[3]);
    append_sample(text, "tinyhttpd_requests_total{class=\"4xx\"}", totals->requests[4]);
    append_sample(text, "tinyhttpd_requests_total{class=\"5xx\"}", totals->requests[5]);
}

static void append_lost_lines(struct buffer *text, const struct metrics_totals *totals)
{
    append_family(text, "tinyhttpd_log_lines_lost_total", "counter", "Lines that could not be written to a log.");
    append_sample(text, "tinyhttpd_log_lines_lost_total{log=\"access\"}", totals->lost_lines[METRICS_ACCESS_LOG]);
    append_sample(text, "tinyhttpd_log_lines_lost_total{log=\"error\"}", totals->lost_lines[METRICS_ERROR_LOG]);
}

static void append_connections(struct buffer *text, const struct metrics_totals *totals)
{
    append_family(text, "tinyhttpd_connections", "gauge", "Open connections, and the idle ones among them.");
    append_sample(text, "tinyhttpd_connections{state=\"open\"}", totals->connections);
    append_sample(text, "tinyhttpd_connections{state=\"idle\"}", totals->idle);
}

/* Buckets are cumulative: each includes the ones before it. */
static void append_durations(struct buffer *text, const struct metrics_totals *totals)
{
    uint64_t count = 0;
    append_family(text, "tinyhttpd_request_duration_seconds", "histogram",
                  "Time from the complete request until the kernel accepted the last byte of the response.");
    for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
        buffer_append(text, SPAN("tinyhttpd_request_duration_seconds_bucket{le=\""));
        if (i < METRICS_BUCKETS - 1)
            append_seconds(text, metrics_bounds[i]);
        else
            buffer_append(text, SPAN("+Inf"));
        count += totals->durations[i];
        append_sample(text, "\"}", count);
    }
    buffer_append(text, SPAN("tinyhttpd_request_duration_seconds_sum "));
    append_seconds(text, totals->duration_sum);
    buffer_byte(text, '\n');
    append_sample(text, "tinyhttpd_request_duration_seconds_count", count);
}

void metrics_text_write(struct buffer *text, const struct metrics_totals *totals)
{
    append_family(text, "tinyhttpd_build_info", "gauge", "The running version.");
    append_sample(text, "tinyhttpd_build_info{version=\"" TINYHTTPD_VERSION "\"}", 1);
    append_requests(text, totals);
    append_counter(text, "tinyhttpd_response_bytes_total", "Bytes of response bodies that were sent.", totals->bytes);
    append_durations(text, totals);
    append_connections(text, totals);
    append_counter(text, "tinyhttpd_cache_hits_total", "Files served from memory, unchanged on disk.",
                   totals->cache_hits);
    append_counter(text, "tinyhttpd_cache_misses_total", "Files read from disk.", totals->cache_misses);
    append_counter(text, "tinyhttpd_proxy_header_errors_total",
                   "Connections of trusted proxies without a valid PROXY header.", totals->proxy_errors);
    append_counter(text, "tinyhttpd_worker_restarts_total", "Workers that ended and were replaced.", totals->restarts);
    append_lost_lines(text, totals);
}

void metrics_text_answer(struct exchange *exchange)
{
    static struct metrics_totals totals;
    struct response *response = exchange->response;
    size_t start = response->text.length;
    metrics_sum_numbers(exchange->context->metrics, &totals);
    metrics_text_write(&response->text, &totals);
    response_add_text(response, start);
    exchange_finish(exchange, SPAN("Content-Type: " METRICS_TEXT_TYPE "\r\n"));
}
