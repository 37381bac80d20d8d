/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_l4 - TCP, UDP, UDP-Lite, SCTP ports; TCP flags; where the payload lies of TCP, UDP and neighbour discovery.
 * Pure; included by parse.h.
 *
 * Never refuses: a transport header that is cut, or longer than its IP packet says, leaves ports 0 (or no TCP facts),
 * and the packet still counts for the flow of its addresses.
 */
#pragma once

#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define ND_TYPE_FIRST	133	/* ICMPv6 types of neighbour discovery */
#define ND_TYPE_LAST	137
#define ICMP_HEADER	8	/* of an echo: type, code, checksum, identifier, sequence number */
#ifndef ICMP_ECHO
#define ICMP_ECHO	8
#define ICMP_ECHOREPLY	0
#endif
#ifndef ICMPV6_ECHO_REQUEST
#define ICMPV6_ECHO_REQUEST	128
#define ICMPV6_ECHO_REPLY	129
#endif

#define L4_UNKNOWN_LEN 0xffffffffu	/* IP header does not say how long the packet is */

static __always_inline void parse_tcp(struct cursor *c, __u32 l4_len, struct packet *pkt)
{
	__u32 l4_off = cursor_offset(c), hdr_len;
	const struct tcphdr *tcp = cursor_take(c, sizeof(*tcp));

	if (!tcp)
		pkt->bits |= PACKET_CUT;
	if (!tcp || l4_len < sizeof(*tcp))
		return;
	hdr_len = tcp->doff * 4;
	if (hdr_len < sizeof(*tcp) || hdr_len > l4_len)
		return;
	pkt->bits |= PACKET_TCP;
	pkt->tcp_flags = ((const __u8 *)tcp)[13];
	pkt->tcp_seq = bpf_ntohl(tcp->seq) + tcp->syn;
	pkt->tcp_ack = bpf_ntohl(tcp->ack_seq);
	pkt->tcp_window = bpf_ntohs(tcp->window);
	pkt->hdr_len = pkt->payload_off = l4_off + hdr_len;
	pkt->payload_len = l4_len == L4_UNKNOWN_LEN ? 0 : l4_len - hdr_len;
}

/* Router and neighbour solicitation and advertisement, redirect: RFC 4861 4; from this link alone: 11.2 */
static __always_inline void parse_nd(struct cursor *c, __u32 l4_len, struct packet *pkt)
{
	const __u8 *type = cursor_take(c, 1);

	if (!type) {
		pkt->bits |= PACKET_CUT;
		return;
	}
	if (pkt->bits & PACKET_HOPS_255 && l4_len != L4_UNKNOWN_LEN && *type >= ND_TYPE_FIRST && *type <= ND_TYPE_LAST) {
		pkt->payload_off = pkt->hdr_len;
		pkt->payload_len = l4_len;
	}
}

/* Echo and its reply: RFC 792, RFC 4443 4. One whose header is not whole is an ICMP packet like others. */
static __always_inline void parse_echo(struct cursor *c, __u32 l4_len, struct packet *pkt)
{
	const __u32 request = pkt->proto == IPPROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	const __u32 reply = pkt->proto == IPPROTO_ICMP ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
	const __u8 *head = cursor_take(c, ICMP_HEADER);

	if (!head || l4_len < ICMP_HEADER || (pkt->proto == IPPROTO_ICMP) != (pkt->ip_version == 4) || (head[0] != request && head[0] != reply))
		return;
	pkt->bits |= PACKET_ECHO;
	pkt->tcp_seq = (__u32)head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
	pkt->tcp_ack = head[0] == reply;
}

static __always_inline void parse_l4(struct cursor *c, __u32 l4_len, struct packet *pkt)
{
	const void *start = c->pos;
	const __be16 *ports;

	pkt->hdr_len = cursor_offset(c);
	if (pkt->proto == IPPROTO_ICMPV6) {
		parse_nd(c, l4_len, pkt);
		c->pos = start;
	}
	if (pkt->proto == IPPROTO_ICMPV6 || pkt->proto == IPPROTO_ICMP) {
		parse_echo(c, l4_len, pkt);
		return;
	}
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP && pkt->proto != IPPROTO_SCTP &&
	    pkt->proto != IPPROTO_UDPLITE)
		return;
	ports = cursor_take(c, 4);
	if (!ports)
		pkt->bits |= PACKET_CUT;
	if (!ports || l4_len < 4)
		return;
	pkt->sport = ports[0];
	pkt->dport = ports[1];
	if (pkt->proto == IPPROTO_TCP) {
		c->pos = start;
		parse_tcp(c, l4_len, pkt);
	} else if (pkt->proto == IPPROTO_UDP) {
		pkt->hdr_len += sizeof(struct udphdr);
		pkt->payload_off = pkt->hdr_len;
		if (l4_len != L4_UNKNOWN_LEN && l4_len > sizeof(struct udphdr))
			pkt->payload_len = l4_len - sizeof(struct udphdr);
	}
}
