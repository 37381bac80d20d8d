/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/loss_json.h"
#include "json_check.h"

static const struct loss_context CONTEXT = { .gateway = "gw", .site = "l\"ab", .wall_us = 1795341600000000ULL,
					     .class_name = { "loss", "event", "flow" } };

static void is(const struct spool_loss *loss, const struct loss_context *context, const char *want)
{
	char text[LOSS_JSON_MAX];
	struct writer w = WRITER(text);

	loss_json(&w, loss, context);
	assert_false(w.full);
	assert_true(json_check(text, w.len, NULL, NULL));
	assert_int_equal(w.len, strlen(want));
	assert_memory_equal(text, want, w.len);
}

static void ranges(void **state)
{
	struct spool_loss loss = { .reason = SPOOL_LOST_FULL, .class = 2, .epoch = 77, .from = 812, .to = 830, .records = 400 };
	struct loss_context context = CONTEXT;

	is(&loss, &context, "{\"schema\":\"weir.loss/1\",\"gateway\":\"gw\",\"site\":\"l\\\"ab\",\"ts\":\"2026-11-22T10:00:00.000000Z\","
	   "\"reason\":\"full\",\"lost_epoch\":77,\"class\":\"flow\",\"from_seq\":812,\"to_seq\":830,\"records\":400}");
	loss.records = SPOOL_OPEN;
	loss.reason = SPOOL_LOST_CORRUPT;
	loss.class = 7;
	context.wall_us = 0;
	is(&loss, &context, "{\"schema\":\"weir.loss/1\",\"gateway\":\"gw\",\"site\":\"l\\\"ab\","
	   "\"reason\":\"corrupt\",\"lost_epoch\":77,\"from_seq\":812,\"to_seq\":830}");
}

static void end_of_an_epoch(void **state)
{
	const struct spool_loss loss = { .reason = SPOOL_LOST_UNCLEAN, .epoch = 77, .next_epoch = 78, .to = SPOOL_OPEN, .records = SPOOL_OPEN,
					 .open_from = { 1, 4, 101 } };

	is(&loss, &CONTEXT, "{\"schema\":\"weir.loss/1\",\"gateway\":\"gw\",\"site\":\"l\\\"ab\",\"ts\":\"2026-11-22T10:00:00.000000Z\","
	   "\"reason\":\"epoch_end\",\"lost_epoch\":77,\"next_epoch\":78,\"from_seq\":{\"loss\":1,\"event\":4,\"flow\":101}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ranges), cmocka_unit_test(end_of_an_epoch) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
