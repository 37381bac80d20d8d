/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_rtt - the middle of every bucket against every kind of time in it, and quantiles by nearest rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf/tcp.h"
#include "enrich/rtt.h"

static void error_bound(void **state)
{
	for (uint64_t us = 16; us < 1ULL << 32; us += 1 + us / 97) {
		const double middle = rtt_bucket_us(tcp_rtt_bucket((uint32_t)us)), error = middle / (double)us;

		assert_true(error < 1.23 && error > 0.77);
	}
	assert_int_equal(rtt_bucket_us(0), 0);
}

static void quantiles(void **state)
{
	uint8_t counts[TCP_RTT_BUCKETS] = { 0 };
	struct rtt_summary s = rtt_summary(counts, 11);

	assert_int_equal(s.count, 0);
	assert_int_equal(s.p99_us, 0);
	counts[3] = 94;
	counts[5] = 4;
	counts[TCP_RTT_BUCKETS - 1] = 2;
	s = rtt_summary(counts, 11);
	assert_int_equal(s.count, 100);
	assert_int_equal(s.p50_us, rtt_bucket_us(13));
	assert_int_equal(s.p95_us, rtt_bucket_us(15));
	assert_int_equal(s.p99_us, rtt_bucket_us(10 + TCP_RTT_BUCKETS - 1));
	counts[3]++;
	counts[5]--;
	assert_int_equal(rtt_summary(counts, 11).p95_us, rtt_bucket_us(13));
}

/* Octaves: within 41 %, and spread over both halves. */
static void wide(void **state)
{
	uint8_t counts[TCP_RTT_BUCKETS] = { 0 };
	struct rtt_summary s;

	for (unsigned int k = 2; k < 28; k++)
		for (uint64_t us = 1ULL << k; us < 2ULL << k; us += 1 + us / 37) {
			const unsigned int base = k > 12 ? 2 * (k - 12) : 0;

			memset(counts, 0, sizeof(counts));
			counts[k - base / 2] = 5;
			s = rtt_summary(counts, (uint8_t)((1 + base) | TCP_RTT_WIDE));
			assert_int_equal(s.count, 5);
			assert_int_equal(s.first_bucket, base);
			assert_int_equal(s.buckets[2 * k - base], 3);
			assert_int_equal(s.buckets[2 * k - base + 1], 2);
			assert_true((double)s.p50_us / (double)us < 1.42 && (double)s.p99_us / (double)us > 0.58);
		}
}

/* What the kernel's part counts is read back: narrow, then wide. */
static void of_a_connection(void **state)
{
	struct tcp_health h = { 0 };
	struct rtt_summary s;

	tcp_rtt(&h, 0, 17);
	tcp_rtt(&h, 0, 30);
	s = rtt_summary(h.rtt[0], h.rtt_base[0]);
	assert_int_equal(s.p99_us, rtt_bucket_us(tcp_rtt_bucket(30)));
	tcp_rtt(&h, 0, 40000);
	s = rtt_summary(h.rtt[0], h.rtt_base[0]);
	assert_int_equal(s.count, 3);
	assert_in_range(s.p50_us, 18, 42);
	assert_in_range(s.p99_us, 24000, 56000);
	assert_int_equal(h.rtt_min_us[0], 17);
	tcp_rtt(&h, 0, 60000000);	/* a minute */
	assert_in_range(rtt_summary(h.rtt[0], h.rtt_base[0]).p99_us, 35000, 84000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_bound), cmocka_unit_test(quantiles), cmocka_unit_test(wide), cmocka_unit_test(of_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
