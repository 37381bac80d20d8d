/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"

#define STARTERS 8

static char dir[] = "/tmp/test_secret.XXXXXX", path[sizeof(dir) + 32], error[SECRET_ERROR_BYTES];
static uint8_t secret[SECRET_BYTES];

static int set_up(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/weir/key", dir);
	memset(secret, 0xee, sizeof(secret));
	memset(error, 0, sizeof(error));
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	umask(022);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static unsigned int files_in_directory(void)
{
	char parent[sizeof(dir) + 8];
	unsigned int n = 0;
	DIR *d;

	snprintf(parent, sizeof(parent), "%s/weir", dir);
	d = opendir(parent);
	assert_non_null(d);
	for (const struct dirent *entry; (entry = readdir(d));)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static void write_file(size_t len, mode_t mode)
{
	static const uint8_t zeros[64];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, zeros, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Refused with @err and exactly the words @says behind the path; nothing was handed out, nothing changed. */
static void assert_refused(int err, const char *says)
{
	uint8_t before[SECRET_BYTES];
	char expected[SECRET_ERROR_BYTES];

	memset(secret, 0xee, sizeof(secret));
	memcpy(before, secret, sizeof(secret));
	assert_int_equal(secret_load(path, secret, error), err);
	assert_memory_equal(secret, before, sizeof(secret));
	snprintf(expected, sizeof(expected), "\"%s\": %s", path, says);
	assert_string_equal(error, expected);
}

static void made_on_first_use(void **state)
{
	uint8_t again[SECRET_BYTES], other[SECRET_BYTES], zero[SECRET_BYTES] = {0};
	struct stat st;

	assert_int_equal(secret_load(path, secret, error), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, SECRET_BYTES);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(files_in_directory(), 1); /* no file under the other name */
	assert_memory_not_equal(secret, zero, sizeof(secret));
	assert_int_equal(secret_load(path, again, error), 0);
	assert_memory_equal(secret, again, sizeof(secret));
	unlink(path);
	assert_int_equal(secret_load(path, other, error), 1);
	assert_memory_not_equal(secret, other, sizeof(secret));
	snprintf(path, sizeof(path), "%s/weir", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
}

static void whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 0777};
	struct stat st;

	snprintf(path, sizeof(path), "%s/key", dir);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		umask(masks[i]);
		assert_int_equal(secret_load(path, secret, error), 1);
		umask(022);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		unlink(path);
	}
}

static void exactly_32_bytes(void **state)
{
	snprintf(path, sizeof(path), "%s/key", dir);
	for (size_t len = 0; len <= 2 * SECRET_BYTES; len++) {
		char says[64];

		write_file(len, 0600);
		snprintf(says, sizeof(says), "%zu bytes; allowed: exactly 32 random bytes", len);
		if (len == SECRET_BYTES)
			assert_int_equal(secret_load(path, secret, error), 0);
		else
			assert_refused(-EINVAL, says);
	}
}

static void nobody_else_has_a_right(void **state)
{
	snprintf(path, sizeof(path), "%s/key", dir);
	write_file(SECRET_BYTES, 0400);
	assert_int_equal(secret_load(path, secret, error), 0);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		char says[80];

		write_file(SECRET_BYTES, 0600 | bit);
		snprintf(says, sizeof(says), "mode %04o: others have a right to it; allowed: 0600 or 0400", 0600 | bit);
		assert_refused(-EPERM, says);
	}
	write_file(SECRET_BYTES, 0600);
	if (geteuid())
		return; /* only root can give a file away */
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_refused(-EPERM, "belongs to uid 12345; allowed: root or uid 0");
}

static void only_a_file(void **state)
{
	snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EINVAL, "not a regular file; allowed: a file of 32 random bytes");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "not a regular file; allowed: a file of 32 random bytes");
	unlink(path);
	assert_int_equal(symlink("nowhere", path), 0); /* is not replaced */
	assert_refused(-ENOENT, "cannot be read: No such file or directory");
}

static void what_cannot_be_made_is_said(void **state)
{
	snprintf(path, sizeof(path), "%s/a/b/key", dir); /* one directory is made, not two */
	assert_refused(-ENOENT, "not there, and cannot be made: No such file or directory");
	snprintf(path, sizeof(path), "/proc/self/weir.key");
	assert_refused(-ENOENT, "not there, and cannot be made: No such file or directory");
	snprintf(path, sizeof(path), "/dev/null/key");
	assert_refused(-ENOTDIR, "cannot be read: Not a directory");
}

/* Many first starts at once: one secret, the same for all, and one of them made it. */
static void first_starts_at_once(void **state)
{
	struct shared {
		int go, result[STARTERS];
		uint8_t secret[STARTERS][SECRET_BYTES];
	} *all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int made = 0;

	assert_ptr_not_equal(all, MAP_FAILED);
	for (int i = 0; i < STARTERS; i++)
		if (!fork()) {
			while (!__atomic_load_n(&all->go, __ATOMIC_ACQUIRE))
				;
			all->result[i] = secret_load(path, all->secret[i], error);
			_exit(0);
		}
	__atomic_store_n(&all->go, 1, __ATOMIC_RELEASE);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < STARTERS; i++) {
		assert_true(all->result[i] == 0 || all->result[i] == 1);
		made += all->result[i];
		assert_memory_equal(all->secret[i], all->secret[0], SECRET_BYTES);
	}
	assert_int_equal(made, 1);
	assert_int_equal(files_in_directory(), 1);
	munmap(all, sizeof(*all));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_on_first_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whatever_the_umask, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exactly_32_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_else_has_a_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_starts_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
