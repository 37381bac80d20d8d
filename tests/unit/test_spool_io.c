/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "export/spool.h"

static char path[64];

static int begin(void **state)
{
	snprintf(path, sizeof(path), "/tmp/weir-spool-XXXXXX");
	return !mkdtemp(path);
}

static int end(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", path);
	return system(command);
}

static void name_is(const char *name, void *arg)
{
	int *n = arg;

	*n += name[0] != '.';
}

static void operations(void **state)
{
	struct spool_dir dir;
	const struct spool_io *io = &dir.io;
	uint64_t bytes;
	char buf[8];
	int fd, n = 0;

	assert_int_equal(spool_dir_open(&dir, "/nonexistent"), -ENOENT);
	assert_int_equal(spool_dir_open(&dir, path), 0);
	assert_int_equal(io->open(io, "a", O_RDONLY), -ENOENT);
	fd = io->open(io, "a", O_RDWR | O_CREAT | O_EXCL);
	assert_true(fd >= 0);
	assert_int_equal(io->open(io, "a", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(spool_io_write(io, fd, "abcdef", 6, 2), 0);
	assert_int_equal(io->fdatasync(io, fd), 0);
	assert_int_equal(io->sync_dir(io), 0);
	assert_int_equal(io->size(io, fd, &bytes), 0);
	assert_int_equal(bytes, 8);
	assert_int_equal(io->pread(io, fd, buf, 8, 4), 4);
	assert_memory_equal(buf, "cdef", 4);
	io->close(io, fd);
	assert_int_equal(io->list(io, name_is, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(io->rename(io, "a", "b"), 0);
	assert_int_equal(io->unlink(io, "a"), -ENOENT);
	assert_int_equal(io->unlink(io, "b"), 0);
	assert_int_equal(io->free_bytes(io, &bytes), 0);
	assert_true(bytes > 0);
	assert_int_equal(symlink("/etc/passwd", strcat(strcpy((char[128]){ 0 }, path), "/link")), 0);
	assert_int_equal(io->open(io, "link", O_RDONLY), -ELOOP);
	spool_dir_close(&dir);
}

/* The whole spool on a real directory, over two starts. */
static void on_a_real_disk(void **state)
{
	struct spool_dir dir;
	struct spool_conf conf = { .mode = SPOOL_DURABLE, .classes = 3, .device = "d", .max_bytes = 1 << 20, .segment_bytes = 4096,
				   .queue_bytes = 65536, .commit_ns = 1, .commit_bytes = 2000 };
	const struct spool_stamp stamp = { .count = 1 };
	struct spool_message m;
	struct spool *s;
	unsigned int n = 0;

	assert_int_equal(spool_dir_open(&dir, path), 0);
	conf.io = &dir.io;
	assert_int_equal(spool_open(&s, &conf, 1), 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(spool_append(s, 1 + i % 2, &stamp, &i, sizeof(i), 2, NULL), 0);
	assert_int_equal(spool_close(s, 3), 0);
	spool_free(s);
	assert_int_equal(spool_open(&s, &conf, 1), 0);
	assert_int_equal(spool_counters(s)->recovered, 100);
	spool_tick(s, 1, true);
	while (spool_next(s, SPOOL_BACKLOG, 2, &m)) {
		assert_int_equal(*(const unsigned int *)m.record.payload, 2 * (m.record.seq - 1) + m.record.class - 1);
		assert_int_equal(spool_sent(s, &m), 0);
		assert_int_equal(spool_ack(s, m.id), 0);
		n++;
	}
	assert_int_equal(n, 100);
	assert_int_equal(spool_close(s, 3), 0);
	spool_free(s);
	spool_dir_close(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(operations, begin, end),
					    cmocka_unit_test_setup_teardown(on_a_real_disk, begin, end) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
