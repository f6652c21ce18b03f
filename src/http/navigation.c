#include "http/navigation.h"

/* weight = OWS ";" OWS "q=" qvalue (RFC 9110 12.4.2): whether it is one of 0. Other parameters do not refuse. */
static bool is_refused(struct span parameters)
{
    while (parameters.length > 0) {
        size_t end = span_find(parameters, ';');
        struct span one = span_trim((struct span){parameters.at, end});
        size_t zeros = 2;
        if (one.length > 2 && span_equal_nocase((struct span){one.at, 2}, SPAN("q="))) {
            while (zeros < one.length && (one.at[zeros] == '0' || one.at[zeros] == '.'))
                zeros++;
            if (zeros == one.length)
                return true;
        }
        end += end < parameters.length;
        parameters = (struct span){parameters.at + end, parameters.length - end};
    }
    return false;
}

bool navigation_is_asked(const struct request *request)
{
    unsigned cursor = 0;
    struct span list, member;
    if (!request_is_retrieval(request))
        return false;
    while (request_next_line(request, FIELD_ACCEPT, &cursor, &list)) {
        while (span_next_member(&list, &member)) {
            size_t end = span_find(member, ';');
            if (span_equal_nocase(span_trim((struct span){member.at, end}), SPAN("text/html")) &&
                !is_refused((struct span){member.at + end, member.length - end}))
                return true;
        }
    }
    return false;
}
