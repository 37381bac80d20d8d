/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect/attach.h"
#include "collect/pins.h"

static void test_path(void **state)
{
	char path[PATH_MAX], longer[PATH_MAX + 1];

	assert_int_equal(pins_path(path, "/sys/fs/bpf/weir", NULL, "meta", ""), 0);
	assert_string_equal(path, "/sys/fs/bpf/weir/meta");
	assert_int_equal(pins_path(path, "/sys/fs/bpf/we.ir", PINS_LINKS, "eth0.7", "-rx"), 0);
	assert_string_equal(path, "/sys/fs/bpf/we.ir/links/eth0:7-rx");	/* only the name's dots */
	memset(longer, 'x', PATH_MAX);
	longer[PATH_MAX] = 0;
	assert_int_equal(pins_path(path, longer, NULL, "meta", ""), -ENAMETOOLONG);
	assert_int_equal(pins_path(path, "/x", NULL, longer, ""), -ENAMETOOLONG);
	longer[PATH_MAX - 4] = 0;
	assert_int_equal(pins_path(path, longer, NULL, "meta", ""), -ENAMETOOLONG);
}

static void test_elsewhere_nothing_is_touched(void **state)
{
	char dir[] = "/tmp/weir-test-pins-XXXXXX", file[64];

	assert_non_null(mkdtemp(dir));
	strcpy(file, dir);
	strcat(file, "/links");
	assert_int_equal(pins_remove(dir, false), -EMEDIUMTYPE);
	assert_int_equal(pins_prepare(dir), -EMEDIUMTYPE);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(dir, F_OK), 0);
	rmdir(dir);
	assert_int_equal(pins_remove(dir, false), 0);	/* not there: nothing to do */
}

static void test_hook_names(void **state)
{
	enum attach_hook hook = ATTACH_TC;

	assert_int_equal(attach_hook_parse("auto", &hook), 0);
	assert_int_equal(hook, ATTACH_AUTO);
	assert_int_equal(attach_hook_parse("xdp-generic", &hook), 0);
	assert_int_equal(hook, ATTACH_XDP_GENERIC);
	assert_int_equal(attach_hook_parse("XDP", &hook), -EINVAL);
	assert_int_equal(attach_hook_parse("", &hook), -EINVAL);
	assert_int_equal(hook, ATTACH_XDP_GENERIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_elsewhere_nothing_is_touched),
		cmocka_unit_test(test_hook_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
