/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/util.h"

static int dir_of(const struct spool_io *io)
{
	return container_of(io, struct spool_dir, io)->fd;
}

static int real_open(const struct spool_io *io, const char *name, int flags)
{
	const int fd = openat(dir_of(io), name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

static void real_close(const struct spool_io *io, int fd)
{
	close(fd);
}

static ssize_t real_pread(const struct spool_io *io, int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n;

	while ((n = pread(fd, buf, len, (off_t)offset)) < 0 && errno == EINTR)
		;
	return n < 0 ? -errno : n;
}

static ssize_t real_pwrite(const struct spool_io *io, int fd, const void *buf, size_t len, uint64_t offset)
{
	ssize_t n;

	while ((n = pwrite(fd, buf, len, (off_t)offset)) < 0 && errno == EINTR)
		;
	return n < 0 ? -errno : n;
}

static int real_fdatasync(const struct spool_io *io, int fd)
{
	return fdatasync(fd) ? -errno : 0;
}

static int real_size(const struct spool_io *io, int fd, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int real_sync_dir(const struct spool_io *io)
{
	return fsync(dir_of(io)) ? -errno : 0;
}

static int real_rename(const struct spool_io *io, const char *from, const char *to)
{
	return renameat(dir_of(io), from, dir_of(io), to) ? -errno : 0;
}

static int real_unlink(const struct spool_io *io, const char *name)
{
	return unlinkat(dir_of(io), name, 0) ? -errno : 0;
}

static int real_list(const struct spool_io *io, spool_io_name each, void *arg)
{
	const int fd = openat(dir_of(io), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int err;

	if (!d) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (errno = 0; (entry = readdir(d)); errno = 0)
		each(entry->d_name, arg);
	err = -errno;
	closedir(d);
	return err;
}

static int real_free_bytes(const struct spool_io *io, uint64_t *ret_bytes)
{
	struct statvfs fs;

	if (fstatvfs(dir_of(io), &fs))
		return -errno;
	*ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

int spool_dir_adopt(struct spool_dir *dir, int fd)
{
	if (fd < 0)
		return -EBADF;
	*dir = (struct spool_dir){
		.fd = fd,
		.io = {
			.open = real_open, .close = real_close, .pread = real_pread, .pwrite = real_pwrite,
			.fdatasync = real_fdatasync, .size = real_size, .sync_dir = real_sync_dir, .rename = real_rename,
			.unlink = real_unlink, .list = real_list, .free_bytes = real_free_bytes,
		},
	};
	return 0;
}

int spool_dir_open(struct spool_dir *dir, const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : spool_dir_adopt(dir, fd);
}

void spool_dir_close(struct spool_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

int spool_io_write(const struct spool_io *io, int fd, const void *buf, size_t len, uint64_t offset)
{
	const uint8_t *p = buf;

	while (len) {
		const ssize_t n = io->pwrite(io, fd, p, len, offset);

		if (n <= 0)
			return n ? (int)n : -EIO;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}
