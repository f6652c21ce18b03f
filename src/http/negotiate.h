/* Content negotiation (RFC 9110 12.5): which of a file's encoded forms, and which kind of page, the client wants. */
#ifndef TINYHTTPD_HTTP_NEGOTIATE_H
#define TINYHTTPD_HTTP_NEGOTIATE_H

#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

enum coding {
    CODING_IDENTITY, /* the file as it is */
    CODING_GZIP,
    CODING_ZSTD,
    CODING_BR,
    CODINGS, /* how many there are; as a choice: none of them */
};

/* How much the client wants each coding, in thousandths; 0 is not acceptable. */
struct acceptance {
    uint16_t quality[CODINGS];
    bool identity_unranked; /* the client does not say how much it wants identity */
};

/* True where a member of Accept-Encoding has a weight. Where none has, nothing is refused, and a file that is there in
   one form only needs no further reading. */
bool negotiate_is_weighted(const struct request *request);

/*
 * Reads Accept-Encoding, on as many lines as there are. Never fails: a member that is malformed is ignored, and of
 * several for one coding the first counts.
 *
 * Without the field any coding would be acceptable, but nothing says that the client can decode it (12.5.3): then, as
 * for an empty field, only identity is.
 */
struct acceptance negotiate_codings(const struct request *request);

/* Lets identity win unless it is refused, or the client says that it wants another coding more. */
void negotiate_rank_identity_first(struct acceptance *acceptance);

/*
 * Chooses among the codings that there are, `available` being a set of bits 1u << coding. The one wanted most; where
 * several are wanted as much, the one that is usually smallest: br, zstd, gzip, identity. CODINGS where none is
 * acceptable, which is so only when the client refuses identity in so many words ("identity;q=0", "*;q=0"): 406.
 */
enum coding negotiate_choose(const struct acceptance *acceptance, unsigned available);

/* The forms that a page of the server's own has. */
enum media { MEDIA_HTML, MEDIA_TEXT, MEDIA_JSON };

/*
 * Chooses by Accept (RFC 9110 12.5.1) among these, without ever refusing: HTML where it is asked for by name or nothing
 * is asked for, JSON where that is wanted more, else plain text, for programs that take anything.
 */
enum media negotiate_media(const struct request *request);

/*
 * True for GET and HEAD where Accept names text/html itself, with a weight over 0 (RFC 9110 12.5.1). Browsers do so when
 * they navigate, and for nothing that a page loads; curl and fetch() name no type unless they are told to. Not
 * Sec-Fetch-Mode: browsers leave it out where the address is neither HTTPS nor local.
 */
bool negotiate_is_navigation(const struct request *request);

#endif
