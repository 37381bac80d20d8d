/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_quic_crypto - the vectors of RFC 9001 Appendix A and RFC 9369 Appendix A; every bit of them flipped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/quic_crypto.h"
#include "quic_make.h"

static struct quic_crypto *crypto;

static const char CRYPTO_FRAME[] =	/* A.2, the same in both */
	"060040f1010000ed0303ebf8fa56f129 39b9584a3896472ec40bb863cfd3e868 04fe3a47f06a2b69484c000004130113"
	"02010000c000000010000e00000b6578 616d706c652e636f6dff01000100000a 00080006001d00170018001000070005"
	"04616c706e0005000501000000000033 00260024001d00209370b2c9caa47fba baf4559fedba753de171fa71f50f1ce1"
	"5d43e994ec74d748002b000302030400 0d0010000e0403050306030203080408 050806002d00020101001c0002400100"
	"3900320408ffffffffffffffff050480 00ffff07048000ffff08011001048000 75300901100f088394c8f03e51570806"
	"048000ffff";
static const char SERVER_FRAMES[] =	/* A.3, the same in both */
	"02000000000600405a020000560303ee fce7f7b37ba1d1632e96677825ddf739 88cfc79825df566dc5430b9a045a1200"
	"130100002e00330024001d00209d3c94 0d89690b84d08a60993c144eca684d10 81287c834d5311bcf32bb9da1a002b00"
	"020304";

static const struct vector {
	uint32_t version;
	const char *client_keys, *server_keys;	/* key, iv, hp */
	const char *client_begin, *client_end;	/* of the protected packet: to the end of the sample, from the tag on */
	const char *server, *retry;
} VECTORS[] = {
	{ QUIC_V1, "1f369613dd76d5467730efcbe3b1a22d fa044b2f42a3fd3b46fb255c 9f50449e04a0e810283a1e9933adedd2",
	  "cf3a5331653c364c88f0f379b6067e37 0ac1493ca1905853b0bba03e c206b8d9b9f0f37644430b490eeaa314",
	  "c000000001088394c8f03e5157080000 449e7b9aec34d1b1c98dd7689fb8ec11 d242b123dc9b", "e221af44860018ab0856972e194cd934",
	  "cf000000010008f067a5502a4262b500 4075c0d95a482cd0991cd25b0aac406a 5816b6394100f37a1c69797554780bb3"
	  "8cc5a99f5ede4cf73c3ec2493a1839b3 dbcba3f6ea46c5b7684df3548e7ddeb9 c3bf9c73cc3f3bded74b562bfb19fb84"
	  "022f8ef4cdd93795d77d06edbb7aaf2f 58891850abbdca3d20398c276456cbc4 2158407dd074ee",
	  "ff000000010008f067a5502a4262b574 6f6b656e04a265ba2eff4d829058fb3f 0f2496ba" },
	{ QUIC_V2, "8b1a0bc121284290a29e0971b5cd045d 91f73e2351d8fa91660e909f 45b95e15235d6f45a6b19cbcb0294ba9",
	  "82db637861d55e1d011f19ea71d5d2a7 dd13c276499c0249d3310652 edf6d05c83121201b436e16877593c3a",
	  "d76b3343cf088394c8f03e5157080000 449ea0c95e82ffe67b6abcdb4298b485 dd04de806071", "a18b2faa745b6fe189cf772a9f84cbfc",
	  "dc6b3343cf0008f067a5502a4262b500 4075d92faaf16f05d8a4398c47089698 baeea26b91eb761d9b89237bbf872630"
	  "17915358230035f7fd3945d88965cf17 f9af6e16886c61bfc703106fbaf3cb4c fa52382dd16a393e42757507698075b2"
	  "c984c707f0a0812d8cd5a6881eaf21ce da98f4bd23f6fe1a3e2c43edd9ce7ca8 4bed8521e2e140",
	  "cf6b3343cf0008f067a5502a4262b574 6f6b656ec8646ce8bfe33952d9555436 65dcc7b6" },
};
static const struct quic_cid DCID = { 8, { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 } };

static struct quic_bytes packet, payload, want;

static void keys_of(const struct vector *v, enum quic_side side, struct quic_keys *keys)
{
	want.len = 0;
	quic_put_hex(&want, side == QUIC_CLIENT ? v->client_keys : v->server_keys);
	assert_int_equal(want.len, sizeof(*keys));
	assert_int_equal(quic_crypto_keys(crypto, quic_version_find(v->version), &DCID, side, keys), 0);
	assert_memory_equal(keys, want.b, sizeof(*keys));
}

/* A.2: made of its payload by the tests' own encryptor; first bytes, sample and tag are the RFC's, so the rest is. */
static void client_packet(const struct vector *v)
{
	struct quic_initial i = { .version = v->version, .dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08", .number = 2, .number_len = 4 };

	packet.len = payload.len = want.len = 0;
	quic_put_hex(&payload, CRYPTO_FRAME);
	memset(payload.b + payload.len, 0, 1162 - payload.len);
	payload.len = 1162;
	quic_make_initial(&packet, &i, payload.b, payload.len);
	quic_put_hex(&want, v->client_begin);
	assert_memory_equal(packet.b, want.b, want.len);
	want.len = 0;
	quic_put_hex(&want, v->client_end);
	assert_int_equal(packet.len, 1200);
	assert_memory_equal(packet.b + packet.len - want.len, want.b, want.len);
}

static int open_packet(const struct quic_keys *keys, uint64_t *next, struct tls_bytes *ret_payload)
{
	uint8_t *copy = malloc(packet.len);
	struct reader r = { .at = copy, .left = packet.len };
	struct quic_packet p;
	int result;

	memcpy(copy, packet.b, packet.len);
	result = quic_packet_next(&r, &p) == QUIC_INITIAL ? quic_crypto_open(crypto, keys, &p, next, ret_payload) : -EPROTO;
	free(copy);
	return result;
}

static void assert_opens(const struct quic_keys *keys, uint64_t number)
{
	struct tls_bytes got;
	uint64_t next = 0;

	assert_int_equal(open_packet(keys, &next, &got), 0);
	assert_true(next == number + 1);
	assert_int_equal(got.len, payload.len);
	assert_memory_equal(got.at, payload.b, payload.len);
}

/* No bit of it can change: it is not opened, or not that packet any more. */
static void assert_bits_matter(const struct quic_keys *keys)
{
	struct tls_bytes got;

	for (size_t bit = 0; bit < 8 * packet.len; bit++) {
		uint64_t next = 0;
		int r;

		packet.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = open_packet(keys, &next, &got);
		assert_true(r == -EBADMSG || r == -EPROTO || r == -EMSGSIZE);
		assert_true(next == 0);
		packet.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void client_initial(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(VECTORS); i++) {
		struct quic_keys keys;

		keys_of(&VECTORS[i], QUIC_CLIENT, &keys);
		client_packet(&VECTORS[i]);
		assert_opens(&keys, 2);
		assert_bits_matter(&keys);
	}
}

static void server_initial(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(VECTORS); i++) {
		struct quic_keys keys;

		keys_of(&VECTORS[i], QUIC_SERVER, &keys);
		packet.len = payload.len = 0;
		quic_put_hex(&packet, VECTORS[i].server);
		quic_put_hex(&payload, SERVER_FRAMES);
		assert_opens(&keys, 1);
		assert_bits_matter(&keys);
	}
}

static void retry(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(VECTORS); i++) {
		struct quic_cid other = DCID;

		packet.len = 0;
		quic_put_hex(&packet, VECTORS[i].retry);
		for (size_t bit = 0; bit <= 8 * packet.len; bit++) {
			struct reader r = { .at = packet.b, .left = packet.len };
			struct quic_packet p;

			if (bit)
				packet.b[(bit - 1) / 8] ^= (uint8_t)(1 << (bit - 1) % 8);
			if (quic_packet_next(&r, &p) == QUIC_RETRY_PACKET)
				assert_int_equal(quic_crypto_retry(crypto, &p, &DCID), bit ? -EBADMSG : 0);
			else
				assert_int_not_equal(bit, 0);
			if (!bit) {
				other.id[7]++;
				assert_int_equal(quic_crypto_retry(crypto, &p, &other), -EBADMSG);
			} else {
				packet.b[(bit - 1) / 8] ^= (uint8_t)(1 << (bit - 1) % 8);
			}
		}
	}
}

/* RFC 9001 5.4.2: packets too short for a sample are dropped. Every number length, every short payload. */
static void shortest_and_longest(void **state)
{
	static uint8_t bytes[QUIC_PAYLOAD_MAX];
	struct quic_keys keys;

	assert_int_equal(quic_crypto_keys(crypto, quic_version_find(1), &DCID, QUIC_CLIENT, &keys), 0);
	for (size_t number_len = 1; number_len <= 4; number_len++) {
		for (size_t len = 0; len < 8; len++) {
			struct quic_initial i = { .version = 1, .dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08", .number = 77,
						  .number_len = number_len };
			struct tls_bytes got;
			uint64_t next = 0;

			packet.len = 0;
			quic_make_initial(&packet, &i, "\1\1\1\1\1\1\1", len);
			assert_int_equal(open_packet(&keys, &next, &got), len + number_len < 4 ? -EMSGSIZE : 0);
			assert_true(next == (len + number_len < 4 ? 0 : 78));
		}
	}
	for (size_t over = 0; over < 2; over++) {
		struct quic_initial i = { .version = 1, .dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08" };
		struct tls_bytes got;
		uint64_t next = 0;

		packet.len = 0;
		quic_make_initial(&packet, &i, bytes, QUIC_PAYLOAD_MAX - 17 + over);
		assert_int_equal(open_packet(&keys, &next, &got), over ? -EMSGSIZE : 0);
	}
}

/* A number of one byte goes on where the last one was. */
static void numbers_go_on(void **state)
{
	struct quic_initial i = { .version = 1, .dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08", .number = 300, .number_len = 1 };
	struct quic_keys keys;
	struct tls_bytes got;
	uint64_t next = 0;

	assert_int_equal(quic_crypto_keys(crypto, quic_version_find(1), &DCID, QUIC_CLIENT, &keys), 0);
	packet.len = 0;
	quic_make_initial(&packet, &i, "\1\1\1\1", 4);
	assert_int_equal(open_packet(&keys, &next, &got), -EBADMSG);
	next = 299;
	assert_int_equal(open_packet(&keys, &next, &got), 0);
	assert_true(next == 301);
	next = 310;
	assert_int_equal(open_packet(&keys, &next, &got), 0);
	assert_true(next == 310);
}

static int setup(void **state)
{
	return quic_crypto_new(&crypto);
}

static int teardown(void **state)
{
	crypto = quic_crypto_free(crypto);
	quic_crypto_free(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_initial),
		cmocka_unit_test(server_initial),
		cmocka_unit_test(retry),
		cmocka_unit_test(shortest_and_longest),
		cmocka_unit_test(numbers_go_on),
	};

	return cmocka_run_group_tests_name("quic_crypto", tests, setup, teardown);
}
