/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "enrich/community_id.h"
#include "records.h"

/* Published with the specification (baseline/baseline_deflt.json), seed 0; without its ICMP rows, which have no id here. */
static const struct {
	uint8_t proto;
	const char *a, *b;
	int a_port, b_port;	/* -1: none */
	const char *want;
} VECTORS[] = {
	{ 6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ 132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
	{ 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ 46, "10.1.12.1", "10.1.12.2", -1, -1, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
};

static struct community_id_flow flow(uint8_t proto, const char *a, const char *b, int a_port, int b_port)
{
	struct community_id_flow f = { .proto = proto, .ip_version = strchr(a, ':') ? 6 : 4, .has_ports = a_port >= 0 };

	records_address(f.a_addr, a);
	records_address(f.b_addr, b);
	if (f.has_ports) {
		f.a_port = htons((uint16_t)a_port);
		f.b_port = htons((uint16_t)b_port);
	}
	return f;
}

static void published_vectors_both_ways(void **state)
{
	struct community_id *id;

	assert_int_equal(community_id_new(&id), 0);
	for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
		struct community_id_flow there = flow(VECTORS[i].proto, VECTORS[i].a, VECTORS[i].b, VECTORS[i].a_port, VECTORS[i].b_port);
		struct community_id_flow back = flow(VECTORS[i].proto, VECTORS[i].b, VECTORS[i].a, VECTORS[i].b_port, VECTORS[i].a_port);
		char text[COMMUNITY_ID_SIZE];

		assert_int_equal(community_id_text(id, &there, text), 0);
		assert_string_equal(text, VECTORS[i].want);
		assert_int_equal(community_id_text(id, &back, text), 0);
		assert_string_equal(text, VECTORS[i].want);
	}
	assert_null(community_id_free(id));
}

/* One host talking to itself: the ports decide. */
static void equal_addresses_are_ordered_by_port(void **state)
{
	struct community_id_flow there = flow(6, "127.0.0.1", "127.0.0.1", 256, 2), back = flow(6, "127.0.0.1", "127.0.0.1", 2, 256);
	char one[COMMUNITY_ID_SIZE], two[COMMUNITY_ID_SIZE];
	struct community_id *id;

	assert_int_equal(community_id_new(&id), 0);
	assert_int_equal(community_id_text(id, &there, one), 0);
	assert_int_equal(community_id_text(id, &back, two), 0);
	assert_string_equal(one, two);
	community_id_free(id);
}

static void no_id_rather_than_a_wrong_one(void **state)
{
	static const uint8_t protos[] = { 1, 58, 6, 17, 132 };	/* ICMP without types; ports unknown */
	struct community_id *id;

	assert_int_equal(community_id_new(&id), 0);
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct community_id_flow f = flow(protos[i], "10.0.0.1", "10.0.0.2", -1, -1);
		char text[COMMUNITY_ID_SIZE] = "x";

		assert_int_equal(community_id_text(id, &f, text), -ENODATA);
		assert_string_equal(text, "");
	}
	community_id_free(id);
	assert_null(community_id_free(NULL));
	assert_int_equal(COMMUNITY_ID_SIZE, COMMUNITY_ID_TEXT);	/* the record's field holds it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_both_ways),
		cmocka_unit_test(equal_addresses_are_ordered_by_port),
		cmocka_unit_test(no_id_rather_than_a_wrong_one),
	};

	return cmocka_run_group_tests_name("community_id", tests, NULL, NULL);
}
