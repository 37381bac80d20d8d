/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns - messages, every shorter length of them, hostile lengths, the stream splitter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "dns_make.h"
#include "enrich/dns.h"

static struct dns_make make;
static struct dns_message m;
static struct dns_record record;

static void assert_name(const struct dns_name *name, const char *want)
{
	char text[DNS_NAME_TEXT_SIZE];

	dns_name_text(name, text);
	assert_string_equal(text, want);
}

static enum dns_result parse(enum dns_kind kind)
{
	return dns_parse(kind, make.bytes, make.len, &m);
}

/* The record number @n, questions counted. */
static const struct dns_record *nth(int n)
{
	struct dns_walk walk;

	dns_walk_begin(&walk, &m);
	while (n-- >= 0)
		assert_true(dns_walk_next(&walk, &record));
	return &record;
}

static void make_everything(void)
{
	size_t at;

	make_header(&make, 0x1234, 0x8580);
	make_question(&make, "WWW.example.com", 1);
	make_alias(&make, "@12", 5, "host@16");
	make_a(&make, "host@16", 60, 0x01020304);
	at = make_record(&make, 1, "@12", 28, 1, 61);
	make_bytes(&make, "0123456789abcdef", 16);
	make_end(&make, at);
	at = make_record(&make, 2, "_sip._udp@16", 33, 1, 62);
	make_u16(&make, 10);
	make_u16(&make, 20);
	make_u16(&make, 5060);
	make_name(&make, "@12");
	make_end(&make, at);
	make_alias(&make, "4.3.2.1.in-addr.arpa", 12, "@12");
	at = make_record(&make, 3, "@16", 65, 1, 63);
	make_u16(&make, 1);
	make_name(&make, "");
	make_bytes(&make, "\0\1\0\6\2h2\2h3\0\3\0\2\1\273\0\4\0\10\1\2\3\4\5\6\7\10\0\5\0\1x", 33);
	make_bytes(&make, "\0\6\0\20" "fedcba9876543210\xff\0\0\0", 24);
	make_end(&make, at);
	at = make_record(&make, 3, "", 41, 1232, 0x01020000);
	make_end(&make, at);
	make.bytes[7]--;	/* PTR: by hand into the second section */
	make.bytes[9]++;
}

static void everything(void **state)
{
	const struct dns_record *r;
	struct reader id, alpn;

	make_everything();
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(m.response && m.authoritative && m.recursion_desired && m.recursion_available && !m.truncated);
	assert_int_equal(m.id, 0x1234);
	assert_name(&m.qname, "WWW.example.com");
	assert_int_equal(m.qtype, DNS_A);
	assert_int_equal(m.qclass, DNS_IN);
	assert_true(m.edns && m.edns_bytes == 1232 && m.edns_version == 2 && m.rcode == 16);
	assert_int_equal(m.readable, 8);
	assert_int_equal(nth(0)->section, DNS_QUESTION);
	r = nth(1);
	assert_true(r->section == DNS_ANSWER && r->type == DNS_CNAME && r->ttl_s == 300);
	assert_name(&r->name, "WWW.example.com");
	assert_name(&r->target, "host.example.com");
	r = nth(2);
	assert_true(r->address.left == 4 && r->ttl_s == 60);
	assert_memory_equal(r->address.at, "\1\2\3\4", 4);
	r = nth(3);
	assert_true(r->address.left == 16 && !r->target.len);
	r = nth(4);
	assert_true(r->section == DNS_AUTHORITY && r->priority == 10 && r->weight == 20 && r->port == 5060);
	assert_name(&r->target, "WWW.example.com");
	assert_name(&nth(5)->target, "WWW.example.com");
	r = nth(6);
	assert_true(r->section == DNS_ADDITIONAL && r->priority == 1 && r->port == 443 && r->ech && r->target.len == 1);
	assert_true(r->hints4.left == 8 && r->hints6.left == 16);
	alpn = r->alpn;
	assert_true(dns_alpn_next(&alpn, &id) && id.left == 2 && !memcmp(id.at, "h2", 2));
	assert_true(dns_alpn_next(&alpn, &id) && id.left == 2 && !memcmp(id.at, "h3", 2));
	assert_false(dns_alpn_next(&alpn, &id));
	assert_int_equal(nth(7)->type, DNS_OPT_RR);
}

/* What is cut is short, and what lies before the cut is still read. */
static void every_shorter_length(void **state)
{
	uint16_t before = 0;

	make_everything();
	for (size_t len = 0; len < make.len; len++) {
		uint8_t *copy = malloc(len + !len);

		memcpy(copy, make.bytes, len);
		assert_int_equal(dns_parse(DNS_UNICAST, copy, len, &m), DNS_SHORT);
		assert_true(m.readable >= before && m.readable < 8);
		assert_int_equal(dns_has_question(&m), len >= 12 + 21);
		assert_int_equal(m.edns, false);
		before = m.readable;
		free(copy);
	}
	assert_int_equal(before, 7);
}

static void headers(void **state)
{
	make_header(&make, 0, 0);
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(!m.response && !dns_has_question(&m) && m.readable == 0);
	make_header(&make, 0xffff, 0x7a0f);
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(m.id == 0xffff && !m.response && m.opcode == 15 && m.truncated && m.rcode == 15);
	make_question(&make, "", 2);
	make_u8(&make, 'x');	/* behind the end: ignored */
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(dns_has_question(&m) && m.qname.len == 1);
}

static void multicast(void **state)
{
	make_header(&make, 0, 0);
	make_question(&make, "printer.local", 255);
	make.bytes[make.len - 2] = 0x80;
	make_question(&make, "_ipp._tcp.local", 12);
	make_a(&make, "@12", 120, 1);
	make.bytes[make.len - 12] = 0x80;
	assert_int_equal(parse(DNS_MULTICAST), DNS_OK);
	assert_true(m.unicast_wanted && m.qclass == DNS_IN && m.count[0] == 2);
	assert_true(!nth(1)->unique && nth(2)->unique && nth(2)->class == DNS_IN && nth(2)->address.left == 4);
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(!m.unicast_wanted && m.qclass == 0x8001 && nth(2)->address.left == 0);
}

static void times(void **state)
{
	static const uint32_t ttl[][2] = { { 0, 0 }, { 1, 1 }, { 0x7fffffff, 0x7fffffff }, { 0x80000000, 0 }, { -1u, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(ttl); i++) {
		make_header(&make, 1, 0x8000);
		make_a(&make, "a", ttl[i][0], 1);
		assert_int_equal(parse(DNS_UNICAST), DNS_OK);
		assert_int_equal(nth(0)->ttl_s, ttl[i][1]);
	}
}

/* Data that do not fit their type: none of it is given, and the record behind is read. */
static void bad_data(void **state)
{
#define ROW(type, want, bytes) { type, sizeof(bytes) - 1, want, bytes }
	static const struct {
		unsigned int type;
		size_t len;
		enum dns_result want;
		const char *bytes;
	} rows[] = {
		ROW(1, DNS_RDATA, "123"), ROW(1, DNS_RDATA, "12345"), ROW(1, DNS_RDATA, ""), ROW(28, DNS_RDATA, "1234"),
		ROW(28, DNS_RDATA, "0123456789abcdefg"), ROW(5, DNS_RDATA, ""), ROW(5, DNS_RDATA, "\1a"),
		ROW(5, DNS_RDATA, "\1a\0x"), ROW(5, DNS_NAME_LABEL, "\200"), ROW(12, DNS_NAME_POINTER, "\377\377"),
		ROW(33, DNS_RDATA, "\0\1\0\2\0"), ROW(33, DNS_RDATA, "\0\1\0\2\0\3"), ROW(33, DNS_RDATA, "\0\1\0\2\0\3\0x"),
		ROW(33, DNS_OK, "\0\1\0\2\0\3\0"), ROW(33, DNS_OK, "\0\1\0\2\0\3\300\14"),
		ROW(65, DNS_RDATA, "\0"), ROW(65, DNS_RDATA, "\0\1"), ROW(65, DNS_RDATA, "\0\1\300\14"),
		ROW(65, DNS_OK, "\0\1\0"), ROW(65, DNS_OK, "\0\0\0\1"), ROW(65, DNS_RDATA, "\0\1\0\1"),
		ROW(64, DNS_RDATA, "\0\1\0\0\1\0\0"), ROW(64, DNS_RDATA, "\0\1\0\0\1\0\1\0"),
		ROW(64, DNS_RDATA, "\0\1\0\0\1\0\3\3h2"), ROW(64, DNS_OK, "\0\1\0\0\1\0\3\2h2"),
		ROW(64, DNS_RDATA, "\0\1\0\0\3\0\1\1"), ROW(64, DNS_OK, "\0\1\0\0\3\0\2\1\1"),
		ROW(64, DNS_RDATA, "\0\1\0\0\4\0\3\1\1\1"), ROW(64, DNS_RDATA, "\0\1\0\0\4\0\0"),
		ROW(64, DNS_RDATA, "\0\1\0\0\6\0\4\1\1\1\1"), ROW(64, DNS_RDATA, "\0\1\0\0\5\0\0"),
		ROW(64, DNS_RDATA, "\0\1\0\0\3\0\2\1\1\0\3\0\2\1\1"),	/* a key twice */
		ROW(64, DNS_RDATA, "\0\1\0\0\7\0\0\0\3\0\2\1\1"),	/* not in order */
		ROW(64, DNS_RDATA, "\0\1\0\0\7\377\377"),
		ROW(16, DNS_OK, ""), ROW(16, DNS_OK, "\377\377\377"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t at;

		make_header(&make, 1, 0x8000);
		make_question(&make, "a", 1);
		at = make_record(&make, 1, "@12", rows[i].type, 1, 1);
		make_bytes(&make, rows[i].bytes, rows[i].len);
		make_end(&make, at);
		make_a(&make, "@12", 5, 6);
		assert_int_equal(parse(DNS_UNICAST), rows[i].want);
		assert_int_equal(m.readable, 3);
		assert_int_equal(nth(1)->result, rows[i].want);
		if (rows[i].want != DNS_OK)
			assert_true(!record.target.len && !record.port && !record.alpn.left && !record.address.left);
		assert_true(nth(2)->result == DNS_OK && record.address.left == 4);
	}
}

/* Owners that cannot be read end the walk. */
static void bad_owners(void **state)
{
	static const struct {
		const char *name;
		enum dns_result want;
	} rows[] = { { "@39", DNS_NAME_POINTER }, { "@1000", DNS_NAME_POINTER }, { "@11", DNS_NAME_POINTER },
		     { "@0", DNS_NAME_POINTER }, { "x@12", DNS_OK }, { "x@13", DNS_NAME_LABEL } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_header(&make, 1, 0x8000);
		make_question(&make, "zzzzz", 1);
		make_a(&make, "@12", 1, 1);
		assert_int_equal(make.len, 39);
		make_a(&make, rows[i].name, 1, 1);
		assert_int_equal(parse(DNS_UNICAST), rows[i].want);
		assert_int_equal(m.readable, 2 + (rows[i].want == DNS_OK));
		assert_name(&m.qname, "zzzzz");
	}
}

static void options(void **state)
{
	make_header(&make, 1, 0x8003);
	make_record(&make, 3, "", 41, 4096, 0xff008000);
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_true(m.rcode == 0xff3 && m.edns_bytes == 4096);
	assert_int_equal(parse(DNS_MULTICAST), DNS_OK);
	assert_int_equal(m.edns_bytes, 4096);
	make_record(&make, 3, "", 41, 1, 0);
	assert_int_equal(parse(DNS_UNICAST), DNS_OPT);
	assert_int_equal(m.edns_bytes, 4096);
	make_header(&make, 1, 0x8000);
	make_record(&make, 3, "a", 41, 1, 0);
	assert_int_equal(parse(DNS_UNICAST), DNS_OPT);
	make_header(&make, 1, 0x8000);
	make_record(&make, 1, "", 41, 1, 0);	/* not where it belongs: no option */
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	assert_false(m.edns);
}

static void counts_that_lie(void **state)
{
	make_header(&make, 1, 0x8000);
	make_question(&make, "a", 1);
	memset(make.bytes + 6, 0xff, 6);
	assert_int_equal(parse(DNS_UNICAST), DNS_SHORT);
	assert_int_equal(m.readable, 1);
	make_header(&make, 1, 0x8000);
	for (int i = 0; i < DNS_RECORDS_MAX; i++)
		make_a(&make, "", 1, 1);
	assert_int_equal(parse(DNS_UNICAST), DNS_OK);
	make_a(&make, "", 1, 1);
	assert_int_equal(parse(DNS_UNICAST), DNS_RECORDS);
	assert_int_equal(m.readable, DNS_RECORDS_MAX);
}

static void stream(void **state)
{
	static const uint8_t bytes[] = "\0\14abcdefghijkl\0\15ABCDEFGHIJKLM\0\13xxxxxxxxxxx";
	struct reader part;

	for (size_t len = 0; len < sizeof(bytes); len++) {
		struct reader r = { .at = bytes, .left = len };
		size_t n = 0;
		enum dns_stream got;

		while ((got = dns_stream_next(&r, &part)) == DNS_STREAM_MESSAGE)
			assert_int_equal(part.left, 12 + n++);
		assert_int_equal(n, (len >= 14) + (len >= 29));
		assert_int_equal(got, len >= 31 ? DNS_STREAM_NOT_DNS : DNS_STREAM_MORE);
		assert_int_equal(r.at - bytes, len >= 29 ? 29 : len >= 14 ? 14 : 0);
		assert_false(r.bad);
	}
}

static void names_of_numbers(void **state)
{
	assert_string_equal(dns_rcode_name(DNS_NXDOMAIN), "NXDOMAIN");
	assert_string_equal(dns_rcode_name(16), "BADVERS");
	assert_string_equal(dns_rcode_name(23), "BADCOOKIE");
	assert_null(dns_rcode_name(12));
	assert_null(dns_rcode_name(4095));
	assert_string_equal(dns_type_name(DNS_HTTPS), "HTTPS");
	assert_string_equal(dns_type_name(257), "CAA");
	assert_null(dns_type_name(258));
	assert_null(dns_type_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything), cmocka_unit_test(every_shorter_length), cmocka_unit_test(headers),
		cmocka_unit_test(multicast), cmocka_unit_test(times), cmocka_unit_test(bad_data),
		cmocka_unit_test(bad_owners), cmocka_unit_test(options), cmocka_unit_test(counts_that_lie),
		cmocka_unit_test(stream), cmocka_unit_test(names_of_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
