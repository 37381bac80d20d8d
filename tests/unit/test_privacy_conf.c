/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "run/privacy_conf.h"

static char path[] = "/tmp/test_privacy_conf.XXXXXX";

static int set_up(void **state)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	close(mkstemp(path));
	return unlink(path);
}

static int tear_down(void **state)
{
	unlink(path);
	return 0;
}

static struct conf conf_of(const char *privacy)
{
	struct conf conf;
	char text[256];

	snprintf(text, sizeof(text), "[gateway]\nprivacy = %s\nprivacy_key_file = %s\n[port x]\n", privacy, path);
	assert_int_equal(conf_parse(text, strlen(text), "x", &conf, NULL, NULL), 0);
	return conf;
}

/* What each mode does to a name and a layer-2 address tells it from the others. */
static void modes(void **state)
{
	static const struct {
		const char *privacy;
		bool file, name, vendor;
	} rows[] = {
		{"no-names", false, false, true},
		{"hashed", true, true, false},
		{"prefix", true, true, true},
	};
	static const uint8_t mac[6] = {0x00, 0x1b, 0x21, 0x3c, 0x4d, 0x5e}, zeros[PRIVACY_KEY_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct conf conf = conf_of(rows[i].privacy);
		uint8_t key[PRIVACY_KEY_BYTES] = {0}, again[PRIVACY_KEY_BYTES] = {0}, hidden[6];
		struct privacy *p = NULL;
		char name[PRIVACY_NAME_MAX];
		size_t len;

		unlink(path);
		assert_int_equal(privacy_conf_key(&conf, key), 0);
		assert_int_equal(!access(path, F_OK), rows[i].file);
		assert_int_equal(!!memcmp(key, zeros, sizeof(key)), rows[i].file);
		assert_int_equal(privacy_conf_key(&conf, again), 0);
		assert_memory_equal(key, again, sizeof(key));
		assert_int_equal(privacy_conf_open(&p, &conf, key), 0);
		assert_non_null(p);
		assert_int_equal(privacy_name(p, "x", 1, name, &len), rows[i].name);
		assert_true(privacy_mac(p, mac, hidden));
		assert_int_equal(!memcmp(hidden, mac, 3), rows[i].vendor);
		privacy_free(p);
	}
}

static void full_needs_nothing(void **state)
{
	const struct conf conf = conf_of("full");
	struct privacy *p = (struct privacy *)&conf;

	assert_int_equal(privacy_conf_key(&conf, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(privacy_conf_open(&p, &conf, NULL), 0);
	assert_null(p);
}

static void a_bad_file_is_an_error(void **state)
{
	const struct conf conf = conf_of("hashed");
	uint8_t key[PRIVACY_KEY_BYTES];

	assert_int_equal(privacy_conf_key(&conf, key), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(privacy_conf_key(&conf, key), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 16), 0);
	assert_int_equal(privacy_conf_key(&conf, key), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_needs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bad_file_is_an_error, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("privacy_conf", tests, NULL, NULL);
}
