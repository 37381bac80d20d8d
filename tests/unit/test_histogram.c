/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_histogram - quantiles against sorted samples, merging against adding, and halved counts against their samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "bpf/tcp.h"
#include "enrich/histogram.h"
#include "enrich/rtt.h"

#define SAMPLES 5000

static void one(struct histogram *h, uint32_t us)
{
	const uint8_t count = 1;

	struct histogram same = *h;

	histogram_add(h, &count, 1, tcp_rtt_bucket(us), 1);
	histogram_add_us(&same, us);
	assert_memory_equal(&same, h, sizeof(same));
}

static int by_value(const void *x, const void *y)
{
	const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/* The bucket of a quantile is the bucket of the sample of that rank; merged halves are the whole. */
static void quantiles(void **state)
{
	static const unsigned int permille[] = { 1, 500, 950, 990, 1000 };
	struct histogram whole = { 0 }, half[2] = { 0 };
	uint32_t sample[SAMPLES];

	srandom(7);
	for (int i = 0; i < SAMPLES; i++) {
		sample[i] = (uint32_t)(20 + random() % (1 << (5 + random() % 20)));
		one(&whole, sample[i]);
		one(&half[i % 2], sample[i]);
	}
	qsort(sample, SAMPLES, sizeof(sample[0]), by_value);
	histogram_merge(&half[0], &half[1]);
	assert_memory_equal(&half[0], &whole, sizeof(whole));
	assert_int_equal(histogram_samples(&whole), SAMPLES);
	for (size_t i = 0; i < ARRAY_SIZE(permille); i++) {
		const uint32_t real = sample[MAX((SAMPLES * permille[i] + 999) / 1000, 1u) - 1];

		assert_int_equal(histogram_quantile(&whole, permille[i]), rtt_bucket_us(tcp_rtt_bucket(real)));
	}
}

static void edges(void **state)
{
	struct histogram h = { 0 };

	assert_int_equal(histogram_quantile(&h, 500), 0);
	assert_int_equal(histogram_samples(&h), 0);
	histogram_add(&h, (const uint8_t[3]){ 0 }, 3, 10, 5);	/* taken while the kernel had counted, but not yet where */
	assert_int_equal(histogram_samples(&h), 0);
	histogram_add(&h, (const uint8_t[3]){ 1, 1, 1 }, 3, HISTOGRAM_BUCKETS - 2, 3);	/* beyond the grid: its last one */
	assert_int_equal(h.count[HISTOGRAM_BUCKETS - 2], 1);
	assert_int_equal(h.count[HISTOGRAM_BUCKETS - 1], 2);
	h = (struct histogram){ .count = { [5] = UINT64_MAX / 4, [9] = UINT64_MAX / 4 } };
	assert_int_equal(histogram_quantile(&h, 500), rtt_bucket_us(5));
	assert_int_equal(histogram_quantile(&h, 501), rtt_bucket_us(9));
}

/* Buckets that were halved on the way say only proportions: all samples come in, and none is invented. */
static void halved(void **state)
{
	struct histogram h = { 0 };
	const uint8_t counts[] = { 3, 0, 200, 1, 1 };

	histogram_add(&h, counts, ARRAY_SIZE(counts), 20, 410);
	assert_int_equal(histogram_samples(&h), 410);
	assert_int_equal(h.count[20], 6);
	assert_int_equal(h.count[21], 0);
	assert_int_equal(h.count[22], 400);
	for (uint64_t samples = 0; samples < 1000; samples++) {
		h = (struct histogram){ 0 };
		histogram_add(&h, counts, ARRAY_SIZE(counts), 20, samples);
		assert_int_equal(histogram_samples(&h), samples);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(quantiles), cmocka_unit_test(edges), cmocka_unit_test(halved) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
