/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_siphash - the authors' vectors (SipHash-2-4, key and message 00 01 02 ...), and that 1-3 takes all of its input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/siphash.h"
#include "base/util.h"

static const struct siphash_key KEY = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };

static void vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} want[] = { { 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 7, 0xab0200f58b01d137 },
		     { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 } };
	uint8_t bytes[15];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_true(siphash_c_d(KEY, bytes, want[i].len, 2, 4) == want[i].hash);
}

static void takes_every_bit(void **state)
{
	uint8_t bytes[19] = { 0 };
	uint64_t before = siphash(KEY, bytes, sizeof(bytes));
	struct siphash_key other = KEY;

	for (size_t i = 0; i < 8 * sizeof(bytes); i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(siphash(KEY, bytes, sizeof(bytes)) != before);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	other.k[1] ^= 1;
	assert_true(siphash(other, bytes, sizeof(bytes)) != before);
	assert_true(siphash(KEY, bytes, sizeof(bytes) - 1) != before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(takes_every_bit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
