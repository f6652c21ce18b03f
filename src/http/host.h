/* The authority of a request, from its target or Host, and the check of its name against loopback and allowed names. */
#pragma once

#include "base/text.h"
#include "http/request.h"
#include "http/target.h"

#include <stdbool.h>

/* The request's authority, once its target is parsed: that of a target in absolute-form, which replaces Host (RFC 9112
   3.2.2), else the Host field. As sent, valid or not; empty if the client sent none. */
/*@ requires is_request(request) && \valid_read(target) && readable(target->authority); assigns \nothing;
    ensures readable(\result); */
struct span host_of(const struct request *request, const struct target *target);

/* The name or address in a valid authority, without its port and a full name's final dot (RFC 3986 3.2.2). An IPv6
   address keeps its brackets. */
/*@ requires readable(authority); assigns \nothing; ensures readable(\result); */
struct span host_name(struct span authority);

/* True for "localhost" and names beneath it (RFC 6761 6.3), "ip6-localhost" and "ip6-loopback" (Debian's /etc/hosts),
   127.0.0.0/8 (also IPv4-mapped), [::1], 0.0.0.0 and [::], which can only mean this machine. `name` as from
   host_name. */
/*@ requires readable(name); assigns \nothing; */
bool host_is_loopback(struct span name);

/* True if `name` equals `allowed`, ignoring case. A leading dot also allows names beneath it, "*" every name. */
/*@ requires readable(name) && readable(allowed); assigns \nothing; */
bool host_is_allowed(struct span name, struct span allowed);
