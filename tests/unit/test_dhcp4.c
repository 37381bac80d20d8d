/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dhcp4 - a real exchange, every cut of it, a wrong value in each checked field, overload, options at limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "dhcp_make.h"
#include "enrich/dhcp4.h"

static uint8_t bytes[DHCP_MAKE_MAX], *copy;
static struct dhcp4 got;

/* In memory of exactly @len bytes. */
static enum dhcp4_result ask(size_t len)
{
	free(copy);
	copy = malloc(len + !len);
	memcpy(copy, bytes, len);
	memset(&got, 0xee, sizeof(got));
	return dhcp4_parse(copy, len, &got);
}

#define OPTIONS(text) ask(dhcp_make(bytes, 1, 1, 0, 0, text, sizeof(text) - 1))

static void assert_text(struct reader r, const char *want)
{
	assert_int_equal(r.left, strlen(want));
	assert_memory_equal(r.at, want, r.left);
}

static void assert_v4(const uint32_t a[4], uint32_t want)
{
	uint32_t all[4] = { 0, 0, htonl(0xffff), htonl(want) };

	assert_memory_equal(a, all, 16);
}

static void real_request(void **state)
{
	size_t len = dhcp_make(bytes, 1, 7, 0, 0, DHCP_REAL_REQUEST, sizeof(DHCP_REAL_REQUEST) - 1);

	assert_int_equal(ask(len), DHCP4_OK);
	assert_true(got.from_client && !got.relayed && !got.fqdn_wire && got.result == DHCP4_OK);
	assert_int_equal(got.type, DHCP4_REQUEST);
	assert_string_equal(dhcp4_type_name(got.type), "request");
	assert_int_equal(got.xid, 0x4a877075);
	assert_ptr_equal(got.mac, copy + 28);
	assert_memory_equal(got.mac, "\2\0\0\0\0\7", 6);
	assert_v4(got.client, 0);
	assert_v4(got.yours, 0);
	assert_v4(got.requested, 0xc0000237);
	assert_v4(got.server, 0xc0000201);
	assert_text(got.host_name, "laptop");
	assert_text(got.vendor_class, "udhcp test");
	assert_text(got.fqdn, "laptop");
	assert_text(got.parameters, "\1\3\6\14\17\34\52");
	assert_int_equal(got.client_id.left, 7);
	/* padding behind the end is not looked at */
	memset(bytes + len, 0xee, 9);
	assert_int_equal(ask(len + 9), DHCP4_OK);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ask(cut), cut < DHCP4_FIXED_BYTES ? DHCP4_SHORT : DHCP4_OPTION);
	assert_int_equal(ask(len - 1), DHCP4_OPTION);
	assert_text(got.fqdn, "laptop");	/* what was readable */
}

static void real_ack(void **state)
{
	assert_int_equal(ask(dhcp_make(bytes, 2, 7, 0, 0xc0000237, DHCP_REAL_ACK, sizeof(DHCP_REAL_ACK) - 1)), DHCP4_OK);
	assert_int_equal(got.type, DHCP4_ACK);
	assert_false(got.from_client);
	assert_v4(got.yours, 0xc0000237);
	assert_v4(got.requested, 0);
	assert_v4(got.server, 0xc0000201);
	assert_text(got.fqdn, "laptop.home.example");
	assert_false(got.vendor_class.left || got.parameters.left || got.client_id.left);
}

static void wrong_fixed_fields(void **state)
{
	static const struct {
		uint8_t at, value;
		enum dhcp4_result want;
	} rows[] = {
		{ 0, 0, DHCP4_OPERATION }, { 0, 3, DHCP4_OPERATION }, { 1, 6, DHCP4_HARDWARE }, { 1, 32, DHCP4_HARDWARE },
		{ 2, 0, DHCP4_HARDWARE }, { 2, 16, DHCP4_HARDWARE }, { 236, 0, DHCP4_COOKIE }, { 239, 0x64, DHCP4_COOKIE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = dhcp_make(bytes, 1, 1, 0, 0, "\65\1\1\377", 4);

		bytes[rows[i].at] = rows[i].value;
		assert_int_equal(ask(len), rows[i].want);
		assert_true(got.result == rows[i].want && !got.mac && !got.type);
	}
	dhcp_make(bytes, 1, 1, 0xc0000205, 0, "\65\1\1\377", 4);
	bytes[27] = 1;
	assert_int_equal(ask(DHCP_OPTIONS_AT + 4), DHCP4_OK);
	assert_true(got.relayed);
	assert_v4(got.client, 0xc0000205);
	for (int i = 0; i <= DHCP4_NO_TYPE; i++)
		assert_true(strlen(dhcp4_result_name((enum dhcp4_result)i)));
	assert_null(dhcp4_type_name(0));
	assert_null(dhcp4_type_name(9));
}

static void options_that_do_not_fit(void **state)
{
	assert_int_equal(OPTIONS("\377"), DHCP4_NO_TYPE);
	assert_int_equal(OPTIONS(""), DHCP4_OPTION);
	assert_int_equal(OPTIONS("\65\1\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\2\1\1\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\14\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\62\3abc\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\62\5abcde\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\66\3abc\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\67\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\74\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\75\1a\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\75\2ab\377"), DHCP4_OK);
	assert_int_equal(OPTIONS("\65\1\1\121\2ab\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\121\3\0\0\0\377"), DHCP4_OK);
	assert_int_equal(OPTIONS("\65\1\1\64\1\0\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\64\1\4\377"), DHCP4_LENGTH);
	assert_int_equal(OPTIONS("\65\1\1\64\2\1\1\377"), DHCP4_LENGTH);
	/* the others are read, the first fault stays */
	assert_int_equal(OPTIONS("\75\1a\65\1\1\14\2ab"), DHCP4_LENGTH);
	assert_text(got.host_name, "ab");
	assert_int_equal(got.type, 1);
}

static void texts(void **state)
{
	assert_int_equal(OPTIONS("\65\1\1\14\4ab\0\0\74\3x\0\0\121\6\0\0\0cd\0\377"), DHCP4_OK);
	assert_text(got.host_name, "ab");
	assert_text(got.vendor_class, "x");
	assert_text(got.fqdn, "cd");
	assert_int_equal(OPTIONS("\65\1\1\14\2\0\0\377"), DHCP4_OK);
	assert_false(got.host_name.left);
	/* the first of several; pads between */
	assert_int_equal(OPTIONS("\65\1\3\0\0\14\1a\14\1b\65\1\1\121\4\4\0\0\1\121\4\0\0\0x\62\4aaaa\62\4bbbb\377"), DHCP4_OK);
	assert_text(got.host_name, "a");
	assert_int_equal(got.type, 3);
	assert_true(got.fqdn_wire && got.fqdn.left == 1 && got.fqdn.at[0] == 1);
	assert_v4(got.requested, 0x61616161);
}

static void parameters_are_cut(void **state)
{
	char options[64] = "\65\1\1\67\41";

	memset(options + 5, 1, 33);
	options[38] = '\377';
	assert_int_equal(ask(dhcp_make(bytes, 1, 1, 0, 0, options, 39)), DHCP4_OK);
	assert_int_equal(got.parameters.left, DHCP4_PARAMETERS_MAX);
}

/* RFC 2131 4.1: options, then file, then sname. */
static void overload(void **state)
{
	static const struct {
		char value;
		const char *host_name;
		enum dhcp4_result result;
	} rows[] = {
		{ 1, "file", DHCP4_OK }, { 2, "sname", DHCP4_OK }, { 3, "file", DHCP4_OK }, { 0, "", DHCP4_LENGTH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char options[] = "\65\1\1\64\1?\377";
		size_t len;

		options[5] = rows[i].value;
		len = dhcp_make(bytes, 1, 1, 0, 0, options, sizeof(options) - 1);
		memcpy(bytes + DHCP_FILE_AT, "\14\4file\64\1\2\377", 10);	/* what it says of overload does not count */
		memcpy(bytes + DHCP_SNAME_AT, "\14\5sname\377", 8);
		assert_int_equal(ask(len), rows[i].result);
		assert_text(got.host_name, rows[i].host_name);
	}
	dhcp_make(bytes, 1, 1, 0, 0, "\65\1\1\64\1\3\377", 7);
	memcpy(bytes + DHCP_FILE_AT, "\377", 1);
	memset(bytes + DHCP_SNAME_AT, 0, 64);	/* no end in it */
	assert_int_equal(ask(DHCP_OPTIONS_AT + 7), DHCP4_OPTION);
	memset(bytes + DHCP_SNAME_AT, 'a', 64);	/* a value that would reach into the file field */
	assert_int_equal(ask(DHCP_OPTIONS_AT + 7), DHCP4_OPTION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_request),
		cmocka_unit_test(real_ack),
		cmocka_unit_test(wrong_fixed_fields),
		cmocka_unit_test(options_that_do_not_fit),
		cmocka_unit_test(texts),
		cmocka_unit_test(parameters_are_cut),
		cmocka_unit_test(overload),
	};
	int failed = cmocka_run_group_tests_name("dhcp4", tests, NULL, NULL);

	free(copy);
	return failed;
}
