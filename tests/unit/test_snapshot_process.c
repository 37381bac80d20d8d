/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_snapshot_process - what people and machines read of the processes' rights, to the character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "run/snapshot_process.h"

static struct snapshot *s;
static char text[4096];

static int set_up(void **state)
{
	(void)state;
	s = calloc(1, sizeof(*s));
	return !s;
}

static int tear_down(void **state)
{
	(void)state;
	free(s);
	return 0;
}

static const char *written(void (*write)(struct writer *, const struct snapshot *))
{
	struct writer w = { .buf = text, .size = sizeof(text) - 1 };

	write(&w, s);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static const char *json(void)
{
	static char whole[4200];
	size_t len;

	written(snapshot_process_json);
	len = strlen(text);
	assert_int_equal(text[len - 1], ',');
	text[len - 1] = 0;
	snprintf(whole, sizeof(whole), "{%s}", text);
	assert_true(json_check(whole, strlen(whole), NULL, NULL));
	return whole;
}

static void confined_and_not(void **state)
{
	(void)state;
	s->process[PROCESS_DATAPLANE] = (struct process_facts){ .pid = 10, .caps = 0x3f, .bounding = 0x3f, .maps = { 3, 0 } };
	s->process[PROCESS_AGENT] = (struct process_facts){ .pid = 11, .uid = 900, .gid = 901, .no_new_privs = true, .seccomp = 2,
		.landlock_abi = 4, .landlock_refuses = true,
		.maps = { 1u << PROCESS_MAP_flows | 1u << PROCESS_MAP_events, 1u << PROCESS_MAP_books } };
	written(snapshot_process_text);
	assert_non_null(strstr(text, "\ndataplane        10         0:0 000000000000003f by exec   none    none      flows,ledger\n"));
	assert_non_null(strstr(text, "\nagent            11     900:901 0000000000000000 never     filter  ABI 4     flows,events; to read: books\n"));
	assert_null(strstr(text, "uplink"));
	assert_string_equal(json(), "{\"processes\":["
		"{\"name\":\"dataplane\",\"pid\":10,\"uid\":0,\"gid\":0,\"capabilities\":\"000000000000003f\",\"bounding\":\"000000000000003f\","
		"\"no_new_privs\":false,\"seccomp\":\"none\",\"landlock_abi\":0,\"maps_written\":[\"flows\",\"ledger\"],\"maps_read\":[],"
		"\"syscalls_refused\":0},"
		"{\"name\":\"agent\",\"pid\":11,\"uid\":900,\"gid\":901,\"capabilities\":\"0000000000000000\",\"bounding\":\"0000000000000000\","
		"\"no_new_privs\":true,\"seccomp\":\"filter\",\"landlock_abi\":4,\"maps_written\":[\"flows\",\"events\"],\"maps_read\":[\"books\"],"
		"\"syscalls_refused\":0}]}");
}

/* Landlock is claimed only where it was seen to refuse. */
static void nothing_is_claimed_that_was_not_seen(void **state)
{
	(void)state;
	s->process[PROCESS_UPLINK] = (struct process_facts){ .pid = 12, .uid = 1, .gid = 1, .landlock_abi = 6, .no_new_privs = true, .bounding = 1 };
	written(snapshot_process_text);
	assert_non_null(strstr(text, "\nuplink           12         1:1 0000000000000000 no        none    none      none\n"));
	assert_non_null(strstr(json(), "\"seccomp\":\"none\",\"landlock_abi\":0,"));
}

static void one_that_was_ended_says_so(void **state)
{
	(void)state;
	s->process[PROCESS_UPLINK] = (struct process_facts){ .pid = 12, .refused = 2, .refused_last = "execve" };
	written(snapshot_process_text);
	assert_non_null(strstr(text, "none; ENDED 2 times for a system call on no list, last execve\n"));
	assert_non_null(strstr(json(), "\"syscalls_refused\":2,\"syscall_refused_last\":\"execve\"}"));
	s->process[PROCESS_AGENT].refused = 3;	/* and is not running */
	assert_int_equal(snapshot_process_refused(s), 5);
	assert_non_null(strstr(json(), "{\"name\":\"agent\",\"pid\":0,"));
}

static void none_is_an_empty_list(void **state)
{
	(void)state;
	assert_string_equal(json(), "{\"processes\":[]}");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(confined_and_not),
		CASE(nothing_is_claimed_that_was_not_seen),
		CASE(one_that_was_ended_says_so),
		CASE(none_is_an_empty_list),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
