/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_copy - rows of test_rows about payload copies: what user space gets of which packet, and what not. */
#pragma once

#include "rows_hello.h"

static uint8_t big[16000];

static void hear(void)
{
	ring_buffer__consume(ring);
}

static void expect_copy(unsigned int at, int from_b, uint32_t seq, const void *bytes, size_t len, size_t left)
{
	EXPECT("copies", copies > at, 1);
	if (copies <= at || at >= ARRAY_SIZE(heard))
		return;
	EXPECT("slot", heard[at].event.slot < SLOTS && slot_at(heard[at].event.slot) == only_slot(), 1);
	EXPECT("port", heard[at].event.port, PORT);
	EXPECT("side", heard[at].event.dir, from_b);
	EXPECT("seq", heard[at].seq, seq);
	EXPECT("len", heard[at].len, len);
	EXPECT("left", heard[at].left, left);
	if (memcmp(heard_bytes[at], bytes, MIN(len, sizeof(heard_bytes[at]))))
		wrong("bytes of copy %u differ", at);
}

static void copy_both_sides(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "hello there", 11);
	send_tcp(hook, 1, PSH | ACK, 1, "and back", 8);
	hear();
	EXPECT("copies", copies, 2);
	expect_copy(0, 0, ISN + 1, "hello there", 11, 11);
	expect_copy(1, 1, 1, "and back", 8, 8);
	EXPECT("ack of the client", heard[0].ack, 1);
	EXPECT("proto", heard[0].event.proto, 6);
	EXPECT("mac", memcmp(heard[0].mac, "\0\0\0\0\0\0", 6) != 0, 1);
	EXPECT("time", heard[0].event.time_ns > 0, 1);
}

static void copy_off(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "hello there", 11);
	only_slot()->flags |= FLOW_COPY_OFF;
	send_tcp(hook, 0, PSH | ACK, ISN + 12, "more", 4);
	send_tcp(hook, 1, PSH | ACK, 1, "more", 4);
	hear();
	EXPECT("copies", copies, 1);
}

static void copy_limit(int hook)
{
	handshake(hook);
	for (unsigned int i = 0; i < COPIES_MAX + 5; i++)
		send_tcp(hook, 0, PSH | ACK, ISN + 1 + 4 * i, "more", 4);
	hear();
	EXPECT("copies", copies, COPIES_MAX);
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 1);
	EXPECT("off", !!(only_slot()->flags & FLOW_COPY_OFF), 1);
}

/* Chunks of 2 kB, as many as a packet has. */
static void copy_chunks(int hook)
{
	const unsigned int len = hook == PROGRAM_RX_XDP ? 10000 : 3000;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, big, len);
	hear();
	EXPECT("copies", copies, (len + 2047) / 2048);
	for (unsigned int at = 0; at < len; at += 2048)
		expect_copy(at / 2048, 0, ISN + 1 + at, big + at, MIN(2048, len - at), len - at);
}

/* A segment that begins before what the walk has had: all of it is copied, and the walk goes on in its middle. */
static void copy_overlap(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 60);
	send_hello(hook, 40, hello_wire.len);
	hear();
	EXPECT("name", only_slot()->name_status, NAME_OK);
	check_walk(true);
	EXPECT("copies", copies, 3);
	expect_copy(0, 0, ISN + 1, hello_wire.b, 60, 60);
	expect_copy(1, 0, ISN + 41, hello_wire.b + 40, 20, hello_wire.len - 40);
	expect_copy(2, 0, ISN + 61, hello_wire.b + 60, hello_wire.len - 60, hello_wire.len - 60);
}

static void send_udp(int hook, uint16_t port, const void *payload, unsigned int len)
{
	static struct frame_bytes f;

	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 5000, .dport = port, .vlans = 1, .vlan = { 9 },
		    .payload = payload, .payload_len = len, .pad = len < 10 ? 10 : 0);
	run_frame(hook, &f);
}

static void copy_udp(int hook)
{
	send_udp(hook, 443, "datagram", 8);	/* padding of the frame is none of it */
	send_udp(hook, 443, NULL, 0);
	hear();
	EXPECT("copies", copies, 1);
	expect_copy(0, 0, 0, "datagram", 8, 8);
	EXPECT("vlan", heard[0].vlan, 9);
	for (int i = 0; i < COPIES_MAX + 3; i++)
		send_udp(hook, 443, "datagram", 8);
	hear();
	EXPECT("copies", copies, COPIES_MAX);
}

static void copy_dns(int hook)
{
	for (int i = 0; i < COPIES_MAX + 20; i++)
		send_udp(hook, 53, "question", 8);
	hear();
	EXPECT("copies", copies, COPIES_MAX + 20);
}

static void copy_nd(int hook)
{
	static struct frame_bytes f;
	uint8_t message[24] = { 0 };

	for (unsigned int type = 120; type < 150; type++) {
		message[0] = (uint8_t)type;
		PACKET_MAKE(&f, .ip = 6, .a = 1, .b = 2, .proto = 58, .payload = message, .payload_len = sizeof(message));
		run_frame(hook, &f);
	}
	message[0] = 136;
	PACKET_MAKE(&f, .ip = 6, .a = 1, .b = 2, .proto = 58, .payload = message, .payload_len = sizeof(message));
	f.b[f.l3 + 7] = 254;	/* a router has passed it on: RFC 4861 11.2 */
	run_frame(hook, &f);
	hear();
	EXPECT("copies: types 133 to 137", copies, 5);
	for (unsigned int i = 0; i < 5 && i < copies; i++)
		EXPECT("type", heard_bytes[i][0], 133 + i);
	expect_copy(0, 0, 0, heard_bytes[0], sizeof(message), sizeof(message));
}

static void copy_arp(int hook)
{
	static struct frame_bytes f;

	for (unsigned int len = 27; len <= 46; len += 1 + 17 * (len == 28)) {
		PACKET_MAKE(&f, .vlans = 1, .vlan = { 5 }, .type = ETH_P_ARP, .payload_len = len);
		run_frame(hook, &f);
	}
	hear();
	EXPECT("copies: 27 bytes are too few", copies, 2);
	EXPECT("slot", heard[0].event.slot, COPY_NO_SLOT);
	EXPECT("len", heard[0].len, 28);
	EXPECT("vlan", heard[0].vlan, 5);
}

static const struct hello_row copy_rows[] = {
	{ "copy: both sides of a connection", 9, copy_both_sides },
	{ "copy: not when user space wants no more", 9, copy_off },
	{ "copy: as many as the limit says", 9, copy_limit },
	{ "copy: in chunks", 9, copy_chunks },
	{ "copy: a segment that overlaps a walk", 100, copy_overlap },
	{ "copy: datagrams", 9, copy_udp },
	{ "copy: DNS without a limit", 9, copy_dns },
	{ "copy: neighbour discovery and no other ICMPv6", 9, copy_nd },
	{ "copy: ARP", 9, copy_arp },
};

static void test_copies(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(copy_rows); i++) {
		row_good = true;
		make_hello(copy_rows[i].fill);
		for (int hook = PROGRAM_RX_XDP; hook <= PROGRAM_RX_TC; hook++) {
			reset(0);
			copy_rows[i].run(hook);
			check_sum();
		}
		row_end(copy_rows[i].name);
	}
}
