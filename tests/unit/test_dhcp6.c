/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dhcp6 - messages of client and server, every cut, lengths of each option, addresses, DUIDs, relays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/dhcp6.h"

#define HEADER(type)	type "\x12\x34\x56"
#define DUID_LL		"\0\1\0\12\0\3\0\1\2\0\0\0\0\1"
#define DUID_LLT	"\0\1\0\16\0\1\0\1\x2a\x2b\x2c\x2d\2\0\0\0\0\2"
#define ADDRESS		"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define IAADDR		"\0\5\0\30" ADDRESS "\0\0\16\20\0\0\34\40"
#define IA_NA		"\0\3\0\50" "\0\0\0\1" "\0\0\0\0" "\0\0\0\0" IAADDR
#define IA_TA		"\0\4\0\40" "\0\0\0\1" IAADDR
#define NO_ADDRS	"\0\15\0\2\0\2"
#define SUCCESS		"\0\15\0\3\0\0k"
#define FQDN		"\0\47\0\10\1\6laptop"
#define VENDOR		"\0\20\0\16\0\0\1\67\0\10MSFT 5.0"

static uint8_t *copy;
static struct dhcp6 got;

static enum dhcp6_result ask(const char *bytes, size_t len)
{
	free(copy);
	copy = malloc(len + !len);
	memcpy(copy, bytes, len);
	memset(&got, 0xee, sizeof(got));
	return dhcp6_parse(copy, len, &got);
}

#define ASK(text) ask(text, sizeof(text) - 1)

static void facts_and_every_cut(void **state)
{
	static const char MESSAGE[] = HEADER("\5") DUID_LL IA_NA IA_TA FQDN VENDOR "\0\6\0\2\0\27";
	static const size_t PARTS[] = { 4, 14, 44, 36, 12, 18, 6 };	/* header, options */
	size_t len = sizeof(MESSAGE) - 1, part = 0, end = PARTS[0];

	for (size_t cut = 0; cut <= len; cut++) {
		enum dhcp6_result want = cut < 4 ? DHCP6_SHORT : DHCP6_OPTION;

		if (cut == end) {
			want = DHCP6_OK;
			part++;
			end += part < ARRAY_SIZE(PARTS) ? PARTS[part] : 1;
		}
		assert_int_equal(ask(MESSAGE, cut), want);
	}
	assert_int_equal(part, ARRAY_SIZE(PARTS));
	assert_int_equal(got.type, DHCP6_RENEW);
	assert_true(got.from_client);
	assert_int_equal(got.xid, 0x123456);
	assert_int_equal(got.duid.left, 10);
	assert_memory_equal(got.duid_mac, "\2\0\0\0\0\1", 6);
	assert_int_equal(got.addresses, 2);
	assert_memory_equal(got.address[0].address, ADDRESS, 16);
	assert_int_equal(got.address[0].preferred_s, 3600);
	assert_int_equal(got.address[0].valid_s, 7200);
	assert_true(!got.address[0].temporary && got.address[1].temporary && !got.address[0].refused);
	assert_int_equal(got.fqdn.left, 7);
	assert_memory_equal(got.fqdn.at, "\6laptop", 7);
	assert_int_equal(got.enterprise, 311);
	assert_int_equal(got.vendor_class.left, 8);
	assert_memory_equal(got.vendor_class.at, "MSFT 5.0", 8);
}

static void types(void **state)
{
	for (unsigned int type = 0; type < 256; type++) {
		char message[] = "?\1\2\3";
		enum dhcp6_result want = type == 12 || type == 13 ? DHCP6_RELAY : type && type < 12 ? DHCP6_OK : DHCP6_OTHER;

		message[0] = (char)type;
		assert_int_equal(ask(message, 4), want);
		assert_int_equal(got.result, want);
		if (want == DHCP6_OK)
			assert_int_equal(got.from_client, type != 2 && type != 7 && type != 10);
	}
	assert_int_equal(ask("\14", 1), DHCP6_RELAY);
	assert_string_equal(dhcp6_type_name(11), "information_request");
	assert_null(dhcp6_type_name(14));
	assert_null(dhcp6_type_name(0));
	for (int i = 0; i <= DHCP6_LENGTH; i++)
		assert_true(strlen(dhcp6_result_name((enum dhcp6_result)i)));
}

static void duids(void **state)
{
	char longest[4 + 4 + 131] = HEADER("\1") "\0\1\0\202";

	assert_int_equal(ASK(HEADER("\1") DUID_LLT), DHCP6_OK);
	assert_memory_equal(got.duid_mac, "\2\0\0\0\0\2", 6);
	assert_int_equal(ASK(HEADER("\1") DUID_LLT DUID_LL), DHCP6_OK);
	assert_memory_equal(got.duid_mac, "\2\0\0\0\0\2", 6);
	assert_int_equal(ASK(HEADER("\1") "\0\1\0\12\0\2\0\1\2\0\0\0\0\1"), DHCP6_OK);	/* DUID-EN */
	assert_true(!got.duid_mac && got.duid.left == 10);
	assert_int_equal(ASK(HEADER("\1") "\0\1\0\12\0\3\0\6\2\0\0\0\0\1"), DHCP6_OK);	/* not Ethernet */
	assert_null(got.duid_mac);
	assert_int_equal(ASK(HEADER("\1") "\0\1\0\11\0\3\0\1\2\0\0\0\0"), DHCP6_OK);	/* 5 bytes of MAC */
	assert_null(got.duid_mac);
	assert_int_equal(ASK(HEADER("\1") "\0\1\0\3\0\3\0"), DHCP6_OK);
	assert_null(got.duid_mac);
	assert_int_equal(ASK(HEADER("\1") "\0\1\0\2\0\3"), DHCP6_LENGTH);
	assert_int_equal(got.duid.left, 0);
	assert_int_equal(ask(longest, 4 + 4 + 130), DHCP6_OK);
	longest[7]++;
	assert_int_equal(ask(longest, 4 + 4 + 131), DHCP6_LENGTH);
}

static void lengths(void **state)
{
	assert_int_equal(ASK(HEADER("\7") "\0\3\0\13" "\0\0\0\1\0\0\0\0\0\0\0"), DHCP6_LENGTH);
	assert_int_equal(ASK(HEADER("\7") "\0\3\0\14" "\0\0\0\1\0\0\0\0\0\0\0\0"), DHCP6_OK);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\3" "\0\0\0"), DHCP6_LENGTH);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\4" "\0\0\0\1"), DHCP6_OK);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\37" "\0\0\0\1" "\0\5\0\27" ADDRESS "\0\0\0\1\0\0\0"), DHCP6_LENGTH);
	assert_int_equal(got.addresses, 0);
	/* an option that reaches out of the one around it */
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\10" "\0\0\0\1" "\0\5\0\1" FQDN), DHCP6_OPTION);
	assert_int_equal(got.fqdn.left, 7);	/* what follows is read */
	assert_int_equal(ASK(HEADER("\1") "\0\47\0\0"), DHCP6_LENGTH);
	assert_int_equal(ASK(HEADER("\1") "\0\20\0\5\0\0\1\67\0"), DHCP6_LENGTH);
	assert_int_equal(ASK(HEADER("\1") "\0\20\0\7\0\0\1\67\0\2a" FQDN), DHCP6_LENGTH);
	assert_int_equal(got.fqdn.left, 7);
	assert_int_equal(ASK(HEADER("\1") FQDN "\0\47\0\2\0\0" VENDOR "\0\20\0\7\0\0\0\1\0\1x"), DHCP6_OK);
	assert_int_equal(got.fqdn.left, 7);
	assert_int_equal(got.enterprise, 311);
}

static void refusals(void **state)
{
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\46" "\0\0\0\1" IAADDR NO_ADDRS), DHCP6_OK);	/* of the IA */
	assert_true(got.addresses == 1 && got.address[0].refused);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\46" "\0\0\0\1" NO_ADDRS IAADDR IA_TA), DHCP6_OK);
	assert_true(got.addresses == 2 && got.address[0].refused && !got.address[1].refused);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\46" "\0\0\0\1" "\0\5\0\36" ADDRESS "\0\0\0\1\0\0\0\1" NO_ADDRS), DHCP6_OK);
	assert_true(got.addresses == 1 && got.address[0].refused);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\47" "\0\0\0\1" IAADDR SUCCESS), DHCP6_OK);
	assert_true(got.addresses == 1 && !got.address[0].refused);
	assert_int_equal(ASK(HEADER("\7") "\0\4\0\11" "\0\0\0\1" "\0\15\0\1\0"), DHCP6_LENGTH);
}

static void more_addresses_than_are_kept(void **state)
{
	static const char ONE[] = IA_TA;
	char message[4 + 10 * (sizeof(ONE) - 1)] = HEADER("\7");

	for (size_t i = 0; i < 10; i++)
		memcpy(message + 4 + i * (sizeof(ONE) - 1), ONE, sizeof(ONE) - 1);
	assert_int_equal(ask(message, sizeof(message)), DHCP6_OK);
	assert_int_equal(got.addresses, DHCP6_ADDRESSES_MAX);
	assert_int_equal(got.beyond, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_and_every_cut),
		cmocka_unit_test(types),
		cmocka_unit_test(duids),
		cmocka_unit_test(lengths),
		cmocka_unit_test(refusals),
		cmocka_unit_test(more_addresses_than_are_kept),
	};
	int failed = cmocka_run_group_tests_name("dhcp6", tests, NULL, NULL);

	free(copy);
	return failed;
}
