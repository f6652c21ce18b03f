/*
 * https://prometheus.io/docs/instrumenting/exposition_formats/: lines of "NAME{LABEL="VALUE"} NUMBER", those of a name in
 * one group below its help and its type.
 */
#include "answer/metrics_text.h"

/* The lines that a group begins with. */
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

/* `name` with its labels. */
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

/* Microseconds in seconds, without zeros at the end. */
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
    append_family(text, "tinyhttpd_requests_total", "counter", "Answers, by the class of their status.");
    append_sample(text, "tinyhttpd_requests_total{class=\"2xx\"}", totals->requests[2]);
    append_sample(text, "tinyhttpd_requests_total{class=\"3xx\"}", totals->requests[3]);
    append_sample(text, "tinyhttpd_requests_total{class=\"4xx\"}", totals->requests[4]);
    append_sample(text, "tinyhttpd_requests_total{class=\"5xx\"}", totals->requests[5]);
}

static void append_connections(struct buffer *text, const struct metrics_totals *totals)
{
    append_family(text, "tinyhttpd_connections", "gauge",
                  "Connections that are open, and how many of these wait for a request.");
    append_sample(text, "tinyhttpd_connections{state=\"open\"}", totals->connections);
    append_sample(text, "tinyhttpd_connections{state=\"idle\"}", totals->idle);
}

/* A bucket counts all that are not longer than its bound, those of the buckets before included. */
static void append_durations(struct buffer *text, const struct metrics_totals *totals)
{
    uint64_t count = 0;
    append_family(text, "tinyhttpd_request_duration_seconds", "histogram",
                  "From the whole request to the last byte of its answer that the kernel took.");
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
    append_family(text, "tinyhttpd_build_info", "gauge", "The version that runs.");
    append_sample(text, "tinyhttpd_build_info{version=\"" TINYHTTPD_VERSION "\"}", 1);
    append_requests(text, totals);
    append_counter(text, "tinyhttpd_response_bytes_total", "Bytes of bodies that were sent.", totals->bytes);
    append_durations(text, totals);
    append_connections(text, totals);
    append_counter(text, "tinyhttpd_cache_hits_total", "Files that were in memory, unchanged on disk.",
                   totals->found);
    append_counter(text, "tinyhttpd_cache_misses_total", "Files that had to be read.", totals->loaded);
    append_counter(text, "tinyhttpd_worker_restarts_total", "Workers that ended and were replaced.",
                   totals->restarts);
}

bool metrics_text_is_asked_for(const struct exchange *exchange)
{
    const char *path = exchange->context->config->settings->metrics;
    return path != NULL && request_is_retrieval(exchange->request) &&
           span_equal(exchange->target->sent_path, span_of(path));
}

void metrics_text_answer(struct exchange *exchange)
{
    static struct metrics_totals totals;
    struct response *response = exchange->response;
    size_t start = response->text.length;
    metrics_sum_numbers(exchange->context->metrics, &totals);
    metrics_text_write(&response->text, &totals);
    response->unlogged = true;
    response_add_text(response, start);
    exchange_finish(exchange, SPAN("Content-Type: " METRICS_TEXT_TYPE "\r\n"));
}
