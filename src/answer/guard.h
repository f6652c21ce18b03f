/* The guards against pages of other sites: DNS rebinding, and loads from other sites. */
#ifndef TINYHTTPD_ANSWER_GUARD_H
#define TINYHTTPD_ANSWER_GUARD_H

#include "answer/exchange.h"
#include "http/host.h"

/* Detects DNS rebinding. A request without an authority is not from a browser; an invalid one in the target is a 400
   later. */
static inline bool guard_refuses_host(const struct exchange *exchange, struct span authority)
{
    return exchange->check_host && authority.length > 0 &&
           !config_allows_host(exchange->context->config, exchange->host) && target_host_is_valid(authority);
}

/* Browsers load scripts, styles and images of any site without asking the server (CVE-2025-30359). */
static inline bool guard_refuses_load(const struct exchange *exchange)
{
    return exchange->check_host && request_has(exchange->request, 1U << FIELD_SEC_FETCH_SITE) &&
           client_is_cross_site_load(exchange->request) &&
           exchange->context->config->settings->cors == NULL && exchange_is_guarded(exchange);
}

#endif
