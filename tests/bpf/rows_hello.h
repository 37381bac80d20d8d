/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_hello - rows of test_rows about names: what of a hello gets into the slot and the walk pool, and why nothing does. */
#pragma once

#include "rows.h"
#include "tests/lib/hello_make.h"

#define ISN	0xfffffff0u
#define NAME	"www.example.org"
#define ALPN	"\2h2\10http/1.1"

static struct bytes hello_message, hello_wire;

/* ALPN, @fill bytes of another extension, SNI. */
static void make_hello(size_t fill)
{
	hello_msg_begin(&hello_message);
	put_alpn(&hello_message, ALPN, 12);
	put_ext(&hello_message, 51, fill, 0);
	put_sni(&hello_message, NAME, strlen(NAME));
	hello_msg_end(&hello_message);
	hello_records(&hello_wire, &hello_message, 16384);
}

static void send_tcp(int hook, int from_server, uint8_t flags, uint32_t seq, const void *payload, unsigned int len)
{
	static struct frame_bytes f;
	uint8_t c = 1, s = 2;

	PACKET_MAKE(&f, .ip = 4, .a = from_server ? s : c, .b = from_server ? c : s, .proto = 6, .flags = flags,
		    .sport = from_server ? 443 : 40000, .dport = from_server ? 40000 : 443, .seq = seq,
		    .ack = from_server ? ISN + 1 : 1, .payload = payload, .payload_len = len);
	run_frame(from_server ? PROGRAM_TX_TC : hook, &f);
}

static void send_hello(int hook, size_t from, size_t to)
{
	send_tcp(hook, 0, PSH | ACK, ISN + 1 + (uint32_t)from, hello_wire.b + from, (unsigned int)(to - from));
}

static void handshake(int hook)
{
	send_tcp(hook, 0, SYN, ISN, NULL, 0);
	send_tcp(hook, 1, SYN | ACK, 0, NULL, 0);
	send_tcp(hook, 0, ACK, ISN + 1, NULL, 0);
}

static struct flow_slot *only_slot(void)
{
	static struct flow_slot none;
	struct flow_slot *found = NULL;

	for (uint32_t i = 0; i < SLOTS; i++)
		if (slot_at(i)->tag & TAG_LIVE) {
			if (found)
				wrong("more than one flow");
			found = slot_at(i);
		}
	if (!found)
		wrong("no flow");
	return found ? found : &none;
}

static void check_walk(bool named)
{
	const struct flow_slot *slot = only_slot();
	const struct hello_entry *entry;
	uint32_t number = 0;

	while (number < SLOTS && slot_at(number) != slot)
		number++;
	if (!(slot->flags & FLOW_HELLO_WALK) || slot->hello - 1 >= HELLOS) {
		wrong("the flow has no walk");
		return;
	}
	entry = &hellos[slot->hello - 1];
	EXPECT("owner of the walk", entry->owner, number + 1);
	EXPECT("busy", entry->busy, 0);
	EXPECT("SNI is there", !!(entry->hello.flags & HELLO_SNI), named);
	if (!named)
		return;
	EXPECT("length of the SNI", entry->hello.sni_len, strlen(NAME));
	EXPECT("length of the ALPN list", entry->hello.alpn_len, 12);
	if (memcmp(entry->hello.store, NAME, strlen(NAME)) || memcmp(entry->hello.store + HELLO_ALPN_AT, ALPN, 12))
		wrong("SNI or ALPN differs");
}

/* @walks: begun. What needs no walk ends without an event: there is no result to take. */
static void check_name(enum name_status status, bool done, unsigned int walks)
{
	const struct flow_slot *slot = only_slot();
	const bool walked = done && walks;

	EXPECT("bytes of the flow", slot->bytes[0] + slot->bytes[1], bytes_sent);
	EXPECT("name_status", slot->name_status, status);
	EXPECT("done", !!(slot->flags & FLOW_HELLO_DONE), done);
	EXPECT("hello_started", read_stat(STAT_HELLO_STARTED), walks);
	EXPECT("hello_done", read_stat(STAT_HELLO_DONE), walked);
	EXPECT("flow has a walk", !!(slot->flags & FLOW_HELLO_WALK), walks);
	ring_buffer__consume(ring);
	EXPECT("events: the copy tells of the walk's end", events, 0);
	EXPECT("copies while a walk ended", copies > 0, walked || copies > 0);
	if (copies && copies <= ARRAY_SIZE(heard))
		EXPECT("the copy's slot is the flow's", slot_at(heard[copies - 1].event.slot % SLOTS) == slot, 1);
	check_sum();
}

static void one_frame(int hook)
{
	handshake(hook);
	check_name(NAME_NONE_YET, false, 0);
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
	send_tcp(hook, 0, ACK, ISN + 1 + (uint32_t)hello_wire.len, "\x16\3\1", 3);	/* no second walk */
	check_name(NAME_OK, true, 1);
}

/* TCP Fast Open (RFC 7413): the hello, or its first part, is in the SYN, which takes a sequence number itself. */
static void fast_open(int hook)
{
	send_tcp(hook, 0, SYN, ISN, hello_wire.b, 100);
	check_name(NAME_TRUNCATED, false, 1);
	send_tcp(hook, 1, SYN | ACK, 0, NULL, 0);
	send_hello(hook, 100, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void two_frames(int hook)
{
	for (size_t cut = 1; cut < hello_wire.len; cut += 13) {
		reset(0);
		handshake(hook);
		send_hello(hook, 0, cut);
		check_name(NAME_TRUNCATED, false, 1);
		/* The server's side is not fed to it, whatever its sequence numbers. */
		send_tcp(hook, 1, ACK, ISN + 1 + (uint32_t)cut, "\x16\3\3\0\0\0\0", 7);
		send_hello(hook, cut, hello_wire.len);
		check_name(NAME_OK, true, 1);
		check_walk(true);
	}
}

static void retransmitted(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 100);
	send_hello(hook, 0, 100);
	send_hello(hook, 50, 150);
	send_hello(hook, 120, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void segment_missing(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 100);
	send_hello(hook, 150, hello_wire.len);
	check_name(NAME_OUT_OF_ORDER, false, 1);
	check_walk(false);
	send_hello(hook, 100, 150);	/* the gap is filled, but what was behind it is gone until it is sent again */
	send_hello(hook, 150, hello_wire.len);
	check_name(NAME_OK, true, 1);
}

static void first_segment_late(int hook)
{
	handshake(hook);
	send_hello(hook, 100, hello_wire.len);
	check_name(NAME_OUT_OF_ORDER, false, 0);
	send_hello(hook, 0, 100);
	send_hello(hook, 100, hello_wire.len);
	check_name(NAME_OK, true, 1);
}

static void syn_ack_first(int hook)
{
	send_tcp(hook, 1, SYN | ACK, 0, NULL, 0);
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void server_first(int hook)
{
	handshake(hook);
	send_tcp(hook, 1, PSH | ACK, 1, "220 hello\r\n", 11);
	check_name(NAME_NONE_YET, false, 0);
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_OK, true, 1);
}

static void not_tls(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "GET / HTTP/1.1\r\n\r\n", 18);
	check_name(NAME_NOT_TLS, true, 0);
}

static void server_hello_is_none(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "\x16\3\3\0\x0a\2\0\0\6\3\3\0\0\0\0", 15);
	check_name(NAME_NOT_TLS, true, 1);
}

static void bad_hello(int hook)
{
	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, "\x16\3\1\0\x06\1\0\0\1\3\3", 11);
	check_name(NAME_BAD_HELLO, true, 1);
}

static void midstream(int hook)
{
	send_tcp(hook, 0, PSH | ACK, 5000, "data", 4);
	check_name(NAME_MIDSTREAM, false, 0);
	send_tcp(hook, 1, PSH | ACK, 6000, "data", 4);
	check_name(NAME_MIDSTREAM, true, 0);
}

static void midstream_hello(int hook)
{
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void pool_full(int hook)
{
	for (uint32_t i = 0; i < HELLOS; i++)
		hellos[i].owner = SLOTS;
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	EXPECT("hello_pool_full", read_stat(STAT_HELLO_POOL_FULL), 1);
	check_name(NAME_TABLE_FULL, true, 0);
}

/* The walk of another CPU is not disturbed: the segment is counted and lost to it. */
static void walk_busy(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 100);
	hellos[only_slot()->hello - 1].busy = 1;
	send_hello(hook, 100, hello_wire.len);
	EXPECT("hello_busy", read_stat(STAT_HELLO_BUSY), 1);
	check_name(NAME_TRUNCATED, false, 1);
}

static void ring_full(int hook)
{
	static const char not_hello[] = "\x16\x03\x03\x00\x10\x02\x00\x00\x0c\x03\x03";
	struct flow_slot *slot;

	send_tcp(hook, 0, PSH | ACK, 5000, not_hello, sizeof(not_hello) - 1);
	slot = only_slot();
	for (int i = 0; i < 60000 && !read_stat(STAT_EVENT_LOST); i++) {	/* each walk ends at once, with a copy */
		memset(hellos, 0, HELLOS * sizeof(*hellos));
		slot->flags &= ~(FLOW_HELLO_DONE | FLOW_HELLO_WALK | FLOW_PAYLOAD_A);
		slot->copies[0] = 0;
		send_tcp(hook, 0, PSH | ACK, 5000, not_hello, sizeof(not_hello) - 1);
	}
	EXPECT("event_lost", read_stat(STAT_EVENT_LOST), 1);
	EXPECT("copy_lost", read_stat(STAT_COPY_LOST) >= 1, 1);
	memset(hellos, 0, HELLOS * sizeof(*hellos));
	memset(flows, 0, SLOTS * sizeof(struct flow_slot));
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	EXPECT("event_lost", read_stat(STAT_EVENT_LOST), 2);
	EXPECT("name_status", only_slot()->name_status, NAME_OK);
	EXPECT("done", !!(only_slot()->flags & FLOW_HELLO_DONE), 1);
	check_walk(true);
	ring_buffer__consume(ring);
}

static const struct hello_row {
	const char *name;
	size_t fill;		/* beyond TC_FRAME_MAX: XDP only */
	void (*run)(int hook);
} hello_rows[] = {
	{ "hello: one frame", 9, one_frame },
	{ "hello: more than one chunk", 2700, one_frame },
	{ "hello: two frames", 700, two_frames },
	{ "hello: segments sent again", 9, retransmitted },
	{ "hello: a segment is missing", 100, segment_missing },
	{ "hello: first segment comes late", 100, first_segment_late },
	{ "hello: SYN-ACK seen first", 9, syn_ack_first },
	{ "hello: begins in the SYN", 9, fast_open },
	{ "hello: the server speaks first", 9, server_first },
	{ "hello: not TLS", 9, not_tls },
	{ "hello: a handshake, not a hello", 9, server_hello_is_none },
	{ "hello: lengths contradict", 9, bad_hello },
	{ "hello: midstream", 9, midstream },
	{ "hello: seen without its SYN", 9, midstream_hello },
	{ "hello: pool full", 9, pool_full },
	{ "hello: walk busy", 9, walk_busy },
	{ "hello: ring full", 9, ring_full },
	{ "hello: frame of several pages", 8000, one_frame },
	{ "hello: cut in frames of several pages", 9000, two_frames },
};

static void test_hellos(void)
{
	static struct snapshot xdp, tc;

	for (size_t i = 0; i < sizeof(hello_rows) / sizeof(hello_rows[0]); i++) {
		row_good = true;
		make_hello(hello_rows[i].fill);
		reset(0);
		hello_rows[i].run(PROGRAM_RX_XDP);
		take_snapshot(&xdp);
		if (hello_rows[i].fill < TC_FRAME_MAX) {
			reset(0);
			hello_rows[i].run(PROGRAM_RX_TC);
			take_snapshot(&tc);
			if (memcmp(&xdp, &tc, sizeof(xdp)))
				wrong("xdp and tc leave different maps behind");
		}
		row_end(hello_rows[i].name);
	}
}
