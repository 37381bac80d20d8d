/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address - IP addresses as struct flow_key has them, 4 words in wire order, IPv4 as ::ffff:a.b.c.d, and MACs: out of
 * bytes, and whether one host can have them. Pure; no errors.
 */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAC_BYTES 6

static inline void address_from_v4(const uint8_t bytes[4], uint32_t ret_address[4])
{
	ret_address[0] = ret_address[1] = 0;
	ret_address[2] = htonl(0xffff);
	memcpy(&ret_address[3], bytes, 4);
}

static inline void address_from_v6(const uint8_t bytes[16], uint32_t ret_address[4])
{
	memcpy(ret_address, bytes, 16);
}

static inline bool address_is_v4(const uint32_t a[4])
{
	return !a[0] && !a[1] && a[2] == htonl(0xffff);
}

static inline bool address_equal(const uint32_t a[4], const uint32_t b[4])
{
	return !memcmp(a, b, 16);
}

/* :: and 0.0.0.0 */
static inline bool address_is_unspecified(const uint32_t a[4])
{
	return !a[0] && !a[1] && !a[3] && (!a[2] || address_is_v4(a));
}

/* Not 0/8, 127/8, 224/3 (multicast, class E, broadcast; RFC 1122 3.2.1.3); not ::/96 (::, ::1), ff00::/8 (RFC 4291). */
static inline bool address_is_host(const uint32_t a[4])
{
	uint32_t v4 = ntohl(a[3]);

	if (address_is_v4(a))
		return v4 >> 24 && v4 >> 24 != 127 && v4 >> 29 != 7;
	return (a[0] || a[1] || a[2]) && ntohl(a[0]) >> 24 != 0xff;
}

/* Neither zero nor multicast nor broadcast: the group bit says both (IEEE 802-2014 8.2.2). */
static inline bool mac_is_host(const uint8_t mac[MAC_BYTES])
{
	static const uint8_t ZERO[MAC_BYTES];

	return !(mac[0] & 1) && memcmp(mac, ZERO, MAC_BYTES);
}

static inline bool mac_is_local(const uint8_t mac[MAC_BYTES])
{
	return mac[0] & 2;
}
