/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_sparse - against an array with a place for every number, and against what the kernel says of resident memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/sparse.h"
#include "base/util.h"

#define NUMBERS 4096
#define MANY	(1u << 20)

struct value {
	uint32_t number, check;
	uint8_t rest[7];
};

static struct sparse *start(size_t size, uint32_t max)
{
	struct sparse *s = NULL;

	assert_int_equal(sparse_new(&s, size, max), 0);
	return s;
}

static void put(struct sparse *s, uint32_t number, uint32_t check)
{
	struct value *v = sparse_add(s, number);

	assert_non_null(v);
	*v = (struct value){ .number = number, .check = check, .rest = { [6] = (uint8_t)check } };
}

static void all_match(const struct sparse *s, const uint32_t *check)
{
	for (uint32_t i = 0; i < NUMBERS; i++) {
		const struct value *v = sparse_find(s, i);

		assert_true(!v == !check[i]);
		assert_true(!v || (v->number == i && v->check == check[i] && v->rest[6] == (uint8_t)check[i]));
	}
}

/* Grows and shrinks by turns, so that every bucket is split and joined, at every count. */
static void as_an_array(void **state)
{
	static uint32_t check[NUMBERS];
	struct sparse *s = start(sizeof(struct value), NUMBERS);
	uint32_t count = 0;

	srandom(5);
	for (uint32_t step = 1; step <= 200000; step++) {
		const uint32_t number = (uint32_t)random() % NUMBERS;
		const bool grows = (uint32_t)random() % 8 < (step / 20000 % 2 ? 2 : 6);

		if (grows && !check[number]) {
			const struct value *v = sparse_add(s, number);

			assert_true(v && !v->number && !v->check && !v->rest[6]);
			put(s, number, step);
			check[number] = step;
			count++;
		} else if (grows) {
			assert_ptr_equal(sparse_add(s, number), sparse_find(s, number));
		} else {
			count -= !!check[number];
			check[number] = 0;
			sparse_remove(s, number);
			assert_null(sparse_find(s, number));
		}
		assert_int_equal(sparse_count(s), count);
		if (step % 1000 == 0)
			all_match(s, check);
	}
	for (uint32_t i = 0; i < NUMBERS; i++) {
		sparse_remove(s, i);
		check[i] = 0;
	}
	all_match(s, check);
	assert_int_equal(sparse_count(s), 0);
	assert_null(sparse_free(s));
}

static void bounds(void **state)
{
	struct sparse *s = NULL;

	assert_int_equal(sparse_new(&s, 8, 0), -EINVAL);
	assert_int_equal(sparse_new(&s, 0, 8), -EINVAL);
	assert_null(s);
	assert_null(sparse_free(s));
	for (uint32_t max = 1; max <= 130; max += 43) {
		s = start(sizeof(struct value), max);
		for (uint32_t i = 0; i < max; i++)
			put(s, UINT32_MAX - i * 77, i);
		assert_null(sparse_add(s, 5));
		assert_non_null(sparse_add(s, UINT32_MAX));	/* is there */
		sparse_remove(s, 5);				/* is not */
		assert_int_equal(sparse_count(s), max);
		sparse_remove(s, UINT32_MAX - (max - 1) * 77);
		put(s, 5, 1);
		assert_null(sparse_add(s, 6));
		sparse_free(s);
	}
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, resident = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Numbers lie far apart, as slots of a large table do; whichever go, what is left takes no more than it needs. */
static void memory_follows(void **state)
{
	const size_t each = sizeof(struct value) + 1 + SPARSE_EACH_BYTES, slack = 6u * SPARSE_SLACK_BYTES;
	struct sparse *s = start(sizeof(struct value), MANY);
	const size_t empty = resident_bytes();

	for (uint32_t i = 0; i < MANY; i++)
		put(s, i * 64, i);
	assert_in_range(sparse_bytes(s), MANY * (each - 2), MANY * each + slack);
	for (uint32_t left = MANY; left > 1000; left /= 2) {
		for (uint32_t i = left / 2; i < left; i++)
			sparse_remove(s, i * 64);
		assert_int_equal(sparse_count(s), left / 2);
		assert_true(sparse_bytes(s) <= left / 2 * each * 4 / 3 + slack);
	}
	assert_true(resident_bytes() < empty + (1u << 20) + 8 * slack);	/* of 24 MB */
	for (uint32_t i = 0; i < MANY; i += 3)	/* what had gone back comes again, all zero */
		put(s, i * 64, i);
	for (uint32_t i = 0; i < MANY; i += 3)
		assert_int_equal(((struct value *)sparse_find(s, i * 64))->check, i);
	sparse_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_an_array), cmocka_unit_test(bounds), cmocka_unit_test(memory_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
