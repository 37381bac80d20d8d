/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "export/fields.h"
#include "export/json.h"
#include "json_check.h"
#include "records.h"

static size_t encode(const struct record *r, char *text, size_t size)
{
	struct writer w = { .buf = text, .size = size - 1 };

	json_record(&w, r);
	assert_false(w.full);
	text[w.len] = '\0';
	assert_true(json_check(text, w.len, NULL, NULL));
	return w.len;
}

static void usual_record_exact(void **state)
{
	struct record r = records_usual();
	char text[RECORD_JSON_MAX + 1];

	encode(&r, text, sizeof(text));
	assert_string_equal(text,
		"{\"event\":{\"start\":\"2026-11-22T10:00:00.123456Z\",\"end\":\"2026-11-22T10:00:05.135801Z\","
		"\"duration\":5012345678,\"reason\":\"end of flow detected\"},"
		"\"source\":{\"ip\":\"192.168.1.20\",\"port\":51514,\"mac\":\"02-00-5E-00-53-AF\",\"packets\":12,\"bytes\":3411},"
		"\"destination\":{\"ip\":\"203.0.113.7\",\"port\":443,\"packets\":14,\"bytes\":9120},"
		"\"network\":{\"type\":\"ipv4\",\"transport\":\"tcp\",\"iana_number\":\"6\",\"protocol\":\"tls\","
		"\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\",\"packets\":26,\"bytes\":12531},"
		"\"observer\":{\"interface\":{\"name\":\"lan0\"}},"
		"\"tls\":{\"client\":{\"server_name\":\"example.org\",\"alpn\":[\"h2\",\"http/1.1\"]}},"
		"\"weir\":{\"role\":\"lan\",\"hook\":\"tcx\",\"initiator\":\"syn\",\"from_start\":true,\"fragments\":false,"
		"\"end_reason\":3,\"name_status\":\"ok\",\"ip_bytes\":{\"source\":3243,\"destination\":8924},"
		"\"totals\":{\"source\":{\"packets\":112,\"bytes\":13411},\"destination\":{\"packets\":114,\"bytes\":19120}},"
		"\"tcp\":{\"flags\":{\"source\":\"...AP.SF\",\"destination\":\"...AP.SF\"}}}}");
}

/* Absent means unknown: no empty object, no 0 in its place. */
static void minimal_record_exact(void **state)
{
	struct record r = records_minimal();
	char text[RECORD_JSON_MAX + 1];

	encode(&r, text, sizeof(text));
	assert_string_equal(text,
		"{\"event\":{\"duration\":0},\"source\":{\"ip\":\"10.0.0.1\",\"packets\":1,\"bytes\":60},"
		"\"destination\":{\"ip\":\"10.0.0.2\",\"packets\":0,\"bytes\":0},"
		"\"network\":{\"type\":\"ipv4\",\"iana_number\":\"253\",\"packets\":1,\"bytes\":60},"
		"\"weir\":{\"fragments\":false,\"ip_bytes\":{\"source\":46,\"destination\":0},"
		"\"totals\":{\"source\":{\"packets\":1,\"bytes\":60},\"destination\":{\"packets\":0,\"bytes\":0}}}}");
}

static void every_shorter_buffer_is_full(void **state)
{
	struct record r = records_full();
	char text[RECORD_JSON_MAX + 1];
	size_t len = encode(&r, text, sizeof(text));

	for (size_t size = 0; size <= len; size++) {
		char *exact = malloc(size);	/* the sanitizer build sees a byte too many */
		struct writer w = { .buf = exact, .size = size };

		json_record(&w, &r);
		assert_int_equal(w.full, size < len);
		assert_true(w.len <= size);
		free(exact);
	}
}

static void largest_record_fits(void **state)
{
	struct record r = records_full();
	char text[RECORD_JSON_MAX + 1], fill[SNI_MAX + 1], alpn[ALPN_MAX], alpn_short[ALPN_MAX], name[17], long_text[56];
	size_t len, most = 0;

	memset(fill, 1, sizeof(fill));			/* six characters each */
	memset(name, 1, sizeof(name));
	memset(long_text, 1, sizeof(long_text));
	name[15] = long_text[55] = '\0';
	r.source.packets = r.source.bytes = r.source.ip_bytes = r.source.total_packets = r.source.total_bytes = UINT64_MAX / 2;
	r.destination = r.source;
	r.duration_ns = UINT64_MAX;
	memset(r.source.addr, 0xff, 16);
	memset(r.destination.addr, 0xff, 16);
	r.vlan[0] = r.vlan[1] = r.pppoe_session = UINT16_MAX;
	r.interface = name;
	r.role = r.hook = long_text;
	r.sni = (const uint8_t *)fill;
	r.sni_len = SNI_MAX;
	r.domain = r.dns.question = (const uint8_t *)fill;
	r.domain_len = r.dns.question_len = SNI_MAX;
	r.tls.next_protocol = (struct record_name){ (const uint8_t *)fill, 255 };
	r.tls.versions = r.tls.groups = RECORD_LIST_MAX;
	fill[SNI_MAX - 1] = (char)0xff;			/* not UTF-8: in hex beside it */
	memset(alpn, 1, sizeof(alpn));			/* one long entry */
	alpn[0] = (char)(ALPN_MAX - 1);
	alpn[ALPN_MAX - 1] = (char)0xff;
	for (size_t i = 0; i < sizeof(alpn_short); i++)	/* or many of one byte */
		alpn_short[i] = i % 2 ? 2 : 1;
	alpn_short[1] = (char)0xff;
	for (int i = 0; i < 2; i++) {
		r.alpn = (const uint8_t *)(i ? alpn : alpn_short);
		r.alpn_len = ALPN_MAX;
		len = encode(&r, text, sizeof(text));
		most = len > most ? len : most;
	}
	print_message("# largest record: %zu bytes\n", most);
}

static void alpn_rows(void **state)
{
	static const struct {
		const char *name, *list;
		uint16_t len;
		const char *want;	/* NULL: no alpn at all */
	} rows[] = {
		{ "one entry", "\x02h2", 3, "\"alpn\":[\"h2\"]}" },
		{ "second entry cut: left out", "\x02h2\x08http/", 9, "\"alpn\":[\"h2\"]}" },
		{ "first entry cut: absent", "\x08http/", 6, NULL },
		{ "length byte alone", "\x01", 1, NULL },
		{ "empty entry (RFC 7301 forbids it) is shown", "\x00\x02h2", 4, "\"alpn\":[\"\",\"h2\"]}" },
		{ "not UTF-8: as Wireshark, and in hex", "\x02\xba\xad\x08http/1.1", 12, "\"alpn\":[\"\xef\xbf\xbd\xef\xbf\xbd\",\"http/1.1\"]}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = records_usual();
		char text[RECORD_JSON_MAX + 1];

		r.alpn = (const uint8_t *)rows[i].list;
		r.alpn_len = rows[i].len;
		encode(&r, text, sizeof(text));
		if (rows[i].want ? !strstr(text, rows[i].want) : !!strstr(text, "\"alpn\""))
			fail_msg("%s: %s", rows[i].name, text);
	}
}

/* U+FFFD alone would make two names one: the bytes stand beside it. */
static void names_that_are_not_utf8_stay_apart(void **state)
{
	struct record r = records_usual();
	char one[RECORD_JSON_MAX + 1], two[RECORD_JSON_MAX + 1];

	r.sni_len = 1;
	r.sni = (const uint8_t *)"\xe9";
	encode(&r, one, sizeof(one));
	r.sni = (const uint8_t *)"\xe8";
	encode(&r, two, sizeof(two));
	assert_non_null(strstr(one, "\"server_name\":\"\xef\xbf\xbd\""));
	assert_non_null(strstr(one, "\"server_name_hex\":\"e9\""));
	assert_string_not_equal(one, two);
}

static void ports_absent_when_unknown(void **state)
{
	struct record r = records_usual();
	char text[RECORD_JSON_MAX + 1];

	r.has_ports = false;
	encode(&r, text, sizeof(text));
	assert_null(strstr(text, "\"port\""));
	r.has_ports = true;
	r.source.port = 0;
	encode(&r, text, sizeof(text));
	assert_non_null(strstr(text, "\"port\":0"));	/* a packet did say port 0 */
}

/* ---- the table and the encoder say the same ---- */

#define PATHS_MAX 192

struct paths {
	char path[PATHS_MAX][FIELD_PATH_MAX];
	size_t n;
};

static void add_path(const char *path, void *arg)
{
	struct paths *p = arg;

	assert_true(p->n < PATHS_MAX);
	snprintf(p->path[p->n++], FIELD_PATH_MAX, "%s", path);
}

static void add_field(const char *path, const struct field *field, void *arg)
{
	assert_true(field->type[0] && field->absent[0] && field->meaning[0]);
	add_path(path, arg);
}

static void full_record_has_every_field_of_the_table(void **state)
{
	struct record r = records_full();
	struct paths table = { .n = 0 }, found = { .n = 0 };
	char text[RECORD_JSON_MAX + 1];
	size_t len = encode(&r, text, sizeof(text));

	fields_each(add_field, &table);
	assert_true(json_check(text, len, add_path, &found));
	assert_int_equal(found.n, table.n);
	for (size_t i = 0; i < found.n; i++)
		assert_string_equal(found.path[i], table.path[i]);
}

static void reference_has_a_row_for_each_field(void **state)
{
	char text[32768];
	struct writer w = WRITER(text);
	struct paths table = { .n = 0 };
	size_t lines = 0;

	fields_reference(&w);
	assert_false(w.full);
	fields_each(add_field, &table);
	for (size_t i = 0; i < w.len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, table.n + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_record_exact),
		cmocka_unit_test(minimal_record_exact),
		cmocka_unit_test(every_shorter_buffer_is_full),
		cmocka_unit_test(largest_record_fits),
		cmocka_unit_test(alpn_rows),
		cmocka_unit_test(names_that_are_not_utf8_stay_apart),
		cmocka_unit_test(ports_absent_when_unknown),
		cmocka_unit_test(full_record_has_every_field_of_the_table),
		cmocka_unit_test(reference_has_a_row_for_each_field),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
