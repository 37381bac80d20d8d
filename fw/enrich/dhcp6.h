/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dhcp6 - one DHCPv6 message between client and server from its bytes (RFC 8415, 4704).
 *
 * Pure. Bytes are the UDP payload, and stay the caller's: readers and the MAC lead into them. Relayed messages are not
 * opened: DHCP6_RELAY. After DHCP6_OPTION and DHCP6_LENGTH what was readable is set and can be used. Of single options
 * that come more than once the first one counts; IAs come often. Known limits: a DUID's MAC is that of one interface
 * of the host, not always of the one that sends; prefixes (IA_PD) are not read.
 */
#pragma once

#include <stdbool.h>

#include "base/reader.h"
#include "enrich/address.h"

#define DHCP6_ADDRESSES_MAX 8 /* of a message; usual: 1 or 2 */

#define DHCP6_RESULTS(X) \
	X(OK, "ok") \
	X(SHORT, "short") \
	X(RELAY, "relay")   /* Relay-forward, Relay-reply: what is in it is not read */ \
	X(OTHER, "other")   /* not of RFC 8415's messages between client and server */ \
	X(OPTION, "option") /* reaches beyond the end of the message or of the option around it */ \
	X(LENGTH, "length") /* or content does not fit the option; the others are read */

enum dhcp6_result {
#define X(name, text) DHCP6_##name,
	DHCP6_RESULTS(X)
#undef X
};

/* RFC 8415 7.3 */
enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE,
	DHCP6_REQUEST,
	DHCP6_CONFIRM,
	DHCP6_RENEW,
	DHCP6_REBIND,
	DHCP6_REPLY,
	DHCP6_RELEASE,
	DHCP6_DECLINE,
	DHCP6_RECONFIGURE,
	DHCP6_INFORMATION_REQUEST,
	DHCP6_RELAY_FORWARD,
	DHCP6_RELAY_REPLY,
};

struct dhcp6_address {
	uint32_t address[4]; /* wire order */
	uint32_t preferred_s, valid_s;
	bool temporary; /* IA_TA */
	bool refused;	/* a status code but Success, of it or of its IA */
};

struct dhcp6 {
	enum dhcp6_result result; /* the first fault */
	uint8_t type;		  /* enum dhcp6_type */
	bool from_client;
	uint32_t xid;
	struct reader duid;	    /* of the client; left 0: not there, so below */
	const uint8_t *duid_mac;    /* 6 bytes of a DUID-LLT or DUID-LL; NULL: none */
	struct reader fqdn;	    /* option 39 behind its flags, for dhcp_fqdn_read() */
	uint32_t enterprise;	    /* of @vendor_class */
	struct reader vendor_class; /* option 16, its first text */
	uint16_t addresses, beyond; /* @beyond: more than DHCP6_ADDRESSES_MAX, not kept */
	struct dhcp6_address address[DHCP6_ADDRESSES_MAX];
};

enum dhcp6_result dhcp6_parse(const uint8_t *bytes, size_t len, struct dhcp6 *ret_message);

const char *dhcp6_result_name(enum dhcp6_result result);
const char *dhcp6_type_name(uint8_t type); /* NULL: not of RFC 8415 */
