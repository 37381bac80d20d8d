/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_ja4 - the specification's own examples, rule by rule. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/ja4.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define NOTHING (const int[]){ -1 }

static struct make m;
static struct ja4 *ja4;
static char text[JA4_SIZE];

static int make_ja4(void)
{
	struct tls_client client;

	tls_client_hello(m.transport, m.b, m.len, &client);
	return ja4_text(ja4, &client, text);
}

static void assert_ja4(const char *want)
{
	make_end(&m);
	assert_int_equal(make_ja4(), 0);
	assert_string_equal(text, want);
}

/* Of @types those that have a meaning get a body that is right, the rest none. */
static void make_extensions(const int *types, const int *signatures, const char *alpn, size_t alpn_len, const int *versions)
{
	for (; *types >= 0; types++) {
		switch (*types) {
		case TLS_EXT_SERVER_NAME:
			make_sni(&m, "example.com");
			break;
		case TLS_EXT_ALPN:
			make_alpn(&m, alpn, alpn_len);
			break;
		case TLS_EXT_SIGNATURES:
			make_list_extension(&m, TLS_EXT_SIGNATURES, 2, signatures);
			break;
		case TLS_EXT_VERSIONS:
			make_list_extension(&m, TLS_EXT_VERSIONS, 1, versions);
			break;
		case TLS_EXT_GROUPS:
			make_list_extension(&m, TLS_EXT_GROUPS, 2, LIST(29));
			break;
		case TLS_EXT_KEY_SHARE:
			make_extension(&m, TLS_EXT_KEY_SHARE, "\0\0", 2);
			break;
		default:
			make_extension(&m, (uint16_t)*types, "", 0);
		}
	}
}

#define SPEC_CIPHERS 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, \
		     0x009d, 0x002f, 0x0035
#define SPEC_TYPES 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, \
		   0xff01, 0x000b, 0x000a, 0x0015
#define SPEC_SIGNATURES 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601

/* JA4.md, "Example" */
static void specification_example(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(SPEC_CIPHERS));
	make_extensions(LIST(SPEC_TYPES), LIST(SPEC_SIGNATURES), "\2h2\10http/1.1", 12, LIST(0x0304, 0x0303));
	assert_ja4("t13d1516h2_8daaf6152771_e5627efa2ab1");
}

/* GREASE wherever there can be one changes nothing. */
static void grease_counts_nowhere(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x0a0a, SPEC_CIPHERS, 0xfafa));
	make_extensions(LIST(0x1a1a, SPEC_TYPES, 0x2a2a), LIST(0x3a3a, SPEC_SIGNATURES), "\2h2", 3, LIST(0x4a4a, 0x0303, 0x0304));
	assert_ja4("t13d1516h2_8daaf6152771_e5627efa2ab1");
}

/* "If there are no signature algorithms in the hello packet, then the string ends without an underscore": JA4.md, "Extension
 * hash". The list is there, and broken; so is it of GREASE only. */
static void no_signature_algorithms(void **state)
{
	for (int grease = 0; grease < 2; grease++) {
		make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(SPEC_CIPHERS));
		make_extensions(LIST(SPEC_TYPES), grease ? LIST(0x5a5a) : NOTHING, "\2h2", 3, LIST(0x0304));
		assert_ja4("t13d1516h2_8daaf6152771_6d807ffa2a79");
	}
}

/* As FoxIO publishes it for Chromium since 152, which has GREASE among its signature algorithms. */
static void chromium_152(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0xaaaa, SPEC_CIPHERS));
	make_extensions(LIST(0x6a6a, 0x002b, 0xca34, 0x0012, 0xff01, 0x000a, 0x0010, 0x002d, 0x0000, 0x0017, 0x0005, 0x000b, 0x44cd,
			     0x001b, 0x0033, 0xfe0d, 0x0023, 0x000d, 0xfafa),
			LIST(0xcaca, 0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
			"\2h2\10http/1.1", 12, LIST(0x8a8a, 0x0304, 0x0303));
	assert_ja4("t13d1517h2_8daaf6152771_cb7bf5808d99");
}

/* JA4.md, "ALPN Extension Value" */
static void alpn_characters(void **state)
{
	static const struct {
		const char *list;
		size_t len;
		const char *want;
	} rows[] = {
		{ "\2h2", 3, "h2" },
		{ "\10http/1.1\2h2", 12, "h1" },
		{ "\1q", 2, "qq" },
		{ "\1\xab", 2, "ab" },
		{ "\2\xab\xcd", 3, "ad" },
		{ "\2\x30\xab", 3, "3b" },
		{ "\4\x30\x31\xab\xcd", 5, "3d" },
		{ "\4\x30\xab\xcd\x31", 5, "01" },
		{ "\2\xba\xad", 3, "bd" },
		{ "\2.x", 3, "28" },
		{ "\2x ", 3, "70" },
		{ "\0\2h2", 4, "00" },	/* the first is empty */
		{ "", 0, "00" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char want[JA4_SIZE] = "t12i0101h2_0f2cb44170f4_000000000000";

		memcpy(want + 8, rows[i].want, 2);
		make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
		make_alpn(&m, rows[i].list, rows[i].len);
		assert_ja4(want);
	}
}

/* The first letters: transport, version, SNI. */
static void transports_and_versions(void **state)
{
	static const struct {
		enum tls_transport transport;
		uint16_t legacy;
		int offered[4];
		const char *want;
	} rows[] = {
		{ TLS_ON_TCP, 0x0300, { -1 }, "ts3i" },
		{ TLS_ON_TCP, 0x0301, { -1 }, "t10i" },
		{ TLS_ON_TCP, 0x0302, { -1 }, "t11i" },
		{ TLS_ON_TCP, 0x0303, { -1 }, "t12i" },
		{ TLS_ON_TCP, 0x0303, { 0x0303, 0x0304, -1 }, "t13i" },
		{ TLS_ON_TCP, 0x0303, { 0x7e01, 0x0304, -1 }, "t00i" },
		{ TLS_ON_TCP, 0x0305, { -1 }, "t00i" },
		{ TLS_ON_QUIC, 0x0303, { 0x0304, -1 }, "q13i" },
		{ TLS_ON_DATAGRAMS, 0xfeff, { -1 }, "dd1i" },
		{ TLS_ON_DATAGRAMS, 0xfefd, { -1 }, "dd2i" },
		{ TLS_ON_DATAGRAMS, 0xfefd, { 0xfefd, 0xfefc, -1 }, "dd3i" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_client(&m, rows[i].transport, rows[i].legacy, "", LIST(0x1301));
		if (rows[i].offered[0] >= 0)
			make_list_extension(&m, TLS_EXT_VERSIONS, 1, rows[i].offered);
		make_end(&m);
		assert_int_equal(make_ja4(), 0);
		assert_memory_equal(text, rows[i].want, 4);
	}
}

/* "If the SNI extension exists": even when there is no name in it. */
static void empty_server_name_is_d(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
	make_extension(&m, TLS_EXT_SERVER_NAME, "", 0);
	assert_ja4("t12d010100_0f2cb44170f4_000000000000");
}

static void nothing_hashed_is_zeros(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", NOTHING);
	assert_ja4("t12i000000_000000000000_000000000000");
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x3a3a));
	make_extension(&m, 0x4a4a, "", 0);
	assert_ja4("t12i000000_000000000000_000000000000");
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));	/* no extensions field at all */
	m.len = m.extensions - 2;
	make_end_message(&m);
	assert_int_equal(make_ja4(), 0);
	assert_string_equal(text, "t12i010000_0f2cb44170f4_000000000000");
}

static void make_many(int count)
{
	static int ciphers[JA4_LIST_MAX + 2];

	for (int i = 0; i < count; i++)
		ciphers[i] = count - i;
	ciphers[count] = -1;
	make_client(&m, TLS_ON_TCP, 0x0303, "", ciphers);
	make_end(&m);
}

/* The counts say 99 at most; what is over the limits has no fingerprint rather than a wrong one. */
static void counts_and_limits(void **state)
{
	make_many(99);
	assert_int_equal(make_ja4(), 0);
	assert_memory_equal(text, "t12i9900", 8);
	make_many(JA4_LIST_MAX);
	assert_int_equal(make_ja4(), 0);
	assert_string_equal(text, "t12i990000_953def92c383_000000000000");	/* of 0001,0002,...,0100 */
	make_many(JA4_LIST_MAX + 1);
	assert_int_equal(make_ja4(), -E2BIG);
	assert_string_equal(text, "");

	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
	for (int i = 0; i <= TLS_EXTENSIONS_MAX; i++) {
		make_extension(&m, (uint16_t)(100 + i), "", 0);
		m.lengths = 0;
	}
	make_end(&m);
	assert_int_equal(make_ja4(), -E2BIG);
}

static void half_a_hello_has_none(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
	make_sni(&m, "example.com");
	make_end(&m);
	m.len--;
	make_end_message(&m);
	assert_int_equal(make_ja4(), -ENODATA);
	assert_string_equal(text, "");
	m.len = 0;
	assert_int_equal(make_ja4(), -ENODATA);
}

static int setup(void **state)
{
	return ja4_new(&ja4);
}

static int teardown(void **state)
{
	ja4 = ja4_free(ja4);
	ja4_free(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specification_example),
		cmocka_unit_test(grease_counts_nowhere),
		cmocka_unit_test(no_signature_algorithms),
		cmocka_unit_test(chromium_152),
		cmocka_unit_test(alpn_characters),
		cmocka_unit_test(transports_and_versions),
		cmocka_unit_test(empty_server_name_is_d),
		cmocka_unit_test(nothing_hashed_is_zeros),
		cmocka_unit_test(counts_and_limits),
		cmocka_unit_test(half_a_hello_has_none),
	};

	return cmocka_run_group_tests_name("ja4", tests, setup, teardown);
}
