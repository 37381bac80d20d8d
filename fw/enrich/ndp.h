/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ndp - one Neighbor Discovery message from its bytes: RS, RA, NS, NA (RFC 4861) with their link-layer options.
 *
 * Pure. Bytes begin at the ICMPv6 header, behind extension headers; of the IPv6 header the caller gives both addresses
 * and the hop limit. Checked as RFC 4861 6.1 and 7.1 want it, but for the checksum: frames of the machine's own
 * may not have theirs yet. Link-layer options of another length than Ethernet's are NDP_LINK_LAYER. What stands behind
 * a fault is not read; @ret_ndp is set where the result is NDP_OK. Known limit: Redirects are not read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "enrich/address.h"

#define NDP_RESULTS(X) \
	X(OK, "ok") \
	X(SHORT, "short") \
	X(OTHER, "other")	      /* ICMPv6, but none of the four */ \
	X(HOP_LIMIT, "hop_limit")     /* not 255: a router passed it on */ \
	X(CODE, "code")		      /* not 0 */ \
	X(SOURCE, "source")	      /* RA not from a link-local address; a message from a multicast one */ \
	X(TARGET, "target")	      /* a multicast one */ \
	X(DESTINATION, "destination") /* NS from :: not to a solicited-node address; NA solicited, but to many */ \
	X(OPTION, "option")	      /* length 0, or beyond the end */ \
	X(LINK_LAYER, "link_layer")   /* address in an option is not of Ethernet, or one is there where :: asks */

enum ndp_result {
#define X(name, text) NDP_##name,
	NDP_RESULTS(X)
#undef X
};

enum ndp_type { NDP_RS = 133, NDP_RA = 134, NDP_NS = 135, NDP_NA = 136 };

struct ndp {
	enum ndp_type type;
	bool dad;		   /* NS from ::, RFC 4862 5.4: is the target in use? */
	bool router;		   /* NA: flag R; RA: its router lifetime is not 0 */
	bool solicited, override;  /* NA */
	uint32_t source[4];	   /* of the IPv6 header, as in struct flow_key */
	uint32_t target[4];	   /* NS, NA */
	const uint8_t *source_mac; /* options, 6 bytes in the message: RS, RA, NS, */
	const uint8_t *target_mac; /* and NA; NULL: not there */
};

enum ndp_result ndp_parse(const uint8_t *bytes, size_t len, const uint32_t source[4], const uint32_t destination[4],
			  uint8_t hop_limit, struct ndp *ret_ndp);

const char *ndp_result_name(enum ndp_result result);
