/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * community_id - Community ID v1, seed 0: one text for a flow, the same in Zeek, Suricata, Wireshark and here.
 *
 * https://github.com/corelight/community-id-spec. SHA-1 and base64 are libcrypto's; what it needs is fetched once in
 * community_id_new(). Known limit: ICMP has no id, because it wants type and code of the messages, which flows do not
 * keep; nor have TCP, UDP and SCTP whose ports are unknown (later fragments). 0 or a negative errno; no logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define COMMUNITY_ID_SIZE 31	/* "1:", 28 characters, NUL */

struct community_id;

/* All in wire order; addresses as in struct flow_key, IPv4 as ::ffff:a.b.c.d. Which end is which does not matter. */
struct community_id_flow {
	uint32_t a_addr[4], b_addr[4];
	uint16_t a_port, b_port;
	bool has_ports;
	uint8_t ip_version;
	uint8_t proto;
};

int community_id_new(struct community_id **ret_id);	/* -ENOTSUP: this libcrypto has no SHA-1 */
struct community_id *community_id_free(struct community_id *id);	/* takes NULL; returns NULL */

/* -ENODATA: no id for such a flow; @ret_text is "" after any error. */
int community_id_text(struct community_id *id, const struct community_id_flow *flow, char ret_text[COMMUNITY_ID_SIZE]);
