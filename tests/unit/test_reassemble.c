/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_reassemble - segments in every order, copies, overlaps, the wrap, the limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "enrich/reassemble.h"

#define ISN	0xfffffff0u	/* every test wraps the sequence numbers */

static struct reassemble_pool *pool;
static struct reassemble *r;

static enum reassemble_result add(uint32_t offset, const char *text)
{
	return reassemble_add(r, ISN + offset, (const uint8_t *)text, strlen(text));
}

static void assert_ready(const char *want)
{
	assert_int_equal(reassemble_ready(r), strlen(want));
	assert_memory_equal(r->bytes, want, strlen(want));
}

static int setup(void **state)
{
	if (!pool && reassemble_pool_new(&pool, 4 * sizeof(struct reassemble)))
		return -1;
	r = reassemble_begin(pool, ISN);
	return r ? 0 : -1;
}

static int teardown(void **state)
{
	r = reassemble_end(pool, r);
	return 0;
}

static void in_order(void **state)
{
	assert_int_equal(reassemble_ready(r), 0);
	assert_int_equal(add(0, "0123456789"), REASSEMBLE_STORED);
	assert_int_equal(add(10, "abcdefghij"), REASSEMBLE_STORED);
	assert_ready("0123456789abcdefghij");
	assert_int_equal(add(20, ""), REASSEMBLE_OLD);
}

/* Four pieces in each of their 24 orders. */
static void every_order(void **state)
{
	static const char whole[] = "0123456789abcdefghijklmnopqr";
	static const struct {
		uint32_t at, len;
	} piece[4] = { { 0, 5 }, { 5, 12 }, { 17, 1 }, { 18, 10 } };

	for (int order = 0; order < 256; order++) {
		int seen = 0;

		teardown(NULL);
		setup(NULL);
		for (int i = 0; i < 4; i++) {
			int which = order >> 2 * i & 3;

			if (seen & 1 << which)
				break;
			seen |= 1 << which;
			assert_int_equal(reassemble_add(r, ISN + piece[which].at, (const uint8_t *)whole + piece[which].at,
							piece[which].len), REASSEMBLE_STORED);
		}
		if (seen == 15)
			assert_ready(whole);
	}
}

static void first_copy_wins(void **state)
{
	add(4, "efgh");
	assert_int_equal(add(2, "CDEFGHIJ"), REASSEMBLE_STORED);
	assert_int_equal(reassemble_ready(r), 0);
	assert_int_equal(add(0, "ABX"), REASSEMBLE_STORED);
	assert_ready("ABCDefghIJ");
	assert_int_equal(add(0, "##########"), REASSEMBLE_OLD);
	assert_int_equal(add(3, "##"), REASSEMBLE_OLD);
	assert_ready("ABCDefghIJ");
}

static void over_many_ranges(void **state)
{
	add(2, "2");
	add(4, "4");
	add(6, "6");
	assert_int_equal(r->ranges, 3);
	assert_int_equal(add(0, "abcdefgh"), REASSEMBLE_STORED);
	assert_ready("ab2d4f6h");
	assert_int_equal(r->ranges, 1);
}

/* Before the first byte: a keep-alive's old byte, a copy that reaches back, and 2 GB of it. */
static void before_the_first(void **state)
{
	assert_int_equal(add(-1u, "#"), REASSEMBLE_OLD);
	assert_int_equal(add(-3u, "###ab"), REASSEMBLE_STORED);
	assert_ready("ab");
	assert_int_equal(add(0x80000000u, "#"), REASSEMBLE_OLD);
	assert_int_equal(add(0x7fffffffu, "#"), REASSEMBLE_BEYOND);
	assert_ready("ab");
}

static void beyond_the_last(void **state)
{
	static uint8_t zeros[REASSEMBLE_BYTES + 100];

	assert_int_equal(add(REASSEMBLE_BYTES, "x"), REASSEMBLE_BEYOND);
	assert_int_equal(r->ranges, 0);
	assert_int_equal(add(REASSEMBLE_BYTES - 1, "x"), REASSEMBLE_STORED);
	assert_int_equal(reassemble_add(r, ISN, zeros, sizeof(zeros)), REASSEMBLE_BEYOND);
	assert_int_equal(reassemble_ready(r), REASSEMBLE_BYTES);
	assert_int_equal(r->bytes[REASSEMBLE_BYTES - 1], 'x');
}

/* One range too many is refused, and changes nothing; one that joins two, or is ready, is not. */
static void scattered(void **state)
{
	for (uint32_t i = 1; i <= REASSEMBLE_RANGES; i++)
		assert_int_equal(add(10 * i, "x"), REASSEMBLE_STORED);
	assert_int_equal(add(95, "x"), REASSEMBLE_SCATTERED);
	assert_int_equal(r->ranges, REASSEMBLE_RANGES);
	assert_int_equal(add(81, "y"), REASSEMBLE_STORED);
	assert_int_equal(add(0, "a"), REASSEMBLE_STORED);
	assert_ready("a");
	assert_int_equal(add(95, "x"), REASSEMBLE_SCATTERED);
	assert_int_equal(add(1, "bcdefghij"), REASSEMBLE_STORED);
	assert_ready("abcdefghijx");
	assert_int_equal(add(95, "x"), REASSEMBLE_STORED);
}

static void pool_is_bounded(void **state)
{
	struct reassemble *more[4], *again;
	struct reassemble_pool *none = (struct reassemble_pool *)&more;

	assert_int_equal(reassemble_pool_new(&none, sizeof(struct reassemble) - 1), -EINVAL);
	assert_ptr_equal(none, &more);
	assert_int_equal(reassemble_pool_used(pool), 1);
	for (int i = 0; i < 4; i++)
		more[i] = reassemble_begin(pool, 0);
	assert_non_null(more[2]);
	assert_null(more[3]);
	assert_int_equal(reassemble_pool_used(pool), 4);
	reassemble_add(more[1], 0, (const uint8_t *)"old", 3);
	assert_null(reassemble_end(pool, more[1]));
	again = reassemble_begin(pool, 7);
	assert_ptr_equal(again, more[1]);
	assert_int_equal(reassemble_ready(again), 0);	/* nothing of the one before */
	for (int i = 0; i < 3; i++)
		reassemble_end(pool, more[i]);
	assert_null(reassemble_end(pool, NULL));
	assert_null(reassemble_pool_free(NULL));
	assert_int_equal(reassemble_pool_used(pool), 1);
}

static int free_pool(void **state)
{
	pool = reassemble_pool_free(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(every_order, setup, teardown),
		cmocka_unit_test_setup_teardown(first_copy_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(over_many_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(before_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(beyond_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(scattered, setup, teardown),
		cmocka_unit_test_setup_teardown(pool_is_bounded, setup, teardown),
	};

	return cmocka_run_group_tests_name("reassemble", tests, NULL, free_pool);
}
