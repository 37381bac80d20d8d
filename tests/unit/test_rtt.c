/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_rtt - the middle of every bucket against every kind of time in it, and quantiles by nearest rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
	struct rtt_summary s = rtt_summary(counts, 10);

	assert_int_equal(s.count, 0);
	assert_int_equal(s.p99_us, 0);
	counts[3] = 94;
	counts[5] = 4;
	counts[TCP_RTT_BUCKETS - 1] = 2;
	s = rtt_summary(counts, 10);
	assert_int_equal(s.count, 100);
	assert_int_equal(s.p50_us, rtt_bucket_us(13));
	assert_int_equal(s.p95_us, rtt_bucket_us(15));
	assert_int_equal(s.p99_us, rtt_bucket_us(10 + TCP_RTT_BUCKETS - 1));
	counts[3]++;
	counts[5]--;
	assert_int_equal(rtt_summary(counts, 10).p95_us, rtt_bucket_us(13));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(error_bound), cmocka_unit_test(quantiles) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
