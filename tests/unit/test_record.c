/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "records.h"

static void check(const struct record *r, const char *want)
{
	char text[RECORD_TEXT_MAX] = "";
	struct writer w = WRITER(text);

	record_text(&w, r);
	assert_false(w.full);
	assert_string_equal(text, want);
}

static void usual_line(void **state)
{
	struct record r = records_usual();

	check(&r, "2026-11-22 10:00:00.123 lan0 tcp 192.168.1.20:51514 > 203.0.113.7:443 12/14 pkts 3411/9120 B "
		  "example.org h2,http/1.1 ok");
}

static void ipv6_and_hostile_name(void **state)
{
	struct record r = records_full();

	check(&r, "2026-11-22 10:00:00.123 lan0 tcp [2001:db8::20]:51514 > [2001:db8:0:1::7]:443 12/14 pkts 3411/9120 B "
		  "ex\\xe9mple \\xba\\xad,h2 ok");
}

static void minimal_line(void **state)
{
	struct record r = records_minimal();

	check(&r, "- - - 253 10.0.0.1 > 10.0.0.2 1/0 pkts 60/0 B - - -");
}

/* The column is there whatever the list holds. */
static void odd_alpn_lists(void **state)
{
	struct record r = records_minimal();

	r.alpn = (const uint8_t *)"\x00\x02h2\x05x";
	r.alpn_len = 6;
	check(&r, "- - - 253 10.0.0.1 > 10.0.0.2 1/0 pkts 60/0 B - \\0,h2 -");
	r.alpn += 4;
	r.alpn_len = 2;
	check(&r, "- - - 253 10.0.0.1 > 10.0.0.2 1/0 pkts 60/0 B - - -");
}

static void largest_line_fits(void **state)
{
	struct record r = records_full();
	uint8_t fill[ALPN_MAX];
	char text[RECORD_TEXT_MAX];

	memset(fill, 1, sizeof(fill));
	fill[0] = ALPN_MAX - 1;
	r.alpn = r.sni = fill;
	r.alpn_len = r.sni_len = ALPN_MAX;
	memset(r.source.addr, 0xff, 16);
	memset(r.destination.addr, 0xff, 16);
	r.source.packets = r.source.bytes = r.destination.packets = r.destination.bytes = UINT64_MAX;
	r.interface = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
	for (size_t size = 0; size <= sizeof(text); size++) {
		char *exact = malloc(size);
		struct writer w = { .buf = exact, .size = size };

		record_text(&w, &r);
		if (size == sizeof(text))
			assert_false(w.full);
		free(exact);
	}
}

static void enum_texts(void **state)
{
	assert_string_equal(record_end_reason_text(1), "idle timeout");
	assert_string_equal(record_end_reason_text(2), "active timeout");
	assert_string_equal(record_end_reason_text(3), "end of flow detected");
	assert_string_equal(record_end_reason_text(4), "forced end");
	assert_string_equal(record_end_reason_text(5), "lack of resources");
	assert_null(record_end_reason_text(0));
	assert_null(record_end_reason_text(6));
	assert_null(record_initiator_text(INITIATOR_UNKNOWN));
	assert_null(record_initiator_text(255));
	assert_null(record_name_status_text(NAME_N));
	for (int i = 0; i < NAME_N; i++)
		assert_non_null(record_name_status_text((uint8_t)i));
	assert_string_equal(record_proto_name(58), "ipv6-icmp");
	assert_null(record_proto_name(255));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_line),
		cmocka_unit_test(ipv6_and_hostile_name),
		cmocka_unit_test(minimal_line),
		cmocka_unit_test(odd_alpn_lists),
		cmocka_unit_test(largest_line_fits),
		cmocka_unit_test(enum_texts),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
