/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dtls - hellos in one fragment and in many, in any order; cookies; what is no hello, and what is no DTLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/dtls.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define HEADER 12	/* of a handshake message */

static struct reassemble_pool *pool;
static struct ja4 *ja4;
static struct dtls d;
static struct dtls_facts facts;
static struct make m;
static uint8_t datagram[4096];
static size_t datagram_len;

static int setup(void **state)
{
	d = (struct dtls){ 0 };
	return ja4_new(&ja4) || reassemble_pool_new(&pool, 2 * sizeof(struct reassemble));
}

static int teardown(void **state)
{
	dtls_end(pool, &d);
	if (reassemble_pool_used(pool))
		return -1;
	pool = reassemble_pool_free(pool);
	ja4 = ja4_free(ja4);
	return 0;
}

static void make_hello(const char *name)
{
	make_client(&m, TLS_ON_DATAGRAMS, 0xfefd, "", LIST(0xc02b, 0xc02f));
	make_sni(&m, name);
	make_end(&m);
}

static void put(const void *bytes, size_t len)
{
	memcpy(datagram + datagram_len, bytes, len);
	datagram_len += len;
}

static void record(uint8_t type, uint8_t epoch, size_t len)
{
	const uint8_t header[13] = { type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, (uint8_t)(len >> 8), (uint8_t)len };

	put(header, sizeof(header));
}

/* Bytes [from, to) of the message in m, in a record of its own, with message_seq @number. */
static void fragment(uint8_t number, size_t from, size_t to)
{
	const size_t body = m.len - HEADER, len = to - from;
	const uint8_t header[HEADER] = {
		m.b[0], (uint8_t)(body >> 16), (uint8_t)(body >> 8), (uint8_t)body, 0, number,
		(uint8_t)(from >> 16), (uint8_t)(from >> 8), (uint8_t)from, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
	};

	record(22, 0, HEADER + len);
	put(header, HEADER);
	put(m.b + HEADER + from, len);
}

static enum dtls_result feed(unsigned int direction)
{
	uint8_t *copy = malloc(datagram_len + !datagram_len);
	enum dtls_result result;

	memcpy(copy, datagram, datagram_len);
	result = dtls_datagram(pool, ja4, &d, direction, copy, datagram_len, &facts);
	if (facts.has_client && facts.client.sni.len)
		assert_memory_equal(facts.client.sni.at, "dtls.example", MIN(facts.client.sni.len, 12));
	free(copy);
	datagram_len = 0;
	return result;
}

static void in_one_fragment(void **state)
{
	make_hello("dtls.example");
	fragment(0, 0, m.len - HEADER);
	assert_int_equal(feed(0), DTLS_HELLO);
	assert_true(facts.has_client && !facts.has_server && !facts.hello_retry);
	assert_int_equal(facts.tls, TLS_OK);
	assert_memory_equal(facts.ja4, "dd2d0201", 8);
	assert_int_equal(reassemble_pool_used(pool), 0);
}

static void every_cut_in_both_orders(void **state)
{
	for (size_t cut = 1; cut < 60; cut++)
		for (int back = 0; back < 2; back++) {
			make_hello("dtls.example");
			fragment((uint8_t)cut, back ? cut : 0, back ? m.len - HEADER : cut);
			assert_int_equal(feed(0), DTLS_MORE);
			fragment((uint8_t)cut, back ? 0 : cut, back ? cut : m.len - HEADER);
			assert_int_equal(feed(0), DTLS_HELLO);
			assert_true(facts.has_client);
			dtls_done(pool, &d);
			assert_int_equal(reassemble_pool_used(pool), 0);
		}
}

static void small_pieces_in_one_datagram(void **state)
{
	make_hello("dtls.example");
	for (size_t at = 0; at < m.len - HEADER; at += 7)
		fragment(0, at, MIN(at + 7, m.len - HEADER));
	assert_int_equal(feed(0), DTLS_HELLO);
	assert_int_equal(facts.client.sni.len, 12);
}

static void cookie(void **state)
{
	static const uint8_t verify[] = { 3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0 };

	make_hello("dtls.example");
	fragment(0, 0, 10);	/* half of the first hello, and never the rest */
	assert_int_equal(feed(0), DTLS_MORE);
	record(22, 0, sizeof(verify));
	put(verify, sizeof(verify));
	assert_int_equal(feed(1), DTLS_SKIPPED);
	assert_true(facts.hello_retry);
	fragment(1, 0, 20);
	assert_int_equal(feed(0), DTLS_MORE);
	fragment(1, 20, m.len - HEADER);
	assert_int_equal(feed(0), DTLS_HELLO);
	assert_true(facts.has_client);
}

static void server_hello(void **state)
{
	make_server(&m, TLS_ON_DATAGRAMS, 0xfefd, "", 0xc02b, NULL);
	make_end(&m);
	fragment(1, 0, m.len - HEADER);
	record(22, 1, 4);	/* encrypted: stepped over */
	put("zzzz", 4);
	assert_int_equal(feed(1), DTLS_HELLO);
	assert_true(facts.has_server);
	assert_int_equal(facts.server.cipher, 0xc02b);
}

static void each_shorter_length(void **state)
{
	make_hello("dtls.example");
	fragment(0, 0, m.len - HEADER);
	for (size_t len = 1, whole = datagram_len; len < whole; len++) {
		uint8_t copy[4096];

		memcpy(copy, datagram, whole);
		datagram_len = len;
		assert_int_equal(feed(0), DTLS_NOT_DTLS);	/* the record does not fit */
		memcpy(datagram, copy, whole);
	}
}

static void one_wrong_value(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum dtls_result result;
	} rows[] = {
		{ 0, 19, DTLS_NOT_DTLS }, { 0, 27, DTLS_NOT_DTLS }, { 0, 23, DTLS_SKIPPED }, { 0, 25, DTLS_SKIPPED },
		{ 1, 3, DTLS_NOT_DTLS }, { 2, 0xfc, DTLS_NOT_DTLS }, { 2, 0xff, DTLS_HELLO }, { 4, 1, DTLS_SKIPPED },
		{ 13, 0, DTLS_SKIPPED }, { 13, 11, DTLS_SKIPPED }, { 14, 1, DTLS_FULL }, { 19, 1, DTLS_BAD }, { 22, 1, DTLS_BAD },
		{ 24, 1, DTLS_BAD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum dtls_result result;

		make_hello("dtls.example");
		fragment(0, 0, m.len - HEADER);
		datagram[rows[i].at] = rows[i].value;
		result = feed(0);
		if (result != rows[i].result)
			fail_msg("byte %zu as %u: %d", rows[i].at, rows[i].value, result);
		dtls_end(pool, &d);
	}
}

static void not_dtls(void **state)
{
	put("\0\1\0\0\x21\x12\xa4\x42" "abcdefghijkl", 20);	/* STUN */
	assert_int_equal(feed(0), DTLS_NOT_DTLS);
	put("\x80\x60", 2);	/* RTP */
	assert_int_equal(feed(0), DTLS_NOT_DTLS);
	assert_int_equal(feed(0), DTLS_NOT_DTLS);
	put("\x2c\1\2\3", 4);	/* encrypted, of 1.3 */
	assert_int_equal(feed(0), DTLS_NOT_DTLS);
}

static void pool_is_full(void **state)
{
	struct dtls others[2] = { 0 };

	make_hello("dtls.example");
	for (int i = 0; i < 2; i++) {
		d = others[i];
		fragment(0, 0, 10);
		assert_int_equal(feed(0), DTLS_MORE);
		others[i] = d;
	}
	d = (struct dtls){ 0 };
	fragment(0, 0, 10);
	assert_int_equal(feed(0), DTLS_FULL);
	fragment(0, 0, m.len - HEADER);		/* whole: needs no buffer */
	assert_int_equal(feed(0), DTLS_HELLO);
	dtls_end(pool, &others[0]);
	dtls_end(pool, &others[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(in_one_fragment), TEST(every_cut_in_both_orders), TEST(small_pieces_in_one_datagram), TEST(cookie),
		TEST(server_hello), TEST(each_shorter_length), TEST(one_wrong_value), TEST(not_dtls), TEST(pool_is_full),
	};

	return cmocka_run_group_tests_name("dtls", tests, NULL, NULL);
}
