/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns_learn - aliases in and out of order, hints, what is not believed, mDNS, limits. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "dns_make.h"
#include "enrich/dns_learn.h"

static const uint32_t CLIENT[4] = { 0, 0, 0, 1 }, OTHER[4] = { 0, 0, 0, 2 };
static struct dns_names *names;
static struct dns_make make;
static struct dns_learn_result result;

static int setup(void **state)
{
	make_header(&make, 1, 0x8180);
	return dns_names_new(&names, DNS_NAMES_MEMORY_BYTES, (struct siphash_key){ { 1, 2 } });
}

static int teardown(void **state)
{
	names = dns_names_free(names);
	return 0;
}

static unsigned int learn(enum dns_kind kind)
{
	struct dns_message m;

	dns_parse(kind, make.bytes, make.len, &m);
	result = dns_learn(names, CLIENT, &m, 0);
	return result.learnt;
}

/* "" for none. */
static const char *name_for(const uint32_t client[4], const char *address)
{
	static char text[DNS_NAME_TEXT_SIZE];
	struct dns_names_found found = { .name.len = 0 };
	uint32_t server[4] = { 0, 0, htonl(0xffff), 0 };

	if (inet_pton(AF_INET, address, server + 3) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, server), 1);
	if (dns_names_lookup(names, client, server, 1, &found) == DNS_NAMES_NONE)
		return "";
	dns_name_text(&found.name, text);
	return text;
}

static void direct(void **state)
{
	make_question(&make, "Www.Example.com", 1);
	make_a(&make, "@12", 60, 0x01020304);
	make_a(&make, "wWw.eXample.com", 60, 0x01020305);
	make_a(&make, "other.example.com", 60, 0x01020306);
	assert_int_equal(learn(DNS_UNICAST), 2);
	assert_string_equal(name_for(CLIENT, "1.2.3.4"), "www.example.com");
	assert_string_equal(name_for(OTHER, "1.2.3.5"), "www.example.com");
	assert_string_equal(name_for(CLIENT, "1.2.3.6"), "");
	assert_int_equal(dns_names_used(names), 4);
}

static void aliases(void **state)
{
	size_t at;

	make_question(&make, "www.example.com", 28);
	make_alias(&make, "@12", 5, "a.cdn.net");
	make_alias(&make, "A.cdn.net", 5, "b.cdn.net");
	at = make_record(&make, 1, "b.cdn.net", 28, 1, 0);
	make_bytes(&make, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	make_end(&make, at);
	assert_int_equal(learn(DNS_UNICAST), 1);
	assert_string_equal(name_for(CLIENT, "2001:db8::1"), "www.example.com");
}

static void aliases_backwards(void **state)
{
	make_question(&make, "a", 1);
	make_a(&make, "d", 60, 0x01020304);
	make_alias(&make, "c", 5, "d");
	make_alias(&make, "b", 5, "c");
	make_alias(&make, "a", 5, "b");
	make_alias(&make, "d", 5, "a");		/* and around */
	assert_int_equal(learn(DNS_UNICAST), 1);
	assert_string_equal(name_for(CLIENT, "1.2.3.4"), "a");
}

static void too_many(void **state)
{
	char from[8], to[8];

	make_question(&make, "n0", 1);
	for (int i = 0; i <= DNS_LEARN_ALIASES_MAX; i++) {
		snprintf(from, sizeof(from), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i + 1);
		make_alias(&make, from, 5, to);
	}
	make_a(&make, from, 60, 1);
	make_a(&make, to, 60, 2);
	assert_int_equal(learn(DNS_UNICAST), 1);
	assert_int_equal(result.beyond, 1);
	make_header(&make, 1, 0x8180);
	make_question(&make, "n0", 1);
	for (uint32_t i = 0; i < DNS_LEARN_ADDRESSES_MAX + 3; i++)
		make_a(&make, "n0", 60, 0x0a000000 + i);
	assert_int_equal(learn(DNS_UNICAST), DNS_LEARN_ADDRESSES_MAX);
	assert_int_equal(result.beyond, 3);
}

static void make_https(const char *name, unsigned int priority, const char *target, const char *params, size_t len)
{
	size_t at = make_record(&make, 1, name, 65, 1, 300);

	make_u16(&make, priority);
	make_name(&make, target);
	make_bytes(&make, params, len);
	make_end(&make, at);
}

static void hints(void **state)
{
	make_question(&make, "_8443._https.example.com", 65);
	make_https("@12", 0, "alias.example.com", "", 0);
	make_https("alias.example.com", 1, "", "\0\4\0\10\1\2\3\4\1\2\3\5", 12);
	make_https("alias.example.com", 2, "back.example.com", "\0\6\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 20);
	make_a(&make, "back.example.com", 5, 0x01020306);
	assert_int_equal(learn(DNS_UNICAST), 4);
	assert_string_equal(name_for(CLIENT, "1.2.3.4"), "example.com");
	assert_string_equal(name_for(CLIENT, "1.2.3.5"), "example.com");
	assert_string_equal(name_for(CLIENT, "2001:db8::2"), "example.com");
	assert_string_equal(name_for(CLIENT, "1.2.3.6"), "example.com");
}

static void not_believed(void **state)
{
	static const unsigned int flags[] = { 0x0100, 0x8183, 0x8185, 0xa980 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		make_header(&make, 1, flags[i]);
		make_question(&make, "a", 1);
		make_a(&make, "@12", 60, 1);
		assert_int_equal(learn(DNS_UNICAST), 0);
	}
	make_header(&make, 1, 0x8180);
	make_a(&make, "a", 60, 1);
	assert_int_equal(learn(DNS_UNICAST), 0);
	make_header(&make, 1, 0x8180);
	make_question(&make, "a", 1);
	make_a(&make, "@12", 60, 1);
	make.bytes[7]--;	/* into the authority section */
	make.bytes[9]++;
	assert_int_equal(learn(DNS_UNICAST), 0);
	make.bytes[9]--;	/* and to the additional one */
	make.bytes[11]++;
	assert_int_equal(learn(DNS_UNICAST), 1);
}

static void multicast(void **state)
{
	make_header(&make, 0, 0x8403);	/* the code counts for nothing */
	make_a(&make, "Printer.local", 120, 0x0a000001);
	make_a(&make, "tv.local", 120, 0x0a000002);
	make.bytes[make.len - 12] = 0x80;	/* cache-flush */
	assert_int_equal(learn(DNS_MULTICAST), 2);
	assert_string_equal(name_for(OTHER, "10.0.0.1"), "printer.local");
	assert_string_equal(name_for(OTHER, "10.0.0.2"), "tv.local");
	assert_int_equal(dns_names_used(names), 2);
	make_header(&make, 0, 0x8400);
	make_a(&make, "tv.local", 0, 0x0a000002);
	assert_int_equal(learn(DNS_MULTICAST), 0);
	assert_string_equal(name_for(OTHER, "10.0.0.2"), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(direct), TEST(aliases), TEST(aliases_backwards), TEST(too_many), TEST(hints), TEST(not_believed),
		TEST(multicast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
