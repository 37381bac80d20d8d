/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_tcp - rows of test_rows about the health of TCP connections: who gets a place in the pool, and what is counted there. */
#pragma once

#include <time.h>

#include "rows_hello.h"

#define TCPS	(SLOTS / TCP_SLOTS_EACH)
#define SERVER_ISN 5000u

/* The client, a, is received by @hook; the server's frames are sent. Numbers from the first byte of each on. */
static void tcp_frame(int hook, int from_server, uint8_t flags, int seq, int ack, unsigned int len)
{
	static const uint8_t payload[1000];
	static struct frame_bytes f;
	const uint32_t base[2] = { ISN + 1, SERVER_ISN + 1 };
	uint8_t c = 1, s = 2;

	PACKET_MAKE(&f, .ip = 4, .a = from_server ? s : c, .b = from_server ? c : s, .proto = 6, .flags = flags,
		    .sport = from_server ? 443 : 40000, .dport = from_server ? 40000 : 443,
		    .seq = base[from_server] + (uint32_t)seq, .ack = flags & ACK ? base[!from_server] + (uint32_t)ack : 0,
		    .payload = payload, .payload_len = len);
	run_frame(from_server ? PROGRAM_TX_TC : hook, &f);
}

static const struct tcp_health *only_health(void)
{
	static const struct tcp_health none;
	const struct flow_slot *slot = only_slot();

	if (slot->tcp - 1 >= TCPS) {
		wrong("the flow has no place");
		return &none;
	}
	EXPECT("owner of the place", tcps[slot->tcp - 1].owner, slot_number(slot) + 1);
	return &tcps[slot->tcp - 1];
}

static unsigned int places(void)
{
	unsigned int taken = 0;

	for (uint32_t i = 0; i < TCPS; i++)
		taken += !!tcps[i].owner;
	return taken;
}

static unsigned int tcp_samples(const struct tcp_health *h, int side)
{
	unsigned int sum = 0;

	for (int i = 0; i < TCP_RTT_BUCKETS; i++)
		sum += h->rtt[side][i];
	return sum;
}

static void tcp_handshake_frames(int hook)
{
	tcp_frame(hook, 0, SYN, -1, 0, 0);
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	tcp_frame(hook, 0, ACK, 0, 0, 0);
}

static void tcp_whole(int hook)
{
	const struct tcp_health *h;

	tcp_frame(hook, 0, SYN, -1, 0, 0);
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	EXPECT("places before the handshake is over", places(), 0);
	tcp_frame(hook, 0, ACK, 0, 0, 0);
	h = only_health();
	EXPECT("both halves of the handshake", h->handshake_us[0] && h->handshake_us[1], 1);
	EXPECT("they are samples, too", tcp_samples(h, 0) * 10 + tcp_samples(h, 1), 11);
	tcp_frame(hook, 0, PSH | ACK, 0, 0, 300);
	tcp_frame(hook, 1, ACK, 0, 300, 0);
	tcp_frame(hook, 1, PSH | ACK, 0, 300, 500);
	tcp_frame(hook, 0, ACK, 300, 500, 0);
	EXPECT("samples of the near side", tcp_samples(h, 0), 2);
	EXPECT("samples of the far side", tcp_samples(h, 1), 2);
	EXPECT("next of a", h->side[0].next_seq, ISN + 1 + 300);
	EXPECT("next of b", h->side[1].next_seq, SERVER_ISN + 1 + 500);
	tcp_frame(hook, 0, PSH | ACK, 0, 500, 300);
	EXPECT("sent again", h->side[0].retransmits, 1);
	tcp_frame(hook, 1, PSH | ACK, 600, 300, 100);
	tcp_frame(hook, 1, PSH | ACK, 500, 300, 100);
	EXPECT("a gap, filled", h->side[1].out_of_order + h->side[1].lost_before, 1);
	tcp_frame(hook, 0, FIN | ACK, 300, 700, 0);
	EXPECT("FIN takes a number", h->side[0].next_seq, ISN + 1 + 301);
	EXPECT("places", places(), 1);
}

/* The first data is timed, and its copy says the same time: to the microsecond, TLS hello or not. */
static void tcp_hello_time(int hook)
{
	static const uint8_t hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	static struct frame_bytes f;

	tcp_handshake_frames(hook);
	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 6, .flags = PSH | ACK, .sport = 40000, .dport = 443, .seq = ISN + 1,
		    .ack = SERVER_ISN + 1, .payload = hello, .payload_len = sizeof(hello));
	run_frame(hook, &f);
	ring_buffer__consume(ring);
	EXPECT("copies", copies, 1);
	EXPECT("the copy's time", (uint32_t)(heard[0].event.time_ns / 1000), only_health()->side[0].mark_us);
}

static void tcp_syn_twice(int hook)
{
	tcp_frame(hook, 0, SYN, -1, 0, 0);
	tcp_frame(hook, 0, SYN, -1, 0, 0);
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	tcp_frame(hook, 0, ACK, 0, 0, 0);
	EXPECT("which SYN was answered nobody knows", only_health()->handshake_us[0] | only_health()->handshake_us[1], 0);
}

static void tcp_syn_ack_twice(int hook)
{
	tcp_frame(hook, 0, SYN, -1, 0, 0);
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	tcp_frame(hook, 0, ACK, 0, 0, 0);
	EXPECT("which SYN-ACK was answered nobody knows", only_health()->handshake_us[0] | only_health()->handshake_us[1], 0);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Each half on its own side, from precise clocks: the SYN's, the SYN-ACK's, the ACK's. */
static void tcp_halves(int hook)
{
	const uint64_t begin_ns = monotonic_ns();
	const struct tcp_health *h;
	struct flow_slot *slot;
	uint64_t before_ns, syn_ack_ns;

	tcp_frame(hook, 0, SYN, -1, 0, 0);
	before_ns = monotonic_ns();
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	slot = (struct flow_slot *)only_slot();
	EXPECT("the SYN's clock", slot->first_ns >= begin_ns && slot->first_ns <= before_ns, 1);
	EXPECT("the SYN-ACK's clock", slot->last_ns >= before_ns && slot->last_ns <= monotonic_ns(), 1);
	syn_ack_ns = slot->last_ns;
	slot->first_ns = syn_ack_ns - 30000000;
	before_ns = monotonic_ns();
	tcp_frame(hook, 0, ACK, 0, 0, 0);
	h = only_health();
	EXPECT("far half", h->handshake_us[1], 30000);
	EXPECT("near half, at least", h->handshake_us[0] >= (before_ns - syn_ack_ns) / 1000, 1);
	EXPECT("near half, at most", h->handshake_us[0] <= (monotonic_ns() - begin_ns) / 1000 + 1, 1);
	EXPECT("least far", h->rtt_min_us[1], 30000);
}

/* Another flow has the place at home: one of the next ones. */
static void tcp_next_place(int hook)
{
	struct flow_slot *slot;
	uint32_t home;

	tcp_frame(hook, 0, SYN, -1, 0, 0);
	slot = (struct flow_slot *)only_slot();
	home = slot->tag & (TCPS - 1);
	tcps[home].owner = SLOTS + 1;
	tcp_frame(hook, 1, SYN | ACK, -1, 0, 0);
	tcp_frame(hook, 0, ACK, 0, 0, 0);
	EXPECT("the place behind home", slot->tcp - 1, (home + 1) & (TCPS - 1));
	tcp_frame(hook, 0, PSH | ACK, 0, 0, 300);
	EXPECT("is where it is counted", only_health()->side[0].next_seq, ISN + 1 + 300);
}

static void tcp_from_the_middle(int hook)
{
	tcp_frame(hook, 0, PSH | ACK, 0, 0, 300);
	EXPECT("the first packet only makes the flow", places(), 0);
	tcp_frame(hook, 1, ACK, 0, 300, 0);
	tcp_frame(hook, 1, PSH | ACK, 0, 300, 10);
	tcp_frame(hook, 0, ACK, 300, 10, 0);
	EXPECT("no handshake", only_health()->handshake_us[0] | only_health()->handshake_us[1], 0);
	EXPECT("samples of the near side", tcp_samples(only_health(), 0), 1);
}

static void tcp_pool_full(int hook)
{
	for (uint32_t i = 0; i < TCPS; i++)
		tcps[i].owner = SLOTS + 1;	/* others' */
	tcp_handshake_frames(hook);
	tcp_frame(hook, 0, PSH | ACK, 0, 0, 300);
	EXPECT("tcp_pool_full: once a connection", read_stat(STAT_TCP_POOL_FULL), 1);
	EXPECT("no place", only_slot()->tcp, TCP_NO_PLACE);
}

static void tcp_syn_flood(int hook)
{
	static struct frame_bytes f;

	for (uint16_t port = 1; port <= 200; port++) {
		PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 6, .flags = SYN, .sport = port, .dport = 443, .seq = port);
		run_frame(hook, &f);
		run_frame(hook, &f);
	}
	EXPECT("places that SYNs took", places(), 0);
	EXPECT("tcp_pool_full", read_stat(STAT_TCP_POOL_FULL), 0);
}

static void echo_frame(int hook, int ip, int from_server, int is_reply, uint16_t number)
{
	static struct frame_bytes f;
	uint8_t c = 1, s = 2, echo[8] = { ip == 4 ? (is_reply ? 0 : 8) : (is_reply ? 129 : 128), 0, 0, 0, 0x12, 0x34 };

	echo[6] = (uint8_t)(number >> 8);
	echo[7] = (uint8_t)number;
	PACKET_MAKE(&f, .ip = ip, .a = from_server ? s : c, .b = from_server ? c : s, .proto = ip == 4 ? 1 : 58, .payload = echo,
		    .payload_len = sizeof(echo));
	run_frame(from_server ? PROGRAM_TX_TC : hook, &f);
}

static void echo_rtt(int hook, int ip)
{
	for (uint16_t i = 0; i < 3; i++)
		echo_frame(hook, ip, 0, 0, i);	/* no reply: no place, and the first one is timed */
	EXPECT("places before a reply", places(), 0);
	echo_frame(hook, ip, 1, 1, 2);
	EXPECT("places", places(), 1);
	EXPECT("which request was replied to was not kept", tcp_samples(only_health(), 0) + tcp_samples(only_health(), 1), 0);
	echo_frame(hook, ip, 0, 0, 3);
	echo_frame(hook, ip, 0, 0, 4);
	echo_frame(hook, ip, 1, 1, 4);
	EXPECT("a reply to another one", tcp_samples(only_health(), 1), 0);
	echo_frame(hook, ip, 1, 1, 3);
	echo_frame(hook, ip, 1, 1, 3);
	EXPECT("samples of the far side", tcp_samples(only_health(), 1), 1);
	echo_frame(hook, ip, 1, 0, 9);
	echo_frame(hook, ip, 0, 1, 9);
	EXPECT("samples of the near side", tcp_samples(only_health(), 0), 1);
}

static void echo_4(int hook) { echo_rtt(hook, 4); }
static void echo_6(int hook) { echo_rtt(hook, 6); }

static void echo_first(int hook)
{
	echo_frame(hook, 4, 0, 0, 1);
	echo_frame(hook, 4, 1, 1, 1);
	EXPECT("the flow's first request is timed, too", tcp_samples(only_health(), 1), 1);
}

static void echo_reply_alone(int hook)
{
	echo_frame(hook, 4, 0, 1, 1);
	echo_frame(hook, 4, 0, 1, 2);
	EXPECT("a reply that nobody asked for takes no place", places(), 0);
}

/* Counters that were taken meanwhile do not make a later packet the second one. */
static void echo_long_after(int hook)
{
	echo_frame(hook, 4, 0, 0, 1);
	only_slot()->count[0] = 0;
	only_slot()->reported_s = 7;
	echo_frame(hook, 4, 0, 0, 2);
	echo_frame(hook, 4, 1, 1, 2);
	EXPECT("places", places(), 1);
	EXPECT("samples", tcp_samples(only_health(), 0) + tcp_samples(only_health(), 1), 0);
}

static void tcp_syn_long_after(int hook)
{
	tcp_frame(hook, 0, SYN, -1, 0, 0);
	only_slot()->count[0] = 0;
	only_slot()->reported_s = 7;
	tcp_handshake_frames(hook);
	EXPECT("which SYN was answered nobody knows", only_health()->handshake_us[0] | only_health()->handshake_us[1], 0);
}

static const struct tcp_row {
	const char *name;
	void (*run)(int hook);
} tcp_rows[] = {
	{ "tcp: a whole connection", tcp_whole },
	{ "tcp: time of a TLS hello", tcp_hello_time },
	{ "tcp: a SYN twice", tcp_syn_twice },
	{ "tcp: a SYN-ACK twice", tcp_syn_ack_twice },
	{ "tcp: halves of the handshake", tcp_halves },
	{ "tcp: home is taken", tcp_next_place },
	{ "tcp: seen from the middle on", tcp_from_the_middle },
	{ "tcp: pool full", tcp_pool_full },
	{ "icmp: echo", echo_4 },
	{ "icmpv6: echo", echo_6 },
	{ "icmp: a flow's first echo", echo_first },
	{ "icmp: a reply alone", echo_reply_alone },
	{ "icmp: an echo long after a flow's first", echo_long_after },
	{ "tcp: a SYN long after the first", tcp_syn_long_after },
	{ "tcp: SYNs alone take no place", tcp_syn_flood },
};

static void test_tcp(void)
{
	for (size_t i = 0; i < sizeof(tcp_rows) / sizeof(tcp_rows[0]); i++) {
		row_good = true;
		for (int hook = PROGRAM_RX_XDP; hook <= PROGRAM_RX_TC; hook++) {
			reset(0);
			tcp_rows[i].run(hook);
		}
		row_end(tcp_rows[i].name);
	}
}
