/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SCHEME_LEN (sizeof("udp://") - 1)

/* Digits alone, no zero in front; 0: none. */
static unsigned int port_parse(const char *text)
{
	unsigned int port = 0;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 || *text == '0')
		return 0;
	for (; *text; text++)
		port = port * 10 + (unsigned int)(*text - '0');
	return port <= 65535 ? port : 0;
}

const char *endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
	const bool is_tcp = !strncmp(text, "tcp://", SCHEME_LEN);
	char address[INET6_ADDRSTRLEN];
	struct endpoint e = { .is_tcp = is_tcp };
	const char *at = text + SCHEME_LEN, *end;
	unsigned int port;
	void *number;
	bool is_v6;

	if (!is_tcp && strncmp(text, "udp://", SCHEME_LEN))
		return "neither udp:// nor tcp://";
	is_v6 = *at == '[';
	at += is_v6;
	end = strchr(at, is_v6 ? ']' : ':');
	if (!end || (is_v6 && end[1] != ':'))
		return "no port";
	if ((size_t)(end - at) >= sizeof(address))
		return "not an IP address";
	memcpy(address, at, (size_t)(end - at));
	address[end - at] = 0;
	port = port_parse(end + 1 + is_v6);
	number = is_v6 ? (void *)&e.v6.sin6_addr : (void *)&e.v4.sin_addr;
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address, number) != 1)
		return "not an IP address";
	if (!port)
		return "not a port";
	if (is_v6) {
		e.v6.sin6_family = AF_INET6;
		e.v6.sin6_port = htons((uint16_t)port);
	} else {
		e.v4.sin_family = AF_INET;
		e.v4.sin_port = htons((uint16_t)port);
	}
	e.len = is_v6 ? sizeof(e.v6) : sizeof(e.v4);
	*ret_endpoint = e;
	return NULL;
}

const char *endpoint_listen(const char *text, struct endpoint *ret_endpoint)
{
	char full[128];
	const int len = snprintf(full, sizeof(full), "tcp://%s", text);

	return len < 0 || (size_t)len >= sizeof(full) ? "not an IP address" : endpoint_parse(full, ret_endpoint);
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	return e->any.sa_family == AF_INET ? ntohl(e->v4.sin_addr.s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&e->v6.sin6_addr);
}
