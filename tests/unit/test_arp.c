/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_arp - the exact length, every shorter one, a wrong value in each checked field, probes and announcements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/arp.h"

#define SENDER_AT 14
#define TARGET_AT 24

static const uint8_t REQUEST[ARP_BYTES] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2 };
static struct arp got;

/* In memory of exactly @len bytes. */
static enum arp_result ask(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	enum arp_result result;

	memcpy(copy, bytes, len);
	memset(&got, 0xee, sizeof(got));
	result = arp_parse(copy, len, &got);
	free(copy);
	return result;
}

static void every_length(void **state)
{
	uint8_t padded[46] = { 0 };

	for (size_t len = 0; len < ARP_BYTES; len++)
		assert_int_equal(ask(REQUEST, len), ARP_SHORT);
	assert_int_equal(ask(REQUEST, ARP_BYTES), ARP_OK);
	memcpy(padded, REQUEST, ARP_BYTES);
	assert_int_equal(ask(padded, sizeof(padded)), ARP_OK);
}

static void facts_of_a_request(void **state)
{
	uint32_t sender[4] = { 0, 0, htonl(0xffff), htonl(0xc0000201) }, target[4] = { 0, 0, htonl(0xffff), htonl(0xc0000202) };

	assert_int_equal(ask(REQUEST, ARP_BYTES), ARP_OK);
	assert_false(got.reply || got.probe || got.gratuitous);
	assert_memory_equal(got.sender_mac, REQUEST + 8, 6);
	assert_memory_equal(got.target_mac, REQUEST + 18, 6);
	assert_memory_equal(got.sender, sender, 16);
	assert_memory_equal(got.target, target, 16);
}

static void kinds(void **state)
{
	static const struct {
		uint8_t operation, sender, target;	/* 192.0.2.x; 0: 0.0.0.0 */
		bool reply, probe, gratuitous;
	} rows[] = {
		{ 1, 1, 2, false, false, false },
		{ 2, 1, 2, true, false, false },
		{ 1, 0, 2, false, true, false },	/* RFC 5227 2.1.1 */
		{ 1, 1, 1, false, false, true },	/* 2.3 */
		{ 2, 1, 1, true, false, true },
		{ 2, 0, 2, true, false, false },
		{ 1, 0, 0, false, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t b[ARP_BYTES];

		memcpy(b, REQUEST, sizeof(b));
		b[7] = rows[i].operation;
		b[SENDER_AT + 3] = rows[i].sender;
		b[TARGET_AT + 3] = rows[i].target;
		if (!rows[i].sender)
			memset(b + SENDER_AT, 0, 4);
		if (!rows[i].target)
			memset(b + TARGET_AT, 0, 4);
		assert_int_equal(ask(b, sizeof(b)), ARP_OK);
		assert_int_equal(got.reply, rows[i].reply);
		assert_int_equal(got.probe, rows[i].probe);
		assert_int_equal(got.gratuitous, rows[i].gratuitous);
	}
}

static void one_wrong_value_a_field(void **state)
{
	static const struct {
		uint8_t at, value;
		enum arp_result want;
	} rows[] = {
		{ 0, 1, ARP_HARDWARE }, { 1, 6, ARP_HARDWARE }, { 4, 8, ARP_HARDWARE }, { 2, 0x86, ARP_PROTOCOL },
		{ 3, 1, ARP_PROTOCOL }, { 5, 16, ARP_PROTOCOL }, { 6, 1, ARP_OPERATION }, { 7, 0, ARP_OPERATION },
		{ 7, 3, ARP_OPERATION }, { 7, 9, ARP_OPERATION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t b[ARP_BYTES];
		struct arp untouched;

		memset(&untouched, 0xee, sizeof(untouched));
		memcpy(b, REQUEST, sizeof(b));
		b[rows[i].at] = rows[i].value;
		assert_int_equal(ask(b, sizeof(b)), rows[i].want);
		assert_memory_equal(&got, &untouched, sizeof(got));
		assert_true(strlen(arp_result_name(rows[i].want)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(facts_of_a_request),
		cmocka_unit_test(kinds),
		cmocka_unit_test(one_wrong_value_a_field),
	};

	return cmocka_run_group_tests_name("arp", tests, NULL, NULL);
}
