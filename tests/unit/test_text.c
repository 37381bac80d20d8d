/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "export/text.h"
#include "json_check.h"
#include "records.h"

#define FFFD "\xef\xbf\xbd"

static void json_rows(void **state)
{
	static const struct {
		const char *name, *in;
		size_t len;
		const char *want;
	} rows[] = {
		{ "empty", "", 0, "\"\"" },
		{ "plain", "example.org", 11, "\"example.org\"" },
		{ "quote and backslash", "a\"b\\c", 5, "\"a\\\"b\\\\c\"" },
		{ "slash passes", "http/1.1", 8, "\"http/1.1\"" },
		{ "control characters and NUL", "\x00\x1f\n\x7f", 4, "\"\\u0000\\u001f\\u000a\\u007f\"" },
		{ "two, three, four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "C1 CSI, which a terminal obeys", "\xc2\x9b" "31m", 5, "\"\\u009b31m\"" },
		{ "right-to-left override", "\xe2\x80\xae", 3, "\"\\u202e\"" },
		{ "zero width space", "a\xe2\x80\x8b", 4, "\"a\\u200b\"" },
		{ "byte order mark", "\xef\xbb\xbf", 3, "\"\\ufeff\"" },
		{ "lone continuation", "a\x80z", 3, "\"a" FFFD "z\"" },
		{ "lone lead at the end", "a\xc3", 2, "\"a" FFFD "\"" },
		{ "cut three-byte: one subpart", "\xe2\x82", 2, "\"" FFFD "\"" },
		{ "cut, then plain", "\xe2\x82z", 3, "\"" FFFD "z\"" },
		{ "overlong slash", "\xc0\xaf", 2, "\"" FFFD FFFD "\"" },
		{ "overlong three bytes", "\xe0\x80\xaf", 3, "\"" FFFD FFFD FFFD "\"" },
		{ "surrogate", "\xed\xa0\x80", 3, "\"" FFFD FFFD FFFD "\"" },
		{ "over U+10FFFF", "\xf4\x90\x80\x80", 4, "\"" FFFD FFFD FFFD FFFD "\"" },
		{ "five-byte lead", "\xf8\x88", 2, "\"" FFFD FFFD "\"" },
		{ "as the corpus has it", "\xba\xad", 2, "\"" FFFD FFFD "\"" },
		{ "last code point", "\xf4\x8f\xbf\xbf", 4, "\"\xf4\x8f\xbf\xbf\"" },
		{ "Unicode 15 table 3-8", "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", 13,
		  "\"a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256] = "", *exact = malloc(rows[i].len ? rows[i].len : 1);
		struct writer w = WRITER(text);

		memcpy(exact, rows[i].in, rows[i].len);
		text_json(&w, exact, rows[i].len);
		if (w.len != strlen(rows[i].want) || memcmp(text, rows[i].want, w.len))
			fail_msg("%s: %.*s", rows[i].name, (int)w.len, text);
		assert_true(json_check(text, w.len, NULL, NULL));
		assert_int_equal(text_is_utf8(exact, rows[i].len), !strstr(text, FFFD));
		free(exact);
	}
}

/* Every pair and triple of bytes: valid JSON, and what is said to be UTF-8 holds no replacement. */
static void json_every_two_and_three_bytes(void **state)
{
	for (unsigned int i = 0; i < 1u << 24; i += i < 1u << 16 ? 1 : 7) {
		const uint8_t in[3] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16) };
		size_t len = i < 1u << 16 ? 2 : 3;
		char text[32];
		struct writer w = WRITER(text);

		text_json(&w, in, len);
		if (w.full || !json_check(text, w.len, NULL, NULL))
			fail_msg("%02x %02x %02x", in[0], in[1], in[2]);
	}
}

static void plain_never_lets_two_names_look_the_same(void **state)
{
	char text[64];
	struct writer w = WRITER(text);

	text_plain(&w, "a b\\\x1b[1m\xc3\xa9~", 11);
	assert_int_equal(w.len, strlen("a\\x20b\\x5c\\x1b[1m\\xc3\\xa9~"));
	assert_memory_equal(text, "a\\x20b\\x5c\\x1b[1m\\xc3\\xa9~", w.len);
}

static void time_rows(void **state)
{
	static const struct {
		uint64_t us;
		const char *want, *want_short;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z", "1970-01-01 00:00:00.000" },
		{ 951782399999999ULL, "2000-02-28T23:59:59.999999Z", "2000-02-28 23:59:59.999" },
		{ 951782400000000ULL, "2000-02-29T00:00:00.000000Z", "2000-02-29 00:00:00.000" },
		{ 951868800000000ULL, "2000-03-01T00:00:00.000000Z", "2000-03-01 00:00:00.000" },
		{ 1795341600123456ULL, "2026-11-22T10:00:00.123456Z", "2026-11-22 10:00:00.123" },
		{ 4107542400000000ULL, "2100-03-01T00:00:00.000000Z", "2100-03-01 00:00:00.000" },
		{ TEXT_TIME_END_US - 1, "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999" },
		{ TEXT_TIME_END_US, "", "" },
		{ UINT64_MAX, "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64] = "", text_s[64] = "";
		struct writer w = WRITER(text), s = WRITER(text_s);

		text_time(&w, rows[i].us);
		text_time_short(&s, rows[i].us);
		assert_string_equal(text, rows[i].want);
		assert_string_equal(text_s, rows[i].want_short);
	}
}

/* Every day from 1970 to 2200, at changing times of day, against libc. */
static void time_agrees_with_gmtime(void **state)
{
	for (time_t day = 0; day < 84000; day++) {
		time_t s = day * 86400 + day * 7919 % 86400;
		char text[64] = "", want[64];
		struct writer w = WRITER(text);
		struct tm tm;

		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000042Z", gmtime_r(&s, &tm));
		text_time(&w, (uint64_t)s * 1000000 + 42);
		assert_string_equal(text, want);
	}
}

static void address_rows(void **state)
{
	static const struct {
		const char *in;
		uint8_t ip_version;
		const char *want;
	} rows[] = {
		{ "0.0.0.0", 4, "0.0.0.0" },
		{ "255.255.255.255", 4, "255.255.255.255" },
		{ "192.168.1.20", 4, "192.168.1.20" },
		{ "2001:db8:0:0:1::7", 6, "2001:db8::1:0:0:7" },
		{ "::", 6, "::" },
		{ "::ffff:192.0.2.1", 6, "::ffff:192.0.2.1" },	/* really on the wire as IPv6 */
		{ "1111:2222:3333:4444:5555:6666:7777:8888", 6, "1111:2222:3333:4444:5555:6666:7777:8888" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64] = "";
		struct writer w = WRITER(text);
		uint32_t addr[4];

		records_address(addr, rows[i].in);
		text_ip(&w, addr, rows[i].ip_version);
		assert_string_equal(text, rows[i].want);
	}
}

static void flags_and_mac(void **state)
{
	char text[64] = "";
	struct writer w = WRITER(text);

	text_tcp_flags(&w, 0);
	text_tcp_flags(&w, 0x02);
	text_tcp_flags(&w, 0x1b);
	text_tcp_flags(&w, 0xff);
	text_mac(&w, (const uint8_t *)"\x02\x00\x5e\xab\x53\xff");
	assert_string_equal(text, "..............S....AP.SFCEUAPRSF02-00-5E-AB-53-FF");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_rows),
		cmocka_unit_test(json_every_two_and_three_bytes),
		cmocka_unit_test(plain_never_lets_two_names_look_the_same),
		cmocka_unit_test(time_rows),
		cmocka_unit_test(time_agrees_with_gmtime),
		cmocka_unit_test(address_rows),
		cmocka_unit_test(flags_and_mac),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
