/* Accept-Encoding. Each line of the input is the value of one field line. */
#include "http/negotiate.h"

#include "base/buffer.h"
#include "lib/fuzz.h"

#include <string.h>

static void append_field(struct buffer *lines, struct span value)
{
    buffer_append(lines, SPAN("Accept-Encoding: "));
    buffer_append(lines, value);
    buffer_append(lines, SPAN("\r\n"));
}

static void check_choice(const struct acceptance *acceptance, unsigned available)
{
    enum coding choice = negotiate_choose(acceptance, available);
    for (unsigned coding = 0; coding < CODINGS; coding++) {
        if ((available & 1U << coding) != 0)
            CHECK(acceptance->quality[coding] == 0 ||
                  (choice != CODINGS && acceptance->quality[coding] <= acceptance->quality[choice]));
    }
    CHECK(choice == CODINGS || (available & 1U << choice) != 0);
    CHECK(choice == CODINGS || acceptance->quality[choice] > 0);
}

static void check_acceptance(struct acceptance acceptance, bool weighted)
{
    for (unsigned coding = 0; coding < CODINGS; coding++)
        CHECK(acceptance.quality[coding] <= 1000);
    CHECK(weighted || acceptance.quality[CODING_IDENTITY] > 0); /* only a weight can refuse */
    bool refused = acceptance.quality[CODING_IDENTITY] == 0;
    for (unsigned available = 0; available < 1U << CODINGS; available++)
        check_choice(&acceptance, available);
    negotiate_rank_identity_first(&acceptance);
    CHECK((acceptance.quality[CODING_IDENTITY] == 0) == refused);
    for (unsigned available = 0; available < 1U << CODINGS; available++)
        check_choice(&acceptance, available);
}

/* A list means the same with one member per line or all on one (RFC 9110 5.3). */
static void check_division(struct span input, const struct acceptance *acceptance)
{
    char each[LIMIT_HEAD], joined[LIMIT_HEAD];
    struct buffer lines = BUFFER(each), one = BUFFER(joined);
    buffer_append(&one, SPAN("Accept-Encoding: "));
    while (input.length > 0) {
        struct span list = fuzz_take_line(&input), member;
        buffer_append(&one, list);
        buffer_append(&one, SPAN(","));
        while (span_next_member(&list, &member))
            append_field(&lines, member);
    }
    buffer_append(&one, SPAN("\r\n"));
    const struct buffer *forms[] = {&lines, &one};
    for (size_t i = 0; i < 2; i++) {
        const struct request *request = forms[i]->overflow ? NULL : fuzz_request(buffer_span(forms[i]));
        if (request == NULL) /* too many lines */
            continue;
        struct acceptance again = negotiate_codings(request);
        CHECK(memcmp(again.quality, acceptance->quality, sizeof again.quality) == 0);
    }
}

/* The first member for a coding counts, whatever follows it. */
static void check_first_counts(struct span lines)
{
    char room[LIMIT_HEAD];
    struct buffer all = BUFFER(room);
    append_field(&all, SPAN("br;q=0.3, gzip;q=0.2, identity;q=0.1, zstd;q=0.4"));
    buffer_append(&all, lines);
    const struct request *request = all.overflow ? NULL : fuzz_request(buffer_span(&all));
    if (request == NULL) /* one line too many */
        return;
    struct acceptance acceptance = negotiate_codings(request);
    CHECK(acceptance.quality[CODING_IDENTITY] == 100 && acceptance.quality[CODING_GZIP] == 200);
    CHECK(acceptance.quality[CODING_BR] == 300 && acceptance.quality[CODING_ZSTD] == 400);
    CHECK(!acceptance.identity_unranked && negotiate_is_weighted(request));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char room[LIMIT_HEAD];
    struct buffer lines = BUFFER(room);
    struct span input = {(const char *)bytes, length};
    for (struct span rest = input; rest.length > 0;)
        append_field(&lines, fuzz_take_line(&rest));
    const struct request *request = lines.overflow ? NULL : fuzz_request(buffer_span(&lines));
    if (request == NULL)
        return 0;
    struct acceptance acceptance = negotiate_codings(request);
    check_acceptance(acceptance, negotiate_is_weighted(request));
    check_division(input, &acceptance);
    check_first_counts(buffer_span(&lines));
    return 0;
}
