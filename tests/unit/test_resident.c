/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_resident - by what the kernel says of this process; and that nothing that was there is another thing afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/resident.h"

#define BYTES (1u << 20)

static const volatile uint8_t constants[BYTES] = { [0] = 1, [BYTES / 2] = 2, [BYTES - 1] = 3 };
static volatile uint8_t variables[BYTES] = { [0] = 4, [BYTES - 1] = 5 };

static long figure(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long value = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	fclose(f);
	return value;
}

static unsigned int sum(void)
{
	unsigned int all = 0;

	for (uint32_t i = 0; i < BYTES; i++)
		all += constants[i] + variables[i];
	return all;
}

static void no_huge_pages(void **state)
{
	assert_int_not_equal(figure("THP_enabled:"), -1);
	resident_no_huge_pages();
	assert_int_equal(figure("THP_enabled:"), 0);
}

static void forget_start(void **state)
{
	long before;

	variables[BYTES / 2] = 6;
	assert_int_equal(sum(), 21);
	before = figure("RssFile:");
	resident_forget_start();
	assert_true(figure("RssFile:") < before - (long)(BYTES / 1024 / 2));
	assert_int_equal(sum(), 21);
	assert_int_equal(variables[BYTES / 2], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_huge_pages), cmocka_unit_test(forget_start) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
