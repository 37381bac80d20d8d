/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_parse - every header that is walked: its exact length, each shorter one, each checked field, every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf/parse.h"
#include "packet.h"

#define CLIENT	40000
#define SERVER	443

#define NET_IP_ALIGN	2	/* before an Ethernet frame, as in the kernel: the IP header is then aligned */

static struct frame_bytes f;
static struct packet p;

/* In memory that ends with the frame, so that the sanitizer sees one byte too many. */
static enum parse_result parse_as(size_t len, int raw, uint16_t tag_vlan)
{
	size_t align = raw ? 0 : NET_IP_ALIGN;
	uint8_t *copy = malloc(align + len + !len), *start = copy + align;
	struct cursor c = { .start = start, .pos = start, .end = start + len };
	enum parse_result result;

	memcpy(start, f.b, len);
	memset(&p, 0xee, sizeof(p));
	result = parse_frame(&c, raw, tag_vlan, &p);
	free(copy);
	return result;
}

static enum parse_result parse_len(size_t len)
{
	return parse_as(len, 0, 0);
}

static enum parse_result parse(void)
{
	return parse_len(f.len);
}

#define MAKE(...) PACKET_MAKE(&f, __VA_ARGS__)
#define MAKE_TCP(...) MAKE(.ip = 4, .a = 1, .b = 2, .proto = IPPROTO_TCP, .sport = CLIENT, .dport = SERVER, \
			   .flags = ACK, .seq = 0x01020304, .ack = 0xf1f2f3f4, __VA_ARGS__)

static void assert_v4(unsigned int a, unsigned int b)
{
	assert_int_equal(p.ip_version, 4);
	assert_int_equal(p.saddr[0] | p.saddr[1] | p.daddr[0] | p.daddr[1], 0);
	assert_int_equal(ntohl(p.saddr[2]), 0xffff);
	assert_int_equal(ntohl(p.daddr[2]), 0xffff);
	assert_int_equal(ntohl(p.saddr[3]), 0x0a000000u | a);
	assert_int_equal(ntohl(p.daddr[3]), 0x0a000000u | b);
}

static void assert_v6(unsigned int a, unsigned int b)
{
	assert_int_equal(p.ip_version, 6);
	assert_int_equal(ntohl(p.saddr[0]), 0x20010db8);
	assert_int_equal(ntohl(p.daddr[0]), 0x20010db8);
	assert_int_equal(p.saddr[1] | p.saddr[2] | p.daddr[1] | p.daddr[2], 0);
	assert_int_equal(ntohl(p.saddr[3]), a);
	assert_int_equal(ntohl(p.daddr[3]), b);
}

static void assert_ports(unsigned int sport, unsigned int dport)
{
	assert_int_equal(ntohs(p.sport), sport);
	assert_int_equal(ntohs(p.dport), dport);
}

/* A frame of which parse() made @p: everything up to the transport header is there. */
static void assert_tcp(unsigned int payload_len)
{
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_int_equal(p.bits & (PACKET_TCP | PACKET_CUT), PACKET_TCP);
	assert_ports(CLIENT, SERVER);
	assert_int_equal(p.tcp_flags, ACK);
	assert_int_equal(p.tcp_seq, 0x01020304);
	assert_int_equal(p.tcp_ack, 0xf1f2f3f4);
	assert_int_equal(p.l3_off, f.l3);
	assert_int_equal(p.payload_off, f.payload);
	assert_int_equal(p.hdr_len, f.payload);
	assert_int_equal(p.payload_len, payload_len);
}

/* ---- each shorter length ---- */

/* Whole frame @f: SHORT before @ip_end, CUT without ports before 4 bytes of transport, whole from @l4_need on. */
static void assert_shorter(size_t ip_end, size_t l4_need, int has_ports)
{
	for (size_t len = 0; len <= f.len; len++) {
		enum parse_result result = parse_len(len);

		if (len < ip_end) {
			assert_int_equal(result, PARSE_SHORT);
			continue;
		}
		assert_int_equal(result, PARSE_OK);
		assert_int_equal(!!(p.bits & PACKET_CUT), len < f.l4 + l4_need);
		if (has_ports && len >= f.l4 + 4)
			assert_ports(CLIENT, SERVER);
		else
			assert_ports(0, 0);
		if (len < f.l4 + l4_need) {
			assert_false(p.bits & PACKET_TCP);
			assert_int_equal(p.payload_len, 0);
		}
	}
}

static void shorter_ipv4(void **state)
{
	MAKE_TCP(.payload_len = 9);
	assert_shorter(34, 20, 1);
	assert_tcp(9);
	assert_v4(1, 2);
	assert_int_equal(p.ip_len, 49);

	MAKE_TCP(.opts = 12, .payload_len = 3);
	assert_shorter(46, 20, 1);
	assert_tcp(3);

	MAKE(.ip = 4, .proto = IPPROTO_UDP, .sport = CLIENT, .dport = SERVER, .payload_len = 5);
	assert_shorter(34, 4, 1);
	assert_int_equal(p.hdr_len, 42);

	MAKE(.ip = 4, .proto = IPPROTO_ICMP, .payload_len = 8);
	assert_shorter(34, 0, 0);
}

static void shorter_ipv6(void **state)
{
	MAKE_TCP(.ip = 6, .payload_len = 9);
	assert_shorter(54, 20, 1);
	assert_tcp(9);
	assert_v6(1, 2);
	assert_int_equal(p.ip_len, 69);

	MAKE_TCP(.ip = 6, .exts = 3, .ext = { IPPROTO_HOPOPTS, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS }, .ext_words = 1);
	assert_shorter(54, 20, 1);
	assert_tcp(0);
	assert_int_equal(f.l4, 54 + 16 + 8 + 16);
}

static void shorter_link(void **state)
{
	const struct packet_spec rows[] = {
		{ .vlans = 1, .vlan = { 7 } },
		{ .vlans = 4, .vlan = { 7, 8, 9, 10 } },
		{ .pppoe = 1, .session = 77 },
		{ .labels = 1 },
		{ .labels = PARSE_LABELS },
		{ .vlans = 2, .vlan = { 7, 8 }, .pppoe = 1, .session = 77, .labels = 3 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int ip = 4; ip <= 6; ip += 2) {
			struct packet_spec s = rows[i];

			s.ip = ip;
			s.proto = IPPROTO_UDP;
			s.sport = CLIENT;
			s.dport = SERVER;
			packet_make(&f, &s);
			assert_shorter(f.l4, 4, 1);
			assert_int_equal(p.l3_off, f.l3);
		}
}

static void shorter_raw(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2) {
		MAKE_TCP(.ip = ip, .raw = 1, .payload_len = 2);
		for (size_t len = 0; len < f.l4; len++)
			assert_int_equal(parse_as(len, 1, 0), PARSE_SHORT);
		assert_int_equal(parse_as(f.l4, 1, 0), PARSE_OK);
		assert_true(p.bits & PACKET_CUT);
		assert_int_equal(parse_as(f.len, 1, 0), PARSE_OK);
		assert_tcp(2);
		assert_int_equal(p.l3_off, 0);
	}
}

/* ---- Ethernet ---- */

static void ethertypes(void **state)
{
	for (unsigned int type = 0; type <= 0xffff; type++) {
		enum parse_result want = PARSE_NOT_IP;

		MAKE_TCP(.type = (uint16_t)type, .payload_len = 60);
		frame_set16(&f, 12, type);
		switch (type) {
		case 0x0800:
			want = PARSE_OK;
			break;
		case 0x86dd:
			want = PARSE_BAD_HEADER;	/* version 4 */
			break;
		case 0x0806:
			want = PARSE_ARP;
			break;
		case 0x8100: case 0x88a8: case 0x9100: case 0x9200:	/* tag 0x4500, then 0x0064 as the ethertype */
			break;
		case 0x8864:	/* PPP protocol 0: none */
			break;
		case 0x8847: case 0x8848:	/* labels until a byte is odd, then 0x0a... or 0x..: not IP */
			continue;
		}
		assert_int_equal(parse(), want);
		assert_int_equal(p.payload_len, want == PARSE_OK ? 60 : want == PARSE_ARP ? 28 : 0);
	}
	for (unsigned int len = 0; len <= 1500; len += 100) {	/* LLC: a length instead of a type */
		MAKE(.type = 0x0800, .ip = 0, .payload_len = 46);
		frame_set16(&f, 12, len);
		assert_int_equal(parse(), PARSE_NOT_IP);
	}
}

static void assert_no_payload(void)
{
	assert_int_equal(p.payload_off, 0);
	assert_int_equal(p.payload_len, 0);
}

/* What ARP for Ethernet and IPv4 takes is its payload, whether the frame has it or not: who reads it sees. */
static void arp_and_llc(void **state)
{
	for (unsigned int tags = 0; tags <= PARSE_VLANS; tags++) {
		MAKE(.vlans = tags, .vlan = { 5 }, .type = ETH_P_ARP, .payload_len = 46);
		for (size_t len = 0; len <= f.len; len++) {
			assert_int_equal(parse_len(len), len < f.payload ? PARSE_SHORT : PARSE_ARP);
			assert_int_equal(p.payload_off, len < f.payload ? 0 : f.payload);
			assert_int_equal(p.payload_len, len < f.payload ? 0 : 28);
			assert_int_equal(p.ip_version | p.proto | p.bits | p.hdr_len, 0);
		}
		assert_int_equal(p.vlan[0], tags ? 5 : 0);
	}
	MAKE(.raw = 1, .type = ETH_P_ARP, .payload = "\0\1\10\0\6\4\0\1", .payload_len = 8, .pad = 20);
	assert_int_equal(parse_as(f.len, 1, 0), PARSE_NOT_IP);
	assert_no_payload();
	MAKE(.vlans = PARSE_VLANS + 1, .type = ETH_P_ARP, .payload_len = 28);
	assert_int_equal(parse(), PARSE_TOO_DEEP);
	assert_no_payload();
	MAKE(.vlans = 1, .vlan = { 5 }, .type = 60, .payload_len = 60);
	f.b[18] = 0x42;
	assert_int_equal(parse(), PARSE_NOT_IP);
	assert_no_payload();
}

/* ---- VLAN ---- */

static void vlan_depth(void **state)
{
	for (unsigned int n = 0; n <= PARSE_VLANS + 2; n++) {
		MAKE_TCP(.vlans = n, .vlan = { 11, 12, 13, 14, 15, 16 });
		assert_int_equal(parse(), n <= PARSE_VLANS ? PARSE_OK : PARSE_TOO_DEEP);
		assert_int_equal(p.vlan[0], n > 0 ? 11 : 0);
		assert_int_equal(p.vlan[1], n > 1 ? 12 : 0);
		if (n <= PARSE_VLANS)
			assert_tcp(0);
	}
	/* Too deep is known without the rest of the frame; one tag less is not. */
	MAKE_TCP(.vlans = PARSE_VLANS + 1);
	assert_int_equal(parse_len(14 + 4 * PARSE_VLANS), PARSE_TOO_DEEP);
	assert_int_equal(parse_len(13 + 4 * PARSE_VLANS), PARSE_SHORT);
}

static void vlan_ethertypes(void **state)
{
	const uint16_t tpids[] = { 0x8100, 0x88a8, 0x9100, 0x9200 };

	for (int i = 0; i < 4; i++) {
		MAKE_TCP(.tpid = tpids[i], .vlans = 2, .vlan = { 0xeffe, 0x2001 });	/* priority and DEI bits are not id */
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.vlan[0], 0xffe);
		assert_int_equal(p.vlan[1], 1);
		assert_tcp(0);
	}
	for (int i = 0; i < 4; i++) {	/* outer of one kind, inner of another */
		MAKE_TCP(.tpid = tpids[i], .vlans = 2, .vlan = { 100, 200 });
		frame_set16(&f, 16, 0x8100);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.vlan[1], 200);
	}
	MAKE_TCP(.tpid = 0x9300, .vlans = 1, .vlan = { 5 });
	assert_int_equal(parse(), PARSE_NOT_IP);
}

static void vlan_priority_tag(void **state)
{
	MAKE_TCP(.vlans = 1, .vlan = { 0xe000 });
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.vlan[0] | p.vlan[1], 0);
	assert_tcp(0);
	MAKE_TCP(.vlans = 2, .vlan = { 0, 9 });
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.vlan[0], 9);
	assert_int_equal(p.vlan[1], 0);
	MAKE_TCP(.vlans = 3, .vlan = { 9, 0, 8 });
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.vlan[0], 9);
	assert_int_equal(p.vlan[1], 8);
}

static void vlan_taken_out(void **state)
{
	MAKE_TCP(.payload_len = 4);
	assert_int_equal(parse_as(f.len, 0, 33), PARSE_OK);
	assert_int_equal(p.vlan[0], 33);
	assert_int_equal(p.vlan[1], 0);
	assert_tcp(4);
	MAKE_TCP(.vlans = 1, .vlan = { 44 });
	assert_int_equal(parse_as(f.len, 0, 33), PARSE_OK);
	assert_int_equal(p.vlan[0], 33);
	assert_int_equal(p.vlan[1], 44);
	MAKE_TCP(.vlans = 2, .vlan = { 44, 55 });	/* the third leaves no trace */
	assert_int_equal(parse_as(f.len, 0, 33), PARSE_OK);
	assert_int_equal(p.vlan[0], 33);
	assert_int_equal(p.vlan[1], 44);
	MAKE_TCP(.raw = 1);
	assert_int_equal(parse_as(f.len, 1, 33), PARSE_OK);
	assert_int_equal(p.vlan[0], 33);
}

/* ---- PPPoE, MPLS ---- */

static void pppoe(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2)
		for (unsigned int labels = 0; labels < 2; labels++) {
			MAKE_TCP(.ip = ip, .pppoe = 1, .session = 0xfedc, .labels = labels, .payload_len = 7);
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.pppoe_session, 0xfedc);
			assert_tcp(7);
		}
	MAKE(.pppoe = 1, .session = 9, .ppp = PPP_LCP, .payload_len = 30);
	assert_int_equal(parse(), PARSE_NOT_IP);
	MAKE_TCP(.pppoe = 1, .session = 9, .ppp = 0x8021);
	assert_int_equal(parse(), PARSE_NOT_IP);
	MAKE_TCP(.pppoe = 1, .session = 9, .ppp = 0x0057);	/* says IPv6, is not */
	assert_int_equal(parse(), PARSE_BAD_HEADER);
	MAKE(.type = ETH_P_PPP_DISC, .payload_len = 40);
	assert_int_equal(parse(), PARSE_NOT_IP);
	assert_int_equal(p.pppoe_session, 0);
	MAKE_TCP(.vlans = 2, .vlan = { 7, 8 }, .pppoe = 1, .session = 3);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.vlan[0] << 16 | p.vlan[1], 7 << 16 | 8);
	assert_int_equal(p.pppoe_session, 3);
	assert_tcp(0);
}

static void mpls(void **state)
{
	for (unsigned int n = 1; n <= PARSE_LABELS + 1; n++)
		for (int ip = 4; ip <= 6; ip += 2)
			for (int multicast = 0; multicast < 2; multicast++) {
				MAKE_TCP(.ip = ip, .labels = n, .type = ETH_P_MPLS_UC + multicast, .payload_len = 5);
				assert_int_equal(parse(), n <= PARSE_LABELS ? PARSE_OK : PARSE_TOO_DEEP);
				if (n > PARSE_LABELS)
					continue;
				assert_tcp(5);
				ip == 4 ? assert_v4(1, 2) : assert_v6(1, 2);
			}
	for (unsigned int nibble = 0; nibble < 16; nibble++) {	/* 0, 1: pseudowire control words, RFC 4385, RFC 5586 */
		MAKE(.labels = 2, .payload_len = 60);
		f.b[f.l3] = (uint8_t)(nibble << 4 | 5);
		assert_int_equal(parse(), nibble == 6 ? PARSE_OK : nibble == 4 ? PARSE_OK : PARSE_NOT_IP);
	}
	MAKE(.labels = 2);	/* nothing behind the labels */
	assert_int_equal(parse(), PARSE_SHORT);
}

/* The deepest link header: its offset still fits what cursor_join() keeps. */
static void link_deepest(void **state)
{
	MAKE_TCP(.ip = 6, .vlans = PARSE_VLANS, .pppoe = 1, .labels = PARSE_LABELS, .exts = PARSE_EXTS,
		 .ext = { 0, 60, 43, 60, 60, 60, 60, 60 }, .ext_words = 255, .payload_len = 3);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.l3_off, 14 + 4 * PARSE_VLANS + 8 + 4 * PARSE_LABELS);
	assert_tcp(3);
}

/* ---- IPv4 ---- */

static void ipv4_options(void **state)
{
	for (unsigned int opts = 0; opts <= 40; opts += 4) {
		MAKE_TCP(.opts = opts, .payload_len = 6);
		assert_int_equal(parse(), PARSE_OK);
		assert_tcp(6);
		assert_int_equal(p.ip_len, 20 + opts + 26);
		assert_int_equal(parse_len(f.l4), PARSE_OK);
		assert_int_equal(parse_len(f.l4 - 1), PARSE_SHORT);
	}
}

static void ipv4_bad_header(void **state)
{
	for (unsigned int version = 0; version < 16; version++)
		for (unsigned int ihl = 0; ihl < 16; ihl++) {
			MAKE_TCP(.payload_len = 60);
			f.b[f.l3] = (uint8_t)(version << 4 | ihl);
			assert_int_equal(parse(), version == 4 && ihl >= 5 ? PARSE_OK : PARSE_BAD_HEADER);
			f.l3 = 0;
			memmove(f.b, f.b + 14, f.len - 14);	/* raw: the version says what it is */
			assert_int_equal(parse_as(f.len - 14, 1, 0),
					 version == 6 ? PARSE_OK : version != 4 ? PARSE_NOT_IP :
					 ihl >= 5 ? PARSE_OK : PARSE_BAD_HEADER);
		}
}

static void ipv4_total_length(void **state)
{
	for (unsigned int opts = 0; opts <= 40; opts += 20)
		for (unsigned int total = 1; total < 20 + opts; total++) {
			MAKE_TCP(.opts = opts, .ip_len = (int)total);
			assert_int_equal(parse(), PARSE_BAD_HEADER);
		}
	/* The header's own length: no transport header in it, whatever follows in the frame. */
	MAKE_TCP(.ip_len = 20, .payload_len = 50);
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(0, 0);
	assert_int_equal(p.bits, 0);
	assert_int_equal(p.ip_len, 20);
	MAKE_TCP(.ip_len = 23);
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(0, 0);
	MAKE_TCP(.ip_len = 24);
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(CLIENT, SERVER);
	assert_false(p.bits & PACKET_TCP);
	MAKE_TCP(.ip_len = 39);
	assert_int_equal(parse(), PARSE_OK);
	assert_false(p.bits & PACKET_TCP);
	MAKE_TCP(.ip_len = 40);
	assert_int_equal(parse(), PARSE_OK);
	assert_tcp(0);
	/* 0: not said. More than there is: the header is believed, the frame is snapped. */
	MAKE_TCP(.ip_len = -1, .payload_len = 5);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.ip_len, 0);
	assert_tcp(0);
	MAKE_TCP(.ip_len = 65535, .payload_len = 5);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.ip_len, 65535);
	assert_tcp(65535 - 40);
}

static void padding(void **state)
{
	MAKE_TCP(.pad = 6);
	assert_int_equal(f.len, 60);
	assert_int_equal(parse(), PARSE_OK);
	assert_tcp(0);
	MAKE_TCP(.ip = 6, .payload_len = 1, .pad = 300);
	assert_int_equal(parse(), PARSE_OK);
	assert_tcp(1);
	/* An empty IP packet: what lies behind it are no ports. */
	MAKE(.ip = 4, .proto = IPPROTO_UDP, .ip_len = 20, .sport = 1, .dport = 2, .pad = 40);
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(0, 0);
}

static void ipv4_fragments(void **state)
{
	const struct { uint16_t frag; uint8_t bits; int id; } rows[] = {
		{ 0, 0, 0 },
		{ IP_DF, 0, 0 },			/* a whole datagram: its id means nothing, RFC 6864 */
		{ 0x8000, 0, 0 },			/* reserved */
		{ IP_MF, PACKET_FIRST_FRAGMENT, 1 },
		{ IP_MF | IP_DF, PACKET_FIRST_FRAGMENT, 1 },
		{ IP_MF | 1, PACKET_LATER_FRAGMENT, 1 },
		{ IP_MF | 0x1fff, PACKET_LATER_FRAGMENT, 1 },
		{ 1, PACKET_LATER_FRAGMENT, 1 },	/* last */
		{ 0x1000, PACKET_LATER_FRAGMENT, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int later = rows[i].bits & PACKET_LATER_FRAGMENT;

		MAKE(.ip = 4, .a = 1, .b = 2, .proto = IPPROTO_UDP, .sport = CLIENT, .dport = SERVER, .id = 0xabcd,
		     .frag = rows[i].frag, .payload_len = 64);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.bits, rows[i].bits);
		assert_int_equal(ntohl(p.frag_id), rows[i].id ? 0xabcd : 0);
		assert_ports(later ? 0 : CLIENT, later ? 0 : SERVER);
		assert_int_equal(p.proto, IPPROTO_UDP);
		assert_int_equal(p.hdr_len, later ? 34 : 42);
		assert_v4(1, 2);
		/* Later ones need no transport header: not cut. */
		assert_int_equal(parse_len(34), PARSE_OK);
		assert_int_equal(p.bits & PACKET_CUT, later ? 0 : PACKET_CUT);
	}
	/* The first one may be too small for the transport header, RFC 1858. */
	MAKE_TCP(.frag = IP_MF, .ip_len = 28, .id = 5);
	f.len = f.l4 + 8;
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(CLIENT, SERVER);
	assert_int_equal(p.bits, PACKET_FIRST_FRAGMENT | PACKET_CUT);
}

/* ---- IPv6 ---- */

static void ipv6_version(void **state)
{
	for (unsigned int version = 0; version < 16; version++) {
		MAKE_TCP(.ip = 6);
		f.b[f.l3] = (uint8_t)(version << 4);
		assert_int_equal(parse(), version == 6 ? PARSE_OK : PARSE_BAD_HEADER);
	}
}

static void ipv6_extensions(void **state)
{
	const uint8_t walked[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT };

	for (int next = 0; next <= 255; next++) {
		int is_walked = memchr(walked, next, sizeof(walked)) != NULL;

		for (unsigned int words = 0; words <= 255; words += 51) {
			MAKE_TCP(.ip = 6, .exts = 1, .ext = { (uint8_t)next }, .ext_words = (uint8_t)words, .payload_len = 8);
			assert_int_equal(parse(), PARSE_OK);
			if (is_walked) {
				assert_tcp(8);
			} else {
				assert_int_equal(p.proto, next);
				assert_false(next != IPPROTO_TCP && p.bits & PACKET_TCP);
			}
		}
	}
	MAKE_TCP(.ip = 6, .exts = 5, .ext = { 0, 60, 43, 44, 60 }, .payload_len = 8);	/* the order of RFC 8200 4.1 */
	assert_int_equal(parse(), PARSE_OK);
	assert_tcp(8);
	MAKE(.ip = 6, .proto = 59);	/* no next header */
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.proto, 59);
}

static void ipv6_extension_chain(void **state)
{
	for (unsigned int n = 0; n <= PARSE_EXTS + 1; n++) {
		MAKE_TCP(.ip = 6, .exts = n, .ext = { 0, 60, 60, 60, 60, 60, 60, 60, 60, 60 }, .payload_len = 2);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.bits & PACKET_CUT, 0);
		if (n <= PARSE_EXTS) {
			assert_tcp(2);
			continue;
		}
		assert_int_equal(p.proto, IPPROTO_DSTOPTS);
		assert_ports(0, 0);
		assert_false(p.bits & PACKET_TCP);
		assert_int_equal(p.hdr_len, 54 + 8 * PARSE_EXTS);
	}
}

static void ipv6_extension_cut(void **state)
{
	/* 54 bytes to the first extension header; its 8 bytes name the next one; that one has 16. */
	MAKE_TCP(.ip = 6, .exts = 2, .ext = { IPPROTO_HOPOPTS, IPPROTO_ROUTING }, .ext_words = 1);
	for (size_t len = 54; len < f.l4; len++) {
		assert_int_equal(parse_len(len), PARSE_OK);
		assert_int_equal(p.bits, PACKET_CUT);
		assert_int_equal(p.proto, len < 62 ? IPPROTO_HOPOPTS : len < 78 ? IPPROTO_ROUTING : IPPROTO_TCP);
		assert_ports(0, 0);
		assert_v6(1, 2);
		assert_in_range(p.hdr_len, 54, len);
	}
}

/* An extension header that goes on behind the end of the IP packet: no transport header. */
static void ipv6_extension_overshoots(void **state)
{
	MAKE_TCP(.ip = 6, .exts = 1, .ext = { IPPROTO_DSTOPTS }, .ext_words = 2, .ip_len = 8, .payload_len = 100);
	assert_int_equal(parse(), PARSE_OK);
	assert_ports(0, 0);
	assert_int_equal(p.bits, 0);
	assert_int_equal(p.hdr_len, 54 + 24);
}

static void ipv6_payload_length(void **state)
{
	MAKE_TCP(.ip = 6, .ip_len = -1, .payload_len = 9);	/* jumbogram, or BIG TCP */
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.ip_len, 0);
	assert_tcp(0);
	MAKE_TCP(.ip = 6, .ip_len = 65535, .payload_len = 9);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.ip_len, 65575);
	assert_tcp(65515);
	for (int len = 1; len < 24; len++) {
		MAKE_TCP(.ip = 6, .ip_len = len, .payload_len = 9);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.ip_len, 40 + len);
		assert_int_equal(!!(p.bits & PACKET_TCP), len >= 20);
		assert_ports(len >= 4 ? CLIENT : 0, len >= 4 ? SERVER : 0);
	}
}

static void ipv6_fragments(void **state)
{
	const struct { uint16_t frag; uint8_t bits; int id; } rows[] = {
		{ 0, 0, 0 },				/* atomic, RFC 6946 */
		{ 0x0006, 0, 0 },			/* reserved bits */
		{ 1, PACKET_FIRST_FRAGMENT, 1 },
		{ 8 | 1, PACKET_LATER_FRAGMENT, 1 },
		{ 0xfff8 | 1, PACKET_LATER_FRAGMENT, 1 },
		{ 8, PACKET_LATER_FRAGMENT, 1 },	/* last */
		{ 0x8000, PACKET_LATER_FRAGMENT, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int before = 0; before < 3; before++) {
			int later = rows[i].bits & PACKET_LATER_FRAGMENT;
			struct packet_spec s = { .ip = 6, .a = 1, .b = 2, .proto = IPPROTO_UDP, .sport = CLIENT,
						 .dport = SERVER, .id = 0xdeadbeef, .frag = rows[i].frag,
						 .exts = before + 1, .payload_len = 64 };

			s.ext[0] = s.ext[1] = IPPROTO_DSTOPTS;
			s.ext[before] = IPPROTO_FRAGMENT;
			packet_make(&f, &s);
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.bits, rows[i].bits);
			assert_int_equal(ntohl(p.frag_id), rows[i].id ? 0xdeadbeef : 0);
			assert_ports(later ? 0 : CLIENT, later ? 0 : SERVER);
			assert_int_equal(p.proto, IPPROTO_UDP);
			assert_int_equal(p.hdr_len, f.l4 + (later ? 0 : 8));
			assert_v6(1, 2);
		}
}

/* ---- transport ---- */

static void tcp_header_length(void **state)
{
	for (unsigned int doff = 0; doff < 16; doff++) {
		MAKE_TCP(.doff = doff ? doff : 16, .payload_len = 40);
		f.payload = f.l4 + 4 * doff;
		assert_int_equal(parse(), PARSE_OK);
		assert_ports(CLIENT, SERVER);
		if (doff >= 5) {
			assert_tcp(60 - 4 * doff);
		} else {
			assert_int_equal(p.bits | p.payload_off | p.payload_len | p.tcp_seq | p.tcp_flags, 0);
			assert_int_equal(p.hdr_len, f.l4);
		}
		/* Beyond the IP packet, though the frame goes on. */
		MAKE_TCP(.doff = doff ? doff : 16, .payload_len = 40, .ip_len = 20 + 32);
		f.payload = f.l4 + 4 * doff;
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.bits, doff >= 5 && doff <= 8 ? PACKET_TCP : 0);
		if (p.bits)
			assert_tcp(32 - 4 * doff);
		assert_ports(CLIENT, SERVER);
	}
}

static void tcp_options(void **state)
{
	for (unsigned int opts = 0; opts <= 40; opts += 4)
		for (int ip = 4; ip <= 6; ip += 2) {
			MAKE_TCP(.ip = ip, .tcp_opts = opts, .payload_len = 11);
			assert_int_equal(parse(), PARSE_OK);
			assert_tcp(11);
		}
}

static void tcp_flags(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++) {
		MAKE_TCP(.flags = (uint8_t)flags);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.tcp_flags, flags);
	}
	MAKE_TCP(.seq = 0xffffffff, .ack = 0x80000000);
	f.b[f.l4 + 12] |= 0x0f;	/* reserved bits and AccECN: not flags, not length */
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.tcp_flags, ACK);
	assert_int_equal(p.tcp_seq, 0xffffffff);
	assert_int_equal(p.tcp_ack, 0x80000000);
}

/* Of a frame that is cut the payload lies where the IP header says; who reads it sees how much of it is there. */
static void shorter_udp(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2) {
		MAKE(.ip = ip, .proto = IPPROTO_UDP, .sport = CLIENT, .dport = SERVER, .exts = ip == 6 ? 2 : 0, .ext = { 0, 60 },
		     .opts = 8, .vlans = 1, .payload_len = 9);
		assert_shorter(f.l3 + (ip == 4 ? 28 : 40), 4, 1);
		for (size_t len = f.l4; len <= f.len; len++) {
			assert_int_equal(parse_len(len), PARSE_OK);
			assert_int_equal(p.payload_off, len < f.l4 + 4 ? 0 : f.payload);
			assert_int_equal(p.payload_len, len < f.l4 + 4 ? 0 : 9);
		}
	}
}

/* The IP header says how long it is; neither the frame's end nor the length in the UDP header does. */
static void udp_payload(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2)
		for (int total = 1; total <= 60; total++) {
			int payload = total - 8;

			MAKE(.ip = ip, .proto = IPPROTO_UDP, .sport = CLIENT, .dport = SERVER, .payload_len = 30,
			     .ip_len = total + (ip == 4 ? 20 : 0));
			frame_set16(&f, f.l4 + 4, (unsigned int)(total * 7));
			assert_int_equal(parse(), PARSE_OK);
			assert_ports(total < 4 ? 0 : CLIENT, total < 4 ? 0 : SERVER);
			assert_int_equal(p.payload_len, payload > 0 ? payload : 0);
			if (payload > 0)
				assert_int_equal(p.payload_off, f.payload);
		}
	MAKE(.ip = 4, .proto = IPPROTO_UDP, .payload_len = 3, .pad = 15);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.payload_off, 42);
	assert_int_equal(p.payload_len, 3);
	MAKE(.ip = 4, .proto = IPPROTO_UDP, .pad = 18);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.payload_len, 0);
	for (int ip = 4; ip <= 6; ip += 2) {	/* length 0: not said */
		MAKE(.ip = ip, .proto = IPPROTO_UDP, .ip_len = -1, .payload_len = 30);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.payload_len, 0);
	}
	MAKE(.ip = 6, .proto = IPPROTO_UDP, .ip_len = 65535, .payload_len = 30);
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.payload_len, 65535 - 8);
}

static void fragment_payload(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2)
		for (int later = 0; later < 2; later++) {
			MAKE(.ip = ip, .proto = IPPROTO_UDP, .exts = 1, .ext = { IPPROTO_FRAGMENT }, .payload_len = 64, .id = 9,
			     .frag = ip == 4 ? (later ? 8 : IP_MF) : (later ? 64 : 1));
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.bits, later ? PACKET_LATER_FRAGMENT : PACKET_FIRST_FRAGMENT);
			assert_int_equal(p.payload_off, later ? 0 : f.payload);
			assert_int_equal(p.payload_len, later ? 0 : 64);
			MAKE_TCP(.ip = ip, .exts = 1, .ext = { IPPROTO_FRAGMENT }, .payload_len = 64, .id = 9,
				 .frag = ip == 4 ? (later ? 8 : IP_MF) : (later ? 64 : 1));
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.payload_len, later ? 0 : 64);
		}
}

static void make_icmp6(unsigned int type, unsigned int exts, int ip_len)
{
	MAKE(.ip = 6, .a = 1, .b = 2, .proto = IPPROTO_ICMPV6, .exts = exts, .ext = { 0, 60 }, .ip_len = ip_len, .payload_len = 24);
	f.b[f.l4] = (uint8_t)type;
}

static void neighbour_discovery(void **state)
{
	for (unsigned int type = 0; type < 256; type++)
		for (unsigned int exts = 0; exts < 3; exts++) {
			int is_nd = type >= 133 && type <= 137;	/* RFC 4861 4 */

			make_icmp6(type, exts, 0);
			assert_int_equal(parse(), PARSE_OK);
			assert_ports(0, 0);
			assert_int_equal(p.bits, PACKET_HOPS_255 | (type == 128 || type == 129 ? PACKET_ECHO : 0));
			assert_int_equal(p.proto, IPPROTO_ICMPV6);
			assert_int_equal(p.hdr_len, f.l4);
			assert_int_equal(p.payload_off, is_nd ? f.l4 : 0);
			assert_int_equal(p.payload_len, is_nd ? 24 : 0);
		}
	for (unsigned int hops = 0; hops < 256; hops++) {	/* RFC 4861 11.2 */
		make_icmp6(135, 0, 0);
		f.b[f.l3 + 7] = (uint8_t)hops;
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.bits, hops == 255 ? PACKET_HOPS_255 : 0);
		assert_int_equal(p.payload_off, hops == 255 ? f.l4 : 0);
		assert_int_equal(p.payload_len, hops == 255 ? 24 : 0);
	}
	for (int ip_len = 1; ip_len < 60; ip_len++) {	/* less or more than is there */
		make_icmp6(135, 0, ip_len);
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.payload_off, f.l4);
		assert_int_equal(p.payload_len, ip_len);
	}
	for (unsigned int type = 0; type < 256; type++) {	/* the number means nothing in IPv4 */
		MAKE(.ip = 4, .proto = IPPROTO_ICMPV6, .payload_len = 24);
		f.b[f.l4] = (uint8_t)type;
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.hdr_len, f.l4);
		assert_int_equal(p.bits, 0);
		assert_no_payload();
	}
	make_icmp6(135, 1, 8);	/* ends behind the extension header: the type is none of it */
	assert_int_equal(parse(), PARSE_OK);
	assert_int_equal(p.payload_len, 0);
	make_icmp6(135, 0, -1);
	assert_int_equal(parse(), PARSE_OK);
	assert_no_payload();
}

/* Echo and its reply: RFC 792, RFC 4443 4.1; every other type, protocol of the other version, and shorter header is none. */
static void icmp_echo(void **state)
{
	for (unsigned int ip = 4; ip <= 6; ip += 2)
		for (unsigned int proto = IPPROTO_ICMP; proto <= IPPROTO_ICMPV6; proto += IPPROTO_ICMPV6 - IPPROTO_ICMP)
			for (unsigned int type = 0; type < 256; type++) {
				const int reply = type == (ip == 4 ? 0 : 129), request = type == (ip == 4 ? 8 : 128);
				const int is_echo = (reply || request) && proto == (ip == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

				MAKE(.ip = (int)ip, .proto = (uint8_t)proto, .payload_len = 24);
				f.b[f.l4] = (uint8_t)type;
				memcpy(f.b + f.l4 + 4, "\x81\x02\x03\x84", 4);
				assert_int_equal(parse(), PARSE_OK);
				assert_int_equal(p.bits & PACKET_ECHO, is_echo ? PACKET_ECHO : 0);
				assert_int_equal(p.tcp_seq, is_echo ? 0x81020384 : 0);
				assert_int_equal(p.tcp_ack, is_echo && reply);
				for (size_t len = f.l4; is_echo && len <= f.l4 + 9; len++) {
					assert_int_equal(parse_len(len), PARSE_OK);
					assert_int_equal(p.bits & PACKET_ECHO, len < f.l4 + 8 ? 0 : PACKET_ECHO);
				}
			}
	for (int ip_len = 21; ip_len <= 29; ip_len++) {	/* the IP header says that it is shorter */
		MAKE(.ip = 4, .proto = IPPROTO_ICMP, .payload_len = 24, .ip_len = ip_len);
		f.b[f.l4] = 8;
		assert_int_equal(parse(), PARSE_OK);
		assert_int_equal(p.bits & PACKET_ECHO, ip_len < 28 ? 0 : PACKET_ECHO);
	}
}

static void shorter_neighbour_discovery(void **state)
{
	make_icmp6(136, 2, 0);
	assert_int_equal(f.l4, 54 + 16);
	assert_shorter(54, 1, 0);
	for (size_t len = 54; len <= f.len; len++) {
		assert_int_equal(parse_len(len), PARSE_OK);
		assert_int_equal(p.payload_off, len <= f.l4 ? 0 : f.l4);
		assert_int_equal(p.payload_len, len <= f.l4 ? 0 : 24);
	}
}

static void protocols(void **state)
{
	for (int ip = 4; ip <= 6; ip += 2)
		for (int proto = 0; proto < 256; proto++) {
			int has_ports = proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
					proto == IPPROTO_UDPLITE;

			MAKE(.ip = ip, .a = 1, .b = 2, .proto = (uint8_t)proto, .sport = CLIENT, .dport = SERVER,
			     .payload_len = 40);
			if (ip == 6 && (proto == 0 || proto == 43 || proto == 44 || proto == 60))
				continue;	/* extension headers */
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.proto, proto);
			assert_ports(has_ports ? CLIENT : 0, has_ports ? SERVER : 0);
			assert_int_equal(p.hdr_len, f.l4 + (proto == IPPROTO_TCP ? 20 : proto == IPPROTO_UDP ? 8 : 0));
			assert_int_equal(p.bits, proto == IPPROTO_TCP ? PACKET_TCP :
					 ip == 6 && proto == IPPROTO_ICMPV6 ? PACKET_HOPS_255 : 0);
			assert_int_equal(p.payload_len, proto == IPPROTO_TCP || proto == IPPROTO_UDP ? 40 : 0);
		}
}

/* The flow of a tunnel is the outer one, whatever it carries. */
static void tunnels(void **state)
{
	static struct frame_bytes inner;
	const uint8_t protos[] = { IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_GRE, IPPROTO_ESP, IPPROTO_AH };

	PACKET_MAKE(&inner, .raw = 1, .ip = 4, .a = 77, .b = 78, .proto = IPPROTO_TCP, .sport = 5, .dport = 6);
	for (size_t i = 0; i < sizeof(protos); i++)
		for (int ip = 4; ip <= 6; ip += 2) {
			MAKE(.ip = ip, .a = 1, .b = 2, .proto = protos[i], .payload = inner.b, .payload_len = inner.len);
			assert_int_equal(parse(), PARSE_OK);
			assert_int_equal(p.proto, protos[i]);
			assert_ports(0, 0);
			assert_int_equal(p.bits, 0);
			assert_int_equal(p.hdr_len, f.l4);
			ip == 4 ? assert_v4(1, 2) : assert_v6(1, 2);
		}
}

static void raw_ip(void **state)
{
	MAKE_TCP(.raw = 1, .payload_len = 1);
	assert_int_equal(parse_as(f.len, 1, 0), PARSE_OK);
	assert_v4(1, 2);
	assert_tcp(1);
	assert_int_equal(parse_as(f.len, 0, 0), PARSE_NOT_IP);	/* the same bytes as Ethernet */
	for (unsigned int nibble = 0; nibble < 16; nibble++)
		if (nibble != 4 && nibble != 6) {
			f.b[0] = (uint8_t)(nibble << 4);
			assert_int_equal(parse_as(f.len, 1, 0), PARSE_NOT_IP);
			assert_int_equal(parse_as(1, 1, 0), PARSE_NOT_IP);
		}
	assert_int_equal(parse_as(0, 1, 0), PARSE_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shorter_ipv4),
		cmocka_unit_test(shorter_ipv6),
		cmocka_unit_test(shorter_link),
		cmocka_unit_test(shorter_raw),
		cmocka_unit_test(ethertypes),
		cmocka_unit_test(arp_and_llc),
		cmocka_unit_test(vlan_depth),
		cmocka_unit_test(vlan_ethertypes),
		cmocka_unit_test(vlan_priority_tag),
		cmocka_unit_test(vlan_taken_out),
		cmocka_unit_test(pppoe),
		cmocka_unit_test(mpls),
		cmocka_unit_test(link_deepest),
		cmocka_unit_test(ipv4_options),
		cmocka_unit_test(ipv4_bad_header),
		cmocka_unit_test(ipv4_total_length),
		cmocka_unit_test(padding),
		cmocka_unit_test(ipv4_fragments),
		cmocka_unit_test(ipv6_version),
		cmocka_unit_test(ipv6_extensions),
		cmocka_unit_test(ipv6_extension_chain),
		cmocka_unit_test(ipv6_extension_cut),
		cmocka_unit_test(ipv6_extension_overshoots),
		cmocka_unit_test(ipv6_payload_length),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(tcp_header_length),
		cmocka_unit_test(tcp_options),
		cmocka_unit_test(tcp_flags),
		cmocka_unit_test(shorter_udp),
		cmocka_unit_test(udp_payload),
		cmocka_unit_test(fragment_payload),
		cmocka_unit_test(neighbour_discovery),
		cmocka_unit_test(icmp_echo),
		cmocka_unit_test(shorter_neighbour_discovery),
		cmocka_unit_test(protocols),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(raw_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
