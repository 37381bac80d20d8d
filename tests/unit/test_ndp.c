/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_ndp - the four messages: every length, each check of RFC 4861 6.1 and 7.1, link-layer options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/ndp.h"

#define SLLA	"\1\1\2\0\0\0\0\1"
#define TLLA	"\2\1\2\0\0\0\0\2"
#define TARGET	"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x09"
#define RS	"\205\0\0\0\0\0\0\0"
#define RA	"\206\0\0\0\100\0\0\36\0\0\0\0\0\0\0\0"
#define NS	"\207\0\0\0\0\0\0\0" TARGET
#define NA	"\210\0\0\0\340\0\0\0" TARGET

enum place { NOWHERE, LINK_LOCAL, GLOBAL, ALL_NODES, SOLICITED, V6_PLACES };

static const uint8_t PLACES[V6_PLACES][16] = {
	[LINK_LOCAL] = { 0xfe, 0x80, [15] = 1 },
	[GLOBAL] = { 0x20, 1, 0xd, 0xb8, [15] = 1 },
	[ALL_NODES] = { 0xff, 2, [15] = 1 },
	[SOLICITED] = { 0xff, 2, [11] = 1, 0xff, 0, 0, 9 },
};

static uint8_t *copy;
static struct ndp got;

static enum ndp_result ask(const void *bytes, size_t len, enum place source, enum place destination, uint8_t hop_limit)
{
	uint32_t from[4], to[4];

	free(copy);
	copy = malloc(len + !len);
	memcpy(copy, bytes, len);
	memcpy(from, PLACES[source], 16);
	memcpy(to, PLACES[destination], 16);
	memset(&got, 0xee, sizeof(got));
	return ndp_parse(copy, len, from, to, hop_limit, &got);
}

#define ASK(text, source, destination) ask(text, sizeof(text) - 1, source, destination, 255)

static void every_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t body, len;
	} rows[] = {
		{ RS SLLA, 8, 16 }, { RA SLLA, 16, 24 }, { NS SLLA, 24, 32 }, { NA TLLA, 24, 32 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t len = 0; len <= rows[i].len; len++) {
			enum ndp_result want = len < rows[i].body ? NDP_SHORT : NDP_OPTION;

			if (len == rows[i].body || len == rows[i].len)
				want = NDP_OK;
			assert_int_equal(ask(rows[i].bytes, len, LINK_LOCAL, LINK_LOCAL, 255), want);
		}
	}
}

static void facts(void **state)
{
	assert_int_equal(ASK(NS SLLA, GLOBAL, SOLICITED), NDP_OK);
	assert_int_equal(got.type, NDP_NS);
	assert_memory_equal(got.source, PLACES[GLOBAL], 16);
	assert_memory_equal(got.target, TARGET, 16);
	assert_memory_equal(got.source_mac, "\2\0\0\0\0\1", 6);
	assert_true(got.source_mac == copy + 26 && !got.target_mac && !got.dad && !got.router);

	assert_int_equal(ASK(NA TLLA, LINK_LOCAL, GLOBAL), NDP_OK);
	assert_memory_equal(got.target_mac, "\2\0\0\0\0\2", 6);
	assert_true(got.router && got.solicited && got.override && !got.source_mac);

	assert_int_equal(ASK(RA SLLA, LINK_LOCAL, ALL_NODES), NDP_OK);
	assert_true(got.router && got.source_mac && !got.solicited);
	assert_int_equal(ASK("\206\0\0\0\100\0\0\0\0\0\0\1\0\0\0\0", LINK_LOCAL, ALL_NODES), NDP_OK);
	assert_false(got.router || got.source_mac);

	assert_int_equal(ASK(RS SLLA, LINK_LOCAL, ALL_NODES), NDP_OK);
	assert_memory_equal(got.source_mac, "\2\0\0\0\0\1", 6);
	assert_int_equal(ASK(RS, NOWHERE, ALL_NODES), NDP_OK);
}

/* RFC 4862 5.4.2; a nonce (RFC 7527) may be there, a link-layer address not. */
static void duplicate_address_detection(void **state)
{
	assert_int_equal(ASK(NS, NOWHERE, SOLICITED), NDP_OK);
	assert_true(got.dad && !got.source_mac);
	assert_int_equal(ASK(NS "\16\1\1\2\3\4\5\6", NOWHERE, SOLICITED), NDP_OK);
	assert_int_equal(ASK(NS SLLA, NOWHERE, SOLICITED), NDP_LINK_LAYER);
	assert_int_equal(ASK(RS SLLA, NOWHERE, ALL_NODES), NDP_LINK_LAYER);
	assert_int_equal(ASK(NS, NOWHERE, ALL_NODES), NDP_DESTINATION);
	assert_int_equal(ASK(NS, NOWHERE, LINK_LOCAL), NDP_DESTINATION);
}

static void wrong_headers(void **state)
{
	assert_int_equal(ask(NS, 24, LINK_LOCAL, SOLICITED, 254), NDP_HOP_LIMIT);
	assert_int_equal(ask(NS, 24, LINK_LOCAL, SOLICITED, 0), NDP_HOP_LIMIT);
	assert_int_equal(ASK("\207\1\0\0\0\0\0\0" TARGET, LINK_LOCAL, SOLICITED), NDP_CODE);
	assert_int_equal(ASK("\204\0\0\0\0\0\0\0" TARGET, LINK_LOCAL, SOLICITED), NDP_OTHER);
	assert_int_equal(ASK("\211\0\0\0\0\0\0\0" TARGET, LINK_LOCAL, SOLICITED), NDP_OTHER);
	assert_int_equal(ASK("\200\0\0\0", LINK_LOCAL, SOLICITED), NDP_OTHER);	/* an echo request */
	assert_int_equal(ASK(NS, ALL_NODES, SOLICITED), NDP_SOURCE);
	assert_int_equal(ASK(RA, GLOBAL, ALL_NODES), NDP_SOURCE);
	assert_int_equal(ASK(RA, NOWHERE, ALL_NODES), NDP_SOURCE);
	assert_int_equal(ASK(NA, NOWHERE, ALL_NODES), NDP_SOURCE);
	assert_int_equal(ASK(NA, LINK_LOCAL, ALL_NODES), NDP_DESTINATION);
	assert_int_equal(ASK("\210\0\0\0\240\0\0\0" TARGET, LINK_LOCAL, ALL_NODES), NDP_OK);
	assert_true(got.override && !got.solicited);
	assert_int_equal(ASK("\207\0\0\0\0\0\0\0\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", LINK_LOCAL, SOLICITED), NDP_TARGET);
}

static void options(void **state)
{
	struct ndp untouched;

	memset(&untouched, 0xee, sizeof(untouched));
	assert_int_equal(ASK(NS "\1\0\0\0\0\0\0\0", LINK_LOCAL, SOLICITED), NDP_OPTION);
	assert_int_equal(ASK(NS "\1\2\0\0\0\0\0\0", LINK_LOCAL, SOLICITED), NDP_OPTION);
	assert_memory_equal(&got, &untouched, sizeof(got));
	assert_int_equal(ASK(NS "\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", LINK_LOCAL, SOLICITED), NDP_LINK_LAYER);
	/* one that is not known is stepped over, the first of two counts, one of the other kind is ignored */
	assert_int_equal(ASK(NS "\5\1\0\0\0\0\5\334" SLLA "\1\1\2\0\0\0\0\7" TLLA, LINK_LOCAL, SOLICITED), NDP_OK);
	assert_true(got.source_mac == copy + 34 && !got.target_mac);
	assert_int_equal(ASK(NA SLLA, LINK_LOCAL, LINK_LOCAL), NDP_OK);
	assert_true(!got.source_mac && !got.target_mac);
	for (int i = 0; i <= NDP_LINK_LAYER; i++)
		assert_true(strlen(ndp_result_name((enum ndp_result)i)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(facts),
		cmocka_unit_test(duplicate_address_detection),
		cmocka_unit_test(wrong_headers),
		cmocka_unit_test(options),
	};
	int failed = cmocka_run_group_tests_name("ndp", tests, NULL, NULL);

	free(copy);
	return failed;
}
