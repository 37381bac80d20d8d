/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_landlock - what can be opened behind landlock_enter(), each case in a process of its own. Wants no rights. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/landlock.h"

static char dir[] = "/tmp/weir-landlock-XXXXXX";

static void make(const char *name, const char *text)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* 0, or the errno of opening. */
static int try(const char *name, int flags)
{
	const int fd = open(name, flags, 0600);
	const int err = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static const char *path(const char *name)
{
	static char paths[8][128];
	static unsigned int at;

	at = (at + 1) % 8;
	snprintf(paths[at], sizeof(paths[at]), "%s/%s", dir, name);
	return paths[at];
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir) || mkdir("in", 0755) || mkdir("out", 0755) || mkdir("real", 0755) || mkdir("own", 0755))
		return -1;
	make("in/file", "1");
	make("in/beside", "1");
	make("out/file", "1");
	make("real/target", "1");
	return symlink("../real/target", "in/link");
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* In a child that is confined; its status is the number of the check that failed. */
static void confined(const struct landlock_rules *rules, int (*checks)(void))
{
	pid_t pid;
	int status;

	if (!landlock_abi())
		skip();
	pid = fork();
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || landlock_enter(rules))
			_exit(100);
		_exit(checks());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define MUST(n, expression) do { if (!(expression)) return n; } while (0)

static int only_reads(void)
{
	MUST(1, try("in/file", O_RDONLY) == 0);
	MUST(2, try("in/beside", O_RDONLY) == 0);
	MUST(3, try("out/file", O_RDONLY) == EACCES);
	MUST(4, try("in/file", O_WRONLY) == EACCES);
	MUST(5, try("in/new", O_WRONLY | O_CREAT) == EACCES);
	MUST(6, try("in", O_RDONLY | O_DIRECTORY) == EACCES);
	MUST(7, unlink("in/file") == -1 && errno == EACCES);
	MUST(8, try("/etc/passwd", O_RDONLY) == EACCES);
	return 0;
}

static void files_are_read_and_no_others(void **state)
{
	(void)state;
	confined(&(struct landlock_rules){ .read = { path("in/file"), path("missing/file"), path("in/file/below") }, .reads = 3 }, only_reads);
}

static int follows_links(void)
{
	MUST(1, try("in/link", O_RDONLY) == 0);
	MUST(2, try("out/file", O_RDONLY) == EACCES);
	return 0;
}

static void links_are_followed(void **state)
{
	(void)state;
	confined(&(struct landlock_rules){ .read = { path("in/link") }, .reads = 1 }, follows_links);
}

/* As a certificate is renewed: by somebody else, while the process runs. */
static int sees_replaced(void)
{
	for (int i = 0; i < 500 && access("in/ready", F_OK); i++)
		usleep(10000);
	MUST(1, try("in/file", O_RDONLY) == 0);
	return 0;
}

static void a_file_that_is_replaced_is_found(void **state)
{
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		usleep(50000);
		make("in/renewed", "2");
		_exit(rename("in/renewed", "in/file") || symlink("file", "in/ready"));
	}
	confined(&(struct landlock_rules){ .read = { path("in/file") }, .reads = 1 }, sees_replaced);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int writes_own(void)
{
	MUST(1, try("own/new", O_RDWR | O_CREAT | O_EXCL) == 0);
	MUST(2, truncate("own/new", 10) == 0);
	MUST(3, rename("own/new", "own/newer") == 0);
	MUST(4, try("own", O_RDONLY | O_DIRECTORY) == 0);
	MUST(5, rename("own/newer", "out/newer") == -1);
	MUST(6, unlink("own/newer") == 0);
	MUST(7, mkdir("own/folder", 0700) == -1 && errno == EACCES);
	MUST(8, symlink("x", "own/link") == -1 && errno == EACCES);
	MUST(9, try("in/file", O_RDONLY) == EACCES);
	return 0;
}

static void a_folder_is_written(void **state)
{
	(void)state;
	confined(&(struct landlock_rules){ .write = { open(path("own"), O_RDONLY | O_DIRECTORY) }, .writes = 1 }, writes_own);
}

static int reads_nothing(void)
{
	MUST(1, try("in/file", O_RDONLY) == EACCES);
	MUST(2, try("/etc/passwd", O_RDONLY) == EACCES);
	return 0;
}

/* A file in / does not open all there is. */
static void root_is_not_a_folder(void **state)
{
	(void)state;
	confined(&(struct landlock_rules){ .read = { "/weir-no-such-file" }, .reads = 1 }, reads_nothing);
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
	(void)state;
	if (!landlock_abi())
		skip();
	assert_int_equal(landlock_enter(&(struct landlock_rules){ .write = { -1 }, .writes = 1 }), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_and_no_others),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(a_file_that_is_replaced_is_found),
		cmocka_unit_test(a_folder_is_written),
		cmocka_unit_test(root_is_not_a_folder),
		cmocka_unit_test(a_folder_that_is_missing_is_an_error),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
