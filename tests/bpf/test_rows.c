/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_rows - frames through the real programs: a row says what goes in, what class it is, which slot it makes.
 *
 * Every row runs with the received frames through XDP and through TC, and both must leave the same maps behind; then
 * with received and sent exchanged, which must give the same flow with its ends exchanged. After each the books
 * balance. rows_model.h then puts thousands of random frames through a model of the whole and through the programs.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "rows.h"
#include "rows_model.h"
#include "rows_hello.h"
#include "rows_copy.h"
#include "rows_limit.h"
#include "rows_tcp.h"
#include "rows_quic.h"
#include "rows_wire.h"

struct row {
	const char *name;
	struct packet_spec frame[5];
	unsigned int n;			/* of them; 0: 1 */
	unsigned int sent;		/* bit i: frame i is sent, else received */
	uint16_t port_flags;
	enum book_class class;		/* of the last frame */
	struct {			/* the flow of the first frame, where there is one */
		uint8_t a, b, proto, ip;
		uint16_t a_port, b_port, vlan[2], session;
		unsigned int frames[2];	/* both 0: one from a */
	} key;
	uint32_t flags, no_flags;	/* FLOW_* of it that are set, and that are not */
	unsigned int slots;		/* live ones; 0: 1 if the class is a flow */
	unsigned int dead;
	unsigned int orphans;
};

#define TCP(...) { .ip = 4, .a = 1, .b = 2, .proto = 6, .sport = 40000, .dport = 443, .flags = ACK, __VA_ARGS__ }
#define BACK(...) { .ip = 4, .a = 2, .b = 1, .proto = 6, .sport = 443, .dport = 40000, .flags = ACK, __VA_ARGS__ }
#define UDP(...) { .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 443, .payload_len = 9, __VA_ARGS__ }
#define UDP6(...) { .ip = 6, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 443, .payload_len = 9, __VA_ARGS__ }
#define KEY(...) .class = BOOK_FLOW, .key = { .a = 1, .b = 2, .proto = 17, .ip = 4, .a_port = 40000, .b_port = 443, __VA_ARGS__ }
#define TCP_KEY(...) KEY(.proto = 6, __VA_ARGS__)
#define NO_PORTS .a_port = 0, .b_port = 0

static const struct row rows[] = {
	/* link */
	{ "arp", { { .type = ETH_P_ARP, .payload_len = 28 } }, .class = BOOK_ARP },
	{ "arp behind a tag", { { .vlans = 1, .type = ETH_P_ARP, .payload_len = 28 } }, .class = BOOK_ARP },
	{ "another ethertype", { { .type = 0x88cc, .payload_len = 50 } }, .class = BOOK_NOT_IP },
	{ "llc", { { .type = 38, .payload_len = 46 } }, .class = BOOK_NOT_IP },
	{ "pppoe discovery", { { .type = ETH_P_PPP_DISC, .payload_len = 46 } }, .class = BOOK_NOT_IP },
	{ "pppoe: LCP", { { .pppoe = 1, .ppp = PPP_LCP, .payload_len = 46 } }, .class = BOOK_NOT_IP },
	{ "mpls: not ip", { { .labels = 2, .payload_len = 46 } }, .class = BOOK_NOT_IP },
	{ "mpls: ends behind the labels", { { .labels = 2 } }, .class = BOOK_SHORT },
	{ "mpls: too deep", { UDP(.labels = PARSE_LABELS + 1) }, .class = BOOK_TOO_DEEP },
	{ "mpls: deepest", { UDP6(.labels = PARSE_LABELS) }, KEY(.ip = 6) },
	{ "vlan", { UDP(.vlans = 1, .vlan = { 0x2007 }) }, KEY(.vlan = { 7 }) },
	{ "vlan: priority tag", { UDP(.vlans = 1, .vlan = { 0xe000 }) }, KEY() },
	{ "vlan: qinq", { UDP6(.vlans = 2, .vlan = { 7, 8 }, .tpid = 0x88a8) }, KEY(.ip = 6, .vlan = { 7, 8 }) },
	{ "vlan: deepest", { UDP(.vlans = PARSE_VLANS, .vlan = { 7, 8, 9, 10 }, .tpid = 0x9100) }, KEY(.vlan = { 7, 8 }) },
	{ "vlan: too deep", { UDP(.vlans = PARSE_VLANS + 1, .tpid = 0x9200) }, .class = BOOK_TOO_DEEP },
	{ "vlan: other id, other flow", { UDP(.vlans = 1, .vlan = { 7 }), UDP(.vlans = 1, .vlan = { 8 }) }, 2, KEY(.vlan = { 7 }),
	  .slots = 2 },
	{ "pppoe: ipv4", { UDP(.pppoe = 1, .session = 300) }, KEY(.session = 300) },
	{ "pppoe: ipv6 in a vlan", { UDP6(.vlans = 1, .vlan = { 35 }, .pppoe = 1, .session = 300) },
	  KEY(.ip = 6, .session = 300, .vlan = { 35 }) },
	{ "pppoe: mpls", { UDP(.pppoe = 1, .session = 300, .labels = 1) }, KEY(.session = 300) },
	{ "raw ip: ipv4", { UDP(.raw = 1) }, .port_flags = PORT_RAW_IP, KEY() },
	{ "raw ip: ipv6", { UDP6(.raw = 1) }, .port_flags = PORT_RAW_IP, KEY(.ip = 6) },
	{ "raw ip: neither", { { .payload_len = 40, .raw = 1 } }, .port_flags = PORT_RAW_IP, .class = BOOK_NOT_IP },

	/* network */
	{ "ipv4: nothing behind the link header", { { .type = ETH_P_IP } }, .class = BOOK_SHORT },
	{ "ipv4: header of 0 words", { { .type = ETH_P_IP, .payload = "\x40\0\0\x14", .payload_len = 4, .pad = 42 } }, .class = BOOK_BAD_HEADER },
	{ "ipv4: header of 4 words", { { .type = ETH_P_IP, .payload = "\x44\0\0\x28", .payload_len = 4, .pad = 42 } }, .class = BOOK_BAD_HEADER },
	{ "ipv4: version 5", { { .type = ETH_P_IP, .payload = "\x55\0\0\x28", .payload_len = 4, .pad = 42 } }, .class = BOOK_BAD_HEADER },
	{ "ipv4: total length below the header", { UDP(.ip_len = 19) }, .class = BOOK_BAD_HEADER },
	{ "ipv4: total length 0", { TCP(.ip_len = -1) }, TCP_KEY() },
	{ "ipv4: total length beyond the frame", { TCP(.ip_len = 1500, .payload_len = 30) }, TCP_KEY() },
	{ "ipv4: options", { UDP(.opts = 40) }, KEY() },
	{ "ipv4: padding", { TCP(.pad = 6) }, TCP_KEY(), .no_flags = FLOW_PAYLOAD_A },
	{ "ipv4: transport header cut", { UDP(.ip_len = 23) }, KEY(NO_PORTS) },
	{ "ipv6: version 4", { UDP(.type = ETH_P_IPV6, .payload_len = 60) }, .class = BOOK_BAD_HEADER },
	{ "ipv6: extension headers", { UDP6(.exts = 4, .ext = { 0, 60, 43, 60 }, .ext_words = 2) }, KEY(.ip = 6) },
	{ "ipv6: as many as are walked", { UDP6(.exts = 8, .ext = { 0, 60, 60, 60, 60, 60, 60, 60 }) }, KEY(.ip = 6) },
	{ "ipv6: one more", { UDP6(.exts = 9, .ext = { 0, 60, 60, 60, 60, 60, 60, 60, 60 }) },
	  KEY(.ip = 6, .proto = 60, NO_PORTS) },
	{ "ipv6: extension cut", { { .ip = 6, .a = 1, .b = 2, .proto = 0, .payload_len = 7 } }, KEY(.ip = 6, .proto = 0, NO_PORTS) },
	{ "ipv6: no next header", { { .ip = 6, .a = 1, .b = 2, .proto = 59 } }, KEY(.ip = 6, .proto = 59, NO_PORTS) },

	/* fragments */
	{ "ipv4: whole datagram with an id", { UDP(.frag = IP_DF, .id = 7) }, KEY(), .no_flags = FLOW_FRAGMENTS },
	{ "ipv4: later fragments join", { UDP(.frag = IP_MF, .id = 7), UDP(.frag = IP_MF | 3, .id = 7), UDP(.frag = 6, .id = 7) }, 3,
	  KEY(.frames = { 3 }), .flags = FLOW_FRAGMENTS },
	{ "ipv4: sent fragments join", { UDP(.frag = IP_MF, .id = 7), UDP(.frag = 6, .id = 7) }, 2, .sent = 3,
	  .class = BOOK_FLOW, .key = { 2, 1, 17, 4, 443, 40000, .frames = { 0, 2 } }, .flags = FLOW_FRAGMENTS },
	{ "ipv4: orphan fragment", { UDP(.frag = 6, .id = 7) }, KEY(NO_PORTS), .orphans = 1, .flags = FLOW_FRAGMENTS },
	{ "ipv4: fragment of another id", { UDP(.frag = IP_MF, .id = 7), UDP(.frag = 6, .id = 8) }, 2, KEY(), .slots = 2, .orphans = 1 },
	{ "ipv4: fragment of another protocol", { UDP(.frag = IP_MF, .id = 7), UDP(.frag = 6, .id = 7, .proto = 136) }, 2, KEY(),
	  .slots = 2, .orphans = 1 },
	{ "ipv4: fragment of another source", { UDP(.frag = IP_MF, .id = 7), UDP(.frag = 6, .id = 7, .a = 9) }, 2, KEY(),
	  .slots = 2, .orphans = 1 },
	{ "ipv4: fragment of icmp", { { .ip = 4, .a = 1, .b = 2, .proto = 1, .frag = IP_MF, .payload_len = 8 },
	  { .ip = 4, .a = 1, .b = 2, .proto = 1, .frag = 1, .payload_len = 8 } }, 2, KEY(.proto = 1, NO_PORTS, .frames = { 2 }) },
	{ "ipv6: later fragments join", { UDP6(.exts = 1, .ext = { 44 }, .frag = 1, .id = 0xdeadbeef),
	  UDP6(.exts = 2, .ext = { 60, 44 }, .frag = 9, .id = 0xdeadbeef), UDP6(.exts = 1, .ext = { 44 }, .frag = 16, .id = 0xdeadbeef) }, 3,
	  KEY(.ip = 6, .frames = { 3 }), .flags = FLOW_FRAGMENTS },
	{ "ipv6: orphan fragment", { UDP6(.exts = 1, .ext = { 44 }, .frag = 16, .id = 1) }, KEY(.ip = 6, NO_PORTS), .orphans = 1 },
	{ "ipv6: atomic fragment", { UDP6(.exts = 1, .ext = { 44 }, .id = 1) }, KEY(.ip = 6), .no_flags = FLOW_FRAGMENTS },

	/* A limit: the later ones name the first header of the fragmented part, not the protocol behind it (RFC 8200 4.5). */
	{ "ipv6: options in the fragmented part do not join", { UDP6(.exts = 2, .ext = { 44, 60 }, .frag = 1, .id = 7),
	  UDP6(.exts = 1, .ext = { 44 }, .frag = 16, .id = 7, .proto = 60) }, 2, KEY(.ip = 6), .slots = 2, .orphans = 1 },

	/* transport */
	{ "tcp", { TCP() }, TCP_KEY(), .flags = ACK, .no_flags = FLOW_SYN_SEEN | FLOW_INITIATOR_B | FLOW_CLIENT_SEQ },
	{ "tcp: ipv6", { TCP(.ip = 6, .tcp_opts = 12) }, TCP_KEY(.ip = 6) },
	{ "tcp: offset of 4 words", { TCP(.doff = 4, .flags = SYN) }, TCP_KEY(), .no_flags = FLOW_SYN_SEEN | 0xff },
	{ "tcp: offset beyond the packet", { TCP(.doff = 15, .flags = SYN) }, TCP_KEY(), .no_flags = FLOW_SYN_SEEN | 0xff },
	{ "tcp: handshake", { TCP(.flags = SYN), BACK(.flags = SYN | ACK), TCP() }, 3, .sent = 2, TCP_KEY(.frames = { 2, 1 }),
	  .flags = SYN | ACK | (SYN | ACK) << 8 | FLOW_SYN_SEEN | FLOW_CLIENT_SEQ, .no_flags = FLOW_INITIATOR_B },
	{ "tcp: SYN-ACK seen first", { BACK(.flags = SYN | ACK), TCP() }, 2, .sent = 1, TCP_KEY(.frames = { 1, 1 }),
	  .flags = FLOW_SYN_SEEN, .no_flags = FLOW_INITIATOR_B },
	{ "tcp: SYN-ACK received first", { BACK(.flags = SYN | ACK), TCP() }, 2, .sent = 2, .class = BOOK_FLOW,
	  .key = { 2, 1, 6, 4, 443, 40000, .frames = { 1, 1 } }, .flags = FLOW_SYN_SEEN | FLOW_INITIATOR_B },
	{ "tcp: SYN sent", { TCP(.flags = SYN) }, .sent = 1, .class = BOOK_FLOW, .key = { 2, 1, 6, 4, 443, 40000, .frames = { 0, 1 } },
	  .flags = FLOW_SYN_SEEN | FLOW_INITIATOR_B },
	{ "tcp: closed, late ACK", { TCP(.flags = FIN | ACK), TCP() }, 2, TCP_KEY(.frames = { 2 }) },
	{ "tcp: ports used again after RST", { TCP(.flags = SYN), BACK(.flags = RST), TCP(.flags = SYN) }, 3, .sent = 2,
	  TCP_KEY(), .dead = 1, .flags = SYN, .no_flags = RST << 8 },
	{ "tcp: ports used again after FIN", { TCP(.flags = FIN | ACK), TCP(.flags = SYN), TCP() }, 3, TCP_KEY(.frames = { 2 }), .dead = 1 },
	{ "tcp: SYN-ACK does not use them again", { TCP(.flags = FIN | ACK), BACK(.flags = SYN | ACK) }, 2, .sent = 2,
	  TCP_KEY(.frames = { 1, 1 }) },
	{ "tcp: SYN again is the same flow", { TCP(.flags = SYN), TCP(.flags = SYN) }, 2, TCP_KEY(.frames = { 2 }) },
	{ "udp: both directions", { UDP(), { .ip = 4, .a = 2, .b = 1, .proto = 17, .sport = 443, .dport = 40000 } }, 2, .sent = 2,
	  KEY(.frames = { 1, 1 }) },
	{ "udp: hairpin makes two flows", { UDP(), UDP() }, 2, .sent = 2, KEY(), .slots = 2 },
	{ "udp-lite", { UDP(.proto = 136) }, KEY(.proto = 136) },
	{ "sctp", { UDP(.proto = 132) }, KEY(.proto = 132) },
	{ "icmp", { UDP(.proto = 1) }, KEY(.proto = 1, NO_PORTS) },
	{ "icmpv6", { UDP6(.proto = 58) }, KEY(.ip = 6, .proto = 58, NO_PORTS) },
	{ "gre", { UDP(.proto = 47, .payload_len = 60) }, KEY(.proto = 47, NO_PORTS) },
	{ "esp", { UDP6(.proto = 50, .payload_len = 60) }, KEY(.ip = 6, .proto = 50, NO_PORTS) },

	/* mirror ports: the lower address is a, whoever came first */
	{ "mirror: a first", { UDP(), { .ip = 4, .a = 2, .b = 1, .proto = 17, .sport = 443, .dport = 40000 } }, 2,
	  .port_flags = PORT_MIRROR, KEY(.frames = { 1, 1 }), .flags = FLOW_MIRROR, .no_flags = FLOW_INITIATOR_B | FLOW_MAC_B },
	{ "mirror: b first", { BACK(.flags = SYN), TCP(.flags = SYN | ACK), TCP() }, 3, .port_flags = PORT_MIRROR,
	  TCP_KEY(.frames = { 2, 1 }), .flags = FLOW_MIRROR | FLOW_INITIATOR_B | FLOW_MAC_B },
	{ "mirror: SYN-ACK of b first", { BACK(.flags = SYN | ACK), TCP() }, 2, .port_flags = PORT_MIRROR,
	  TCP_KEY(.frames = { 1, 1 }), .flags = FLOW_MIRROR | FLOW_MAC_B, .no_flags = FLOW_INITIATOR_B },
	{ "mirror: what the port itself sends counts as received", { UDP(), { .ip = 4, .a = 2, .b = 1, .proto = 17, .sport = 443,
	  .dport = 40000 } }, 2, .sent = 2, .port_flags = PORT_MIRROR, KEY(.frames = { 1, 1 }), .flags = FLOW_MIRROR },
	{ "mirror: arp that the port itself sends", { { .type = ETH_P_ARP, .payload_len = 28 } }, .sent = 1,
	  .port_flags = PORT_MIRROR, .class = BOOK_ARP },
};

static __be32 address(uint8_t ip, uint8_t last, int word)
{
	if (ip == 4)
		return word == 3 ? htonl(0x0a000000u | last) : word == 2 ? htonl(0xffff) : 0;
	return word == 3 ? htonl(last) : word == 0 ? htonl(0x20010db8) : 0;
}

static struct flow_key row_key(const struct row *r, bool exchanged)
{
	struct flow_key key = {
		.a_port = htons(exchanged ? r->key.b_port : r->key.a_port),
		.b_port = htons(exchanged ? r->key.a_port : r->key.b_port),
		.proto = r->key.proto, .ip_version = r->key.ip, .port = PORT,
		.vlan = { r->key.vlan[0], r->key.vlan[1] }, .pppoe_session = r->key.session,
	};

	for (int i = 0; i < 4; i++) {
		key.a_addr[i] = address(r->key.ip, exchanged ? r->key.b : r->key.a, i);
		key.b_addr[i] = address(r->key.ip, exchanged ? r->key.a : r->key.b, i);
	}
	return key;
}

static void check_slot(const struct row *r, const struct flow_slot *slot, bool exchanged)
{
	unsigned int want[2] = { r->key.frames[0] + !(r->key.frames[0] | r->key.frames[1]), r->key.frames[1] };
	uint32_t flags = slot->flags;
	const uint8_t *mac = slot->mac;

	if (exchanged)	/* seen from the other side */
		flags = (flags & 0xff) << 8 | (flags >> 8 & 0xff) | ((flags & ~0xffffu) ^ FLOW_INITIATOR_B);
	EXPECT("frames from a", slot->count[exchanged] & COUNT_FRAMES_MASK, want[0]);
	EXPECT("frames from b", slot->count[!exchanged] & COUNT_FRAMES_MASK, want[1]);
	if (r->flags & ~flags || r->no_flags & flags)
		wrong("flags are %#x, with %#x and without %#x wanted", flags, r->flags, r->no_flags);
	if (!(r->port_flags & PORT_RAW_IP))
		EXPECT("peer's MAC", mac[0] << 8 | mac[5], 0x02aa + 0x11 * (exchanged != (r->sent & 1)));
	else
		EXPECT("peer's MAC", mac[0] << 8 | mac[5], 0);
}

/* Received frames through @rx; with @exchanged received ones are sent and sent ones received. */
static void run_row(const struct row *r, enum dataplane_program rx, bool exchanged)
{
	static struct frame_bytes f;
	struct flow_key key = row_key(r, exchanged);
	unsigned int n = r->n ? r->n : 1, live = 0, dead = 0, found = 0;
	struct books before, after;
	uint64_t bytes = 0;
	int dir = 0;

	reset(r->port_flags);
	for (unsigned int i = 0; i < n; i++) {
		bool sent = exchanged != !!(r->sent & 1u << i);

		dir = sent && !(r->port_flags & PORT_MIRROR) ? DIR_TX : DIR_RX;
		packet_make(&f, &r->frame[i]);
		read_books(PORT, &before);
		run_frame(sent ? PROGRAM_TX_TC : rx, &f);
		read_books(PORT, &after);
		EXPECT("frames seen", after.dir[dir].seen.frames - before.dir[dir].seen.frames, 1);
		EXPECT("bytes seen", after.dir[dir].seen.bytes - before.dir[dir].seen.bytes, f.len);
		bytes += f.len;
	}
	for (int class = 0; class < BOOK_N; class++)
		EXPECT("frames of a class", after.dir[dir].class[class].frames - before.dir[dir].class[class].frames,
		       class == (int)r->class);
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct flow_slot *slot = slot_at(i);

		live += !!(slot->tag & TAG_LIVE);
		dead += !!(slot->tag & TAG_DEAD);
		if (!(slot->tag & TAG_LIVE) || !key_equal(&slot->key, &key))
			continue;
		found++;
		check_slot(r, slot, exchanged);
		if (r->slots <= 1 && !r->dead)
			EXPECT("bytes", slot->bytes[0] + slot->bytes[1], bytes);
	}
	EXPECT("live slots", live, r->slots ? r->slots : r->class == BOOK_FLOW);
	EXPECT("dead slots", dead, r->dead);
	EXPECT("slots with the row's key", found, r->class == BOOK_FLOW);
	EXPECT("orphan fragments", read_stat(STAT_FRAGMENT_ORPHAN), r->orphans);
	EXPECT("frames on an unknown port", read_stat(STAT_UNKNOWN_PORT), 0);
	check_sum();
	if (!row_good)
		printf("# with %s%s\n", hook_names[rx], exchanged ? ", received and sent exchanged" : "");
}

static void test_row(const struct row *r)
{
	static struct snapshot xdp, tc;
	static struct frame_bytes first;

	row_good = true;
	run_row(r, PROGRAM_RX_XDP, false);
	take_snapshot(&xdp);
	packet_make(&first, &r->frame[0]);
	if (!tc_takes(first.b, first.len)) {
		row_end(r->name);
		return;
	}
	run_row(r, PROGRAM_RX_TC, false);
	take_snapshot(&tc);
	if (memcmp(&xdp, &tc, sizeof(xdp)))
		wrong("xdp and tc leave different maps behind");
	if (!(r->port_flags & PORT_MIRROR))
		run_row(r, PROGRAM_RX_TC, true);
	row_end(r->name);
}

/* Each length of some frames: the class that parse_frame() says on the host, by every hook that takes it. */
static void test_each_length(void)
{
	static const struct packet_spec specs[] = {
		TCP(.opts = 8, .tcp_opts = 8), TCP(.ip = 6), UDP6(.exts = 3, .ext = { 0, 44, 60 }, .ext_words = 1),
		UDP(.vlans = 3, .tpid = 0x88a8), UDP6(.pppoe = 1), UDP(.labels = 5),
		UDP6(.vlans = 4, .pppoe = 1, .labels = 6), { .type = ETH_P_ARP, .payload_len = 28 },
	};
	static struct frame_bytes f;
	struct books books;

	row_good = true;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		packet_make(&f, &specs[i]);
		for (size_t len = 14; len <= f.len; len++)
			for (int hook = 0; hook < PROGRAMS; hook++) {
				struct cursor c = { f.b, f.b, f.b + len };
				struct packet pkt;
				enum book_class want = model_class(parse_frame(&c, 0, 0, &pkt));

				if (hook != PROGRAM_RX_XDP && !tc_takes(f.b, len))
					continue;
				reset(0);
				run_bytes((enum dataplane_program)hook, f.b, len, NULL);
				read_books(PORT, &books);
				for (int class = 0; class < BOOK_N; class++)
					EXPECT("frames of a class", books.dir[hook == PROGRAM_TX_TC].class[class].frames,
					       class == (int)want);
				check_sum();
			}
	}
	row_end("each length: the same class on the host and on every hook");
}

/* ---- segmentation offload: what one skb is on the wire ---- */

static const struct gso_row {
	const char *name;
	struct packet_spec frame;
	struct gso gso;
	unsigned int frames, bytes, overhead;
} gso_rows[] = {
	{ "gso: three segments", TCP(.payload_len = 3000), { 1000, 3 }, 3, 3 * 1054, 3 * 14 },
	{ "gso: last one short", TCP(.payload_len = 2001), { 1000, 3 }, 3, 2001 + 3 * 54, 3 * 14 },
	{ "gso: options are repeated", TCP(.payload_len = 3000, .tcp_opts = 12, .opts = 4), { 1000, 3 }, 3, 3 * 1070, 3 * 14 },
	{ "gso: tags are repeated", TCP(.payload_len = 2000, .vlans = 2), { 1000, 2 }, 2, 2 * 1062, 2 * 22 },
	{ "gso: ipv6", TCP(.ip = 6, .payload_len = 2000), { 1000, 2 }, 2, 2 * 1074, 2 * 14 },
	{ "gso: udp", UDP(.payload_len = 2400), { 1200, 2 }, 2, 2 * 1242, 2 * 14 },
	{ "gso: segments not counted", TCP(.payload_len = 2001), { 1000, 0 }, 3, 2001 + 3 * 54, 3 * 14 },
	{ "gso: not counted, udp", UDP(.payload_len = 2400), { 1200, 0 }, 2, 2 * 1242, 2 * 14 },
	{ "gso: one segment", TCP(.payload_len = 900), { 1000, 1 }, 1, 954, 14 },
	{ "gso: one segment, not counted", TCP(.payload_len = 900), { 1000, 0 }, 1, 954, 14 },
	{ "gso: total length 0", TCP(.payload_len = 2000, .ip_len = -1), { 1000, 2 }, 2, 2 * 1054, 2 * 14 },
	{ "gso: count without size", TCP(.payload_len = 900), { 0, 3 }, 1, 954, 14 },
};

static void test_gso(const struct gso_row *r)
{
	static struct frame_bytes f;

	row_good = true;
	packet_make(&f, &r->frame);
	for (int hook = PROGRAM_RX_TC; hook <= PROGRAM_TX_TC; hook++) {
		struct books books;
		int dir = hook == PROGRAM_TX_TC ? DIR_TX : DIR_RX;
		unsigned int slots = 0;

		reset(0);
		run_bytes(hook, f.b, f.len, &r->gso);
		read_books(PORT, &books);
		EXPECT("frames seen", books.dir[dir].seen.frames, r->frames);
		EXPECT("bytes seen", books.dir[dir].seen.bytes, r->bytes);
		EXPECT("frames beyond the one packet", books.dir[dir].joined.frames, r->frames - 1);
		EXPECT("bytes beyond it", books.dir[dir].joined.bytes, r->bytes - f.len);
		for (uint32_t i = 0; i < SLOTS; i++) {
			const struct flow_slot *slot = slot_at(i);

			if (!slot->tag)
				continue;
			slots++;
			EXPECT("frames", slot->count[dir] & COUNT_FRAMES_MASK, r->frames);
			EXPECT("overhead", slot->count[dir] >> COUNT_FRAMES_BITS, r->overhead);
			EXPECT("bytes", slot->bytes[dir], r->bytes);
		}
		EXPECT("slots", slots, 1);
		check_sum();
	}
	row_end(r->name);
}

/* ---- the table ---- */

static void make_udp(struct frame_bytes *f, uint32_t i, uint8_t proto)
{
	PACKET_MAKE(f, .ip = 4, .a = (uint8_t)i, .b = (uint8_t)(i >> 8), .proto = proto, .sport = (uint16_t)(i * 7),
		    .dport = (uint16_t)(i >> 4), .flags = SYN, .payload_len = 30);
}

static void test_table_full(enum dataplane_program hook)
{
	static const uint8_t protos[4] = { 6, 17, 132, 136 };
	static struct flow_bucket before[BUCKETS];
	static struct frame_bytes f;
	const int dir = hook == PROGRAM_TX_TC ? DIR_TX : DIR_RX;
	unsigned int used = 0, refused[4] = { 0 };
	struct books books;

	row_good = true;
	reset(0);
	for (uint32_t i = 0; i < 4 * SLOTS; i++) {
		make_udp(&f, i, protos[i % 4]);
		run_frame(hook, &f);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		used += !!slot_at(i)->tag;
		EXPECT("frames of a flow", slot_at(i)->count[dir] & COUNT_FRAMES_MASK, slot_at(i)->tag != 0);
	}
	EXPECT("slots used", used, SLOTS);
	check_sum();
	memcpy(before, flows, sizeof(before));
	read_books(PORT, &books);
	EXPECT("table_full", books.dir[dir].class[BOOK_TABLE_FULL].frames, 3 * SLOTS);
	for (uint32_t i = 0; i < 4 * SLOTS; i++) {	/* again: who has a slot is found, who has none is refused */
		make_udp(&f, i, protos[i % 4]);
		run_frame(hook, &f);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct flow_slot *was = &before[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

		if (memcmp(&was->key, &slot_at(i)->key, sizeof(was->key)))
			wrong("slot %u went to another flow", i);
		EXPECT("frames of a flow", slot_at(i)->count[dir] & COUNT_FRAMES_MASK, 2);
		refused[was->key.proto == 6 ? 0 : was->key.proto == 17 ? 1 : 3]++;
	}
	PACKET_MAKE(&f, .ip = 6, .proto = 58, .payload_len = 20);
	run_frame(hook, &f);
	check_sum();
	read_books(PORT, &books);
	EXPECT("table_full: tcp", books.dir[dir].table_full.proto[0].frames, 2 * (SLOTS - refused[0]));
	EXPECT("table_full: udp", books.dir[dir].table_full.proto[1].frames, 2 * (SLOTS - refused[1]));
	EXPECT("table_full: icmp", books.dir[dir].table_full.proto[2].frames, 1);
	EXPECT("table_full: icmp bytes", books.dir[dir].table_full.proto[2].bytes, f.len);
	EXPECT("table_full: other", books.dir[dir].table_full.proto[3].frames, 2 * (2 * SLOTS - refused[3]));
	EXPECT("frames of the other direction", books.dir[!dir].seen.frames, 0);
	ring_buffer__consume(ring);
	EXPECT("events: one a CPU and second", events >= 1 && events <= 10u * (unsigned int)cpus, 1);
	EXPECT("event type", last_event.type, EVENT_TABLE_FULL);
	EXPECT("event port", last_event.port, PORT);
	EXPECT("event direction", last_event.dir, (unsigned int)dir);
	EXPECT("event protocol is one of these", last_event.proto == 58 || memchr(protos, last_event.proto, 4), 1);
	row_end(hook == PROGRAM_RX_XDP ? "table full: xdp rx" : hook == PROGRAM_RX_TC ? "table full: tc rx" : "table full: tc tx");
}

/* The next flow from @i on of which the first bucket is @bucket, and the first place in it, unless -1, @home. */
static uint32_t next_of_bucket(uint32_t i, uint32_t bucket, int home, struct frame_bytes *f)
{
	for (;; i++) {
		struct cursor c = { f->b, f->b, f->b };
		struct packet pkt;
		struct flow_key key;
		uint64_t hash;

		make_udp(f, i, 17);
		c.end = f->b + f->len;
		parse_frame(&c, 0, 0, &pkt);
		key_make(&pkt, PORT, 0, DIR_RX, &key);
		hash = key_hash(&key, SEED);
		if ((hash >> 3 & (BUCKETS - 1)) == bucket && (home < 0 || (int)(hash & (BUCKET_SLOTS - 1)) == home))
			return i;
	}
}

static void test_two_buckets(void)
{
	static struct frame_bytes f;
	static struct snapshot xdp, tc;

	row_good = true;
	for (enum dataplane_program hook = PROGRAM_RX_XDP; hook <= PROGRAM_RX_TC; hook++) {
		unsigned int here = 0, alt = 0;

		reset(0);
		for (uint32_t round = 0; round < 3; round++)
			for (uint32_t n = 0, i = 0; n < 12; n++, i++) {
				i = next_of_bucket(i, 77, -1, &f);
				run_frame(hook, &f);
				check_sum();
			}
		for (uint32_t i = 0; i < SLOTS; i++)
			if (slot_at(i)->tag) {
				here += i / BUCKET_SLOTS == 77;
				alt += !!(slot_at(i)->flags & FLOW_ALT);
				EXPECT("frames of a flow", slot_at(i)->count[0] & COUNT_FRAMES_MASK, 3);
			}
		EXPECT("flows in their first bucket", here, BUCKET_SPILL);
		EXPECT("flows in their second bucket", alt, 12 - BUCKET_SPILL);
		EXPECT("spill", flows[77].slot[0].summary / SUMMARY_SPILL, 12 - BUCKET_SPILL);
		take_snapshot(hook == PROGRAM_RX_XDP ? &xdp : &tc);
	}
	if (memcmp(&xdp, &tc, sizeof(xdp)))
		wrong("xdp and tc leave different maps behind");
	row_end("two buckets: spilled flows are found again");
}

static void test_counter_full(void)
{
	static struct frame_bytes f;

	row_good = true;
	make_udp(&f, 1, 17);
	for (int hook = 0; hook < PROGRAMS; hook++) {
		const int dir = hook == PROGRAM_TX_TC ? DIR_TX : DIR_RX;
		struct flow_slot *slot = NULL;
		struct books books;

		reset(0);
		run_frame(hook, &f);
		for (uint32_t i = 0; i < SLOTS; i++)
			if (slot_at(i)->tag)
				slot = slot_at(i);
		if (!slot) {
			wrong("no slot");
			break;
		}
		slot->count[dir] += COUNT_FULL - 2;
		run_frame(hook, &f);	/* the last one that fits */
		EXPECT("frames", slot->count[dir] & COUNT_FRAMES_MASK, COUNT_FULL);
		run_frame(hook, &f);
		EXPECT("frames", slot->count[dir] & COUNT_FRAMES_MASK, COUNT_FULL);
		EXPECT("bytes", slot->bytes[dir], 2 * f.len);
		read_books(PORT, &books);
		EXPECT("seen", books.dir[dir].seen.frames, 3);
		EXPECT("counter_full", books.dir[dir].class[BOOK_COUNTER_FULL].frames, 1);
		EXPECT("counter_full bytes", books.dir[dir].class[BOOK_COUNTER_FULL].bytes, f.len);
		slot->count[dir] = 0;	/* taken: it goes on */
		run_frame(hook, &f);
		EXPECT("frames", slot->count[dir] & COUNT_FRAMES_MASK, 1);
	}
	row_end("counter full");
}

static void test_ports(void)
{
	static struct frame_bytes f;
	struct books books;

	row_good = true;
	make_udp(&f, 1, 17);
	for (int hook = 0; hook < PROGRAMS; hook++) {
		const int dir = hook == PROGRAM_TX_TC ? DIR_TX : DIR_RX;

		reset(0);
		ports[1].ifindex = 0;
		run_frame(hook, &f);
		EXPECT("unknown_port", read_stat(STAT_UNKNOWN_PORT), 1);
		ports[1 + PORT_PROBES] = (struct port_conf){ .ifindex = 1, .port = PORT };	/* one too far */
		run_frame(hook, &f);
		EXPECT("unknown_port", read_stat(STAT_UNKNOWN_PORT), 2);
		read_books(PORT, &books);
		EXPECT("seen", books.dir[dir].seen.frames, 0);
		ports[1] = (struct port_conf){ .ifindex = 1 + PORT_HASH, .port = 9 };
		ports[PORT_PROBES] = (struct port_conf){ .ifindex = 1, .port = PORTS_MAX - 1 };
		run_frame(hook, &f);
		EXPECT("unknown_port", read_stat(STAT_UNKNOWN_PORT), 2);
		read_books(PORTS_MAX - 1, &books);
		EXPECT("seen on the last port", books.dir[dir].seen.frames, 1);
		check_sum();
	}
	row_end("ports: unknown, and in the last place");
}

/* ---- two CPUs at once ---- */

#define THREADS		2
#define SAME_ROUNDS	6
#define SAME		300000	/* long enough to overlap where other work has the CPUs */

static struct frame_bytes shared_frames[64];
static pthread_barrier_t barrier;

static void *count_the_same(void *arg)
{
	const struct frame_bytes *f = &shared_frames[0];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->b, .data_size_in = (__u32)f->len, .repeat = SAME);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)arg, &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_barrier_wait(&barrier);	/* the run is long: waking up does not matter */
	return bpf_prog_test_run_opts(prog_fd[PROGRAM_RX_XDP], &run) ? arg : NULL;
}

static void two_threads(void *(*run)(void *))
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	for (long i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

static void test_two_cpus(void)
{
	uint64_t frames = 0;

	row_good = true;
	reset(0);
	make_udp(&shared_frames[0], 1, 17);
	for (int round = 0; round < SAME_ROUNDS; round++)
		two_threads(count_the_same);
	for (uint32_t i = 0; i < SLOTS; i++)	/* in one slot, or in two twins */
		frames += slot_at(i)->count[0] & COUNT_FRAMES_MASK;
	EXPECT("frames", frames, (uint64_t)THREADS * SAME * SAME_ROUNDS);
	check_sum();
	row_end("two CPUs: both count in one flow");
}

#define COPIES_EACH	100

static void *copy_mine(void *arg)
{
	const struct frame_bytes *f = &shared_frames[(long)arg];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->b, .data_size_in = (__u32)f->len, .repeat = COPIES_EACH);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)arg, &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_barrier_wait(&barrier);
	return bpf_prog_test_run_opts(prog_fd[PROGRAM_RX_XDP], &run) ? arg : NULL;
}

/* What one packet needs while it is looked at is each CPU's own. */
static void test_two_copies(void)
{
	static uint8_t payload[THREADS][1500];
	unsigned int n[THREADS] = { 0 };

	row_good = true;
	for (int i = 0; i < THREADS; i++) {
		memset(payload[i], 'a' + i, sizeof(payload[i]));
		PACKET_MAKE(&shared_frames[i], .ip = 4, .a = (uint8_t)i, .b = 9, .proto = 17, .sport = 40000, .dport = 53,
			    .payload = payload[i], .payload_len = sizeof(payload[i]));
	}
	for (int round = 0; round < 20 && row_good; round++) {
		reset(0);
		memset(n, 0, sizeof(n));
		two_threads(copy_mine);
		hear();
		for (unsigned int at = 0; at < copies && at < HEARD_MAX; at++) {
			const unsigned int self = heard_bytes[at][0] - 'a';
			struct copied want = { .proto = 17, .len = sizeof(payload[0]), .left = sizeof(payload[0]),
					       .bytes = payload[self % THREADS], .slot = heard[at].event.slot };

			check_copy(&heard[at], heard_bytes[at], &want, 0);
			EXPECT("address of the flow", slot_at(heard[at].event.slot % SLOTS)->key.a_addr[3], htonl(0x0a000000 | self));
			n[self % THREADS]++;
		}
		for (int i = 0; i < THREADS; i++)
			EXPECT("copies of one CPU", n[i], COPIES_EACH);
	}
	row_end("two CPUs: copies side by side");
}

#define CLAIM_ROUNDS	30000
#define CLAIM_SECONDS	2	/* where other work has the CPUs */

static unsigned int claim_arrived, claim_shared, claim_stop;

/* All threads at the same instruction, nearly: a barrier that sleeps would let them go one by one. */
static void meet(unsigned int nth)
{
	__atomic_add_fetch(&claim_arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&claim_arrived, __ATOMIC_SEQ_CST) < nth * THREADS)
		;
}

/* Each thread claims for flows of its own, in one bucket, at the same time: every flow gets a slot of its own. */
static void *claim_side_by_side(void *arg)
{
	const long self = (long)arg;
	unsigned int nth = 0;
	const time_t end = time(NULL) + CLAIM_SECONDS;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(self, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int round = 0; round < CLAIM_ROUNDS && !claim_stop; round++) {
		const struct frame_bytes *f = &shared_frames[self];
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->b, .data_size_in = (__u32)f->len, .repeat = 1);

		meet(++nth);
		bpf_prog_test_run_opts(prog_fd[PROGRAM_RX_XDP], &run);
		if (!self)
			claim_stop = time(NULL) > end;
		meet(++nth);
		if (self)
			continue;
		for (int i = 0, used = 0; i <= BUCKET_SLOTS; i++) {
			if (i < BUCKET_SLOTS)
				used += !!flows[33].slot[i].tag;
			else if (used != THREADS)
				claim_shared++;
		}
		memset(&flows[33], 0, sizeof(flows[33]));
	}
	return NULL;
}

static void test_two_claims(void)
{
	row_good = true;
	reset(0);
	for (uint32_t i = 0, n = 0; n < THREADS; i++, n++)
		i = next_of_bucket(i, 33, 4, &shared_frames[n]);
	if (cpus < THREADS || sysconf(_SC_NPROCESSORS_ONLN) < THREADS) {
		printf("ok %u - two CPUs: claims side by side # SKIP there is only one\n", ++row_number);
		return;
	}
	two_threads(claim_side_by_side);
	EXPECT("rounds in which two flows shared a slot", claim_shared, 0);
	EXPECT("frames counted", read_stat(STAT_UNKNOWN_PORT), 0);
	printf("# %llu claims lost and tried again\n", (unsigned long long)read_stat(STAT_CLAIM_LOST));
	row_end("two CPUs: claims side by side");
}

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void test_all(void)
{
	for (size_t i = 0; i < LENGTH(rows); i++)
		test_row(&rows[i]);
	test_each_length();
	for (size_t i = 0; i < LENGTH(gso_rows); i++)
		test_gso(&gso_rows[i]);
	for (int hook = 0; hook < PROGRAMS; hook++)
		test_table_full(hook);
	test_two_buckets();
	test_counter_full();
	test_ports();
	test_hellos();
	test_copies();
	test_tcp();
	test_quic();
	test_two_cpus();
	test_two_copies();
	test_two_claims();
	test_model();
	test_wire();
}

static void rows_close(void)
{
	ring_buffer__free(ring);
	dataplane_close(dp);
}

int main(void)
{
	const char *object = getenv("WEIR_OBJECT");
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (geteuid() != 0) {
		printf("1..0 # SKIP loading BPF programs needs root\n");
		return 0;
	}
	if (n < 0 || unshare(CLONE_NEWNET)) {
		printf("1..0 # SKIP no network namespace of its own: %s\n", strerror(errno));
		return 0;
	}
	path[n] = 0;
	strcpy(strstr(path, "/tests/bpf/"), "/weir.bpf.o");	/* built two directories above this program */
	row_good = rows_open(object ? object : path);
	row_end("the verifier accepts the programs");
	if (row_good) {
		test_all();
		rows_close();
	}
	rows_new_interval_ns = 1000000000000;	/* none is due again while the test runs */
	row_good = rows_open(object ? object : path);
	row_end("the same with a limit to new flows");
	if (row_good) {
		test_new_limit(PROGRAM_RX_XDP);
		test_new_limit(PROGRAM_TX_TC);
		rows_close();
	}
	printf("1..%u\n", row_number);
	return failed != 0;
}
