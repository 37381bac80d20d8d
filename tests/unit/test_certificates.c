/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/certificates.h"

#define DAY 86400LL
#define END (1000 * DAY)

static void days_left(void **state)
{
	static const struct { int64_t now_s, days; } rows[] = {
		{ END - 30 * DAY, 30 }, { END - 30 * DAY + 1, 29 }, { END - 1, 0 }, { END, 0 }, { END + 1, -1 }, { END + DAY, -1 },
		{ END + DAY + 1, -2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(certificate_days_left(END, rows[i].now_s), rows[i].days);
}

/* Looked at every hour, from 60 days before its end to 10 behind it: said four times, each on its day. */
static void said_once_each(void **state)
{
	static const int64_t wanted[] = { -30 * DAY, -7 * DAY, -DAY, 0 };
	struct certificate_watch w = { 0 };
	unsigned int said = 0;

	for (int64_t now_s = END - 60 * DAY; now_s < END + 10 * DAY; now_s += 3600)
		if (certificate_due(&w, END, now_s)) {
			assert_true(said < 4);
			assert_int_equal(now_s - END, wanted[said++]);
		}
	assert_int_equal(said, 4);
}

/* Switched on late: the lowest alone. A new certificate is quiet, and starts over. None says nothing. */
static void starts_over(void **state)
{
	struct certificate_watch w = { 0 };

	assert_true(certificate_due(&w, END, END - 3 * DAY));
	assert_int_equal(w.told_days, 7);
	assert_false(certificate_due(&w, 0, END - 3 * DAY));
	assert_false(certificate_due(&w, END, END - 3 * DAY));	/* the same as before, and said before */
	assert_false(certificate_due(&w, END + 365 * DAY, END - 3 * DAY));
	assert_true(certificate_due(&w, END + 365 * DAY, END + 340 * DAY));
	assert_false(certificate_due(&w, 0, END));
	assert_true(certificate_due(&w, END, END + DAY));
	assert_int_equal(w.told_days, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_left),
		cmocka_unit_test(said_once_each),
		cmocka_unit_test(starts_over),
	};

	return cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}
