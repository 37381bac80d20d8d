/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dhcp_fqdn - whole and partial names, every cut, labels and names at their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "enrich/dhcp_fqdn.h"

static struct dns_name name;
static bool partial;

static bool ask(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	bool good;

	memcpy(copy, bytes, len);
	partial = false;
	good = dhcp_fqdn_read((struct reader){ .at = copy, .left = len }, &name, &partial);
	free(copy);
	return good;
}

static void whole_partial_and_cut(void **state)
{
	static const char WIRE[] = "\6laptop\4home";	/* and the root */

	assert_true(ask(WIRE, sizeof(WIRE)) && !partial);
	assert_int_equal(name.len, sizeof(WIRE));
	assert_memory_equal(name.bytes, WIRE, sizeof(WIRE));
	for (size_t len = 0; len < sizeof(WIRE); len++) {
		bool whole_labels = len == 7 || len == 12;

		assert_int_equal(ask(WIRE, len), whole_labels);
		assert_int_equal(name.len, whole_labels ? len + 1 : 0);
		assert_int_equal(partial, whole_labels);
	}
}

static void refused(void **state)
{
	assert_false(ask("\0", 1));
	assert_false(ask("\1a\0\1b", 5));
	assert_false(ask("\1a\0\0", 4));
	assert_false(ask("\300\14", 2));
	assert_false(ask("\1a\300\0", 4));
}

static void limits(void **state)
{
	uint8_t wire[256];

	memset(wire, 'x', sizeof(wire));
	wire[0] = 63;
	assert_true(ask(wire, 64));
	wire[0] = 64;
	assert_false(ask(wire, 65));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;	/* 254 bytes and the root */
	wire[254] = 0;
	assert_true(ask(wire, 254) && partial && name.len == 255);
	assert_true(ask(wire, 255) && !partial && name.len == 255);
	wire[192] = 62;
	wire[254] = 'x';
	assert_false(ask(wire, 255));
	wire[255] = 0;
	assert_false(ask(wire, 256));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_partial_and_cut),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("dhcp_fqdn", tests, NULL, NULL);
}
