/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dhcp_make - DHCPv4 messages of tests: the fixed fields, then options as given. Options of a real exchange, udhcpc 1.35
 * with dnsmasq 2.90, are here too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DHCP_MAKE_MAX	1024
#define DHCP_SNAME_AT	44
#define DHCP_FILE_AT	108
#define DHCP_OPTIONS_AT 240

/* request of 192.0.2.55 at 192.0.2.1: laptop, vendor "udhcp test", FQDN "laptop" as text */
#define DHCP_REAL_REQUEST \
	"\x35\x01\x03\x32\x04\xc0\x00\x02\x37\x36\x04\xc0\x00\x02\x01\x39\x02\x02\x40\x37\x07\x01\x03\x06\x0c\x0f\x1c\x2a" \
	"\x0c\x06laptop\x3c\x0audhcp test\x3d\x07\x01\x02\x00\x00\x00\x00\x01\x51\x09\x01\x00\x00laptop\xff"
#define DHCP_REAL_ACK \
	"\x35\x01\x05\x36\x04\xc0\x00\x02\x01\x33\x04\x00\x00\x0e\x10\x3a\x04\x00\x00\x07\x08\x3b\x04\x00\x00\x0c\x4e" \
	"\x01\x04\xff\xff\xff\x00\x1c\x04\xc0\x00\x02\xff\x03\x04\xc0\x00\x02\x01\x0f\x0chome.example\x0c\x06laptop" \
	"\x51\x16\x01\xff\xfflaptop.home.example\xff"

/* Addresses in host order. Returns the length. */
static inline size_t dhcp_make(uint8_t m[DHCP_MAKE_MAX], uint8_t op, uint8_t last_of_mac, uint32_t ciaddr, uint32_t yiaddr,
			       const char *options, size_t len)
{
	memset(m, 0, DHCP_MAKE_MAX);
	memcpy(m, "\0\1\6\0\x4a\x87\x70\x75", 8);
	m[0] = op;
	for (int i = 0; i < 4; i++) {
		m[12 + i] = (uint8_t)(ciaddr >> (24 - 8 * i));
		m[16 + i] = (uint8_t)(yiaddr >> (24 - 8 * i));
	}
	m[28] = 2;
	m[33] = last_of_mac;
	memcpy(m + 236, "\x63\x82\x53\x63", 4);
	memcpy(m + DHCP_OPTIONS_AT, options, len);
	return DHCP_OPTIONS_AT + len;
}
