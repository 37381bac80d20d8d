/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_hello - the ClientHello walk: every cut, every checked field, sequence numbers, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf/hello.h"
#include "hello_make.h"

#define ISN	0xfffffff0u	/* every test wraps the sequence numbers */
#define NAME	"www.example.org"
#define ALPN	"\2h2\10http/1.1"

static struct hello h;
static struct hello_buf buf;
static struct bytes msg, wire;

static void begin(void)
{
	memset(&h, 0x55, sizeof(h));
	memset(&buf, 0x55, sizeof(buf));
	hello_begin(&h, ISN);
}

static void feed(const struct bytes *w, size_t from, size_t to)
{
	hello_feed(&h, &buf, ISN + from, w->b + from, to - from);
}

/* Whole, in one segment. */
static void walk(const struct bytes *w)
{
	begin();
	feed(w, 0, w->len);
}

/* @alpn NULL: none. A list is compared by its own length, for it may hold any byte. */
static void assert_names(int status, const char *sni, const char *alpn, size_t alpn_len)
{
	assert_int_equal(h.status, status);
	assert_int_equal(!!(h.flags & HELLO_SNI), sni != NULL);
	assert_int_equal(!!(h.flags & HELLO_ALPN), alpn != NULL);
	if (sni) {
		assert_int_equal(h.sni_len, strlen(sni));
		assert_memory_equal(h.store, sni, h.sni_len);
	}
	if (alpn) {
		assert_int_equal(h.alpn_len, alpn_len);
		assert_memory_equal(h.store + HELLO_ALPN_AT, alpn, alpn_len);
	}
}

static void assert_both(void)
{
	assert_names(HELLO_COMPLETE, NAME, ALPN, sizeof(ALPN) - 1);
}

/* Small hello, SNI first as curl sends it, ALPN before a last extension. */
static void make_small(void)
{
	hello_msg_begin(&msg);
	put_sni(&msg, NAME, strlen(NAME));
	put_ext(&msg, 23, 0, 0);
	put_ext(&msg, 43, 9, 0x03);
	put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
	put_ext(&msg, 21, 40, 0);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
}

/* 1.9 kB as Chromium sends it: permuted extensions, X25519MLKEM768 key share, the names behind it. */
static void make_chromium(void)
{
	hello_msg_begin(&msg);
	put_ext(&msg, 0x8a8a, 0, 0);
	put_ext(&msg, 10, 12, 0x11);
	put_ext(&msg, 51, 1263, 0x00);	/* zeros: read as extensions they would be empty server_names */
	put_ext(&msg, 35, 0, 0);
	put_ext(&msg, 0xfe0d, 250, 0x10);
	put_ext(&msg, 13, 18, 0x04);
	put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
	put_ext(&msg, 27, 3, 0x02);
	put_ext(&msg, 18, 0, 0);
	put_ext(&msg, 45, 2, 0x01);
	put_sni(&msg, NAME, strlen(NAME));
	put_ext(&msg, 5, 5, 0x01);
	put_ext(&msg, 0xff01, 1, 0);
	put_ext(&msg, 0x3a3a, 1, 0);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
}

static void one_segment(void **state)
{
	make_small();
	walk(&wire);
	assert_both();
	assert_int_equal(h.flags, HELLO_SNI | HELLO_ALPN);
	assert_int_equal(h.next_seq, ISN + (uint32_t)wire.len);
	make_chromium();
	assert_in_range(wire.len, 1700, 2000);
	walk(&wire);
	assert_both();
}

static void every_cut_in_two(void **state)
{
	for (int big = 0; big < 2; big++) {
		big ? make_chromium() : make_small();
		for (size_t cut = 1; cut < wire.len; cut++) {
			begin();
			feed(&wire, 0, cut);
			feed(&wire, cut, wire.len);
			assert_both();
		}
	}
}

static void every_cut_in_three(void **state)
{
	make_small();
	for (size_t a = 1; a < wire.len; a++) {
		for (size_t b = a + 1; b < wire.len; b++) {
			begin();
			feed(&wire, 0, a);
			feed(&wire, a, b);
			feed(&wire, b, wire.len);
			assert_both();
		}
	}
}

static void byte_by_byte(void **state)
{
	make_chromium();
	begin();
	for (size_t i = 0; i < wire.len; i++)
		feed(&wire, i, i + 1);
	assert_both();
}

/* Shorter than where both names are there: MORE. Without one of them: MORE up to the last byte. */
/* Of a first chunk: all of the hello in one record, whatever is behind it; no shorter length, no other type, no second record. */
static void whole_or_not(void **state)
{
	make_small();
	memset(&buf, 0, sizeof(buf));
	memcpy(buf.bytes, wire.b, wire.len);
	for (buf.len = 0; buf.len <= wire.len + 3; buf.len++)
		assert_int_equal(hello_is_whole(&buf), buf.len >= wire.len);
	buf.len = (__u32)wire.len;
	for (int at = 0; at <= 5; at += 5) {	/* content type, message type */
		buf.bytes[at]++;
		assert_false(hello_is_whole(&buf));
		buf.bytes[at]--;
	}
	buf.bytes[4]--;		/* the record ends before the message does */
	assert_false(hello_is_whole(&buf));
	buf.bytes[4]++;
	buf.bytes[6] = 1;	/* 65 kB more */
	assert_false(hello_is_whole(&buf));
	for (__u8 len = 0; len < 4; len++) {	/* not even a version */
		buf.bytes[6] = buf.bytes[7] = 0;
		buf.bytes[8] = len;
		assert_int_equal(hello_is_whole(&buf), len >= 2);
	}
	memset(&buf, 0xff, sizeof(buf));
	assert_false(hello_is_whole(&buf));
}

static void shorter_is_more(void **state)
{
	size_t names;

	make_small();
	names = wire.len - 4 - 40;
	for (size_t len = 0; len <= wire.len; len++) {
		begin();
		feed(&wire, 0, len);
		assert_int_equal(h.status, len < names ? HELLO_MORE : HELLO_COMPLETE);
	}
	hello_msg_begin(&msg);
	put_sni(&msg, NAME, strlen(NAME));
	put_ext(&msg, 21, 40, 0);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 100);
	for (size_t len = 0; len <= wire.len; len++) {
		begin();
		feed(&wire, 0, len);
		assert_int_equal(h.status, len < wire.len ? HELLO_MORE : HELLO_COMPLETE);
	}
	assert_names(HELLO_COMPLETE, NAME, NULL, 0);
}

/* Not a ClientHello: seen at the first byte that says so, cut or not. */
static void not_hello(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		size_t seen;	/* by then at the latest */
	} rows[] = {
		{ 0, 0x15, 1 }, { 0, 0x17, 1 }, { 0, 'G', 1 }, { 0, 0x80, 1 }, { 0, 0, 1 },
		{ 1, 2, 2 }, { 1, 4, 2 }, { 1, 0, 2 },
		{ 5, 2, 11 }, { 5, 0, 11 },
		{ 9, 2, 11 }, { 9, 0xfe, 11 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_small();
		wire.b[rows[i].at] = rows[i].value;
		walk(&wire);
		assert_int_equal(h.status, HELLO_NOT_HELLO);
		assert_int_equal(h.flags, 0);
		begin();
		feed(&wire, 0, rows[i].seen);
		assert_int_equal(h.status, HELLO_NOT_HELLO);
		begin();
		for (size_t k = 0; k < rows[i].seen; k++) {
			assert_int_equal(h.status, HELLO_MORE);
			feed(&wire, k, k + 1);
		}
		assert_int_equal(h.status, HELLO_NOT_HELLO);
	}
}

/* The record's minor version and the message's: any. Session id, compression, suites: any content. */
static void versions_accepted(void **state)
{
	for (int minor = 0; minor < 256; minor++) {
		make_small();
		wire.b[2] = minor;
		wire.b[10] = minor;
		walk(&wire);
		assert_both();
	}
}

/* Sets a length of the small hello's message to its right value + @by; returns the status. */
static int spoil(size_t at, int size, int by)
{
	unsigned int v = 0;

	make_small();
	for (int i = 0; i < size; i++)
		v = v << 8 | msg.b[at + i];
	v += by;
	for (int i = size; i-- > 0; v >>= 8)
		msg.b[at + i] = v;
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	return h.status;
}

static void wrong_lengths(void **state)
{
	const size_t sni = MSG_FIRST_EXT;

	assert_int_equal(spoil(MSG_TYPE, 1, 0), HELLO_COMPLETE);
	assert_int_equal(msg.len, MSG_FIRST_EXT + 24 + 4 + 13 + 18 + 44);	/* what the offsets below rely on */
	for (int by = -3; by <= 3; by++) {
		if (by == 0)
			continue;
		assert_int_equal(spoil(MSG_LEN, 3, by), HELLO_BAD);
		assert_int_equal(spoil(MSG_EXTENSIONS, 2, by), HELLO_BAD);
		assert_int_equal(spoil(sni + 4, 2, by), HELLO_BAD);	/* SNI list against its extension */
		assert_int_equal(spoil(sni + 2, 2, by), HELLO_BAD);	/* and the other way round */
		assert_int_equal(spoil(sni + 24 + 4 + 13 + 4, 2, by), HELLO_BAD);	/* ALPN list, the same */
		assert_int_equal(spoil(sni + 24 + 4 + 13 + 2, 2, by), HELLO_BAD);
		if (by > 0)
			assert_int_equal(spoil(sni + 7, 2, by), HELLO_BAD);	/* name in its list */
	}
	assert_int_equal(spoil(MSG_LEN, 3, 1 - (int)(msg.len - 4)), HELLO_BAD);	/* no room for a version */
	assert_int_equal(spoil(MSG_LEN, 3, 0x10000), HELLO_BAD);
	assert_int_equal(spoil(MSG_SESSION, 1, 1), HELLO_BAD);	/* 33: RFC 8446 4.1.2 */
	assert_int_equal(spoil(MSG_SESSION, 1, 200), HELLO_BAD);
	assert_int_equal(spoil(MSG_CIPHERS, 2, 2000), HELLO_BAD);
	assert_int_equal(spoil(MSG_COMPRESSION, 1, 200), HELLO_BAD);

	/* Without ALPN the last extension is reached: one byte too long, or 1 to 3 bytes behind it. */
	for (int by = -3; by <= 1; by++) {
		hello_msg_begin(&msg);
		put_sni(&msg, NAME, strlen(NAME));
		put_ext(&msg, 21, 40, 0);
		hello_msg_end(&msg);
		set16(&msg, msg.len - 42, 40 + by);
		hello_records(&wire, &msg, 16384);
		walk(&wire);
		assert_int_equal(h.status, by ? HELLO_BAD : HELLO_COMPLETE);
	}
}

/* A last extension that agrees with itself and ends @by bytes behind the ClientHello, inside the same record. */
static int overshoot(int alpn, int by)
{
	hello_msg_begin(&msg);
	if (alpn)
		put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
	else
		put_sni(&msg, NAME, strlen(NAME));
	hello_msg_end(&msg);
	set16(&msg, MSG_FIRST_EXT + 2, msg.len - MSG_FIRST_EXT - 4 + by);
	set16(&msg, MSG_FIRST_EXT + 4, msg.len - MSG_FIRST_EXT - 6 + by);
	if (!alpn)
		set16(&msg, MSG_FIRST_EXT + 7, strlen(NAME) + by);
	put_fill(&msg, 20, 'x');
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	return h.status;
}

static void extension_overshoots(void **state)
{
	for (int alpn = 0; alpn < 2; alpn++) {
		for (int by = 0; by < 20; by++)
			assert_int_equal(overshoot(alpn, by), by ? HELLO_BAD : HELLO_COMPLETE);
	}
}

/* legacy_session_id<0..32>, all else in order */
static void session_id_lengths(void **state)
{
	for (unsigned int len = 0; len <= 34; len++) {
		struct bytes *m = &msg;

		make_small();
		memmove(m->b + MSG_SESSION + 1 + len, m->b + MSG_CIPHERS, m->len - MSG_CIPHERS);
		m->len = m->len - 32 + len;
		m->b[MSG_SESSION] = len;
		set16(m, MSG_LEN + 1, m->len - 4);
		hello_records(&wire, m, 16384);
		walk(&wire);
		assert_int_equal(h.status, len <= 32 ? HELLO_COMPLETE : HELLO_BAD);
	}
}

static void wrong_records(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = { { 0, 0x17 }, { 0, 0x15 }, { 1, 2 }, { 3, 0x41 } };

	make_small();
	hello_records(&wire, &msg, 50);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hello_records(&wire, &msg, 50);
		wire.b[55 + rows[i].at] = rows[i].value;
		walk(&wire);
		assert_int_equal(h.status, HELLO_BAD);
	}
	make_small();
	set16(&wire, 3, 0);
	walk(&wire);
	assert_int_equal(h.status, HELLO_BAD);	/* empty handshake record: RFC 8446 5.1 */
	set16(&wire, 3, 16385);
	walk(&wire);
	assert_int_equal(h.status, HELLO_BAD);
	set16(&wire, 3, 16384);	/* other messages may follow in the record */
	walk(&wire);
	assert_both();
}

static void several_records(void **state)
{
	make_small();
	for (size_t each = 15; each < msg.len; each++) {
		hello_records(&wire, &msg, each);
		walk(&wire);
		assert_both();
	}
	/* Three records, cut everywhere: record headers, fields across record and segment border. */
	for (size_t each = 60; each < 90; each++) {
		hello_records(&wire, &msg, each);
		for (size_t cut = 1; cut < wire.len; cut++) {
			begin();
			feed(&wire, 0, cut);
			feed(&wire, cut, wire.len);
			assert_both();
		}
	}
	/* One byte a record: right when the segments are small, LIMIT in a large one. */
	hello_records(&wire, &msg, 1);
	begin();
	for (size_t i = 0; i < wire.len; i++)
		feed(&wire, i, i + 1);
	assert_both();
	walk(&wire);
	assert_int_equal(h.status, HELLO_LIMIT);
}

static void names_missing(void **state)
{
	static const struct {
		const char *what, *ext;
		size_t len;
	} rows[] = {
		{ "no extension", "", 0 },
		{ "empty server_name", "\0\0\0\0", 4 },
		{ "empty list", "\0\0\0\2\0\0", 6 },
		{ "short list", "\0\0\0\4\0\2\0\0", 8 },
		{ "name of 0 bytes", "\0\0\0\5\0\3\0\0\0", 9 },
		{ "another name type", "\0\0\0\7\0\5\1\0\2ab", 11 },
		{ "empty alpn", "\0\20\0\0", 4 },
		{ "one byte of alpn", "\0\20\0\1\0", 5 },
		{ "empty alpn list", "\0\20\0\2\0\0", 6 },
		{ "zero-length extensions", "\0\27\0\0\0\43\0\0", 8 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int behind = 0; behind < 2; behind++) {
			hello_msg_begin(&msg);
			put(&msg, rows[i].ext, rows[i].len);
			if (behind)
				put_ext(&msg, 21, 5, 0);
			hello_msg_end(&msg);
			hello_records(&wire, &msg, 16384);
			walk(&wire);
			assert_names(HELLO_COMPLETE, NULL, NULL, 0);
			assert_int_equal(h.flags, 0);
		}
	}
	/* Without the length of extensions: before TLS 1.3 */
	hello_msg_begin(&msg);
	msg.len = MSG_EXTENSIONS;
	set16(&msg, MSG_LEN + 1, msg.len - 4);
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	assert_names(HELLO_COMPLETE, NULL, NULL, 0);
	msg.len++;	/* half of it */
	set16(&msg, MSG_LEN + 1, msg.len - 4);
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	assert_int_equal(h.status, HELLO_BAD);
}

static void first_of_two(void **state)
{
	hello_msg_begin(&msg);
	put_sni(&msg, NAME, strlen(NAME));
	put_sni(&msg, "second", 6);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	assert_names(HELLO_COMPLETE, NAME, NULL, 0);
	hello_msg_begin(&msg);
	put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
	put_alpn(&msg, "\1x", 2);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	assert_names(HELLO_COMPLETE, NULL, ALPN, sizeof(ALPN) - 1);
}

static void name_lengths(void **state)
{
	char name[301];

	for (size_t len = 1; len <= 300; len++) {
		memset(name, 'a' + len % 26, sizeof(name));
		name[len] = 0;
		hello_msg_begin(&msg);
		put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
		put_sni(&msg, name, len);
		put_ext(&msg, 21, 5, 0);
		hello_msg_end(&msg);
		hello_records(&wire, &msg, 16384);
		walk(&wire);
		assert_names(HELLO_COMPLETE, len <= SNI_MAX ? name : NULL, ALPN, sizeof(ALPN) - 1);
		assert_int_equal(!!(h.flags & HELLO_SNI_CUT), len > SNI_MAX);
	}
}

static void alpn_lengths(void **state)
{
	char list[320];

	for (size_t each = 1; each <= 255; each++) {
		for (size_t n = 1; n * (each + 1) <= 300; n++) {
			size_t len = n * (each + 1), kept = len <= ALPN_MAX ? len : ALPN_MAX / (each + 1) * (each + 1);

			for (size_t i = 0; i < len; i++)
				list[i] = i % (each + 1) ? 'a' + i % 26 : each;
			hello_msg_begin(&msg);
			put_alpn(&msg, list, len);
			put_sni(&msg, NAME, strlen(NAME));
			hello_msg_end(&msg);
			hello_records(&wire, &msg, 16384);
			walk(&wire);
			assert_names(HELLO_COMPLETE, NAME, list, kept);
			assert_int_equal(!!(h.flags & HELLO_ALPN_CUT), len > ALPN_MAX);
		}
	}
}

/* Lists of 170 and of 300 bytes, cut everywhere. */
static void alpn_long_cut(void **state)
{
	static const size_t total[] = { 170, 300 }, kept[] = { 170, 250 };
	char list[300];

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < total[k]; i++)
			list[i] = i % 10 ? 'a' + i % 26 : 9;
		hello_msg_begin(&msg);
		put_alpn(&msg, list, total[k]);
		put_ext(&msg, 23, 0, 0);
		put_sni(&msg, NAME, strlen(NAME));
		hello_msg_end(&msg);
		hello_records(&wire, &msg, 120);
		for (size_t cut = 1; cut < wire.len; cut++) {
			begin();
			feed(&wire, 0, cut);
			feed(&wire, cut, wire.len);
			assert_names(HELLO_COMPLETE, NAME, list, kept[k]);
		}
	}
}

static void retransmission(void **state)
{
	make_chromium();
	for (size_t cut = 50; cut < wire.len - 100; cut += 37) {
		begin();
		feed(&wire, 0, cut);
		feed(&wire, 0, cut);		/* the same again */
		feed(&wire, 10, cut - 10);	/* a part of it */
		feed(&wire, cut - 30, wire.len);	/* overlap: starts inside */
		assert_both();
		assert_int_equal(h.flags, HELLO_SNI | HELLO_ALPN);
	}
}

static void gap(void **state)
{
	make_chromium();
	begin();
	feed(&wire, 0, 700);
	feed(&wire, 701, 1400);		/* one byte is missing */
	assert_int_equal(h.status, HELLO_MORE);
	assert_int_equal(h.flags, HELLO_GAP);
	assert_int_equal(h.next_seq, ISN + 700);
	feed(&wire, 1400, wire.len);
	assert_int_equal(h.status, HELLO_MORE);
	feed(&wire, 700, wire.len);	/* retransmitted after all */
	assert_both();
	assert_int_equal(h.flags, HELLO_SNI | HELLO_ALPN | HELLO_GAP);

	begin();
	feed(&wire, 100, 700);		/* the first segment is missing */
	assert_int_equal(h.status, HELLO_MORE);
	assert_int_equal(h.flags, HELLO_GAP);
}

static void accept_rows(void **state)
{
	static const struct {
		uint32_t next, seq, len, from;
		int gap;
	} rows[] = {
		{ 100, 100, 10, 0, 0 },
		{ 100, 100, 0, 0, 0 },
		{ 100, 95, 10, 5, 0 },
		{ 100, 90, 10, 10, 0 },
		{ 100, 91, 10, 9, 0 },
		{ 100, 50, 10, 10, 0 },
		{ 100, 101, 10, 10, 1 },
		{ 100, 101, 0, 0, 0 },
		{ 5, 0xfffffffb, 20, 10, 0 },
		{ 0xfffffffb, 5, 20, 20, 1 },
		{ 0, 0x80000001, 20, 20, 0 },
		{ 0, 0x7fffffff, 20, 20, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hello_begin(&h, rows[i].next);
		assert_int_equal(hello_accept(&h, rows[i].seq, rows[i].len), rows[i].from);
		assert_int_equal(h.flags, rows[i].gap ? HELLO_GAP : 0);
		assert_int_equal(h.next_seq, rows[i].next);
	}
	hello_begin(&h, 100);
	h.status = HELLO_COMPLETE;
	assert_int_equal(hello_accept(&h, 100, 10), 10);
}

/* A segment of several chunks (GRO), the names in the last ones, chunk borders in every place. */
static void many_chunks(void **state)
{
	for (size_t pad = 5900; pad < 6300; pad++) {
		hello_msg_begin(&msg);
		put_ext(&msg, 41, pad / 2, 0x00);
		put_ext(&msg, 51, pad - pad / 2, 0x16);
		put_sni(&msg, NAME, strlen(NAME));
		put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
		hello_msg_end(&msg);
		hello_records(&wire, &msg, 3000);
		walk(&wire);
		assert_both();
	}
}

static void too_many_extensions(void **state)
{
	hello_msg_begin(&msg);
	for (int i = 0; i < 70; i++)
		put_ext(&msg, 1000 + i, 1, 0);
	put_sni(&msg, NAME, strlen(NAME));
	put_alpn(&msg, ALPN, sizeof(ALPN) - 1);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
	walk(&wire);
	assert_int_equal(h.status, HELLO_LIMIT);
	begin();	/* the limit is one of a chunk */
	feed(&wire, 0, wire.len / 2);
	feed(&wire, wire.len / 2, wire.len);
	assert_both();
}

/* hello_begin() after another walk, and a buffer that still holds its bytes. */
static void walk_again(void **state)
{
	make_chromium();
	for (size_t cut = 1; cut < wire.len; cut += 11) {
		hello_begin(&h, ISN);
		feed(&wire, 0, cut);
		make_small();
		hello_begin(&h, ISN);
		feed(&wire, 0, wire.len);
		assert_both();
		make_chromium();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_segment), cmocka_unit_test(whole_or_not),
		cmocka_unit_test(every_cut_in_two),
		cmocka_unit_test(every_cut_in_three),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(shorter_is_more),
		cmocka_unit_test(not_hello),
		cmocka_unit_test(versions_accepted),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(extension_overshoots),
		cmocka_unit_test(session_id_lengths),
		cmocka_unit_test(wrong_records),
		cmocka_unit_test(several_records),
		cmocka_unit_test(names_missing),
		cmocka_unit_test(first_of_two),
		cmocka_unit_test(name_lengths),
		cmocka_unit_test(alpn_lengths),
		cmocka_unit_test(alpn_long_cut),
		cmocka_unit_test(retransmission),
		cmocka_unit_test(gap),
		cmocka_unit_test(accept_rows),
		cmocka_unit_test(many_chunks),
		cmocka_unit_test(too_many_extensions),
		cmocka_unit_test(walk_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
