/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_cryptopan - IPv4 against the sample trace that the authors ship with their own program. They have none for IPv6:
 * those rows are what two other programs agree on (Yawning/cryptopan for the sample key, yacryptopan for key 00 01
 * ...).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/cryptopan.h"

static const uint8_t SAMPLE[CRYPTOPAN_KEY_BYTES] = {
	21,  34,  23,  141, 51,	 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
	216, 152, 143, 131, 121, 121, 101, 39,	98, 87, 76, 45, 42, 132, 34,  2,
};

struct row {
	const char *from, *to;
};

static const struct row SAMPLE_ROWS[] = {
	{"128.11.68.132", "135.242.180.132"},
	{"129.118.74.4", "134.136.186.123"},
	{"130.132.252.244", "133.68.164.234"},
	{"141.223.7.43", "141.167.8.160"},
	{"141.233.145.108", "141.129.237.235"},
	{"152.163.225.39", "151.140.114.167"},
	{"156.29.3.236", "147.225.12.42"},
	{"165.247.96.84", "162.9.99.234"},
	{"166.107.77.190", "160.132.178.185"},
	{"192.102.249.13", "252.138.62.131"},
	{"192.215.32.125", "252.43.47.189"},
	{"198.51.77.238", "249.18.186.254"},
	{"207.105.49.5", "241.118.205.138"},
	{"208.147.89.59", "227.237.98.191"},
	{"212.120.124.31", "228.135.163.231"},
	{"216.148.237.145", "235.84.194.111"},
	{"24.0.250.221", "100.15.198.226"},
	{"24.94.26.44", "100.88.228.35"},
	{"38.15.67.68", "64.3.66.187"},
	{"4.3.88.225", "124.60.155.63"},
	{"63.195.241.44", "95.179.238.44"},
	{"64.14.118.196", "0.255.183.58"},
	{"10.185.25.118", "117.161.29.118"},
	{"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
	{"::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"},
	{"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"},
	{"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
	{"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"},
};

static const struct row COUNTING_ROWS[] = {
	{"192.0.2.1", "2.90.93.17"},
	{"2001:db8::1", "dd92:2c44:3fc0:ff1e:7ff9:c7f0:8180:7e00"},
};

static void check_row(struct cryptopan *c, const char *from, const char *to)
{
	const int family = strchr(from, ':') ? AF_INET6 : AF_INET;
	const size_t len = family == AF_INET6 ? 16 : 4;
	uint8_t addr[16], flips[16];
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(inet_pton(family, from, addr), 1);
	assert_int_equal(cryptopan_flips(c, addr, len, flips), 0);
	for (size_t i = 0; i < len; i++)
		addr[i] ^= flips[i];
	assert_string_equal(inet_ntop(family, addr, text, sizeof(text)), to);
}

static void sample_trace(void **state)
{
	struct cryptopan *c;

	assert_int_equal(cryptopan_new(&c, SAMPLE), 0);
	for (int twice = 0; twice < 2; twice++) /* nothing is left over from one address to the next */
		for (size_t i = 0; i < ARRAY_SIZE(SAMPLE_ROWS); i++)
			check_row(c, SAMPLE_ROWS[i].from, SAMPLE_ROWS[i].to);
	assert_null(cryptopan_free(c));
}

static void another_key(void **state)
{
	uint8_t key[CRYPTOPAN_KEY_BYTES];
	struct cryptopan *c;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	assert_int_equal(cryptopan_new(&c, key), 0);
	for (size_t i = 0; i < ARRAY_SIZE(COUNTING_ROWS); i++)
		check_row(c, COUNTING_ROWS[i].from, COUNTING_ROWS[i].to);
	cryptopan_free(c);
}

/* Addresses that part at bit n are flipped alike up to and with bit n: for every n, of both lengths. */
static void flips_depend_on_the_bits_before(void **state)
{
	struct cryptopan *c;

	assert_int_equal(cryptopan_new(&c, SAMPLE), 0);
	srandom(1);
	for (size_t len = 4; len <= 16; len += 12)
		for (size_t n = 0; n < 8 * len; n++) {
			uint8_t a[16], b[16], flips_a[16], flips_b[16];

			for (size_t i = 0; i < len; i++)
				a[i] = (uint8_t)random();
			memcpy(b, a, len);
			b[n / 8] ^= (uint8_t)(0x80 >> n % 8);
			for (size_t i = n + 1; i < 8 * len; i++) /* whatever comes behind */
				b[i / 8] ^= (uint8_t)((random() & 1) << (7 - i % 8));
			assert_int_equal(cryptopan_flips(c, a, len, flips_a), 0);
			assert_int_equal(cryptopan_flips(c, b, len, flips_b), 0);
			for (size_t i = 0; i <= n; i++)
				assert_int_equal((flips_a[i / 8] ^ flips_b[i / 8]) & 0x80 >> i % 8, 0);
		}
	cryptopan_free(c);
}

static void every_bit_of_the_key_counts(void **state)
{
	static const uint8_t addr[16] = {0x20, 0x01, 0x0d, 0xb8};
	uint8_t key[CRYPTOPAN_KEY_BYTES], before[16], after[16];
	struct cryptopan *c;

	memcpy(key, SAMPLE, sizeof(key));
	assert_int_equal(cryptopan_new(&c, key), 0);
	assert_int_equal(cryptopan_flips(c, addr, 16, before), 0);
	c = cryptopan_free(c);
	for (size_t i = 0; i < 8 * sizeof(key); i++) {
		key[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(cryptopan_new(&c, key), 0);
		assert_int_equal(cryptopan_flips(c, addr, 16, after), 0);
		assert_memory_not_equal(before, after, 16);
		c = cryptopan_free(c);
		key[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void length(void **state)
{
	uint8_t addr[CRYPTOPAN_MAX + 1] = {0}, flips[CRYPTOPAN_MAX + 1];
	struct cryptopan *c;

	assert_int_equal(cryptopan_new(&c, SAMPLE), 0);
	memset(flips, 0xee, sizeof(flips));
	assert_int_equal(cryptopan_flips(c, addr, sizeof(addr), flips), -EINVAL);
	assert_int_equal(flips[0], 0xee);
	assert_int_equal(cryptopan_flips(c, addr, 4, flips), 0);
	assert_int_equal(flips[4], 0xee);
	cryptopan_free(c);
	assert_null(cryptopan_free(NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_trace),
		cmocka_unit_test(another_key),
		cmocka_unit_test(flips_depend_on_the_bits_before),
		cmocka_unit_test(every_bit_of_the_key_counts),
		cmocka_unit_test(length),
	};

	return cmocka_run_group_tests_name("cryptopan", tests, NULL, NULL);
}
