/* Whom a request is meant for: the authority of its target or Host, and whether that is this machine by a local name. */
#ifndef TINYHTTPD_HTTP_HOST_H
#define TINYHTTPD_HTTP_HOST_H

#include "base/text.h"
#include "http/request.h"

#include <stdbool.h>

/*
 * The authority that a request is for: that of a target in absolute-form, which counts instead of Host (RFC 9112
 * 3.2.2), else the Host field. As it was sent, valid or not; empty where the client named none.
 */
struct span host_of(const struct request *request);

/* The name or address in a valid authority: without its port, and without the dot that ends a full name (RFC 3986
   3.2.2). An IPv6 address keeps its brackets. */
struct span host_name(struct span authority);

/* True for what can only lead to this machine: "localhost" and all beneath it (RFC 6761 6.3), 127.0.0.0/8, [::1], and
   the former in IPv6's clothes. `name` as of host_name. */
bool host_is_loopback(struct span name);

/* True where `name` is `allowed`, in any case; or is beneath it, where that begins with a dot; "*" allows every name. */
bool host_is_allowed(struct span name, struct span allowed);

#endif
