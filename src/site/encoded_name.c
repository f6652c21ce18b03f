#include "site/encoded_name.h"

#include <string.h>

static const struct encoded_name *given;
static unsigned given_count;

void encoded_name_set(const struct encoded_name *names, unsigned count)
{
    given = names;
    given_count = count;
}

static const struct encoded_name *find(struct span path)
{
    static const struct encoded_name svgz = {"svgz", "gzip"}; /* SVG 2 1.2 */
    struct span name = span_after_last(path, '/');
    /* Only as an extension: a file of this whole name may be anything. */
    bool is_svgz = name.length > strlen(svgz.name) && text_is_called(name, span_of(svgz.name));
    const struct encoded_name *best = is_svgz ? &svgz : NULL;
    size_t length = is_svgz ? strlen(svgz.name) : 0;
    for (unsigned i = 0; i < given_count; i++) {
        size_t own = strlen(given[i].name);
        if (own < length || !text_is_called(name, span_of(given[i].name)))
            continue;
        best = &given[i];
        length = own;
    }
    return best;
}

const char *encoded_name_coding(struct span path)
{
    const struct encoded_name *found = find(path);
    return found != NULL ? found->coding : NULL;
}

/* If an extension has several parts, such as "js.unityweb", the last one stands for the coding. */
struct span encoded_name_decoded(struct span path)
{
    const struct encoded_name *found = find(path);
    struct span extension = span_after_last(path, '.');
    if (found == NULL || extension.length == path.length)
        return path;
    bool has_parts = strchr(found->name + (found->name[0] == '.'), '.') != NULL;
    if (has_parts || span_is_among(extension, "gz br zst"))
        path.length -= extension.length + 1;
    return path;
}
