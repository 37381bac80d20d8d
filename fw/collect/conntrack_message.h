/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack_message - what one message of ctnetlink says: which connection began or ended, and what NAT makes of it.
 *
 * Reads the two tuples with libnl's attribute parser, and, where they are there, the counters (dumps and ends have them, with
 * net.netfilter.nf_conntrack_acct) and whether a NIC forwards it. NAT shows as a reply tuple that is
 * not the mirror image of the original one. ICMP ids, GRE keys and zones are left out, as a flow key has none of them.
 * Without state, allocation and logging. Addresses and ports are in wire order, IPv4 as ::ffff:a.b.c.d.
 */
#pragma once

#include <stdint.h>

struct nlmsghdr;

enum { CONNTRACK_CLIENT, CONNTRACK_SERVER };	/* who sent the first packet, and to whom */

struct conntrack_pair {
	uint32_t addr[2][4];	/* by the enum above */
	uint16_t port[2];	/* 0 where the protocol has none */
};
_Static_assert(sizeof(struct conntrack_pair) == 36, "no padding: it is compared and hashed as bytes");

/* What conntrack has counted since the connection began: by who sent it. IP bytes. */
struct conntrack_counts {
	uint64_t packets[2], bytes[2];
};

struct conntrack_connection {
	struct conntrack_pair view[2];	/* the first packet as it came to the gateway, and as it left it */
	uint8_t proto;			/* IANA protocol number */
	uint8_t in_hardware;		/* a NIC forwards it now (IPS_HW_OFFLOAD) */
	uint8_t has_counts;
	uint8_t zero[5];
	struct conntrack_counts counts;
};
_Static_assert(sizeof(struct conntrack_connection) == 112, "no padding");

enum conntrack_message_kind {
	CONNTRACK_MESSAGE_NEW,		/* it began, changed, or is in a dump */
	CONNTRACK_MESSAGE_DESTROY,	/* it ended */
	CONNTRACK_MESSAGE_OTHER,	/* not of a connection: end of a dump, an error, another subsystem */
	CONNTRACK_MESSAGE_MALFORMED,
};

/* All of @head->nlmsg_len bytes must be there (nlmsg_ok()). @ret_connection: filled with NEW and DESTROY, else untouched. */
enum conntrack_message_kind conntrack_message_read(struct nlmsghdr *head, struct conntrack_connection *ret_connection);
