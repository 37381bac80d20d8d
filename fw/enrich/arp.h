/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * arp - one ARP packet from its bytes: who has which address (RFC 826), for IPv4 over Ethernet.
 *
 * Pure. Bytes begin behind the Ethernet header and its VLAN tags; what stands behind the packet (padding) is ignored.
 * Probes and announcements are those of RFC 5227. It does not judge whether the MAC or the address can be a host's, and
 * does not know who really sent the frame. @ret_arp is set where the result is ARP_OK.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "enrich/address.h"

#define ARP_BYTES 28

#define ARP_RESULTS(X) \
	X(OK, "ok") \
	X(SHORT, "short") \
	X(HARDWARE, "hardware")	  /* not Ethernet, or a MAC has not 6 bytes */ \
	X(PROTOCOL, "protocol")	  /* not IPv4, or an address has not 4 bytes */ \
	X(OPERATION, "operation") /* neither request nor reply: RARP, InARP, ... */

enum arp_result {
#define X(name, text) ARP_##name,
	ARP_RESULTS(X)
#undef X
};

struct arp {
	bool reply;	 /* else a request */
	bool probe;	 /* request, sender 0.0.0.0: asks whether the target is in use */
	bool gratuitous; /* sender and target are one address: an announcement */
	uint8_t sender_mac[MAC_BYTES], target_mac[MAC_BYTES];
	uint32_t sender[4], target[4]; /* as in struct flow_key */
};

enum arp_result arp_parse(const uint8_t *bytes, size_t len, struct arp *ret_arp);

const char *arp_result_name(enum arp_result result);
