/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse - bytes of a frame -> struct packet. Pure: no helper, no map, no context.
 *
 * The cursor is the only way to the bytes. parse_frame() walks link, network and transport header and says what it
 * found as one enum; what it says of the packet stands in struct packet. The flow is that of the outermost IP header.
 * Fields named __be are in wire order. Offsets count from the first byte of the frame.
 */
#pragma once

#include <linux/types.h>

#ifdef __BPF__
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#else
#include <arpa/inet.h>
#define bpf_htons(x) htons(x)
#define bpf_ntohs(x) ntohs(x)
#define bpf_htonl(x) htonl(x)
#define bpf_ntohl(x) ntohl(x)
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#endif

enum parse_result {
	PARSE_OK,
	PARSE_ARP,
	PARSE_NOT_IP,		/* other ethertype, LLC, or a PPP protocol that is not IP */
	PARSE_SHORT,		/* ends before its link or IP header does */
	PARSE_BAD_HEADER,	/* IP version or header length is impossible */
	PARSE_TOO_DEEP,		/* more than PARSE_VLANS tags or PARSE_LABELS labels */
};

#define PARSE_VLANS	4	/* tags walked; the outer two go into the flow key */
#define PARSE_LABELS	6	/* MPLS labels walked */
#define ARP_IPV4_BYTES	28	/* RFC 826, for Ethernet and IPv4 */
#define PARSE_EXTS	8	/* IPv6 extension headers walked; behind them the last known one is the protocol */

#define PACKET_FIRST_FRAGMENT	0x1	/* more fragments follow, and this one has the ports */
#define PACKET_LATER_FRAGMENT	0x2	/* no ports in it */
#define PACKET_TCP		0x4	/* tcp_flags, tcp_seq and tcp_ack are there */
#define PACKET_CUT		0x8	/* the bytes end inside an extension or transport header */
#define PACKET_HOPS_255		0x10	/* IPv6 hop limit is 255: no router has passed it on */

#define PACKET_ECHO		0x20	/* ICMP echo: tcp_seq is identifier and sequence number, tcp_ack 0 of a request, 1 of a reply */

/* Ordered so that nothing needs padding; filled with zeros by parse_frame(). */
struct packet {
	__be32 saddr[4];	/* IPv4 as ::ffff:a.b.c.d */
	__be32 daddr[4];
	__be16 sport;		/* 0 where there is none */
	__be16 dport;
	__u8 proto;		/* IANA number, behind the extension headers */
	__u8 ip_version;
	__u8 tcp_flags;		/* low 8 bits, RFC 9293 3.1 */
	__u8 bits;		/* PACKET_* */
	__u32 tcp_seq;		/* of the first payload byte: a SYN takes one number itself, RFC 9293 3.4 */
	__u32 tcp_ack;
	__be32 frag_id;
	__u16 vlan[2];		/* VLAN ids, outermost first; 0: none or priority tag */
	__u16 pppoe_session;
	__u16 l3_off;		/* of the IP header */
	__u16 tcp_window;	/* not scaled */
	__u16 zero;
	__u32 ip_len;		/* IP total length as the header says; 0: not said (jumbo, segmentation offload) */
	__u32 hdr_len;		/* link + IP + transport headers: what each segment of a GSO packet repeats */
	__u32 payload_off;	/* of the payload of TCP or UDP, of a neighbour discovery message, of ARP */
	__u32 payload_len;	/* by the IP header, not by the frame's end (Ethernet padding); 0: none of these */
};

struct cursor {
	const __u8 *start;
	const __u8 *pos;
	const __u8 *end;
};

/* Take the next @len bytes off the packet; NULL when it ends before that. */
static __always_inline const void *cursor_take(struct cursor *c, __u32 len)
{
	const __u8 *hdr = c->pos;

	if (hdr + len > c->end)
		return 0;
	c->pos = hdr + len;
	return hdr;
}

static __always_inline __u32 cursor_offset(const struct cursor *c)
{
	return c->pos - c->start;
}

/*
 * Leaves the cursor where it is and its offset (below 256) in @at. The verifier takes the position from memory again, and
 * so forgets by which headers it came there.
 */
static __always_inline void cursor_join(struct cursor *c, __u16 *at)
{
	*at = cursor_offset(c);
	asm volatile("" ::: "memory");
	c->pos = c->start + (*at & 0xff);
}

#include "bpf/parse_l4.h"
#include "bpf/parse_l3.h"
#include "bpf/parse_l2.h"

/*
 * A whole frame. @raw_ip: it starts with the IP header. @tag_vlan: VLAN id that the driver took out of the frame, 0 for
 * none; it is the outermost. In the kernel @pkt lies in a map: the verifier then forgets what was stored, the ways
 * through the headers come together again, and its work is their sum instead of their product.
 */
static __always_inline enum parse_result parse_frame(struct cursor *c, int raw_ip, __u16 tag_vlan, struct packet *pkt)
{
	enum parse_result result = PARSE_OK;

	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->vlan[0] = tag_vlan;
	if (!raw_ip)
		result = parse_ethernet(c, pkt);
	return result == PARSE_OK ? parse_ip(c, pkt) : result;
}
