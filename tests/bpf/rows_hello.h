/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_hello - rows of test_rows about names: what of a hello gets into the slot and the walk pool, and why nothing does. */
#pragma once

#include "rows_copied.h"
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

static struct copied tcp_payloads[100];	/* sent since reset() */

/* From now on check_tcp_copies() expects this payload. */
static void tcp_expect(int from_b, uint32_t seq, uint32_t ack, const void *payload, unsigned int len)
{
	if (tcp_sent == ARRAY_SIZE(tcp_payloads)) {
		wrong("more payloads than are remembered");
		return;
	}
	tcp_payloads[tcp_sent++] = (struct copied){ .bytes = payload, .len = len, .left = len, .seq = seq, .ack = ack, .proto = 6,
						    .from_b = (uint8_t)from_b };
}

static void send_tcp(int hook, int from_server, uint8_t flags, uint32_t seq, const void *payload, unsigned int len)
{
	static struct frame_bytes f;
	uint8_t c = 1, s = 2;

	PACKET_MAKE(&f, .ip = 4, .a = from_server ? s : c, .b = from_server ? c : s, .proto = 6, .flags = flags,
		    .sport = from_server ? 443 : 40000, .dport = from_server ? 40000 : 443, .seq = seq,
		    .ack = from_server ? ISN + 1 : 1, .payload = payload, .payload_len = len);
	run_frame(from_server ? PROGRAM_TX_TC : hook, &f);
	if (len && tcp_copied)
		tcp_expect(from_server, seq + !!(flags & SYN), from_server ? ISN + 1 : 1, payload, len);
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

/* User space has all of what was sent, and nothing else; but for what send_tcp() sent while tcp_copied was false. */
static void check_tcp_copies(void)
{
	const uint32_t slot = slot_number(only_slot());
	unsigned int at = 0;

	hear();
	for (unsigned int i = 0; i < tcp_sent && row_good; i++) {
		tcp_payloads[i].slot = slot;
		at = check_copied(at, &tcp_payloads[i]);
	}
	EXPECT("copies", copies, at);
	EXPECT("copies of the flow", only_slot()->copies[0] + only_slot()->copies[1], at);
}

static void check_walk(bool named)
{
	const struct flow_slot *slot = only_slot();
	const struct hello_entry *entry;

	if (!(slot->flags & FLOW_HELLO_WALK) || slot->hello - 1 >= HELLOS) {
		wrong("the flow has no walk");
		return;
	}
	entry = &hellos[slot->hello - 1];
	EXPECT("owner of the walk", entry->owner, slot_number(slot) + 1);
	EXPECT("busy", entry->busy, 0);
	EXPECT("SNI is there", !!(entry->hello.flags & HELLO_SNI), named);
	if (!named)
		return;
	EXPECT("length of the SNI", entry->hello.sni_len, strlen(NAME));
	EXPECT("length of the ALPN list", entry->hello.alpn_len, 12);
	if (memcmp(entry->hello.store, NAME, strlen(NAME)) || memcmp(entry->hello.store + HELLO_ALPN_AT, ALPN, 12))
		wrong("SNI or ALPN differs");
}

/*
 * @walks: begun. What needs no walk ends without an event: there is no result to take. A walk that ended with a chunk that
 * user space has a copy of needs none either; @untold: the last chunk of it was not copied, and there is one.
 */
static void check_name_told(enum name_status status, bool done, unsigned int walks, unsigned int untold)
{
	const struct flow_slot *slot = only_slot();

	EXPECT("bytes of the flow", slot->bytes[0] + slot->bytes[1], bytes_sent);
	EXPECT("name_status", slot->name_status, status);
	EXPECT("done", !!(slot->flags & FLOW_HELLO_DONE), done);
	EXPECT("hello_started", read_stat(STAT_HELLO_STARTED), walks);
	EXPECT("hello_done", read_stat(STAT_HELLO_DONE), done && walks);
	EXPECT("flow has a walk", !!(slot->flags & FLOW_HELLO_WALK), walks);
	check_tcp_copies();
	EXPECT("events", events, untold);
	if (untold && events) {
		EXPECT("event type", last_event.type, EVENT_HELLO);
		EXPECT("event port", last_event.port, PORT);
		EXPECT("event's slot is the flow's", last_event.slot, slot_number(slot));
	}
	EXPECT("event_lost", read_stat(STAT_EVENT_LOST), 0);
	check_sum();
}

static void check_name(enum name_status status, bool done, unsigned int walks)
{
	check_name_told(status, done, walks, 0);
}

/* All of the hello was in one frame. One chunk is left to who reads the copy; more are walked. */
static void check_whole(void)
{
	if (hello_wire.len <= HELLO_CHUNK) {
		check_name(NAME_NONE_YET, true, 0);
		return;
	}
	check_name(NAME_OK, true, 1);
	check_walk(true);
}

static void one_frame(int hook)
{
	handshake(hook);
	check_name(NAME_NONE_YET, false, 0);
	send_hello(hook, 0, hello_wire.len);
	check_whole();
	send_tcp(hook, 0, ACK, ISN + 1 + (uint32_t)hello_wire.len, "\x16\3\1", 3);	/* no second walk */
	check_whole();
}

/* What looks whole, or does not: the last byte late, two records, and bytes behind it. */
static void whole_or_not(int hook)
{
	handshake(hook);
	send_hello(hook, 0, hello_wire.len - 1);
	check_name(NAME_TRUNCATED, false, 1);
	send_hello(hook, hello_wire.len - 1, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);

	reset(0);
	hello_records(&hello_wire, &hello_message, hello_message.len - 1);
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_OK, true, 1);
	check_walk(true);

	reset(0);
	hello_records(&hello_wire, &hello_message, 16384);
	hello_wire.b[hello_wire.len++] = 0x14;
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	check_name(NAME_NONE_YET, true, 0);
	hello_wire.len--;
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
	check_whole();
}

static void server_first(int hook)
{
	handshake(hook);
	send_tcp(hook, 1, PSH | ACK, 1, "220 hello\r\n", 11);
	check_name(NAME_NONE_YET, false, 0);
	send_hello(hook, 0, hello_wire.len);
	check_whole();
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
	static const char bad[] = "\x16\3\1\0\x06\1\0\0\2\3\3";	/* ends behind its version */

	handshake(hook);
	send_tcp(hook, 0, PSH | ACK, ISN + 1, bad, sizeof(bad) - 1);
	check_name(NAME_NONE_YET, true, 0);	/* whole: what it is worth is for the reader of the copy to say */

	reset(0);
	handshake(hook);
	only_slot()->flags |= FLOW_COPY_OFF;
	tcp_copied = false;
	send_tcp(hook, 0, PSH | ACK, ISN + 1, bad, sizeof(bad) - 1);
	check_name_told(NAME_BAD_HELLO, true, 1, 1);
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
	check_whole();
}

static void pool_full(int hook)
{
	for (uint32_t i = 0; i < HELLOS; i++)
		hellos[i].owner = SLOTS;
	handshake(hook);
	send_hello(hook, 0, 100);
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

/* DNS, which has no limit, until a copy of @len bytes finds no place. Its flow is taken out again. */
static void fill_ring(int hook, unsigned int len)
{
	const uint64_t lost = read_stat(STAT_COPY_LOST);
	static struct frame_bytes f;

	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 17, .sport = 40000, .dport = 53, .payload_len = len);
	for (int i = 0; i < 20000 && read_stat(STAT_COPY_LOST) == lost; i++)
		run_frame(hook, &f);
	EXPECT("copy_lost", read_stat(STAT_COPY_LOST), lost + 1);
	memset(flows, 0, SLOTS * sizeof(struct flow_slot));
	clear_books();
	bytes_sent = 0;
}

/* Not even an event has a place: a walk that ends at once, until its event is lost. */
static void fill_ring_up(int hook)
{
	static const char not_hello[] = "\x16\x03\x03\x00\x10\x02\x00\x00\x0c\x03\x03";

	fill_ring(hook, HELLO_CHUNK);
	fill_ring(hook, 1);
	tcp_copied = false;
	for (int i = 0; i < 10 && !read_stat(STAT_EVENT_LOST); i++) {
		memset(hellos, 0, HELLOS * sizeof(*hellos));
		memset(flows, 0, SLOTS * sizeof(struct flow_slot));
		send_tcp(hook, 0, PSH | ACK, 5000, not_hello, sizeof(not_hello) - 1);
	}
	EXPECT("event_lost", read_stat(STAT_EVENT_LOST), 1);
	memset(hellos, 0, HELLOS * sizeof(*hellos));
	memset(flows, 0, SLOTS * sizeof(struct flow_slot));
	clear_books();
	clear_stats();
	copies_sent = 0;
	bytes_sent = 0;
}

/* The copy is lost, and so is the event that would stand for it; the walk is not: the next sweep takes its name. */
static void ring_full(int hook)
{
	fill_ring_up(hook);
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	EXPECT("copy_lost", read_stat(STAT_COPY_LOST), 1);
	EXPECT("event_lost", read_stat(STAT_EVENT_LOST), 1);
	EXPECT("copy_sent", read_stat(STAT_COPY_SENT), 0);
	EXPECT("hello_done", read_stat(STAT_HELLO_DONE), 1);
	EXPECT("name_status", only_slot()->name_status, NAME_OK);
	EXPECT("done", !!(only_slot()->flags & FLOW_HELLO_DONE), 1);
	check_walk(true);
	check_sum();
	ring_buffer__consume(ring);
	copies_sent = 0;
	forget();
	tcp_copied = true;	/* there is place again: the flow's copies go on */
	only_slot()->copies[0] = 0;
	send_tcp(hook, 0, PSH | ACK, ISN + 1 + (uint32_t)hello_wire.len, "more", 4);
	check_tcp_copies();
}

/* There is no place for the copy of the walk's last chunk, but for the event that stands for it. */
static void ring_full_of_copies(int hook)
{
	fill_ring(hook, HELLO_CHUNK);
	tcp_copied = false;
	handshake(hook);
	send_hello(hook, 0, hello_wire.len);
	EXPECT("copy_lost: not the small place that is left", read_stat(STAT_COPY_LOST), 2);
	hear();
	copies = 0;
	EXPECT("copies of the flow: a lost one counts", only_slot()->copies[0], 1);
	only_slot()->copies[0] = 0;
	check_name_told(NAME_OK, true, 1, 1);
	check_walk(true);
}

/* Only a walk's last chunk tells of its end; the copies of the chunks before it do not. */
static void copies_off(int hook)
{
	handshake(hook);
	only_slot()->flags |= FLOW_COPY_OFF;
	tcp_copied = false;
	send_tcp(hook, 1, PSH | ACK, 1, "220 hello\r\n", 11);
	send_hello(hook, 0, hello_wire.len);
	check_name_told(NAME_OK, true, 1, 1);
	check_walk(true);
}

static void copies_off_midway(int hook)
{
	handshake(hook);
	send_hello(hook, 0, 60);
	only_slot()->flags |= FLOW_COPY_OFF;
	tcp_copied = false;
	send_hello(hook, 60, hello_wire.len);
	check_name_told(NAME_OK, true, 1, 1);
	check_walk(true);
	send_tcp(hook, 0, PSH | ACK, ISN + 1 + (uint32_t)hello_wire.len, "more", 4);
	check_name_told(NAME_OK, true, 1, 1);
}

/* A server that says more than is copied before the hello: the walk does not need copies. */
static void copies_limit(int hook)
{
	handshake(hook);
	for (unsigned int i = 0; i <= COPIES_MAX; i++) {
		tcp_copied = i < COPIES_MAX;
		send_tcp(hook, 1, PSH | ACK, 1 + i, "x", 1);
	}
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), 1);
	send_hello(hook, 0, hello_wire.len);
	check_name_told(NAME_OK, true, 1, 1);
	check_walk(true);
}

static const struct hello_row {
	const char *name;
	size_t fill;		/* beyond TC_FRAME_MAX: XDP only */
	void (*run)(int hook);
} hello_rows[] = {
	{ "hello: one frame", 9, one_frame },
	{ "hello: more than one chunk", 2700, one_frame },
	{ "hello: whole or not", 9, whole_or_not },
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
	{ "hello: ring full but for an event", 1500, ring_full_of_copies },
	{ "hello: user space wants no copies", 9, copies_off },
	{ "hello: user space wants no more copies", 9, copies_off_midway },
	{ "hello: behind the last copy", 9, copies_limit },
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
