/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/pem.h>

#include "mqtt/device_key.h"

static char dir[] = "/tmp/weir-key-XXXXXX", path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/k", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void made_then_kept(void **state)
{
	char error[DEVICE_KEY_ERROR_MAX];
	EVP_PKEY *first = NULL, *second = NULL;
	struct stat st;

	assert_int_equal(device_key_load(path, getuid(), getgid(), &first, error), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(device_key_load(path, getuid(), getgid(), &second, error), 0);
	assert_int_equal(EVP_PKEY_eq(first, second), 1);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

static void refused(void **state)
{
	char error[DEVICE_KEY_ERROR_MAX], beyond[80];
	EVP_PKEY *key = (void *)1;

	assert_int_equal(chmod(path, 0604), 0);
	assert_true(device_key_load(path, getuid(), getgid(), &key, error) < 0);
	assert_non_null(strstr(error, "0604"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(device_key_load(path, getuid() + 1, getgid(), &key, error) < 0);
	assert_non_null(strstr(error, "belongs to user"));
	assert_int_equal(truncate(path, 60), 0);
	assert_true(device_key_load(path, getuid(), getgid(), &key, error) < 0);
	assert_non_null(strstr(error, "not a private key"));
	snprintf(beyond, sizeof(beyond), "%s/no/k", dir);
	assert_true(device_key_load(beyond, getuid(), getgid(), &key, error) < 0);
	assert_true(key == (void *)1);
	unlink(path);
}

static void request(void **state)
{
	char error[DEVICE_KEY_ERROR_MAX], name[66] = { 0 }, *text;
	EVP_PKEY *key;
	X509_REQ *req;
	size_t len;
	FILE *out = open_memstream(&text, &len), *in;

	assert_int_equal(device_key_load(path, getuid(), getgid(), &key, error), 1);
	memset(name, 'g', 64);
	assert_int_equal(device_key_request(key, name, out), 0);
	fclose(out);
	in = fmemopen(text, len, "r");
	req = PEM_read_X509_REQ(in, NULL, NULL, NULL);
	assert_non_null(req);
	assert_int_equal(X509_REQ_verify(req, key), 1);
	assert_null(strstr(text, "PRIVATE"));
	X509_REQ_free(req);
	fclose(in);
	free(text);
	out = fopen("/dev/null", "w");
	name[64] = 'g';
	assert_true(device_key_request(key, name, out) < 0);	/* 65: more than a common name may have */
	assert_true(device_key_request(key, "\xff", out) < 0);
	fclose(out);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_then_kept),
		cmocka_unit_test(refused),
		cmocka_unit_test(request),
	};

	return cmocka_run_group_tests_name("device_key", tests, make_dir, remove_dir);
}
