/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * endpoint - "udp://192.0.2.1:4739" or "tcp://[2001:db8::1]:4739" -> an address for connect(2) or bind(2).
 *
 * Addresses are numbers: whoever uses an endpoint asks no name server. Pure. Nothing but the text is looked at.
 */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>

#define ENDPOINT_LISTEN_FORM "an IP address (IPv6 in brackets) and :PORT from 1 to 65535"
#define ENDPOINT_FORM "udp:// or tcp://, an IP address (IPv6 in brackets) and :PORT from 1 to 65535"

struct endpoint {
	bool is_tcp;
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* NULL, or why @text is none; @ret_endpoint is then untouched. */
const char *endpoint_parse(const char *text, struct endpoint *ret_endpoint);
/* The same of "127.0.0.1:9469", without a scheme: TCP. */
const char *endpoint_listen(const char *text, struct endpoint *ret_endpoint);
bool endpoint_is_loopback(const struct endpoint *endpoint);
