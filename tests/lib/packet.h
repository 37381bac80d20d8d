/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet - frames for the parser's tests: a struct packet_spec says what is in one, packet_make() writes its bytes.
 *
 * What is left 0 gets the right value: lengths, versions, ethertypes. Numbers are in host order. Source addresses are
 * 10.0.0.a and 2001:db8::a, destinations the same with b. Every byte that a test may want to spoil is at an offset that
 * packet_make() returns. No checksums: nothing here looks at them.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/in.h>

#define FRAME_MAX	20000
#define PPP_LCP		0xc021
#define IP_DF		0x4000u
#define IP_MF		0x2000u
#define SYN		0x02u
#define ACK		0x10u
#define FIN		0x01u
#define RST		0x04u
#define PSH		0x08u

struct packet_spec {
	unsigned int vlans;		/* how many tags */
	uint16_t vlan[8];		/* their TCIs, outermost first */
	uint16_t tpid;			/* of all of them; 0: 0x8100 */
	int raw;			/* no link header */
	uint16_t type;			/* ethertype behind the tags; 0: that of what follows */
	int pppoe;			/* with a session header */
	uint16_t session;
	uint16_t ppp;			/* its protocol; 0: that of what follows */
	unsigned int labels;		/* MPLS */
	int ip;				/* 4, 6; 0: only payload */
	uint8_t a, b;
	uint8_t proto;
	unsigned int opts;		/* bytes of IPv4 options */
	uint16_t frag;			/* as in the IPv4 header, or in the (last) IPv6 fragment header */
	uint32_t id;
	unsigned int exts;		/* IPv6 extension headers: how many */
	uint8_t ext[12];		/* their kinds */
	uint8_t ext_words;		/* 8-byte words behind the first one of each that may have them */
	int ip_len;			/* length field of the IP header; 0: right; -1: 0 */
	uint16_t sport, dport;		/* of everything but ICMP and unknown protocols, which have payload only */
	uint8_t flags;			/* TCP */
	uint32_t seq, ack;
	unsigned int doff;		/* words; 0: 5 and tcp_opts; 16: 0 */
	unsigned int tcp_opts;		/* bytes */
	const void *payload;		/* NULL: payload_len bytes of 0x5a */
	unsigned int payload_len;
	unsigned int pad;		/* bytes behind the IP packet */
};

struct frame_bytes {
	size_t len;
	size_t l3, l4, payload;		/* offsets */
	uint8_t b[FRAME_MAX];
};

static inline void frame_put(struct frame_bytes *f, const void *src, size_t len)
{
	if (len > sizeof(f->b) - f->len)
		abort();
	memcpy(f->b + f->len, src, len);
	f->len += len;
}

static inline void frame_put8(struct frame_bytes *f, unsigned int v)
{
	frame_put(f, &(uint8_t){ (uint8_t)v }, 1);
}

static inline void frame_put16(struct frame_bytes *f, unsigned int v)
{
	frame_put8(f, v >> 8);
	frame_put8(f, v);
}

static inline void frame_put32(struct frame_bytes *f, uint32_t v)
{
	frame_put16(f, v >> 16);
	frame_put16(f, v);
}

static inline void frame_fill(struct frame_bytes *f, uint8_t v, size_t len)
{
	while (len--)
		frame_put8(f, v);
}

static inline void frame_set16(struct frame_bytes *f, size_t at, unsigned int v)
{
	f->b[at] = (uint8_t)(v >> 8);
	f->b[at + 1] = (uint8_t)v;
}

static inline void packet_put_link(struct frame_bytes *f, const struct packet_spec *s)
{
	uint16_t type = s->type;

	if (!type)
		type = s->pppoe ? ETH_P_PPP_SES : s->labels ? ETH_P_MPLS_UC : s->ip == 6 ? ETH_P_IPV6 : ETH_P_IP;
	frame_put(f, "\2\0\0\0\0\xbb\2\0\0\0\0\xaa", 12);
	for (unsigned int i = 0; i < s->vlans; i++) {
		frame_put16(f, s->tpid ? s->tpid : ETH_P_8021Q);
		frame_put16(f, s->vlan[i]);
	}
	frame_put16(f, type);
	if (s->pppoe) {
		frame_put16(f, 0x1100);
		frame_put16(f, s->session);
		frame_put16(f, 0);	/* nobody looks at its length */
		frame_put16(f, s->ppp ? s->ppp : s->labels ? 0x0281 : s->ip == 6 ? 0x0057 : 0x0021);
	}
	for (unsigned int i = 0; i < s->labels; i++)
		frame_put32(f, (100 + i) << 12 | (i + 1 == s->labels) << 8 | 64);
}

static inline void packet_put_ip(struct frame_bytes *f, const struct packet_spec *s)
{
	static const uint8_t net[15] = { 0x20, 0x01, 0x0d, 0xb8 };

	if (s->ip == 4) {
		frame_put16(f, (0x45 + s->opts / 4) << 8);
		frame_put16(f, 0);
		frame_put16(f, s->id);
		frame_put16(f, s->frag);
		frame_put16(f, 64 << 8 | s->proto);
		frame_put16(f, 0);
		frame_put32(f, 0x0a000000u | s->a);
		frame_put32(f, 0x0a000000u | s->b);
		frame_fill(f, 1, s->opts);
		return;
	}
	frame_put32(f, 0x60000000);
	frame_put16(f, 0);
	frame_put16(f, (s->exts ? s->ext[0] : s->proto) << 8 | (s->proto == 58 ? 255 : 64));
	frame_put(f, net, 15);
	frame_put8(f, s->a);
	frame_put(f, net, 15);
	frame_put8(f, s->b);
	for (unsigned int i = 0; i < s->exts; i++) {
		frame_put8(f, i + 1 < s->exts ? s->ext[i + 1] : s->proto);
		if (s->ext[i] == IPPROTO_FRAGMENT) {
			frame_put8(f, 0xff);	/* reserved: no length */
			frame_put16(f, s->frag);
			frame_put32(f, s->id);
		} else {
			frame_put8(f, s->ext_words);
			frame_fill(f, 0, 6 + 8 * s->ext_words);
		}
	}
}

static inline void packet_put_l4(struct frame_bytes *f, const struct packet_spec *s)
{
	unsigned int doff = s->doff ? s->doff & 15 : 5 + s->tcp_opts / 4;

	switch (s->proto) {
	case IPPROTO_TCP:
		frame_put16(f, s->sport);
		frame_put16(f, s->dport);
		frame_put32(f, s->seq);
		frame_put32(f, s->ack);
		frame_put16(f, doff << 12 | s->flags);
		frame_put16(f, 0xffff);
		frame_put32(f, 0);
		frame_fill(f, 1, s->tcp_opts);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		frame_put16(f, s->sport);
		frame_put16(f, s->dport);
		frame_put16(f, 8 + s->payload_len);
		frame_put16(f, 0);
		break;
	case IPPROTO_SCTP:
		frame_put16(f, s->sport);
		frame_put16(f, s->dport);
		frame_put32(f, 1);
		frame_put32(f, 0);
		break;
	}
}

static inline void packet_make(struct frame_bytes *f, const struct packet_spec *s)
{
	int later = s->frag & (s->ip == 4 ? 0x1fff : 0xfff8), len;

	f->len = 0;
	if (!s->raw)
		packet_put_link(f, s);
	f->l3 = f->len;
	if (s->ip)
		packet_put_ip(f, s);
	f->l4 = f->len;
	if (s->ip && !later)
		packet_put_l4(f, s);
	f->payload = f->len;
	if (s->payload)
		frame_put(f, s->payload, s->payload_len);
	else
		frame_fill(f, 0x5a, s->payload_len);
	len = s->ip_len ? s->ip_len : (int)(f->len - f->l3) - (s->ip == 6 ? 40 : 0);
	if (s->ip)
		frame_set16(f, f->l3 + (s->ip == 4 ? 2 : 4), len < 0 ? 0 : (unsigned int)len);
	frame_fill(f, 0, s->pad);
}

/* A row may say again, and otherwise, what its macro said. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define PACKET_MAKE(f, ...) packet_make(f, &(struct packet_spec){ __VA_ARGS__ })
