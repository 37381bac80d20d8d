/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_carrier - whether a TLS or QUIC connection carries DNS: over TLS (RFC 7858), QUIC (RFC 9250) or HTTPS (RFC 8484).
 *
 * Told by port 853 or the ALPN ids "dot" and "doq"; HTTPS by the names of well-known public resolvers, which is a guess:
 * any server may carry DNS, and these carry web pages, too. Pure.
 */
#pragma once

#include <stdbool.h>

#include "enrich/tls.h"

#define DNS_CARRIERS(X) \
	X(NONE, NULL) \
	X(DOT, "dot") \
	X(DOQ, "doq") \
	X(DOH, "doh")

enum dns_carrier {
#define X(id, text) DNS_CARRIER_##id,
	DNS_CARRIERS(X)
#undef X
};

/* @server_port in host order. */
enum dns_carrier dns_carrier_of(bool quic, uint16_t server_port, struct tls_bytes sni, struct tls_bytes alpn);
const char *dns_carrier_name(unsigned int carrier);	/* NULL: none */
