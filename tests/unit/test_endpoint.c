/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <string.h>
#include <cmocka.h>

#include "base/endpoint.h"
#include "base/util.h"

static void good_ones(void **state)
{
	struct endpoint e;
	struct in6_addr v6;

	assert_null(endpoint_parse("udp://192.0.2.1:4739", &e));
	assert_false(e.is_tcp);
	assert_int_equal(e.len, sizeof(struct sockaddr_in));
	assert_int_equal(e.v4.sin_family, AF_INET);
	assert_int_equal(ntohl(e.v4.sin_addr.s_addr), 0xc0000201);
	assert_int_equal(ntohs(e.v4.sin_port), 4739);
	assert_null(endpoint_parse("tcp://[2001:db8::1]:65535", &e));
	assert_true(e.is_tcp);
	assert_int_equal(e.len, sizeof(struct sockaddr_in6));
	assert_int_equal(e.v6.sin6_family, AF_INET6);
	assert_int_equal(ntohs(e.v6.sin6_port), 65535);
	inet_pton(AF_INET6, "2001:db8::1", &v6);
	assert_memory_equal(&e.v6.sin6_addr, &v6, sizeof(v6));
	assert_int_equal(e.v6.sin6_scope_id, 0);
	assert_null(endpoint_parse("udp://[1111:2222:3333:4444:5555:6666:255.255.255.255]:1", &e));
}

static void bad_ones(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "neither udp:// nor tcp://" }, { "192.0.2.1:4739", "neither udp:// nor tcp://" },
		{ "UDP://192.0.2.1:4739", "neither udp:// nor tcp://" }, { "sctp://192.0.2.1:4739", "neither udp:// nor tcp://" },
		{ "udp://192.0.2.1", "no port" }, { "udp://[2001:db8::1]", "no port" }, { "udp://[2001:db8::1]4739", "no port" },
		{ "udp://[2001:db8::1", "no port" }, { "udp://192.0.2.1:", "not a port" }, { "udp://192.0.2.1:0", "not a port" },
		{ "udp://192.0.2.1:65536", "not a port" }, { "udp://192.0.2.1:04739", "not a port" },
		{ "udp://192.0.2.1:4739 ", "not a port" }, { "udp://192.0.2.1:+1", "not a port" },
		{ "udp://192.0.2.1:4294967297", "not a port" }, { "udp://collector.example.org:4739", "not an IP address" },
		{ "udp://192.0.2.256:4739", "not an IP address" }, { "udp://:4739", "not an IP address" },
		{ "udp://2001:db8::1:4739", "not an IP address" }, { "udp://[192.0.2.1]:4739", "not an IP address" },
		{ "udp://[fe80::1%lan0]:4739", "not an IP address" }, { "udp://[]:4739", "not an IP address" },
		{ "udp://[11111111111111111111111111111111111111111111111111]:4739", "not an IP address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct endpoint e = { .len = 77 };
		const char *why = endpoint_parse(rows[i].text, &e);

		assert_non_null(why);
		assert_string_equal(why, rows[i].why);
		assert_int_equal(e.len, 77);
	}
}

static void every_shorter_text_is_none(void **state)
{
	static const char whole[] = "tcp://[2001:db8::1]:9";
	struct endpoint e;

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *text = strndup(whole, len);

		assert_non_null(endpoint_parse(text, &e));
		free(text);
	}
	assert_null(endpoint_parse(whole, &e));
}

static void addresses_to_listen_on(void **state)
{
	struct endpoint e;

	assert_null(endpoint_listen("127.0.0.1:9469", &e));
	assert_true(e.is_tcp && endpoint_is_loopback(&e));
	assert_int_equal(ntohs(e.v4.sin_port), 9469);
	assert_null(endpoint_listen("127.255.0.9:1", &e));
	assert_true(endpoint_is_loopback(&e));
	assert_null(endpoint_listen("[::1]:9469", &e));
	assert_true(endpoint_is_loopback(&e));
	assert_null(endpoint_listen("0.0.0.0:9469", &e));
	assert_false(endpoint_is_loopback(&e));
	assert_null(endpoint_listen("[::]:9469", &e));
	assert_false(endpoint_is_loopback(&e));
	assert_null(endpoint_listen("192.0.2.127:9469", &e));
	assert_false(endpoint_is_loopback(&e));
	assert_string_equal(endpoint_listen("9469", &e), "no port");
	assert_string_equal(endpoint_listen(":9469", &e), "not an IP address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones), cmocka_unit_test(bad_ones), cmocka_unit_test(every_shorter_text_is_none),
		cmocka_unit_test(addresses_to_listen_on),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
