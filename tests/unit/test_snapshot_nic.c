/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_snapshot_nic - what people and machines read of residuals and flowtables, to the character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "json_check.h"
#include "run/snapshot_nic.h"

static struct snapshot *s;
static char text[8192];

static int set_up(void **state)
{
	struct residual *r;

	s = calloc(1, sizeof(*s));
	s->ports = 1;
	r = &s->port[0].residual;
	r->base = RESIDUAL_BASE_BEGAN;
	r->baselines = 1;
	r->begin.at_us = 1795341600123456ULL;
	r->begin.nic[1].dir[DIR_RX] = (struct nic_side){ .frames = 1000, .bytes = 100000 };
	r->now = r->begin;
	r->now.hook[DIR_RX] = true;
	r->now.nic[1].dir[DIR_RX] = (struct nic_side){ .frames = 1507, .bytes = 150700, .dropped = 3, .errors = 4 };
	r->now.queue = (struct nic_queue){ 2, 5, 6 };
	return 0;
}

static int tear_down(void **state)
{
	free(s);
	return 0;
}

static const char *text_of(void (*write)(struct writer *w))
{
	struct writer w = { .buf = text, .size = sizeof(text) - 1 };

	write(&w);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static void write_text(struct writer *w)
{
	for (int dir = 0; dir < DIRS; dir++)
		snapshot_nic_text(w, &s->port[0], dir);
	snapshot_nic_legend(w, s);
}

static void write_json(struct writer *w)
{
	writer_char(w, '{');
	snapshot_nic_json(w, &s->port[0]);
	writer_text(w, "\"end\":0}");
}

static void write_offload(struct writer *w)
{
	snapshot_nic_text_offload(w, s);
}

static void write_offload_json(struct writer *w)
{
	writer_char(w, '{');
	snapshot_nic_json_offload(w, &s->offload);
	writer_text(w, "\"end\":0}");
}

static const char *json_of(void (*write)(struct writer *w))
{
	const char *json = text_of(write);

	assert_true(json_check(json, strlen(json), NULL, NULL));
	return json;
}

static void agrees(void **state)
{
	assert_string_equal(text_of(write_text), "                                  0                  0   "
			    "NIC - seen since 2026-11-22T10:00:00.123456Z: its counters agree\n");
}

static void a_reason_and_the_rest(void **state)
{
	struct residual_dir *d = &s->port[0].residual.dir[DIR_RX];

	*d = (struct residual_dir){ .all = { 7, -6300 }, .unexplained = { 7, 700 }, .moving = 2,
				    .possible = 1 << RESIDUAL_POSSIBLE_HW_OFFLOAD | 1 << RESIDUAL_POSSIBLE_RX_DROP };
	d->reason[RESIDUAL_LINK_HEADER].bytes = -7000;
	s->port[0].said = (struct snapshot_said){ .at_us = 1795341660000000ULL, .all[DIR_RX] = { 2, 200 },
						  .unexplained[DIR_RX] = { 1, 100 } };
	assert_string_equal(text_of(write_text), "                                  7              -6300   "
		"NIC - seen since 2026-11-22T10:00:00.123456Z: link_header 0 (-7000 bytes), UNEXPLAINED 7 (possible: hw_offload, "
		"rx_dropped); 2 moved meanwhile\n"
		"link_header   the NIC counts bytes without the Ethernet header\n"
		"hw_offload    forwarded by the NIC: hw-tc-offload, l2-fwd-offload or an offloaded flowtable\n"
		"rx_dropped    rx: the interface has dropped some; its counter has those behind the hook, too\n");
	assert_string_equal(text_of(write_json), "{\"nic\":{"	/* json_check knows no negative numbers */
		"\"rx\":{\"frames\":1507,\"bytes\":150700,\"dropped\":3,\"errors\":4,\"before_baseline\":{\"frames\":1000,\"bytes\":100000}},"
		"\"tx\":{\"frames\":0,\"bytes\":0,\"dropped\":0,\"errors\":0,\"before_baseline\":{\"frames\":0,\"bytes\":0}},"
		"\"missed\":0,\"crc_errors\":0,\"multicast\":0,\"queue_dropped\":6,\"queue_waiting\":5},"
		"\"residual\":{\"since\":\"2026-11-22T10:00:00.123456Z\",\"baseline\":\"began\",\"baselines\":1,"
		"\"rx\":{\"frames\":7,\"bytes\":-6300,\"moving\":2,\"interval\":{\"since\":\"2026-11-22T10:01:00.000000Z\",\"frames\":5,"
		"\"bytes\":-6500,\"unexplained\":{\"frames\":6,\"bytes\":600}},"
		"\"reasons\":{\"link_header\":{\"frames\":0,\"bytes\":-7000}},\"unexplained\":{\"frames\":7,\"bytes\":700},"
		"\"possible\":[\"hw_offload\",\"rx_dropped\"]}},\"end\":0}");
}

static void nothing_is_known(void **state)
{
	s->port[0].residual.base = RESIDUAL_BASE_NONE;
	assert_string_equal(text_of(write_text), "");
	assert_string_equal(json_of(write_json), "{\"end\":0}");
}

static void no_flowtable(void **state)
{
	assert_string_equal(text_of(write_offload), "");
	assert_string_equal(json_of(write_offload_json),
			    "{\"flow_offload\":{\"mode\":\"none\",\"conntrack_acct\":false,\"more\":0,\"flowtables\":[]},\"end\":0}");
}

/* Names come from whoever wrote the ruleset. */
static void flowtable_in_hardware(void **state)
{
	struct offload_table *t = &s->offload.table[0];

	s->offload.tables = 1;
	s->offload.acct = 1;
	*t = (struct offload_table){ .name = "inet f\"w\n ft", .hardware = 1, .counter = 1, .devices = 2, .more_devices = 3,
				     .device = { "lan0", "wan*" } };
	assert_string_equal(text_of(write_offload), "offload flowtable inet f\"w\\x0a ft, in hardware: lan0 wan* and 3 more\n"
		"WARNING flows that the NIC forwards are not seen: their frames are in no record and no books\n");
	assert_string_equal(json_of(write_offload_json), "{\"flow_offload\":{\"mode\":\"hardware\",\"conntrack_acct\":true,\"more\":0,"
		"\"flowtables\":[{\"name\":\"inet f\\\"w\\u000a ft\",\"hardware\":true,\"counter\":true,\"more\":3,"
		"\"interfaces\":[\"lan0\",\"wan*\"]}]},\"end\":0}");
	t->hardware = 0;
	t->more_devices = 0;
	assert_string_equal(text_of(write_offload), "offload flowtable inet f\"w\\x0a ft, in software: every frame is seen: lan0 wan*\n");
	s->offload.more_tables = 2;
	s->offload.more_hardware = 1;
	assert_non_null(strstr(text_of(write_offload), "offload 2 more flowtables, in hardware\nWARNING flows"));
}

static void not_known(void **state)
{
	s->offload.err = -EPERM;
	assert_string_equal(text_of(write_offload), "WARNING whether flows are offloaded is not known: Operation not permitted\n");
	assert_non_null(strstr(json_of(write_offload_json), "\"mode\":\"unknown\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reason_and_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_flowtable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flowtable_in_hardware, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_known, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("snapshot_nic", tests, NULL, NULL);
}
