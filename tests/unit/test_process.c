/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/process.h"

static const char status[] = "Name:\tweir-agent\nUmask:\t0022\nPid:\t77\nNoNewPrivsX:\t9\nUid:\t1\t65534\t3\t4\nGid:\t5\t65533\t7\t8\nGroups:\t\n"
			     "CapInh:\t0000000000000001\nCapPrm:\t0000000000000010\nCapEff:\t0000000000000100\n"
			     "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000001000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

static void status_is_read(void **state)
{
	struct process_facts f = { .pid = 5, .refused = 3 };

	(void)state;
	assert_int_equal(process_parse_status(status, &f), 0);
	assert_int_equal(f.uid, 65534);
	assert_int_equal(f.gid, 65533);
	assert_int_equal(f.caps, 0x1111);
	assert_true(f.bounding == 0x1ffffffffffULL);
	assert_true(f.no_new_privs);
	assert_int_equal(f.seccomp, 2);
	assert_int_equal(f.pid, 5);
	assert_int_equal(f.refused, 3);
}

/* A kernel without seccomp has no such line; without any other nothing is claimed. */
static void lines_may_be_missing(void **state)
{
	static const char *const lines[] = { "Uid:", "Gid:", "CapInh:", "CapPrm:", "CapEff:", "CapAmb:", "CapBnd:", "NoNewPrivs:" };
	struct process_facts f = { 0 };
	char text[sizeof(status)];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		memcpy(text, status, sizeof(status));
		*strstr(text, lines[i]) = '#';
		f = (struct process_facts){ 0 };
		assert_int_equal(process_parse_status(text, &f), -EBADMSG);
		assert_int_equal(f.uid, 0);
	}
	memcpy(text, status, sizeof(status));
	*strstr(text, "Seccomp:") = '#';
	assert_int_equal(process_parse_status(text, &f), 0);
	assert_int_equal(f.seccomp, 0);
	assert_int_equal(process_parse_status("", &f), -EBADMSG);
}

static void descriptors_are_read(void **state)
{
	uint32_t id = 0;
	bool writes = false;

	(void)state;
	assert_true(process_parse_fdinfo("pos:\t0\nflags:\t02000002\nmnt_id:\t15\nmap_type:\t2\nmap_id:\t42\n", &id, &writes));
	assert_int_equal(id, 42);
	assert_true(writes);
	assert_true(process_parse_fdinfo("pos:\t0\nflags:\t02000001\nmap_id:\t41\n", &id, &writes));
	assert_true(writes);
	assert_true(process_parse_fdinfo("pos:\t0\nflags:\t02000000\nmap_id:\t43\n", &id, &writes));
	assert_int_equal(id, 43);
	assert_false(writes);
	assert_false(process_parse_fdinfo("pos:\t0\nflags:\t02000002\nmap_flags:\t3\n", &id, &writes));
	assert_false(process_parse_fdinfo("map_id:\t3\n", &id, &writes));
	assert_false(process_parse_fdinfo("", &id, &writes));
}

static void this_process_is_read(void **state)
{
	const uint32_t ids[PROCESS_MAP_N] = { 0 };
	struct process_maps maps = { 1, 1 };
	struct process_facts f = { 0 };

	(void)state;
	assert_int_equal(process_read(getpid(), &f), 0);
	assert_int_equal(f.pid, getpid());
	assert_int_equal(f.uid, geteuid());
	assert_int_equal(process_read_maps(ids, &maps), 0);
	assert_int_equal(maps.write | maps.read_only, 0);
	assert_int_equal(process_read(0x7ffffff0, &f), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_read),
		cmocka_unit_test(lines_may_be_missing),
		cmocka_unit_test(descriptors_are_read),
		cmocka_unit_test(this_process_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
