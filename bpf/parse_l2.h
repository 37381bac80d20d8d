/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_l2 - Ethernet, VLAN and QinQ (IEEE 802.1Q), PPPoE session (RFC 2516), MPLS (RFC 3032). Pure; included by parse.h.
 *
 * An LLC frame (length instead of an ethertype) is not IP. A priority tag (VLAN id 0) is walked and leaves no VLAN.
 */
#pragma once

#include <linux/if_ether.h>

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

struct pppoe_header {
	__u8 version_type;	/* 0x11 */
	__u8 code;		/* 0: session data */
	__be16 session;
	__be16 len;
	__be16 protocol;	/* PPP, RFC 1661 */
};

#define PPP_PROTO_IPV4	0x0021
#define PPP_PROTO_IPV6	0x0057
#define PPP_PROTO_MPLS	0x0281
#define ETHERTYPE_QINQ_OLD	0x9100	/* before IEEE 802.1ad */
#define ETHERTYPE_QINQ_OLD2	0x9200

static __always_inline int ethertype_is_vlan(__u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD || type == ETHERTYPE_QINQ_OLD || type == ETHERTYPE_QINQ_OLD2;
}

/* Over the label stack. What follows says by itself which IP it is. */
static __always_inline enum parse_result parse_mpls(struct cursor *c)
{
	for (int i = 0; i < PARSE_LABELS; i++) {
		const __u8 *label = cursor_take(c, 4);

		if (!label)
			return PARSE_SHORT;
		if (label[2] & 1)	/* bottom of stack */
			return PARSE_OK;
	}
	return PARSE_TOO_DEEP;
}

/* Takes the tags; *@type becomes what follows them. */
static __always_inline enum parse_result parse_vlans(struct cursor *c, __u16 *type, struct packet *pkt)
{
	for (int i = 0; i < PARSE_VLANS && ethertype_is_vlan(*type); i++) {
		const struct vlan_tag *tag = cursor_take(c, sizeof(*tag));
		__u16 id;

		if (!tag)
			return PARSE_SHORT;
		id = bpf_ntohs(tag->tci) & 0x0fff;
		*type = bpf_ntohs(tag->next);
		if (!pkt->vlan[0])
			pkt->vlan[0] = id;
		else if (!pkt->vlan[1])
			pkt->vlan[1] = id;
	}
	return ethertype_is_vlan(*type) ? PARSE_TOO_DEEP : PARSE_OK;
}

/* Takes the session header; *@type becomes the ethertype that the PPP protocol stands for. */
static __always_inline enum parse_result parse_pppoe(struct cursor *c, __u16 *type, struct packet *pkt)
{
	const struct pppoe_header *pppoe = cursor_take(c, sizeof(*pppoe));

	if (!pppoe)
		return PARSE_SHORT;
	pkt->pppoe_session = bpf_ntohs(pppoe->session);
	switch (bpf_ntohs(pppoe->protocol)) {
	case PPP_PROTO_IPV4:
		*type = ETH_P_IP;
		return PARSE_OK;
	case PPP_PROTO_IPV6:
		*type = ETH_P_IPV6;
		return PARSE_OK;
	case PPP_PROTO_MPLS:
		*type = ETH_P_MPLS_UC;
		return PARSE_OK;
	}
	return PARSE_NOT_IP;	/* LCP, IPCP, PAP ... */
}

/* PARSE_OK: the cursor is at an IP header. */
static __always_inline enum parse_result parse_ethernet(struct cursor *c, struct packet *pkt)
{
	const struct ethhdr *eth = cursor_take(c, sizeof(*eth));
	enum parse_result result;
	__u16 type;

	if (!eth)
		return PARSE_SHORT;
	type = bpf_ntohs(eth->h_proto);
	result = parse_vlans(c, &type, pkt);
	if (result == PARSE_OK && type == ETH_P_PPP_SES)
		result = parse_pppoe(c, &type, pkt);
	if (result != PARSE_OK)
		return result;

	switch (type) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		pkt->ip_version = type == ETH_P_IP ? 4 : 6;
		return PARSE_OK;
	case ETH_P_MPLS_UC:
	case ETH_P_MPLS_MC:
		return parse_mpls(c);
	case ETH_P_ARP:
		pkt->payload_off = cursor_offset(c);
		pkt->payload_len = ARP_IPV4_BYTES;
		return PARSE_ARP;
	}
	return PARSE_NOT_IP;
}
