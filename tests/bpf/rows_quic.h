/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_quic - rows of test_rows about the spin bit: which datagrams are looked at, when the watch begins and ends. */
#pragma once

#include "rows_tcp.h"

/* The client, a, is received by @hook; the server's frames are sent. */
static void quic_frame(int hook, int ip, int from_server, uint8_t first, unsigned int len)
{
	static struct frame_bytes f;
	uint8_t c = 1, s = 2, payload[64];

	memset(payload, 0xff, sizeof(payload));
	payload[0] = first;
	PACKET_MAKE(&f, .ip = ip, .a = from_server ? s : c, .b = from_server ? c : s, .proto = 17,
		    .sport = from_server ? 443 : 40000, .dport = from_server ? 40000 : 443, .payload = payload, .payload_len = len);
	run_frame(from_server ? PROGRAM_TX_TC : hook, &f);
}

static struct flow_slot *quic_flow(int hook, int ip)
{
	struct flow_slot *slot;

	quic_frame(hook, ip, 0, 0xc0, 30);
	quic_frame(hook, ip, 1, 0xc0, 30);
	slot = only_slot();
	__atomic_fetch_or(&slot->flags, FLOW_QUIC | FLOW_COPY_OFF, __ATOMIC_RELAXED);
	return slot;
}

/* The flow's place, to be changed; somewhere else, and wrong, where it has none. */
static struct tcp_health *quic_place(const struct flow_slot *slot)
{
	static struct tcp_health none;

	only_health();
	return slot->tcp - 1 < TCPS ? &tcps[slot->tcp - 1] : &none;
}

static void quic_watched(int hook, int ip)
{
	const struct flow_slot *slot = quic_flow(hook, ip);
	const struct tcp_health *h;

	quic_frame(hook, ip, 0, 0xe0, 30);
	quic_frame(hook, ip, 0, 0x80, 30);
	quic_frame(hook, ip, 0, 0x40, 0);
	EXPECT("places before a short header", places(), 0);
	quic_frame(hook, ip, 0, 0x60, 30);
	EXPECT("places", places(), 1);
	h = only_health();
	EXPECT("bits of a", h->side[0].spin.bits, SPIN_SEEN | SPIN_VALUE | SPIN_LAST);
	EXPECT("bits of b", h->side[1].spin.bits, 0);
	quic_frame(hook, ip, 1, 0x5f, 30);
	EXPECT("bits of b", h->side[1].spin.bits, SPIN_SEEN);
	quic_frame(hook, ip, 0, 0xc0, 30);
	quic_frame(hook, ip, 0, 0x80, 30);
	EXPECT("packets of a since", h->side[0].spin.same, 0);
	quic_frame(hook, ip, 0, 0x60, 1);
	quic_frame(hook, ip, 0, 0x20, 30);	/* fixed bit greased */
	EXPECT("packets of a since", h->side[0].spin.same, 2);
	EXPECT("flag", slot->flags & FLOW_QUIC, FLOW_QUIC);
}

static void quic_watched_4(int hook) { quic_watched(hook, 4); }
static void quic_watched_6(int hook) { quic_watched(hook, 6); }

static void quic_not_watched(int hook)
{
	struct flow_slot *slot = quic_flow(hook, 4);

	slot->flags &= ~FLOW_QUIC;
	for (int i = 0; i < 10; i++)
		quic_frame(hook, 4, i & 1, 0x60, 30);
	EXPECT("places", places(), 0);
}

static uint32_t real_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
}

/* As after many round trips of 40 s: what a change then gives does not hang on how fast this runs. */
static void quic_sample(int hook)
{
	const struct flow_slot *slot = quic_flow(hook, 4);
	struct tcp_health *h;
	uint32_t now_us;

	quic_frame(hook, 4, 0, 0x40, 30);
	quic_frame(hook, 4, 1, 0x40, 30);
	h = quic_place(slot);
	now_us = real_us();
	for (int side = 0; side < 2; side++) {
		h->side[side].spin.edge_us = now_us - (side ? 40000000 : 30000000);
		h->side[side].spin.run = 10;
	}
	h->side[0].spin.bits |= SPIN_VALUE | SPIN_LAST;	/* the client's has changed */
	quic_frame(hook, 4, 0, 0x60, 30);
	quic_frame(hook, 4, 1, 0x60, 30);
	EXPECT("samples of the far side", tcp_samples(h, 1), 1);
	EXPECT("samples of the near side", tcp_samples(h, 0), 0);
	EXPECT("what it is, in s", h->rtt_min_us[1] / 1000000, 30);
	EXPECT("state", h->side[0].spin.state, SPIN_SPINNING);
	h->side[0].spin.edge_us = h->side[1].spin.edge_us - 20000000;
	h->side[1].spin.edge_us -= 7000000;
	quic_frame(hook, 4, 0, 0x40, 30);
	EXPECT("samples of the near side", tcp_samples(h, 0), 1);
	EXPECT("what it is, in s", h->rtt_min_us[0] / 1000000, 7);
	EXPECT("samples of the far side", tcp_samples(h, 1), 1);
}

static void quic_constant(int hook)
{
	struct flow_slot *slot = quic_flow(hook, 4);
	const struct tcp_health *h;
	uint8_t same;

	for (int i = 0; i < 100; i++)
		quic_frame(hook, 4, 0, 0x60, 30);
	EXPECT("flag before its time", slot->flags & FLOW_QUIC, FLOW_QUIC);
	h = only_health();
	quic_place(slot)->side[0].spin.edge_us -= QUIC_SPIN_STILL_US;
	quic_frame(hook, 4, 0, 0x60, 30);
	EXPECT("state", h->side[0].spin.state, SPIN_CONSTANT);
	EXPECT("flag", slot->flags & FLOW_QUIC, 0);
	same = h->side[0].spin.same;
	quic_frame(hook, 4, 0, 0x60, 30);
	EXPECT("nobody looks any more", h->side[0].spin.same, same);
	EXPECT("the other flags stay", slot->flags & FLOW_COPY_OFF, FLOW_COPY_OFF);
}

static void quic_pool_full(int hook)
{
	const struct flow_slot *slot = quic_flow(hook, 4);

	for (uint32_t i = 0; i < TCPS; i++)
		tcps[i].owner = SLOTS + 1;	/* others' */
	quic_frame(hook, 4, 0, 0x60, 30);
	quic_frame(hook, 4, 0, 0x60, 30);
	EXPECT("tcp_pool_full: once a connection", read_stat(STAT_TCP_POOL_FULL), 1);
	EXPECT("no place", slot->tcp, TCP_NO_PLACE);
	EXPECT("flag", slot->flags & FLOW_QUIC, 0);
}

/* Whose answer is whose hangs on who began. */
static void quic_server_is_near(int hook)
{
	struct flow_slot *slot = quic_flow(hook, 4);
	struct tcp_health *h;
	const uint32_t now_us = real_us();

	slot->flags |= FLOW_INITIATOR_B;
	quic_frame(hook, 4, 0, 0x40, 30);
	quic_frame(hook, 4, 1, 0x60, 30);	/* b, the client, has changed */
	h = quic_place(slot);
	for (int side = 0; side < 2; side++) {
		h->side[side].spin.edge_us = now_us - (side ? 30000000 : 40000000);
		h->side[side].spin.run = 10;
	}
	quic_frame(hook, 4, 0, 0x60, 30);
	EXPECT("samples of the near side", tcp_samples(h, 0), 1);
	EXPECT("samples of the far side", tcp_samples(h, 1), 0);
}

static const struct tcp_row quic_rows[] = {
	{ "quic: the spin bit of short headers", quic_watched_4 },
	{ "quic: the same over IPv6", quic_watched_6 },
	{ "quic: nobody said that it is QUIC", quic_not_watched },
	{ "quic: samples of both sides", quic_sample },
	{ "quic: constant, the watch ends", quic_constant },
	{ "quic: pool full", quic_pool_full },
	{ "quic: the server behind the port", quic_server_is_near },
};

static void test_quic(void)
{
	for (size_t i = 0; i < sizeof(quic_rows) / sizeof(quic_rows[0]); i++) {
		row_good = true;
		for (int hook = PROGRAM_RX_XDP; hook <= PROGRAM_RX_TC; hook++) {
			reset(0);
			quic_rows[i].run(hook);
		}
		row_end(quic_rows[i].name);
	}
}
