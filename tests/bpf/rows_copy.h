/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows_copy - rows of test_rows about payload copies: what user space gets of which frame, and what not. A table of
 * single frames, which every hook runs; then what takes more than one frame.
 */
#pragma once

#include <sys/epoll.h>
#include <time.h>

#include "rows_hello.h"

#define COPY_CHUNKS	8	/* of a packet; what is behind them is told by left */
#define DATA_BYTES	19000

static uint8_t data[DATA_BYTES];

#define TCP4(...) { .ip = 4, .a = 1, .b = 2, .proto = 6, .sport = 40000, .dport = 80, .flags = PSH | ACK, .seq = 77, \
		    .ack = 99, __VA_ARGS__ }
#define UDP4(...) { .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 443, .payload_len = 9, __VA_ARGS__ }
#define ICMP6(type_, ...) { .ip = 6, .a = 1, .b = 2, .proto = 58, .payload = (const uint8_t[24]){ type_ }, .payload_len = 24, \
			    __VA_ARGS__ }
#define NONE .len = 0	/* nothing is copied */
#define ARP(...) { .type = ETH_P_ARP, .payload = "\0\1\10\0\6\4\0\1..sender1234target567890", .payload_len = 28, __VA_ARGS__ }

static const struct copy_row {
	const char *name;
	struct packet_spec frame;
	uint32_t len;		/* copied */
	uint32_t left;		/* 0: as len */
	uint32_t seq;
	uint16_t vlan, port_flags;
	bool xdp_only;		/* test_run makes no such skb */
} copy_rows[] = {
	{ "tcp", TCP4(.payload_len = 9), .len = 9, .seq = 77 },
	{ "tcp: one byte", TCP4(.payload_len = 1), .len = 1, .seq = 77 },
	{ "tcp: options, ipv6", TCP4(.ip = 6, .exts = 1, .ext = { 60 }, .tcp_opts = 12, .payload_len = 9), .len = 9, .seq = 77 },
	{ "tcp: in the SYN, which takes a number", TCP4(.flags = SYN, .payload_len = 9), .len = 9, .seq = 78 },
	{ "tcp: bare ACK", TCP4(), NONE },
	{ "tcp: padding is no payload", TCP4(.pad = 6), NONE },
	{ "tcp: payload and padding", TCP4(.payload_len = 3, .pad = 3), .len = 3, .seq = 77 },
	{ "tcp: the IP packet ends in the header", TCP4(.payload_len = 9, .ip_len = 39), NONE },
	{ "tcp: the IP packet ends behind the header", TCP4(.payload_len = 9, .ip_len = 40), NONE },
	{ "tcp: offset of 4 words", TCP4(.payload_len = 9, .doff = 4), NONE },
	{ "tcp: offset beyond the packet", TCP4(.payload_len = 9, .doff = 15), NONE },
	{ "tcp: snapped", TCP4(.payload_len = 30, .ip_len = 1500), .len = 30, .left = 1460, .seq = 77 },
	{ "tcp: snapped behind the header", TCP4(.ip_len = 1500), NONE },
	{ "udp", UDP4(), .len = 9 },
	{ "udp: ipv6", UDP4(.ip = 6, .exts = 2, .ext = { 0, 60 }), .len = 9 },
	{ "udp: header alone", UDP4(.payload_len = 0), NONE },
	{ "udp: header and padding", UDP4(.payload_len = 0, .pad = 18), NONE },
	{ "udp: payload and padding", UDP4(.payload_len = 1, .pad = 17), .len = 1 },
	{ "udp: the IP packet ends in the header", UDP4(.ip_len = 27), NONE },
	{ "udp: the IP packet ends behind the header", UDP4(.ip_len = 28), NONE },
	{ "udp: the IP packet has one byte more", UDP4(.ip_len = 29), .len = 1 },
	{ "udp: length 0", UDP4(.ip_len = -1), NONE },
	{ "udp: snapped", UDP4(.payload_len = 30, .ip_len = 1500), .len = 30, .left = 1472 },
	{ "udp: first fragment", UDP4(.frag = IP_MF, .payload_len = 64), .len = 64 },
	{ "udp: later fragment", UDP4(.frag = 8, .payload_len = 64), NONE },
	{ "udp: first fragment, ipv6", UDP4(.ip = 6, .exts = 1, .ext = { 44 }, .frag = 1, .payload_len = 64), .len = 64 },
	{ "udp: later fragment, ipv6", UDP4(.ip = 6, .exts = 1, .ext = { 44 }, .frag = 64, .payload_len = 64), NONE },
	{ "udp-lite", UDP4(.proto = 136), NONE },
	{ "sctp", UDP4(.proto = 132, .payload_len = 40), NONE },
	{ "icmp", UDP4(.proto = 1, .payload_len = 40), NONE },
	{ "gre", UDP4(.proto = 47, .payload_len = 40), NONE },
	{ "vlan", UDP4(.vlans = 1, .vlan = { 0x2009 }), .len = 9, .vlan = 9 },
	{ "qinq", UDP4(.vlans = 2, .vlan = { 7, 8 }, .tpid = 0x88a8), .len = 9, .vlan = 7 },
	{ "pppoe", TCP4(.vlans = 1, .vlan = { 35 }, .pppoe = 1, .session = 5, .payload_len = 4), .len = 4, .seq = 77, .vlan = 35 },
	{ "mpls", UDP4(.labels = 3), .len = 9 },
	{ "raw ip", UDP4(.raw = 1), .len = 9, .port_flags = PORT_RAW_IP },
	{ "raw ip: tcp, ipv6", TCP4(.raw = 1, .ip = 6, .payload_len = 4), .len = 4, .seq = 77, .port_flags = PORT_RAW_IP },
	{ "mirror: a sends", UDP4(), .len = 9, .port_flags = PORT_MIRROR },
	{ "mirror: b sends", UDP4(.a = 3), .len = 9, .port_flags = PORT_MIRROR },
	{ "icmpv6: router solicitation", ICMP6(133), .len = 24 },
	{ "icmpv6: router advertisement", ICMP6(134), .len = 24 },
	{ "icmpv6: neighbour solicitation", ICMP6(135), .len = 24 },
	{ "icmpv6: neighbour advertisement", ICMP6(136), .len = 24 },
	{ "icmpv6: redirect", ICMP6(137), .len = 24 },
	{ "icmpv6: listener done", ICMP6(132), NONE },
	{ "icmpv6: router renumbering", ICMP6(138), NONE },
	{ "icmpv6: echo", ICMP6(128), NONE },
	{ "icmpv6: echo reply", ICMP6(129), NONE },
	{ "icmpv6: behind options, in a vlan", ICMP6(135, .exts = 1, .ext = { 0 }, .vlans = 1, .vlan = { 4 }), .len = 24, .vlan = 4 },
	{ "icmpv6: padding", ICMP6(135, .pad = 9), .len = 24 },
	{ "icmpv6: snapped", ICMP6(135, .ip_len = 100), .len = 24, .left = 100 },
	{ "icmpv6: type behind the IP packet", ICMP6(135, .exts = 1, .ext = { 0 }, .ip_len = 8), NONE },
	{ "icmpv6: the number has no meaning in ipv4", ICMP6(135, .ip = 4), NONE },
	{ "icmpv6: length 0", ICMP6(135, .ip_len = -1), NONE },
	{ "icmpv6: on a raw ip port", ICMP6(135, .raw = 1), .len = 24, .port_flags = PORT_RAW_IP },
	{ "arp", ARP(), .len = 28 },
	{ "arp: padded", ARP(.pad = 18), .len = 28 },
	{ "arp: too short", ARP(.payload_len = 27), NONE },
	{ "arp: nothing behind the link header", ARP(.payload_len = 0), NONE },
	{ "arp: vlan", ARP(.vlans = 1, .vlan = { 9 }), .len = 28, .vlan = 9 },
	{ "arp: vlan, too short", ARP(.vlans = 1, .vlan = { 9 }, .payload_len = 27), NONE },
	{ "arp: qinq", ARP(.vlans = 2, .vlan = { 7, 9 }), .len = 28, .vlan = 7 },
	{ "arp: mirror", ARP(), .len = 28, .port_flags = PORT_MIRROR },
	{ "arp: there is none on a raw ip port", ARP(), NONE, .port_flags = PORT_RAW_IP, .xdp_only = true },
	{ "not ip", { .type = 0x88cc, .payload_len = 50 }, NONE },
};

static void copy_row_run(const struct copy_row *r, int hook)
{
	const bool is_arp = r->frame.type == ETH_P_ARP;
	const bool back = r->port_flags & PORT_MIRROR ? r->frame.a > r->frame.b : hook == PROGRAM_TX_TC;
	static struct frame_bytes f;
	struct copied want = {
		.len = r->len, .left = r->left ? r->left : r->len, .seq = r->seq, .ack = r->frame.ack, .slot = COPY_NO_SLOT,
		.from_b = !is_arp && back, .proto = r->frame.proto, .vlan = r->vlan,
		.mac = r->port_flags & PORT_RAW_IP ? no_mac : NULL,
	};

	packet_make(&f, &r->frame);
	want.bytes = f.b + f.payload;
	reset(r->port_flags);
	run_frame(hook, &f);
	if (r->len && !is_arp)
		want.slot = slot_number(only_slot());
	hear();
	EXPECT("copies", copies, check_copied(0, &want));
	EXPECT("events", events, 0);
	if (r->len && !is_arp)
		EXPECT("copies of the flow", only_slot()->copies[back] << 8 | only_slot()->copies[!back], copies << 8);
	EXPECT("copy_lost", read_stat(STAT_COPY_LOST), 0);
	check_sum();
	if (!row_good)
		printf("# with %s\n", hook_names[hook]);
}

static const struct packet_spec copy_specs[] = { TCP4(.payload_len = 9), UDP4(.vlans = 1), ICMP6(136), ARP() };

/* A frame that ends early: as many bytes as there are; of ARP all or nothing. */
static void copy_each_length(int hook)
{
	static struct frame_bytes f;

	for (size_t i = 0; i < ARRAY_SIZE(copy_specs); i++) {
		packet_make(&f, &copy_specs[i]);
		for (size_t len = 14; len <= f.len; len++) {
			const bool is_arp = copy_specs[i].type == ETH_P_ARP;
			struct copied want = {
				.bytes = f.b + f.payload, .len = len > f.payload ? (uint32_t)(len - f.payload) : 0,
				.left = (uint32_t)(f.len - f.payload), .seq = copy_specs[i].seq, .ack = copy_specs[i].ack,
				.proto = copy_specs[i].proto, .slot = COPY_NO_SLOT,
			};

			if (hook != PROGRAM_RX_XDP && !tc_takes(f.b, len))
				continue;
			reset(0);
			run_bytes(hook, f.b, len, NULL);
			if (is_arp)
				want.len = len == f.len ? 28 : 0;
			else if (want.len)
				want.slot = slot_number(only_slot());
			hear();
			EXPECT("copies", copies, check_copied(0, &want));
			check_sum();
		}
	}
}

static void copy_both_sides(int hook)
{
	handshake(hook);
	check_tcp_copies();
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "hello there", 11);
	send_tcp(hook, 1, PSH | ACK, 1, "and back", 8);
	send_tcp(hook, 1, ACK, 9, NULL, 0);
	send_tcp(hook, 0, PSH | ACK, ISN + 12, "and on", 6);	/* over the end of the sequence numbers */
	send_tcp(hook, 0, PSH | ACK, ISN + 12, "and on", 6);	/* sent again: copied again */
	check_tcp_copies();
	EXPECT("copies of a", only_slot()->copies[0], 3);
	EXPECT("copies of b", only_slot()->copies[1], 1);
}

static void copy_off(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "hello there", 11);
	only_slot()->flags |= FLOW_COPY_OFF;
	tcp_copied = false;
	send_tcp(hook, 0, PSH | ACK, ISN + 12, "more", 4);
	send_tcp(hook, 1, PSH | ACK, 1, "more", 4);
	check_tcp_copies();
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 0);
}

/* Each side has its own count; the first packet beyond one of them ends the copies of both. */
static void copy_limit(int hook)
{
	handshake(hook);
	for (unsigned int i = 0; i < COPIES_MAX; i++) {
		send_tcp(hook, 0, PSH | ACK, ISN + 1 + 4 * i, "more", 4);
		if (i < COPIES_MAX - 1)
			send_tcp(hook, 1, PSH | ACK, 1 + i, "m", 1);
	}
	check_tcp_copies();
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 0);
	EXPECT("off", !!(only_slot()->flags & FLOW_COPY_OFF), 0);
	send_tcp(hook, 0, ACK, ISN + 1 + 4 * COPIES_MAX, NULL, 0);
	EXPECT("off by a bare ACK", !!(only_slot()->flags & FLOW_COPY_OFF), 0);
	tcp_copied = false;
	for (unsigned int i = 0; i < 3; i++) {
		send_tcp(hook, 0, PSH | ACK, ISN + 1 + 4 * (COPIES_MAX + i), "more", 4);
		EXPECT("off", !!(only_slot()->flags & FLOW_COPY_OFF), 1);
		send_tcp(hook, 1, PSH | ACK, COPIES_MAX, "m", 1);
	}
	check_tcp_copies();
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 1);
}

/* The packet that begins below the limit is copied whole. */
static void copy_limit_in_a_packet(int hook)
{
	handshake(hook);
	for (unsigned int i = 0; i < COPIES_MAX - 1; i++)
		send_tcp(hook, 0, PSH | ACK, ISN + 1 + i, data + i, 1);
	send_tcp(hook, 0, PSH | ACK, ISN + COPIES_MAX, data, 3000);
	check_tcp_copies();
	EXPECT("copies of a", only_slot()->copies[0], COPIES_MAX + 1);
	tcp_copied = false;
	send_tcp(hook, 0, PSH | ACK, ISN + COPIES_MAX + 3000, data, 1);
	check_tcp_copies();
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 1);
}

/* A router has passed it on, so it is none of this link: RFC 4861 11.2 */
static void copy_nd_hops(int hook)
{
	static struct frame_bytes f;

	for (unsigned int hops = 0; hops < 256; hops++) {
		PACKET_MAKE(&f, .ip = 6, .a = 1, .b = 2, .proto = 58, .payload = "\210", .payload_len = 1);
		f.b[f.l3 + 7] = (uint8_t)hops;
		run_frame(hook, &f);
		hear();
		EXPECT("copies", copies, hops == 255);
	}
}

static void send_datagrams(int hook, const struct packet_spec *spec, unsigned int n)
{
	static struct frame_bytes f;

	packet_make(&f, spec);
	forget();
	while (n--)
		run_frame(hook, &f);
	hear();
}

static void copy_limit_udp(int hook)
{
	static const uint16_t limited[] = { 0, 52, 54, 66, 69, 443, 545, 548, 5352, 5354, 5356 };

	for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
		struct packet_spec s = UDP4(.dport = limited[i], .vlans = 1, .vlan = { (uint16_t)(i + 1) });

		send_datagrams(hook, &s, COPIES_MAX + 3);
		EXPECT("copies", copies, COPIES_MAX);
		EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), i + 1);
	}
}

/* More than a count of 8 bits holds. Both ends, both protocols. */
static void copy_without_limit(int hook)
{
	static const uint16_t naming[] = { 53, 67, 68, 546, 547, 5353, 5355 };

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(naming); i++) {
		struct packet_spec s = UDP4(.vlans = 1, .vlan = { (uint16_t)(i + 1) });

		s.proto = i % 2 ? 6 : 17;
		*(i % 3 ? &s.sport : &s.dport) = naming[i / 2];
		send_datagrams(hook, &s, i ? COPIES_MAX + 3 : 300);
		EXPECT("copies", copies, i ? COPIES_MAX + 3 : 300);
	}
	send_datagrams(hook, &(struct packet_spec)ICMP6(135), COPIES_MAX + 3);
	EXPECT("copies: neighbour discovery", copies, COPIES_MAX + 3);
	send_datagrams(hook, &(struct packet_spec)ARP(), COPIES_MAX + 3);
	EXPECT("copies: arp", copies, COPIES_MAX + 3);
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 0);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Not the coarse clock, which stands still between two ticks: round trips are measured by it. */
static void copy_time(int hook)
{
	static struct frame_bytes f;

	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 53, .payload_len = 20);
	for (int i = 0; i < 50; i++) {
		const uint64_t before = clock_ns();

		run_frame(hook, &f);
		forget();
		hear();
		EXPECT("copies", copies, 1);
		EXPECT("time is not before the packet's", heard[0].event.time_ns >= before, 1);
		EXPECT("time is not behind it", heard[0].event.time_ns <= clock_ns(), 1);
	}
}

/* In chunks of 2 kB, at most as many as are looked at of a packet. */
static void copy_chunks(int hook)
{
	static const unsigned int sizes[] = { 2047, 2048, 2049, 3000, 4096, 4097, 9000, 16383, 16384, 16385, DATA_BYTES };
	static struct frame_bytes f;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int proto = 6; proto <= 17; proto += 11) {
			struct copied want = {
				.bytes = data, .len = MIN(sizes[i], COPY_CHUNKS * HELLO_CHUNK), .left = sizes[i],
				.proto = (uint8_t)proto, .seq = proto == 6 ? ISN : 0,
			};

			if (hook != PROGRAM_RX_XDP && sizes[i] >= TC_FRAME_MAX)
				continue;
			reset(0);
			PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = (uint8_t)proto, .flags = ACK, .seq = ISN,
				    .payload = data, .payload_len = sizes[i]);
			run_frame(hook, &f);
			want.slot = slot_number(only_slot());
			hear();
			EXPECT("copies", copies, check_copied(0, &want));
			EXPECT("copies", copies, (want.len + HELLO_CHUNK - 1) / HELLO_CHUNK);
			for (unsigned int at = 0; at < copies; at++)
				EXPECT("time of a later chunk", heard[at].event.time_ns, heard[0].event.time_ns);
		}
}

/* One skb of several segments is one packet here. */
static void copy_gso(int hook)
{
	static struct frame_bytes f;
	struct copied want = { .bytes = data, .len = 3000, .left = 3000, .seq = ISN, .proto = 6 };

	if (hook == PROGRAM_RX_XDP)
		return;
	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 6, .flags = ACK, .seq = ISN, .payload = data, .payload_len = 3000);
	run_bytes(hook, f.b, f.len, &(struct gso){ 1000, 3 });
	want.slot = slot_number(only_slot());
	hear();
	EXPECT("copies", check_copied(0, &want), 2);
	EXPECT("frames", only_slot()->count[0] & COUNT_FRAMES_MASK, 3);
}

/* The IP header does not say how long the packet is: only an skb can be believed. */
static void copy_length_zero(int hook)
{
	static struct frame_bytes f;
	struct copied want = { .bytes = data, .len = 2500, .left = 2500, .seq = 77, .proto = 6 };

	for (int ip = 4; ip <= 6; ip += 2) {
		reset(0);
		PACKET_MAKE(&f, .ip = ip, .a = 1, .b = 2, .proto = 6, .flags = ACK, .seq = 77, .ip_len = -1,
			    .payload = data, .payload_len = 2500);
		run_frame(hook, &f);
		want.slot = slot_number(only_slot());
		want.len = hook == PROGRAM_RX_XDP ? 0 : 2500;
		hear();
		EXPECT("copies", copies, check_copied(0, &want));
	}
}

/* Segments that a walk has had, in whole or in part: all is copied, and the walk goes on at the right byte. */
static void copy_overlap(int hook)
{
	const size_t cuts[][2] = { { 0, 60 }, { 0, 60 }, { 40, 61 }, { 0, 30 }, { 61, 62 }, { 59, hello_wire.len } };

	handshake(hook);
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		send_hello(hook, cuts[i][0], cuts[i][1]);
		EXPECT("name_status", only_slot()->name_status, i + 1 < ARRAY_SIZE(cuts) ? NAME_TRUNCATED : NAME_OK);
	}
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

/* The same where what the walk has had, and what is new, are several chunks. */
static void copy_overlap_chunks(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 2500);
	send_hello(hook, 100, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void copy_beyond_gap(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 60);
	send_hello(hook, 70, 100);
	check_name(NAME_OUT_OF_ORDER, false, 1);
}

/* A datagram that finds no place: its flow says that something of it is missing. */
static void copy_ring_full(int hook)
{
	static struct frame_bytes f;
	struct copied want = { .proto = 17 };

	fill_ring_up(hook);
	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 443,
		    .payload = "datagram", .payload_len = 8);
	run_frame(hook, &f);
	EXPECT("copy_lost", read_stat(STAT_COPY_LOST), 1);
	EXPECT("copy_sent", read_stat(STAT_COPY_SENT), 0);
	EXPECT("event_lost: there is no event that would stand for it", read_stat(STAT_EVENT_LOST), 0);
	EXPECT("name_status", only_slot()->name_status, NAME_LOST_SEGMENT);
	EXPECT("frames", only_slot()->count[0] & COUNT_FRAMES_MASK, 1);
	ring_buffer__consume(ring);
	forget();
	copies_sent = 0;
	run_frame(hook, &f);
	want.bytes = f.b + f.payload;
	want.len = want.left = 8;
	want.slot = slot_number(only_slot());
	hear();
	EXPECT("copies", copies, check_copied(0, &want));
	check_sum();
}

static bool ring_wakes(int fd, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(fd, &event, 1, timeout_ms) > 0;
}

/* User space comes by itself, and is woken only when the ring has grown as full as that. An event wakes it at once. */
static void copy_wake(int hook)
{
	const unsigned int record = (COPY_BYTES_AT + HELLO_CHUNK + 8 + 7) / 8 * 8, before = (COPY_WAKE_BYTES - 1) / record;
	const int fd = ring_buffer__epoll_fd(ring);
	static struct frame_bytes f;

	while (ring_wakes(fd, 0))
		ring_buffer__consume(ring);
	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 53, .payload = data,
		    .payload_len = HELLO_CHUNK);
	for (unsigned int i = 0; i < before; i++)
		run_frame(hook, &f);
	EXPECT("woken by few copies", ring_wakes(fd, 5), 0);
	run_frame(hook, &f);
	run_frame(hook, &f);
	EXPECT("woken by many", ring_wakes(fd, 1000), 1);
	hear();
	EXPECT("copies", copies, before + 2);
	while (ring_wakes(fd, 0))
		ring_buffer__consume(ring);
	memset(flows, 0, SLOTS * sizeof(struct flow_slot));
	clear_books();
	handshake(hook);
	only_slot()->flags |= FLOW_COPY_OFF;
	send_hello(hook, 0, hello_wire.len);
	EXPECT("woken by an event", ring_wakes(fd, 1000), 1);
	hear();
	EXPECT("events", events, 1);
}

static const struct hello_row copy_sequences[] = {
	{ "copy: each length", 9, copy_each_length },
	{ "copy: both sides of a connection", 9, copy_both_sides },
	{ "copy: not when user space wants no more", 9, copy_off },
	{ "copy: as many as the limit says", 9, copy_limit },
	{ "copy: the limit is reached within a packet", 9, copy_limit_in_a_packet },
	{ "copy: neighbour discovery that a router has passed on", 9, copy_nd_hops },
	{ "copy: datagrams, as many as the limit says", 9, copy_limit_udp },
	{ "copy: what names others, without a limit", 9, copy_without_limit },
	{ "copy: the time is precise", 9, copy_time },
	{ "copy: in chunks", 9, copy_chunks },
	{ "copy: segmentation offload", 9, copy_gso },
	{ "copy: total length 0", 9, copy_length_zero },
	{ "copy: segments that overlap a walk", 100, copy_overlap },
	{ "copy: chunks that overlap a walk", 2950, copy_overlap_chunks },
	{ "copy: segments that overlap a walk, of several pages", 9000, copy_overlap_chunks },
	{ "copy: a segment beyond a gap", 100, copy_beyond_gap },
	{ "copy: ring full", 9, copy_ring_full },
	{ "copy: user space is woken when it is worth it", 9, copy_wake },
};

static void test_copies(void)
{
	for (size_t i = 0; i < DATA_BYTES; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < ARRAY_SIZE(copy_rows); i++) {
		char name[100];

		row_good = true;
		for (int hook = 0; hook < PROGRAMS; hook++)
			if (hook == PROGRAM_RX_XDP || !copy_rows[i].xdp_only)
				copy_row_run(&copy_rows[i], hook);
		snprintf(name, sizeof(name), "copy: %s", copy_rows[i].name);
		row_end(name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(copy_sequences); i++) {
		row_good = true;
		make_hello(copy_sequences[i].fill);
		for (int hook = PROGRAM_RX_XDP; hook <= PROGRAM_RX_TC; hook++) {
			if (hook == PROGRAM_RX_TC && copy_sequences[i].fill >= TC_FRAME_MAX)
				continue;
			reset(0);
			copy_sequences[i].run(hook);
			check_sum();
		}
		row_end(copy_sequences[i].name);
	}
}
