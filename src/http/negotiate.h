/* Content negotiation (RFC 9110 12.5): chooses a file's content coding and a generated page's media type. */
#pragma once

#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

enum coding {
    CODING_IDENTITY, /* not encoded */
    CODING_GZIP,
    CODING_ZSTD,
    CODING_BR,
    CODINGS, /* their number; as a choice: none */
};

/* The weight of each coding in thousandths; 0 is not acceptable. */
struct acceptance {
    uint16_t quality[CODINGS];
    bool identity_unranked; /* the client gave identity no weight */
};

/* True if a member of Accept-Encoding has a weight. Otherwise it refuses nothing, and a file without encoded siblings
   needs no negotiation. */
/*@ requires is_request(request); assigns \nothing; */
bool negotiate_is_weighted(const struct request *request);

/*
 * Reads all lines of Accept-Encoding. Never fails: malformed members are ignored, and the first valid one for a coding
 * counts.
 *
 * Without the field any coding would be acceptable, but the client may not be able to decode it (12.5.3): then, as for
 * an empty field, only identity is.
 */
/*@ requires is_request(request); assigns \nothing; */
struct acceptance negotiate_codings(const struct request *request);

/* Lets identity win unless it is refused or the client gives another coding a higher weight. */
/*@ requires \valid(acceptance); assigns acceptance->quality[CODING_IDENTITY]; */
void negotiate_rank_identity_first(struct acceptance *acceptance);

/* Chooses among the `available` codings, bits 1u << coding: the one with the highest weight, and among equals the
   usually smallest (br, zstd, gzip, identity). CODINGS if none is acceptable, which means 406; the client must have
   refused identity explicitly for that ("identity;q=0", "*;q=0"). */
/*@ requires \valid_read(acceptance); assigns \nothing; */
enum coding negotiate_choose(const struct acceptance *acceptance, unsigned available);

/* The media types of generated pages. */
enum media { MEDIA_HTML, MEDIA_TEXT, MEDIA_JSON };

/* Chooses one of these by Accept (RFC 9110 12.5.1) and never refuses: HTML if the client names it or sends no Accept,
   JSON if that has a higher weight, else plain text, for programs that accept anything. */
/*@ requires is_request(request); assigns \nothing; */
enum media negotiate_media(const struct request *request);

/* True if Accept names text/html itself with a weight above 0, and gives neither JSON nor any type a higher one (RFC
   9110 12.5.1), as browsers do when they navigate; curl and fetch() name no type by default. */
/*@ requires is_request(request); assigns \nothing; */
bool negotiate_prefers_html(const struct request *request);
