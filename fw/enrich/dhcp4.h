/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dhcp4 - one DHCPv4 message from its bytes (RFC 2131, 2132, 4702), option overload included.
 *
 * Pure. Bytes are the UDP payload, and stay the caller's: readers and the MAC lead into them. Texts come without the
 * NULs that some clients end them with; they may hold any bytes. After DHCP4_OPTION and DHCP4_LENGTH what was readable
 * is set and can be used; after the faults before these, nothing is. Of options that come more than once the first one
 * counts. Known limit: options split over several (RFC 3396) are not joined; only parameters could be so long.
 */
#pragma once

#include <stdbool.h>

#include "base/reader.h"
#include "enrich/address.h"

#define DHCP4_FIXED_BYTES    240 /* up to the first option, the cookie included */
#define DHCP4_PARAMETERS_MAX 32	 /* bytes of the parameter request list that are kept */

#define DHCP4_RESULTS(X) \
	X(OK, "ok") \
	X(SHORT, "short")	  /* ends before its options */ \
	X(OPERATION, "operation") /* neither request nor reply */ \
	X(HARDWARE, "hardware")	  /* the client is not on Ethernet */ \
	X(COOKIE, "cookie")	  /* BOOTP of another kind, or not that */ \
	X(OPTION, "option")	  /* reaches beyond the end, or there is no end option */ \
	X(LENGTH, "length")	  /* or content does not fit the option; the others are read */ \
	X(NO_TYPE, "no_type")	  /* BOOTP: no message type */

enum dhcp4_result {
#define X(name, text) DHCP4_##name,
	DHCP4_RESULTS(X)
#undef X
};

/* RFC 2132 9.6 */
enum dhcp4_type {
	DHCP4_DISCOVER = 1,
	DHCP4_OFFER,
	DHCP4_REQUEST,
	DHCP4_DECLINE,
	DHCP4_ACK,
	DHCP4_NAK,
	DHCP4_RELEASE,
	DHCP4_INFORM,
};

struct dhcp4 {
	enum dhcp4_result result; /* the first fault */
	bool from_client;	  /* op BOOTREQUEST */
	bool relayed;		  /* giaddr: the client is on another link */
	uint8_t type;		  /* enum dhcp4_type, or a later one's; 0: not there */
	uint32_t xid;
	const uint8_t *mac; /* chaddr, 6 bytes */
	uint32_t client[4]; /* ciaddr, yiaddr, options 50 and 54, as in struct flow_key; 0.0.0.0: not said */
	uint32_t yours[4];
	uint32_t requested[4];
	uint32_t server[4];
	struct reader host_name;    /* option 12; so these: left 0 is not there */
	struct reader parameters;   /* 55, its first DHCP4_PARAMETERS_MAX bytes */
	struct reader vendor_class; /* 60 */
	struct reader client_id;    /* 61 */
	struct reader fqdn;	    /* 81, behind its three bytes */
	bool fqdn_wire;		    /* flag E: @fqdn is for dhcp_fqdn_read(), else text */
};

enum dhcp4_result dhcp4_parse(const uint8_t *bytes, size_t len, struct dhcp4 *ret_message);

const char *dhcp4_result_name(enum dhcp4_result result);
const char *dhcp4_type_name(uint8_t type); /* NULL: not of RFC 2132 */
