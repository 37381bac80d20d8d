/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hosts.h"
#include "base/util.h"

static void one(void **state)
{
	static const struct { const char *text, *name; uint16_t port; } rows[] = {
		{ "mqtt.example.org", "mqtt.example.org", 0 },
		{ "mqtt.example.org:8883", "mqtt.example.org", 8883 },
		{ " 192.0.2.1\t", "192.0.2.1", 0 },
		{ "192.0.2.1:1", "192.0.2.1", 1 },
		{ "2001:db8::1", "2001:db8::1", 0 },
		{ "::1", "::1", 0 },
		{ "[::1]", "::1", 0 },
		{ "[fe80::1%eth0]:65535", "fe80::1%eth0", 65535 },
	};
	struct hosts h;

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_null(hosts_parse(rows[i].text, &h));
		assert_int_equal(h.count, 1);
		assert_string_equal(h.host[0].name, rows[i].name);
		assert_int_equal(h.host[0].port, rows[i].port);
	}
}

static void several(void **state)
{
	struct hosts h;

	assert_null(hosts_parse("a, b:8883 ,[::1]:7,d,e,f,g,h", &h));
	assert_int_equal(h.count, 8);
	assert_string_equal(h.host[0].name, "a");
	assert_string_equal(h.host[1].name, "b");
	assert_int_equal(h.host[1].port, 8883);
	assert_string_equal(h.host[2].name, "::1");
	assert_int_equal(h.host[2].port, 7);
	assert_string_equal(h.host[7].name, "h");
	assert_int_equal(h.host[7].port, 0);
}

static void wrong(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "", "empty" }, { " ", "empty" }, { "a,", "empty" }, { ",a", "empty" }, { "a,,b", "empty" }, { ":1", "empty" },
		{ "a:", "port" }, { "a:0", "port" }, { "a:65536", "port" }, { "a:1x", "port" }, { "a:123456", "port" },
		{ "[::1", "bracket" }, { "[::1]x", "bracket" }, { "[a]:1", "bracket" }, { "[]:1", "bracket" },
		{ "[::1]:", "port" },
		{ "mqtt://a", "not a host" }, { "a]", "not a host" }, { "[[::1]", "not a host" }, { "a b", "not a host" }, { "a/b", "not a host" },
		{ "a,b,c,d,e,f,g,h,i", "too many" },
	};
	char longest[HOSTS_NAME_MAX + 2] = { 0 };
	struct hosts h = { .count = 77 };

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = hosts_parse(rows[i].text, &h);

		assert_non_null(why);
		assert_non_null(strstr(why, rows[i].why));
	}
	memset(longest, 'a', HOSTS_NAME_MAX + 1);
	assert_string_equal(hosts_parse(longest, &h), "too long");
	assert_int_equal(h.count, 77);
	longest[HOSTS_NAME_MAX] = 0;
	assert_null(hosts_parse(longest, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one),
		cmocka_unit_test(several),
		cmocka_unit_test(wrong),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
