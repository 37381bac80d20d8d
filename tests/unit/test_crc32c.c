/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/crc32c.h"

/* RFC 3720 B.4, and the check value of the catalogue of CRCs. */
static void known_answers(void **state)
{
	uint8_t bytes[32] = { 0 };

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, bytes, 0), 0);
}

static void in_pieces(void **state)
{
	uint8_t bytes[100];

	for (int i = 0; i < 100; i++)
		bytes[i] = (uint8_t)(i * 37);
	for (size_t cut = 0; cut <= 100; cut++)
		assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, 100 - cut), crc32c(0, bytes, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(in_pieces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
