/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_quic_packet - headers of every type and version, cut at each length; varints, packet numbers, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/quic_packet.h"
#include "quic_make.h"

static struct quic_bytes d;
static struct quic_packet p;

/* In memory of exactly @len bytes: the sanitizer sees one too many. */
static enum quic_packet_type parse(const void *bytes, size_t len, size_t *ret_left)
{
	static uint8_t *copy;
	struct reader r;

	free(copy);
	copy = malloc(len + !len);
	if (len)
		memcpy(copy, bytes, len);
	r = (struct reader){ .at = copy, .left = len };
	quic_packet_next(&r, &p);
	*ret_left = r.left;
	return p.type;
}

static void assert_cid(const struct quic_cid *cid, const char *want)
{
	assert_int_equal(cid->len, strlen(want));
	assert_memory_equal(cid->id, want, cid->len);
}

/* Types move by one in version 2: RFC 9369 3.2 */
static void types_of_versions(void **state)
{
	static const uint32_t VERSIONS[] = { 1, 0x6b3343cf, 0xff00001b, 0xff00001d, 0xff000022 };
	size_t left;

	for (size_t v = 0; v < ARRAY_SIZE(VERSIONS); v++) {
		for (uint8_t type = 0; type < 3; type++) {
			struct quic_initial i = { .version = VERSIONS[v], .type = type, .dcid = "12345678", .scid = "abc" };

			d.len = 0;
			i.token = "token";
			quic_make_initial(&d, &i, "1234567890123456789", 19);
			quic_put(&d, "\x40rest", 5);
			assert_int_equal(parse(d.b, d.len, &left), (enum quic_packet_type)type);
			assert_int_equal(p.number, VERSIONS[v]);
			assert_int_equal(p.version->number, VERSIONS[v]);
			assert_cid(&p.dcid, "12345678");
			assert_cid(&p.scid, "abc");
			assert_int_equal(p.token.len, type ? 0 : 5);
			assert_int_equal(left, 5);
			assert_int_equal(p.all.len, d.len - 5);
			assert_int_equal(p.number_at, p.all.len - 19 - 16 - 1);
			for (size_t len = 0; len < d.len - 5; len++)
				if (len)
					assert_int_equal(parse(d.b, len, &left), QUIC_PACKET_BAD);
		}
	}
	assert_null(quic_version_find(0));
	assert_null(quic_version_find(0xff000023));
}

static void retry(void **state)
{
	size_t left;

	d.len = 0;
	quic_make_retry(&d, "original", "client", "server", "tok");
	assert_int_equal(parse(d.b, d.len, &left), QUIC_RETRY_PACKET);
	assert_cid(&p.dcid, "client");
	assert_cid(&p.scid, "server");
	assert_int_equal(p.token.len, 3);
	assert_int_equal(left, 0);
	for (size_t len = 1; len < d.len - 3; len++)	/* then the token is shorter, and the tag wrong */
		assert_int_equal(parse(d.b, len, &left), QUIC_PACKET_BAD);
}

static void negotiation(void **state)
{
	static const uint8_t BYTES[] = "\x80\0\0\0\0\2ab\3cde\0\0\0\1\x6b\x33\x43\xcf";
	size_t left;

	assert_int_equal(parse(BYTES, 20, &left), QUIC_NEGOTIATION);
	assert_cid(&p.dcid, "ab");
	assert_cid(&p.scid, "cde");
	assert_int_equal(p.versions.len, 8);
	for (size_t len = 1; len < 20; len++)
		assert_int_equal(parse(BYTES, len, &left), len == 16 ? QUIC_NEGOTIATION : QUIC_PACKET_BAD);
}

static void others(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum quic_packet_type want;
	} rows[] = {
		{ "\x40", 1, QUIC_SHORT_HEADER },
		{ "\x7fxyz", 4, QUIC_SHORT_HEADER },
		{ "\x3fxyz", 4, QUIC_PACKET_BAD },	/* no fixed bit */
		{ "\0\0", 2, QUIC_PACKET_BAD },
		{ "\xc0\0\0\0\1\24aaaaaaaaaaaaaaaaaaaa\0\0\0", 29, QUIC_INITIAL },	/* 20: the longest cid */
		{ "\xc0\0\0\0\1\25aaaaaaaaaaaaaaaaaaaaa\0\0\0", 30, QUIC_PACKET_BAD },
		{ "\xc0\0\0\0\1\0\25aaaaaaaaaaaaaaaaaaaaa\0\0", 30, QUIC_PACKET_BAD },
		{ "\x80\0\0\0\1\0\0\0\0", 9, QUIC_INITIAL },	/* RFC 9287 */
		{ "\xc0\0\0\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0", 16, QUIC_PACKET_BAD },	/* token of 2^62 - 1 */
		{ "\xc0\0\0\0\1\0\0\0\xc0\0\0\1\0\0\0\0", 16, QUIC_PACKET_BAD },	/* length of 2^32 */
		{ "\xc0\0\0\0\1\0\0\0\1", 9, QUIC_PACKET_BAD },
	};
	size_t left;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse(rows[i].bytes, rows[i].len, &left), rows[i].want);
		assert_int_equal(left, 0);
	}
}

/* Of the length of a client's first datagram, with the fixed bit. */
static void unknown_versions(void **state)
{
	static uint8_t bytes[1200] = "\xc0\x0a\x1a\x2a\x3a\2ab\1c";
	size_t left;

	assert_int_equal(parse(bytes, 1200, &left), QUIC_OTHER_VERSION);
	assert_int_equal(p.number, 0x0a1a2a3a);
	assert_cid(&p.dcid, "ab");
	assert_cid(&p.scid, "c");
	assert_int_equal(parse(bytes, 1199, &left), QUIC_PACKET_BAD);
	bytes[0] = 0x80;
	assert_int_equal(parse(bytes, 1200, &left), QUIC_PACKET_BAD);
}

/* RFC 9000 A.1 */
static void varints(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint64_t want;
	} rows[] = {
		{ "\x25", 1, 37 },
		{ "\x40\x25", 2, 37 },
		{ "\x7b\xbd", 2, 15293 },
		{ "\x9d\x7f\x3e\x7d", 4, 494878333 },
		{ "\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 8, 151288809941952652ULL },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", 8, (1ULL << 62) - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t len = 0; len <= rows[i].len; len++) {
			struct reader r = { .at = (const uint8_t *)rows[i].bytes, .left = len };
			uint64_t got = quic_varint(&r);

			assert_int_equal(r.bad, len < rows[i].len);
			if (!r.bad)
				assert_true(got == rows[i].want);
		}
	}
}

/* RFC 9000 A.3, and the edges */
static void packet_numbers(void **state)
{
	assert_true(quic_packet_number(0xa82f30ea + 1, 0x9b32, 2) == 0xa82f9b32);
	assert_true(quic_packet_number(0, 0, 1) == 0);
	assert_true(quic_packet_number(0, 255, 1) == 255);
	assert_true(quic_packet_number(256, 255, 1) == 255);
	assert_true(quic_packet_number(256, 0, 1) == 256);
	assert_true(quic_packet_number(255, 1, 1) == 257);
	assert_true(quic_packet_number(0x100, 0xffffffff, 4) == 0xffffffff);
}

static void frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum quic_frame want;
		size_t left;
	} rows[] = {
		{ "\0\0\0\1", 4, QUIC_FRAME_OTHER, 1 },
		{ "\0", 1, QUIC_FRAME_OTHER, 0 },
		{ "\1\1", 2, QUIC_FRAME_OTHER, 1 },
		{ "\2\5\0\0\0", 5, QUIC_FRAME_OTHER, 0 },
		{ "\2\5\0\2\0\1\1\1\1", 9, QUIC_FRAME_OTHER, 0 },
		{ "\2\5\0\2\0\1\1\1", 8, QUIC_FRAME_BAD, 0 },
		{ "\2\5\0\xff\xff\xff\xff\xff\xff\xff\xff\0\1\1", 14, QUIC_FRAME_BAD, 0 },
		{ "\3\5\0\0\0\1\2\3", 8, QUIC_FRAME_OTHER, 0 },
		{ "\3\5\0\0\0\1\2", 7, QUIC_FRAME_BAD, 0 },
		{ "\x1c\1\0\2no\0", 7, QUIC_FRAME_OTHER, 1 },
		{ "\x1c\1\0\3no", 6, QUIC_FRAME_BAD, 0 },
		{ "\6\0\3abcd", 7, QUIC_FRAME_CRYPTO, 1 },
		{ "\6\0\3ab", 5, QUIC_FRAME_BAD, 0 },
		{ "\6\0\0", 3, QUIC_FRAME_CRYPTO, 0 },
		{ "\x08\0", 2, QUIC_FRAME_BAD, 1 },	/* STREAM */
		{ "\x1d\0\0", 3, QUIC_FRAME_BAD, 2 },
		{ "\4\0\0\0", 4, QUIC_FRAME_BAD, 3 },
		{ "\x80\0", 2, QUIC_FRAME_BAD, 0 },	/* a type that is cut: not PADDING for ever */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reader r = { .at = (const uint8_t *)rows[i].bytes, .left = rows[i].len };
		struct tls_bytes data;
		uint64_t offset;

		assert_int_equal(quic_frame_next(&r, &offset, &data), rows[i].want);
		if (!r.bad)
			assert_int_equal(r.left, rows[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_versions),
		cmocka_unit_test(retry),
		cmocka_unit_test(negotiation),
		cmocka_unit_test(others),
		cmocka_unit_test(unknown_versions),
		cmocka_unit_test(varints),
		cmocka_unit_test(packet_numbers),
		cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests_name("quic_packet", tests, NULL, NULL);
}
