#include "base/reserved_fields.h"

const char *reserved_field_advice(struct span name)
{
    static const struct {
        struct span name;
        const char *advice;
    } rows[] = {
        {SPAN_INIT("Content-Length"), NULL},
        {SPAN_INIT("Transfer-Encoding"), NULL},
        {SPAN_INIT("Connection"), NULL},
        {SPAN_INIT("Keep-Alive"), NULL},
        {SPAN_INIT("Proxy-Connection"), NULL},
        {SPAN_INIT("Upgrade"), NULL},
        {SPAN_INIT("TE"), NULL},
        {SPAN_INIT("Trailer"), NULL},
        {SPAN_INIT("Date"), NULL},
        {SPAN_INIT("ETag"), NULL},
        {SPAN_INIT("Last-Modified"), NULL},
        {SPAN_INIT("Accept-Ranges"), NULL},
        {SPAN_INIT("Allow"), NULL},
        {SPAN_INIT("Location"), NULL},
        {SPAN_INIT("Content-Range"), NULL},
        {SPAN_INIT("Vary"), "leave it out; each answer names the request's fields that it depends on"},
        {SPAN_INIT("Content-Encoding"), "put FILE.gz, FILE.br or FILE.zst beside FILE, or use '--encoded'"},
        {SPAN_INIT("Content-Type"), "use '--mime EXT=TYPE' instead"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (span_equal_nocase(rows[i].name, name))
            return rows[i].advice != NULL ? rows[i].advice : "leave it out; the server sends this field itself";
    }
    return NULL;
}
