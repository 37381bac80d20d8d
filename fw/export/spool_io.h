/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_io - the few things that the spool asks of a directory, so that a test can be the disk.
 *
 * Names are plain file names in that one directory. No mapping of files: an error of the disk is a return value, never
 * a signal. 0, a count or a descriptor, or a negative errno; no logging.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef void (*spool_io_name)(const char *name, void *arg);

struct spool_io {
	int (*open)(const struct spool_io *io, const char *name, int flags);	/* O_RDONLY, O_RDWR, with O_CREAT, O_EXCL */
	void (*close)(const struct spool_io *io, int fd);
	ssize_t (*pread)(const struct spool_io *io, int fd, void *buf, size_t len, uint64_t offset);
	ssize_t (*pwrite)(const struct spool_io *io, int fd, const void *buf, size_t len, uint64_t offset);
	int (*fdatasync)(const struct spool_io *io, int fd);
	int (*size)(const struct spool_io *io, int fd, uint64_t *ret_bytes);
	int (*sync_dir)(const struct spool_io *io);
	int (*rename)(const struct spool_io *io, const char *from, const char *to);
	int (*unlink)(const struct spool_io *io, const char *name);
	int (*list)(const struct spool_io *io, spool_io_name each, void *arg);
	int (*free_bytes)(const struct spool_io *io, uint64_t *ret_bytes);	/* for this user */
};

/* A real directory. */
struct spool_dir {
	struct spool_io io;
	int fd;
};

int spool_dir_open(struct spool_dir *dir, const char *path);	/* it must be there */
int spool_dir_adopt(struct spool_dir *dir, int fd);		/* takes over a descriptor of it; -EBADF for none */
void spool_dir_close(struct spool_dir *dir);

/* All of @len or an error: a short write that does not go on is one of the disk's. */
int spool_io_write(const struct spool_io *io, int fd, const void *buf, size_t len, uint64_t offset);
