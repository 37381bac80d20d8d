/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_l3 - IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers and fragments. Pure; included by parse.h.
 *
 * A usable IP header always makes a flow. Later fragments have no ports: the caller may know them from the first one.
 * AH, ESP, mobility and tunnels are protocols, not walked.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#define IP_OFFSET_MASK	0x1fff	/* RFC 791 3.1 */
#define IP_MORE		0x2000
#define IP6_OFFSET_MASK	0xfff8	/* RFC 8200 4.5 */
#define IP6_MORE	0x0001

struct ip6_frag {
	__u8 nexthdr;
	__u8 reserved;
	__be16 frag_off;
	__be32 id;
};

static __always_inline enum parse_result parse_ipv4(struct cursor *c, struct packet *pkt)
{
	__u32 l3_off = cursor_offset(c), hdr_len, total;
	const struct iphdr *ip = cursor_take(c, sizeof(*ip));
	__u16 frag;

	if (!ip)
		return PARSE_SHORT;
	hdr_len = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	/* Total length 0 is segmentation offload (BIG TCP): the frame's own length counts. */
	if (ip->version != 4 || hdr_len < sizeof(*ip) || (total && total < hdr_len))
		return PARSE_BAD_HEADER;
	if (!cursor_take(c, hdr_len - sizeof(*ip)))	/* options: skipped, never read */
		return PARSE_SHORT;

	pkt->ip_len = total;
	pkt->proto = ip->protocol;
	pkt->saddr[2] = pkt->daddr[2] = bpf_htonl(0xffff);
	pkt->saddr[3] = ip->saddr;
	pkt->daddr[3] = ip->daddr;
	pkt->hdr_len = l3_off + hdr_len;

	frag = bpf_ntohs(ip->frag_off);
	if (frag & (IP_OFFSET_MASK | IP_MORE))
		pkt->frag_id = bpf_htonl(bpf_ntohs(ip->id));
	if (frag & IP_OFFSET_MASK) {
		pkt->bits |= PACKET_LATER_FRAGMENT;
		return PARSE_OK;
	}
	if (frag & IP_MORE)
		pkt->bits |= PACKET_FIRST_FRAGMENT;
	parse_l4(c, total ? total - hdr_len : L4_UNKNOWN_LEN, pkt);
	return PARSE_OK;
}

/* The bytes end inside the extension headers: the last known header is the protocol. */
static __always_inline enum parse_result parse_cut(struct cursor *c, __u8 proto, struct packet *pkt)
{
	pkt->proto = proto;
	pkt->hdr_len = cursor_offset(c);
	pkt->bits |= PACKET_CUT;
	return PARSE_OK;
}

static __always_inline enum parse_result parse_ipv6(struct cursor *c, struct packet *pkt)
{
	__u32 l3_off = cursor_offset(c), total, used;
	const struct ipv6hdr *ip = cursor_take(c, sizeof(*ip));
	__u8 next;

	if (!ip)
		return PARSE_SHORT;
	if (ip->version != 6)
		return PARSE_BAD_HEADER;

	total = bpf_ntohs(ip->payload_len);
	/* Payload length 0 is a jumbogram (RFC 2675) or segmentation offload, or nothing follows. */
	pkt->ip_len = total ? total + sizeof(*ip) : 0;
	__builtin_memcpy(pkt->saddr, &ip->saddr, sizeof(pkt->saddr));
	__builtin_memcpy(pkt->daddr, &ip->daddr, sizeof(pkt->daddr));
	next = ip->nexthdr;
	if (ip->hop_limit == 255)
		pkt->bits |= PACKET_HOPS_255;

	for (int i = 0; i < PARSE_EXTS; i++) {
		const __u8 *ext;

		if (next != IPPROTO_FRAGMENT && next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS)
			break;
		ext = cursor_take(c, 8);	/* each is at least that long */
		if (!ext)
			return parse_cut(c, next, pkt);
		pkt->hdr_len = ext[1] * 8;
		if (next == IPPROTO_FRAGMENT) {
			const struct ip6_frag *frag = (const void *)ext;
			__u16 off = bpf_ntohs(frag->frag_off);

			pkt->hdr_len = 0;
			pkt->proto = frag->nexthdr;
			if (off & (IP6_OFFSET_MASK | IP6_MORE))	/* else atomic: a whole datagram, RFC 6946 */
				pkt->frag_id = frag->id;
			if (off & IP6_OFFSET_MASK) {
				pkt->hdr_len = cursor_offset(c);
				pkt->bits |= PACKET_LATER_FRAGMENT;
				return PARSE_OK;
			}
			if (off & IP6_MORE)
				pkt->bits |= PACKET_FIRST_FRAGMENT;
		}
		next = ext[0];
		asm volatile("" ::: "memory");	/* one way on from here, whichever header it was */
		if (!cursor_take(c, pkt->hdr_len & 0x7f8))
			return parse_cut(c, next, pkt);
	}

	pkt->proto = next;
	used = cursor_offset(c) - l3_off;
	if (pkt->ip_len && used > pkt->ip_len) {
		pkt->hdr_len = cursor_offset(c);
		return PARSE_OK;
	}
	parse_l4(c, pkt->ip_len ? pkt->ip_len - used : L4_UNKNOWN_LEN, pkt);
	return PARSE_OK;
}

/* pkt->ip_version: what the link header said; 0: it said nothing (raw IP, MPLS), and the first nibble tells. */
static __always_inline enum parse_result parse_ip(struct cursor *c, struct packet *pkt)
{
	const __u8 *first;

	cursor_join(c, &pkt->l3_off);
	first = cursor_take(c, 1);
	if (!first)
		return PARSE_SHORT;
	c->pos = first;
	if (!pkt->ip_version) {
		if (*first >> 4 != 4 && *first >> 4 != 6)
			return PARSE_NOT_IP;
		pkt->ip_version = *first >> 4;
	}
	return pkt->ip_version == 4 ? parse_ipv4(c, pkt) : parse_ipv6(c, pkt);
}
